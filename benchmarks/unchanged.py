"""Nothing changed: the whole command, against `ploomber build` and `metaflow resume` with nothing to do."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import five
import peers
from harness import Row, alone, command, interleaved, nbprod, project, python, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

METAFLOW = {"METAFLOW_USER": "bench", "METAFLOW_DEFAULT_DATASTORE": "local", "METAFLOW_DEFAULT_METADATA": "local"}


def results(rounds: int = 5) -> Iterator[Row]:
    """Yield the rows."""
    with project() as folder:
        notebook = five.ours(folder)
        nbprod("run", notebook.name, cwd=folder)
        settled(folder)
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: nbprod("run", notebook.name, cwd=folder),
            "python": lambda: python("-c", "pass", cwd=folder),
        }
        if (binaries := peers.home("ploomber")) is not None:
            ways["ploomber"] = _ploomber(folder / "ploomber", binaries)
        if (binaries := peers.home("metaflow")) is not None:
            ways["metaflow"] = _metaflow(folder / "metaflow", binaries)
        found = interleaved(ways, rounds, lambda: settled(folder))
    yield Row("nothing changed: nbprod run", found["ours"] * 1000, limit=100, unit="ms", note="with MLflow's journal")
    for name, verb, bar in (("ploomber", "ploomber build", 30), ("metaflow", "metaflow resume", 5)):
        note = "" if name in found else "could not be installed"
        yield Row("nothing changed: nbprod run", found["ours"], verb, found.get(name), bar, note=note)
    yield Row("nothing changed: nbprod run", found["ours"], "python -c pass", found["python"], at_most=True)


def _ploomber(folder: Path, binaries: Path) -> Callable[[], None]:
    """Write the pipeline as percent scripts that hand data over by pickle, build it once, return what builds again."""
    folder.mkdir()
    tasks = ["tasks:"]
    origin = {name: stage.name for stage in five.STAGES for name in stage.leaves}
    for stage in five.STAGES:
        upstream = list(dict.fromkeys(origin[name] for name in stage.takes))
        lines = ["# %% tags=['parameters']".replace("'", '"'), f"upstream = {upstream or None}", "product = None", ""]
        lines += ["# %%", "import pickle", stage.imports, f"iterations = {five.ITERATIONS}"]
        for name in stage.takes:
            lines.append(
                f"with open(upstream['{origin[name]}']['{name}'], 'rb') as file:\n    {name} = pickle.load(file)"
            )
        lines += ["", "# %%", stage.code]
        for name in stage.leaves:
            lines.append(f"with open(product['{name}'], 'wb') as file:\n    pickle.dump({name}, file, protocol=5)")
        (folder / f"{stage.name}.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
        tasks += [f"  - source: {stage.name}.py", f"    name: {stage.name}", "    product:"]
        tasks += [f"      nb: output/{stage.name}.ipynb"]
        tasks += [f"      {name}: output/{name}.pkl" for name in stage.leaves]
    (folder / "pipeline.yaml").write_text("\n".join(tasks) + "\n", encoding="utf-8")
    path = f"{binaries}:/usr/bin:/bin"

    def build() -> None:
        command(binaries / "ploomber", "build", cwd=folder, PLOOMBER_STATS_ENABLED="false", PATH=path)

    build()
    return build


def _metaflow(folder: Path, binaries: Path) -> Callable[[], None]:
    """Write the pipeline as a flow, run it once, return what resumes it."""
    folder.mkdir()
    parts = [five.IMPORTS, "from metaflow import FlowSpec, step", "", "class Five(FlowSpec):"]
    names = ["start", *(f"make_{stage.name}" for stage in five.STAGES), "end"]
    for at, name in enumerate(names):
        stage = next((item for item in five.STAGES if f"make_{item.name}" == name), None)
        lines = [f"iterations = {five.ITERATIONS}"]
        if stage is not None:
            lines += [f"{item} = self.{item}" for item in stage.takes]
            lines += stage.code.splitlines()
            lines += [f"self.{item} = {item}" for item in stage.leaves]
        lines += [f"self.next(self.{names[at + 1]})"] if name != "end" else []
        parts += ["    @step", f"    def {name}(self):", textwrap.indent("\n".join(lines), "        "), ""]
    parts += ["if __name__ == '__main__':", "    Five()"]
    (folder / "flow.py").write_text("\n".join(parts) + "\n", encoding="utf-8")

    def flow(verb: str) -> None:
        command(binaries / "python", "flow.py", "--quiet", "--no-pylint", verb, cwd=folder, **METAFLOW)

    flow("run")
    return lambda: flow("resume")


if __name__ == "__main__":
    alone(results)
