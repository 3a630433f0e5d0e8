"""Zygotes: what they import ahead, what forks inherit and what not, how they begin, are replaced and end."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import nbprod
from nbprod.core.run import RunOptions
from nbprod.execution import environment, zygotes
from nbprod.execution.kernels import Interpreter
from nbprod.execution.session import Session
from nbprod.worker import zygote

pytestmark = pytest.mark.skipif(not zygotes.SUPPORTED, reason="zygotes need Linux")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Zygotes of this test alone."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="nbz-")
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    yield Path(folder) / "nbprod"
    for about in zygotes.processes():
        os.kill(about["pid"], signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run(project, make_notebook):
    def go(*cells, name="a.ipynb", **options):
        make_notebook(project / name, list(cells))
        return nbprod.run(name, options=replace(RunOptions(), **options))

    return go


def gone(pid: int) -> bool:
    """Wait for the end of a process that is no child."""
    for _ in range(600):
        if not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes():
            return True
        time.sleep(0.05)
    return False


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def warm(tmp_path: Path, *modules: str, sites: tuple[str, ...] = (), **variables: str) -> zygotes.Warm:
    python = Interpreter(Path(sys.executable), "", "", sites)
    return zygotes.Warm(python, {**environment.of_stage(None), **variables}, modules)


def test_stages_are_forks_of_a_process_with_one_thread(own, run):
    cell = "import os, numpy, pandas\nparent = os.getppid()"
    found = run(("stage:a", cell), ("stage:b", "import os\nother = os.getppid()"))
    (about,) = zygotes.processes()
    assert about["kind"] == "zygote"
    assert found["parent"] == found["other"] == about["pid"]
    assert threads_of(about["pid"]) == 1
    maps = Path(f"/proc/{about['pid']}/maps").read_text()
    assert "pandas" in maps
    assert "sklearn" not in maps


def spare_of(pid: int, but: int = 0) -> int:
    """Wait until a zygote has a worker that nobody has asked for, and that has rehearsed: it sleeps."""
    for _ in range(600):
        for each in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            about = Path(f"/proc/{each}")
            if each != but and (about / "comm").read_text().strip() == zygote.WAITING and _sleeps(each):
                return each
        time.sleep(0.05)
    raise AssertionError("no spare worker")


def _sleeps(pid: int) -> bool:
    """Whether a process uses no time of a processor for a while."""
    before = Path(f"/proc/{pid}/schedstat").read_text()
    time.sleep(0.05)
    return Path(f"/proc/{pid}/schedstat").read_text() == before


def test_a_worker_waits_for_the_next_who_asks(own, run, project):
    first = run(("stage:a", "import os, numpy as np\nx = os.getpid()"))["x"]
    (about,) = zygotes.processes()
    spare = spare_of(about["pid"])
    (project / "new.txt").write_text("made after the worker was")
    second = run(
        (
            "stage:a",
            "import os, numpy as np\nx, text = os.getpid(), open('new.txt').read()\nname = open('/proc/self/comm').read().strip()\nr = np.random.rand()",
        )
    )
    assert (second["x"], second["text"]) == (spare, "made after the worker was")
    assert first != spare
    assert second["name"] != zygote.WAITING
    third = spare_of(about["pid"], but=spare)
    os.kill(third, signal.SIGKILL)
    assert gone(third)
    last = run(("stage:a", "import os, numpy as np\nx = os.getpid()\nr = np.random.rand()"))
    assert last["x"] not in (spare, third), "another one is forked at once"
    assert last["r"] != second["r"]
    spare = spare_of(about["pid"])
    os.kill(about["pid"], signal.SIGKILL)
    assert gone(spare), "it ends with its zygote"


def test_only_its_user_can_enter(own, run):
    run(("stage:a", "x = 1"))
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    (socket,) = own.glob("*.sock")
    assert socket.is_socket()
    own.chmod(0o755)
    assert zygotes.runtime() is None, "a folder that others can enter is not used"
    run(("stage:a", "x = 2"))


def test_where_they_are_without_a_folder_of_the_session(own, tmp_path, monkeypatch):
    for name in ("XDG_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    name = f"nbprod-{os.getuid()}"
    assert zygotes.runtime() == Path("/tmp", name)
    monkeypatch.setenv("TEMP", str(tmp_path / "nowhere"))
    monkeypatch.setenv("TMP", own.parent.name)
    monkeypatch.chdir(own.parents[1])
    assert zygotes.runtime() == own.parent / name


def test_without_zygote_each_stage_is_a_new_python(own, run):
    found = run(("stage:a", "import os\nparent = os.getppid()"), zygote=False)
    assert found["parent"] == os.getpid()
    assert zygotes.processes() == []


def test_modules_of_the_user_are_never_imported_ahead(own, run, project):
    (project / "mine.py").write_text("import os\nloaded_in = os.getpid()\n")
    cells = [("stage:a", "import mine, os\nsame = mine.loaded_in == os.getpid()")]
    assert run(*cells)["same"] is True
    (project / "mine.py").write_text("import os\nloaded_in = -1\n")
    assert run(*cells)["same"] is False


def test_a_module_in_the_folder_hides_the_one_imported_ahead(own, run, project):
    cell = ("stage:a", "import tabulate_words\nfound = tabulate_words.value")
    (project / "tabulate_words.py").write_text("value = 1\n")
    assert run(cell)["found"] == 1
    (project / "packaging").mkdir()
    (project / "packaging" / "__init__.py").write_text("mine = True\n")
    found = run(
        ("stage:a", "import os, packaging\nmine, parent = hasattr(packaging, 'mine'), os.getppid()"), name="b.ipynb"
    )
    assert (found["mine"], found["parent"]) == (True, os.getpid()), "started anew: a fork would have the installed one"


def test_chance_is_not_inherited(own, run):
    cell = "import random, numpy as np\n{0} = random.random(), float(np.random.rand())"
    found = run(("stage:a", cell.format("x")), name="a.ipynb"), run(("stage:b", cell.format("x")), name="b.ipynb")
    assert found[0]["x"][0] != found[1]["x"][0]
    assert found[0]["x"][1] != found[1]["x"][1]


def test_a_stage_has_its_own_environment(own, run, project, monkeypatch):
    cell = ("stage:a", "import os, numpy\ntoken, home = os.environ['MY_API_TOKEN'], os.environ['WHO']")
    monkeypatch.setenv("MY_API_TOKEN", "one")
    monkeypatch.setenv("WHO", "first")
    assert run(cell)["token"] == "one"
    monkeypatch.setenv("MY_API_TOKEN", "two")
    assert run(cell, force=True)["token"] == "two"
    (about,) = zygotes.processes()
    assert b"MY_API_TOKEN" not in Path(f"/proc/{about['pid']}/environ").read_bytes()
    monkeypatch.setenv("WHO", "second")
    assert run(cell, force=True)["home"] == "second"
    assert len(zygotes.processes()) == 2, "an import may look at any other variable"


def test_a_stage_has_the_threads_of_the_run(own, run, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    cell = (
        "import os, numpy, threadpoolctl, sklearn.tree\n"
        "told = os.environ['OPENBLAS_NUM_THREADS']\n"
        "blas = [lib['num_threads'] for lib in threadpoolctl.threadpool_info() if lib['internal_api'] == 'openblas']"
    )
    found = run(("stage:a", cell))
    assert found["told"] == "2"
    assert set(found["blas"]) == {2}
    (about,) = zygotes.processes()
    assert threads_of(about["pid"]) == 1


def test_two_that_start_at_once_share_one(own, tmp_path):
    made: list[Session] = []

    def start():
        wanted = warm(tmp_path, "numpy")
        made.append(Session(wanted.python.python, wanted.environment, tmp_path, wanted))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(zygotes.processes()) == 1
    for session in made:
        session.kill()


def test_one_made_before_an_upgrade_is_replaced(own, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    wanted = warm(tmp_path, "json", sites=(str(site),))
    Session(wanted.python.python, wanted.environment, tmp_path, wanted).kill()
    (old,) = zygotes.processes()
    (site / "pandas-9.dist-info").mkdir()
    Session(wanted.python.python, wanted.environment, tmp_path, wanted).kill()
    assert gone(old["pid"])
    (new,) = zygotes.processes()
    assert new["pid"] != old["pid"]


def test_an_idle_one_ends(own, tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROD_ZYGOTE_IDLE", "1")
    wanted = warm(tmp_path, "json")
    Session(wanted.python.python, wanted.environment, tmp_path, wanted).kill()
    (about,) = zygotes.processes()
    assert gone(about["pid"])
    assert list(own.glob("*.sock")) == []


def test_there_are_not_too_many(own, tmp_path):
    for number in range(zygotes.MOST + 2):
        wanted = warm(tmp_path, "json", NUMBER=str(number))
        Session(wanted.python.python, wanted.environment, tmp_path, wanted).kill()
    for _ in range(100):
        if len(zygotes.processes()) <= zygotes.MOST:
            break
        time.sleep(0.05)
    assert len(zygotes.processes()) <= zygotes.MOST


def test_a_run_goes_on_when_its_zygote_is_killed(own, run):
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nx = 1"
    found = run(("stage:a", kill), ("stage:b", "import os\ny = 2"), ("stage:c", "z = x + y"))
    assert found["z"] == 3


def test_offenders_are_named_and_left_out(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    (site / "talkative.py").write_text("print('hello')\n")
    (site / "quiet.py").write_text("x = 1\n")
    (site / "broken.py").write_text("raise RuntimeError('not here')\n")
    script = (
        "import json, sys\n"
        f"sys.path.append({str(site)!r})\n"
        "from nbprod.worker import origins, preload\n"
        f"origins.sites = lambda: ({str(site)!r},)\n"
        "found = preload.preload(['talkative', 'quiet', 'broken', 'threaded', 'polars', 'absent'], {})\n"
        "json.dump([found, sorted({'quiet', 'polars'} & sys.modules.keys())], sys.stdout)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    found, loaded = json.loads(done.stdout)
    assert set(found) == {"talkative", "threaded", "polars"}
    assert found["threaded"] == "it has 2 threads once it is imported"
    assert found["talkative"] == "it prints as it is imported"
    assert loaded == ["quiet"]


def test_descriptions_that_others_left_are_no_obstacle(own, tmp_path):
    own.mkdir(mode=0o700)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "zygote"])
    try:
        (own / "old.json").write_text(json.dumps({"pid": sleeper.pid}))
        (own / "torn.json").write_text('{"pid": 1, "py')
        (own / "list.json").write_text("[]")
        wanted = warm(tmp_path, "json")
        session = Session(wanted.python.python, wanted.environment, tmp_path, wanted)
        assert {about["pid"] for about in zygotes.processes()} > {sleeper.pid}
        session.kill()
    finally:
        sleeper.kill()
        sleeper.wait()


def test_fingerprints_are_the_same_with_and_without(own, run):
    cells = (
        (
            "stage:load",
            "import numpy as np\nimport sklearn.ensemble\nimport os, random\nnp.random.seed(1)\nx = np.random.rand(3)",
        ),
        ("stage:set", "import warnings\nwarnings.filterwarnings('error', 'mine')\nos.environ['MINE'] = '1'\ny = x + 1"),
        ("stage:use", "import pandas as pd\nfirst = warnings.filters[0][0], os.environ['MINE'], float(y.sum())"),
    )
    forked = run(*cells)
    new = run(*cells, zygote=False, force=True)
    assert [stage.fingerprint for stage in forked.stages] == [stage.fingerprint for stage in new.stages]
    assert forked["first"] == new["first"] == ("error", "1", float(new["y"].sum()))
    assert {str(stage.status) for stage in run(*cells).stages} == {"cached"}


def test_filters_that_are_set_both_by_a_library_and_by_the_notebook_are_the_notebooks(own, run):
    cells = (
        ("stage:a", "import numpy\nimport warnings\nknown = [f for f in warnings.filters if f[1] is not None and 'numpy' in f[1].pattern]\n"
         "warnings.filterwarnings(known[0][0], known[0][1].pattern)"),
        ("stage:b", "import warnings\nthere = warnings.filters[0][1].pattern"),
    )  # fmt: skip
    for with_zygote in (True, False):
        assert "numpy" in run(*cells, zygote=with_zygote, force=True)["there"]
