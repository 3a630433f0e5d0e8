"""Runs stages inside the notebook's own interpreter; imports nothing else of nbprod.

There it is loaded under the name `nbprod_worker`, so all imports in this package are relative. Besides the standard
library it may use IPython and cloudpickle, and numpy, pandas and others only when the user's own code loaded them.
"""

FORMAT = 1
"""The format of what crosses between driver and worker; here, as `formats` takes milliseconds to import."""
