"""Fixed cases of scopes, stages and several notebooks, as in `test_cases_fast`; apart, so that two workers share them."""

from __future__ import annotations

import pytest

from tests.support.cases import cases
from tests.support.forked import forked
from tests.support.judge import judge

GROUPS = ("fuzz", "scopes", "several", "stages")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", cases(*GROUPS), ids=str)
def test_case(case, tmp_path):
    with forked():
        judge(case, tmp_path)
