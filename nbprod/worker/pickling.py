"""Pickling of what a notebook makes: its own functions and classes too, and never the notebook's namespace.

What is defined in a notebook lives in one namespace, the `__main__` of the process that runs a stage. A stage that
loads a value has such a namespace of its own, so a stored function is bound to the namespace it is loaded into. Names
given as references are not stored at all: the loading namespace has defined them itself.
"""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import types
import warnings
from functools import _lru_cache_wrapper, cached_property
from typing import TYPE_CHECKING, Any

from cloudpickle import cloudpickle

from . import arrays, constants, objects, preload, reducers, remembering, sets, subarrays
from .unstorable import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

PROTOCOL = 5
IN_BAND = 64 << 10
"""Buffers below this size stay inside the pickle: a file for each would cost more than it saves."""
NAMESPACE = ("nbprod", "<namespace>")
PROLOGUE = b"\x80\x05c" + "\n".join(NAMESPACE).encode() + b"\n\x940"
"""Puts the loading namespace at index 0 of the memo, where the pickler has the storing one."""
ROOMS = ("nbprod_worker", "nbprod.worker")
SINGLE_INSTANCES = (("random", "_inst"), ("numpy.random.mtrand", "_rand"))


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles one object graph of a notebook.

    Parameters
    ----------
    namespace
        The `__main__` of the stage.
    references
        Names of definitions to refer to instead of storing them.
    memories
        For arrays known to share memory: that memory and its address, by the array's id.

    Attributes
    ----------
    buffers
        The large buffers, in the order in which they have to be given to `loads`; those of tables by column.
    used
        The references that were needed.
    needs
        Names of the namespace that stored functions read.
    made
        Identities of the classes and functions that were stored by value.
    arrays
        The arrays met that may share memory with others, by id.
    weak
        What weak references refer to; they are not followed if `strong` is set.
    blocks
        The arrays that tables keep their content in and change in place, by id.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        references: Collection[str] = (),
        memories: dict[int, tuple[Any, int]] | None = None,
    ) -> None:
        self.file = io.BytesIO()
        self.buffers: list[memoryview] = []
        super().__init__(self.file, protocol=PROTOCOL, buffer_callback=self._take)
        self.namespace = namespace
        self.memo = {id(namespace): (0, namespace)}
        self.by_id = {id(namespace[name]): name for name in references if name in namespace and self._own(name)}
        self.references = references
        self.memories = memories or {}
        self.used: set[str] = set()
        self.needs: set[str] = set()
        self.made: set[int] = set()
        self.arrays: dict[int, Any] = {}
        self.weak: list[Any] = []
        self.strong = False
        self.blocks: dict[int, Any] = {}
        self._apart: dict[int, Any] = {id(memory): memory for memory, _ in self.memories.values()}
        self._reducers: dict[type, Callable[[Any], Any] | None] = {}

    def _own(self, name: str) -> bool:
        """Say whether `name` is code the notebook made: what it imported is stored by its own module's name."""
        value = self.namespace[name]
        if isinstance(value, types.ModuleType) or type(value) in constants.MUTABLE:
            return False
        home = self.namespace.get("__name__", "__main__")
        return not isinstance(value, type | types.FunctionType) or value.__module__ in (home, "__main__")

    def dumps(self, value: object) -> bytes:
        """Return the pickle of `value`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.dump(value)
        return PROLOGUE + self.file.getvalue()

    def mutable_ids(self) -> Iterator[tuple[int, object]]:
        """Yield identity and object of everything that was pickled by value and had to be remembered."""
        for identity, (_, value) in self.memo.copy().items():
            if identity not in self._apart and identity not in self.by_id and value is not self.namespace:
                yield identity, value

    def holds(self, value: object, targets: Sequence[Any]) -> bool:
        """Say whether `value` itself, without weak references, holds all of `targets`."""
        self.strong = True
        self.dumps(value)
        met = self.memo.copy()
        return all(id(target) in met for target in targets)

    def shared_memory(self) -> Iterator[tuple[int, Any]]:
        """Yield identity and array of all that may share memory with others."""
        yield from self.arrays.items()
        yield from self.blocks.items()

    def _take(self, buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes >= IN_BAND:
            self.buffers.append(arrays.by_row(buffer, IN_BAND) if id(memoryview(buffer).obj) in self._apart else view)
        return view.nbytes < IN_BAND

    def reducer_override(self, value: Any) -> Any:
        """Return how to store `value`; called by pickle for everything that is not a plain builtin."""
        kind = type(value)
        try:
            reducer = self._reducers[kind]
        except KeyError:
            reducer = self._reducers[kind] = self._choose(kind)
        return NotImplemented if reducer is None else reducer(value)

    def _choose(self, kind: type) -> Callable[[Any], Any] | None:
        known = self._known(kind) or self._tabular(kind)
        if known is not None:
            return known
        if issubclass(kind, type):
            return self._class
        special = objects.reducer(kind, self.namespace.get("__name__", "__main__"))
        why = reason(kind)
        if kind in objects.WEAK and special is not None:
            special = self._weakly(special)
        if special is None or why is None:
            return special if why is None else lambda _: reducers.refuse(why)
        return lambda value: reducers.refuse(why) if (found := special(value)) is NotImplemented else found

    def _tabular(self, kind: type) -> Callable[[Any], Any] | None:
        """Return how to store what pandas makes."""
        if arrays.is_index(kind):
            return self._index
        if arrays.is_labelled(kind):
            return arrays.reduce_labelled
        if arrays.is_block(kind) and arrays.copy_on_write():
            return self._block
        return self._manager if arrays.is_series_manager(kind) and arrays.copy_on_write() else None

    def _known(self, kind: type) -> Callable[[Any], Any] | None:
        np = arrays.numpy()
        if np is not None and hasattr(np, "ndarray"):
            if kind is np.ndarray:
                return self._array
            if issubclass(kind, np.memmap):
                return reducers.memmap
            if subarrays.plainly_pickled(kind):
                return subarrays.reduce
            random = sys.modules.get("numpy.random")  # imported when it is asked for
            if kind is getattr(random, "Generator", None):
                return lambda generator: (kind, (generator.bit_generator,))
            if kind is getattr(random, "RandomState", None):
                return self._single
        table: dict[type, Callable[[Any], Any]] = {
            types.FunctionType: self._function,
            types.CodeType: reducers.code,
            types.CellType: reducers.cell,
            types.ModuleType: reducers.module,
            _lru_cache_wrapper: self._cached,
            cached_property: reducers.cached_attribute,
        }
        if kind.__module__ == "random" and kind.__name__ == "Random":
            return self._single
        return reducers.module if issubclass(kind, types.ModuleType) else table.get(kind)

    def _reference(self, value: Any) -> Any:
        """Return how to refer to `value` by name, or None when it has to be stored."""
        name = self.by_id.get(id(value))
        if name is None:
            dotted = getattr(value, "__qualname__", "")
            first = dotted.partition(".")[0]
            if first == dotted or first not in self.references or reducers.lookup(self.namespace, dotted) is not value:
                return None
            self.used.add(first)
            return reducers.resolve, (self.namespace, dotted)
        self.used.add(name)
        return reducers.resolve, (self.namespace, name)

    def _calls(self, function: types.FunctionType) -> None:
        """Note what a function that is referred to reads, and those it calls: who has the value may call it."""
        todo = [function]
        while todo:
            code = todo.pop().__code__
            new = {name for name in reducers.globals_read(code) & self.namespace.keys() if name not in self.needs}
            self.needs |= new
            found = (self.namespace[name] for name in new & set(self.references))
            todo += [item for item in found if isinstance(item, types.FunctionType)]

    def _function(self, function: types.FunctionType) -> Any:
        found = self._reference(function)
        if found is not None:
            self._calls(function)
            return found
        own = function.__globals__ is self.namespace or function.__globals__.get("__name__") == "__main__"
        if not own or function.__module__ not in ("__main__", None):
            reduced = super().reducer_override(function)
            if reduced is NotImplemented or not own:
                return reduced
        self.made.add(id(function))
        self.needs |= reducers.globals_read(function.__code__) & self.namespace.keys()
        state = {name: getattr(function, name) for name in reducers.FUNCTION_STATE}
        for name in ("__kwdefaults__", "__annotations__"):  # copies: sharing a function is not sharing these
            state[name] = dict(state[name]) if state[name] else None
        state["__dict__"] = function.__dict__ or None
        if sys.version_info >= (3, 12):
            state["__type_params__"] = function.__type_params__
        parts = (function.__code__, self.namespace, function.__name__, function.__closure__)
        return reducers.make_function, parts, state, None, None, reducers.fill_function

    def _cached(self, function: Any) -> Any:
        found = self._reference(function)
        if found is not None:
            return found
        if function.__module__ != "__main__":
            return NotImplemented
        known, asked = remembering.entries(function), remembering.counts(function)
        return remembering.make, (function.cache_parameters(), function.__wrapped__, known, asked)

    def _class(self, kind: type) -> Any:
        found = self._reference(kind)
        if found is not None:
            return found
        reducers.see_home(kind)
        reduced = super().reducer_override(kind)
        if reduced is NotImplemented or len(reduced) < 3:
            return reduced
        self.made.add(id(kind))
        return reducers.own_class(kind, *reduced)

    def _array(self, array: Any) -> Any:
        if id(array) not in self._apart:
            self.arrays[id(array)] = array
            lent = arrays.lent(array)
            if lent is not None:
                return lent
        return arrays.reduce_array(array, self.memories.get(id(array)))

    def _keep_apart(self, reduced: Any, made: Sequence[Any]) -> Any:
        self._apart.update((id(values), values) for values in made)
        return reduced

    def _block(self, block: Any) -> Any:
        return self._content(block, *arrays.reduce_block(block))

    def _manager(self, manager: Any) -> Any:
        return self._content(manager.blocks[0], *arrays.reduce_manager(manager))

    def _content(self, block: Any, values: Any, stored: Callable[[Any], Any]) -> Any:
        """Store the content of a table apart from that of others, with the memory that only arrays share with it."""
        if arrays.writes_in_place(block):
            self.blocks[id(values)] = values
            if id(values) in self.memories:
                return stored(values)
        own = arrays.private(values)
        return self._keep_apart(stored(own), [own])

    def _index(self, index: Any) -> Any:
        return self._keep_apart(*arrays.private_index(index))

    def _weakly(self, reduce: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def reduced(value: Any) -> Any:
            found = reduce(value)
            if found is NotImplemented:
                return found
            self.weak += objects.targets(value)
            return (list, (objects.held_by(value),)) if self.strong else found

        return reduced

    def _single(self, generator: Any) -> Any:
        """Refer to the one generator behind `random.random()` and `numpy.random.rand()` by its place."""
        for module, name in SINGLE_INSTANCES:
            if module in sys.modules and getattr(sys.modules[module], name, None) is generator:
                self._apart[id(generator)] = generator
                return getattr, (sys.modules[module], name)
        return NotImplemented


class MarkingPickler(Pickler):
    """Pickles sets by their recipes and literals with their names; slower, as pickle asks it about every object.

    Parameters
    ----------
    namespace, references, memories
        As for `Pickler`.
    recipes
        How to build these sets, by the identity of the set.
    literals
        The keys of the parts of literals, by their identity; see `constants`.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        references: Collection[str],
        memories: dict[int, tuple[Any, int]] | None,
        recipes: dict[int, sets.Recipe],
        literals: dict[int, constants.Key],
    ) -> None:
        super().__init__(namespace, references, memories)
        self.recipes = dict(recipes)
        self.literals = literals
        self._built: dict[int, int] = {}
        self._copies: dict[constants.Key, Any] = {}

    def persistent_id(self, value: Any) -> Any:
        """Return what stands for a set: its number, and its recipe when it is met first; or for part of a literal."""
        key = self.literals.get(id(value))
        if key is not None:
            return self._literal(key, value)
        recipe = self.recipes.get(id(value))
        if recipe is None:
            return None
        number = self._built.get(id(value))
        if number is not None:
            return (number,)
        self._built[id(value)] = len(self._built)
        return self._built[id(value)], recipe.kind is frozenset, recipe.size, recipe.elements, recipe.taken

    def _literal(self, key: constants.Key, value: Any) -> Any:
        if key in self._copies:
            return key
        copy = self._copies[key] = value.copy()  # the value itself would be asked about again
        if id(value) in self.recipes:
            self.recipes[id(copy)] = self.recipes[id(value)]
        return *key, copy


