"""What the store holds: its files, and which of them a snapshot refers to."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LEFTOVERS = (".new-", ".gone-")
"""What a killed process left: a file it was writing, or was about to remove; so does a name that ends in `.part`."""
FOLDERS = ("buffers", "manifests", "models", "runs", "cache", "sweeps")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the store; `used` is when it was written or somebody last referred to it, in seconds of the clock."""

    path: Path
    size: int
    used: float


def references(manifest: Mapping[str, Any]) -> set[str]:
    """Return the digests of all buffers that a snapshot refers to, a written file too big to keep among them."""
    written = manifest["observed"]["files_written"].values()
    return values(manifest) | {of_file(digest) for digest in written if digest}


def values(manifest: Mapping[str, Any]) -> set[str]:
    """Return the digests without which a snapshot cannot be used: not those of files, that may have been too big."""
    found = {item for group in manifest["groups"] for item in (group["skeleton"], *group["buffers"])}
    for entry in manifest["state"].values():
        if isinstance(entry, dict) and "payload" in entry:
            found |= {entry["payload"], *entry["buffers"]}
    return found


def of_file(digest: str) -> str:
    """Return the digest of the buffer that holds a file which a stage wrote."""
    return digest if ":" in digest else f"sha256:{digest}"


def take(manifest: Path) -> bool:
    """Tell `store gc` that a run is going to use a snapshot; False when it was removed already.

    The time of the manifest's last change says so: that of its last reading changes whenever somebody looks.
    """
    try:
        os.utime(manifest)
    except FileNotFoundError:
        return False
    except OSError:  # not ours, or a read-only store: nobody can remove it either
        return True
    return True


def used(path: Path) -> float:
    """Return when a file was written, or somebody last said that it is needed."""
    status = path.stat()
    looked_at = path.parent.name == "manifests" or stat.S_ISDIR(status.st_mode)
    return status.st_mtime if looked_at else max(status.st_atime, status.st_mtime)


def file_name(digest: str) -> str:
    """Return what the file of a digest is called."""
    return digest.partition(":")[2]


def buffers(home: Path) -> dict[str, Kept]:
    """Return the files of all buffers by what they are called."""
    return {kept.path.name: kept for kept in _files(home / "buffers") if not _left(kept.path.name)}


def leftovers(home: Path) -> list[Kept]:
    """Return what killed processes left: files, and whole folders."""
    return [kept for folder in FOLDERS for kept in _files(home / folder) if _left(kept.path.name)]


def manifests(home: Path) -> dict[Path, Kept]:
    """Return the files of all manifests."""
    return {kept.path: kept for kept in _files(home / "manifests") if not kept.path.name.startswith(".")}


def size(home: Path) -> int:
    """Return how many bytes buffers and manifests take."""
    return sum(kept.size for folder in ("buffers", "manifests") for kept in _files(home / folder))


def folder_size(folder: Path) -> int:
    """Return how many bytes the files below a folder take."""
    return sum(kept.size for kept in _files(folder))


def _files(folder: Path) -> Iterator[Kept]:
    """Yield the files below a folder, a leftover folder as one; what goes away meanwhile is left out."""
    from pathlib import Path

    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                inside = _files(Path(entry.path))
                if not _left(entry.name):
                    yield from inside
                    continue
                yield Kept(Path(entry.path), sum(kept.size for kept in inside), used(Path(entry.path)))
            elif entry.is_file(follow_symlinks=False):
                path = Path(entry.path)
                yield Kept(path, entry.stat(follow_symlinks=False).st_size, used(path))
        except OSError:
            continue


def _left(name: str) -> bool:
    return name.startswith(LEFTOVERS) or name.endswith(".part")
