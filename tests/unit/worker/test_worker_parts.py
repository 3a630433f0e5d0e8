"""The small parts of the worker, each alone."""

from __future__ import annotations

import errno
import importlib
import linecache
import os
import sys

import numpy as np
import pytest

from nbprod.worker import afterimport, digests, failure, metrics, naming, origins, standin, trouble
from nbprod.worker.compiler import CellCompiler
from nbprod.worker.display import bundle
from nbprod.worker.files import Files
from nbprod.worker.job import resolve
from nbprod.worker.memory import Memory


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("_", True),
        ("_12", True),
        ("_i3", True),
        ("In", True),
        ("__name__", True),
        ("_mine", False),
        ("_i_am", False),
        ("x1", False),
    ],
)
def test_whose_name(name, hidden):
    assert naming.hidden(name) is hidden


def test_metrics_are_numbers_and_dicts_of_numbers():
    values = {
        "a": True,
        "b": np.float32(0.5),
        "c": {"x": {"y": 1}},
        "d": "no",
        "e": np.arange(2),
        "f": np.array(3),
        "g": None,
    }
    assert metrics.collect([*values, "absent"], values) == {"a": 1.0, "b": 0.5, "c.x.y": 1.0, "f": 3.0}


def test_a_cell_keeps_its_name_lines_and_text():
    compiler = CellCompiler()
    name = compiler.enter("n.ipynb", 3, "\nx = 1\n", 5)
    assert name == "<n.ipynb cell 3>"
    compiler.cache("x = 1\n")
    tree = compiler.ast_parse("x = 1\n", name)
    assert tree.body[0].lineno == 6
    compiler.enter("n.ipynb", 3, "y = 2", 2)
    compiler.cache("y = 2")
    compiler.leave()
    assert [linecache.getline(name, number) for number in (2, 6)] == ["y = 2\n", "x = 1\n"]
    assert compiler.format_code_name(name) == ("n.ipynb", "cell 3")
    assert compiler.ast_parse("x = 1", "other").body[0].lineno == 1


def test_syntax_errors_are_shifted():
    compiler = CellCompiler()
    name = compiler.enter("n.ipynb", 3, "x =", 5)
    with pytest.raises(SyntaxError) as caught:
        compiler.ast_parse("x =", name)
    assert caught.value.lineno == 5


def test_an_error_whose_text_raises():
    class Odd(Exception):
        def __str__(self):
            raise ValueError

    assert failure.describe(Odd(), [])["evalue"] == "<Odd whose text raises ValueError>"


def test_frames_of_the_worker_are_trimmed():
    try:
        metrics.collect(["a"], _Raising())
    except LookupError as error:
        failure.trim(error)
        names = []
        entry = error.__traceback__
        while entry:
            names.append(entry.tb_frame.f_code.co_name)
            entry = entry.tb_next
    assert names == ["test_frames_of_the_worker_are_trimmed", "__contains__"]


class _Raising(dict):
    def __contains__(self, name):
        raise LookupError(name)


def test_replayed_statements_are_executed_once():
    def step(source, first_line=1):
        return {"kind": "replay", "cell": 2, "cell_id": "b", "source": source, "first_line": first_line}

    memory = Memory()
    memory.executed(step("class A:\n    pass"))
    assert memory.remaining(step("class A:\n    pass")) is None
    assert (
        memory.remaining(step("class A:\n    pass\n@f\ndef g():\n    pass"))["source"] == "\n\n@f\ndef g():\n    pass"
    )
    assert memory.remaining(step("class A:\n    pass", first_line=9)) is not None
    assert memory.remaining(step("a = 1; b = 2"))["source"] == "a = 1; b = 2"
    assert memory.remaining(step("%magic"))["source"] == "%magic"


def test_files_are_remembered_as_they_were(tmp_path):
    project, path = tmp_path / "p", tmp_path / "p" / "a"
    project.mkdir()
    path.write_text("old")
    files = Files(str(project), str(project / ".nbprod"), str(project))
    files.read(str(path))
    files.write(str(path))
    path.write_text("new")
    files.read(str(project / ".nbprod" / "x"))
    files.read(sys.prefix + "/lib/x")
    read, written = files.results()
    assert read == {"a": digests.text_digest("old")}
    assert written == {"a": digests.text_digest("new")}
    assert files.disturbed == []


def test_a_file_changed_by_others_meanwhile(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    files = Files(str(tmp_path), str(tmp_path / ".nbprod"), str(tmp_path))
    files.read(str(path))
    path.write_text("newer")
    files.results()
    assert files.disturbed == [str(path)]


def test_the_stand_in_for_nbprod(monkeypatch):
    monkeypatch.setenv("DB_URL", "sqlite://")
    monkeypatch.setitem(sys.modules, "nbprod", sys.modules["nbprod"])
    monkeypatch.setattr(standin.importlib.util, "find_spec", lambda name: None)
    standin.install()
    monkeypatch.undo()
    assert standin.secret.__module__ == "nbprod"
    with pytest.raises(KeyError, match="set the environment variable ABSENT"):
        standin.secret("ABSENT")


def test_listing_ignores_hidden_names(tmp_path):
    before = digests.path_digest(f"{tmp_path}/")
    (tmp_path / ".hidden").touch()
    assert digests.path_digest(f"{tmp_path}/") == before
    (tmp_path / "b").touch()
    assert digests.path_digest(f"{tmp_path}/") != before
    assert digests.path_digest(str(tmp_path / "none")) is None


def test_whose_code():
    assert origins.kind("<churn.ipynb cell 7>") == "user"
    assert origins.kind(__file__) == "user"
    assert origins.kind(os.__file__) == "standard"
    assert origins.kind(np.__file__) == "library"
    assert origins.kind(origins.__file__) == "machinery"
    assert origins.caller() == "user" or origins.through("pytest")


def test_after_an_import(tmp_path, monkeypatch):
    (tmp_path / "late_module.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    seen = []
    afterimport.call("late_module", lambda module: seen.append(module.x))
    assert seen == []
    module = importlib.import_module("late_module")
    assert seen == [1]
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    afterimport.call("late_module", lambda module: seen.append(2))
    assert seen == [1, 2]
    del sys.modules["late_module"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "full"), "NB601"),
        (PermissionError(errno.EACCES, "no", "/x"), "NB602"),
        (trouble.Trouble("NB603", "m", "h"), "NB603"),
        (ValueError("bug"), "NB599"),
    ],
)
def test_trouble_as_an_event(error, code):
    event = trouble.event(error)
    assert (event["event"], event["code"]) == ("fatal", code)


def test_bundles_carry_what_json_knows():
    value = (1, b"x", {2: np.bool_(True)})
    assert bundle({"a": np.float64("inf"), "b": None, "text/c": value, "application/json": value}) == {
        "a": "inf",
        "text/c": '[1, "eA==", {"2": "True"}]',
        "application/json": [1, "eA==", {"2": "True"}],
    }


def test_paths_of_a_job_start_at_its_root(tmp_path):
    spec = {
        "inputs": [{"manifest": "a", "stage": "s", "names": []}],
        "state": ["b"],
        "buffers": "c",
        "manifest": "d",
        "cwd": "/e",
    }
    found = resolve(spec, tmp_path)
    assert found["inputs"][0]["manifest"] == str(tmp_path / "a")
    assert (found["state"], found["buffers"], found["cwd"]) == ([str(tmp_path / "b")], str(tmp_path / "c"), "/e")
