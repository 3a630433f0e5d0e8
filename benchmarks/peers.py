"""The peers, each in an environment of its own below `build/peers`, with the libraries that ours has."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from harness import BIN, ROOT, command, environment

if TYPE_CHECKING:
    from pathlib import Path

SHARED = ("numpy", "pandas", "scikit-learn", "pyarrow", "ipykernel", "ipython")
OWN = {"papermill": ("papermill", "nbclient", "nbformat"), "ploomber": (), "metaflow": ()}
VERSIONS = {"ploomber": "0.23.0", "metaflow": "2.19.39"}


@cache
def home(name: str) -> Path | None:
    """Return the folder of a peer's commands, installed now if need be; None when it cannot be had here."""
    folder = ROOT / "build" / "peers" / name
    wanted = [*(f"{item}=={version(item)}" for item in (*SHARED, *OWN[name]))]
    wanted += [f"{name}=={VERSIONS[name]}"] if name in VERSIONS else []
    mark = folder / "installed.txt"
    if not mark.exists() or mark.read_text() != "\n".join(wanted):
        uv = [str(BIN / "uv"), "-q"]
        made = [*uv, "venv", "--allow-existing", "--python", str(BIN / "python"), str(folder)]
        put = [*uv, "pip", "install", "--compile-bytecode", "--python", str(folder / "bin" / "python"), *wanted]
        for words in (made, put):
            done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name} cannot be installed: {done.stderr.strip()[-500:]}")
                return None
        mark.write_text("\n".join(wanted))
    return folder / "bin"


def papermill(notebook: Path, out: Path, **parameters: object) -> str:
    """Run one notebook with papermill's command."""
    binaries = home("papermill")
    assert binaries is not None, "papermill is not there"
    given = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    return command(binaries / "papermill", "--no-progress-bar", notebook, out, *given, cwd=notebook.parent)


def patient_papermill(notebook: Path, out: Path) -> str:
    """Run one notebook with papermill where its command gives up: that waits 4 s for output to come through."""
    binaries = home("papermill")
    assert binaries is not None, "papermill is not there"
    code = "import sys, papermill; papermill.execute_notebook(*sys.argv[1:], progress_bar=False, iopub_timeout=300)"
    return command(binaries / "python", "-c", code, notebook, out, cwd=notebook.parent)


def versions() -> dict[str, str]:
    """Return name and version of all that is compared."""
    found = {}
    for name in ("nbprod", *SHARED, *OWN["papermill"], "mlflow", "optuna"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, **VERSIONS}
