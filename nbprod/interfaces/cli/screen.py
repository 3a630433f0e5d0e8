"""Where text goes: rich on a terminal, plain lines elsewhere, one JSON object with `--json`."""

from __future__ import annotations

import json
import os
import sys
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

Part = str | tuple[str, str]
STAGE_COLOURS = ("cyan", "magenta", "blue", "green", "yellow", "bright_red", "bright_cyan", "bright_magenta")


class Screen:
    """Prints lines made of parts, each a text or a (text, style) pair; styles are rich's."""

    def __init__(self, *, quiet: bool = False, stream: IO[str] | None = None) -> None:
        self.quiet = quiet
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """The rich console, made on first use because rich takes a tenth of a second to import."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self.stream, highlight=False, soft_wrap=True)
        return self._console

    def line(self, *parts: Part) -> None:
        """Print one line."""
        if self.quiet:
            return
        if self.live:
            from rich.text import Text

            self.console.print(Text.assemble(*parts))
            return
        print("".join(part if isinstance(part, str) else part[0] for part in parts), file=self.stream, flush=True)


def print_json(value: Any) -> None:
    """Print one JSON object on standard output."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)  # noqa: T201 (the contract's --json)


def stage_colour(names: tuple[str, ...], name: str) -> str:
    """Return the stage's accent colour, the same for a name as long as the order of stages is."""
    return STAGE_COLOURS[names.index(name) % len(STAGE_COLOURS)] if name in names else "white"


def seconds(value: float) -> str:
    """Return a duration to three significant digits, as in UX.md."""
    if value >= 100:
        return f"{value:.0f} s"
    return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"
