"""Calls: what is known of the function called decides what may have changed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis import dynamics, knowledge, paths
from nbprod.analysis.expressions import BUILTINS
from nbprod.analysis.facts import NOTHING, Definition, Fit, Flow
from nbprod.analysis.magics import Magics

if TYPE_CHECKING:
    from collections.abc import Mapping

STATEMENTS = frozenset({"execute", "executemany", "executescript", "sql"})
QUERIES = STATEMENTS | {"query", "from_query", "create_view"}
SHOWN = {"identity"}
ASKS = ("SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN", "PRAGMA TABLE_INFO", "VALUES", "FROM")
ENVIRONMENT_READERS = frozenset({"os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault"})
FITS = frozenset(
    {"fit", "fit_transform", "fit_predict", "partial_fit", "predict", "predict_proba", "score", "transform"}
)


class Calls(Magics):
    """Expressions with calls."""

    def _call(self, node: ast.Call) -> Flow:
        if isinstance(node.func, ast.Attribute) and _of_ipython(node.func.value):
            return self.magic(node, node.func.attr)
        dotted = self.dotted(node.func)
        callee = self.key(node.func.id) if isinstance(node.func, ast.Name) else None
        if callee is not None:
            self.facts.called.setdefault(callee, node.lineno + self.offset)
        if dotted is not None:
            self.flow(node.func)
            looked_up = "dynamic" in knowledge.function(dotted).effects
            return self.dynamic(node, dotted) if looked_up else self.library(node, dotted)
        if isinstance(node.func, ast.Attribute):
            if _of_ipython(_root(node.func)):
                self.facts.patches.setdefault("get_ipython()", node.lineno + self.offset)
            name = dynamics.asked(node)
            if name is not None:
                return self.ask(name, node.lineno) | self.several(node.args[1:])
            return self.method(node, node.func)
        if callee is not None and callee in self.context.definitions:
            self.read(callee, node.lineno)
            return self.own(node, callee, self.context.definitions[callee])
        receiver = self.flow(node.func)
        return self.unknown(node, receiver, callee or "")

    # what is called

    def library(self, node: ast.Call, dotted: str) -> Flow:
        """Call a library's function or class by its full name."""
        call = knowledge.function(dotted)
        self.random(node, dotted)
        self.evaluated(node, dotted)
        if dotted in ENVIRONMENT_READERS and node.args and isinstance(node.args[0], ast.Constant):
            self.facts.environment.add(str(node.args[0].value))
        for token in call.effects - SHOWN if self.shows else call.effects:
            self.effect(node, token, dotted)
        for token in call.state:
            self.touch(token, dotted)
        self.patching(node, dotted)
        self.shows += call.display
        first, rest = self.arguments(node)
        self.shows -= call.display
        if "first" in call.mutates:
            self.mutate(first)
            self.join(first, rest)
            return first | rest
        changed = self.callbacks(node, dotted.rpartition(".")[2], first | rest) if call.pure else NOTHING
        changed = changed | self.tables(node, dotted.startswith("duckdb."))
        if not call.pure:
            if not call.known:
                self.opaque(dotted)
                self.files_named(node)
            self.mutate(first | rest)
            self.join(first, rest)
        self.keywords_that_change(node, first, pure=call.pure)
        copied = knowledge.listed(dotted, "copies_display") and node.args and isinstance(node.args[0], ast.Dict)
        if call.fresh or copied:
            return self.copied(first | rest, members=bool(copied))
        return self.without_literals(dotted, first | rest) | changed

    def dynamic(self, node: ast.Call, dotted: str) -> Flow:
        """Call `eval`, `globals` or the like: an evaluated text may read and change whatever there is."""
        first, rest = self.arguments(node)
        flow = first | rest
        named = dynamics.text_of(node.args[0]) if len(node.args) == 1 else None
        if dotted == "builtins.__import__" and named is not None:
            self.facts.modules.add(named.partition(".")[0])
            self.opaque(dotted)
            return NOTHING
        if not dynamics.reaches(node, dotted, inside=bool(self.scopes)):
            if dotted in ("builtins.exec", "builtins.eval"):
                self.opaque(dotted)
                self.mutate(flow)
            return flow
        if dotted != "builtins.eval":
            self.facts.effects.setdefault("dynamic", dotted)
            return flow
        for name in self.context.every_name():
            flow = flow | self.ask(name, node.lineno)
        self.opaque(dotted)
        self.mutate(flow)
        self.join(flow)
        return flow

    def without_literals(self, dotted: str, flow: Flow) -> Flow:
        """Leave out literal lists of texts and numbers given to a library that never changes them."""
        if dotted == "builtins.getattr":  # a method, which may change its object
            return flow
        if dotted.startswith("builtins.") or knowledge.listed(dotted, "respects_literals"):
            return Flow(flow.shares - self.context.flat, flow.carries)
        return flow

    def method(self, node: ast.Call, func: ast.Attribute) -> Flow:
        """Call a method of an object, known by the method's name alone."""
        receiver = self.flow(func.value)
        name = func.attr
        if node.args and self.is_class(func.value):  # `list.append(xs, 1)`, `Base.__init__(self, xs)`
            receiver = receiver | self.flow(node.args[0])
        if name in self.context.methods:
            return self.own_method(node, receiver, name)
        call = knowledge.method(name)
        for token in call.effects:
            self.effect(node, token, f".{name}()")
        if name in ("register", "__subclasses__"):
            receiver = self.registered(func, receiver)
        receiver = receiver | self.tables(node, name in QUERIES)
        if not call.known:
            return self.unknown(node, receiver, f".{name}")
        first, rest = self.arguments(node)
        self.noticed(node, func, name)
        if "receiver" in call.mutates or not call.pure:
            self.mutate(receiver)
        if "keeps" in call.mutates:
            self.join(receiver, first, rest)
        self.keywords_that_change(node, receiver, pure=call.pure)
        changed = self.callbacks(node, name, receiver | first | rest)
        members = self.copied(receiver, members=name == "copy")
        return members | changed if call.fresh else receiver | first | rest | changed

    def copied(self, flow: Flow, *, members: bool) -> Flow:
        """Return what a new value shares: with `members`, those of literals that hold more than numbers and texts."""
        return Flow(flow.shares & self.context.nested, frozenset()) if members else NOTHING

    def registered(self, func: ast.Attribute, receiver: Flow) -> Flow:
        """Return what `x.register(…)` changes; functions that IPython calls are noted; `__subclasses__` sees all."""
        if func.attr == "__subclasses__":
            for name in self.context.every_name():
                if name in self.context.definitions:
                    self.ask(name, func.lineno)
            return receiver
        if isinstance(func.value, ast.Attribute) and func.value.attr == "events":
            self.facts.effects.setdefault("dynamic", dynamics.HOOK)
        return self.directly(func.value, receiver)

    def is_class(self, node: ast.expr) -> bool:
        """Whether a name is surely a class, whose methods take the object as their first argument."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type":
            return True
        if not isinstance(node, ast.Name):
            return isinstance(node, ast.Attribute) and node.attr == "__class__"
        key = self.key(node.id)
        return key in self.context.definitions or (key in BUILTINS and key not in self.context.bound)

    def noticed(self, node: ast.Call, func: ast.Attribute, name: str) -> None:
        """Note what methods of certain names tell: models fitted, random draws, names in a text, a database changed."""
        if name in ("query", "eval"):
            self.named_in_text(node)
        if name in FITS:
            self.fitted(node, func, name)
        if name in knowledge.sets("random")["random_methods"] and not _gives(node, "random_state"):
            self.touch("numpy.random", f".{name}() without random_state")
        if name in STATEMENTS and not _only_reads(node):
            self.facts.effects.setdefault("database-write", f".{name}()")
            self.facts.uncommitted |= self.flow(func.value).shares
        if name == "commit":
            self.facts.committed |= self.flow(func.value).shares

    def own(self, node: ast.Call, name: str, definition: Definition | None) -> Flow:
        """Call a function or class of the notebook, whose effect on its arguments is known unless it is decorated."""
        if definition is None:
            return self.unknown(node, NOTHING, name) | Flow(frozenset(), frozenset((name,)))
        given: list[tuple[str | None, Flow]] = []
        for index, argument in enumerate(node.args):
            exact = index < len(definition.parameters) and not isinstance(argument, ast.Starred)
            given.append((definition.parameters[index] if exact else None, self.flow(argument)))
        given += [(keyword.arg, self.flow(keyword.value)) for keyword in node.keywords]
        known = set(definition.parameters)
        changed = [
            flow for which, flow in given if which in definition.mutated or (which not in known and definition.mutated)
        ]
        for flow in changed:
            self.mutate(flow)
        if changed:
            self.join(*(flow for _, flow in given))
        result = self.tied(definition, given) | definition.returned
        for which, flow in given:
            if which in definition.returned_parameters or which not in known:
                result = result | flow
        return result | Flow(frozenset(), frozenset((name,))) if definition.code else result

    def tied(self, definition: Definition, given: list[tuple[str | None, Flow]]) -> Flow:
        """Join what a call of a function puts into what; return what holds the instance that a class makes."""
        result, known = NOTHING, set(definition.parameters)
        for tie in definition.ties:
            held = Flow(tie.names, tie.names)
            self.join(held, *(flow for which, flow in given if which in tie.parameters or which not in known))
            if tie.parameters - known:
                result = result | held
        return result

    def own_method(self, node: ast.Call, receiver: Flow, name: str) -> Flow:
        """Call a method that a class of the notebook defines; a library's of the same name may be meant as well."""
        known = self.context.methods[name]
        call = knowledge.method(name)
        own = [definition for definition in known if definition is not None]
        if len(own) < len(known):
            return self.unknown(node, receiver, f".{name}")
        given = [self.flow(argument) for argument in node.args]
        given += [self.flow(keyword.value) for keyword in node.keywords]
        rest = NOTHING
        for flow in given:
            rest = rest | flow
        first_of = {definition.parameters[0] if definition.parameters else "" for definition in own}
        changed = {parameter for definition in own for parameter in definition.mutated}
        if changed & first_of or call.mutates:
            self.mutate(receiver)
        if changed - first_of:
            self.mutate(rest)
        if changed:
            self.join(receiver, rest)
        for tie in {tie for definition in own for tie in definition.ties}:
            self.join(Flow(tie.names, tie.names), *((receiver,) if tie.parameters & first_of else ()), rest)
        if name in FITS and isinstance(node.func, ast.Attribute):
            self.fitted(node, node.func, name)
        return receiver | rest

    def unknown(self, node: ast.Call, receiver: Flow, name: str) -> Flow:
        """Call something nothing is known of: it may change and keep all it is given."""
        first, rest = self.arguments(node)
        self.opaque(name)
        self.files_named(node)
        total = receiver | first | rest
        for item in receiver.carries:  # a lambda called where it stands
            total = total | item.returned if isinstance(item, Definition) else total
        self.mutate(total)
        self.join(receiver, first, rest)
        return total

    def named_in_text(self, node: ast.Call) -> None:
        """Note the names in `df.query("x > @limit")`; of a text made elsewhere, in all texts of the notebook."""
        for name in sorted(dynamics.at_names([node])):
            self.read(name, node.lineno)
        if node.args and not isinstance(node.args[0], ast.Constant):
            self.mentioned(", ".join(sorted(self.context.at_names)), node.lineno)

    def tables(self, node: ast.Call, asks: bool) -> Flow:
        """Return where the frames come from that a text of SQL names: DuckDB finds them among the variables."""
        if not asks or not self.context.frames_as_tables:
            return NOTHING
        names = dynamics.words_in([node]) & self.context.bound
        if node.args and not isinstance(node.args[0], ast.Constant):
            names |= self.context.at_names
        flow = NOTHING
        for name in sorted(names):
            flow = flow | self.ask(name, node.lineno)
        return flow

    def evaluated(self, node: ast.Call, dotted: str) -> None:
        """Note the names in `pd.eval("x * k")`."""
        if dotted != "pandas.eval":
            return
        text = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if isinstance(text, str):
            self.mentioned(text, node.lineno)
        elif node.args:
            self.facts.effects.setdefault("dynamic", "pandas.eval")

    # arguments

    def arguments(self, node: ast.Call) -> tuple[Flow, Flow]:
        """Evaluate the arguments; return the origin of the first positional one and of all others."""
        first = self.flow(node.args[0]) if node.args else NOTHING
        rest = self.several([*node.args[1:], *(keyword.value for keyword in node.keywords)])
        return first, rest

    def keywords_that_change(self, node: ast.Call, receiver: Flow, *, pure: bool) -> None:
        """`inplace=True` changes the receiver, `out=x` changes x, `**options` may hold either."""
        for keyword in node.keywords:
            value = keyword.value
            if keyword.arg == "inplace" and not (isinstance(value, ast.Constant) and value.value is False):
                self.mutate(receiver)
            elif keyword.arg == "out":
                self.mutate(self.flow(value))
            elif keyword.arg is None and pure and isinstance(node.func, ast.Attribute):
                self.mutate(receiver)

    # effects

    def effect(self, node: ast.Call, what: str, name: str) -> None:
        """Note an effect beyond names; `open` writes or reads by its mode, paths are kept when literal."""
        if what == "import":
            named = dynamics.text_of(node.args[0]) if node.args else None
            self.facts.modules |= {named.partition(".")[0]} if named else set()
            self.opaque(name)
        if name == "numpy.load" and what == "unpickle" and not _gives(node, "allow_pickle"):
            return
        if what not in ("file-read", "file-write"):
            self.facts.effects.setdefault(what, name)
            return
        if name in knowledge.sets("files")["modes"] and set(_mode(node, int(name != ".open"))) & set("wax+"):
            what = "file-write"
        elif (
            name.startswith(".")
            and what == "file-write"
            and not node.args
            and not node.keywords
            and name.startswith(".to_")
        ):
            return  # df.to_csv() without a path returns text
        self.facts.effects.setdefault(what, name)
        if what == "file-write":
            self.facts.files_written |= paths.written_by(node, name)
        else:
            self.facts.files_read |= paths.paths_of(node, name)

    def files_named(self, node: ast.Call) -> None:
        """Note names of files given to something nothing is known of: it may read them, or write files named alike."""
        for path in paths.named_in(node):
            self.facts.files_read.add(path)
            self.facts.files_written.add(path + paths.ANY)

    def random(self, node: ast.Call, dotted: str) -> None:
        """Note draws from global generators, seeds, and generators without a seed."""
        lists = knowledge.sets("random")
        if dotted in lists["entropy_without_argument"] and not node.args and not node.keywords:
            self.facts.effects.setdefault("entropy", f"{dotted}() without a seed")
        elif dotted in lists["seeds"]:
            self.facts.seeds.update(knowledge.function(dotted).state)
        shuffled = dotted in lists["shuffled_random_state"] and _gives(node, "shuffle")
        if (shuffled or dotted in lists["random_state"]) and not _gives(node, "random_state"):
            self.touch("numpy.random", f"{dotted.rsplit('.', 1)[-1]}() without random_state")

    def fitted(self, node: ast.Call, func: ast.Attribute, method: str) -> None:
        """Note which name is fitted or asked for predictions, and the names given to it."""
        root: ast.expr = func.value
        while isinstance(root, (ast.Attribute, ast.Subscript, ast.Call)):
            root = root.func if isinstance(root, ast.Call) else root.value
        inputs = tuple(argument.id for argument in node.args if isinstance(argument, ast.Name))
        if isinstance(root, ast.Name) and isinstance(func.value, (ast.Name, ast.Attribute, ast.Subscript)):
            self.facts.fits.append(Fit(self.key(root.id), inputs, method, node.lineno + self.offset))
        else:
            self.facts.fits.append(Fit("", inputs, method, node.lineno + self.offset))


def _only_reads(node: ast.Call) -> bool:
    """Whether a database statement is written out and only asks."""
    first = node.args[0] if node.args else None
    text = first.value if isinstance(first, ast.Constant) else None
    return isinstance(text, str) and text.lstrip().upper().startswith(ASKS)


def _of_ipython(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node


def _gives(node: ast.Call, name: str) -> bool:
    for keyword in node.keywords:
        if keyword.arg is None:
            return True
        if keyword.arg == name:
            return not (
                isinstance(keyword.value, ast.Constant)
                and keyword.value.value in (None, False)
                and keyword.value.value != 0
            )
    return False


def _mode(node: ast.Call, place: int) -> str:
    keywords: Mapping[str | None, ast.expr] = {keyword.arg: keyword.value for keyword in node.keywords}
    mode = node.args[place] if len(node.args) > place else keywords.get("mode")
    if mode is None:
        return "r"
    return str(mode.value) if isinstance(mode, ast.Constant) else "w"
