"""How the parameters of the next trial are found: all combinations, at random, or by Optuna from what came before.

The parameters of a trial depend on nothing but the axes, the seed, its number and the trials before it: a sweep that
was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING, Any, Protocol

from nbprod.core.errors import PlanError, UnavailableError
from nbprod.core.sweep import SEARCHES, Axis, Choices, Interval, TrialStatus
from nbprod.execution.sweeping.axes import MOST_TRIALS, of_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbprod.core.sweep import Trial

DRAWN = 20
"""How many trials are made when nobody says."""


class Search(Protocol):
    """Finds parameters; asked once for each trial, in order, and told how each ended before it is asked for the next.

    Attributes
    ----------
    planned
        How many trials there will be.
    listed
        The parameters of all trials, for a search that knows them beforehand.
    """

    planned: int
    listed: Sequence[Mapping[str, Any]]

    def ask(self, number: int) -> Mapping[str, Any]:
        """Return the parameters of a trial."""

    def report(self, step: int, value: float) -> bool:
        """Take an intermediate value of the trial asked for; return whether the trial is to be pruned."""

    def tell(self, trial: Trial) -> None:
        """Take how a trial ended, one of an earlier attempt that was not asked for among them."""


def search(name: str, axes: Mapping[str, Axis], trials: int | None, seed: int, *, maximize: bool) -> Search:
    """Return a search by its name.

    Raises
    ------
    PlanError, UnavailableError
        It cannot be made of these axes, of that many trials, or Optuna is not installed.
    """
    if name not in SEARCHES:
        raise PlanError("NB409", f"there is no search {name}", f"--search {'|'.join(SEARCHES)}")
    if not axes:
        raise PlanError("NB408", "a sweep needs a parameter with values to try", "-p NAME=1,2,3")
    if name == "grid":
        return Listed(_grid(axes, trials))
    number = trials or DRAWN
    if number > MOST_TRIALS:
        raise _many(number)
    if name == "random":
        return Listed(list(itertools.islice(_drawn(axes, seed), number)))
    return Optuna(axes, number, seed, maximize=maximize)


def default(axes: Mapping[str, Axis]) -> str:
    """Return the search for axes of which nobody said how: all combinations, if they can be counted."""
    return "random" if any(isinstance(axis, Interval) for axis in axes.values()) else "grid"


class Listed:
    """A search that knows all trials beforehand."""

    def __init__(self, listed: Sequence[Mapping[str, Any]]) -> None:
        self.listed = listed
        self.planned = len(listed)

    def ask(self, number: int) -> Mapping[str, Any]:
        """Return the parameters of a trial."""
        return self.listed[number - 1]

    def report(self, step: int, value: float) -> bool:  # noqa: ARG002 - nothing is compared
        """Return False."""
        return False

    def tell(self, trial: Trial) -> None:
        """Learn nothing."""


def _grid(axes: Mapping[str, Axis], trials: int | None) -> list[dict[str, Any]]:
    """Return all combinations; the last parameter varies fastest."""
    values = []
    for name, axis in axes.items():
        if isinstance(axis, Interval):
            hint = "--search random or optuna, or a range with a step: START:STOP:STEP"
            raise PlanError("NB409", f"{name} is an interval, of which a grid cannot try all numbers", hint)
        values.append(axis.values)
    number = math.prod(map(len, values))
    if trials is not None and trials != number:
        text = f"a grid tries all {number:,} combinations, and {trials:,} trials were asked for"
        raise PlanError("NB409", text, f"--search random --trials {trials}, or leave --trials out")
    if number > MOST_TRIALS:
        raise _many(number)
    return [dict(zip(axes, item, strict=True)) for item in itertools.product(*values)]


def _many(number: int) -> PlanError:
    return PlanError("NB408", f"{number:,} trials are more than a sweep makes", f"at most {MOST_TRIALS:,}")


def _drawn(axes: Mapping[str, Axis], seed: int) -> Iterator[dict[str, Any]]:
    """Yield combinations drawn at random, each once, until there are no more."""
    source = random.Random(seed)  # noqa: S311 - no secret is made of it
    left = math.prod(axis.size for axis in axes.values())
    seen: set[tuple[Any, ...]] = set()
    while len(seen) < left:
        places = tuple(_place(axis, source) for axis in axes.values())
        if places not in seen:
            seen.add(places)
            yield {name: _at(axis, place) for (name, axis), place in zip(axes.items(), places, strict=True)}


def _place(axis: Axis, source: random.Random) -> float:
    """Return a number of an interval, or the place of one of several values."""
    if isinstance(axis, Choices):
        return source.randrange(len(axis.values))
    if not axis.log:
        return source.randint(int(axis.low), int(axis.high)) if axis.whole else source.uniform(axis.low, axis.high)
    half = 0.5 if axis.whole else 0.0  # a whole number stands for all that are rounded to it
    drawn = math.exp(source.uniform(math.log(axis.low - half), math.log(axis.high + half)))
    found = min(axis.high, max(axis.low, round(drawn) if axis.whole else drawn))
    return int(found) if axis.whole else found


def _at(axis: Axis, place: float) -> Any:
    return axis.values[int(place)] if isinstance(axis, Choices) else place


class Optuna:
    """A search by Optuna: tree-structured Parzen estimators propose, the median of earlier trials prunes.

    Parameters
    ----------
    axes, trials, seed, maximize
        What is tried, how often, what makes it the same another time, and whether the largest is the best.
    """

    listed: Sequence[Mapping[str, Any]] = ()

    def __init__(self, axes: Mapping[str, Axis], trials: int, seed: int, *, maximize: bool) -> None:
        self._optuna = _optuna()
        self.planned = trials
        self._seed = seed
        self._axes = axes
        self._orders = {name: _order(axis) for name, axis in axes.items()}
        self._space = {name: self._distribution(axis) for name, axis in axes.items()}
        direction = "maximize" if maximize else "minimize"
        self._study = self._optuna.create_study(direction=direction, pruner=self._optuna.pruners.MedianPruner())
        self._asked: Any = None

    def ask(self, number: int) -> Mapping[str, Any]:
        """Return the parameters of a trial."""
        own = random.Random(f"{self._seed}/{number}").getrandbits(32)  # noqa: S311 - no secret is made of it
        self._study.sampler = self._optuna.samplers.TPESampler(seed=own)
        self._asked = self._study.ask(self._space)
        return {name: self._value(name, given) for name, given in self._asked.params.items()}

    def report(self, step: int, value: float) -> bool:
        """Take an intermediate value; return whether it is worse than the median of earlier trials at this step."""
        self._asked.report(value, step)
        return bool(self._asked.should_prune())

    def tell(self, trial: Trial) -> None:
        """Take how a trial ended."""
        states = self._optuna.trial.TrialState
        known = {TrialStatus.SUCCEEDED: states.COMPLETE, TrialStatus.PRUNED: states.PRUNED}
        state = known.get(trial.status, states.FAIL)
        value = trial.value if state is states.COMPLETE else None
        if self._asked is not None:
            self._study.tell(self._asked, value, state=state)
            self._asked = None
            return
        given = {name: self._place(name, item) for name, item in trial.parameters.items()}
        if state is states.PRUNED and trial.reports:
            value = trial.reports[max(trial.reports)]
        steps = dict(trial.reports)
        made = self._optuna.trial.create_trial(
            state=state, value=value, params=given, distributions=self._space, intermediate_values=steps
        )
        self._study.add_trial(made)

    def _distribution(self, axis: Axis) -> Any:
        """Return where Optuna draws from; of several values it draws the place, so that all types will do."""
        kinds = self._optuna.distributions
        if isinstance(axis, Interval):
            kind = kinds.IntDistribution if axis.whole else kinds.FloatDistribution
            return kind(axis.low, axis.high, log=axis.log)
        places = len(axis.values)
        return (
            kinds.IntDistribution(0, places - 1)
            if _numeric(axis)
            else kinds.CategoricalDistribution(tuple(range(places)))
        )

    def _value(self, name: str, given: Any) -> Any:
        order = self._orders[name]
        return given if order is None else order[given]

    def _place(self, name: str, value: Any) -> Any:
        """Return what Optuna drew for a value that is on record."""
        order, found = self._orders[name], of_record(self._axes[name], value)
        return found if order is None else order.index(found)


def _order(axis: Axis) -> list[Any] | None:
    """Return the values as Optuna numbers them: by size, where they have one; None for an interval."""
    if isinstance(axis, Interval):
        return None
    return sorted(axis.values) if _numeric(axis) else list(axis.values)


def _numeric(axis: Choices) -> bool:
    kinds = {type(value) for value in axis.values}
    return kinds <= {int, float} and all(value == value for value in axis.values)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        text = "the search optuna needs the package optuna"
        raise UnavailableError("NB932", text, "pip install 'nbprod[sweep]', or --search random") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
