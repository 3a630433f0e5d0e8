from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbprod.worker import zygote as module
from nbprod.worker.zygote import Zygote, _received


@pytest.fixture
def zygote() -> Zygote:
    made = Zygote.__new__(Zygote)
    made._spare = None
    return made


def ready(zygote: Zygote, pid: int) -> socket.socket:
    """Give a zygote a spare worker that has rehearsed; returns the worker's end."""
    ours, theirs = socket.socketpair()
    theirs.send(b"+")
    zygote._spare = pid, ours
    return theirs


def test_a_request_is_handed_once_to_a_worker_that_is_quick(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has taken the request and closed its end before the zygote does anything more."""
    theirs = ready(zygote, 4711)
    taken: list[Any] = []
    send = socket.send_fds

    def send_and_be_read(*given: Any) -> int:
        sent = send(*given)
        taken.append(_received(theirs))
        theirs.close()
        return sent

    monkeypatch.setattr(socket, "send_fds", send_and_be_read)
    with Path(os.devnull).open("rb") as file:
        assert zygote._handed({"folder": "x" * 100}, [file.fileno()] * 3) == 4711
    ((request, descriptors),) = taken
    assert (request, len(descriptors)) == ({"folder": "x" * 100}, 3)
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_large_request_is_handed_whole(zygote: Zygote) -> None:
    code = (
        "import socket, sys; from nbprod.worker.zygote import _received\n"
        "request, descriptors = _received(socket.socket(fileno=int(sys.argv[1])))\n"
        "print(len(request['folder']), len(descriptors))"
    )
    theirs = ready(zygote, 4711)
    with (
        subprocess.Popen(
            [sys.executable, "-c", code, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdout=subprocess.PIPE
        ) as reader,
        Path(os.devnull).open("rb") as file,
    ):
        assert zygote._handed({"folder": "x" * 5_000_000}, [file.fileno()] * 3) == 4711
        assert reader.stdout is not None
        assert reader.stdout.read().split() == [b"5000000", b"3"]
    theirs.close()


def test_one_that_still_rehearses_is_left_alone(zygote: Zygote) -> None:
    ours, theirs = socket.socketpair()
    zygote._spare = 4711, ours
    assert zygote._handed({}, []) == 0
    assert zygote._spare == (4711, ours)
    ours.close()
    theirs.close()


def test_one_that_cannot_be_reached_is_ended(zygote: Zygote) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        ready(zygote, process.pid).close()
        assert zygote._handed({"folder": "x"}, []) == 0
        assert process.wait(60) == -9
    assert zygote._spare is None


@pytest.mark.parametrize("lacking", ["fork", "socketpair"])
def test_a_zygote_without_room_for_a_spare_worker_goes_on(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    def fail(*_given: Any) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(os if lacking == "fork" else socket, lacking, fail)
    monkeypatch.setattr(module.preload, "threads", lambda: 1)
    zygote._make_spare()
    assert (zygote._spare, zygote._wanted) == (None, False)


def test_a_name_that_may_not_be_changed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMM", tmp_path / "none" / "comm")
    assert module._named("x") == "x"
