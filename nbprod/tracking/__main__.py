"""`python -m nbprod.tracking ROOT`: the publisher; with `--open RUN --stage NAME` it makes MLflow runs beforehand."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
from pathlib import Path

from nbprod.config import Project
from nbprod.core.errors import NbprodError
from nbprod.tracking import journal, publisher


def main(arguments: list[str] | None = None) -> int:
    """Publish what is in the journal, or open a stage's run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nbprod.tracking")
    parser.add_argument("root", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--delays", default=",".join(str(delay) for delay in publisher.DELAYS))
    parser.add_argument("--open", metavar="RUN")
    parser.add_argument("--stage")
    given = parser.parse_args(arguments)
    project = Project(given.root, given.home) if given.home else Project.find(given.root)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("nbprod").setLevel(logging.INFO)
    logging.getLogger("traitlets").setLevel(logging.ERROR)  # nbconvert's advice on alternative texts
    if given.open:
        return _open(project, given.open, given.stage)
    _stand_back()
    publisher.publish(project, [float(text) for text in given.delays.split(",") if text])
    return 0


def _stand_back() -> None:
    """Leave the cores to whatever else wants them: a run may be going on."""
    if hasattr(os, "nice"):
        os.nice(19)
    with contextlib.suppress(OSError):  # Linux may weigh whole sessions, whatever their processes' niceness
        Path("/proc/self/autogroup").write_text("19")


def _open(project: Project, run: str, stage: str) -> int:
    from nbprod.tracking.mlflow_tracker import MlflowTracker

    try:
        entries = journal.whole(journal.folder(project.home) / f"{run}.jsonl")
        spec = MlflowTracker().open_stage(entries, stage)
    except NbprodError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    sys.stdout.write(json.dumps(spec) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
