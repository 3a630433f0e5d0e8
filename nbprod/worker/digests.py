"""Digests of what a stage was seen to depend on; the driver computes the same ones when it plans."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OF_THE_PROCESS = re.compile(r"NBPROD_|MLFLOW_RUN_ID|MLFLOW_EXPERIMENT_|PYTHON|_$|PWD$|OLDPWD$|SHLVL$")


def path_digest(path: str) -> str | None:
    """Return the digest of a file's content, or of a folder's listing when `path` ends in a slash; None: not there."""
    if path.endswith("/"):
        return listing_digest(path)
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def listing_digest(path: str) -> str | None:
    """Return the digest of the names in a folder, hidden ones left out; None when there is no such folder."""
    try:
        names = sorted(item.name for item in Path(path).iterdir() if not item.name.startswith("."))
    except OSError:
        return None
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def kind_digest(path: str) -> str | None:
    """Return whether there is a file or a folder of that name; None when there is nothing."""
    found = Path(path)
    return "file" if found.is_file() else "folder" if found.is_dir() else None


def names_digest(names: Iterable[str]) -> str:
    """Return the digest of the names of environment variables; those that nbprod and shells set do not count."""
    counted = sorted(name for name in names if not OF_THE_PROCESS.match(name))
    return text_digest("\0".join(counted))


def text_digest(text: str) -> str:
    """Return the digest under which the value of an environment variable is remembered."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
