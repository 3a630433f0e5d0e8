"""Kernels forked from a zygote, for whatever starts kernels through `jupyter_client`: nbclient, papermill, Jupyter.

Only jupyter_client loads this module, so it may import it at its top. Chosen by
`JUPYTER_DEFAULT_PROVISIONER_NAME=nbprod`, or in a kernelspec's metadata.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner  # noqa: TID253 - loaded by jupyter_client itself, see above
from traitlets import List, Unicode

from nbprod.execution import zygotes
from nbprod.execution.environment import BACKEND
from nbprod.execution.kernels import this

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAUNCHERS = ("ipykernel_launcher", "ipykernel")
KERNEL = ("ipykernel.kernelapp",)
USUAL = ("matplotlib.pyplot", "numpy", "pandas", *(f"sklearn.{name}" for name in ("ensemble", "linear_model", "metrics",
         "model_selection", "pipeline", "preprocessing")))  # fmt: skip


class NbprodProvisioner(LocalProvisioner):
    """Launches this interpreter's ipykernel by a fork; any other kernel as usual."""

    modules: List[str] = List(
        Unicode(),
        help="Modules to import ahead; NBPROD_PRELOAD=a,b names them too. Where there are none, the usual ones.",
    ).tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork the kernel, or start it."""
        arguments = _arguments(cmd)
        loop = asyncio.get_running_loop()
        forked = await loop.run_in_executor(None, self._fork, arguments, kwargs) if arguments is not None else None
        if forked is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = Process(forked)  # type: ignore[assignment]  # what is used of Popen
        self.pid = self.pgid = forked.pid
        self.cwd = kwargs.get("cwd") or str(Path.cwd())
        return self.connection_info

    def _fork(self, arguments: Sequence[str], options: Mapping[str, Any]) -> zygotes.Forked | None:
        named = self.modules or [name for name in os.environ.get("NBPROD_PRELOAD", "").split(",") if name] or USUAL
        # the backend that ipykernel sets before anything is imported
        variables = {"MPLBACKEND": BACKEND, **(options.get("env") or os.environ), "JPY_PARENT_PID": str(os.getpid())}
        warm = zygotes.Warm(this(), variables, (*KERNEL, *named))
        folder = Path(options.get("cwd") or Path.cwd()).absolute()
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            return zygotes.fork(warm, folder, (nothing, nothing, 2), arguments)
        finally:
            os.close(nothing)


class Process:
    """A forked kernel with what `LocalProvisioner` uses of `subprocess.Popen`.

    Parameters
    ----------
    forked
        The process.
    """

    stdin = stdout = stderr = None

    def __init__(self, forked: zygotes.Forked) -> None:
        self._forked = forked
        self.pid = forked.pid

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        return self._forked.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end."""
        return self._forked.wait(timeout)

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def _arguments(command: Sequence[str]) -> list[str] | None:
    """Return what this interpreter's ipykernel is to be given; None when the command starts something else."""
    found = shutil.which(command[0]) if command else None
    at = command.index("-m") if "-m" in command else len(command)
    if found != sys.executable or "".join(command[at + 1 : at + 2]) not in LAUNCHERS:
        return None
    return list(command[at + 2 :])
