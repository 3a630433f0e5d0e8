"""Settings of Python itself and of its standard library, as tables of options: how each is read and set again.

`logger_settings` are those of logging that can be set again anywhere; handlers that cannot are `logger_leftovers`.
"""

from __future__ import annotations

import gc
import importlib.util
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from . import origins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAIN_LOGGER = (logging.NOTSET, True, False)
STREAMS = ("stdout", "stderr")
STYLES = {"PercentStyle": "%", "StrFormatStyle": "{", "StringTemplateStyle": "$"}


def _sys_pair(name: str) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    return getattr(sys, f"get{name}"), getattr(sys, f"set{name}")


def _set_collection(enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()


def _set_zone(_: Any) -> None:
    """Have Python look at the variable TZ again, which is restored before."""
    time.tzset()


def _locale() -> str:
    import locale

    return locale.setlocale(locale.LC_ALL)


def _set_locale(value: str) -> None:
    import locale

    locale.setlocale(locale.LC_ALL, value)


PYTHON: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    **{name.strip("_"): _sys_pair(name) for name in ("recursionlimit", "switchinterval", "_int_max_str_digits")},
    "gc.enabled": (gc.isenabled, _set_collection),
    "gc.threshold": (gc.get_threshold, lambda values: gc.set_threshold(*values)),
    "locale": (_locale, _set_locale),
    "time zone": (lambda: time.tzname, _set_zone),
}


def python_settings() -> dict[str, Any]:
    """Return the settings of the interpreter."""
    return {name: read() for name, (read, _) in PYTHON.items()}


def set_python(changed: dict[str, Any]) -> None:
    """Set some of them."""
    for name, value in changed.items():
        PYTHON[name][1](value)


def socket_settings() -> dict[str, Any]:
    """Return how long sockets wait."""
    return {"timeout": sys.modules["socket"].getdefaulttimeout()}


def set_socket(changed: dict[str, Any]) -> None:
    """Set how long sockets wait."""
    sys.modules["socket"].setdefaulttimeout(changed["timeout"])


def csv_settings() -> dict[str, Any]:
    """Return the limit and the dialects of the module csv."""
    csv = sys.modules["csv"]
    found = {f"dialect {name}": _dialect(csv.get_dialect(name)) for name in csv.list_dialects()}
    return {"limit": csv.field_size_limit(), **found}


def _dialect(dialect: Any) -> dict[str, Any]:
    names = ("delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting", "skipinitialspace")
    return {name: getattr(dialect, name) for name in (*names, "strict")}


def set_csv(changed: dict[str, Any]) -> None:
    """Set some of them."""
    csv = sys.modules["csv"]
    for name, value in changed.items():
        if name == "limit":
            csv.field_size_limit(value)
        elif value is None:
            csv.unregister_dialect(name.removeprefix("dialect "))
        else:
            csv.register_dialect(name.removeprefix("dialect "), **value)


def csv_defaults(_: Any, __: Any) -> dict[str, Any]:
    """Return what csv has when it was just imported."""
    plain = {"delimiter": ",", "doublequote": True, "escapechar": None, "lineterminator": "\r\n", "quotechar": '"',
             "quoting": 0, "skipinitialspace": False, "strict": False}  # fmt: skip
    unix = {**plain, "lineterminator": "\n", "quoting": 1}
    dialects = {"excel": plain, "excel-tab": {**plain, "delimiter": "\t"}, "unix": unix}
    return {"limit": 131072, **{f"dialect {name}": value for name, value in dialects.items()}}


def decimal_settings() -> dict[str, Any]:
    """Return the settings of the decimal context."""
    return _context(sys.modules["decimal"].getcontext())


def decimal_defaults(_: Any, __: Any) -> dict[str, Any]:
    """Return those of a new context."""
    return _context(sys.modules["decimal"].Context())


