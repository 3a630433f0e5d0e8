from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbprod
from nbprod.worker import options, state
from nbprod.worker.buffers import Buffers

FOLDER = str(Path(nbprod.__file__).parent.parent)


@pytest.fixture
def buffers(tmp_path: Path) -> Buffers:
    return Buffers(str(tmp_path / "buffers"))


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """Leave this process as it was."""
    saved = random.getstate(), np.random.get_state(), np.get_printoptions(), np.geterr()
    search, environment, cwd = list(sys.path), dict(os.environ), Path.cwd()
    with pd.option_context("display.max_rows", 60), warnings.catch_warnings():
        yield
    random.setstate(saved[0])
    np.random.set_state(saved[1])
    np.set_printoptions(**saved[2])
    np.seterr(**saved[3])
    sys.path[:] = search
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)


def changed(buffers: Buffers, before: dict[str, str]) -> Any:
    return json.loads(json.dumps(state.record(before, {"__name__": "__main__"}, buffers)))


def restore(record: Any, buffers: Buffers) -> None:
    state.restore(record, {"__name__": "__main__"}, buffers)


def test_nothing_changed_nothing_recorded(buffers: Buffers):
    assert changed(buffers, state.capture()) == {}
    assert not buffers.root.exists()


def test_generators_go_on_where_they_were(buffers: Buffers):
    before = state.capture()
    random.seed(3)
    np.random.seed(4)
    random.gauss(0, 1)
    np.random.normal()
    record = changed(buffers, before)
    assert sorted(record) == ["numpy.random", "random"]
    expected = random.random(), random.gauss(0, 1), np.random.rand(), np.random.normal()
    random.seed(0)
    np.random.seed(0)
    restore(record, buffers)
    assert (random.random(), random.gauss(0, 1), np.random.rand(), np.random.normal()) == expected


def test_a_second_stage_in_the_same_process_is_followed(buffers: Buffers):
    code = """
random.seed(5)
state.record(before, {}, Buffers(sys.argv[2]))
before = state.capture()
random.random()
"""
    record, _ = fresh(buffers, "import random\n" + code)
    assert list(record) == ["random"]


def test_the_same_state_gives_the_same_content(buffers: Buffers):
    found = []
    for _ in range(2):
        before = state.capture()
        np.random.seed(4)
        found.append(changed(buffers, before)["numpy.random"])
        np.random.seed(5)
    assert found[0] == found[1]


def test_what_nobody_seeded_is_not_kept(buffers: Buffers):
    code = "import random, numpy as np; random.random(); random.shuffle(list(range(5000))); np.random.rand(3000)"
    record, _ = fresh(buffers, code)
    assert sorted(set(record) - {"warnings", "environ"}) == []
    record, _ = fresh(
        buffers, "import numpy as np; np.random.rand(3); np.random.set_state(np.random.RandomState(1).get_state())"
    )
    assert sorted(set(record) - {"warnings", "environ"}) == ["numpy.random"]


def test_environment(buffers: Buffers, monkeypatch: pytest.MonkeyPatch):
    os.environ.update(B_GONE="1", B_SAME="1", B_OTHER="1")
    before = state.capture()
    del os.environ["B_GONE"]
    os.environ.update(B_OTHER="2", B_NEW="3", B_API_KEY="hush", DB_PASSWORD="hush", NBPROD_CONTROL="4,5")
    record = changed(buffers, before)
    entry = record["environ"]
    assert entry["set"] == {"B_NEW": "3", "B_OTHER": "2"}
    assert entry["unset"] == ["B_GONE"]
    assert entry["secret"] == ["B_API_KEY", "DB_PASSWORD"]
    assert "hush" not in json.dumps([record, before])
    os.environ.update(B_GONE="1", B_OTHER="1")
    for name in ("B_NEW", "B_API_KEY"):
        del os.environ[name]
    restore(record, buffers)
    assert (os.environ["B_OTHER"], os.environ["B_NEW"], os.environ["B_SAME"]) == ("2", "3", "1")
    assert "B_GONE" not in os.environ
    assert "B_API_KEY" not in os.environ


