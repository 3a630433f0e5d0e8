"""State outside variables that cannot be carried to another process: stages that come after run in the same one.

It stands among the unstorable values of a manifest, under a text no variable is called by.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from . import modulestate, settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .formats import StageSpec, Unstorable


def leftovers(spec: StageSpec, record: dict[str, Any], patched: Iterable[str] = ()) -> dict[str, Unstorable]:
    """Return what a stage left that only its own process has.

    Parameters
    ----------
    spec
        The stage; its `patches` are what analysis saw it change in libraries that later stages use.
    record
        What `state.record` says of it.
    patched
        What else it was seen to change in them when it ran.
    """
    found = {name: _state(why) for name, why in _libraries()}
    for name in record.get("environ", {}).get("secret", ()):
        found[f"environment variable {name}"] = _state("a secret is never stored; give it with --env-file")
    for name, entry in record.items():
        repeated = name == "display" and "get_ipython()" in spec.get("repeats", ())
        if "incomplete" in entry and not repeated:
            found[f"options of {name}"] = _state(entry["incomplete"])
    for dotted in (*spec["patches"], *patched):
        if dotted == "id()":
            found["numbers of id()"] = _state("which number an object has is known only in its own process")
            continue
        why = "what a stage does to a library exists only in its own process; in a setup cell every stage repeats it"
        found[f"change of {dotted}"] = _state(why)
    return found


def _libraries() -> Iterator[tuple[str, str]]:
    for name in modulestate.changed():
        yield f"data of module {name}", "it changed since the module was imported, which a later stage does anew"
    for name in settings.logger_leftovers():
        yield f"handlers of logger {name}", "a handler of logging exists only in the process that made it"
    if any(category.__module__ == "__main__" for _, _, category, _, _ in warnings.filters):
        yield "warnings filters", "a filter for a category of warnings that the notebook defines"
    if _figures():
        yield "open figures", "figures that pyplot holds open exist only in the process that drew them"


def _state(why: str) -> Unstorable:
    return {"type": "state", "reason": why}


def _figures() -> bool:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return pyplot is not None and bool(getattr(pyplot, "get_fignums", list)())
