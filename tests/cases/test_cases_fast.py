"""Fixed cases of the language, of IPython and of roles: through the default engine, workers forked from a warm process.

What Kale, Soorgeon and marimo get wrong is among them: `peers.txt`.
"""

from __future__ import annotations

import pytest

from tests.support.cases import cases
from tests.support.forked import forked
from tests.support.judge import judge

GROUPS = ("binding", "classes", "peers")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", cases(*GROUPS), ids=str)
def test_case(case, tmp_path):
    with forked():
        judge(case, tmp_path)
