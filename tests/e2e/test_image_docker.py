"""An image built by a real engine answers as the notebook, and a container of it is an endpoint like another."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nbprod import deploy, packaging
from nbprod.config import Project
from nbprod.core.errors import DeployError, PackagingError
from nbprod.core.model import Image, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BASE = "nbprod-base:bookworm"
DEBIAN_PYTHON = (3, 11)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.docker,
    pytest.mark.skipif(sys.version_info[:2] != DEBIAN_PYTHON, reason="the base image has Debian's Python 3.11"),
]


@pytest.fixture
def place(project: Path, docker_host: str) -> Iterator[Project]:
    found = Project.find(project)
    yield found
    for item in deploy.endpoints(found):
        deploy.stop(found, item.endpoint)


@pytest.fixture(scope="module")
def build(docker_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Model], Image]:
    root = tmp_path_factory.mktemp("built")

    def run(model: Model) -> Image:
        steps: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", docker_engine)
            image = packaging.build(model, Project.find(root), base=BASE, progress=steps.append)
        assert any(step.startswith("COPY model") for step in steps)
        return image

    return run


@pytest.fixture(scope="module")
def churn(build: Callable[[Model], Image], models: dict[str, Path]) -> tuple[Model, Image]:
    model = Model("churn", str(models["churn"]), version="3")
    return model, build(model)


@pytest.fixture(scope="module")
def small(build: Callable[[Model], Image], models: dict[str, Path]) -> tuple[Model, Image]:
    """A model without scikit-learn: its libraries take no time to send to the engine."""
    model = Model("careful", str(models["careful"]), version="3")
    return model, build(model)


def test_the_image_is_tried_before_it_is_handed_over(churn: tuple[Model, Image]):
    _, image = churn
    assert image.image == "churn:3"
    assert image.digest.startswith("sha256:")
    assert (image.evidence["rows"], image.evidence["equal"]) == (400, True)
    assert [layer.kind for layer in image.layers] == ["base", "dependencies", "runtime", "model"]
    assert sum(layer.bytes for layer in image.layers) == image.bytes


def test_a_container_answers_as_the_notebook(churn: tuple[Model, Image], place: Project):
    model, image = churn
    first = deploy.deploy(model, place, target="docker", image=image)
    evidence = deploy.compare(model.path, first.url)
    assert (evidence["equal"], evidence["rows"]) == (True, 400)
    answer = deploy.predict(first.url, [evidence["row"]])
    assert answer["model"] == {"name": "churn", "version": "3"}

    again = deploy.deploy(model, place, target="docker", image=image)
    assert again.url == first.url
    (listed,) = deploy.endpoints(place)
    assert (listed.endpoint, listed.target, listed.version, listed.state) == ("churn", "docker", "3", "healthy")
    assert '"event": "ready"' in deploy.logs(place, "churn")
    deploy.stop(place, "churn")
    assert deploy.endpoints(place) == []
    with pytest.raises(DeployError, match="does not answer"):
        deploy.predict(first.url, [evidence["row"]])


def test_an_image_that_does_not_start_leaves_the_old_one_serving(small: tuple[Model, Image], place: Project):
    model, image = small
    endpoint = deploy.deploy(model, place, target="docker", image=image)
    for wrong in (Image(BASE, "", 0), Image("nowhere/nothing:1", "", 0)):
        with pytest.raises(DeployError):
            deploy.deploy(model, place, target="docker", image=wrong)
    assert deploy.compare(model.path, endpoint.url)["equal"]


def test_only_what_changed_is_built_again(small: tuple[Model, Image], place: Project, tmp_path: Path):
    model, before = small
    copy = tmp_path / "retrained"
    shutil.copytree(model.path, copy)
    (copy / "notes.txt").write_text("retrained")
    after = packaging.build(Model("careful", str(copy), version="4"), place, base=BASE)
    assert [(layer.kind, layer.reused) for layer in after.layers] == [
        ("base", True),
        ("dependencies", True),
        ("runtime", True),
        ("model", False),
    ]
    assert [layer.digest for layer in after.layers[:3]] == [layer.digest for layer in before.layers[:3]]


def test_an_image_that_answers_differently_is_refused(place: Project, models: dict[str, Path], tmp_path: Path):
    copy = tmp_path / "wrong"
    shutil.copytree(models["careful"], copy)
    sample = json.loads((copy / "sample.json").read_text())
    sample["predictions"][0] = "maybe"
    (copy / "sample.json").write_text(json.dumps(sample))
    with pytest.raises(PackagingError, match="differently from the notebook on 1 rows"):
        packaging.build(Model("careful", str(copy)), place, base=BASE)


def test_a_base_without_the_models_python_is_told(place: Project, models: dict[str, Path], docker_host: str):
    empty = subprocess.run(["docker", "import", "-", "empty:1"], input=b"\0" * 1024, check=True, capture_output=True)
    assert empty.stdout
    with pytest.raises(PackagingError, match=r"engine failed|cannot answer"):
        packaging.build(Model("careful", str(models["careful"])), place, base="empty:1")


def test_the_written_folder_is_what_any_builder_builds(place: Project, models: dict[str, Path], tmp_path: Path):
    out = tmp_path / "context"
    image = packaging.build(Model("careful", str(models["careful"])), place, base=BASE, dockerfile=out)
    assert (image.digest, image.evidence) == ("", {"context": str(out)})
    subprocess.run(["docker", "build", "-t", "by-hand:1", str(out)], check=True, capture_output=True)
    checked = subprocess.run(
        ["docker", "run", "--rm", "--read-only", "by-hand:1", "--check"], check=True, capture_output=True
    )
    assert json.loads(checked.stdout)["equal"]
    who = ["docker", "run", "--rm", "--entrypoint", "python3", "by-hand:1", "-c", "import os; print(os.getuid())"]
    assert subprocess.run(who, check=True, capture_output=True, text=True).stdout == "65532\n"
    words = [str(tmp_path), str(place.root), str(Path.home() / ".cache")]
    for file in out.rglob("*"):
        if file.is_file() and file.suffix not in {".so", ".pyc"}:
            assert not any(word.encode() in file.read_bytes() for word in words), file
