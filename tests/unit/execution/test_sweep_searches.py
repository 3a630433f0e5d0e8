"""How trials are found: all combinations, at random, by Optuna; the same again for the same seed."""

from __future__ import annotations

import math
import sys

import pytest

from nbprod.core.errors import PlanError, UnavailableError
from nbprod.core.sweep import Choices, Interval, Trial, TrialStatus
from nbprod.execution.sweeping.searches import default, search

AXES = {"lr": Interval(0.001, 0.1, log=True), "depth": Interval(2, 10, whole=True), "kind": Choices(("a", None, (1,)))}


def found(name, axes, trials=None, seed=1):
    return [dict(item) for item in search(name, axes, trials, seed, maximize=False).listed]


def test_a_grid_makes_all_combinations_the_last_fastest():
    axes = {"a": Choices((1, 2)), "b": Choices((True, "x"))}
    assert found("grid", axes) == [{"a": 1, "b": True}, {"a": 1, "b": "x"}, {"a": 2, "b": True}, {"a": 2, "b": "x"}]
    assert found("grid", axes, 4) == found("grid", axes)


def test_a_grid_where_everything_can_be_tried():
    assert default({"a": Choices((1, 2))}) == "grid"
    assert default(AXES) == "random"


@pytest.mark.parametrize(
    ("name", "axes", "trials", "code", "text"),
    [
        ("grid", {}, None, "NB408", "a parameter with values"),
        ("grid", {"a": Choices(tuple(range(11))), "b": Choices(tuple(range(100)))}, None, "NB408", "1,100 trials"),
        ("grid", AXES, None, "NB409", "lr is an interval"),
        ("grid", {"a": Choices((1, 2))}, 5, "NB409", "5 trials were asked for"),
        ("random", AXES, 1001, "NB408", "1,001 trials"),
        ("optuna", AXES, 1001, "NB408", "1,001 trials"),
        ("bayes", AXES, 3, "NB409", "no search bayes"),
    ],
)
def test_refused_before_anything_runs(name, axes, trials, code, text):
    with pytest.raises(PlanError, match=text) as caught:
        search(name, axes, trials, 1, maximize=False)
    assert caught.value.code == code


def test_random_trials_are_in_their_intervals_and_the_same_for_a_seed():
    drawn = found("random", AXES, 200)
    assert len(drawn) == 200
    assert all(0.001 <= item["lr"] <= 0.1 and item["depth"] in range(2, 11) for item in drawn)
    assert {item["depth"] for item in drawn} == set(range(2, 11))
    assert {item["kind"] for item in drawn} == {"a", None, (1,)}
    below = sum(item["lr"] < 0.01 for item in drawn)
    assert 60 < below < 140  # by the logarithm half of them
    assert found("random", AXES, 200) == drawn
    assert found("random", AXES, 20) == drawn[:20]
    assert found("random", AXES, 20, seed=2) != drawn[:20]
    assert len(found("random", AXES)) == 20


def test_random_trials_differ_and_end_when_all_were_made():
    axes = {"a": Choices((1, 2, 3)), "b": Interval(1, 4, log=True, whole=True)}
    drawn = found("random", axes, 50)
    assert sorted((item["a"], item["b"]) for item in drawn) == [(a, b) for a in (1, 2, 3) for b in (1, 2, 3, 4)]
    assert {type(item["b"]) for item in drawn} == {int}


def loss(given) -> float:
    return math.log10(given["lr"] / 0.01) ** 2 + abs(given["depth"] - 7) + (given["kind"] is None)


def attempt(search, number):
    """Make a trial as a sweep does, reporting three values on the way."""
    given = search.ask(number)
    value = loss(given)
    reports = {}
    for step in range(3):
        reports[step] = value + 3 - step
        if search.report(step, reports[step]):
            ended = Trial(number, given, None, TrialStatus.PRUNED, reports=reports)
            break
    else:
        ended = Trial(number, given, None, TrialStatus.SUCCEEDED, value, reports=reports)
    if number == 3:
        ended = Trial(number, given, None, TrialStatus.FAILED)
    search.tell(ended)
    return ended


def test_optuna_finds_better_values_and_prunes():
    tpe = search("optuna", AXES, 40, 5, maximize=False)
    made = [attempt(tpe, number) for number in range(1, 41)]
    assert all(
        0.001 <= trial.parameters["lr"] <= 0.1 and trial.parameters["kind"] in ("a", None, (1,)) for trial in made
    )
    assert TrialStatus.PRUNED in {trial.status for trial in made}
    values = [loss(trial.parameters) for trial in made]
    assert sum(values[20:]) < sum(values[:20])


def test_optuna_goes_on_from_what_is_on_record_as_if_it_had_not_stopped():
    undisturbed = search("optuna", AXES, 30, 5, maximize=False)
    made = [attempt(undisturbed, number) for number in range(1, 31)]
    again = search("optuna", AXES, 30, 5, maximize=False)
    for trial in made[:17]:
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in trial.parameters.items()}
        again.tell(Trial(trial.number, plain, None, trial.status, trial.value, reports=trial.reports))
    assert [attempt(again, number) for number in range(18, 31)] == made[17:]


def test_without_optuna_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UnavailableError) as caught:
        search("optuna", AXES, 3, 1, maximize=False)
    assert (caught.value.code, caught.value.exit_code) == ("NB932", 3)
    assert "pip install 'nbprod[sweep]'" in caught.value.hint
