"""Which notebook is open in this kernel, and whether its file is what the kernel executed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

from nbprod.core.errors import NotebookError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TIMEOUT = 2.0


def open_notebook(namespace: Mapping[str, Any]) -> Path:
    """Return the file of the notebook this kernel belongs to; raises `NotebookError` when it cannot be told.

    Asked in turn: VS Code's variable, the session name that Jupyter puts into the kernel's environment, the running
    Jupyter servers.
    """
    candidates = [namespace.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")]
    for text in candidates:
        if text and Path(str(text)).is_file() and str(text).endswith(".ipynb"):
            return Path(str(text))
    found = _from_servers()
    if found is not None:
        return found
    raise NotebookError("NB916", "cannot tell which notebook is open here", "name it: %mlops run --notebook my.ipynb")


def _from_servers() -> Path | None:
    from jupyter_server.serverapp import list_running_servers

    kernel = _kernel_id()
    for server in list_running_servers() if kernel else ():
        url = f"{server['url']}api/sessions?token={quote(server.get('token', ''))}"
        try:
            with urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 (the address is Jupyter's own record)
                sessions = json.load(answer)
        except (URLError, TimeoutError, ValueError):
            continue
        for session in sessions:
            if session["kernel"]["id"] == kernel:
                return Path(str(server["root_dir"])) / str(session["path"])
    return None


def _kernel_id() -> str | None:
    from ipykernel.connect import get_connection_file

    try:
        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except RuntimeError:
        return None


def require_saved(path: Path, executed: Iterable[tuple[float, str]]) -> None:
    """Raise `NotebookError` when the kernel ran a cell, after the file was saved, that the file does not hold."""
    from nbprod import notebooks

    saved = path.stat().st_mtime
    sources = {cell.source.strip() for cell in notebooks.read(path, path.name).cells}
    for moment, source in executed:
        text = source.strip()
        if moment > saved and text and not text.startswith("%mlops") and text not in sources:
            raise NotebookError(
                "NB917",
                f"{path.name} is older than what this kernel executed",
                "save first (Ctrl-S), or give --stale to use the file as it is",
                Where(path.name),
            )
