"""The one grammar of tags: what cell metadata, cell tags and the `%%mlops` line may say."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Literal

from nbprod.core.errors import UsageError
from nbprod.core.notebook import NAME_PATTERN, ROLES, Tag

if TYPE_CHECKING:
    from collections.abc import Callable

GRAMMAR = (
    "%%mlops stage NAME [--retries N] [--timeout 10m] [--no-cache] [--cache-for 1d] [--resources cpu=2,mem=4Gi,gpu=1] "
    "[--reads FILE] [--metric NAME] [--gate 'accuracy >= 0.9'] [--python PATH] [--model NAME]"
    " | %%mlops parameters|setup|serve|gate|test|skip"
)
OPTIONS = ("retries", "timeout", "cache", "cache_for", "resources", "reads", "metrics", "gates", "python", "model")
FLAGS = {
    "retries": "retries",
    "timeout": "timeout",
    "cache-for": "cache_for",
    "resources": "resources",
    "reads": "reads",
    "metric": "metrics",
    "gate": "gates",
    "python": "python",
    "model": "model",
}
LISTS = ("reads", "metrics", "gates")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

_NAME = re.compile(NAME_PATTERN)


def parse_magic(line: str) -> Tag:
    """Return the tag that a `%%mlops` line gives; raises `UsageError` with the grammar."""
    rest = line.strip().removeprefix("%%mlops")
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise _wrong("NB102", f"%%mlops{rest} cannot be read: {error}") from error
    if not words:
        raise _wrong("NB102", "%%mlops says neither stage nor role")
    role, *more = words
    if role == "stage":
        if not more or more[0].startswith("--"):
            raise _wrong("NB101", "%%mlops stage lacks a name")
        return from_table({"stage": more[0], **_flags(more[1:])}, "magic")
    if more:
        raise _wrong("NB102", f"%%mlops {role} takes no options, {more[0]} was given")
    return from_table({"role": role}, "magic")


def format_tag(tag: Tag) -> str:
    """Return the `%%mlops` line that says the same as `tag`."""
    if tag.role != "stage":
        return f"%%mlops {tag.role}"
    words = ["%%mlops stage", str(tag.stage)]
    flags = {option: flag for flag, option in FLAGS.items()}
    for option, value in tag.options.items():
        if option == "cache":
            words += [] if value else ["--no-cache"]
        elif option == "resources":
            words += ["--resources", ",".join(f"{key}={item}" for key, item in _readable(option, value).items())]
        else:
            items = value if option in LISTS else [_readable(option, value)]
            words += [word for item in items for word in (f"--{flags[option]}", shlex.quote(str(item)))]
    return " ".join(words)


def metadata(tag: Tag) -> dict[str, Any]:
    """Return what cell metadata says under `nbprod` for `tag`."""
    if tag.role != "stage":
        return {"role": tag.role}
    return {"stage": tag.stage, **{key: _readable(key, value) for key, value in tag.options.items()}}


def from_table(given: Any, source: Literal["metadata", "tag", "magic"]) -> Tag:
    """Return the tag that a table such as `{"stage": "train", "retries": 2}` gives; raises `UsageError`."""
    if not isinstance(given, dict):
        raise _wrong("NB102", f"nbprod's metadata of a cell is a table, not {given!r}")
    stage, role = given.get("stage"), given.get("role", "stage")
    if stage is None and role not in ROLES:
        known = ", ".join(("stage", *ROLES))
        raise UsageError("NB102", f"unknown role {role!r}" if role != "stage" else "a stage without a name", known)
    if stage is not None and role != "stage":
        raise _wrong("NB103", f"a cell is either of stage {stage} or of role {role}")
    options = {key: value for key, value in given.items() if key not in ("stage", "role")}
    unknown = [str(key) for key in options if key not in OPTIONS]
    if unknown:
        raise UsageError("NB102", f"unknown option {unknown[0]}", f"known options: {', '.join(OPTIONS)}")
    if stage is None:
        if options:
            raise _wrong("NB102", f"role {role} takes no options, {next(iter(options))} was given")
        return Tag(role, None, {}, source)
    if not isinstance(stage, str) or not _NAME.fullmatch(stage) or stage in (*ROLES, "stage"):
        why = "is a reserved word" if stage in (*ROLES, "stage") else "is no name for a stage"
        raise UsageError("NB101", f"{stage!r} {why}", "a letter or _, then up to 62 letters, digits, _ or -")
    return Tag("stage", stage, {key: _option(key, value) for key, value in options.items()}, source)


def _flags(words: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        flag, given, value = word.removeprefix("--").partition("=")
        if word in ("--no-cache", "--cache"):
            options["cache"] = word == "--cache"
            continue
        if not word.startswith("--") or flag not in FLAGS:
            known = ", ".join(f"--{name}" for name in (*FLAGS, "no-cache"))
            raise UsageError("NB102", f"unknown option {word}", f"known options: {known}")
        text = value if given else next(rest, None)
        if text is None:
            raise _wrong("NB102", f"option {word} lacks a value")
        option = FLAGS[flag]
        options[option] = [*options.get(option, ()), text] if option in LISTS else text
    return options


def _option(key: str, value: Any) -> Any:
    try:
        if key in LISTS:
            items = [value] if isinstance(value, str) else list(value)
            return tuple(_text_of(item) for item in items)
        if key == "resources":
            return _resources(value)
        return _SCALARS[key](value)
    except (TypeError, ValueError) as error:
        raise UsageError("NB104", f"option {key} cannot be {value!r}: {error}", GRAMMAR) from error


def _resources(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = dict(part.split("=", 1) for part in value.split(",") if part)
    unknown = set(value) - {"cpu", "mem", "gpu"}
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]} is none of cpu, mem, gpu")
    return {key: parse_size(item) if key == "mem" else _positive(item) for key, item in value.items()}


def _positive(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not 0 <= number < float("inf"):
        raise ValueError("a number of at least 0 is wanted")
    return number


def _count(value: Any) -> int:
    if isinstance(value, (bool, float)) or int(value) < 0:
        raise ValueError("a whole number of at least 0 is wanted")
    return int(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is wanted")
    return value


def _text_of(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is wanted")
    return value


def parse_duration(value: Any) -> float:
    """Return the seconds of `10m`, `1d` or a number; raises `ValueError` or `TypeError`."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([smhdw])\s*", value) if isinstance(value, str) else None
    return _positive(match[1]) * SECONDS[match[2]] if match else _positive(value)


