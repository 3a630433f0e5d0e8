"""A store elsewhere, over fsspec: buffers and snapshots of several machines, compressed.

Everything has a name of its own that follows from its content, and nothing is ever changed: machines may write at the
same time. Below the URL are `buffers/<aa>/<hex>.zst` and `snapshots/<aa>/<fingerprint>/<time>-<manifest>-<digest>.zst`;
a snapshot is written after all that it refers to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import StoreError, StoreUnreachable, UnavailableError
from nbprod.worker.buffers import BufferDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.worker.buffers import Buffers

EXTRA = "python -m pip install 'nbprod[remote]'"
LEVEL = 1
"""Of compression: more would take longer than it saves on most networks."""
_USER = re.compile(r"//[^/@]*@")


class Remote:
    """One URL.

    Parameters
    ----------
    url
        Such as `s3://bucket/prefix`, `file:///mnt/shared`, `memory://`, or a folder.

    Raises
    ------
    UnavailableError
        When a package is missing that this URL needs.
    StoreError
        When there is no such kind of URL.
    """

    def __init__(self, url: str) -> None:
        self.url = without_user(url)
        self._zstandard = _zstandard()
        self._fs, self._root = _file_system(url)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, none where there is no such folder; raises `StoreError`."""
        with self._explained("listed"):
            try:
                found = self._fs.ls(f"{self._root}/{folder}", detail=False)
            except FileNotFoundError:
                return []
        return [str(path).rstrip("/").rpartition("/")[2] for path in found]

    def holds(self, name: str) -> bool:
        """Whether there is a file of that name; raises `StoreError`."""
        with self._explained("asked"):
            return bool(self._fs.exists(f"{self._root}/{name}"))

    def read(self, name: str) -> bytes:
        """Return the content of a small file, nothing where it is damaged; raises `StoreError`."""
        with self._explained("read"):
            packed = self._fs.cat_file(f"{self._root}/{name}")
        with contextlib.suppress(self._zstandard.ZstdError):
            data: bytes = self._zstandard.ZstdDecompressor().decompressobj().decompress(packed)
            return data
        return b""

    def write(self, name: str, data: bytes) -> None:
        """Write a small file; raises `StoreError`."""
        with tempfile.TemporaryDirectory() as folder, self._explained("written"):
            source = Path(folder) / "data"
            source.write_bytes(data)
            self.upload(source, name)

    def upload(self, source: Path, name: str) -> None:
        """Write a file under that name: whole, or not at all; raises `StoreError`."""
        target = f"{self._root}/{name}"
        with self._explained("written"), _draft(source.parent) as packed:
            with source.open("rb") as plain, packed.open("wb") as file:
                size = os.fstat(plain.fileno()).st_size
                self._zstandard.ZstdCompressor(LEVEL).copy_stream(plain, file, size=size)
            if not hasattr(self._fs, "auto_mkdir"):
                self._fs.put_file(str(packed), target)
                return
            # a folder: what is only half there must not have that name
            draft = f"{target}.{os.getpid()}-{os.urandom(4).hex()}.part"
            self._fs.put_file(str(packed), draft)
            Path(draft).replace(target)

    def download(self, digest: str, buffers: Buffers) -> bool:
        """Fetch and verify a buffer; False when it is not there, or not what its digest says; raises `StoreError`.

        A damaged one is removed there, so that it is pushed again by whoever makes it next.
        """
        target = buffers.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _draft(target.parent) as packed, _draft(target.parent) as plain:
            with self._explained("read"):
                try:
                    self._fs.get_file(f"{self._root}/{buffer_name(digest)}", str(packed))
                except FileNotFoundError:
                    return False
            try:
                with packed.open("rb") as source, plain.open("wb") as file:
                    self._zstandard.ZstdDecompressor().copy_stream(source, file)
                buffers.adopt(digest, plain)
            except (self._zstandard.ZstdError, BufferDamaged):
                with contextlib.suppress(Exception):  # perhaps it may only be read
                    self._fs.rm_file(f"{self._root}/{buffer_name(digest)}")
                return False
        return True

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (StoreError, KeyboardInterrupt):
            raise
        except Exception as error:  # every service has errors of its own
            text = " ".join(str(error).split()) or type(error).__name__
            hint = "check the URL, the network and your credentials; without --store the run uses this machine's store"
            raise StoreUnreachable("NB631", f"the store {self.url} cannot be {what}: {text}", hint) from error


def without_user(url: str) -> str:
    """Return a URL without the user and password that may be part of it: it is shown, and kept in the ledger."""
    return _USER.sub("//", url)


@contextlib.contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """Yield a file in a folder, which is gone in the end unless it was moved."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def buffer_name(digest: str) -> str:
    """Return the name of a buffer."""
    value = digest.partition(":")[2]
    return f"buffers/{value[:2]}/{value}.zst"


def content_digest(data: bytes) -> str:
    """Return the digest that is part of a snapshot's name."""
    return hashlib.sha256(data).hexdigest()[:32]


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError:
        raise UnavailableError("NB630", "a store elsewhere needs the package zstandard", EXTRA) from None
    return zstandard


def _file_system(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        hint = EXTRA if url.startswith("s3") else "install the package that it names"
        raise UnavailableError("NB630", f"the store {without_user(url)} cannot be used: {error}", hint) from None
    except (ValueError, OSError) as error:
        hint = "as s3://bucket/prefix or file:///mnt/shared"
        raise StoreError("NB631", f"{without_user(url)} is no store: {error}", hint) from error
    if hasattr(fs, "auto_mkdir"):
        fs.auto_mkdir = True
    return fs, str(root).rstrip("/")
