"""The five-stage pipeline: 200,000 rows of 30 columns, a gradient boosting of 10 iterations; as everybody writes it."""

from __future__ import annotations

import inspect
import textwrap
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

ITERATIONS = 10


@dataclass(frozen=True)
class Stage:
    """One stage: what it imports, takes, leaves and does."""

    name: str
    imports: str
    takes: tuple[str, ...]
    leaves: tuple[str, ...]
    code: str


STAGES = (
    Stage(
        "load",
        "import numpy as np\nimport pandas as pd",
        (),
        ("df",),
        """\
rng = np.random.default_rng(0)
df = pd.DataFrame(rng.normal(size=(200_000, 30)), columns=[f'f{i}' for i in range(30)])
df['y'] = ((df.f0 + df.f1 * df.f2 + rng.normal(size=len(df))) > 0).astype(int)""",
    ),
    Stage("clean", "import pandas as pd", ("df",), ("clean",), "clean = df.clip(-3, 3)\nclean['y'] = df['y']"),
    Stage(
        "features",
        "import pandas as pd\nfrom sklearn.model_selection import train_test_split",
        ("clean",),
        ("X_train", "X_test", "y_train", "y_test"),
        """\
features = clean.drop(columns='y')
features['f01'] = features.f0 * features.f1
features['f12'] = features.f1 * features.f2
X_train, X_test, y_train, y_test = train_test_split(features, clean['y'], random_state=0)""",
    ),
    Stage(
        "train",
        "import pandas as pd\nfrom sklearn.ensemble import HistGradientBoostingClassifier",
        ("X_train", "y_train"),
        ("model",),
        "model = HistGradientBoostingClassifier(max_iter=iterations, random_state=0).fit(X_train, y_train)",
    ),
    Stage(
        "evaluate",
        "import pandas as pd\nfrom sklearn.metrics import roc_auc_score",
        ("model", "X_test", "y_test"),
        (),
        "auc = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])\nprint(auc)",
    ),
)
IMPORTS = "\n".join(dict.fromkeys("\n".join(stage.imports for stage in STAGES).splitlines()))


def ours(folder: Path) -> Path:
    """Write the notebook as a user of nbprod has it."""
    cells: list[tuple[str, dict[str, object]]] = [
        (f"iterations = {ITERATIONS}", {"tags": ["parameters"]}),
        (IMPORTS, {"nbprod": {"role": "setup"}}),
    ]
    for stage in STAGES:
        metrics = {"metrics": ["auc"]} if stage.name == "evaluate" else {}
        cells.append((stage.code, {"nbprod": {"stage": stage.name, **metrics}}))
    path = folder / "five.ipynb"
    write_notebook(path, cells)
    return path


def for_papermill(folder: Path) -> list[Path]:
    """Write five notebooks that hand data over by pickle, as a user of papermill has them."""
    folder.mkdir(exist_ok=True)
    paths = []
    for stage in STAGES:
        parameters = "folder = 'data'" + (f"\niterations = {ITERATIONS}" if stage.name == "train" else "")
        cells: list[tuple[str, dict[str, object]]] = [
            (parameters, {"tags": ["parameters"]}),
            (f"import pickle\nfrom pathlib import Path\n{stage.imports}", {}),
        ]
        if stage.takes:
            cells.append(("\n".join(_read(name) for name in stage.takes), {}))
        cells.append((stage.code, {}))
        if stage.leaves:
            cells.append(("Path(folder).mkdir(exist_ok=True)\n" + "\n".join(map(_write, stage.leaves)), {}))
        paths.append(folder / f"{stage.name}.ipynb")
        write_notebook(paths[-1], cells)
    return paths


def put_aside(written: Path, folder: Path) -> None:
    """Move what was written out of the way: removing it may have a disk busy while the next one writes."""
    if written.exists():
        written.rename(folder / f"aside-{time.monotonic_ns()}")


def _read(name: str) -> str:
    return f"with open(f'{{folder}}/{name}.pkl', 'rb') as file:\n    {name} = pickle.load(file)"


def _write(name: str) -> str:
    return f"with open(f'{{folder}}/{name}.pkl', 'wb') as file:\n    pickle.dump({name}, file, protocol=5)"


def functions(folder: str = "artifacts") -> str:
    """Return Python that defines a function a stage, and `work()`, which calls all and saves all that they return."""
    parts = [IMPORTS, "import pickle, time\nfrom pathlib import Path", f"iterations = {ITERATIONS}"]
    calls = []
    for stage in STAGES:
        body = textwrap.indent(stage.code, "    ")
        result = ", ".join(stage.leaves)
        parts.append(f"def {stage.name}_stage({', '.join(stage.takes)}):\n{body}\n    return {result or 'None'}")
        calls.append(f"{result + ' = ' if result else ''}{stage.name}_stage({', '.join(stage.takes)})")
        calls += [f"save('{name}', {name})" for name in stage.leaves]
    parts.append(
        "def save(name, value):\n"
        "    buffers = []\n"
        "    data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)\n"
        f"    with open(f'{folder}/{{name}}.pkl', 'wb') as file:\n"
        "        file.write(data)\n"
        "    for number, buffer in enumerate(buffers):\n"
        f"        with open(f'{folder}/{{name}}.{{number}}', 'wb') as file:\n"
        "            file.write(buffer.raw())"
    )
    parts.append(inspect.getsource(put_aside))
    parts.append(f"def reset():\n    put_aside(Path('{folder}'), Path())\n    Path('{folder}').mkdir()")
    parts.append("def work():\n" + textwrap.indent("\n".join(calls), "    "))
    return "\n\n".join(parts)
