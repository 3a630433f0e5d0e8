"""Options and generators of libraries: how each is read, what it is in a fresh process, and how it is set again.

A `Kind` belongs to a module and matters only once the user's code loaded it. Its state is either one value, or a table
of options of which only the changed ones are kept.
"""

from __future__ import annotations

import importlib
import random
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import formatting, settings

if TYPE_CHECKING:
    from collections.abc import Callable

NUMPY_PRINT = {
    "edgeitems": 3, "threshold": 1000, "floatmode": "maxprec", "precision": 8, "suppress": False, "linewidth": 75,
    "nanstr": "nan", "infstr": "inf", "sign": "-", "formatter": None, "legacy": False, "override_repr": None,
}  # fmt: skip
NUMPY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
BLOCKS = 1000
"""How many blocks of 624 draws a generator nobody seeded is followed before its state is taken for a seeded one."""
OF_THE_MACHINE = frozenset({"display.encoding"})
OF_THE_SESSION = frozenset({
    "backend", "backend_fallback", "interactive", "toolbar", "timezone", "webagg.port", "webagg.address",
    "webagg.open_in_browser",
})  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of state that a library keeps.

    Attributes
    ----------
    module
        The module that has to be loaded for the state to exist.
    read
        Return the state; a dict when `options`.
    write
        Set the state, or the changed options.
    fresh
        Given a state and the one before the stage (None: the library was not loaded yet), whether it means nothing:
        it is that of a fresh process, or nobody seeded it. For options: their defaults.
    options
        Whether the state is a table of which only the changed entries are kept.
    keep
        Whether `fresh` needs the whole state before the stage.
    """

    module: str
    read: Callable[[], Any]
    write: Callable[[Any], None]
    fresh: Callable[[Any, Any], Any]
    options: bool = False
    keep: bool = False

    def load(self) -> None:
        """Import the module; only called when there is something to set."""
        importlib.import_module(self.module)

    @property
    def loaded(self) -> bool:
        """Whether the user's code loaded the library, completely."""
        module = sys.modules.get(self.module)
        return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def _numpy_read() -> tuple[Any, ...]:
    name, key, position, has_gauss, gauss = sys.modules["numpy.random"].get_state()
    return name, [int(word) for word in key], int(position), int(has_gauss), float(gauss)


def _numpy_write(state: tuple[Any, ...]) -> None:
    name, key, *rest = state
    numpy = sys.modules["numpy"]
    numpy.random.set_state((name, numpy.array(key, dtype=numpy.uint32), *rest))


def _numpy_fresh(state: tuple[Any, ...], _: Any) -> bool:
    """Whether the entropy of the machine seeded numpy's global generator, and numbers were drawn from it at most."""
    numpy = sys.modules["numpy"]
    seeds = getattr(numpy.random.mtrand._rand._bit_generator, "seed_seq", None)
    if seeds is None:
        return False
    generator = numpy.random.MT19937(seeds)
    for _block in range(BLOCKS):
        if generator.state["state"]["key"].tolist() == state[1]:
            return True
        generator.random_raw(len(state[1]), output=False)
    return False


def _random_fresh(state: tuple[Any, ...], before: Any) -> bool:
    """Whether numbers were drawn from `before` at most, which nobody had seeded."""
    if before is None or "random" in SEEDED:
        return False
    generator = random.Random()  # noqa: S311 - follows the user's own generator
    generator.setstate((before[0], tuple(before[1]), before[2]))
    key = state[1][:-1]
    for _block in range(BLOCKS):
        if generator.getstate()[1][:-1] == key:
            return True
        generator.getrandbits(32 * len(key))
    return False


def _random_write(state: tuple[Any, ...]) -> None:
    SEEDED.add("random")
    random.setstate(state)


SEEDED: set[str] = set()
"""Generators that were seeded in this process, or by an earlier stage: they are to be followed in any case."""


def _numpy_options() -> dict[str, Any]:
    numpy = sys.modules["numpy"]
    found = {f"print.{name}": value for name, value in numpy.get_printoptions().items()}
    found["call"] = numpy.geterrcall()
    return found | {f"error.{name}": value for name, value in numpy.geterr().items()}


