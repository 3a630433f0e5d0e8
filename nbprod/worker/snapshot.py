"""Saves names of a namespace as alias groups, and loads them into another.

Names whose values share a mutable object form a group: one pickle, so that they still share it when loaded. Each name
is pickled on its own first; what pickle had to remember then says which names share something, and only those are
pickled again, together. A name that stands alone is pickled once.
"""

from __future__ import annotations

import gc
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import arrays, constants, hashing, kinds, objects, plain, sets, subarrays
from .buffers import BufferDamaged, digest
from .pickling import MarkingPickler, Pickler, loads
from .unstorable import REFERENCE, NotStorable, describe, explain
from .writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from .buffers import Buffers
    from .formats import Group, Unstorable

_held: list[list[Any]] = []
"""What a process keeps beside the names that it loaded: in the notebook they live as long."""


class Unloadable(Exception):
    """A stored group cannot be loaded here.

    Parameters
    ----------
    names
        The names of the group.
    reason
        Why, in plain words.
    """

    def __init__(self, names: Sequence[str], reason: str) -> None:
        super().__init__(f"{', '.join(names)} cannot be loaded: {reason}")
        self.names = tuple(names)
        self.reason = reason


class _Draft:
    """One name, or several that belong together, pickled.

    `recipes` are those of its sets that need one, `held` says whether literals are in it; `found` is the pickler that
    looked the values over first.
    """

    def __init__(
        self, names: list[str], pickler: Pickler, data: bytes, recipes: dict[int, sets.Recipe], held: bool
    ) -> None:
        self.names = names
        self.pickler = pickler
        self.data = data
        self.recipes = recipes
        self.held = held
        self.found = pickler


