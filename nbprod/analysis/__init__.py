"""Notebook → pipeline and diagnostics, after DATAFLOW.md; pure, never executes user code."""

from __future__ import annotations

from nbprod.analysis.diagnostics import explain
from nbprod.analysis.external import External, external
from nbprod.analysis.graph import to_json, to_mermaid, to_text
from nbprod.analysis.pipeline import analyze
from nbprod.analysis.readiness import Readiness, ReadinessStep, readiness

__all__ = [
    "External",
    "Readiness",
    "ReadinessStep",
    "analyze",
    "explain",
    "external",
    "readiness",
    "to_json",
    "to_mermaid",
    "to_text",
]
