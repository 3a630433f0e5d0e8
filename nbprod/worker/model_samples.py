"""Example rows of a model: which of the notebook's values `predict` takes, and what it answers on them."""

from __future__ import annotations

import copy
import inspect
import itertools
import re
import time
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .model_schema import is_array, is_frame, is_series, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_HERE = str(Path(__file__).parent)
ROWS = 500
ROWS_EACH = 100
TRIAL = 3
PATIENCE = 5.0


class ModelFailed(Exception):
    """No model can be written: what happened and what to do next, as `nbprod.core.errors.ModelError` says it.

    Parameters
    ----------
    code, message, hint
        As in the error tree.
    """

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Form:
    """What `predict` is given.

    `kind` is `table`, `array`, `records`, `record`, `text` or `scalar`; `rows` the frame, array or list of rows (at
    most 500), `batch` whether one call takes them all, `spread` whether a row's values are given as named arguments,
    `whole` the value the rows were taken from, `argument` the parameter's name.
    """

    kind: str
    rows: Any
    batch: bool
    whole: Any = None
    argument: str | None = None
    spread: bool = False

    def head(self, count: int) -> Form:
        """Return the same with the first `count` rows only."""
        return replace(self, rows=self.rows[:count])


@dataclass(frozen=True)
class Sample:
    """Rows of a form with the notebook's own answers; `raw` is what `predict` returned, the others are JSON."""

    form: Form
    raw: Any
    predictions: list[Any]
    probabilities: list[list[float]] | None = None
    optional: frozenset[str] = field(default=frozenset())


def sample(model: Any, kind: str, names: Iterable[str], namespace: Mapping[str, Any]) -> Sample:
    """Return example rows for `model` among the notebook's values, those called `names` first."""
    function = kind == "function"
    forms = _function_forms(model, names, namespace) if function else _estimator_forms(model, names, namespace)
    failure = None
    for form in forms:
        try:
            ask(model.predict, form.head(TRIAL))
        except Exception as error:  # noqa: BLE001  # the user's predict may raise anything: another value may fit
            failure = failure or error
            continue
        return _asked(model, form, function=function)
    raise _nothing_fits(model, function=function, failure=failure)


def ask(call: Callable[..., Any], form: Form) -> Any:
    """Return what `call` answers on a copy of the form's rows; raises ValueError unless it is one answer a row."""
    rows = copy.deepcopy(form.rows)
    if not form.batch:
        return [call(**row) if form.spread else call(row) for row in rows]
    raw = call(rows)
    count = len(raw) if hasattr(raw, "__len__") and not isinstance(raw, str | dict) else None
    if count != len(rows):
        got = "one answer" if count is None else f"{count} answers"
        raise ValueError(f"predict gave {got} for {len(rows)} rows; give one for each row")
    return raw


def answers(raw: Any) -> list[Any]:
    """Return what `predict` returned as JSON, one entry a row."""
    found: list[Any] = plain(raw)
    return found


def _asked(model: Any, form: Form, *, function: bool) -> Sample:
    try:
        raw = ask(model.predict, form)
    except Exception as error:
        raise failed(error) from error
    probabilities = _probabilities(model, form)
    optional = _unused(model, form, raw) if function and form.kind == "table" else frozenset()
    return Sample(form, raw, answers(raw), probabilities, optional)


def _probabilities(model: Any, form: Form) -> list[list[float]] | None:
    if not hasattr(model, "predict_proba"):
        return None
    try:
        found = plain(ask(model.predict_proba, form))
    except Exception:  # noqa: BLE001  # an estimator may have the method and refuse it, such as SVC(probability=False)
        return None
    table = isinstance(found, list) and all(isinstance(row, list) for row in found)
    flat = table and not any(isinstance(item, list) for row in found for item in row)
    return found if flat else None


