"""A failed cell as the driver is told of it: the user's own traceback, without frames of ours or of IPython."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .formats import StepSpec

OWN = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - compared with the file names in code objects, plain texts
TIMED = "<timed exec>"


def trim(error: BaseException) -> None:
    """Take the frames of IPython and of this package out of an exception's traceback and those it came from."""
    for each in _chain(error):
        each.__traceback__ = _trimmed(each.__traceback__)


def line_in(error: BaseException, name: str, step: StepSpec) -> int | None:
    """Return the innermost line of the cell compiled as `name` at which `error` passed."""
    if isinstance(error, SyntaxError) and error.filename == name:
        return error.lineno
    line = None
    entry = error.__traceback__
    while entry is not None:
        file = entry.tb_frame.f_code.co_filename
        if file == name:
            line = entry.tb_lineno
        elif file == TIMED:  # `%%time` compiles the lines below itself on their own
            line = entry.tb_lineno + step["first_line"]
        entry = entry.tb_next
    return line


def describe(error: BaseException, traceback: list[str]) -> dict[str, Any]:
    """Return kind, name, value and traceback of the `failed` event."""
    if isinstance(error, SystemExit):
        code = error.code if error.code is not None else 0
        text = f"the cell called sys.exit({'' if error.code is None else repr(code)})"
        told = {"kind": "exit", "ename": "SystemExit", "evalue": text, "traceback": traceback}
        return {**told, "code": _exit_code(code), "status": _text(error)}
    kind = "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
    return {"kind": kind, "ename": type(error).__name__, "evalue": _text(error), "traceback": traceback}


def output(error: BaseException, traceback: list[str]) -> dict[str, Any]:
    """Return the nbformat output of an error that its cell is allowed."""
    return {"output_type": "error", "ename": type(error).__name__, "evalue": _text(error), "traceback": traceback}


def _exit_code(code: Any) -> int:
    return code if isinstance(code, int) else 1


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - the user's own __str__ may raise anything
        return f"<{type(error).__name__} whose text raises {type(second).__name__}>"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo = [error]
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        todo += [near for near in (current.__cause__, current.__context__) if near is not None]
        if isinstance(current, BaseExceptionGroup):
            todo += current.exceptions


def _trimmed(traceback: TracebackType | None) -> TracebackType | None:
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    kept: TracebackType | None = None
    for entry in reversed([entry for entry in entries if not _hidden(entry.tb_frame.f_code.co_filename)]):
        kept = TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return kept


def _hidden(file: str) -> bool:
    ipython = sys.modules.get("IPython")
    folder = os.path.dirname(getattr(ipython, "__file__", None) or "?") + os.sep  # noqa: PTH120 - as OWN
    return file.startswith((OWN, folder, "<decorator-gen"))
