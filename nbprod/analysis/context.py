"""What all statements must know of the whole notebook before any is looked at closely."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge
from nbprod.analysis.bits import Index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis.facts import Definition
    from nbprod.analysis.sketches import Sketch, Value


@dataclass(slots=True)
class Context:
    """What of the whole notebook one statement must know.

    Attributes
    ----------
    imports
        Name → full name of what it is imported from, for names bound by imports alone.
    definitions
        Names bound by exactly one `def` or `class`, → the definition once it was met.
    bound
        All names the notebook binds anywhere at its top level.
    global_names
        Names that functions bind by `global`.
    methods
        Names of methods of the notebook's own classes → those of that name, None where not met yet.
    immutable
        Names only ever bound to numbers, texts and the like, whose objects nothing can change.
    flat
        Names only ever bound to literal lists, dicts … of such, as long as nothing was seen to change them: their
        members share nothing.
    nested
        Names bound to literals of other values: a copy of one shares its members.
    lazy
        Whether annotations are not evaluated: the notebook imports that from `__future__`.
    at_names
        Names it binds that its texts name after `@`, or in SQL if that finds frames by their variables
        (`frames_as_tables`): where a text is made elsewhere, `df.query(text)` may read any.
    retypes
        Whether classes may be changed by way of their instances.
    names
        Numbers for the names, so that sets of them are masks.
    enumerated
        Whether somebody asked for all names.
    """

    imports: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, Definition | None] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    global_names: set[str] = field(default_factory=set)
    methods: dict[str, list[Definition | None]] = field(default_factory=dict)
    immutable: set[str] = field(default_factory=set)
    flat: set[str] = field(default_factory=set)
    nested: set[str] = field(default_factory=set)
    lazy: bool = False
    at_names: set[str] = field(default_factory=set)
    frames_as_tables: bool = False
    retypes: bool = False
    names: Index[str] = field(default_factory=Index)
    enumerated: bool = False

    def every_name(self) -> list[str]:
        """Return all names bound, in order; what asks for that is not remembered by the words of its cell."""
        self.enumerated = True
        return sorted(self.bound)

    def forget(self) -> None:
        """Forget what definitions do, before all statements are looked at again."""
        self.definitions = dict.fromkeys(self.definitions)
        self.methods = {name: [None] * len(known) for name, known in self.methods.items()}


def context_of(sketches: Sequence[Sketch]) -> Context:
    """Return the imports, definitions and bound names of a notebook's top-level statements."""
    context = Context()
    imports: dict[str, set[str]] = {}
    defined: dict[str, int] = {}
    others: set[str] = set()
    for sketch in sketches:
        context.bound |= sketch.bound
        for name, dotted in sketch.imports.items():
            imports.setdefault(name, set()).add(dotted)
        if sketch.definition is not None:
            defined[sketch.definition] = defined.get(sketch.definition, 0) + 1
            others |= sketch.bound - sketch.imports.keys() - {sketch.definition}
        else:
            others |= sketch.bound - sketch.imports.keys() if sketch.imports else sketch.bound
        for name in sketch.methods:
            context.methods.setdefault(name, []).append(None)
        context.global_names |= sketch.global_names
    others |= context.global_names
    context.lazy = any("__future__.annotations" in of for of in imports.values())
    one = {name: next(iter(of)) for name, of in imports.items() if len(of) == 1}
    context.imports = {name: dotted for name, dotted in one.items() if name not in others and name not in defined}
    context.frames_as_tables = any(of.partition(".")[0] == "duckdb" for found in imports.values() for of in found)
    _alias_modules(sketches, context)
    single = {name for name, count in defined.items() if count == 1}
    context.definitions = dict.fromkeys(single - others - set(imports))
    values = _values(sketches, context)
    context.immutable = _immutable(values)
    context.nested = {name for name, found in values.items() if any(value.nested for value in found)}
    context.flat = {name for name, found in values.items() if all(value.flat for value in found)} - context.immutable
    return context


def _alias_modules(sketches: Sequence[Sketch], context: Context) -> None:
    """Take `m = np`, and `r = np.random` of state that is known, for imports of the same module."""
    given = [sketch for sketch in sketches if sketch.alias is not None]
    if not given:
        return
    modules = {name for sketch in sketches if sketch.type is ast.Import for name in sketch.imports}
    for sketch in given:
        name, value = sketch.alias or ("", "")
        root, _, rest = value.partition(".")
        if root not in modules or root not in context.imports or name in context.global_names:
            continue
        dotted = f"{context.imports[root]}.{rest}" if rest else context.imports[root]
        if (not rest or knowledge.function(f"{dotted}.*").state) and sum(name in item.bound for item in sketches) == 1:
            context.imports[name] = dotted
            modules.add(name)


def _values(sketches: Sequence[Sketch], context: Context) -> dict[str, list[Value]]:
    """Return what each name is bound to that is bound by plain assignments alone."""
    values: dict[str, list[Value]] = {}
    others = context.global_names | context.definitions.keys()
    for sketch in sketches:
        for name, value in sketch.values.items():
            if value is None:
                others.add(name)
            else:
                values.setdefault(name, []).append(value)
    return {name: found for name, found in values.items() if name not in others}


def _immutable(values: dict[str, list[Value]]) -> set[str]:
    """Return the names bound to numbers, texts and the like only, those by way of each other included."""
    known = {name for name, found in values.items() if all(value.needs is not None for value in found)}
    needed_by: dict[str, list[str]] = {}
    for name in known:
        for value in values[name]:
            for other in value.needs or ():
                needed_by.setdefault(other, []).append(name)
    todo = [other for other in needed_by if other not in known]
    while todo:
        for name in needed_by.get(todo.pop(), ()):
            if name in known:
                known.remove(name)
                todo.append(name)
    return known
