"""The files and messages that cross between the driver and the notebook's own interpreter.

JSON throughout. This module is read by both sides, so it knows the standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from . import FORMAT

if TYPE_CHECKING:
    from typing import NotRequired  # Python 3.11; the notebook may have an older one


class StepSpec(TypedDict):
    """A piece of source to execute; see `nbprod.core.pipeline.Step`. without `notebook`, the stage's own."""

    kind: str
    cell: int
    cell_id: str
    source: str
    first_line: int
    notebook: NotRequired[str]
    order: NotRequired[int]
    argv: NotRequired[list[str]]
    tolerant: NotRequired[bool]


class InputSpec(TypedDict):
    """Names to bind from the snapshot whose manifest is at `manifest`."""

    stage: str
    manifest: str
    names: list[str]


class MlflowSpec(TypedDict):
    """Where the user's own MLflow calls land."""

    tracking_uri: str
    run_id: str
    experiment: str


class StageSpec(TypedDict):
    """All that a worker needs to execute one stage; paths are absolute.

    `literals` are the parameters that nothing binds again, so that every stage makes them anew; `made` is the source of
    what its own cells define and other stages make anew.
    `alone` stages that are fused to save time see what they would see in a process of their own; `later` are names that
    stages after this one read.
    For `verify`, `digests` are names of definitions and parameters whose content the manifest shall tell, and
    `everything` has all names stored, whether they are known to change or not.
    """

    format: int
    run: str
    notebook: str
    stage: str
    steps: list[StepSpec]
    parameters: dict[str, str]
    inputs: list[InputSpec]
    state: list[str]
    references: list[str]
    outputs: list[str]
    patches: list[str]
    metrics: list[str]
    buffers: str
    manifest: str
    cwd: str
    mlflow: MlflowSpec | None
    model: dict[str, Any] | None
    repeats: NotRequired[list[str]]
    modules: NotRequired[list[str]]
    digests: NotRequired[list[str]]
    everything: NotRequired[bool]
    literals: NotRequired[list[str]]
    made: NotRequired[list[str]]
    alone: NotRequired[bool]
    later: NotRequired[list[str]]


EMPTY: StageSpec = {
    "format": FORMAT,
    "run": "",
    "notebook": "",
    "stage": "",
    "steps": [],
    "parameters": {},
    "inputs": [],
    "state": [],
    "references": [],
    "outputs": [],
    "patches": [],
    "metrics": [],
    "buffers": "",
    "manifest": "",
    "cwd": "",
    "mlflow": None,
    "model": None,
}
"""A stage that does nothing: what those begin with who only have cells to execute."""


class ModelSpec(TypedDict):
    """All that a worker needs to write a model directory; see `worker/model.py`.

    `stage` builds the namespace: the serve pseudo-stage's steps, or just the replays the model needs, and its inputs.
    `kind` is `estimator` or `function` (the serve cell's `predict`). `names` may hold the model, `samples` may hold
    example rows, both in order of preference. `path` is the directory to write, `name` the model's name.
    """

    stage: StageSpec
    kind: str
    names: list[str]
    samples: list[str]
    path: str
    name: str
    run: str
    notebook: str


class Group(TypedDict):
    """An alias group: names whose object graphs share a mutable object, stored as one skeleton over buffers.

    `content` is the canonical hash of type and content, never of the pickle's bytes. `references` are the notebook's
    own definitions the skeleton refers to by name. `needs` are names its functions read as globals. `disordered` is the
    size of the largest set in it that comes back in another order, 0 without such.
    """

    names: list[str]
    content: str
    skeleton: str
    buffers: list[str]
    bytes: int
    references: list[str]
    needs: list[str]
    disordered: int


class Side(TypedDict):
    """One side of a comparison: stored groups, and where their buffers are."""

    buffers: str
    groups: list[Group]


class Comparison(TypedDict):
    """Two sides to compare; `stage` makes the definitions that their values refer to."""

    stage: StageSpec
    left: Side
    right: Side
    names: list[str]


class Verdict(TypedDict):
    """A value that differs: where first, either side in a line and at length, its type, what kind of difference it is.

    `reason` is `aliases`, `order`, `type`, `unknown` or empty.
    """

    name: str
    where: str
    left: str
    right: str
    type: str
    reason: str
    shown: list[str]


class Unstorable(TypedDict):
    """Why a name alive at the end of a stage could not be stored."""

    type: str
    reason: str


class Observed(TypedDict):
    """What a stage was seen to depend on, and to leave: file path → digest (None: it did not exist), and so on."""

    files_read: dict[str, str | None]
    files_written: dict[str, str | None]
    environment: dict[str, str | None]
    modules: dict[str, str | None]
    distributions: dict[str, str]
    volatile: list[str]


class Manifest(TypedDict):
    """A snapshot: what a stage left behind. `state` is the group-like record of state outside variables.

    `seconds` is what all of the stage took, `timing` what of it went to `load`, `cells` and `store`.
    """

    format: int
    stage: str
    groups: list[Group]
    unstorable: dict[str, Unstorable]
    deleted: list[str]
    unchanged: list[str]
    state: dict[str, Any]
    metrics: dict[str, float]
    observed: Observed
    seconds: float
    timing: dict[str, float]
    python: str
    digests: NotRequired[dict[str, list[str]]]
