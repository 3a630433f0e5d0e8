"""Files a stage writes are outputs: kept in the store, and put back where a reused stage would have written them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.store.contents import of_file
from nbprod.store.files import storing
from nbprod.worker.buffers import use

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from nbprod.execution.observed import World
    from nbprod.worker.buffers import Buffers

LARGEST = 1 << 30
"""Bytes; a bigger file is not kept, and its stage runs again when the file is gone."""


def keep(manifest: Mapping[str, Any], world: World, buffers: Buffers) -> None:
    """Store a copy of every file a stage has just written."""
    for name, digest in manifest["observed"]["files_written"].items():
        path = world.path(name)
        world.overlay.pop(path, None)
        if digest is None or not path.is_file() or path.stat().st_size > LARGEST:
            continue
        kept = _kept(buffers, digest)
        if not use(kept):
            _copy(path, kept)


def lost(manifest: Mapping[str, Any], world: World, buffers: Buffers, elsewhere: Collection[str] = ()) -> str:
    """Return which written file is neither there as it was left nor kept, here or `elsewhere`; empty when none is."""
    for name, digest in manifest["observed"]["files_written"].items():
        if digest is None or world.file(name) == digest or of_file(digest) in elsewhere:
            continue
        if not _kept(buffers, digest).exists():
            return f"file {world.shown(name)}, which it writes, changed and was too big to keep"
    return ""


def reuse(manifest: Mapping[str, Any], world: World) -> None:
    """Let later stages see the files a reused stage would have written; `materialise` writes them."""
    for name, digest in manifest["observed"]["files_written"].items():
        world.overlay[world.path(name)] = digest


def materialise(world: World, buffers: Buffers) -> None:
    """Make the files on disk what the stages reused so far would have left."""
    for path, digest in world.overlay.items():
        if world.ledger.file_digest(path) == digest:
            continue
        if digest is None:
            path.unlink(missing_ok=True)
        elif _kept(buffers, digest).exists():
            _copy(_kept(buffers, digest), path)
    world.overlay.clear()


def _kept(buffers: Buffers, digest: str) -> Path:
    return buffers.path(of_file(digest))


def _copy(source: Path, target: Path) -> None:
    import shutil
    import tempfile

    with storing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".new-", dir=target.parent, delete=False) as file:
            temporary = Path(file.name)
        try:
            shutil.copyfile(source, temporary)
            temporary.chmod(source.stat().st_mode & 0o777)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
