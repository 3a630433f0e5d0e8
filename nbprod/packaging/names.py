"""Names of images: what a registry accepts, and a name made from a model's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbprod.core.errors import PackagingError

if TYPE_CHECKING:
    from nbprod.core.model import Model

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]+)?"
_IMAGE = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?")


def image_name(tag: str | None, model: Model, run: str) -> str:
    """Return the image's name with a tag; raises `PackagingError` when no registry would take it."""
    if tag is None:
        stem = re.sub(r"[^a-z0-9]+", "-", model.name.lower()).strip("-") or "model"
        return f"{stem}:{re.sub(r'[^A-Za-z0-9_.-]+', '-', model.version or run) or 'latest'}"
    if not _IMAGE.fullmatch(tag) or len(tag) > 255:
        raise PackagingError("NB740", f"{tag!r} cannot name an image", "lower case: NAME:TAG or HOST/NAME:TAG")
    return tag if ":" in tag.rpartition("/")[2] else f"{tag}:latest"
