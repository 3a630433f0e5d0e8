"""Eight stages at once that only import pandas and scikit-learn: what they add to the zygote, shared pages divided."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness import BIN, Row, alone, environment, nbprod, project, settled, write_notebook, zygotes

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGES = 8
LONGEST = 90.0
IMPORTS = "import os, time\nfrom pathlib import Path\nimport pandas as pd\nimport sklearn.ensemble"
WAIT = """\
Path('there-{n}').write_text(str(os.getpid()))
while not Path('go').exists():
    time.sleep(0.05)
v{n} = {n}"""


def results() -> Iterator[Row]:
    """Yield the row."""
    with project() as folder:
        cells = [(IMPORTS, {"nbprod": {"role": "setup"}})]
        cells += [(WAIT.format(n=n), {"nbprod": {"stage": f"s{n}", "resources": {"cpu": 0.1}}}) for n in range(STAGES)]
        write_notebook(folder / "eight.ipynb", cells)
        (folder / "go").touch()
        nbprod("run", "eight.ipynb", cwd=folder)  # once, so that the zygote is there and has forked
        settled(folder)
        for file in [folder / "go", *folder.glob("there-*")]:
            file.unlink()
        parents = zygotes()
        before = sum(map(pss, parents))
        words = [BIN / "nbprod", "run", "eight.ipynb", "--force", "--jobs", str(STAGES), "--json"]
        run = subprocess.Popen(words, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pids = _there(folder, run)
        added = (sum(map(pss, [*parents, *pids])) - before) / len(pids)
        (folder / "go").touch()
        run.communicate()
        settled(folder)
    note = f"{len(pids)} stages at once, zygote alone {before / 2**20:.0f} MB"
    yield Row("memory: a stage of 8 in parallel adds", added / 2**20, limit=40, unit="MB", note=note)


def _there(folder: Path, run: subprocess.Popen[bytes]) -> list[int]:
    """Return the stages' process ids once all wait, or those that do after a while."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and run.poll() is None:
        found = [int(file.read_text() or 0) for file in folder.glob("there-*")]
        if len(found) == STAGES or (found and time.monotonic() > end - LONGEST + 20):
            time.sleep(0.5)
            return [pid for pid in found if pid]
        time.sleep(0.05)
    said = run.communicate()[1].decode() if run.poll() is not None else ""
    raise SystemExit(f"no stage came that far: {said or json.dumps(zygotes())}")


def pss(pid: int) -> int:
    """Return a process's memory in bytes, a page that several have divided among them."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    alone(results)
