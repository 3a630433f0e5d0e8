"""Notebook → pipeline and diagnostics, after DATAFLOW.md; pure, never executes user code."""

from __future__ import annotations

from nbprod.analysis.graph import to_json, to_mermaid, to_text
from nbprod.analysis.pipeline import analyze

__all__ = ["analyze", "to_json", "to_mermaid", "to_text"]
