"""`%load_ext nbprod`: the `%%mlops` line of a cell is taken out before it runs, and `%mlops` gives the verbs.

A tagged cell runs in the kernel as any other cell does; `%mlops run` runs the pipeline.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nbprod.interfaces.magics.transform import remove_tag_line
from nbprod.interfaces.magics.verbs import Session, Views, mlops

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Views", "register", "unregister"]

_SESSIONS: dict[int, Session] = {}


def register(shell: InteractiveShell, views: Views) -> None:
    """Install transformer, magic, completion and the record of what this kernel executed; twice is once.

    Parameters
    ----------
    shell
        The running IPython.
    views
        Make what shows work live.
    """
    from nbprod.interfaces.magics.completion import complete

    if id(shell) in _SESSIONS:
        return
    session = _SESSIONS[id(shell)] = Session(shell, views)

    def line_magic(line: str) -> Any:
        return mlops(session, line)

    line_magic.__doc__ = mlops.__doc__
    shell.input_transformers_cleanup.insert(0, remove_tag_line)
    shell.magics_manager.register_function(line_magic, "line", "mlops")
    shell.set_hook("complete_command", complete, re_key=r"%{1,2}mlops")
    shell.events.register("pre_run_cell", _remember)


def unregister(shell: InteractiveShell) -> None:
    """Take out what `register` installed."""
    if _SESSIONS.pop(id(shell), None) is not None:
        shell.input_transformers_cleanup.remove(remove_tag_line)
        shell.magics_manager.magics["line"].pop("mlops", None)
        shell.events.unregister("pre_run_cell", _remember)


def _remember(info: Any) -> None:
    for session in _SESSIONS.values():
        session.executed.append((time.time(), str(info.raw_cell)))
