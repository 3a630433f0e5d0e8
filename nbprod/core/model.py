"""Model, image and endpoint: what leaves the notebook."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Model:
    """A local MLflow-format model directory; `version` and `uri` are None until it is registered."""

    name: str
    path: str
    version: str | None = None
    uri: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the `model` object of `run --json`."""
        return {"name": self.name, "path": self.path, "version": self.version, "uri": self.uri}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image; `kind` is `base`, `dependencies`, `runtime` or `model`; `bytes` compressed."""

    kind: str
    digest: str
    bytes: int
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """An OCI image of a model, and the evidence that it answers as the notebook did."""

    image: str
    digest: str
    bytes: int
    layers: tuple[Layer, ...] = ()
    predictor: str = "original"
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A deployed model. `state` is `starting`, `healthy`, `unhealthy` or `stopped`; `detail` belongs to the target."""

    endpoint: str
    url: str
    target: str
    model: str
    version: str | None = None
    state: str = "healthy"
    since: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
