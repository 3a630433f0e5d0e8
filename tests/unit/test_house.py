"""The house stands as drawn: floors, file sizes, exported names, start-up budget."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nbprod

ROOT = Path(__file__).parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "nbprod", tmp_path / "nbprod", ignore=shutil.ignore_patterns("__pycache__", "labextension"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold(copy: Path):
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout


VIOLATIONS = {
    "nbprod/core/run.py": "nbprod.store",
    "nbprod/worker/formats.py": "nbprod.core.errors",
    "nbprod/analysis/__init__.py": "nbprod.execution",
    "nbprod/serving/__init__.py": "nbprod.config",
    "nbprod/notebooks/__init__.py": "nbprod.api",
    "nbprod/interfaces/cli/app.py": "nbprod.interfaces.magics",
}


def test_planted_violations_are_caught(copy: Path):
    for module, forbidden in VIOLATIONS.items():
        with (copy / module).open("a") as file:
            file.write(f"\nimport {forbidden}\n")
    (copy / "nbprod" / "deploy" / "local.py").write_text("from nbprod.packaging import build\n")
    done = lint_imports(copy)
    assert done.returncode != 0
    found = " ".join(done.stdout.split())
    for module, forbidden in {**VIOLATIONS, "nbprod/deploy/local.py": "nbprod.packaging"}.items():
        source = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        assert f"{source} -> {forbidden}" in found, (source, forbidden)


def test_a_new_room_must_be_placed(copy: Path):
    (copy / "nbprod" / "attic.py").write_text('"""A room nobody drew."""\n')
    assert lint_imports(copy).returncode != 0


def test_files_fit_on_a_screen():
    limits = {".py": 400, ".ts": 300, ".tsx": 300}
    files = [*ROOT.glob("nbprod/**/*.py"), *ROOT.glob("labextension/src/**/*.ts*"), *ROOT.glob("tests/**/*.py")]
    limit = {path: limits[path.suffix] if "tests" not in path.parts else 600 for path in files}
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: size for name, size in long.items() if size > limit[ROOT / name]} == {}


def test_functions_are_short():
    import ast

    long = []
    for path in ROOT.glob("nbprod/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > 50:
                    long.append(f"{path.relative_to(ROOT)}:{node.name} {size}")
    assert long == []


def test_exported_names_are_frozen():
    assert sorted(set(nbprod.__all__) - {"__version__"}) == [
        "AnalysisError",
        "BoundaryError",
        "ConfigError",
        "DeployError",
        "ExecutionError",
        "ExportError",
        "MissingValue",
        "ModelError",
        "MonitorError",
        "NbprodError",
        "NotebookError",
        "PackagingError",
        "Pipeline",
        "PlanError",
        "Run",
        "RunStatus",
        "ScheduleError",
        "StageFailed",
        "StoreError",
        "StoreUnreachable",
        "TrackingError",
        "UnavailableError",
        "UsageError",
        "Verification",
        "analyze",
        "load_model",
        "report",
        "run",
        "secret",
        "suggest",
        "verify",
    ]
    for name in set(nbprod.__all__) - {"__version__"}:
        assert getattr(nbprod, name).__name__ == name


def test_import_loads_no_third_party_module():
    code = "import sys; before = set(sys.modules); import nbprod, json; print(json.dumps(sorted(set(sys.modules) - before)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert {name.partition(".")[0] for name in loaded} <= {*sys.stdlib_module_names, "nbprod"}


def test_help_loads_no_heavy_module():
    code = (
        "import sys, nbprod.interfaces.cli as cli; cli.run(['--help']); "
        "heavy = {'rich','mlflow','pandas','numpy','sklearn','IPython','papermill','nbformat','docker','msgspec','tornado'}; "
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout


def test_versions_agree():
    package = json.loads((ROOT / "labextension" / "package.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert package["version"] == project["version"] == nbprod.__version__


def test_no_machine_in_the_tree():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    # Written in pieces so that this file does not name what it looks for.
    forbidden = re.compile(
        "|".join(["python" + "hosted", "registry" + r"\.npm", "registry" + r"\.yarn", "/wor" + "k/main"])
    )
    texts = [path for path in map(ROOT.joinpath, listed) if path.suffix not in {".png"} and path.is_file()]
    assert [str(path) for path in texts if forbidden.search(path.read_text(encoding="utf-8", errors="replace"))] == []
