"""The typed request of a model: decoded by msgspec structs made from its inputs, explained by hand where it misfits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .formats import Input, ModelManifest

Columns = dict[str, list[Any]]
MOST_ERRORS = 20
WORDS = {
    "long": "integer",
    "integer": "integer",
    "double": "number",
    "float": "number",
    "string": "string",
    "boolean": "boolean",
    "datetime": "ISO 8601 date or time",
}
RANGES = {"long": (-(2**63), 2**63 - 1), "integer": (-(2**31), 2**31 - 1)}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A request that fits: columns by name, the number of rows, and the fields that the model does not have."""

    columns: Columns
    count: int
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One input as requests see it."""

    name: str
    type: str
    required: bool
    nullable: bool
    low: int
    high: int

    @property
    def word(self) -> str:
        """What a client must send, in a word or two."""
        return WORDS.get(self.type, "any value") + (" or null" if self.nullable and self.type in WORDS else "")

    def annotation(self) -> Any:
        """Return the Python type msgspec checks."""
        match self.type:
            case "long" | "integer":
                found: Any = Annotated[int, msgspec.Meta(ge=self.low, le=self.high)]
            case "double" | "float":
                found = float
            case "string":
                found = str
            case "boolean":
                found = bool
            case "datetime":
                found = str
            case _:
                return Any
        return found | None if self.nullable else found

    def fault(self, value: Any) -> str | None:
        """Return what was got instead of a fitting value, or None when it fits."""
        if value is None:
            return None if self.nullable or self.type not in WORDS else "null"
        return None if self._fits(value) else described(value)

    def typed(self, values: list[Any]) -> list[Any]:
        """Return fitting values as msgspec decodes them: integers sent for numbers become floats."""
        if self.type not in ("double", "float"):
            return values
        return [float(value) if type(value) is int else value for value in values]

    def _fits(self, value: Any) -> bool:
        match self.type:
            case "long" | "integer":
                return type(value) is int and self.low <= value <= self.high
            case "double" | "float":
                return type(value) is float or (type(value) is int and abs(value) < 2**1023)
            case "string":
                return isinstance(value, str)
            case "boolean":
                return isinstance(value, bool)
            case "datetime":
                return isinstance(value, str) and _is_time(value)
            case _:
                return True


class Schema:
    """What a model's requests must look like.

    Parameters
    ----------
    manifest
        `nbprod.json` of the model.
    """

    def __init__(self, manifest: ModelManifest) -> None:
        dtypes = manifest.get("dtypes", {})
        self.fields = [_field(item, dtypes.get(item["name"])) for item in manifest["inputs"]]
        self.times = [field for field in self.fields if field.type == "datetime"]
        row: Any = self._struct("Row")
        columns: Any = self._struct("Columns", many=True)
        parts: list[Any] = [("rows", list[row] | None, None), ("columns", columns | None, None)]
        self._decoder = msgspec.json.Decoder(msgspec.defstruct("Request", parts, forbid_unknown_fields=True))
        self._getters = [(field.name, attrgetter(f"f{number}")) for number, field in enumerate(self.fields)]

    @property
    def names(self) -> list[str]:
        """The names of the inputs, in order."""
        return [field.name for field in self.fields]

    def decode(self, body: bytes) -> Decoded:
        """Return a `/predict` body as columns; raises `Problem` 400 or 422."""
        try:
            return self._checked(self._take(self._decoder.decode(body)))
        except msgspec.ValidationError:
            return self._slowly(_json(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, f"the body is not JSON: {error}. Missing numbers are null, not NaN") from error

    def of_rows(self, rows: Any, at: str) -> Decoded:
        """Return decoded rows as columns; `at` is where they stood in the request. Raises `Problem` 422."""
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise _misfit(at, "array of objects", described(rows))
        faults = (fault for index, row in enumerate(rows) for fault in self._row_faults(row, f"{at}[{index}]"))
        _raise(faults)
        columns = {field.name: field.typed([row.get(field.name) for row in rows]) for field in self.fields}
        return Decoded(columns, len(rows), _unknown(rows, self.names))

    def of_columns(self, columns: Any, at: str) -> Decoded:
        """Return decoded columns; `at` is where they stood in the request. Raises `Problem` 422."""
        if not isinstance(columns, dict):
            raise _misfit(at, "object of arrays", described(columns))
        _raise(self._column_faults(columns, at))
        lengths = {name: len(columns[name]) for name in self.names if name in columns}
        count = _one_length(lengths, at)
        found = {field.name: field.typed(columns.get(field.name, [None] * count)) for field in self.fields}
        return Decoded(found, count, _unknown([columns], self.names))

    def _struct(self, name: str, *, many: bool = False) -> Any:
        parts: list[Any] = []
        for number, field in enumerate(self.fields):
            one: Any = field.annotation()
            kind: Any = list[one] if many else one
            parts.append((f"f{number}", kind) if field.required else (f"f{number}", kind | None, None))
        rename = {f"f{number}": field.name for number, field in enumerate(self.fields)}
        return msgspec.defstruct(name, parts, rename=rename, forbid_unknown_fields=True, kw_only=True)

    def _take(self, request: Any) -> Decoded:
        if (request.rows is None) == (request.columns is None):
            raise _either()
        if request.rows is not None:
            rows = request.rows
            return Decoded({name: [get(row) for row in rows] for name, get in self._getters}, len(rows))
        columns = {name: get(request.columns) for name, get in self._getters}
        count = _one_length({name: len(values) for name, values in columns.items() if values is not None}, "columns")
        return Decoded({name: [None] * count if v is None else v for name, v in columns.items()}, count)

    def _checked(self, decoded: Decoded) -> Decoded:
        for field in self.times:
            values = decoded.columns[field.name]
            _raise(_fault(field, value, f"rows[{row}].{field.name}") for row, value in enumerate(values))
        return decoded

    def _slowly(self, request: Any) -> Decoded:
        if not isinstance(request, dict):
            raise _misfit("the body", 'object {"rows": […]} or {"columns": {…}}', described(request))
        rows, columns = request.get("rows"), request.get("columns")
        if (rows is None) == (columns is None):
            raise _either(tuple(set(request) - {"rows", "columns"}))
        decoded = self.of_rows(rows, "rows") if rows is not None else self.of_columns(columns, "columns")
        extra = tuple(sorted(set(request) - {"rows", "columns"}))
        return Decoded(decoded.columns, decoded.count, (*extra, *decoded.ignored))

    def _row_faults(self, row: Mapping[str, Any], at: str) -> Iterable[dict[str, str] | None]:
        for field in self.fields:
            place = f"{at}.{field.name}"
            if field.name not in row:
                yield {"field": place, "expected": field.word, "got": "nothing"} if field.required else None
            elif row[field.name] is not None or field.required:
                yield _fault(field, row[field.name], place)

    def _column_faults(self, columns: Mapping[str, Any], at: str) -> Iterable[dict[str, str] | None]:
        for field in self.fields:
            place = f"{at}.{field.name}"
            many = f"array of {field.word}"
            if field.name not in columns:
                yield {"field": place, "expected": many, "got": "nothing"} if field.required else None
            elif not isinstance(columns[field.name], list):
                yield {"field": place, "expected": many, "got": described(columns[field.name])}
            else:
                yield from (_fault(field, value, f"{place}[{row}]") for row, value in enumerate(columns[field.name]))


def described(value: Any) -> str:
    """Return a JSON value's type, and a short text of it."""
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean {str(value).lower()}"
        case int() | float():
            return f"number {value!r}"
        case str():
            return f'string "{value[:40]}…"' if len(value) > 40 else f'string "{value}"'
        case list():
            return "array"
        case _:
            return "object"


