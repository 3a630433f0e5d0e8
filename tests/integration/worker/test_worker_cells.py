"""Cells behave as in a notebook: magics, awaiting, `__main__`, and how they fail."""

from __future__ import annotations

import os
import signal

import pytest


def step(source: str, **more):
    return {"kind": "cell", "cell": 7, "cell_id": "seven", "source": source, "first_line": 1, **more}


def test_the_namespace_is_main(shared):
    result = shared.run(
        "import sys, pickle, dataclasses\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int\n"
        "assert __name__ == '__main__' and sys.modules['__main__'].Point is Point\n"
        "assert pickle.loads(pickle.dumps(Point(1))) == Point(1)"
    )
    assert result.last["event"] == "stage-finished", result.last


def test_top_level_await_and_tasks(shared):
    result = shared.run(
        "import asyncio\nasync def one():\n    await asyncio.sleep(0)\n    return 1\ntask = asyncio.create_task(one())",
        "print(await task, await one())\ndel task",
    )
    assert result.stream() == "1 1\n"


def test_context_set_in_an_awaiting_cell_stays(shared):
    result = shared.run(
        "import asyncio, contextvars\nv = contextvars.ContextVar('v')\nawait asyncio.sleep(0)\nv.set(5)",
        "print(v.get())\ndel v",
    )
    assert result.stream() == "5\n"


def test_a_loop_runs_as_in_a_kernel(shared):
    failed = shared.run("import asyncio\nasync def f(): pass\nc = f()\nasyncio.run(c)").failed
    assert failed["ename"] == "RuntimeError"
    assert shared.run("c.close()\ndel c").last["event"] == "stage-finished"


def test_magics(shared):
    result = shared.run(
        "%%time\nx = 1\nprint(x)", "%load_ext autoreload\n%autoreload 0", "files = !echo one two\nprint(files)"
    )
    assert "Wall time" in result.stream()
    assert "['one two']" in result.stream()


def test_line_in_the_cell_as_its_author_sees_it(shared):
    failed = shared.run(step("\n\ndef f():\n    return 1 / 0\n\nf()", first_line=2)).failed
    assert (failed["kind"], failed["ename"], failed["evalue"]) == ("error", "ZeroDivisionError", "division by zero")
    assert (failed["cell"], failed["cell_id"], failed["line"]) == (7, "seven", 5)
    text = "\n".join(failed["traceback"])
    assert "churn.ipynb cell 7, line 7" in text
    assert "----> 5     return 1 / 0" in text
    assert "IPython" not in text
    assert "nbprod" not in text


def test_line_of_the_cell_when_a_library_raises(shared):
    failed = shared.run("import json\njson.loads('{')").failed
    assert failed["line"] == 2
    assert "json/decoder.py" in "\n".join(failed["traceback"])


def test_line_under_a_cell_magic(shared):
    failed = shared.run("%%time\nx = 1\n1 / 0").failed
    assert failed["line"] == 3
    assert "IPython" not in "\n".join(failed["traceback"])


def test_line_in_an_awaiting_cell(shared):
    failed = shared.run("import asyncio\nawait asyncio.sleep(0)\nraise ValueError('x')").failed
    assert failed["line"] == 3
    assert "nbprod" not in "\n".join(failed["traceback"])


def test_syntax_error(shared):
    failed = shared.run(step("x = 1\n)", first_line=4)).failed
    assert (failed["ename"], failed["line"]) == ("SyntaxError", 5)


def test_parts_of_one_cell_make_one_text(shared):
    result = shared.run(
        {**step("def helper():\n    return 'h'"), "kind": "replay"},
        step("\n\n\nimport inspect\nprint(inspect.getsource(helper))", first_line=3),
    )
    assert result.stream() == "def helper():\n    return 'h'\n\n"


def test_causes_are_shown(shared):
    failed = shared.run("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e").failed
    assert "direct cause" in "\n".join(failed["traceback"])


def test_exception_groups(shared):
    failed = shared.run("raise ExceptionGroup('many', [ValueError('one'), KeyError('two')])").failed
    assert "ValueError: one" in "\n".join(failed["traceback"])
    assert failed["line"] == 1


def test_unknown_magic(shared):
    result = shared.run("%no_such_magic")
    assert result.failed["ename"] == "UsageError"
    assert "no_such_magic" in result.failed["evalue"]


