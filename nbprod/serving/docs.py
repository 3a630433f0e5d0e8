"""The page at `/docs`: one self-contained HTML file with a form that asks the model."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .answers import encode

if TYPE_CHECKING:
    from .formats import ModelManifest, Sample
    from .schema import Schema

MOST_CHOICES = 12


def page(manifest: ModelManifest, schema: Schema, identity: dict[str, Any], sample: Sample | None) -> str:
    """Return the page for a model; the form holds the first row of its sample."""
    template = (Path(__file__).parent / "docs.html").read_text(encoding="utf-8")
    facts = {
        "model": identity,
        "fields": [
            {
                "name": field.name,
                "type": field.type,
                "word": field.word,
                "required": field.required,
                "value": _example(sample, field.name),
                "choices": _choices(sample, field.name) if field.type == "string" else [],
            }
            for field in schema.fields
        ],
    }
    # `<` is written as an escape so that no value can end the script element
    data = encode(facts).decode().replace("<", "\\u003c")
    version = f"version {identity['version']}" if identity["version"] else ""
    words = {
        "NAME": escape(str(identity["name"])),
        "VERSION": escape(version),
        "NOTEBOOK": escape(manifest.get("notebook", "")),
        "RUN": escape(manifest.get("run", "")),
        "DATA": data,
    }
    for word, value in words.items():
        template = template.replace(f"@{word}@", value)
    return template


def _example(sample: Sample | None, name: str) -> Any:
    if sample is None or not sample["data"] or name not in sample["columns"]:
        return None
    return sample["data"][0][sample["columns"].index(name)]


def _choices(sample: Sample | None, name: str) -> list[str]:
    if sample is None or name not in sample["columns"]:
        return []
    index = sample["columns"].index(name)
    found = sorted({row[index] for row in sample["data"] if isinstance(row[index], str)})
    return found if len(found) <= MOST_CHOICES else []
