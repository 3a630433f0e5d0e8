"""Claims on files that are being written, between real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbprod.worker import claims
from nbprod.worker.claims import Claims

OTHER = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("claims", sys.argv[1])
claims = importlib.util.module_from_spec(spec)
spec.loader.exec_module(claims)
mine = claims.Claims(sys.argv[2], sys.argv[3])
mine.claim(sys.argv[4])
print(mine.contended(sys.argv[4]), flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such locks")


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "writing.lock")


def other(file: str, run: str, path: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OTHER, str(Path(claims.__file__)), file, run, path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("run", ["mine", "another"])
def test_both_that_write_a_file_at_once_know(file, run):
    mine = Claims(file, "mine")
    mine.claim("/a")
    mine.claim("/b")
    with other(file, run, "/a") as second:
        assert second.stdout.readline() == "True\n"
        assert (mine.contended("/a"), mine.contended("/b"), mine.contended("/c")) == (True, False, False)
        second.stdin.close()
    assert mine.contended("/a"), "it stays so: who came second is gone, what it wrote is not"
    mine.release()
    assert (mine.foreign("/a"), mine.foreign("/b"), mine.foreign("/c")) == (run == "another", False, False)
    mine.release()


def test_one_after_the_other_is_no_contention(file):
    with other(file, "another", "/a") as first:
        assert first.stdout.readline() == "False\n"
        early = Claims(file, "mine")
        early.claim("/a")
        assert early.contended("/a")
        early.release()
        first.stdin.close()
    late = Claims(file, "mine")
    late.claim("/a")
    assert not late.contended("/a")
    late.release()
    with other(file, "another", "/a") as after:
        assert after.stdout.readline() == "False\n"
        after.stdin.close()


def test_where_nothing_can_be_locked_nothing_is_claimed(tmp_path):
    lost = Claims(str(tmp_path / "no" / "such" / "folder"), "mine")
    lost.claim("/a")
    assert not lost.contended("/a")
    assert not lost.foreign("/a")
    lost.release()