@pytest.mark.parametrize(
    ("source", "code"),
    [("import sys\nsys.exit()", 0), ("import sys\nsys.exit(3)", 3), ("raise SystemExit('bad')", 1), ("exit()", 0)],
)
def test_exit(shared, source, code):
    result = shared.run(source, "print('never')")
    failed = result.failed
    assert (failed["kind"], failed["code"]) == ("exit", code)
    assert "the cell called sys.exit(" in failed["evalue"]
    assert result.outputs == []


@pytest.mark.parametrize("source", ["input('name? ')", "import getpass\ngetpass.getpass()"])
def test_nobody_answers(shared, source):
    failed = shared.run(source).failed
    assert failed["ename"] == "StdinNotImplementedError"
    assert "make the value a parameter" in failed["evalue"]


def test_stdin_is_empty(shared):
    assert shared.run("import sys\nprint(repr(sys.stdin.read()))").stream() == "''\n"


def test_modules_of_ours_do_not_shadow(drive):
    (drive.root / "stage.py").write_text("who = 'mine'")
    assert drive().run("import stage\nprint(stage.who)").stream() == "mine\n"


def test_the_control_pipe_is_not_inherited(shared):
    result = shared.run(
        "import os, subprocess\nprint('NBPROD_CONTROL' in os.environ)\nout = !ls /proc/self/fd\nprint(len(out))"
    )
    hidden, count = result.stream().split()
    assert hidden == "False"
    assert int(count) <= 5


def test_a_failed_stage_does_not_end_the_worker(shared):
    assert shared.run("1 / 0").failed["line"] == 1
    assert shared.run("print('on')").stream() == "on\n"


def test_os_exit_loses_no_output(drive):
    driver = drive()
    result = driver.run("import os\nfor i in range(1000): print(i)\nos._exit(3)")
    assert result.stream().endswith("999\n")
    assert result.last["event"] == "output"
    assert driver.process.wait() == 3


def test_kill_loses_no_output(drive):
    driver = drive()
    result = driver.run("import os, signal\nprint('last words')\nprint('again')\nos.kill(os.getpid(), signal.SIGKILL)")
    assert result.stream() == "last words\nagain\n"
    assert driver.process.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    "source",
    [
        "import time\nprint('go', flush=True)\ntime.sleep(60)",
        "import asyncio\nprint('go', flush=True)\nawait asyncio.sleep(60)",
    ],
)
def test_interrupt(drive, source):
    driver = drive()
    driver.send({"op": "stage", "spec": driver.spec(source)})
    driver.until("output")
    os.kill(driver.process.pid, signal.SIGINT)
    failed = driver.until("failed")[-1]
    assert (failed["kind"], failed["ename"], failed["cell"]) == ("interrupted", "KeyboardInterrupt", 1)
    assert driver.run("print('on')").stream() == "on\n"


def test_interrupt_while_idle_is_nothing(drive):
    driver = drive()
    os.kill(driver.process.pid, signal.SIGINT)
    assert driver.run("print('on')").stream() == "on\n"


def test_end_runs_what_the_cells_registered(drive):
    driver = drive()
    driver.run("import atexit, pathlib\natexit.register(lambda: pathlib.Path('left').touch())")
    driver.send({"op": "end"})
    assert driver.process.wait(30) == 0
    assert (drive.root / "left").exists()


def test_driver_gone_ends_the_worker(drive):
    driver = drive()
    assert driver.close() == 0


def test_threads_of_the_user_do_not_keep_the_worker(drive):
    driver = drive()
    driver.run("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()")
    assert driver.close() == 0


def test_a_profile_is_made_only_for_who_asks(drive):
    source = "import glob, tempfile\nfound = set(glob.glob(tempfile.gettempdir() + '/nbprod-ipython-*'))"
    result = drive(TMPDIR=str(drive.root)).run(
        source, "print(len(found))\n%bookmark here\nprint(len(get_ipython().profile_dir.location) > 5)"
    )
    assert result.stream() == "0\nTrue\n"


def test_what_ipykernel_sets_is_there_for_libraries(shared):
    result = shared.run(
        "import sys\nkernel = get_ipython().kernel\n"
        "print(kernel.get_parent()['header']['msg_type'], 'IPKernelApp' in get_ipython().config)\n"
        "print(sys.modules['ipykernel.zmqshell'].ZMQInteractiveShell is type(get_ipython()))",
        "import ipykernel.zmqshell\nprint(hasattr(ipykernel.zmqshell, 'ZMQDisplayPublisher'))",
    )
    assert result.stream() == "execute_request True\nTrue\nTrue\n"


def test_comms_cost_nothing_unless_they_are_used(drive):
    assert (
        drive().run("import sys\nprint('comm' in sys.modules, 'ipykernel' in sys.modules)").stream() == "False False\n"
    )