class Saver:
    """Saves names of `namespace`; see `save`."""

    def __init__(
        self, namespace: dict[str, object], references: Collection[str], literals: Collection[str] = ()
    ) -> None:
        self.namespace = namespace
        self.literals = constants.known(namespace, {*references, *literals})
        self.references = references
        self.unstorable: dict[str, Unstorable] = {}
        self.disordered: dict[str, int] = {}
        self.frozen = (types.FunctionType, *kinds.frozen_types())
        self.trees: dict[int, plain.Tree | None] = {}
        self.indexes: set[int] = set()
        self._kinds: dict[type, bool] = {}

    def drafts(self, names: Iterable[str]) -> Iterator[_Draft]:
        """Yield the groups of `names`, pickled."""
        alone = {name: draft for name in names if (draft := self._try([name], self._alone)) is not None}
        for group in self._groups(alone):
            plain_one = len(group) == 1 and not alone[group[0]].pickler.weak
            draft = alone[group[0]] if plain_one else self._try(group, lambda names: self._together(names, alone))
            if draft is not None:
                yield draft

    def _try(self, names: list[str], make: Callable[[list[str]], _Draft]) -> _Draft | None:
        try:
            return make(names)
        except Exception as error:  # noqa: BLE001 - whatever a value's own __reduce__ raises makes it unstorable
            why = explain(error)
            self.unstorable.update((name, {"type": describe(self.namespace[name]), "reason": why}) for name in names)
            return None

    def _alone(self, names: list[str]) -> _Draft:
        draft = self._pickle(names, {}, {}, held=False)
        value = self.namespace[names[0]]
        self.trees[id(value)] = plain.scan(value)
        tree = self.trees[id(value)]
        if tree is not None and self.literals.keys().isdisjoint(tree.containers):
            return draft
        found = dict(draft.pickler.shared_memory()) if draft.pickler.arrays else {}
        memories = arrays.memories(found.values()) if len(found) > 1 else {}
        large: list[int] = []
        recipes = sets.recipes((value for _, value in draft.pickler.mutable_ids()), large)
        self.disordered.update(dict.fromkeys(names if large else (), max(large, default=0)))
        held = bool(self.literals) and any(identity in self.literals for identity, _ in draft.pickler.mutable_ids())
        if not memories and not recipes and not held:
            return draft
        again = self._pickle(names, memories, recipes, held=held)
        again.found = draft.pickler
        return again

    def _together(self, names: list[str], alone: dict[str, _Draft]) -> _Draft:
        drafts = [alone[name] for name in names]
        found = {identity: array for draft in drafts for identity, array in draft.found.shared_memory()}
        recipes = {identity: recipe for draft in drafts for identity, recipe in draft.recipes.items()}
        held = any(draft.held for draft in drafts)
        draft = self._pickle(names, arrays.memories(found.values()), recipes, held=held)
        values = [self.namespace[name] for name in names]
        weak = draft.pickler.weak
        if weak and not Pickler(self.namespace, self.references).holds(values, weak):
            raise NotStorable(REFERENCE)  # what it refers to lives elsewhere
        return draft

    def _pickle(
        self, names: list[str], memories: dict[int, Any], recipes: dict[int, sets.Recipe], *, held: bool
    ) -> _Draft:
        if recipes or held:
            literals = self.literals if held else {}
            pickler: Pickler = MarkingPickler(self.namespace, self.references, memories, recipes, literals)
        else:
            pickler = Pickler(self.namespace, self.references, memories)
        return _Draft(names, pickler, pickler.dumps([self.namespace[name] for name in names]), recipes, held)

    def _groups(self, alone: dict[str, _Draft]) -> list[list[str]]:
        """Return the names that share something, together, in the order of their first name."""
        union = _Union(alone)
        candidates = [name for name in alone if type(self.namespace[name]) not in plain.ATOMS]
        if len(candidates) > 1:
            owners: dict[int, str] = {}
            # an index changes in its names only; what tables alone share is no reason to keep them together
            self.indexes = {
                id(self.namespace[name]) for name in candidates if arrays.is_index(type(self.namespace[name]))
            }
            for name in candidates:
                for identity, value in self._identities(name, alone[name].found):
                    owner = owners.setdefault(identity, name)
                    if owner != name and (value is None or not kinds.is_single(value)):
                        union.join(owner, name)
            self._join_arrays(alone, union)
        return union.groups()

    def _identities(self, name: str, pickler: Pickler) -> Iterable[tuple[int, object]]:
        """Return identities of the mutable objects that were stored for `name` (objects only where in doubt)."""
        tree = self.trees[id(self.namespace[name])]
        if tree is not None:
            return [(identity, None) for identity in tree.containers if identity not in self.literals]
        found: list[tuple[int, object]] = []
        hidden: set[int] = set()
        for identity, value in pickler.mutable_ids():
            if identity in self.literals:
                continue
            if identity in pickler.made if isinstance(value, type | types.FunctionType) else self._mutable(value):
                found.append((identity, value))
            elif type(value).__dictoffset__:
                hidden.add(id(value.__dict__))  # the attributes of what is frozen are frozen too
        return [entry for entry in found if entry[0] not in hidden]

    def _mutable(self, value: object) -> bool:
        kind = type(value)
        if kind.__name__ == "ndarray" and hasattr(value, "flags"):
            return True  # read-only or not: it may show the memory of something that is not
        if id(value) in self.indexes:
            return True
        if kind not in self._kinds:
            self._kinds[kind] = not kinds.is_frozen(kind, self.frozen)
        return self._kinds[kind]

    @staticmethod
    def _join_arrays(alone: dict[str, _Draft], union: _Union) -> None:
        owners: dict[int, str] = {}
        found: dict[int, Any] = {}
        for name, draft in alone.items():
            for identity, array in draft.found.shared_memory():
                owners.setdefault(identity, name)
                found[identity] = array
        for cluster in arrays.overlapping(found.values()):
            for array in cluster[1:]:
                union.join(owners[id(cluster[0])], owners[id(array)])


