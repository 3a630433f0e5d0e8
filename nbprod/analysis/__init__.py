"""Notebook → pipeline and diagnostics, after DATAFLOW.md; pure, never executes user code."""

from __future__ import annotations

from nbprod.analysis.diagnostics import codes, explain, masked
from nbprod.analysis.external import External, external
from nbprod.analysis.graph import to_json, to_mermaid, to_text
from nbprod.analysis.pipeline import analyze
from nbprod.analysis.readiness import Readiness, ReadinessStep, executed_in_order, readiness
from nbprod.analysis.suggesting import Suggestion, suggest
from nbprod.analysis.surroundings import Surroundings

__all__ = [
    "External",
    "Readiness",
    "ReadinessStep",
    "Suggestion",
    "Surroundings",
    "analyze",
    "codes",
    "executed_in_order",
    "explain",
    "external",
    "masked",
    "readiness",
    "suggest",
    "to_json",
    "to_mermaid",
    "to_text",
]
