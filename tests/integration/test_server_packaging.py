"""What is installed: one version, no host names in locks, an entry that costs nothing; tests/e2e/test_binder.py installs."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

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
