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
mine = claims.Claims(sys.argv[2])
mine.claim(sys.argv[3])
print(mine.contended(sys.argv[3]), flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such locks")


def other(file: Path, path: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OTHER, claims.__file__, str(file), path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_both_that_write_a_file_at_once_know(tmp_path):
    mine = Claims(str(tmp_path / "writing.lock"))
    mine.claim("/a")
    mine.claim("/b")
    with other(tmp_path / "writing.lock", "/a") as second:
        assert second.stdout.readline() == "True\n"
        assert (mine.contended("/a"), mine.contended("/b"), mine.contended("/c")) == (True, False, False)
        second.stdin.close()
    assert mine.contended("/a"), "it stays so: who came second is gone, what it wrote is not"


def test_one_after_the_other_is_no_contention(tmp_path):
    with other(tmp_path / "writing.lock", "/a") as first:
        assert first.stdout.readline() == "False\n"
        early = Claims(str(tmp_path / "writing.lock"))
        early.claim("/a")
        assert early.contended("/a")
        first.stdin.close()
    late = Claims(str(tmp_path / "writing.lock"))
    late.claim("/a")
    assert not late.contended("/a")


def test_where_nothing_can_be_locked_nothing_is_claimed(tmp_path):
    lost = Claims(str(tmp_path / "no" / "such" / "folder"))
    lost.claim("/a")
    assert not lost.contended("/a")