def _numpy_set_options(changed: dict[str, Any]) -> None:
    numpy = sys.modules["numpy"]
    if "call" in changed:
        numpy.seterrcall(changed["call"])
    numpy.seterr(**{name[6:]: value for name, value in changed.items() if name.startswith("error.")})
    known = numpy.get_printoptions()
    numpy.set_printoptions(**known | {name[6:]: value for name, value in changed.items() if name[6:] in known})


def _numpy_defaults(_: Any, __: Any) -> dict[str, Any]:
    found = {f"print.{name}": value for name, value in NUMPY_PRINT.items()} | {"call": None}
    return found | {f"error.{name}": value for name, value in NUMPY_ERRORS.items()}


def _registry() -> dict[str, Any]:
    """Return pandas' table of options; empty when it is not where it has been since pandas 1."""
    config = sys.modules.get("pandas._config.config")
    return getattr(config, "_registered_options", {})


def _pandas_options() -> dict[str, Any]:
    pandas, found = sys.modules["pandas"], {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in set(_registry()) - OF_THE_MACHINE:
            found[name] = pandas.get_option(name)
    return found


def _pandas_set_options(changed: dict[str, Any]) -> None:
    pandas = sys.modules["pandas"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sorted(set(changed) & set(_registry())):
            pandas.set_option(name, changed[name])


def _pandas_defaults(_: Any, __: Any) -> dict[str, Any]:
    return {name: option.defval for name, option in _registry().items()}


def _matplotlib_options() -> dict[str, Any]:
    parameters = sys.modules["matplotlib"].rcParams
    return {name: value for name, value in dict.items(parameters) if name not in OF_THE_SESSION}


def _matplotlib_set_options(changed: dict[str, Any]) -> None:
    sys.modules["matplotlib"].rcParams.update(changed)


def _matplotlib_defaults(_: Any, __: Any) -> dict[str, Any]:
    return dict(dict.items(sys.modules["matplotlib"].rcParamsOrig))


def _torch_read() -> bytes:
    return bytes(sys.modules["torch"].get_rng_state().numpy().tobytes())


def _torch_write(state: bytes) -> None:
    torch = sys.modules["torch"]
    torch.set_rng_state(torch.tensor(list(state), dtype=torch.uint8))


def _torch_fresh(state: bytes, _: Any) -> bool:
    return bool(sys.modules["torch"].Generator().get_state().numpy().tobytes() == state)


def _as_it_is(state: Any, _: Any) -> Any:
    return state


KINDS: dict[str, Kind] = {
    "random": Kind("random", random.getstate, _random_write, _random_fresh, keep=True),
    "numpy.random": Kind("numpy.random", _numpy_read, _numpy_write, _numpy_fresh),
    "torch": Kind("torch", _torch_read, _torch_write, _torch_fresh),
    "numpy.options": Kind("numpy", _numpy_options, _numpy_set_options, _numpy_defaults, options=True),
    "pandas.options": Kind("pandas", _pandas_options, _pandas_set_options, _pandas_defaults, options=True),
    "matplotlib": Kind("matplotlib", _matplotlib_options, _matplotlib_set_options, _matplotlib_defaults, options=True),
    "sklearn": Kind(
        "sklearn", settings.sklearn_settings, settings.set_sklearn, settings.sklearn_defaults, options=True
    ),
    "python": Kind("sys", settings.python_settings, settings.set_python, _as_it_is, options=True),
    "logging": Kind("logging", settings.logger_settings, settings.set_loggers, settings.logger_defaults, options=True),
    "decimal": Kind(
        "decimal", settings.decimal_settings, settings.set_decimal, settings.decimal_defaults, options=True
    ),
    "display": Kind("IPython", formatting.settings, formatting.restore, _as_it_is, options=True),
    "csv": Kind("csv", settings.csv_settings, settings.set_csv, settings.csv_defaults, options=True),
    "socket": Kind(
        "socket", settings.socket_settings, settings.set_socket, lambda _, __: {"timeout": None}, options=True
    ),
}
