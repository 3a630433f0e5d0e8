"""What libraries change as they are imported: warnings filters and environment variables.

A forked process has that before its stage begins, a new one gets it while the stage runs. It comes with the library,
wherever that is imported, so it is nothing that the stage has done.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

from . import environment, origins

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_filters: list[Any] = []


def watch() -> None:
    """Take note from now on; twice is once."""
    for name, last in (("filterwarnings", 5), ("simplefilter", 3)):
        plain = getattr(warnings, name)
        if not hasattr(plain, "_nbprod_plain"):
            setattr(warnings, name, _noting(plain, last))
    kind: Any = type(os.environ)
    if not hasattr(kind.__setitem__, "_nbprod_plain"):
        kind.__setitem__ = _setting(kind.__setitem__)


def filters() -> list[Any]:
    """Return the warnings filters, those left out that libraries have set as they were imported."""
    return [entry for entry in warnings.filters if entry not in _filters]


def variable(name: str) -> bool:
    """Whether an environment variable has the value that a library gave it as it was imported."""
    return name in environment.imported and environment.imported[name] == os.environ.get(name)


def _noting(plain: Callable[..., None], last: int) -> Callable[..., None]:
    """Return the function and more; its argument number `last` says whether the filter goes to the end."""

    @functools.wraps(plain)
    def noting(*arguments: Any, **options: Any) -> None:
        plain(*arguments, **options)
        entry = warnings.filters[-1 if options.get("append") or any(arguments[last:]) else 0]
        if entry in _filters:
            _filters.remove(entry)
        if _importing(sys._getframe(1)):
            _filters.append(entry)

    noting._nbprod_plain = plain  # type: ignore[attr-defined]  # the mark that this was done
    return noting


def _setting(plain: Callable[[Any, str, str], None]) -> Callable[[Any, str, str], None]:
    def setting(self: os._Environ[str], name: str, value: str) -> None:
        plain(self, name, value)
        if self is os.environ:
            environment.imported.pop(name, None)
            if _importing(sys._getframe(1)):
                environment.imported[name] = value

    setting._nbprod_plain = plain  # type: ignore[attr-defined]  # as above
    return setting


def _importing(frame: FrameType | None) -> bool:
    """Whether a library's module is being executed, nearer than any code of the user's."""
    while frame is not None:
        kind = origins.kind(frame.f_code.co_filename)
        if kind == "user":
            return False
        if kind == "library" and frame.f_code.co_name == "<module>":
            return True
        frame = frame.f_back
    return False