def parse_size(value: Any) -> int:
    """Return the bytes of `4Gi`, `20GB` or a number; raises `ValueError` or `TypeError`."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([kmgt]?i?)b?\s*", value.lower()) if isinstance(value, str) else None
    return int(_positive(match[1]) * BYTES[match[2]]) if match and match[2] in BYTES else int(_positive(value))


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "retries": _count,
    "timeout": parse_duration,
    "cache": _flag,
    "cache_for": parse_duration,
    "python": _text_of,
    "model": _text_of,
}


def _readable(option: str, value: Any) -> Any:
    """Return an option as people write it: 600.0 as `10m`, 2**32 as `4Gi`."""
    if option in ("timeout", "cache_for"):
        unit = next((unit for unit in "dhms" if value and value % SECONDS[unit] == 0), None)
        return f"{int(value) // SECONDS[unit]}{unit}" if unit else value
    if option == "resources":
        return {key: _readable(key, item) for key, item in value.items()}
    if option == "mem":
        unit = next((unit for unit in ("Ti", "Gi", "Mi", "Ki") if value and value % BYTES[unit.lower()] == 0), None)
        return f"{value // BYTES[unit.lower()]}{unit}" if unit else value
    if option in ("cpu", "gpu") and value == int(value):
        return int(value)
    return list(value) if option in LISTS else value


def _wrong(code: str, message: str) -> UsageError:
    return UsageError(code, message, GRAMMAR)
