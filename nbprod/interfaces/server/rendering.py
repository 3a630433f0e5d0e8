"""`python -m nbprod.interfaces.server.rendering NOTEBOOK PAGE`: an executed notebook as one HTML file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def render(notebook: Path, page: Path) -> None:
    """Write the page of a notebook, whole or not at all."""
    from nbconvert import HTMLExporter

    exporter: Any = HTMLExporter
    text, _ = exporter(embed_images=True).from_filename(str(notebook))
    draft = page.with_name(f".{page.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(page)


if __name__ == "__main__":
    render(Path(sys.argv[1]), Path(sys.argv[2]))
