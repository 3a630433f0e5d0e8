"""A true ipykernel in a process forked from the zygote: what it would import is there already.

The zygote has made a shell of ours, because libraries ask for one as they are imported; here it makes room for the
kernel's own, and what libraries have told the one is told the other.
"""

from __future__ import annotations

import atexit
import builtins
import os
import select
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

from .shell import ZMQInteractiveShell

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str], driver: int) -> NoReturn:
    """Be the kernel that `python -m ipykernel_launcher ARGUMENTS` would have been, as long as `driver` lives."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ZMQInteractiveShell.clear_instance()
    del builtins.get_ipython  # type: ignore[attr-defined]  # not Python's own
    kept: Any = warnings.filters
    kept[:] = [entry for entry in kept if "To exit:" not in str(entry[1])]
    threading.Thread(target=_end_with, args=(driver,), name="nbprod-kernel", daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp

    _give_back_comms()
    sys.argv[:] = ["ipykernel_launcher.py", *arguments]
    kernel: Any = IPKernelApp.instance(parent_handle=driver)
    kernel.init_poller = lambda: None  # it looks for its own parent, which is the zygote
    kernel.initialize(list(arguments))
    _introduce()
    kernel.start()
    atexit._run_exitfuncs()
    os._exit(0)


def _give_back_comms() -> None:
    """Have comms be the kernel's, as ipykernel does when it is imported."""
    comm, ipykernel = sys.modules.get("comm"), sys.modules.get("ipykernel.ipkernel")
    for name in ("create_comm", "get_comm_manager"):
        if comm is not None and hasattr(ipykernel, f"_{name}"):
            setattr(comm, name, getattr(ipykernel, f"_{name}"))


def _introduce() -> None:
    """Let libraries that were imported before there was a kernel know it."""
    inline, widgets = sys.modules.get("matplotlib_inline.backend_inline"), sys.modules.get("ipywidgets")
    if inline is not None:
        inline.InlineBackend.clear_instance()
        inline.configure_inline_support.current_backend = "unset"  # as at first
        inline._enable_matplotlib_integration()
    if widgets is not None:
        widgets.register_comm_target()


def _end_with(driver: int) -> None:
    """End the process group when whoever started the kernel is gone: this is no child of it."""
    try:
        descriptor = os.pidfd_open(driver)
        select.select([descriptor], [], [])
    except OSError:
        return
    os.killpg(0, signal.SIGKILL)
