"""Rule 14 of DATAFLOW: stages that go on in one process and stages apart leave the same, by their fingerprints."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from forked import forked
from fuzzing import CHECKS
from fuzzing.judge import write
from fuzzing.notebooks import book
from hypothesis import given, settings
from hypothesis import strategies as st

import nbprod
from nbprod.core.errors import NbprodError
from nbprod.core.run import RunOptions
from nbprod.execution.runner import SessionRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW = 20
MANY = 150


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with forked(), tempfile.TemporaryDirectory(prefix="nbprod-fused-") as name:
        yield Path(name) / "book"


@settings(max_examples=FEW, **CHECKS)
@given(chance=st.randoms(use_true_random=False))
def test_fused_and_apart(folder: Path, chance: Any):
    same(folder, chance)


@pytest.mark.slow
@settings(max_examples=MANY, **CHECKS)
@given(chance=st.randoms(use_true_random=False))
def test_fused_apart_and_at_once_by_the_hundred(folder: Path, chance: Any):
    same(folder, chance, jobs=3)


def same(folder: Path, chance: Any, jobs: int = 1) -> None:
    made = book(chance)
    fused = left(folder, made)
    with mock.patch.object(SessionRunner, "fuses", False):
        apart = left(folder, made, jobs)
    assert fused == apart, made.text()


def left(folder: Path, made: Any, jobs: int = 1) -> Any:
    """Return the fingerprints of all stages of a run from scratch, or why it was refused."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".git").mkdir(parents=True)
    path = write(folder / "book.ipynb", made.entries())
    try:
        run = nbprod.run(path, parameters=made.given or None, options=replace(RunOptions(), jobs=jobs))
    except NbprodError as error:
        return error.code, error.message
    return {stage.name: stage.fingerprint for stage in run.stages}, run.metrics
