"""What a project says of its environment: files that pin it, the settings of its tools, the command that pins it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pixi.lock", "conda-lock.yml")
LISTS = ("requirements.txt", "constraints.txt", "requirements.lock")
_CONDA = re.compile(r"^\s*-\s*([A-Za-z0-9_.:-]+)\s*(=?)")
_PINNED = re.compile(r"===?\s*[0-9][^*,]*(;.*)?$|\s@\s|\s--hash=")


def pinned(*folders: Path) -> bool:
    """Whether a file in one of the folders says which version of each distribution is used."""
    return any(_pins(folder) for folder in folders)


def unpinned(*folders: Path) -> tuple[str, ...]:
    """Return what requirements.txt of the first folder that has one asks for without saying which version."""
    lines = next((found for folder in folders if (found := _lines(folder / "requirements.txt"))), [])
    return tuple(line for line in _wanted(lines) if not _PINNED.search(line)) if not pinned(*folders) else ()


def tools(root: Path) -> Mapping[str, Any]:
    """Return the `[tool]` table of pyproject.toml, empty where there is none that can be read."""
    try:
        found = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def freeze(root: Path) -> str:
    """Return the command that pins this environment, as it works here."""
    found = shutil.which("python")
    python = "python" if found and Path(found).samefile(sys.executable) else shlex.quote(sys.executable)
    target = os.path.relpath(root / "requirements.txt")
    return f"{python} -m uv pip freeze > {shlex.quote(target)}"


def _pins(folder: Path) -> bool:
    if any((folder / name).is_file() for name in LOCKS):
        return True
    if any(_all_pinned(_lines(folder / name)) for name in LISTS):
        return True
    return any(_conda(_lines(folder / name)) for name in ("environment.yml", "environment.yaml"))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def _all_pinned(lines: Iterable[str]) -> bool:
    """Whether a list of requirements has some, and each of them with one version."""
    named = _wanted(lines)
    return bool(named) and all(_PINNED.search(line) for line in named)


def _wanted(lines: Iterable[str]) -> list[str]:
    """Return the lines of a list of requirements that name a distribution."""
    bare = [line.split(" #")[0].strip().rstrip("\\").strip() for line in lines]
    return [line for line in bare if line and not line.startswith(("#", "-"))]


def _conda(lines: Iterable[str]) -> bool:
    inside = False
    found = []
    for line in lines:
        if line.strip() and not line.startswith((" ", "-", "\t", "#")):
            inside = line.startswith("dependencies:")
        match = _CONDA.match(line) if inside else None
        if match and not match[1].endswith(":"):
            found.append(bool(match[2]))
    return bool(found) and all(found)
