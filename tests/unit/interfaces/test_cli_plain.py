from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pytest

from nbprod.interfaces.cli import running
from nbprod.interfaces.cli.runs import run_verb

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = (
    ["nb.ipynb"],
    ["a.ipynb", "b.ipynb", "-q"],
    ["-p", "x=1", "nb.ipynb", "--json"],
    ["nb.ipynb", "-p", "x=1", "-p", "y = a=b", "--force"],
    ["nb.ipynb", "-p", "x=1", "-p", "x=2", "--quiet"],
)
NOT_PLAIN = ([], ["-q"], ["nb.ipynb", "-p"], ["nb.ipynb", "-p", "x"], ["nb.ipynb", "-p", "1=2"], ["nb.ipynb", "--wait"])
NOT_PLAIN = (*NOT_PLAIN, ["nb.ipynb", "-px=1"], ["--", "nb.ipynb"], ["nb.ipynb", "--help"], ["-", "nb.ipynb"])


def by_click(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what click makes of the words, options not given left out."""
    found: list[dict[str, Any]] = []

    def take(notebooks: tuple[str, ...], parameters: dict[str, str], **asked: Any) -> int:
        found.append({"notebooks": notebooks, "parameters": parameters, **asked})
        return 0

    monkeypatch.setattr(running, "carry_out", take)
    with click.Context(run_verb) as context:
        run_verb.parse_args(context, list(words))
        run_verb.invoke(context)
    given = {name: value for name, value in found[0].items() if name in ("notebooks", "parameters", "as_json", "quiet")}
    return {**given, **({"force": True} if found[0]["force"] else {})}


@pytest.mark.parametrize("words", PLAIN)
def test_plain_words_mean_what_they_mean_to_click(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert running.plain(["run", *words]) == by_click(words, monkeypatch)


@pytest.mark.parametrize("words", NOT_PLAIN)
def test_all_else_is_left_to_click(words: list[str]) -> None:
    assert running.plain(["run", *words]) is None
