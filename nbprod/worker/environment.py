"""Environment variables that the user's own code reads."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from . import origins
from .digests import names_digest, text_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|_PWD|_DSN|AUTH", re.IGNORECASE)
WAYS = frozenset({"get", "getenv", "__contains__", "setdefault", "pop", "expandvars", "__iter__", "items", "keys"})
"""Functions of the standard library through which one variable is asked for."""
OWN = ("NBPROD_", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_", "PYTHONHASHSEED")

imported: dict[str, str] = {}
"""What modules that were imported ahead have set, as they do wherever they are imported."""
_started: list[str] = []
_seen: list[Callable[[str, str | None], None]] = []


def watch(take: Callable[[str, str | None], None]) -> None:
    """Call `take(name, digest of the value or None)` for every variable that the user's code reads from now on."""
    kind: Any = type(os.environ)
    if not hasattr(kind, "_nbprod_plain"):
        _install(kind)
    _seen[:] = [take]


def begin() -> None:
    """Remember which variables there are before anything of the notebook runs."""
    _started[:] = [name for name in os.environ if name not in imported]


def forget() -> None:
    """Remember nothing of what was there."""
    _started.clear()


def unwatch() -> None:
    """Call nobody any more."""
    _seen.clear()


def _install(kind: Any) -> None:
    plain = kind.__getitem__

    def get(self: os._Environ[str], name: str) -> str:
        if not _seen or self is not os.environ:
            return str(plain(self, name))
        value: str | None = None
        try:
            value = plain(self, name)
        finally:
            _note(name, value)
        return value

    plain_names = kind.__iter__

    def names(self: os._Environ[str]) -> Iterator[str]:
        if _seen and self is os.environ and _asked():
            for take in _seen:
                take("*", names_digest(_started or os.environ))
        return iter(list(plain_names(self)))

    kind.__iter__ = names
    kind._nbprod_plain = plain  # the mark that this was done
    kind.__getitem__ = get  # for the whole process, harmless while nobody watches


def _note(name: object, value: str | None) -> None:
    """Pass on what is the user's, and no secret: those never enter a fingerprint, not even as a digest."""
    if not isinstance(name, str) or (name in imported and imported[name] == value):
        return
    if not name.startswith(OWN) and not SECRET.search(name) and _asked():
        for take in _seen:
            take(name, None if value is None else text_digest(value))


def _asked() -> bool:
    """Say whether the user's code reads this very variable, not a library or something that starts a program."""
    for frame in origins.frames():
        if frame.f_code.co_name not in WAYS or origins.kind(frame.f_code.co_filename) != "standard":
            return origins.kind(frame.f_code.co_filename) == "user"
    return False