def integer_range(dtype: str | None, kind: str) -> tuple[int, int]:
    """Return the least and greatest integer of a column."""
    low, high = RANGES.get(kind, (0, 0))
    name = (dtype or "").lower()
    digits = name.removeprefix("u").removeprefix("int")
    if "int" not in name or not digits.isdigit():
        return low, high
    bits = int(digits)
    # msgspec bounds are 64-bit signed; larger unsigned numbers are refused when the column is cast
    return (0, min(2**bits - 1, 2**63 - 1)) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _field(item: Input, dtype: str | None) -> Field:
    solid = dtype is not None and (dtype == "bool" or dtype.startswith(("int", "uint")))
    whole = dtype is None and item["type"] in ("long", "integer", "boolean")
    required = item.get("required", True)
    nullable = not required or not (solid or whole)
    return Field(item["name"], item["type"], required, nullable, *integer_range(dtype, item["type"]))


def _fault(field: Field, value: Any, place: str) -> dict[str, str] | None:
    got = field.fault(value)
    return None if got is None else {"field": place, "expected": field.word, "got": got}


def _raise(faults: Iterable[dict[str, str] | None]) -> None:
    found: list[dict[str, str]] = []
    for fault in faults:
        if fault is not None:
            found.append(fault)
        if len(found) == MOST_ERRORS:
            break
    if found:
        first = found[0]
        raise Problem(422, f"{first['field']}: expected {first['expected']}, got {first['got']}", tuple(found))


def _misfit(place: str, expected: str, got: str) -> Problem:
    fault = {"field": place, "expected": expected, "got": got}
    return Problem(422, f"{place}: expected {expected}, got {got}", (fault,))


def _either(extra: tuple[str, ...] = ()) -> Problem:
    got = f"only {', '.join(sorted(extra))}" if extra else "neither, or both"
    return _misfit("the body", '"rows": [{…}] or "columns": {…: […]}', got)


def _one_length(lengths: Mapping[str, int], at: str) -> int:
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:6])
        raise _misfit(at, "arrays of one length", f"lengths {shown}")
    return next(iter(lengths.values()), 0)


def _unknown(objects: Iterable[Mapping[str, Any]], names: list[str]) -> tuple[str, ...]:
    known = set(names)
    return tuple(dict.fromkeys(key for item in objects for key in item if key not in known))


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from error


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
