"""Fixtures for all tests: notebooks written by hand, projects in a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# A publisher for each of a thousand small projects would cost minutes; the tests of tracking ask for it.
os.environ.setdefault("NBPROD_TRACKING", "none")

# The same examples every time: a change is not refused for what it did not touch. New ones are looked for by `make fuzz`,
# and by `pytest --hypothesis-profile default`.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

ROLES = {"setup", "serve", "gate", "test", "skip"}


def _cell(number: int, entry: str | tuple[str, ...]) -> dict[str, Any]:
    tag, source = (None, entry) if isinstance(entry, str) else (entry[0], entry[1])
    if tag == "md":
        return {"cell_type": "markdown", "id": f"c{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
    metadata: dict[str, Any] = {}
    if tag == "parameters":
        metadata = {"tags": ["parameters"]}
    elif tag in ROLES:
        metadata = {"nbprod": {"role": tag}}
    elif tag is not None:
        options = entry[2] if len(entry) > 2 else {}
        metadata = {"nbprod": {"stage": tag.removeprefix("stage:"), **dict(options)}}
    return {
        "cell_type": "code",
        "id": f"c{number}",
        "metadata": metadata,
        "source": source.splitlines(keepends=True),
        "execution_count": None,
        "outputs": [],
    }


def write_notebook(path: Path, cells: list[Any], **metadata: Any) -> Path:
    """Write a notebook; a cell is its source, or (tag, source[, options])."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = {
        "cells": [_cell(number, entry) for number, entry in enumerate(cells, 1)],
        "metadata": {**kernel, "language_info": {"name": "python"}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def make_notebook():
    return write_notebook


@pytest.fixture(scope="session", autouse=True)
def own_zygotes() -> Iterator[None]:
    """Warm processes of these tests are their own, and end with them."""
    from nbprod.execution import zygotes

    folder = tempfile.mkdtemp(prefix="nbprod-test-")  # short: it is part of a socket's address
    os.environ["XDG_RUNTIME_DIR"] = folder
    yield
    for process in zygotes.processes():
        os.kill(process["pid"], signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of its own, the current directory; nothing of the developer's settings leaks in."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    for name in ("NBPROD_HOME", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of this test are told to MLflow, as they are for users."""
    monkeypatch.delenv("NBPROD_TRACKING")


@pytest.fixture
def forked_stages() -> Iterator[None]:
    """Stages of this test run in processes forked from a warm one."""
    from forked import forked

    with forked():
        yield
