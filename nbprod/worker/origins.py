"""Whose code is running: the user's, a library's, or machinery that runs on behalf of others."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

MACHINERY = frozenset(
    """IPython ipykernel ipython_pygments_lexers jupyter_client jupyter_core traitlets zmq tornado comm debugpy
    psutil nest_asyncio nest_asyncio2 packaging matplotlib_inline decorator pygments prompt_toolkit stack_data
    executing asttokens pure_eval wcwidth parso jedi pexpect ptyprocess platformdirs cloudpickle
    ploomber_engine papermill nbclient nbformat nbprod nbprod_worker blake3 coverage _distutils_hack
    _virtualenv""".split()  # noqa: SIM905 - legible as a paragraph
)
"""Top-level modules that run cells; what they do is done for the cell that asked."""

OWN = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - compared with file names in code objects
STANDARD = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
DEPTH = 200


@cache
def sites() -> tuple[str, ...]:
    """Return the folders that distributions are installed in."""
    found = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
    if site.ENABLE_USER_SITE:
        found.add(site.getusersitepackages())
    return tuple(found)


@cache
def kind(file: str) -> str:
    """Return `user`, `library`, `machinery` or `standard` (Python's own) for the file name of a code object."""
    if file.startswith("<"):
        return "user" if " cell " in file or file == "<timed exec>" else "standard"
    if _own(file):
        return "machinery"
    for folder in sites():
        if file.startswith(folder + os.sep):
            top = file[len(folder) + 1 :].partition(os.sep)[0].removesuffix(".py")
            return "machinery" if top in MACHINERY else "library"
    return "standard" if file.startswith(tuple(folder + os.sep for folder in STANDARD)) else "user"


def caller() -> str:
    """Return whose code asked for what is happening now, looking through machinery."""
    for frame in frames():
        found = kind(frame.f_code.co_filename)
        if found not in {"machinery", "standard"}:
            return found
    return "machinery"


def through(*packages: str) -> bool:
    """Say whether one of these top-level packages is on the stack."""
    return any(str(frame.f_globals.get("__name__", "")).partition(".")[0] in packages for frame in frames())


def frames(*, own: bool = False) -> Iterator[FrameType]:
    """Yield the stack from the innermost frame, without those that are ours unless `own`."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(DEPTH):
        if frame is None:
            return
        if own or not frame.f_code.co_filename.startswith(OWN):
            yield frame
        frame = frame.f_back


def _own(file: str) -> bool:
    package = os.path.dirname(OWN) if os.path.basename(OWN) == "worker" else OWN  # noqa: PTH119, PTH120 - as OWN
    return file.startswith(package + os.sep)
