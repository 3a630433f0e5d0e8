"""A process is its pid and the moment it started."""

from __future__ import annotations

import os
import subprocess
import sys

from nbprod.deploy.process import alive, end, started


def test_a_pid_given_to_somebody_else_is_not_ours():
    token = started(os.getpid())
    assert alive(os.getpid(), token)
    assert not alive(os.getpid(), "another boot:1")
    assert not alive(None, token)
    end(os.getpid(), "another boot:1", 1)  # would end this test run


def test_end_takes_force_when_it_must():
    code = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('x', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.read(1)
        token = started(process.pid)
        end(process.pid, token, 0.05)
        assert not alive(process.pid, token)  # a zombie is dead
        assert process.wait() == -9
    end(process.pid, token, 1)
