"""Runs a fixed case: the pipeline through an engine, the notebook top to bottom in one process, and compares."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import execution
from nbprod.api.notebook import analyze
from nbprod.config import Project
from nbprod.core.errors import MissingValue
from nbprod.core.run import RunOptions, RunStatus
from nbprod.execution.engines.session import Cells
from tests.conftest import write_notebook
from tests.support import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cases import Case

NOT_NOTEBOOK = ("md", "skip", "gate", "serve", "test")
HEAVY = ("matplotlib.pyplot", "scipy.stats", "sklearn.linear_model", "sklearn.model_selection", "sklearn.tree")
UNSTORABLE = "NB612"


class Wrong(AssertionError):
    """The case did not come out as its table says."""


def judge(case: Case, root: Path, **options: Any) -> None:
    """Check one case in the empty folder `root`; raises `Wrong`."""
    folder = root / "pipeline"
    path = place(case, folder)
    with inside(folder, case.env):
        pipeline = analyze(path)
        if case.refused is not None:
            refused(case, pipeline.errors)
            return
        if pipeline.errors:
            raise Wrong(f"refused: {[(e.code, e.cell, e.line, e.message) for e in pipeline.errors]}")
        given = execution.parameters(pipeline, case.given)
        run = execution.run(pipeline, Project.find(folder), RunOptions(parameters=given, **options))
        if run.status is not RunStatus.SUCCEEDED:
            raise Wrong(f"crashed: {run.error}")
        expected = top_to_bottom(case, root / "notebook")
        compare(case, run, expected)


def refused(case: Case, errors: Any) -> None:
    """Check that the notebook is refused where the table says, with a fix."""
    assert case.refused is not None
    code, cell, line = case.refused
    found = [(e.code, e.cell, e.line) for e in errors]
    hits = [e for e in errors if e.code == code and cell in (None, e.cell) and line in (None, e.line)]
    if not hits:
        raise Wrong(f"not refused by {case.refused}, but {found}")
    if not all(e.fix for e in hits):
        raise Wrong("refused without a fix")


def place(case: Case, folder: Path) -> Path:
    """Write the case's files and its notebook."""
    (folder / ".git").mkdir(parents=True)
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".ipynb"):
            write_notebook(folder / name, [_tagged(cell) for cell in text.split("# %%")[1:]])
        else:
            (folder / name).write_text(text, encoding="utf-8")
    return write_notebook(folder / "nb.ipynb", [source if tag is None else (tag, source) for tag, source in case.cells])


def _tagged(cell: str) -> Any:
    """Return a cell of a file `other.ipynb`, where `# %% TAG` begins each."""
    tag, _, source = cell.partition("\n")
    return (tag.strip(), source.rstrip("\n")) if tag.strip() else source.rstrip("\n")


def top_to_bottom(case: Case, folder: Path) -> dict[str, str]:
    """Return the text of each value that the notebook ends with."""
    place(case, folder)
    out = folder.parent / "values.json"
    overrides = "\n".join(f"{name} = {value!r}" for name, value in case.given.items())
    sources = []
    for tag, source in case.cells:
        if tag not in NOT_NOTEBOOK:
            sources += [source, overrides] if tag == "parameters" else [source]
    sources.append(f"__import__('runpy').run_path({describe.__file__!r})['write'](globals(), {str(out)!r})")
    steps: Any = [
        {"kind": "cell", "cell": number, "cell_id": str(number), "source": source, "first_line": 1}
        for number, source in enumerate(sources, 1)
    ]
    with inside(folder, case.env), Cells("python3", folder) as cells:
        for event in cells.run(steps):
            if event["event"] == "failed":
                raise Wrong(f"the notebook itself fails: {event['cell']}: {event['ename']}: {event['evalue']}")
    found: dict[str, str] = json.loads(out.read_text(encoding="utf-8"))
    return found


def compare(case: Case, run: Any, expected: dict[str, str]) -> None:
    """Compare every value of the run with the notebook's, and with those the table names."""
    wrong = []
    for name, text in expected.items():
        if name in case.aside:
            continue
        try:
            got = describe.describe(run[name])
        except MissingValue as error:
            if error.code != UNSTORABLE:
                wrong.append(f"{name}: {error.code} {error.message}, in the notebook {text[:200]}")
            continue
        if got != text:
            at = max(0, next((i for i, (a, b) in enumerate(zip(got, text, strict=False)) if a != b), 0) - 60)
            wrong.append(f"{name}: {got[at:][:200]}, in the notebook {text[at:][:200]}")
    for name, value in case.expect.items():
        try:
            told = run[name]
        except MissingValue as error:
            wrong.append(f"{name}: {error.message}, expected {value!r}")
            continue
        if type(told) is not type(value) or told != value:
            wrong.append(f"{name} is {told!r}, expected {value!r}")
        if expected.get(name) != describe.describe(value):
            wrong.append(f"the notebook itself has {name} = {expected.get(name)}, expected {value!r}")
    if wrong:
        raise Wrong("silently wrong: " + "; ".join(wrong))


@contextmanager
def inside(folder: Path, env: dict[str, str]) -> Iterator[None]:
    """Work in a folder with variables set; what values of a run bring into this process is put away again."""
    before, path, cwd, modules = dict(os.environ), list(sys.path), Path.cwd(), set(sys.modules)
    os.environ.update(env)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(before)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]


def main(argv: list[str]) -> int:
    """Run cases by hand: `python -m tests.support.judge [FILE of names | GROUP | text in a name] …`."""
    import time
    import warnings

    from tests.support.cases import cases
    from tests.support.forked import forked

    warnings.simplefilter("ignore")
    words = Path(argv[0]).read_text(encoding="utf-8").splitlines() if argv and Path(argv[0]).is_file() else argv
    chosen = [case for case in cases() if not words or any(word == case.group or word in str(case) for word in words)]
    bad = 0
    started = time.perf_counter()
    with forked(*HEAVY), tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(chosen):
            try:
                judge(case, Path(folder, str(number)))
            except Exception as error:
                bad += 1
                print(f"{case}\n    {type(error).__name__} {str(error)[:700]}", flush=True)
    print(f"{bad} of {len(chosen)} wrong, {time.perf_counter() - started:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
