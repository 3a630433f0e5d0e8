"""`%load_ext nbprod`: the `%%mlops` line of a cell is taken out before it runs, and `%mlops` gives the verbs.

A tagged cell runs in the kernel as any other cell does; `%mlops run` runs the pipeline.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nbprod.interfaces.magics.transform import remove_tag_line

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_EXECUTED: list[tuple[float, str]] = []


def register(shell: InteractiveShell) -> None:
    """Install transformer, magic, completion and the record of what this kernel executed; twice is once."""
    from nbprod.interfaces.magics.completion import complete
    from nbprod.interfaces.magics.verbs import mlops

    if remove_tag_line in shell.input_transformers_cleanup:
        return
    shell.input_transformers_cleanup.insert(0, remove_tag_line)

    def line_magic(line: str) -> Any:
        return mlops(shell, line, tuple(_EXECUTED))

    line_magic.__doc__ = mlops.__doc__
    shell.register_magic_function(line_magic, "line", "mlops")
    shell.set_hook("complete_command", complete, re_key=r"%{1,2}mlops")
    shell.events.register("pre_run_cell", _remember)


def unregister(shell: InteractiveShell) -> None:
    """Take out what `register` installed."""
    if remove_tag_line in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(remove_tag_line)
        shell.magics_manager.magics["line"].pop("mlops", None)
        shell.events.unregister("pre_run_cell", _remember)


def _remember(info: Any) -> None:
    _EXECUTED.append((time.time(), str(info.raw_cell)))
