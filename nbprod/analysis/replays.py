"""Which statements may be executed again in every stage that needs them (rule 2 of DATAFLOW.md)."""

from __future__ import annotations

import ast
from pathlib import PurePath
from typing import TYPE_CHECKING

from nbprod.analysis.expressions import BUILTINS
from nbprod.analysis.scripts import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from nbprod.analysis.notes import Statement

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
CONSTRUCTORS = {
    "dict",
    "list",
    "tuple",
    "set",
    "frozenset",
    "range",
    "Path",
    "PurePath",
    "timedelta",
    "date",
    "datetime",
}
MADE_OF_CONSTANTS = (
    ast.Constant,
    ast.Name,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.BinOp,
    ast.UnaryOp,
    ast.JoinedStr,
    ast.FormattedValue,
)
NOTHING: frozenset[str] = frozenset()
HARMLESS = {"display", "connection", "database"}
BEFORE_IMPORTS = {"sys.path", "os.environ", "cwd"}
"""State that decides what an import finds or does."""
CONFIGURABLE = {
    "os.environ",
    "sys.path",
    "warnings",
    "logging",
    "pandas.options",
    "numpy.options",
    "sklearn.options",
    "matplotlib.options",
    "locale",
}


def stable(statements: Sequence[Statement]) -> dict[str, Statement]:
    """Decide the fate `replay` or `repeat` of statements; return the statement that defines each replayed name."""
    writers = Writers(statements)
    found = _stable(statements, writers, set())
    undone = _undone(statements)
    if any(item.fate == "repeat" and item.state.keys() & undone for item in statements):
        for item in statements:
            item.fate = "own"
        found = _stable(statements, writers, undone)
    return found


def _undone(statements: Sequence[Statement]) -> set[str]:
    """Return the options that a stage may put back to what they were: repeated after that, a setting would return."""
    return {
        token
        for item in statements
        if item.fate == "own"
        for token, cause in item.state.items()
        if token.endswith(".options") or cause == "warnings.resetwarnings"
    }


def _stable(statements: Sequence[Statement], writers: Writers, undone: set[str]) -> dict[str, Statement]:
    first_read: dict[str, int] = {}
    found: dict[str, Statement] = {}
    prepared: set[str] = set()
    scripts, leading = Progress(), True
    for statement in statements:
        facts, future = statement.facts, is_future(statement)
        if (prepared and _imports(statement) & prepared) or scripts.stays(statement):
            pass  # replayed, it would come before what makes it possible
        elif statement.sketch.kind is not None and _replayable(statement, writers, first_read, found):
            statement.fate = "replay"
        elif (
            future
            or (leading and facts.star and statement.type is ast.ImportFrom)  # to come before what is defined after it
            or (not statement.state.keys() & undone and _configures(statement, writers, found))
        ):
            statement.fate = "repeat"
        leading = not _unsettles(statement, statements, found) and leading and statement.fate != "own"
        if statement.fate == "own" and (statement.state or statement.effects or facts.files_written):
            prepared |= _prepares(statement)
        scripts.note(statement)
        for name in facts.binds | facts.maybe if statement.fate == "replay" or future else NOTHING:
            found.setdefault(name, statement)  # it is there in every stage
        for name in facts.reads:
            first_read.setdefault(name, statement.index)
    return _read_somewhere(statements, found)


def _unsettles(star: Statement, statements: Sequence[Statement], found: dict[str, Statement]) -> bool:
    """Let what was defined run at its place where an import of all names runs at its own: it may bind that anew."""
    if not star.facts.star or (star.fate == "repeat" and star.role != "stage"):
        return False
    for statement in statements[: star.index]:
        if statement.fate == "replay" and kind_of(statement) != "import" and statement.role != "parameters":
            statement.fate = "own"
            for name in statement.facts.binds:
                found.pop(name, None)
    return True


def is_future(statement: Statement) -> bool:
    """Whether this changes how all later cells are compiled, whether or not they name it."""
    return statement.sketch.type is ast.ImportFrom and getattr(statement.node, "module", None) == "__future__"


