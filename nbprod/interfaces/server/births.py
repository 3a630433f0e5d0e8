"""Which process is meant, on which machine or in which container: a pid alone is soon somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

from nbprod.deploy.process import BOOT_ID, alive, started

__all__ = ["alive", "here", "started"]


def here() -> str:
    """Return what tells this machine, its last start and this container from others that share the files."""
    return " ".join((_name(), _boot(), _namespace()))


def _name() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def _boot() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return "-"


def _namespace() -> str:
    """Return the name space that pids are counted in: containers of one machine have one each."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return "-"
