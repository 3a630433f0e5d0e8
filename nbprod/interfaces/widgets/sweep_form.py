"""The controls of `SweepView`: for each parameter the values to try; metric, direction, begin, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.core.errors import NbprodError
from nbprod.core.sweep import SEARCHES
from nbprod.interfaces.widgets import controls

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.core.pipeline import Parameter, Pipeline
    from nbprod.interfaces.widgets.sweep_view import SweepView

POINTS, MOST_POINTS = 3, 25
TRIALS = 20
NUMERIC = ("int", "float")


class SweepForm:
    """A form of the parameters of `pipeline`; what is ticked in it goes to `view.grid`.

    Parameters
    ----------
    view
        What it controls.
    pipeline
        Its parameters are the rows.
    """

    def __init__(self, view: SweepView, pipeline: Pipeline) -> None:
        import ipywidgets

        self._view, self._pipeline = view, pipeline
        self._start = controls.button("Start", view.pressed(view.start), primary=True)
        self._stop = controls.button("Stop", view.pressed(view.stop))
        self._state = controls.status()
        metric = ipywidgets.Combobox(
            value=view.metric, options=view.metrics, description="metric", ensure_option=False, placeholder="accuracy"
        )
        ways = [("largest is best", True), ("smallest is best", False)]
        way = ipywidgets.Dropdown(options=ways, value=view.maximize)
        searches = [("all, or random of intervals", None), *((name, name) for name in SEARCHES)]
        search = ipywidgets.Dropdown(value=view.search, options=searches, description="search")
        self._trials = ipywidgets.BoundedIntText(value=view.trials or TRIALS, min=1, max=1000, description="trials")
        for widget, name in ((metric, "metric"), (way, "maximize"), (search, "search"), (self._trials, "trials")):
            widget.observe(self._setter(name), names="value")
        for widget in (search, self._trials):
            widget.style.description_width = controls.LABEL if widget is search else "auto"
            widget.layout.width = controls.FIELD if widget is search else "105px"
        metric.style.description_width = controls.LABEL
        metric.layout.width = controls.FIELD
        way.layout.width = "auto"
        rows = [_Row(item, view, self._changed).box for item in pipeline.parameters]
        self.box = ipywidgets.VBox(
            [
                *rows,
                controls.line(metric, way),
                controls.line(search, self._trials),
                controls.line(self._start, self._stop, self._state),
            ]
        )
        self._changed()

    def tell(self) -> None:
        """Enable what can be done now, and say how many runs there will be."""
        self._changed()

    def _setter(self, name: str) -> Callable[[Any], None]:
        def take(change: Any) -> None:
            setattr(self._view, name, change["new"])
            self._changed()

        return take

    def _changed(self) -> None:
        count, told = self._count()
        working = self._view.working
        self._start.disabled = working or not count or not self._view.metric
        self._stop.disabled = not working
        self._trials.layout.display = "none" if self._view.search in (None, "grid") else None
        self._state.value = controls.told("running") if working else controls.words_of(told)

    def _count(self) -> tuple[int, str]:
        """Return how many runs there will be, and that as a text, or why there are none."""
        if not self._view.grid:
            return 0, "tick a parameter to try values of it"
        try:
            count = api.sweep_count(self._pipeline, self._view.grid)
        except NbprodError as error:
            return 0, error.message
        if self._view.search not in (None, "grid"):
            count = self._view.trials or self._trials.value
        return count, f"{count} {'run' if count == 1 else 'runs'}"


class _Row:
    """One parameter: whether it is varied, a slider and a number of points for numbers, and the values as text."""

    def __init__(self, item: Parameter, view: SweepView, changed: Callable[[], None]) -> None:
        import ipywidgets

        self._item, self._view, self._told = item, view, changed
        given = view.grid.get(item.name)
        self._vary = ipywidgets.Checkbox(value=given is not None, description=item.name, indent=False)
        self._vary.layout.width = controls.LABEL
        self._vary.tooltip = item.help or item.type
        self._values = ipywidgets.Text(value=given or "", placeholder="1,2,3 or 2:10:2 or 0.001..0.1:log")
        self._values.layout.width = "220px"
        self._values.tooltip = f"values of {item.name}, separated by commas"
        numeric = self._number(given)
        self._parts = [*numeric, self._values]
        about = controls.line(self._vary, self._values, controls.note(f"now {item.default_source}  {item.help}"))
        ranges = controls.line(*numeric)
        ranges.layout.margin = f"0 0 0 {controls.LABEL}"
        self.box = ipywidgets.VBox([about, *([ranges] if numeric else [])])
        self._vary.observe(self._ticked, names="value")
        self._values.observe(self._typed, names="value")
        self._ticked(None)

    def _number(self, given: str | None) -> list[Any]:
        """Return slider, number of points and spacing of a number; what they say is written as values."""
        import ipywidgets

        default = self._item.default
        if self._item.type not in NUMERIC or isinstance(default, bool) or not isinstance(default, int | float):
            return []
        whole = self._item.type == "int"
        slider = ipywidgets.IntRangeSlider if whole else ipywidgets.FloatRangeSlider
        low, high = bounds(default, whole=whole)
        step = 1 if whole else (high - low) / 100
        about = {"min": low, "max": high, "step": step, "continuous_update": False, "readout": False}
        self._range = slider(value=middle(default, low, high, whole=whole), **about)
        self._range.layout.width = "260px"
        self._range.tooltip = f"range of {self._item.name}"
        self._points = ipywidgets.BoundedIntText(value=POINTS, min=1, max=MOST_POINTS, description="points")
        self._points.style.description_width = "auto"
        self._points.layout.width = "105px"
        self._spacing = ipywidgets.Dropdown(options=["even", "by factor"], value="even")
        self._spacing.layout.width = "100px"
        self._spacing.tooltip = "how the points are spaced"
        for widget in (self._range, self._points, self._spacing):
            widget.observe(self._slid, names="value")
        if given is None:
            self._slid(None)
        return [self._range, self._points, self._spacing]

    def _slid(self, _change: Any) -> None:
        low, high = self._range.value
        factor = self._spacing.value == "by factor" and low > 0
        found = spread(low, high, self._points.value, factor=factor, whole=self._item.type == "int")
        self._values.value = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in found)

    def _ticked(self, _change: Any) -> None:
        for widget in self._parts:
            widget.layout.display = None if self._vary.value else "none"
        self._typed(None)

    def _typed(self, _change: Any) -> None:
        if self._vary.value and self._values.value.strip():
            self._view.grid[self._item.name] = self._values.value
        else:
            self._view.grid.pop(self._item.name, None)
        self._told()


def bounds(default: float, *, whole: bool) -> tuple[Any, Any]:
    """Return the ends of a slider around a parameter's own value: from nothing to twice as much."""
    if default == 0:
        return (0, 10) if whole else (0.0, 1.0)
    low, high = sorted((0, 2 * default))
    if whole:
        return (1, max(4, high)) if default > 0 else (low, high)
    return (default / 10, 2 * default) if default > 0 else (float(low), float(high))


def middle(default: float, low: float, high: float, *, whole: bool) -> tuple[Any, Any]:
    """Return where a slider begins: half a parameter's own value to one and a half of it."""
    first, last = sorted((default / 2, default * 1.5)) if default else (low, high)
    first, last = max(low, first), min(high, last)
    return (round(first), round(last)) if whole else (first, last)


def spread(low: float, high: float, points: int, *, factor: bool, whole: bool) -> list[Any]:
    """Return so many values from `low` to `high`: evenly, or by a constant factor; whole ones only once each."""
    if points == 1 or low == high:
        found = [(low * high) ** 0.5 if factor else (low + high) / 2]
    elif factor:
        found = [low * (high / low) ** (at / (points - 1)) for at in range(points)]
    else:
        found = [low + (high - low) * at / (points - 1) for at in range(points)]
    if whole:
        return list(dict.fromkeys(round(value) for value in found))
    return list(dict.fromkeys(float(f"{value:.4g}") for value in found))
