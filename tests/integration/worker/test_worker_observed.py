"""What a stage is seen to depend on."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest


def observed(driver, *sources, **more):
    return driver.run(*sources, **more).manifest["observed"]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def root(shared):
    return shared.root


def test_files_read_and_written(shared, root):
    (root / "in.csv").write_text("x\n1\n")
    seen = observed(
        shared,
        "import pandas as pd\ndf = pd.read_csv('in.csv')\ndf.to_csv('out.csv')\npd.read_csv('out.csv')\nopen('/etc/hostname').read()",
    )
    assert seen["files_read"] == {"in.csv": digest("x\n1\n")}
    assert seen["files_written"] == {"out.csv": digest((root / "out.csv").read_text())}
    assert seen["volatile"] == []


def test_a_file_that_is_not_there(shared, root):
    seen = observed(shared, "try:\n    open('absent.txt')\nexcept OSError:\n    pass")
    assert seen["files_read"] == {"absent.txt": None}


def test_a_file_read_then_written_is_remembered_as_it_was(shared, root):
    (root / "both.txt").write_text("old")
    seen = observed(shared, "old = open('both.txt').read()\nopen('both.txt', 'w').write('new')")
    assert seen["files_read"] == {"both.txt": digest("old")}
    assert seen["files_written"] == {"both.txt": digest("new")}


def test_temporary_files_are_nobodys_business(shared):
    seen = observed(shared, "import tempfile\nwith tempfile.NamedTemporaryFile('w') as f:\n    f.write('x')\ndel f")
    assert (seen["files_read"], seen["files_written"]) == ({}, {})


def test_renamed_and_removed(shared, root):
    (root / "gone.txt").write_text("x")
    seen = observed(
        shared,
        "import os\nopen('gone.txt').read(); os.remove('gone.txt')\nopen('draft', 'w').write('y'); os.rename('draft', 'final')",
    )
    assert seen["files_written"] == {"gone.txt": None, "final": digest("y")}


def test_a_listed_folder(shared, root):
    (root / "data").mkdir()
    (root / "data" / "a.txt").write_text("x")
    seen = observed(shared, "from pathlib import Path\nfound = [str(p) for p in Path('data').glob('*.txt')]")
    assert seen["files_read"] == {"data/": digest("a.txt")}


def test_parquet_read_past_python(shared, root):
    seen = observed(
        shared, "import pandas as pd\npd.DataFrame({'x': [1]}).to_parquet('t.parquet')", "import pyarrow.parquet as pq"
    )
    assert list(seen["files_written"]) == ["t.parquet"]
    seen = observed(shared, "table = pq.read_table('t.parquet')")
    assert list(seen["files_read"]) == ["t.parquet"]


def test_databases_are_volatile(shared, root):
    sqlite3.connect(root / "orders.db").close()
    seen = observed(shared, "import sqlite3\nc = sqlite3.connect('orders.db'); c.close(); del c")
    assert seen["volatile"] == ["database orders.db"]
    assert list(seen["files_read"]) == ["orders.db"]
    assert observed(shared, "sqlite3.connect(':memory:').close()")["volatile"] == []


def test_duckdb(shared):
    pytest.importorskip("duckdb")
    seen = observed(shared, "import duckdb\nc = duckdb.connect('shop.duckdb'); c.close(); del c")
    assert seen["volatile"] == ["database shop.duckdb"]


def test_network_is_volatile(shared):
    seen = observed(
        shared,
        "import socket, urllib.request\ntry:\n    urllib.request.urlopen('http://127.0.0.1:9/x?token=pw')\n"
        "except OSError:\n    pass",
    )
    assert "network 127.0.0.1:9" in seen["volatile"]
    assert "pw" not in str(seen["volatile"])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import subprocess\nsubprocess.run(['true', '--secret'])", "the program true"),
        ("import os\nos.system('true --secret')", "the program true"),
        ("!true", "another program"),
    ],
)
def test_programs_the_user_starts_are_volatile(shared, source, reason):
    assert observed(shared, source)["volatile"] == [reason]


def test_programs_that_libraries_start_are_not(shared):
    assert observed(shared, "import platform\nplatform.processor()\nplatform.uname()")["volatile"] == []


def test_variables_the_user_reads(drive):
    driver = drive(MODE="fast", API_KEY="hush")
    (drive.root / "mine.py").write_text("import os\nmode = os.getenv('MODE2', 'x')\n")
    seen = observed(
        driver,
        "import os, mine, subprocess\nos.environ['MODE']\nos.environ.get('ABSENT')\nos.environ['API_KEY']\n"
        "copy = os.environ.copy()\nimport pandas\nsubprocess.run(['true'])\ndel copy",
    )
    assert seen["environment"] == {"MODE": digest("fast"), "ABSENT": None, "MODE2": None}
    assert "hush" not in str(seen)


def test_local_modules_by_content(drive):
    (drive.root / "mine").mkdir()
    (drive.root / "mine" / "__init__.py").write_text("from . import inner\n")
    (drive.root / "mine" / "inner.py").write_text("x = 1\n")
    seen = observed(drive(), ("replay", "import mine"), "mine.inner.x")
    assert seen["modules"] == {
        "mine/__init__.py": digest("from . import inner\n"),
        "mine/inner.py": digest("x = 1\n"),
    }
    assert seen["files_read"] == {}


def test_distributions(drive):
    seen = observed(drive(), "import yaml, dateutil")
    assert sorted(seen["distributions"]) == ["python-dateutil", "pyyaml"]
    assert list((drive.root / ".nbprod" / "cache").glob("distributions-*.json"))


def test_nothing_of_ours_is_seen(drive):
    made = drive().run("x = [1]")
    seen = observed(drive(), "x", inputs=made.inputs("x"), state=[made.spec["manifest"]])
    empty = {"files_read": {}, "files_written": {}, "environment": {}, "modules": {}, "distributions": {}}
    assert seen == {**empty, "volatile": []}
