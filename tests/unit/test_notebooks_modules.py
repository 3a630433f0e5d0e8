"""The modules beside a notebook that its cells import are read with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.core.notebook import Cell, Notebook
from nbprod.notebooks import with_modules

if TYPE_CHECKING:
    from pathlib import Path


def found(folder: Path, *bodies: str) -> set[str]:
    cells = tuple(Cell(number, f"c{number}", "code", body, body) for number, body in enumerate(bodies, 1))
    return set(with_modules(Notebook("n.ipynb", cells), folder).modules)


def test_modules_are_found_however_they_are_imported(tmp_path: Path) -> None:
    for name in ("plain", "one", "two", "late", "pkg/__init__", "pkg/near", "pkg/deep", "unused"):
        (tmp_path / f"{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "one.py").write_text("import late, os\n", encoding="utf-8")
    (tmp_path / "pkg" / "deep.py").write_text("from . import near\nfrom .absent import y\n", encoding="utf-8")
    several = "import numpy as np, plain", "if True:\n    from one import x as y, z"
    assert found(tmp_path, *several) == {"plain", "one", "late"}
    assert found(tmp_path, "import pkg.near", "from pkg import deep") == {"pkg", "pkg.deep", "pkg.near"}
    assert found(tmp_path, "%matplotlib inline\nimport two  # why", "x = 1") == {"two"}


def test_what_is_no_module_is_left_to_the_run(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder").mkdir()
    assert found(tmp_path, "import bad, folder, absent", "from . import x", "from", "import", "import 3, a-b") == set()
