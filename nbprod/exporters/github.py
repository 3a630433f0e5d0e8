"""A GitHub workflow that checks and runs the notebook on each push and on weekday mornings."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from nbprod.exporters.common import notebooks, text, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.core.pipeline import Pipeline

HEAD = """\
# Written by `nbprod export --to github`. Times are UTC.
name: {name}
on:
  push:
    paths: [{paths}]
  schedule:
    - cron: "0 6 * * 1-5"
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: {group}
jobs:
  run:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Install
        run: |
          python -m pip install nbprod
          if [ -f requirements.txt ]; then python -m pip install -r requirements.txt; fi"""
KEEP = """\
      - name: Keep the executed notebooks
        if: always()
        uses: actions/upload-artifact@v4
        with:
          name: {name}
          path: .nbprod/runs
          include-hidden-files: true"""


class GithubExporter:
    """Writes `.github/workflows/nbprod-NAME.yml`."""

    name = "github"

    def export(self, pipeline: Pipeline, out: Path) -> Sequence[Path]:
        """Write the workflow below `out`, the project's folder, and return its path."""
        paths = notebooks(pipeline)
        slug = "nbprod-" + (re.sub(r"[^A-Za-z0-9_-]+", "-", pipeline.name).strip("-") or "notebook")
        lines = HEAD.format(
            name=text(f"nbprod {pipeline.name}"), paths=", ".join(map(text, paths)), group=text(slug)
        ).splitlines()
        for path in paths:
            lines += ["      - name: Check", f"        run: {text(shlex.join(['nbprod', 'check', path]))}"]
        lines += ["      - name: Run", f"        run: {text(shlex.join(['nbprod', 'run', *paths]))}"]
        lines += KEEP.format(name=text(slug)).splitlines()
        return [write(out / ".github" / "workflows" / f"{slug}.yml", lines)]
