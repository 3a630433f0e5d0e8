"""The pipeline: frames, arrays, a set, chance, files, a value that cannot be stored, and a branch beside it all."""

from __future__ import annotations

import json
from pathlib import Path

PAUSE = """
def pause(name):
    for part in range(4):
        print(name, part, flush=True)
        time.sleep(0.01)
"""
SETUP = f"import json, random, time\nfrom pathlib import Path\nimport numpy as np\nimport pandas as pd\n{PAUSE}"
LOAD = """
np.random.seed(seed)
random.seed(seed)
labels = {"north", "south", "east", "west"}
frame = pd.DataFrame({"a": np.random.rand(rows), "label": [random.choice(sorted(labels)) for _ in range(rows)]})
Path("log.txt").write_text("load\\n")
pause("load")
frame.to_csv("raw.csv", index=False)
"""
CLEAN = """
table = pd.read_csv("raw.csv")
table["b"] = table["a"] * 2 + np.random.rand(len(table))
view = table
with open("log.txt", "a") as log:
    log.write("clean begins\\n")
pause("clean")
with open("log.txt", "a") as log:
    log.write("clean ends\\n")
with open("clean.csv", "w") as file:
    for line in table.to_csv(index=False).splitlines():
        file.write(line + "\\n")
"""
SIDE = """
order = list(labels)
pause("side")
counts = frame.groupby("label").size()
weights = np.linspace(0, 1, 200_000) * rows
"""
FEED = """
chunks = (part for part in np.array_split(view["b"].to_numpy(), 5))
first = float(next(chunks).sum())
pause("feed")
"""
FIT = """
rest = [float(part.sum()) for part in chunks]
draw = random.random()
pause("fit")
"""
REPORT = """
lines = Path("clean.csv").read_text().count("\\n")
score = (first + sum(rest)) / lines + draw + float(weights.mean()) + np.random.rand()
with open("log.txt", "a") as log:
    log.write("report\\n")
pause("report")
Path("report.json").write_text(json.dumps({"score": score, "order": order, "counts": counts.to_dict()}))
counts
"""
STAGES = {"load": LOAD, "clean": CLEAN, "side": SIDE, "feed": FEED, "fit": FIT, "report": REPORT}
VALUES = ["labels", "frame", "table", "view", "order", "counts", "weights", "first", "rest", "draw", "lines", "score"]
FILES = ("raw.csv", "clean.csv", "report.json", "log.txt")


def write(path: Path) -> Path:
    """Write the notebook."""
    sources = [
        ({"tags": ["parameters"]}, "rows = 300\nseed = 7"),
        ({"nbprod": {"role": "setup"}}, SETUP),
        *(({"nbprod": {"stage": name}}, source.strip()) for name, source in STAGES.items()),
    ]
    sources[-1][0]["nbprod"]["metrics"] = ["score"]  # type: ignore[index]  # a dict of dicts
    cells = [
        {
            "cell_type": "code",
            "id": f"c{at}",
            "metadata": metadata,
            "source": source.splitlines(keepends=True),
            "execution_count": None,
            "outputs": [],
        }
        for at, (metadata, source) in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path
