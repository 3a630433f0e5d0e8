"""What is installed: both extensions, one version, a Binder that repo2docker understands, no host names in locks."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
FRONT = TOP / "labextension"


def test_front_end_and_package_have_one_version():
    version = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    assert json.loads((FRONT / "package.json").read_text())["version"] == version
    assert json.loads((FRONT / "package-lock.json").read_text())["version"] == version
    assert f"VERSION = '{version}'" in (FRONT / "src" / "tokens.ts").read_text()


def test_the_lock_names_no_registry():
    lock = (FRONT / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    hosts = {host for host in re.findall(r"https?://([^/\"]+)", lock) if "registry" in host}
    assert hosts == set()


def test_the_server_extension_is_found_by_its_config():
    from jupyter_server.extension.utils import validate_extension

    config = json.loads((TOP / "nbprod" / "interfaces" / "server" / "nbprod.json").read_text())
    for name, enabled in config["ServerApp"]["jpserver_extensions"].items():
        assert enabled
        validate_extension(name)


def test_the_entry_point_loads_no_handler_until_a_server_asks():
    code = "import sys, nbprod.interfaces.server; print(sorted({'tornado', 'jupyter_server'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_binder_is_what_repo2docker_takes():
    tool = shutil.which("repo2docker") or str(Path(sys.executable).with_name("repo2docker"))
    if not Path(tool).exists():
        pytest.skip("repo2docker is not installed")
    told = subprocess.run([tool, "--no-build", "--debug", str(TOP)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "binder/postBuild" in told.stdout + told.stderr


def test_binder_steps_fail_loudly():
    script = TOP / "binder" / "postBuild"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()


@pytest.mark.slow
def test_a_fresh_environment_has_both_extensions_after_one_pip_install(tmp_path):
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    source = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(TOP), str(source)], check=True)
    venv = tmp_path / "venv"
    subprocess.run([uv, "venv", "-q", str(venv), "--python", sys.executable], check=True)
    python = venv / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", str(python), str(source)], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    listed = [
        subprocess.run([str(venv / "bin" / "jupyter"), *words, "list"], capture_output=True, text=True, env=environment)
        for words in (["labextension"], ["server", "extension"])
    ]
    lab, server = (item.stdout + item.stderr for item in listed)
    assert re.search(r"nbprod v\S+ .*enabled.*OK", lab)
    assert re.search(r"nbprod\.interfaces\.server .*OK", server)
    installed = venv / "share" / "jupyter" / "labextensions" / "nbprod"
    assert list((installed / "static").glob("remoteEntry.*.js"))
    assert not list(venv.glob("lib/python*/site-packages/nbprod/labextension"))


def test_the_bundle_is_made_anew_only_when_its_sources_changed(tmp_path):
    spec = importlib.util.spec_from_file_location("hatch_build", FRONT / "hatch_build.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    shutil.copytree(FRONT, tmp_path / "labextension", ignore=shutil.ignore_patterns("node_modules", "lib"))
    made = hook.BundleHook(str(tmp_path), {}, None, None, "", "wheel")
    assert not made.bundled
    made.bundle.mkdir(parents=True)
    (made.bundle / "package.json").write_text("{}")
    assert made.bundled
    (made.bundle / hook.STAMP).write_text(hook.digest(made.sources) + "\n")
    assert made.bundled
    (made.sources / "src" / "index.ts").write_text("// changed")
    assert not made.bundled
