"""Forks worker processes from one that has imported what they need; `forked.py` is the other end."""

from __future__ import annotations

import array
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

BACKLOG = 64
MOST = 1 << 20


def main(address: str, worker: str, *preload: str) -> None:
    """Fork a worker for each connection; tell its process id at once and its exit code when it has ended."""
    bootstrap(Path(worker))
    for name in preload:
        importlib.import_module(name)
    sys.modules["nbprod_worker.modules"].local()  # what each file is, is remembered
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(BACKLOG)
    gc.collect()
    gc.freeze()
    children: dict[int, socket.socket] = {}
    while os.getppid() != 1:
        ready, _, _ = select.select([listener, wake_read], [], [], 5)
        if wake_read in ready:
            os.read(wake_read, MOST)
            reap(children)
        if listener in ready:
            connection, _ = listener.accept()
            request, descriptors = received(connection)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                become(request, descriptors, [listener, connection, *children.values()], [wake_read, wake_write])
            for descriptor in descriptors:
                os.close(descriptor)
            children[pid] = connection
            connection.sendall(b"%d\n" % pid)


def bootstrap(worker: Path) -> None:
    """Load the worker as its own `__main__` does, as far as that can be done ahead."""
    spec = importlib.util.spec_from_file_location("worker_main", worker / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    sys.path.insert(0, str(worker))
    module.bootstrap()
    for file in worker.glob("[a-z]*.py"):
        importlib.import_module(f"{module.NAME}.{file.stem}")


def received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return a request and the descriptors that came with it: control in, control out, output."""
    numbers = array.array("i")
    data, ancillary, _, _ = connection.recvmsg(MOST, socket.CMSG_SPACE(3 * numbers.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(content)
    while not data.endswith(b"\n"):
        data += connection.recv(MOST)
    request: dict[str, Any] = json.loads(data)
    return request, list(numbers)


def reap(children: dict[int, socket.socket]) -> None:
    """Tell the exit code of each child that has ended."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        connection = children.pop(pid, None)
        if connection is not None:
            try:
                connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            except OSError:
                continue  # whoever asked is gone
            finally:
                connection.close()


def become(request: dict[str, Any], descriptors: list[int], sockets: list[socket.socket], pipes: list[int]) -> None:
    """Be the worker that was asked for; never returns."""
    control_in, control_out, output = descriptors
    code = 3
    try:
        os.setsid()
        for each in sockets:
            each.close()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for descriptor in (*pipes, nothing, output):
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"], NBPROD_CONTROL=f"{control_in},{control_out}")
        os.chdir(request["folder"])
        for name in ("random", "numpy.random"):
            if name in sys.modules:
                sys.modules[name].seed()
        sys.modules["nbprod_worker.loop"].main()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