def _imports(statement: Statement) -> set[str]:
    """Return the modules a statement imports, and `*`; nothing for other statements."""
    if kind_of(statement) != "import" or is_future(statement):
        return set()
    return {"*", *(module.partition(".")[0] for module in statement.facts.modules)}


def _prepares(statement: Statement) -> AbstractSet[str]:
    """Return the modules whose import may depend on this statement, `*` for all."""
    if statement.state.keys() & BEFORE_IMPORTS or "install" in statement.effects:
        return {"*"}
    return {PurePath(file).stem for file in statement.facts.files_written if file.endswith(".py")}


def _read_somewhere(statements: Sequence[Statement], found: dict[str, Statement]) -> dict[str, Statement]:
    """Take out the constants that nobody reads: they run once, so that their value is kept."""
    mask = 0
    for statement in statements:
        if statement.cell.tag is not None or statement.type is not ast.Expr:  # not only looked at
            mask |= statement.read_mask
    read = set(statements[0].names.unmask(mask)) if statements else set()
    for statement in statements:
        if statement.fate == "replay" and kind_of(statement) == "constant" and statement.role != "parameters":
            names = statement.facts.binds
            if not names & read:
                statement.fate = "own"
                for name in names:
                    found.pop(name, None)
    return found


class Writers:
    """Who writes names: names are counted as masks, as a statement may change all names that share an object."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self.statements = statements
        # names written by more than one statement; rebound or deleted by more than one; by one that is no import
        self.twice = self.bound_twice = self.otherwise = 0
        self.imports: dict[str, set[str]] = {}
        once = bound_once = 0
        for statement in statements:
            written, facts = statement.write_mask, statement.facts
            if not written:
                continue  # what it binds is written as well
            self.twice |= once & written
            once |= written
            bound = statement.bound_mask | (statement.names.mask(facts.maybe) if facts.maybe else 0)
            if bound:
                self.bound_twice |= bound_once & bound
                bound_once |= bound
            if statement.sketch.type not in IMPORTS:
                self.otherwise |= written
        self.any = once
        for statement in statements:
            if statement.type in IMPORTS and self.twice & statement.write_mask:
                text = ast.dump(statement.node)
                for name in statement.writes:
                    self.imports.setdefault(name, set()).add(text)

    def alone(self, statement: Statement, names: set[str]) -> bool:
        """Whether nothing else writes the names; the same import twice is one."""
        mask = statement.names.mask(names)
        if not mask & self.twice:
            return True
        if mask & self.twice & self.otherwise or statement.type not in IMPORTS:
            return False
        return all(len(self.imports[name]) == 1 for name in names if name in self.imports)


def _replayable(
    statement: Statement, writers: Writers, first_read: dict[str, int], found: dict[str, Statement]
) -> bool:
    kind = kind_of(statement)
    if kind is None or (kind == "constant" and statement.role not in (None, "setup", "parameters")):
        return False
    if statement.facts.star or is_future(statement):  # not only where what it binds is read
        return False
    names = statement.facts.binds | statement.facts.maybe
    more = statement.maybe_mask & ~statement.names.mask(statement.facts.maybe)
    if statement.mutate_mask or statement.facts.deletes or more:
        return False
    if set(statement.effects) - HARMLESS or statement.state or statement.patches or statement.facts.magics:
        return False
    if any(name in first_read and first_read[name] < statement.index and name not in found for name in names):
        return False
    if kind == "connection":
        return (
            len(names) == 1
            and not _leaves_open(statement, writers.statements)
            and not statement.names.mask(names) & writers.bound_twice
            and _rests_on(statement, writers, found)
        )
    return writers.alone(statement, names) and _rests_on(statement, writers, found)


def can_open_again(statement: Statement, statements: Sequence[Statement]) -> bool:
    """Whether a connection may be opened a second time in a later stage without anybody seeing another database."""
    return kind_of(statement) == "connection" and not _leaves_open(statement, statements)


def _leaves_open(statement: Statement, statements: Sequence[Statement]) -> bool:
    """Whether a cell changes the database through this connection and leaves the commit to another cell."""
    if statement.effects["connection"].startswith("duckdb"):
        return False
    name = next(iter(statement.facts.binds), "")
    pending: Statement | None = None
    for other in statements[statement.index :]:
        if pending is not None and other.cell.tag != pending.cell.tag:
            return True
        if name in other.uncommitted:
            pending = other
        if name in other.committed:
            pending = None
    return False


def _rests_on(statement: Statement, writers: Writers, found: dict[str, Statement]) -> bool:
    """Whether all that a statement reads is there in every stage: `sum` is not, where the notebook has a `sum`."""
    return all(
        name in found or (name in BUILTINS and not writers.any & statement.names.bit(name))
        for name in statement.facts.reads
    )


def kind_of(statement: Statement) -> str | None:
    """Return `import`, `definition`, `constant`, `connection` or None."""
    if statement.parsed.whole:
        return None
    sketch = statement.sketch
    if sketch.kind == "":
        sketch.kind = kind_by_text(statement.node)
    if sketch.kind != "call":
        return sketch.kind
    if "connection" not in statement.facts.effects:
        return None
    value = getattr(statement.node, "value", None)
    return "connection" if _connects(statement, value) else None


def kind_by_text(node: ast.stmt) -> str | None:
    """Return the kind as far as the text tells; `call` may be a connection."""
    if isinstance(node, IMPORTS):
        return "import"
    if isinstance(node, DEFINITIONS):
        return "definition"
    if isinstance(node, (ast.Try, ast.If)):
        return "import" if _only_imports(node) else None
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if node.value is None or not all(_plain(target) for target in targets):
        return None
    if is_constant(node.value):
        return "constant"
    return "call" if isinstance(node.value, ast.Call) else None


def _plain(target: ast.expr) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(_plain(item) for item in target.elts)
    return isinstance(target, ast.Name)


def is_constant(node: ast.expr) -> bool:
    """Whether an expression is made of literals and names by operators and plain constructors alone."""
    if isinstance(node, ast.Lambda):
        return True
    if isinstance(node, ast.Call):
        plain = isinstance(node.func, ast.Name) and node.func.id in CONSTRUCTORS
        return plain and all(is_constant(item) for item in (*node.args, *(keyword.value for keyword in node.keywords)))
    return isinstance(node, MADE_OF_CONSTANTS) and all(
        is_constant(item) for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr)
    )


def _connects(statement: Statement, node: ast.expr | None) -> bool:
    """Whether this opens a connection that can be opened again: not to a database in memory."""
    if "connection" not in statement.facts.effects or not isinstance(node, ast.Call):
        return False
    first = node.args[0] if node.args else None
    if first is None:
        return not statement.facts.effects["connection"].startswith(("duckdb", "sqlite3"))
    return not (isinstance(first, ast.Constant) and ":memory:" in str(first.value)) and not (
        isinstance(first, ast.Constant) and first.value in ("", "sqlite://")
    )


def _only_imports(node: ast.Try | ast.If) -> bool:
    """Whether a block does nothing but import, with constants or `pass` in place of what is missing."""
    inner = [item for item in ast.walk(node) if isinstance(item, ast.stmt) and item is not node]
    if not any(isinstance(item, IMPORTS) for item in inner):
        return False
    return all(
        isinstance(item, (*IMPORTS, ast.Pass))
        or (isinstance(item, ast.Assign) and all(_plain(target) for target in item.targets) and is_constant(item.value))
        for item in inner
    )


def _configures(statement: Statement, writers: Writers, found: dict[str, Statement]) -> bool:
    """Whether a setup statement only sets options, so that it may be repeated in every process."""
    if statement.role not in (None, "setup") or statement.parsed.whole:
        return False
    facts = statement.facts
    if (
        facts.binds
        or statement.maybe_mask
        or statement.mutate_mask
        or facts.deletes
        or set(statement.effects) - {"display", "install"}
    ):
        return False
    magics = bool(facts.magics) and all(kind == "configure" for kind, _, _ in facts.magics)
    options = bool(statement.state) and set(statement.state) <= CONFIGURABLE
    if facts.star or not (magics or options or statement.patches):
        return False
    return _rests_on(statement, writers, found) and _simple(statement.node)


def _simple(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Expr, ast.Assign, ast.Import, ast.ImportFrom))
