"""Files a stage writes are outputs: kept in the store, and put back where a reused stage would have written them."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import StoreError
from nbprod.store.contents import of_file
from nbprod.store.files import storing
from nbprod.worker.buffers import BufferDamaged, use

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

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
        if not use(_kept(buffers, digest)):
            _keep(path, buffers, of_file(digest))


def lost(manifest: Mapping[str, Any], world: World, buffers: Buffers, elsewhere: Collection[str] = ()) -> str:
    """Return which written file is neither there as it was left nor kept, here or `elsewhere`; empty when none is."""
    for name, digest in manifest["observed"]["files_written"].items():
        if digest is None or world.file(name) == digest or of_file(digest) in elsewhere:
            continue
        if not _kept(buffers, digest).exists():
            return f"file {world.shown(name)}, which it writes, changed and was not kept"
    return ""


def reuse(manifest: Mapping[str, Any], world: World) -> None:
    """Let later stages see the files a reused stage would have written; `materialise` writes them."""
    for name, digest in manifest["observed"]["files_written"].items():
        world.overlay[world.path(name)] = digest


def materialise(world: World, buffers: Buffers) -> None:
    """Make the files on disk what the stages reused so far would have left.

    Raises
    ------
    StoreError
        A kept file is damaged or gone; the next run makes it again.
    """
    for path, digest in world.overlay.items():
        if world.ledger.file_digest(path) == digest:
            continue
        if digest is None:
            path.unlink(missing_ok=True)
        else:
            _restore(_verified(buffers, of_file(digest), path), path, buffers.root)
    world.overlay.clear()


def _verified(buffers: Buffers, name: str, path: Path) -> Path:
    """Return where a kept file is, once its content was seen to be what it was."""
    try:
        buffers.get(name, writable=False).release()
    except BufferDamaged as error:
        text = f"the file {path}, which a reused stage would have left, cannot be put back: {error}"
        raise StoreError("NB603", text, "run it again: the stage that writes it is made again") from error
    return buffers.path(name)


def _kept(buffers: Buffers, digest: str) -> Path:
    return buffers.path(of_file(digest))


def _keep(path: Path, buffers: Buffers, name: str) -> None:
    """Store a copy of a file, unless another run has changed it since it was written."""
    kept = buffers.path(name)
    with storing(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with _copied(path, kept.parent) as draft, contextlib.suppress(BufferDamaged):
            buffers.adopt(name, draft)


def _restore(kept: Path, path: Path, drafts: Path) -> None:
    """Put a copy of a kept file where it belongs; a process killed meanwhile leaves nothing beside the user's files."""
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with _copied(kept, drafts) as draft:
                draft.replace(path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with _copied(kept, path.parent) as draft:
                draft.replace(path)


@contextlib.contextmanager
def _copied(source: Path, folder: Path) -> Iterator[Path]:
    """Give a copy to be moved away."""
    import shutil

    draft = folder / f".new-{os.urandom(6).hex()}"
    try:
        shutil.copyfile(source, draft)
        draft.chmod(source.stat().st_mode & 0o777)
        yield draft
    finally:
        draft.unlink(missing_ok=True)
