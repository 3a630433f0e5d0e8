"""Keeps one local endpoint up: `python -m nbprod.deploy.supervisor HOME NAME`.

It owns the listening socket, requests wait, not refused, while the server restarts or a new model takes over.
SIGHUP: `NAME.wanted` changed. SIGTERM: stop.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nbprod.deploy.launch import CannotListen, Server, listen, refusal, start
from nbprod.deploy.process import started
from nbprod.deploy.state import Files, Status, Wanted

if TYPE_CHECKING:
    import socket

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
SETTLED = 60.0
GRACE = 15.0


class Supervisor:
    """Runs the server of one endpoint.

    Parameters
    ----------
    files
        The endpoint's files.
    log
        Where servers print.
    """

    def __init__(self, files: Files, log: BinaryIO) -> None:
        self.files = files
        self.log = log
        self.current: Server | None = None
        self.candidate: Server | None = None
        self.served: Server | None = None  # the last that was ready: what is started again
        self.leaving: list[tuple[Server, float]] = []
        self.retry_at: float | None = None
        self.failures = 0
        self.alive_since = 0.0
        self.asked: set[int] = set()
        self.offset = 0
        self._wake, self._woken = os.pipe()
        self.status = self._first_status()

    def run(self) -> None:
        """Serve until SIGTERM."""
        self._listen_to_signals()
        self.files.write(self.status)
        self._adopt_wanted()
        while signal.SIGTERM not in self.asked and (self.current or self.candidate or self.retry_at):
            self._wait()
            if signal.SIGHUP in self.asked:
                self.asked.discard(signal.SIGHUP)
                self._adopt_wanted()
            self._reap()
            self._retry()
        self._stop()

    def _first_status(self) -> Status:
        wanted = self._wanted()
        pid = os.getpid()
        return Status(
            endpoint=wanted.endpoint,
            model=wanted.model,
            version=wanted.version,
            model_path=wanted.model_path,
            predictions=wanted.predictions,
            host=wanted.host,
            port=wanted.port,
            state="starting",
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            generation=0,
            supervisor=pid,
            supervisor_started=started(pid) or "",
        )

    def _wanted(self) -> Wanted:
        wanted = self.files.read_wanted()
        if wanted is None:
            sys.exit(f"{self.files.wanted} is missing")
        return wanted

    def _listen_to_signals(self) -> None:
        for number in (self._wake, self._woken):
            os.set_blocking(number, False)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        for kind in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(kind, lambda number, _: self.asked.add(number))
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _wait(self) -> None:
        ready = self.candidate.ready if self.candidate else None
        watched = [self._wake, *([ready] if ready is not None else [])]
        readable, _, _ = select.select(watched, [], [], self._patience())
        if self._wake in readable:
            os.read(self._wake, 4096)
        if self.candidate and ready in readable:
            self._listen_to_candidate(self.candidate)

    def _patience(self) -> float | None:
        moments = [limit for _, limit in self.leaving] + ([self.retry_at] if self.retry_at else [])
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _adopt_wanted(self) -> None:
        wanted = self._wanted()
        if self.candidate:
            self._dismiss(self.candidate)
            self.candidate = None
        self.retry_at = None
        try:
            listener = self._listener(wanted)
        except CannotListen as error:
            self._fail(wanted, {"code": "NB722", "message": str(error), "hint": "choose another with --port"})
            return
        self._start(wanted, listener)

    def _listener(self, wanted: Wanted) -> socket.socket:
        had = self.served.listener if self.served else None
        if had is not None and wanted.port in (None, had.getsockname()[1]):
            return had
        return listen(wanted.host, wanted.port)

    def _start(self, wanted: Wanted, listener: socket.socket) -> None:
        self.offset = self.files.log.stat().st_size
        try:
            self.candidate = start(wanted, listener, self.log)
        except OSError as error:
            hint = "run the notebook again, or choose its kernel"
            self._fail(
                wanted, {"code": "NB721", "message": f"{wanted.python} cannot be started: {error}", "hint": hint}
            )

    def _listen_to_candidate(self, candidate: Server) -> None:
        assert candidate.ready is not None
        said = os.read(candidate.ready, 65536)
        candidate.close()
        if not said:
            return  # it ended; SIGCHLD tells
        old, self.current, self.candidate = self.current, candidate, None
        self.served = candidate
        self.alive_since = time.monotonic()
        if old is not None:
            self._dismiss(old)
        wanted = candidate.wanted
        pid = candidate.process.pid
        self._tell(
            replace(
                self.status,
                model=wanted.model,
                version=wanted.version,
                model_path=wanted.model_path,
                predictions=wanted.predictions,
                port=candidate.listener.getsockname()[1],
                state="healthy",
                generation=wanted.generation,
                pid=pid,
                started=started(pid),
                failed=None,
            )
        )

    def _reap(self) -> None:
        self.leaving = [entry for entry in self.leaving if not _gone(*entry)]
        if self.candidate and self.candidate.process.poll() is not None:
            self._candidate_died(self.candidate)
        if self.current and self.current.process.poll() is not None:
            self._current_died(self.current)

    def _candidate_died(self, candidate: Server) -> None:
        candidate.close()
        self.candidate = None
        if candidate.wanted.generation == self.status.generation:
            self._restart_later()
            return
        self._fail(candidate.wanted, refusal(self.files.log, self.offset))
        self._let_go(candidate.listener)
        if self.served and not self.current:
            self._restart_later()

    def _current_died(self, current: Server) -> None:
        self._say(f"the server ended with {current.process.returncode}; it is started again")
        if time.monotonic() - self.alive_since > SETTLED:
            self.failures = 0
        self.current = None
        if self.candidate is None:
            self._restart_later()
        self._tell(replace(self.status, state="unhealthy", restarts=self.status.restarts + 1))

    def _restart_later(self) -> None:
        self.retry_at = time.monotonic() + min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.failures)
        self.failures += 1

    def _retry(self) -> None:
        if self.served and self.retry_at and time.monotonic() >= self.retry_at:
            self.retry_at = None
            # what served once is put back as it is: an endpoint that is down is no better than one a clock has changed
            self._start(replace(self.served.wanted, require_equal=False), self.served.listener)

    def _dismiss(self, server: Server) -> None:
        server.close()
        server.process.terminate()
        self.leaving.append((server, time.monotonic() + GRACE))
        if server is not self.current:
            self._let_go(server.listener)

    def _let_go(self, listener: socket.socket) -> None:
        if self.served is None or listener is not self.served.listener:
            listener.close()

    def _stop(self) -> None:
        for server in (self.current, self.candidate):
            if server:
                server.close()
                server.process.terminate()
                self.leaving.append((server, time.monotonic() + GRACE))
        for server, limit in self.leaving:
            while not _gone(server, limit):
                time.sleep(0.02)
        state = "unhealthy" if self.status.failed else "stopped"
        self._tell(replace(self.status, state=state, pid=None, started=None))

    def _fail(self, wanted: Wanted, why: dict[str, str]) -> None:
        self._say(f"generation {wanted.generation} failed: {why['message']}")
        state = self.status.state if self.current else "unhealthy"
        self._tell(replace(self.status, state=state, failed={"generation": wanted.generation, **why}))

    def _tell(self, status: Status) -> None:
        self.status = replace(status, since=datetime.now(UTC).isoformat(timespec="seconds"))
        self.files.write(self.status)

    def _say(self, text: str) -> None:
        self.log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} supervisor: {text}\n".encode())
        self.log.flush()


def _gone(server: Server, limit: float) -> bool:
    if server.process.poll() is not None:
        return True
    if time.monotonic() > limit:
        server.process.kill()
    return False


def main(home: str, name: str) -> None:
    """Detach from whoever called, print the pid, and supervise."""
    pid = os.fork()
    if pid:
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        os._exit(0)
    os.dup2(2, 1)
    files = Files(Path(home), name)
    with files.log.open("ab", buffering=0) as log:
        Supervisor(files, log).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
