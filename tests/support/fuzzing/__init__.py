"""Random notebooks, run top to bottom and as pipelines, and compared; see `__main__` for the command line."""

from hypothesis import HealthCheck

CHECKS = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
"""How hypothesis draws notebooks: the same ones every time, however long each takes."""