def _unused(model: Any, form: Form, raw: Any) -> frozenset[str]:
    """Return the columns without which a function gives the very same answers: a request may leave them out.

    A slow function is not asked about all of them; then the others stay required.
    """
    expected, unused = answers(raw), []
    end = time.monotonic() + PATIENCE
    for name in form.rows.columns:
        if time.monotonic() > end:
            break
        try:
            same = answers(ask(model.predict, replace(form, rows=form.rows.drop(columns=name)))) == expected
        except Exception:  # noqa: BLE001  # it raises without the column: the column is needed
            same = False
        if same:
            unused.append(str(name))
    return frozenset(unused)


def failed(error: BaseException) -> ModelFailed:
    """Return the refusal of a model whose `predict` raised, with the user's own part of the traceback."""
    text = "".join(traceback.format_exception(error)).rstrip()
    frames = re.split(r'(?m)^(?=  File ")', text)
    shown = "".join(frame for frame in frames if _HERE not in frame.partition("\n")[0])
    return ModelFailed(
        "NB623",
        f"predict fails on rows of this notebook: {type(error).__name__}: {error}\n{shown}",
        "call predict on a few rows in the notebook and mend what it says",
    )


def _nothing_fits(model: Any, *, function: bool, failure: BaseException | None) -> ModelFailed:
    if failure is not None:
        return failed(failure)
    if function:
        argument = next(iter(_parameters(model.predict)), "df")
        hint = f"bind rows to a name that a stage leaves, best `{argument}`, what predict is given"
    else:
        hint = "bind the features to a name that a stage leaves, such as X_test"
    return ModelFailed("NB622", "no value of the notebook holds rows the model can predict", hint)


