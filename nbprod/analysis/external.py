"""What a notebook changes outside its own folder: databases, other machines, files elsewhere, other programs."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge
from nbprod.analysis.cells import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.analysis.cells import Magic
    from nbprod.core.notebook import Cell, Notebook

_WRITES_SQL = re.compile(
    r"\s*(insert|update|delete|create|drop|alter|replace|merge|copy|truncate|grant)\b", re.IGNORECASE
)
_ELSEWHERE = re.compile(r"(/|~|[A-Za-z]:[\\/]|[a-z][a-z0-9+.-]*://)")
_LOCAL_DATABASE = re.compile(r"(sqlite|duckdb)(\+\w+)?:/{2,3}(?P<path>[^?]*)")
_SENDS = re.compile(r"\s(-X\s*(POST|PUT|PATCH|DELETE)|-d\b|--data|-F\b|--form|-T\b|--upload|--post)")
_MAGICS = ("pip", "conda", "sx", "system", "!")
_SHELLS = ("bash", "sh", "script", "sx", "system", "!")


@dataclass(frozen=True, slots=True)
class External:
    """One thing that is changed elsewhere."""

    notebook: str
    cell: int
    line: int
    what: str

    def __str__(self) -> str:
        """Return `cell 7 line 2  df.to_sql(…) writes to a database`."""
        return f"cell {self.cell} line {self.line}  {self.what}"


def external(notebooks: Sequence[Notebook]) -> tuple[External, ...]:
    """Return what the cells of notebooks change outside their folder, as far as their text tells."""
    found: list[External] = []
    for notebook in notebooks:
        reader = _Reader(notebook.path)
        for cell in notebook.cells:
            if cell.kind == "code" and not (cell.tag is not None and cell.tag.role == "skip"):
                found += (External(notebook.path, cell.number, line, what) for line, what in reader.cell(cell))
    return tuple(dict.fromkeys(found))


class _Reader:
    """Reads cells in order; knows what names were imported as, which paths they hold, which connections are local."""

    def __init__(self, notebook: str) -> None:
        self.folder = posixpath.dirname(notebook)
        self.notebook = notebook
        self.modules: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.local: set[str] = set()
        self.lists = knowledge.sets("external")

    def cell(self, cell: Cell) -> Iterator[tuple[int, str]]:
        """Yield line and words for each thing a cell changes elsewhere."""
        parsed = parse(cell, self.notebook)
        if parsed.magic is not None:
            yield from self._cell_magic(parsed.magic, cell.body)
        for statement in parsed.statements:
            self._learn(statement)
            for node in ast.walk(statement):
                if isinstance(node, ast.Call):
                    for what in self._call(node):
                        yield node.lineno + parsed.offset, what

    def _cell_magic(self, magic: Magic, body: str) -> Iterator[tuple[int, str]]:
        if magic.name in _SHELLS:
            for number, line in enumerate(body.splitlines()[1:], magic.line + 1):
                yield from ((number, what) for what in self._shell(line))
        elif magic.name == "writefile" and self._outside(magic.arguments.split()[-1] if magic.arguments else None):
            yield magic.line, f"%%writefile {magic.arguments} writes outside the project"
        elif magic.name == "sql":
            yield magic.line, "%%sql may change a database"

    # what names stand for

    def _learn(self, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                self.modules.update((item.asname or item.name, item.name) for item in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                self.modules.update((item.asname or item.name, f"{node.module}.{item.name}") for item in node.names)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    self._bind(target, node.value)
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                self._bind(node.optional_vars, node.context_expr)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if not isinstance(target, ast.Name):
            return
        text = self._path(value)
        self.texts.pop(target.id, None)
        if text is not None:
            self.texts[target.id] = text
        (self.local.add if self._is_local(value) else self.local.discard)(target.id)

    def _is_local(self, value: ast.expr) -> bool:
        """Whether an expression is a connection to a database in the folder or in memory, or made from one."""
        if isinstance(value, ast.Name):
            return value.id in self.local
        if isinstance(value, ast.Attribute):
            return self._is_local(value.value)
        if not isinstance(value, ast.Call):
            return False
        if self._dotted(value.func) in self.lists["connections"]:
            return self._is_local_address(value)
        parts = [value.func, *value.args, *(keyword.value for keyword in value.keywords)]
        return any(self._is_local(part) for part in parts if not isinstance(part, ast.Constant))

    def _is_local_address(self, call: ast.Call) -> bool:
        if not call.args:
            return not call.keywords
        text = self._path(call.args[0])
        if text is None:
            return False
        url = _LOCAL_DATABASE.match(text)
        path = url["path"] if url else text
        return path in ("", ":memory:") or not self._outside(path)

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self.modules.get(node.id, node.id)
        return f"{self._dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""

    def _path(self, node: ast.expr) -> str | None:
        """Return the text an expression begins with, as far as it is known."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self.texts.get(node.id)
        if isinstance(node, ast.JoinedStr):
            first = node.values[0] if node.values else None
            return self._path(first.value if isinstance(first, ast.FormattedValue) else first) if first else None
        if isinstance(node, ast.BinOp):
            left, right = self._path(node.left), self._path(node.right)
            return None if left is None else f"{left}{'/' if isinstance(node.op, ast.Div) else ''}{right or ''}"
        if isinstance(node, ast.Call) and node.args and self._dotted(node.func).endswith(("Path", "path.join", "str")):
            parts = [self._path(part) for part in node.args]
            return None if parts[0] is None else "/".join(part or "" for part in parts)
        if isinstance(node, ast.Call) and self._dotted(node.func).endswith(("Path.home", "expanduser")):
            return "~"
        return None

    def _outside(self, path: str | None) -> bool:
        if path is None:
            return False
        if _ELSEWHERE.match(path) and not path.startswith("/dev/"):
            return True
        return posixpath.normpath(posixpath.join(self.folder, path.replace("\\", "/"))).startswith("..")

    # what calls do

    def _call(self, node: ast.Call) -> Iterator[str]:
        name, shown = self._dotted(node.func), _shown(node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else name.rpartition(".")[2]
        if self._sends(node, name, method):
            yield f"{shown}(…) sends to another machine"
        elif self._stores(node, method) and not self._on_local(node):
            yield f"{shown}(…) changes a database"
        elif knowledge_match(self.lists["shell"], name) or _is_ipython(node):
            yield from self._shell(self._command(node))
        for path in self._written(node, name, method):
            if self._outside(path):
                yield f"{shown}({path!r}) writes outside the project"

    def _sends(self, node: ast.Call, name: str, method: str) -> bool:
        if knowledge_match(self.lists["network"], name):
            return True
        if not isinstance(node.func, ast.Attribute):
            return False
        return method in self.lists["network_methods"] or (method in self.lists["web_methods"] and self._to_web(node))

    def _stores(self, node: ast.Call, method: str) -> bool:
        if not isinstance(node.func, ast.Attribute):
            return False
        sql = method in self.lists["sql_methods"] and self._writes_sql(node)
        return sql or method in self.lists["database_methods"]

    def _to_web(self, node: ast.Call) -> bool:
        address = self._path(node.args[0]) if node.args else None
        given = {keyword.arg for keyword in node.keywords}
        return bool(address and address.startswith("http")) or bool(given & {"json", "data", "files"})

    def _on_local(self, node: ast.Call) -> bool:
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        given = [*node.args, *(keyword.value for keyword in node.keywords), *([receiver] if receiver else [])]
        return any(self._is_local(part) for part in given)

    def _writes_sql(self, node: ast.Call) -> bool:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Call) and first.args:
            first = first.args[0]  # sqlalchemy.text("…")
        text = self._path(first) if first is not None else None
        return bool(text and _WRITES_SQL.match(text))

    def _written(self, node: ast.Call, name: str, method: str) -> Iterator[str | None]:
        if method == "open" and self._mode(node) & set("wax+") and node.args:
            yield self._path(node.args[0])
        if method in self.lists["path_receivers"] and isinstance(node.func, ast.Attribute):
            yield self._path(node.func.value)
        if {name, method if isinstance(node.func, ast.Attribute) else name} & self.lists["path_first"]:
            yield from (self._path(part) for part in node.args[:1])
        if name in self.lists["path_second"]:
            yield from (self._path(part) for part in node.args[1:2])

    @staticmethod
    def _mode(node: ast.Call) -> set[str]:
        given = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
        return {letter for part in given if isinstance(part, ast.Constant) for letter in str(part.value)}

    def _command(self, node: ast.Call) -> str:
        """Return the shell line that a call runs, `?` where it is not known."""
        texts = [self._path(part) for part in node.args]
        if isinstance(node.func, ast.Attribute) and node.func.attr.startswith("run_"):
            name, *rest = [text or "?" for text in texts]
            return " ".join([name, *rest] if name in ("pip", "conda") else rest) if name in _MAGICS else ""
        first = node.args[0] if node.args else None
        if isinstance(first, ast.List | ast.Tuple):
            return " ".join(self._path(part) or "?" for part in first.elts)
        return (texts[0] if texts else None) or "?"

    def _shell(self, line: str) -> Iterator[str]:
        text = line.strip()
        if not text or text.startswith("#"):
            return
        for command in re.split(r"&&|\|\||;|\|", text):
            if command.strip() and not self._harmless(command.strip()):
                yield f"!{text[:60]} runs a program that may change anything"
                return

    def _harmless(self, command: str) -> bool:
        try:
            words = shlex.split(command)
        except ValueError:
            return False
        program = posixpath.basename(words[0]) if words else ""
        if program in ("python", "python3") and words[1:2] == ["--version"]:
            return True
        if program in ("pip", "pip3", "conda"):
            return bool(words[1:]) and words[1] in self.lists["harmless_packages"]
        if program not in self.lists["harmless_commands"] or _SENDS.search(f" {command}"):
            return False
        writes = program in ("mkdir", "touch", "cp", "mv", "unzip", "zip", "tar", "rm", "sed") or ">" in command
        return not (writes and any(self._outside(word) for word in words[1:]))


def _is_ipython(node: ast.Call) -> bool:
    """Whether this is a shell line or a magic as IPython rewrites it."""
    return isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "get_ipython()"


def knowledge_match(names: frozenset[str], name: str) -> bool:
    """Whether `name` is in a list, whole or as `package.*`."""
    return name in names or any(f"{head}.*" in names for head in _heads(name))


def _heads(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:size]) for size in range(1, len(parts)))


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"…{text[-39:]}"
