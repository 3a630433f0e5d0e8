"""`python <this folder>`: runs stages in this interpreter for a driver at the other end of two pipes.

`python <this folder> zygote …` forks such processes, see `zygote`.

nbprod need not be installed here, so the folder loads itself under the name `nbprod_worker`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

NAME = "nbprod_worker"


def bootstrap() -> None:
    """Make this folder importable as `nbprod_worker`, and nothing in it under a name of its own."""
    folder = Path(__file__).resolve().parent
    # A user's `import shell` must never find ours; "" is the notebook's folder, after Python's own as in a kernel.
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry).resolve() != folder]
    sites = [at for at, entry in enumerate(sys.path) if Path(entry).name in ("site-packages", "dist-packages")]
    sys.path.insert(sites[0] if sites else 0, "")
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    bootstrap()
    if sys.argv[1:2] == ["zygote"]:
        importlib.import_module(f"{NAME}.zygote").main(*sys.argv[2:])
    else:
        importlib.import_module(f"{NAME}.loop").main()