def _context(context: Any) -> dict[str, Any]:
    found = {name: getattr(context, name) for name in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")}
    for name in ("traps", "flags"):
        found[name] = sorted(kind.__name__ for kind, on in getattr(context, name).items() if on)
    return found


def set_decimal(changed: dict[str, Any]) -> None:
    """Set some of them."""
    context = sys.modules["decimal"].getcontext()
    for name, value in changed.items():
        if name in ("traps", "flags"):
            table = getattr(context, name)
            for kind in list(table):
                table[kind] = kind.__name__ in value
        else:
            setattr(context, name, value)


def sklearn_settings() -> dict[str, Any]:
    """Return scikit-learn's configuration."""
    return dict(sys.modules["sklearn"].get_config())


def sklearn_defaults(_: Any, __: Any) -> dict[str, Any]:
    """Return the configuration of a thread that changed nothing."""
    return dict(sys.modules["sklearn._config"]._global_config)


def set_sklearn(changed: dict[str, Any]) -> None:
    """Set some of it."""
    sys.modules["sklearn"].set_config(**changed)


def logger_settings() -> dict[str, Any]:
    """Return levels of loggers, and their handlers that write to the standard streams."""
    manager = logging.root.manager
    found: dict[str, Any] = {"disable": manager.disable, "warnings": logging._warnings_showwarning is not None}  # type: ignore[attr-defined]  # not in its stub
    for name, logger in _loggers():
        levels = (logger.level, logger.propagate, logger.disabled)
        if name == "" or levels != PLAIN_LOGGER:
            found[f"levels {name}"] = levels
        handlers = [described for handler in logger.handlers if (described := _described(handler)) is not None]
        if handlers:
            found[f"handlers {name}"] = handlers
    return found


def logger_defaults(_: Any, __: Any) -> dict[str, Any]:
    """Return the settings of a process in which nobody logged."""
    return {"disable": 0, "warnings": False, "levels ": (logging.WARNING, True, False)}


def set_loggers(changed: dict[str, Any]) -> None:
    """Set some of them."""
    for key, value in changed.items():
        what, _, name = key.partition(" ")
        logger = logging.getLogger(name or None)
        if what == "disable":
            logging.disable(value)
        elif what == "warnings":
            logging.captureWarnings(value)
        elif what == "levels":
            logger.level, logger.propagate, logger.disabled = value or PLAIN_LOGGER
            logger.manager._clear_cache()  # type: ignore[attr-defined]  # not in its stub
        else:
            for handler in [handler for handler in logger.handlers if _described(handler) is not None]:
                logger.removeHandler(handler)
            for described in value or ():
                logger.addHandler(_handler(*described))


def _loggers() -> Iterator[tuple[str, logging.Logger]]:
    yield "", logging.root
    for name, logger in sorted(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger):
            yield name, logger


def _described(handler: logging.Handler) -> tuple[Any, ...] | None:
    """Return what makes an equal handler, None for one that is more than a standard stream with a format."""
    formatter = handler.formatter
    plain = formatter is None or (type(formatter) is logging.Formatter and type(formatter._style).__name__ in STYLES)
    if type(handler) is not logging.StreamHandler or handler.filters or not plain:
        return None
    stream = next((name for name in STREAMS if handler.stream in (getattr(sys, name), getattr(sys, f"__{name}__"))), "")
    if not stream:
        return None
    if formatter is None:
        return stream, handler.level, handler.name, None
    style = STYLES[type(formatter._style).__name__]
    return stream, handler.level, handler.name, (formatter._fmt, formatter.datefmt, style)


def _handler(stream: str, level: int, name: str | None, formatter: tuple[Any, Any, Any] | None) -> logging.Handler:
    handler = logging.StreamHandler(getattr(sys, stream))
    handler.setLevel(level)
    if name is not None:
        handler.set_name(name)
    if formatter is not None:
        handler.setFormatter(logging.Formatter(*formatter))
    return handler


def logger_leftovers() -> dict[str, int]:
    """Return handlers and filters that exist only in this process, by logger; those of libraries are made anew."""
    found: dict[str, int] = {}
    for name, logger in _loggers():
        own = [handler for handler in logger.handlers if _described(handler) is None and not _idle(handler)]
        if (own or logger.filters) and not _of_a_library(name.partition(".")[0]):
            found[name or "root"] = len(own) + len(logger.filters)
    return found


def _of_a_library(package: str) -> bool:
    """Whether a package is loaded, or installed: mlflow sets up the loggers of packages that it may load later."""
    if not package or package == "__main__":
        return False
    if package in sys.modules:
        return True
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return False
    return spec is not None and origins.kind(spec.origin or "") == "library"


def _idle(handler: logging.Handler) -> bool:
    """Whether a handler does nothing, or belongs to the machinery that runs cells."""
    places = (type(handler).__module__, type(handler.formatter).__module__)  # a kernel's own is told by its formatter
    return isinstance(handler, logging.NullHandler) or any(
        place.startswith(("_pytest", "absl", "traitlets", "ipykernel")) for place in places
    )
