"""The magics that IPython has in a kernel only, and those that a pipeline refuses."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from IPython.core import page  # noqa: TID253 - imported only where cells are run
from IPython.core.error import UsageError  # noqa: TID253 - the same
from IPython.core.magic import Magics, line_magic, magics_class  # noqa: TID253 - the same
from IPython.display import Javascript, display  # noqa: TID253 - the same


@magics_class
class KernelMagics(Magics):
    """Those of ipykernel that a notebook may have; a pager shows nothing, as nobody is there to page."""

    @line_magic
    def autosave(self, line: str) -> None:
        """Tell the front end how often to save."""
        try:
            seconds = int(line)
        except ValueError:
            raise UsageError(f"%autosave requires an integer, got {line!r}") from None
        script = f"IPython.notebook.set_autosave_interval({1000 * seconds})"
        display(Javascript(script), include=["application/javascript"])
        print(f"Autosaving every {seconds} seconds" if seconds else "Autosave disabled")  # noqa: T201 - as in a kernel

    @line_magic
    def clear(self, _line: str) -> None:
        """Clear the terminal."""
        self.shell.system("clear")  # type: ignore[union-attr]  # a magic has a shell

    @line_magic
    def less(self, line: str) -> None:
        """Show a file in the pager."""
        _page(line)

    @line_magic
    def more(self, line: str) -> None:
        """Show a file in the pager."""
        _page(line)

    @line_magic
    def store(self, line: str) -> NoReturn:
        """Refuse: what one run keeps in the user's profile would be another run's unseen input."""
        raise UsageError(
            f"%store {line}".rstrip() + ": a pipeline has no IPython profile to keep values in; "
            "write a file, or let a later stage use the variable"
        )


def _page(line: str) -> None:
    if not line:
        raise UsageError("Missing filename.")
    page.page(Path(line).read_text(encoding="utf-8"))