class Unpickler(pickle.Unpickler):
    """Loads into `namespace` what `Pickler` stored.

    Parameters
    ----------
    data
        The pickle.
    namespace
        What loaded functions see as globals, and references are looked up in.
    buffers
        The large buffers, in order.
    """

    def __init__(self, data: bytes | memoryview, namespace: dict[str, Any], buffers: Sequence[Any] = ()) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self.namespace = namespace
        self._built: dict[int | constants.Key, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        """Return the set, or the part of a literal, that a `MarkingPickler` stored."""
        number, *parts = pid
        if isinstance(number, str):
            key = number, parts[0]
            if parts[1:]:
                self._built[key] = constants.resolve(self.namespace, key, parts[1])
            return self._built[key]
        if parts:
            frozen, *rest = parts
            self._built[number] = sets.build(sets.Recipe(frozenset if frozen else set, *rest))
        return self._built[number]

    def find_class(self, module: str, name: str) -> Any:
        """Return a global named by the pickle."""
        if (module, name) == NAMESPACE:
            return self.namespace
        if module == "__main__":
            return reducers.resolve(self.namespace, name)
        package, _, room = module.rpartition(".")
        if package in ROOMS:
            return getattr(importlib.import_module(f".{room}", __package__), name)
        preload.used.add(module.partition(".")[0])
        return super().find_class(module, name)


def loads(data: bytes | memoryview, namespace: dict[str, Any], buffers: Sequence[Any] = ()) -> Any:
    """Return the value pickled in `data`, bound to `namespace`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Unpickler(data, namespace, buffers).load()
