"""Random notebooks: the pipeline leaves what the notebook leaves top to bottom, or refuses before anything runs.

`make fuzz` does the same for as long as it is told, with other notebooks every time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from forked import forked
from fuzzing import CHECKS
from fuzzing.judge import Judge
from fuzzing.notebooks import book
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW = 25
MANY = 250


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with forked():
        one = Judge()
        yield one
        one.close()


@settings(max_examples=FEW, **CHECKS)
@given(chance=st.randoms(use_true_random=False))
def test_pipeline_equals_notebook(judge: Judge, chance: Any):
    equal(judge, chance)


@pytest.mark.slow
@settings(max_examples=MANY, **CHECKS)
@given(chance=st.randoms(use_true_random=False))
def test_by_the_hundred(judge: Judge, chance: Any):
    equal(judge, chance)


def equal(judge: Judge, chance: Any) -> None:
    made = book(chance)
    verdict = judge.judge(made)
    assert not verdict.bad, f"{verdict.kind}\n{made.text()}\n{verdict.detail}"
