"""Kernels, the environment fixed for a run, gates, executed notebooks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
import pytest

from nbprod.core.errors import StageFailed, UnavailableError, UsageError, Where
from nbprod.core.expressions import judge
from nbprod.core.pipeline import Stage, Step
from nbprod.execution import environment, gates, kernels
from nbprod.execution.cgroups import Memory
from nbprod.execution.executed import Executed
from nbprod.execution.session import ProcessDiedError, death


@pytest.fixture
def kernelspec(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def make(name, **spec):
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"language": "python", **spec}))
        return name

    return make


def test_a_kernels_python_is_found_without_jupyter(kernelspec):
    assert kernels.of_name(kernelspec("one", argv=["python", "-m", "ipykernel_launcher"])) == Path(sys.executable)
    assert kernels.of_name(kernelspec("two", argv=[sys.executable, "-m", "x"])) == Path(sys.executable)
    assert kernels.of_name(kernelspec("env", argv=["env", "A=1", sys.executable, "-m", "x"])) == Path(sys.executable)
    assert kernels.of_name("absent") is None
    assert {"one", "two", "env"} <= set(kernels.kernelspecs())
    with pytest.raises(UnavailableError, match="which is not there"):
        kernels.of_name(kernelspec("lost", argv=["/nowhere/bin/python", "-m", "x"]))
    with pytest.raises(UnavailableError, match="runs julia"):
        kernels.of_name(kernelspec("julia", argv=["julia"], language="julia"))


def test_installed_distributions_are_read_from_names(tmp_path):
    site = tmp_path / "site-packages"
    for name in ("Scikit_Learn-1.4.2.dist-info", "old-1.0-py3.11.egg-info", "plain"):
        (site / name).mkdir(parents=True)
    found = kernels.Interpreter(Path("python"), "3.11", "k", (str(site), str(tmp_path / "absent"))).distributions()
    assert found == {"scikit-learn": "1.4.2", "old": "1.0"}


def test_what_is_fixed_for_a_run_yields_to_the_user(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("PYTHONHASHSEED", "random")
    monkeypatch.setenv("PYTHONSTARTUP", "x.py")
    found = environment.of_stage(None)
    assert (found["OMP_NUM_THREADS"], found["PYTHONHASHSEED"]) == ("3", "0")
    assert "PYTHONSTARTUP" not in found


def test_env_files(tmp_path):
    file = tmp_path / "prod.env"
    file.write_text("# secrets\nexport A=1\nB='two words'\n\nC=x=y\n")
    assert environment.read_env_file(str(file)) == {"A": "1", "B": "two words", "C": "x=y"}
    assert environment.of_stage(str(file))["B"] == "two words"
    file.write_text("A 1\n")
    with pytest.raises(UsageError, match="line 1"):
        environment.read_env_file(str(file))
    with pytest.raises(UsageError, match="cannot be read"):
        environment.read_env_file(str(tmp_path / "absent"))


VALUES = {"accuracy": 0.91, "loss": 2.0, "report.f1": 0.5}


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("accuracy >= 0.9", True),
        ("accuracy>=.9 and loss<1", False),
        ("accuracy < 0.5 or not loss < 1", True),
        ("(loss + 1) * 2 - 1 == 5", True),
        ("0 < accuracy < 1", True),
        ("(accuracy > 0.9)", True),
        ("report.f1 > 1e-1", True),
        ("-loss < 0", True),
        ("f1 > 0.2", False),
        ("accuracy >= champion.accuracy - 0.01", True),
        ("loss / 0 > 1", False),
    ],
)
def test_conditions(text, held):
    assert judge(text, VALUES).held is held


@pytest.mark.parametrize(
    "text",
    ["", "accuracy", "accuracy >", "__import__('os')", "accuracy > 1 b", "(accuracy > 1", "a and b", "1 +* 2 > 0"],
)
def test_what_is_no_condition_is_never_evaluated(text):
    with pytest.raises(UsageError, match="is no condition"):
        judge(text, VALUES)


def test_a_condition_says_what_it_saw():
    assert judge("accuracy >= 0.9", VALUES).detail == "accuracy = 0.91"
    assert judge("f1 > 0", VALUES).detail == "no metric f1"
    assert judge("loss < champion.loss", VALUES).detail == "loss = 2, champion.loss is absent"


def test_each_gate_cell_has_its_say():
    steps = [Step("cell", number, f"c{number}", f"assert {number}  # why", 1, "nb.ipynb") for number in (4, 5, 6)]
    stage = Stage("gate", (4, 5, 6), tuple(steps))
    error = StageFailed("NB501", "AssertionError", None, Where("nb.ipynb", 5))
    assert [gate.held for gate in gates.cells(stage, error)] == [True, False, False]
    assert [gate.held for gate in gates.cells(stage, None)] == [True, True, True]


def test_an_executed_notebook_is_valid_whatever_happened(tmp_path):
    steps = [
        {"kind": "parameters", "cell": 1, "cell_id": "c1", "source": "n = 1", "first_line": 1},
        {"kind": "cell", "cell": 2, "cell_id": "c2", "source": "print(n)\nx", "first_line": 1},
        {"kind": "cell", "cell": 2, "cell_id": "c2", "source": "y", "first_line": 3},
    ]
    done = Executed("train", steps, {"n": "2"}, {"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    stream = {"output_type": "stream", "name": "stdout"}
    shown = {"output_type": "display_data", "data": {"text/plain": "old"}, "metadata": {}}
    done.take({"event": "cell-started", "index": 1})
    done.take({"event": "output", "index": 1, "output": {**stream, "text": "a"}})
    done.take({"event": "output", "index": 1, "output": {**stream, "text": "b\n"}})
    done.take({"event": "output", "index": 1, "output": {**shown, "transient": {"display_id": "d"}}})
    done.take({"event": "update", "display_id": "d", "output": {**shown, "data": {"text/plain": "new"}}})
    done.take({"event": "cell-finished", "index": 1, "execution_count": 1, "seconds": 0.1})
    done.take({"event": "cell-started", "index": 2})
    assert done.running() == 2
    done.died("its process was ended by SIGKILL")
    read = nbformat.read(done.write(tmp_path / "out.ipynb"), 4)
    nbformat.validate(read)
    assert [cell.source for cell in read.cells[:2]] == ["n = 1", "# Parameters\nn = 2\n"]
    assert [output.output_type for output in read.cells[2].outputs] == ["stream", "display_data"]
    assert read.cells[2].outputs[0].text == "ab\n"
    assert read.cells[2].outputs[1].data == {"text/plain": "new"}
    assert read.cells[3].outputs[0].ename == "DeadKernel"
    assert read.metadata.papermill.exception is True


def test_clearing_outputs(tmp_path):
    steps = [{"kind": "cell", "cell": 1, "cell_id": "c1", "source": "x", "first_line": 1}]
    done = Executed("a", steps, {}, {})
    one = {"event": "output", "index": 0, "output": {"output_type": "stream", "name": "stdout", "text": "1"}}
    done.take(one)
    done.take({"event": "clear", "index": 0, "wait": True})
    assert done.cells[0]["outputs"]
    done.take(one)
    assert len(done.cells[0]["outputs"]) == 1
    assert done.cells[0]["outputs"][0]["text"] == ["1"]
    done.take({"event": "clear", "index": 0, "wait": False})
    assert done.cells[0]["outputs"] == []


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [(3, "exit code 3", "os._exit"), (-9, "SIGKILL", "memory"), (-11, "SIGSEGV", "library"), (-99, "signal 99", None)],
)
def test_a_death_is_named(code, words, hint):
    message, told = death(ProcessDiedError(code), "stage train")
    assert words in message
    assert (hint in told) if hint else told is None


def test_a_death_for_want_of_memory_is_named(tmp_path):
    memory = Memory(1, tmp_path)
    assert death(ProcessDiedError(-9, memory), "stage train")[0] == "stage train was killed, out of memory"
    memory.limit = 300_000_000
    message, told = death(ProcessDiedError(-9, memory), "stage train")
    assert message == "stage train was killed, out of memory (limit 300 MB)"
    assert "bigger machine" in told
