"""Where things are."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbprod import config
from nbprod.config import Project
from nbprod.core.errors import ConfigError, NotebookError


def test_nearest_marker_upwards_is_the_root(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text("[tool.nbprod]\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    project = Project.find(inner / "n.ipynb")
    assert project.root == tmp_path
    assert project.home == tmp_path / ".nbprod"
    assert (project.home / ".gitignore").read_text() == "*\n"
    assert project.relative(inner / "n.ipynb") == "a/b/n.ipynb"


def test_home_can_be_chosen(project, tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "elsewhere"))
    assert Project.find(project).home == tmp_path / "elsewhere"
    assert not (project / ".nbprod").exists()


def test_read_only_project_is_kept_in_the_cache(project, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(config, "_writable", lambda _home: False)
    found = Project.find(project)
    assert (tmp_path / "cache") in found.home.parents
    assert "read-only" in found.notes[0]


def test_profile_goes_over_settings(project):
    (project / "pyproject.toml").write_text(
        "[tool.nbprod]\ntarget = 'local'\nparameters = {n = 1}\n[tool.nbprod.profile.prod]\ntarget = 'docker'\n"
    )
    assert Project.find(project).settings["target"] == "local"
    prod = Project.find(project, "prod").settings
    assert (prod["target"], prod["parameters"]) == ("docker", {"n": 1})
    with pytest.raises(ConfigError, match="profiles there: prod"):
        Project.find(project, "dev")


@pytest.mark.parametrize(("text", "code"), [("[tool.nbprod]\ntargt = 1\n", "NB901"), ("[tool", "NB900")])
def test_bad_settings_are_named(project, text, code):
    (project / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Project.find(project)
    assert caught.value.code == code


def test_tracking_address(project, monkeypatch):
    assert Project.find(project).tracking_uri == f"sqlite:///{project / '.nbprod'}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert Project.find(project).tracking_uri == "http://127.0.0.1:9"


def test_missing_notebook_names_its_neighbours(project, make_notebook):
    make_notebook(project / "here.ipynb", [])
    with pytest.raises(NotebookError, match=r"here\.ipynb"):
        config.require_notebook(project / "there.ipynb")


def test_start_project_keeps_what_exists(project):
    (project / "pyproject.toml").write_text("# mine\n")
    written = config.start_project(project)
    assert {path.name for path in written} == {".gitignore", "example.ipynb"}
    assert (project / "pyproject.toml").read_text() == "# mine\n"
    assert os.access(project / "example.ipynb", os.R_OK)


def test_threads_that_ask_at_once_all_find_the_project_writable(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    with ThreadPoolExecutor(8) as threads:
        homes = set(threads.map(lambda _: Project.find(tmp_path).home, range(800)))
    assert homes == {tmp_path / ".nbprod"}
