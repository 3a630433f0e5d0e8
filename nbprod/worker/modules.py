"""Modules a stage has loaded: local ones by content, installed ones by version."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import origins
from .digests import path_digest

if TYPE_CHECKING:
    from collections.abc import Collection

INFO = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(-.*)?\.(dist-info|egg-info)$")
FIRST = re.compile(r'^"?([^/,"\n]+)', re.MULTILINE)


_others: dict[str, Any] = {}
"""Modules that were seen to be no user's: thousands, which each stage would look at again."""


def local() -> dict[str, str]:
    """Return path → digest of the modules that are the user's own, or installed in editable form."""
    found: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        if _others.get(name, found) is module:
            continue
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and name.partition(".")[0] not in origins.MACHINERY and origins.kind(file) == "user":
            digest = path_digest(file)
            if digest is not None:
                found[os.path.abspath(file)] = digest  # noqa: PTH100 - links are part of the name
        elif isinstance(file, str):
            _others[name] = module
    return dict(sorted(found.items()))


def distributions(cache: Path, unused: Collection[str] = ()) -> dict[str, str]:
    """Return distribution → version of the installed modules that are loaded; `cache` keeps what is slow to find.

    Top-level modules in `unused` are loaded, but for others.
    """
    folders = [Path(folder) for folder in origins.sites() if Path(folder).is_dir()]
    installed = {str(folder): _installed(folder, folder.stat().st_mtime_ns) for folder in folders}
    found: dict[str, str] = {}
    unknown: set[str] = set()
    for name, folder in _loaded(unused).items():
        versions = installed.get(folder, {})
        key = _normal(name)
        if key in versions:
            found[key] = versions[key]
        else:
            unknown.add(name)
    if unknown:
        known = owners(cache)
        versions = {key: value for folder in reversed(installed) for key, value in installed[folder].items()}
        for name in unknown:
            found |= {
                _normal(owner): versions[_normal(owner)] for owner in known.get(name, ()) if _normal(owner) in versions
            }
    return dict(sorted(found.items()))


def _loaded(unused: Collection[str]) -> dict[str, str]:
    """Return top-level module → the folder of installed distributions it was loaded from."""
    found: dict[str, str] = {}
    for full, module in list(sys.modules.items()):
        name = full.partition(".")[0]
        if name in found or name in unused or name in origins.MACHINERY or name.startswith("__"):
            continue
        file = getattr(module, "__file__", None)
        for folder in origins.sites():
            if isinstance(file, str) and file.startswith(folder + os.sep):
                found[name] = folder
    return found


@functools.cache
def _installed(folder: Path, _changed: int) -> dict[str, str]:
    matches = (INFO.fullmatch(item.name) for item in folder.iterdir())
    return {_normal(match["name"]): match["version"] for match in matches if match}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def owners(cache: Path) -> dict[str, list[str]]:
    """Return top-level module → distributions that hold it: slow to find, so kept while nothing is installed."""
    stamps = [(folder, Path(folder).stat().st_mtime_ns) for folder in origins.sites() if Path(folder).is_dir()]
    key = hashlib.sha256(repr((sys.version, sorted(stamps))).encode()).hexdigest()[:16]
    file = cache / f"distributions-{key}.json"
    try:
        known: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = _provided()
        _keep(file, known)
    return known


def _provided() -> dict[str, list[str]]:
    """Return what `importlib.metadata.packages_distributions` does, which reads a text of each file there is."""
    found: dict[str, set[str]] = {}
    for folder in origins.sites():
        for info in Path(folder).iterdir() if Path(folder).is_dir() else ():
            if match := INFO.fullmatch(info.name):
                for name in _tops(info):
                    found.setdefault(name, set()).add(_normal(match["name"]))
    return {name: sorted(owners) for name, owners in found.items()}


def _tops(info: Path) -> set[str]:
    """Return the top-level modules of a distribution."""
    listed = _text(info / "top_level.txt").split()
    names = listed or [inspect.getmodulename(name) or name for name in set(FIRST.findall(_text(info / "RECORD")))]
    return {name for name in names if "." not in name}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not all distributions have it
        return ""


def _keep(file: Path, known: Any) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(known), encoding="utf-8")
        draft.replace(file)
    except OSError:  # a full or read-only disk costs only that the next stage asks again
        draft.unlink(missing_ok=True)
