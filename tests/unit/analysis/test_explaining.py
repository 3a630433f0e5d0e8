"""Every code that nbprod can show is explained, with an example, and listed in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbprod.analysis import codes, explain
from nbprod.analysis.diagnostics import RULES
from nbprod.analysis.diagnostics.explaining import errors, every
from nbprod.core.errors import UsageError
from tests.support import diagnostics_page

ROOT = Path(__file__).parents[3]
KNOWN = every(RULES)
USED = {
    code
    for path in (ROOT / "nbprod").rglob("*.py")
    for code in re.findall(r"""["'](NB\d{3})\b""", path.read_text(encoding="utf-8"))
}


def test_no_code_lacks_an_explanation():
    missing = USED - set(KNOWN)
    assert missing == set(), "give it a Rule in nbprod/analysis/diagnostics, or an entry in its errors/*.toml"


def test_no_explanation_lacks_a_code():
    assert {rule.code for rule in errors()} - USED == set()
    assert {rule.code for rule in errors()} & {rule.code for rule in RULES} == set()


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_every_code_tells_why_with_good_and_bad(code):
    rule = KNOWN[code]
    text = explain(code.lower())
    assert text.startswith(f"{code}  {rule.title}")
    assert len(rule.why) > 30
    assert rule.why.endswith(".")
    assert rule.example
    assert rule.fix


def test_all_codes_are_listed():
    lines = codes().splitlines()
    assert [line[:5] for line in lines] == sorted(KNOWN)


@pytest.mark.parametrize(("asked", "near"), [("NB999", "NB939"), ("nb207x", "NB207"), ("NB31", "NB311"), ("x", "NB")])
def test_an_unknown_code_names_those_near_it(asked, near):
    with pytest.raises(UsageError, match=asked) as caught:
        explain(asked)
    assert near in caught.value.hint
    assert caught.value.code == "NB915"


def test_a_code_may_be_given_by_its_number():
    assert explain(" 201 ") == explain("NB201")


def test_the_documentation_is_made_of_the_same_data():
    text = diagnostics_page.PAGE.read_text(encoding="utf-8")
    assert text == diagnostics_page.page(text), "PYTHONPATH=. python tests/support/diagnostics_page.py"