def _ordered(names: Iterable[str], namespace: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values called `names`, rows held out for tests first, then all other frames and arrays, each once."""
    given = [name for name in dict.fromkeys(names) if name in namespace]
    given.sort(key=lambda name: re.search(r"(?i)test|valid|hold", name) is None)
    rest = [name for name, value in namespace.items() if _rows(value) and not name.startswith("_")]
    seen: set[int] = set()
    for name in itertools.chain(given, rest):
        value = namespace[name]
        if id(value) not in seen:
            seen.add(id(value))
            yield value


def _rows(value: Any) -> bool:
    return is_frame(value) or is_series(value) or is_array(value) or isinstance(value, list)


def _estimator_forms(model: Any, names: Iterable[str], namespace: Mapping[str, Any]) -> Iterator[Form]:
    columns = _attribute(model, "feature_names_in_")
    width = _attribute(model, "n_features_in_")
    for value in _ordered(names, namespace):
        if columns is not None:
            wanted = list(columns)
            if is_frame(value) and len(value) and value.columns.is_unique and set(wanted) <= set(value.columns):
                yield _table(value[wanted])
        elif width is not None:
            array = _as_array(value)
            if array is not None and array.ndim >= 2 and array.shape[1] == width and len(array):
                yield Form("array", array[:ROWS], True, array)
        else:
            yield from _forms(value, None)


def _attribute(model: Any, name: str) -> Any:
    try:
        return getattr(model, name, None)
    except Exception:  # noqa: BLE001  # scikit-learn's delegating properties raise what they like
        return None


def _as_array(value: Any) -> Any:
    if is_array(value):
        return value
    if is_frame(value):
        return value.to_numpy()
    if hasattr(value, "toarray") and hasattr(value, "tocsr"):
        return value.tocsr()[:ROWS].toarray()
    return None


def _table(frame: Any) -> Form:
    """Return the form of a frame; rows with an infinity are left out, JSON has no word for it."""
    head = frame.head(ROWS)
    numbers = head.select_dtypes("number")
    finite = ~numbers.isin([float("inf"), float("-inf")]).any(axis=1)
    return Form("table", head[finite].reset_index(drop=True), True, frame)


def _parameters(function: Any) -> list[str]:
    try:
        return [
            name
            for number, (name, item) in enumerate(inspect.signature(function).parameters.items())
            if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
            and (number == 0 or item.default is item.empty)
        ]
    except (TypeError, ValueError):
        return []


def _function_forms(model: Any, names: Iterable[str], namespace: Mapping[str, Any]) -> Iterator[Form]:
    parameters = _parameters(model.predict)
    if not parameters:
        raise ModelFailed(
            "NB627", "predict takes no argument", "let the serve cell define predict(df), or predict(record: dict)"
        )
    if len(parameters) > 1:
        yield from _spread_forms(parameters, names, namespace)
        return
    argument = parameters[0]
    wanted = hint(model.predict, argument) or ("table" if is_frame(namespace.get(argument)) else None)
    for value in _ordered([argument, *names], namespace):
        for form in _forms(value, wanted):
            yield replace(form, argument=argument)


def _spread_forms(parameters: list[str], names: Iterable[str], namespace: Mapping[str, Any]) -> Iterator[Form]:
    """Yield rows with a value for each of several parameters: of a frame, of records, of values so named."""
    for value in _ordered(names, namespace):
        rows = value.head(ROWS_EACH).to_dict(orient="records") if is_frame(value) else value
        if (
            isinstance(rows, list)
            and rows
            and all(isinstance(row, dict) and set(parameters) <= set(row) for row in rows)
        ):
            chosen = [{name: row[name] for name in parameters} for row in rows[:ROWS_EACH]]
            yield Form("scalar", chosen, False, chosen, spread=True)
    if all(name in namespace for name in parameters):
        row = {name: namespace[name] for name in parameters}
        yield Form("scalar", [row], False, [row], spread=True)


def hint(function: Any, argument: str) -> str | None:
    """Return the input kind that the annotation of `argument` names, or None."""
    annotation = getattr(function, "__annotations__", {}).get(argument)
    if annotation is None:
        return None
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", None) or str(annotation)
    text = str(annotation) if "[" in str(annotation) else text
    if re.search(r"list\[\s*(dict|Mapping)|(List|Sequence|Iterable)\[\s*(typing\.)?(dict|Dict|Mapping)", text):
        return "records"
    for pattern, kind in ((r"DataFrame", "table"), (r"ndarray|ArrayLike", "array"), (r"(?i)dict|mapping", "record")):
        if re.search(pattern, text):
            return kind
    return {"str": "text", "float": "scalar", "int": "scalar", "bool": "scalar"}.get(text)


def _forms(value: Any, wanted: str | None) -> Iterator[Form]:
    """Yield the ways in which rows of `value` may be given to `predict`, `wanted` being what its annotation says."""
    for form in _possible(value):
        if wanted in (None, form.kind) and len(form.rows) and not (wanted in ("text", "scalar") and form.batch):
            yield form


def _possible(value: Any) -> Iterator[Form]:
    if is_frame(value) and value.columns.is_unique:
        yield _table(value)
        rows = value.head(ROWS).to_dict(orient="records")
        yield Form("records", rows, True, rows)
        yield Form("record", rows[:ROWS_EACH], False, rows)
        yield Form("array", value.to_numpy()[:ROWS], True, value.to_numpy())
    elif is_array(value) and value.ndim >= 2:
        yield Form("array", value[:ROWS], True, value)
    elif is_series(value) or (is_array(value) and value.ndim == 1):
        yield from _flat(value.tolist())
    elif isinstance(value, list):
        yield from _flat(value)
    elif isinstance(value, dict | str | float | int):
        yield from _flat([value])


def _flat(values: list[Any]) -> Iterator[Form]:
    kind = _kind_of(values)
    if kind is None:
        return
    batch = {"records": "records", "text": "text", "scalar": "scalar"}[kind]
    yield Form(batch, values[:ROWS], True, values)
    yield Form("record" if kind == "records" else kind, values[:ROWS_EACH], False, values)


def _kind_of(values: list[Any]) -> str | None:
    for kind, types in (("records", dict), ("text", str), ("scalar", int | float)):
        if values and all(isinstance(value, types) for value in values[:ROWS]):
            return kind
    return None