def test_folder_and_search_path_move_with_the_stage(buffers: Buffers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one, other = tmp_path / "one", tmp_path / "other"
    for root in (one, other):
        (root / "data").mkdir(parents=True)
    os.chdir(one)
    monkeypatch.setattr(state, "_STARTED", [])
    before = state.capture()
    sys.path.insert(0, str(one / "lib"))
    sys.path.append("/elsewhere")
    sys.path.append("relative")
    os.chdir("data")
    record = changed(buffers, before)
    assert str(one) not in json.dumps(record)
    os.chdir(other)
    state._STARTED.clear()
    sys.path[:] = [entry for entry in sys.path if entry not in ("/elsewhere", "relative", str(one / "lib"))]
    restore(record, buffers)
    assert Path.cwd() == other / "data"
    assert sys.path[0] == str(other / "lib")
    assert sys.path[-2:] == ["/elsewhere", "relative"]
    restore(record, buffers)
    assert sys.path.count("/elsewhere") == 1
    assert Path.cwd() == other / "data"


def test_options(buffers: Buffers):
    before = state.capture()
    np.set_printoptions(precision=3)
    np.seterr(divide="ignore")
    pd.set_option("display.max_rows", 7)
    pd.set_option("display.float_format", "{:.1f}".format)
    record = changed(buffers, before)
    assert sorted(record) == ["numpy.options", "pandas.options"]
    np.set_printoptions(precision=8)
    np.seterr(divide="warn")
    pd.reset_option("display.float_format")
    pd.set_option("display.max_rows", 60)
    restore(record, buffers)
    assert np.get_printoptions()["precision"] == 3
    assert np.geterr()["divide"] == "ignore"
    assert pd.get_option("display.max_rows") == 7
    assert "1.3" in repr(pd.Series([1.25001]))
    pd.reset_option("display.float_format")


def test_matplotlib(buffers: Buffers):
    import matplotlib as mpl

    with mpl.rc_context():
        before = state.capture()
        mpl.rcParams["figure.figsize"] = (3, 4)
        mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=["r", "g"])
        record = changed(buffers, before)
        assert list(record) == ["matplotlib"]
    with mpl.rc_context():
        restore(record, buffers)
        assert mpl.rcParams["figure.figsize"] == [3, 4]
        assert list(mpl.rcParams["axes.prop_cycle"]) == [{"color": "r"}, {"color": "g"}]


def test_warnings_filters(buffers: Buffers):
    with warnings.catch_warnings():
        before = state.capture()
        warnings.filterwarnings("ignore", "soon gone", FutureWarning)
        warnings.simplefilter("error", pd.errors.PerformanceWarning)
        record = changed(buffers, before)
        wanted = warnings.filters[:2]
    with warnings.catch_warnings():
        restore(record, buffers)
        assert [entry[:3] for entry in warnings.filters[:2]] == [entry[:3] for entry in wanted]
        restore(record, buffers)
        assert [entry[:3] for entry in warnings.filters].count(wanted[0][:3]) == 1


def test_an_option_that_cannot_be_stored_is_left_behind(buffers: Buffers, monkeypatch: pytest.MonkeyPatch):
    held: dict[str, Any] = {"a": 1, "b": 2}
    kind = options.Kind("json", lambda: dict(held), held.update, lambda _, __: {}, options=True)
    monkeypatch.setitem(options.KINDS, "odd", kind)
    before = state.capture()
    held.update(a=5, b=(i for i in [1]))
    record = changed(buffers, before)
    assert "generator" in record["odd"]["incomplete"]
    held.update(a=0, b=0)
    restore(record, buffers)
    assert held == {"a": 5, "b": 0}


FRESH = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from nbprod.worker import state
from nbprod.worker.buffers import Buffers
before = state.capture()
assert not {"numpy", "pandas", "matplotlib"} & set(sys.modules)
exec(sys.argv[3])
record = state.record(before, {"__name__": "__main__"}, Buffers(sys.argv[2]))
print(json.dumps([record, sorted({"numpy", "pandas", "matplotlib"} & set(sys.modules))]))
"""


def fresh(buffers: Buffers, code: str) -> Any:
    command = [sys.executable, "-c", FRESH, FOLDER, str(buffers.root), code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_a_library_is_no_change(buffers: Buffers):
    record, _ = fresh(buffers, "import numpy.random, pandas, matplotlib.pyplot, sklearn.linear_model")
    assert sorted(set(record) - {"warnings", "environ"}) == []


def test_libraries_loaded_by_the_stage_are_seen(buffers: Buffers):
    code = "import numpy as np, pandas as pd; np.random.seed(0); np.set_printoptions(precision=2); pd.options.display.max_rows = 5"
    record, _ = fresh(buffers, code)
    assert sorted(set(record) - {"warnings", "environ"}) == ["numpy.options", "numpy.random", "pandas.options"]
    restoring = f"state.restore(json.loads({json.dumps(json.dumps(record))}), {{}}, Buffers(sys.argv[2]))"
    again, loaded = fresh(buffers, restoring)
    assert loaded == ["numpy", "pandas"]
    assert {name: again[name]["content"] for name in again if "." in name} == {
        name: record[name]["content"] for name in record if "." in name
    }


def test_restoring_imports_only_what_is_recorded(buffers: Buffers):
    code = "import random; random.seed(1); os.environ['B_X'] = '1'; os.chdir('/'); sys.path.append('/x')"
    record, _ = fresh(buffers, code)
    assert sorted(record) == ["cwd", "environ", "random", "sys.path"]
    restoring = f"state.restore(json.loads({json.dumps(json.dumps(record))}), {{}}, Buffers(sys.argv[2]))"
    again, loaded = fresh(buffers, restoring)
    assert loaded == []
    assert again == record
