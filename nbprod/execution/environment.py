"""The environment fixed for a run: the same in every stage, in every engine and in `verify`."""

from __future__ import annotations

import os
from pathlib import Path

from nbprod.core.errors import UsageError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
BACKEND = "module://matplotlib_inline.backend_inline"
MAX_THREADS = 8
# Waiting OpenMP threads spin by default: on a busy machine a stage of seconds then takes minutes. Results are the same.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
# As in a kernel: programs that cells start colour what they say, and do not page.
LIKE_A_KERNEL = {
    "TERM": "xterm-color", "CLICOLOR": "1", "CLICOLOR_FORCE": "1", "FORCE_COLOR": "1", "PAGER": "cat",
    "GIT_PAGER": "cat",
}  # fmt: skip


def fixed() -> dict[str, str]:
    """Return the variables a run sets where the user has not: they are part of every fingerprint."""
    threads = str(max(1, min(MAX_THREADS, os.cpu_count() or 1)))
    wanted = {"PYTHONHASHSEED": "0", **dict.fromkeys(THREADS, threads), "MPLBACKEND": BACKEND}
    if not any(os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")):
        wanted["LC_ALL"] = "C.UTF-8"
    found = {name: os.environ.get(name) or value for name, value in wanted.items()}
    if found["PYTHONHASHSEED"] == "random":
        found["PYTHONHASHSEED"] = "0"
    return found


def of_stage(env_file: str | None) -> dict[str, str]:
    """Return the whole environment of a stage's process; the secrets of `env_file` are in no other place."""
    found = {**PATIENT, **os.environ, **LIKE_A_KERNEL, **fixed(), **(read_env_file(env_file) if env_file else {})}
    for name in ("NBPROD_CONTROL", "PYTHONSTARTUP"):
        found.pop(name, None)
    return found


def fingerprint() -> dict[str, str]:
    """Return what of the fixed environment changes results."""
    found = fixed()
    return {name: found[name] for name in sorted(found) if name != "MPLBACKEND"}


def read_env_file(path: str) -> dict[str, str]:
    """Return the `NAME=VALUE` lines of a file; blank lines and comments are skipped, quotes around a value removed.

    Raises
    ------
    UsageError
        The file is not there, or a line is no `NAME=VALUE`.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError("NB906", f"the env file {path} cannot be read: {error.strerror}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError("NB904", f"line {number} of {path} is no NAME=VALUE")
        found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value
