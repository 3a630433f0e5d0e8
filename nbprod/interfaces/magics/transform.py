"""The input transformer: a `%%mlops` first line becomes a comment, so the body is an ordinary cell."""

from __future__ import annotations

from nbprod import notebooks
from nbprod.core.errors import NbprodError

MAGIC = "%%mlops"


def remove_tag_line(lines: list[str]) -> list[str]:
    """Return the lines of a cell without its tag; a tag that cannot be read becomes a line that says so and stops."""
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None or lines[first].split(maxsplit=1)[0] != MAGIC:
        return lines
    source = "".join(lines)
    try:
        notebooks.parse_magic(lines[first].strip().removeprefix(MAGIC).strip())
    except NbprodError:
        return [f"get_ipython().run_line_magic('mlops', {lines[first].strip()!r})\n", *lines[first + 1 :]]
    return notebooks.strip_magic(source).splitlines(keepends=True)
