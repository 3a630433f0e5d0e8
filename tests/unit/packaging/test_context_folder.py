"""What an image is built from: names, Dockerfile, the context's files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from nbprod import packaging
from nbprod.config import Project
from nbprod.core.errors import PackagingError, UnavailableError
from nbprod.core.model import Model
from nbprod.packaging import context, site
from nbprod.packaging.names import image_name

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = {
    "format": 1,
    "name": 'ch"urn$X',
    "run": "8c21aa00",
    "kind": "function",
    "task": "other",
    "payload": "model.pkl",
    "inputs": [],
    "input_kind": "records",
    "python": "3.11",
    "requirements": ["cloudpickle==3.1.2"],
}


@pytest.mark.parametrize("tag", ["churn", "churn:1", "team/churn:v1.2", "localhost:5000/churn", "ghcr.io/a/b_c:x"])
def test_good_names(tag: str):
    assert image_name(tag, Model("m", "/m"), "r").startswith(tag)
    assert ":" in image_name(tag, Model("m", "/m"), "r").rpartition("/")[2]


@pytest.mark.parametrize("tag", ["", "Churn", "a b", "churn:", "-churn", "churn:a b", "a//b", "x" * 300, "a:b:c"])
def test_bad_names(tag: str):
    with pytest.raises(PackagingError):
        image_name(tag, Model("m", "/m"), "r")


def test_names_made_from_models():
    assert image_name(None, Model("House Prices", "/m", version="4"), "r") == "house-prices:4"
    assert image_name(None, Model("churn", "/m"), "8c21") == "churn:8c21"


def test_dockerfile_puts_libraries_before_the_model_and_runs_nothing():
    text = context.dockerfile("python:3.11-slim", Model("m", "/m", version="1"), MANIFEST)
    assert text.index("COPY site") < text.index("COPY runtime") < text.index("COPY model")
    assert not re.search(r"^RUN|--mount", text, re.M)
    assert "USER 65532" in text
    assert 'dev.nbprod.model="ch\\"urn\\$X"' in text
    assert not re.search(r"@[A-Z]+@", text)


def test_requirements_hold_the_model_and_the_server_once():
    found = site.requirements(["cloudpickle==3.0.0", "numpy==2.0.0"])
    assert [line for line in found if line.startswith("cloudpickle")] == ["cloudpickle==3.0.0"]
    assert {line.partition("==")[0] for line in found} == {"numpy", *site.RUNTIME}


def test_context_is_written_again_but_never_over_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(site, "install", lambda folder, *_: (folder.mkdir(), ["a==1"])[1])
    model = tmp_path / "m"
    (model / "code" / "__pycache__").mkdir(parents=True)
    (model / "model.pkl").touch(0o600)
    (model / "code" / "__pycache__" / "x.pyc").touch()
    out = tmp_path / "out"
    for _ in range(2):
        context.write(out, Model("m", str(model)), MANIFEST, base="b", progress=lambda _: None)
    assert sorted(file.name for file in out.iterdir()) == ["Dockerfile", "model", "requirements.txt", "runtime", "site"]
    assert (out / "runtime" / "nbprod_serving" / "docs.html").exists()
    assert not list(out.rglob("__pycache__"))
    assert (out / "model" / "model.pkl").stat().st_mode & 0o777 == 0o644
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    for taken in (tmp_path / "mine", tmp_path / "mine" / "notes"):
        with pytest.raises(PackagingError):
            context.write(taken, Model("m", str(model)), MANIFEST, base="b", progress=lambda _: None)


def test_libraries_that_do_not_exist_are_named(tmp_path: Path):
    with pytest.raises(PackagingError, match="surely-not-a-distribution-of-nbprod"):
        site.install(tmp_path / "site", ["surely-not-a-distribution-of-nbprod==1"], "3.11")


def test_without_an_engine_the_way_out_is_told(project: Path, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{project}/no.sock")
    with pytest.raises(UnavailableError, match="--dockerfile DIR"):
        packaging.build(Model("careful", str(models["careful"])), Project.find(project))
    with pytest.raises(PackagingError, match=r"no nbprod\.json"):
        packaging.build(Model("m", str(project)), Project.find(project))
