"""What ends an operation without any cell being to blame; the driver gets it as a `fatal` event."""

from __future__ import annotations

import errno
import traceback
from typing import Any


class Trouble(Exception):
    """The store or this interpreter is not as it should be.

    Parameters
    ----------
    code
        As in `nbprod.core.errors`.
    message
        What happened.
    hint
        What to do next, or None.
    """

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Boundary(Exception):
    """A value did not cross from stage to stage, or would not; `hint` is what to do."""

    def __init__(
        self, message: str, hint: str = "make the value in the stage that reads it", code: str = "NB410"
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


def event(error: Exception) -> dict[str, Any]:
    """Return the `fatal` event of an error; what was not foreseen brings its traceback along."""
    code = getattr(error, "code", None)
    if isinstance(code, str) and hasattr(error, "message"):
        return {"event": "fatal", "code": code, "message": error.message, "hint": getattr(error, "hint", None)}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = "no space left on the disk for what the stage computed"
        return {"event": "fatal", "code": "NB601", "message": message, "hint": "free some space and run again"}
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        hint = "make it writable, or set NBPROD_HOME to a folder that is"
        return {"event": "fatal", "code": "NB602", "message": f"{error.filename} cannot be written", "hint": hint}
    text = "".join(traceback.format_exception(error))
    message = f"the worker failed: {type(error).__name__}: {error}"
    return {"event": "fatal", "code": "NB599", "message": message, "hint": f"please report this:\n{text}"}
