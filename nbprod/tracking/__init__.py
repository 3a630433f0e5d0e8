"""Tells MLflow of runs, without ever slowing or failing one: stages append to a journal, a publisher feeds MLflow."""

from __future__ import annotations

from nbprod.tracking.journal import Journal
from nbprod.tracking.publisher import model_version, processes, publish, spawn_publisher, ui_command, wait

__all__ = ["Journal", "model_version", "processes", "publish", "spawn_publisher", "ui_command", "wait"]