class _Union:
    """Union-find over names."""

    def __init__(self, names: Iterable[str]) -> None:
        self.parent = {name: name for name in names}

    def find(self, name: str) -> str:
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def join(self, one: str, other: str) -> None:
        self.parent[self.find(other)] = self.find(one)

    def groups(self) -> list[list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.parent:
            found.setdefault(self.find(name), []).append(name)
        return list(found.values())


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking the many small objects that saving makes."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def save(
    namespace: dict[str, object],
    names: Iterable[str],
    references: Collection[str],
    buffers: Buffers,
    beside: Iterable[str] = (),
    literals: Collection[str] = (),
) -> tuple[list[Group], dict[str, Unstorable]]:
    """Store the values of `names`, and return their alias groups and the names that cannot be stored.

    Parameters
    ----------
    namespace
        The `__main__` of the stage.
    names
        What to store; names that are not bound are left out.
    references
        Names of definitions to refer to instead of storing them.
    buffers
        Where the content goes.
    beside
        Names that are stored only where they share something with one of `names`.
    literals
        Names of parameters that every stage binds anew; a value that holds such a list keeps to that of its name.

    Raises
    ------
    OSError
        When `buffers` cannot be written.
    """
    saver = Saver(namespace, frozenset(references), literals)
    wanted = set(names)
    present = sorted(name for name in wanted.union(beside) if name in namespace)
    with _no_collection(), subarrays.kept():
        drafts = (draft for draft in saver.drafts(present) if wanted.intersection(draft.names))
        with Writing(buffers) as writing:
            stored = [_store(draft, saver, writing) for draft in drafts]
        groups = [finish() for finish in stored]
    return groups, {name: why for name, why in saver.unstorable.items() if name in wanted}


def _store(draft: _Draft, saver: Saver, writing: Writing) -> Callable[[], Group]:
    """Store a group; what is returned gives it once all is written. Its content is hashed while others write it."""
    pickler = draft.pickler
    skeleton, parts = writing.put(draft.data), [writing.put(view) for view in pickler.buffers]
    content = _content(draft, saver, writing)

    def finish() -> Group:
        return {
            "names": draft.names,
            "content": content,
            "skeleton": skeleton(),
            "buffers": [part() for part in parts],
            "bytes": len(draft.data) + sum(view.nbytes for view in pickler.buffers),
            "references": sorted(pickler.used),
            "needs": sorted(pickler.needs),
            "disordered": max((saver.disordered.get(name, 0) for name in draft.names), default=0),
        }

    return finish


def _content(draft: _Draft, saver: Saver, writing: Writing) -> str:
    try:
        values = {name: saver.namespace[name] for name in draft.names}
        return hashing.group_content(values, saver.trees, writing.digest)
    except Exception:  # noqa: BLE001 - a value's own code may raise; then its pickle has to stand for it
        parts = [digest(draft.data), *map(digest, draft.pickler.buffers)]
        return f"pickle-{digest(''.join(parts).encode())}"


def load(
    groups: Sequence[Group],
    names: Collection[str] | None,
    namespace: dict[str, object],
    buffers: Buffers,
) -> None:
    """Bind stored names in `namespace`.

    Parameters
    ----------
    groups
        Groups of a manifest that is trusted.
    names
        Which names to bind; all when None. A group none of whose names is asked for is not read.
    namespace
        What to bind them in; loaded functions see it as their globals.
    buffers
        Where the content is.

    Raises
    ------
    BufferDamaged
        When content is missing or damaged.
    Unloadable
        When content cannot be turned into a value here (a module or a definition is missing).
    """
    for group in groups:
        wanted = [name for name in group["names"] if names is None or name in names]
        if not wanted:
            continue
        values = dict(zip(group["names"], _load(group, namespace, buffers), strict=True))
        namespace.update((name, values[name]) for name in wanted)
        if objects.took_weak():  # a weak reference among them may be to what another name holds
            _held.append([value for name, value in values.items() if name not in wanted])


def _load(group: Group, namespace: dict[str, object], buffers: Buffers) -> list[object]:
    data = buffers.get(group["skeleton"], writable=False)
    parts = [buffers.get(name) for name in group["buffers"]]
    try:
        with _no_collection():
            values: list[object] = loads(data, namespace, parts)
    except (BufferDamaged, MemoryError):
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        raise Unloadable(group["names"], f"{type(error).__name__}: {text}") from error
    return values
