"""`%load_ext nbprod` in a real IPython shell, without a kernel."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbprod
from nbprod.core.errors import NotebookError, UsageError
from nbprod.interfaces.magics.completion import candidates
from nbprod.interfaces.magics.find import open_notebook, require_saved
from nbprod.interfaces.magics.verbs import parse


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    nbprod.load_ipython_extension(shell)
    yield shell
    nbprod.unload_ipython_extension(shell)
    InteractiveShell.clear_instance()


def test_tagged_cell_is_an_ordinary_cell(shell):
    done = shell.run_cell("%%mlops stage train --retries 2\nx = 20\nx + 1", store_history=True)
    assert done.success
    assert done.result == 21
    assert shell.user_ns["_"] == 21
    assert shell.user_ns["Out"][1] == 21
    assert shell.execution_count == 2


def test_await_in_a_tagged_cell(shell):
    assert shell.run_cell("%%mlops stage load\nimport asyncio\nawait asyncio.sleep(0)\n7").result == 7


def test_error_keeps_its_line_number_and_stops(shell):
    done = shell.run_cell("%%mlops stage train\na = 1\nraise KeyError('here')")
    assert isinstance(done.error_in_exec, KeyError)
    assert done.error_in_exec.__traceback__.tb_next.tb_lineno == 3


def test_cell_magic_below_the_tag(shell, capsys):
    assert shell.run_cell("%%mlops stage train\n%%time\ny = 5").success
    assert shell.user_ns["y"] == 5
    assert "Wall time" in capsys.readouterr().out


def test_a_tag_nobody_can_read_stops_the_cell(shell, capsys):
    done = shell.run_cell("%%mlops stag train\nx = 'ran'")
    assert isinstance(done.error_in_exec, UsageError)
    assert "x" not in shell.user_ns
    assert "Traceback" not in capsys.readouterr().out


def test_other_cells_are_left_alone(shell):
    assert shell.run_cell("text = '''\n%%mlops stage train\n'''\nlen(text)").result == 21


def test_loading_twice_is_once(shell):
    nbprod.load_ipython_extension(shell)
    assert (
        len([one for one in shell.input_transformers_cleanup if getattr(one, "__name__", "") == "remove_tag_line"]) == 1
    )


def test_help_lists_the_verbs(shell, capsys):
    assert shell.run_cell("%mlops help").success
    assert "%mlops run" in capsys.readouterr().out


def test_unknown_verb_names_the_known(shell):
    done = shell.run_cell("%mlops fly")
    assert "verbs: check" in str(done.error_in_exec)


def test_line_is_taken_apart():
    call = parse("run -p n=3 -p name='a b' --from train --force")
    assert (call.verb, call.parameters, call.text("--from")) == ("run", {"n": "3", "name": "a b"}, "train")
    assert call.options["--force"] is True
    swept = parse("sweep -p lr=0.01,0.1 --with n=5 --metric accuracy --maximize")
    assert (swept.parameters, swept.fixed) == ({"lr": "0.01,0.1"}, {"n": "5"})
    assert (swept.text("--metric"), swept.options["--maximize"]) == ("accuracy", True)
    drawn = parse("sweep -p lr=0.001..0.1:log --metric loss --search optuna --trials 30 --seed 1 --promote-best")
    assert (drawn.text("--search"), drawn.text("--trials"), drawn.text("--seed")) == ("optuna", "30", "1")
    assert drawn.options["--promote-best"] is True
    assert parse("pull df model").names == ["df", "model"]
    with pytest.raises(UsageError):
        parse("run --fast")
    with pytest.raises(UsageError):
        parse("run -p")


def test_completion():
    assert "run" in candidates(["%mlops"], [])
    assert "--force" in candidates(["%mlops", "run"], [])
    assert candidates(["%mlops", "run", "--from"], ["load", "train"]) == ["load", "train"]
    assert "stage" in candidates(["%%mlops"], [])
    assert "--retries" in candidates(["%%mlops", "stage", "train"], [])


def test_open_notebook_is_found_by_the_session(tmp_path, monkeypatch, make_notebook):
    path = make_notebook(tmp_path / "a.ipynb", ["x = 1"])
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert open_notebook({}) == path
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert open_notebook({"__vsc_ipynb_file__": str(path)}) == path


def test_unsaved_notebook_is_refused(tmp_path, make_notebook):
    path = make_notebook(tmp_path / "a.ipynb", [("stage:load", "x = 1")])
    os.utime(path, (time.time() - 60, time.time() - 60))
    require_saved(path, [(time.time(), "x = 1"), (time.time(), "%mlops run")])
    require_saved(path, [(time.time() - 120, "x = 0")])
    with pytest.raises(NotebookError, match="save first"):
        require_saved(path, [(time.time(), "x = 2")])
