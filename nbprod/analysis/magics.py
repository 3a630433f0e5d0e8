"""Magics and shell lines, as IPython's transformer wrote them: what each reads, binds and changes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge
from nbprod.analysis.callbacks import Callbacks
from nbprod.analysis.facts import NOTHING, Flow
from nbprod.analysis.paths import ANY

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOLLAR = re.compile(r"(?<![$\\])\$\{?([A-Za-z_]\w*)")
_BRACES = re.compile(r"\{([^{}]+)\}")
_BOUND_BY_SHELL = re.compile(r"--(?:out|err|proc)[ =]+([A-Za-z_]\w*)")
_TIMING = re.compile(r"\s*-(?:[nrpNR]\s*\d+|[tcqov]+)(?=\s|$)")
_NAMESPACES = frozenset({"user_ns", "user_global_ns", "user_module", "f_globals", "f_locals"})
_LATER = re.compile(r"(^|\s)-($|b|\d)")  # `%cd -`, `%cd -b name`: where it was before


class Magics(Callbacks):
    """Expressions with calls of `get_ipython()`."""

    shown: ast.expr | None = None  # the expression that is a statement of its own

    def magic(self, node: ast.Call, how: str) -> Flow:
        """Execute a magic."""
        words = [item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        if how == "run_cell_magic" and len(words) == 3:
            self.cell_magic(node, *words)
        elif how == "run_line_magic" and len(words) > 1:
            self.line_magic(node, words[0], words[1])
        elif how == "magic" and words:
            name, _, line = words[0].lstrip("%").partition(" ")
            self.line_magic(node, name, line)
        elif how in knowledge.sets("magics")["reaches"]:
            self.several([*node.args, *(keyword.value for keyword in node.keywords)])
            self.facts.effects.setdefault("dynamic", f"get_ipython().{how}")
        elif how in ("system", "getoutput", "system_raw", "system_piped", "getoutput_piped"):
            self.expanded(node, "".join(words))
            self.shell(how, "".join(words))
        elif how not in knowledge.sets("magics")["quiet"]:
            self.facts.magics.append(("unknown", how, node.lineno + self.offset))
        return NOTHING

    def line_magic(self, node: ast.Call, name: str, line: str) -> None:
        """Execute `%name line`."""
        lists = knowledge.sets("magics")
        if name in lists["python"]:
            self.timed(name, line, node)
            return
        self.expanded(node, line)
        if name in lists["shell"]:
            self.shell(name, line)
        elif name in ("env", "set_env"):
            self.environ(name, line, node.lineno + self.offset)
        elif name == "cd" and not _LATER.search(line):
            self.touch("cwd", "%cd")
        elif name in ("who_ls", "history") and node is not self.shown:
            self.facts.effects.setdefault("dynamic", f"%{name}")
        elif name not in lists["show"]:
            self.setting(name, node.lineno + self.offset)

    def setting(self, name: str, at: int) -> None:
        """Execute a magic that sets up the session, or one that nothing is known of."""
        if name in knowledge.sets("magics")["configure"]:
            self.facts.star |= name == "pylab"
            self.facts.magics.append(("configure", name, at))
        else:
            self.facts.magics.append(("unknown", name, at))

    def environ(self, name: str, line: str, at: int) -> None:
        """`%env NAME=value` sets, `%env NAME` reads."""
        if "=" in line or len(line.split()) > 1:
            self.touch("os.environ", f"%{name}")
            self.facts.magics.append(("configure", name, at))
        elif line.strip():
            self.facts.environment.add(line.strip())

    def cell_magic(self, node: ast.Call, name: str, line: str, body: str) -> None:
        """Execute `%%name line` over a body that is not Python; one over Python is taken apart in cells.py."""
        lists = knowledge.sets("magics")
        self.expanded(node, line)
        if name in lists["cell_shell"]:
            self.facts.effects.setdefault("process", f"%%{name}")
            for bound in _BOUND_BY_SHELL.findall(line):
                self.bind(bound, NOTHING)
        elif name in lists["cell_write"]:
            words = [word for word in line.split() if not word.startswith("-")]
            self.facts.effects.setdefault("file-write", f"%%{name}")
            self.facts.files_written.add(words[0].strip("'\"") if words else ANY)
        elif name in lists["cell_python"]:
            self.code(body, node)
        elif name not in lists["cell_show"]:
            self.facts.magics.append(("unknown", name, node.lineno + self.offset))

    def shell(self, name: str, line: str) -> None:
        """Note a shell line: a process whose doings cannot be seen."""
        lists = knowledge.sets("magics")
        first = (line.split() or [""])[0]
        if name in lists["install"] or " install " in f" {line} ":
            self.facts.effects.setdefault("install", line or name)
        elif first not in lists["harmless_commands"] or any(sign in line for sign in ">|;&"):
            self.facts.effects.setdefault("process", f"!{line}")
        else:
            self.facts.effects.setdefault("file-read", f"!{line}")
            self.facts.files_read.add(ANY)

    def timed(self, name: str, line: str, node: ast.Call) -> None:
        """Execute the statement after `%time` and its like; a timer makes a function of it."""
        while (option := _TIMING.match(line)) is not None:
            line = line[option.end() :]
        text = line.strip()
        if name in ("timeit", "memit") and text:
            text = f"def timed_{node.lineno}(): {text}\ntimed_{node.lineno}()"
        while not self.code(text, node):
            dropped, _, text = text.partition(" ")
            if not text:
                self.opaque(f"%{name}")
                return
            self.mentioned(dropped, node.lineno)

    def code(self, text: str, node: ast.Call) -> bool:
        """Execute Python given as text; returns False for what is not Python."""
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError):
            return False
        for item in body:
            for inner in ast.walk(item):
                if hasattr(inner, "lineno"):
                    inner.lineno = node.lineno
        self.block(body)
        return True

    def _attribute(self, node: ast.Attribute) -> Flow:
        if node.attr in _NAMESPACES:
            self.facts.effects.setdefault("dynamic", f".{node.attr}")
        return super()._attribute(node)

    # names in the text of a magic

    def expanded(self, node: ast.Call, text: str) -> None:
        """Read what IPython puts in the place of `$name` and `{expression}`."""
        for name in _DOLLAR.findall(text):
            self.mentioned(name, node.lineno)
        for inside in _BRACES.findall(text):
            self.mentioned(inside.partition(":")[0].partition("!")[0], node.lineno)

    def mentioned(self, text: str, line: int) -> None:
        """Read the names in an expression that the notebook binds; without them the shell takes the text as it is."""
        try:
            names = {item.id for item in ast.walk(ast.parse(text.strip())) if isinstance(item, ast.Name)}
        except (SyntaxError, ValueError):
            return
        for name in sorted(names):
            key = self.key(name)
            if "@" in key or key in self.context.bound:
                self.facts.guarded.add(self.read(name, line))

    # what other floors of this class provide

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Execute statements one after another."""
        raise NotImplementedError

    def opaque(self, name: str) -> None:
        """Note a call nothing is known of; a call on a local name is part of what its definition does."""
        self.facts.effects.setdefault("unknown", name.split("@")[0])
