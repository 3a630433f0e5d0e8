"""Long work besides runs: deployments, verifications, sweeps; and all that changes by itself, in one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.core.errors import UsageError
from nbprod.interfaces.server import operations, paths
from nbprod.interfaces.server.calls import endpoints, runs
from nbprod.interfaces.server.calls.common import chosen, parameters, word
from nbprod.interfaces.server.calls.common import operation as process

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.interfaces.server.asked import Asked
    from nbprod.interfaces.server.operation import Operation

SHOWN = 20
"""How many runs the panel shows."""


def state(asked: Asked) -> dict[str, Any]:
    """Return runs, endpoints and the newest operation of the notebook, found by their files."""
    last = operations.newest(asked.notebook)
    return {
        "runs": runs.newest(asked, SHOWN),
        "endpoints": endpoints.of(asked),
        "operation": None if last is None else _shown(asked, last),
    }


def deploy(asked: Asked) -> dict[str, Any]:
    """Start `nbprod deploy`; returns the operation to follow."""
    target, known = asked.given["target"], [item["name"] for item in api.targets(asked.notebook)]
    if target not in known:
        raise UsageError("NB930", f"there is no target {target!r}", f"targets: {', '.join(known)}")
    options = chosen(asked.given, "target", "model", "name")
    return _begin(asked, operations.new("deploy", asked.notebook), [*parameters(asked.given["parameters"]), *options])


def build(asked: Asked) -> dict[str, Any]:
    """Start `nbprod build`; returns the operation to follow."""
    options = [*parameters(asked.given["parameters"]), *chosen(asked.given, "model", "tag")]
    return _begin(asked, operations.new("build", asked.notebook), options)


def verify(asked: Asked) -> dict[str, Any]:
    """Start `nbprod verify`, which writes a page as well; returns the operation to follow."""
    new = operations.new("verify", asked.notebook)
    return _begin(asked, new, [*parameters(asked.given["parameters"]), "--yes", f"--html={new.report}"])


def sweep(asked: Asked) -> dict[str, Any]:
    """Start `nbprod sweep`; returns the operation to follow, of which the result grows trial by trial."""
    grid, metric = asked.given["grid"], asked.given["metric"]
    if not grid or not all(isinstance(values, str) for values in grid.values()):
        raise UsageError("NB930", "grid must name parameters and their values", 'send {"grid": {"n": "1,2,3"}}')
    new = operations.new("sweep", asked.notebook)
    options = [f"--metric={metric}", f"--sweep-id={new.id}", *(["--maximize"] if asked.given["maximize"] else [])]
    options += chosen(asked.given, "search", "trials")
    options += [f"--seed={asked.given['seed']}"] if asked.given["seed"] is not None else []
    fixed = parameters(asked.given["parameters"], "--with")
    return _begin(asked, new, [*parameters(grid), *fixed, *options])


def rollback(asked: Asked) -> dict[str, Any]:
    """Start `nbprod rollback`; returns the operation to follow."""
    version = asked.given["version"]
    command = ["rollback", asked.names["name"], *([f"--to={version}"] if version else [])]
    return asked.follow(operations.begin(operations.new("deploy", asked.notebook), command)).as_json()


def operation(asked: Asked) -> dict[str, Any]:
    """Return long work as far as it got."""
    return _shown(asked, process(asked, asked.names["operation"]))


def stop(asked: Asked) -> dict[str, Any]:
    """Interrupt long work; what has finished stays."""
    found = process(asked, asked.names["operation"])
    found.stop()
    asked.emit("operation", found.id)
    return {"operation": found.id}


def report(asked: Asked) -> Path:
    """Return the page that an operation wrote for people."""
    found = process(asked, asked.names["operation"])
    return paths.kept(found.home, found.report, f"report of operation {found.id}")


def _begin(asked: Asked, operation: Operation, options: list[str]) -> dict[str, Any]:
    command = [operation.kind, word(asked.notebook.name), *options]
    return asked.follow(operations.begin(operation, command)).as_json()


def _shown(asked: Asked, operation: Operation) -> dict[str, Any]:
    shown = operation.as_json()
    if shown["state"] == "running":
        asked.follow(operation)
    return shown
