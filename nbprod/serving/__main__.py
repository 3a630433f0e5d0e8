"""`python -m nbprod.serving MODEL`, or `python FOLDER MODEL` with this folder where nbprod is not installed."""

from __future__ import annotations

import sys

if not __package__:
    # Run as a folder: load it as the package `nbprod_serving`, and keep its modules from shadowing anybody's `model`
    # or `schema`. Nothing else may be imported before the folder is off the path.
    _here = sys.path.pop(0)
    from importlib.util import module_from_spec, spec_from_file_location

    _spec = spec_from_file_location("nbprod_serving", f"{_here}/__init__.py", submodule_search_locations=[_here])
    if _spec is None or _spec.loader is None:
        sys.exit(f"{_here} cannot be loaded")
    sys.modules["nbprod_serving"] = _package = module_from_spec(_spec)
    _spec.loader.exec_module(_package)
    __package__ = "nbprod_serving"

from .command import main

if __name__ == "__main__":
    sys.exit(main())
