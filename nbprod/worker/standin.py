"""Stands for `nbprod` where it is not installed, so that cells may `import nbprod` for a secret or a report."""

from __future__ import annotations

import importlib.util
import os
import sys
import types

from .reports import report


def secret(name: str) -> str:
    """Return the secret called `name`, from the environment variable of that name."""
    value = os.environ.get(name)
    if value is None:
        raise KeyError(f"there is no secret {name}: set the environment variable {name}, or give --env-file")
    return value


def install() -> None:
    """Offer the stand-in unless nbprod itself can be imported."""
    if importlib.util.find_spec("nbprod") is not None:
        return
    module = types.ModuleType("nbprod", "What cells may use of nbprod inside a pipeline.")
    secret.__module__ = "nbprod"
    module.secret = secret  # type: ignore[attr-defined]  # that is how a module is made by hand
    module.report = report  # type: ignore[attr-defined]  # the same
    sys.modules["nbprod"] = module
