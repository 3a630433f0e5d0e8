"""How results are shown: settings of IPython's formatters, and functions registered with them.

Settings and functions of libraries are carried to later stages as a table of options; a function that only this
process has (`Own`) cannot be, so later stages run in it.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from . import afterimport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRAITS = ("enabled", "float_format", "pprint", "max_width", "max_seq_length", "newline", "verbose")
INLINE = ("figure_formats", "print_figure_kwargs", "close_figures")
BACKEND = "matplotlib_inline.backend_inline"
FIGURE = "matplotlib.figure:Figure"
PICTURES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "png": ("image/png", "print_figure", {"fmt": "png", "base64": True}),
    "retina": ("image/png", "retina_figure", {"base64": True}),
    "png2x": ("image/png", "retina_figure", {"base64": True}),
    "jpg": ("image/jpeg", "print_figure", {"fmt": "jpg", "base64": True}),
    "jpeg": ("image/jpeg", "print_figure", {"fmt": "jpg", "base64": True}),
    "svg": ("image/svg+xml", "print_figure", {"fmt": "svg"}),
    "pdf": ("application/pdf", "print_figure", {"fmt": "pdf", "base64": True}),
}


class Own:
    """Stands for a function that cannot be found by its name."""

    __slots__ = ()

    def __reduce_ex__(self, _: Any) -> NoReturn:
        """Refuse to be stored."""
        raise TypeError("a function that was registered with IPython's formatters exists only in this process")


def settings() -> dict[str, Any]:
    """Return what decides how results are shown."""
    shell = _shell()
    if shell is None:
        return {}
    found: dict[str, Any] = {"interactivity": shell.ast_node_interactivity}
    found["active"] = list(shell.display_formatter.active_types)
    figures: dict[str, Any] = {}
    for mime, formatter in shell.display_formatter.formatters.items():
        found.update((f"{mime} {name}", getattr(formatter, name)) for name in TRAITS if formatter.has_trait(name))
        for kind, function in _printers(formatter):
            (figures if kind == FIGURE else found)[f"{mime} {kind}" if kind != FIGURE else mime] = _described(function)
    inline = _inline()
    if inline is not None:
        found |= {f"inline {name}": getattr(inline, name) for name in INLINE}
        found["figures"] = figures if figures and figures != _expected(inline) else None
    return found


def restore(changed: dict[str, Any]) -> None:
    """Set some of it."""
    shell = _shell()
    if shell is None:
        return
    formatters = shell.display_formatter.formatters
    for key, value in changed.items():
        mime, _, name = key.partition(" ")
        if key == "interactivity":
            shell.ast_node_interactivity = value
        elif key == "active":
            shell.display_formatter.active_types = value
        elif mime == "inline":
            setattr(_inline(make=True), name, value)
        elif key == "figures":
            afterimport.call(BACKEND, functools.partial(_set_figures, value))
        elif mime in formatters:
            _set(formatters[mime], name, value)


def _set(formatter: Any, name: str, value: Any) -> None:
    if ":" in name:
        _register(formatter, name, value)
    else:
        setattr(formatter, name, value)


def _shell() -> Any:
    module = sys.modules.get("IPython.core.interactiveshell")
    return module.InteractiveShell._instance if module is not None else None


def _inline(*, make: bool = False) -> Any:
    """Return the settings of figures in notebooks, None where nothing has used them."""
    if make:
        from matplotlib_inline.config import InlineBackend  # where it is wanted, the stage before had it

        return InlineBackend.instance(parent=_shell())
    module = sys.modules.get("matplotlib_inline.config")
    return module.InlineBackend._instance if module is not None else None


def _printers(formatter: Any) -> Iterator[tuple[str, Any]]:
    for kind, function in list(formatter.type_printers.items()):
        yield f"{kind.__module__}:{kind.__name__}", function
    for (module, name), function in list(formatter.deferred_printers.items()):
        yield f"{module}:{name}", function


def _described(function: Any) -> Any:
    """Return where a function is found, and what it is given besides."""
    given: dict[str, Any] = {}
    if isinstance(function, functools.partial) and not function.args:
        function, given = function.func, dict(function.keywords)
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    found = getattr(sys.modules.get(str(module)), name, None) if module != "__main__" else None
    return [module, name, given] if found is not None and found is function else [str(id(function)), Own()]


def _register(formatter: Any, kind: str, described: Any) -> None:
    module, _, name = kind.partition(":")
    if described is None:
        formatter.deferred_printers.pop((module, name), None)
        for known in [item for item in formatter.type_printers if (item.__module__, item.__name__) == (module, name)]:
            formatter.type_printers.pop(known)
    elif not isinstance(described[-1], Own):
        formatter.for_type_by_name(module, name, _function(described))


def _function(described: Any) -> Callable[..., Any]:
    module, name, given = described
    function = getattr(__import__(module, fromlist=[name]), name)
    return functools.partial(function, **given) if given else function


def _expected(inline: Any) -> dict[str, Any]:
    """Return the functions that show figures when nothing but the settings was changed."""
    chosen = [PICTURES[name] for name in PICTURES if name in inline.figure_formats]
    return {
        mime: ["IPython.core.pylabtools", name, {**given, **inline.print_figure_kwargs}] for mime, name, given in chosen
    }


def _set_figures(described: dict[str, Any] | None, _: Any) -> None:
    inline = _inline(make=True)
    for mime, formatter in _shell().display_formatter.formatters.items():
        _register(formatter, FIGURE, (described or _expected(inline)).get(mime))
