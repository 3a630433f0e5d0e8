"""`.ipynb` ↔ Notebook, and the one grammar of tags: cell metadata, cell tags and the `%%mlops` line."""

from __future__ import annotations

from nbprod.notebooks.editing import edited, rewrite
from nbprod.notebooks.modules import with_modules
from nbprod.notebooks.reading import parse, read, strip_magic, text_of
from nbprod.notebooks.runs import with_runs
from nbprod.notebooks.tags import FLAGS, GRAMMAR, OPTIONS, format_tag, parse_duration, parse_magic, parse_size
from nbprod.notebooks.writing import write_tag, write_tags

__all__ = [
    "FLAGS",
    "GRAMMAR",
    "OPTIONS",
    "edited",
    "format_tag",
    "parse",
    "parse_duration",
    "parse_magic",
    "parse_size",
    "read",
    "rewrite",
    "strip_magic",
    "text_of",
    "with_modules",
    "with_runs",
    "write_tag",
    "write_tags",
]
