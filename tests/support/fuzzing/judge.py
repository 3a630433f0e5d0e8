"""Runs a notebook both ways and compares."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.execution import environment

if TYPE_CHECKING:
    from .notebooks import Book

HERE = Path(__file__).resolve()
ROOT = HERE.parents[3]
STAGES = tuple("abcde")
MISSING_IS_FINE = ("NB612",)


@dataclass(frozen=True)
class Verdict:
    """What came out: equal, refused, invalid (not a notebook that runs), wrong, crashed; and why."""

    kind: str
    detail: str = ""

    @property
    def bad(self) -> bool:
        """Whether nbprod broke its promise."""
        return self.kind in ("wrong", "crashed", "late", "vague")


class Judge:
    """Judges one notebook after another; `forked()` should be on."""

    def __init__(self) -> None:
        self.slow: dict[str, bytes] = {}  # what every project finds out once, and takes long
        self.folder = Path(tempfile.mkdtemp(prefix="nbprod-fuzz-"))
        python_path = f"{ROOT}:{HERE.parents[1]}"
        self.server = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "fuzzing.server"],
            env={**environment.PATIENT, **_surroundings(), **environment.fixed(), "PYTHONPATH": python_path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.close)
        assert self.server.stdout is not None
        assert self.server.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End the server."""
        if self.server.poll() is None:
            self.server.kill()
            self.server.wait()
            self.server.stdin.close()
            self.server.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request to the server and return the answer."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        answer: dict[str, Any] = json.loads(self.server.stdout.readline())
        return answer

    def judge(self, book: Book) -> Verdict:
        """Run a notebook both ways and compare."""
        shutil.rmtree(self.folder, ignore_errors=True)
        folder = self.folder / "book"  # the same for both: paths are values too
        folder.mkdir(parents=True)
        without = replayed(write(folder / "book.ipynb", book.entries()))
        plain = self.ask(folder=str(folder), cells=book.top_to_bottom(), without=without) | {"without": without}
        if "error" in plain:
            return Verdict("invalid", plain["error"])
        shutil.rmtree(folder)
        (folder / ".git").mkdir(parents=True)
        for name, content in self.slow.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        try:
            return self.pipeline(book, folder, plain)
        finally:
            for file in () if self.slow else folder.rglob("distributions-*.json"):
                self.slow[str(file.relative_to(folder))] = file.read_bytes()
            shutil.rmtree(self.folder, ignore_errors=True)

    def pipeline(self, book: Book, folder: Path, plain: dict[str, Any]) -> Verdict:
        """Run the pipeline and compare with what the notebook left."""
        import nbprod
        from nbprod.core.errors import AnalysisError, BoundaryError, NbprodError

        path = write(folder / "book.ipynb", book.entries())
        try:
            run = nbprod.run(path, parameters=book.given or None)
        except AnalysisError as error:
            return refused(error)
        except BoundaryError as error:
            return Verdict("late", f"{error.code} {error.message}")
        except NbprodError as error:
            return Verdict("crashed", f"{error.code} {error.message}")
        found = self.ask(folder=str(folder), run=run.id, names=sorted(plain["picture"]), without=plain["without"])
        if "error" in found:
            return Verdict("crashed", found["error"])
        return compared(plain, found)


def replayed(path: Path) -> list[str]:
    """Return the parameters that are lists and the like: each stage has its own, which nothing changes."""
    import nbprod

    return sorted(
        item.name for item in nbprod.analyze(path).parameters if item.type not in ("int", "float", "str", "bool")
    )


def refused(error: Any) -> Verdict:
    """Return the verdict on a refusal, which must tell where and what to do."""
    codes = []
    for item in error.diagnostics:
        if item.severity != "error":
            continue
        codes.append(item.code)
        if item.cell is None or item.line is None or not item.fix:
            return Verdict("vague", f"{item.code} {item.message} cell {item.cell} line {item.line} fix {item.fix}")
    return Verdict("refused", " ".join(sorted(set(codes))))


def compared(plain: dict[str, Any], found: dict[str, Any]) -> Verdict:
    """Return the verdict on the values and files that both left."""
    wrong = []
    for name, expected in plain["picture"].items():
        if name in found["missing"]:
            if not found["missing"][name].startswith(MISSING_IS_FINE):
                wrong.append(f"{name}: {expected} but {found['missing'][name]}")
        elif found["picture"].get(name) != expected:
            wrong.append(f"{name}: {expected} but {found['picture'].get(name)}")
    wrong += [f"{name}: nothing but {found['picture'][name]}" for name in found["picture"].keys() - plain["picture"]]
    for name in sorted(plain["files"].keys() | found["files"].keys()):
        if plain["files"].get(name) != found["files"].get(name):
            wrong.append(f"file {name}: {plain['files'].get(name)} but {found['files'].get(name)}")
    return Verdict("wrong", "\n".join(wrong)) if wrong else Verdict("equal")


def write(path: Path, entries: list[Any]) -> Path:
    """Write a notebook of cells given as source, or tag and source."""
    cells = []
    for number, entry in enumerate(entries, 1):
        tag, source = (None, entry) if isinstance(entry, str) else entry
        metadata: dict[str, Any] = {}
        if tag == "parameters":
            metadata = {"tags": ["parameters"]}
        elif tag:
            metadata = {"nbprod": {"role": tag} if tag == "setup" else {"stage": tag}}
        cell = {"cell_type": "code", "id": f"c{number}", "metadata": metadata, "source": source}
        cells.append({**cell, "outputs": [], "execution_count": None})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def shrink(judge: Judge, book: Book, kind: str, tries: int = 400) -> Book:
    """Return a smaller notebook with the same kind of verdict."""
    while True:
        for smaller in book.smaller():
            tries -= 1
            if tries < 0:
                return book
            if any(tag in STAGES for tag, _ in smaller.cells) and judge.judge(smaller).kind == kind:
                book = smaller
                break
        else:
            return book


def _surroundings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("NBPROD_")}
