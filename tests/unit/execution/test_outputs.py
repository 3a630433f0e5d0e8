"""Files that stages write: kept in the store, put back, and never mistaken for others."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from nbprod.core.errors import StoreError
from nbprod.execution import outputs
from nbprod.execution.observed import World
from nbprod.store import Ledger
from nbprod.worker.buffers import Buffers
from nbprod.worker.digests import path_digest


@pytest.fixture
def world(tmp_path):
    (tmp_path / "home").mkdir()
    with Ledger(tmp_path / "home") as ledger:
        yield World(tmp_path, ledger, {})


@pytest.fixture
def buffers(tmp_path):
    return Buffers(str(tmp_path / "home" / "buffers"))


def written(path, text="content"):
    path.write_text(text)
    return {"observed": {"files_written": {path.name: path_digest(str(path))}}}


def test_a_file_is_put_back_as_it_was(tmp_path, world, buffers):
    file = tmp_path / "tool.sh"
    manifest = written(file)
    file.chmod(0o755)
    outputs.keep(manifest, world, buffers)
    file.write_text("other")
    file.chmod(0o600)
    outputs.reuse(manifest, world)
    outputs.materialise(world, buffers)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("content", 0o755)
    assert not list(tmp_path.rglob(".new-*"))


def test_a_file_that_another_run_has_changed_is_not_kept_under_its_name(tmp_path, world, buffers):
    manifest = written(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("of another run")
    outputs.keep(manifest, world, buffers)
    assert not [path for path in buffers.root.rglob("*") if path.is_file()]
    assert "was not kept" in outputs.lost(manifest, world, buffers)


def test_a_home_on_another_disk(tmp_path, world, buffers, monkeypatch):
    file = tmp_path / "a.csv"
    manifest = written(file)
    outputs.keep(manifest, world, buffers)
    file.unlink()
    move = Path.replace

    def replace(self, target):
        if buffers.root in self.parents and buffers.root not in target.parents:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return move(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    outputs.reuse(manifest, world)
    outputs.materialise(world, buffers)
    assert file.read_text() == "content"
    assert not list(tmp_path.rglob(".new-*"))


@pytest.mark.parametrize("damage", ["other", None])
def test_a_kept_file_that_is_damaged_or_gone_is_not_put_back(tmp_path, world, buffers, damage):
    file = tmp_path / "table.csv"
    manifest = written(file)
    outputs.keep(manifest, world, buffers)
    (kept,) = [path for path in buffers.root.rglob("*") if path.is_file()]
    if damage is None:
        kept.unlink()
    else:
        kept.write_text(damage)
    file.unlink()
    outputs.reuse(manifest, world)
    with pytest.raises(StoreError, match=r"table.csv.* cannot be put back"):
        outputs.materialise(world, buffers)
    assert not file.exists()
