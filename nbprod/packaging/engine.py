"""Building with a Docker engine, and the evidence that the image answers as the notebook did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import PackagingError
from nbprod.core.model import Image, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

KINDS = {"COPY site": "dependencies", "COPY runtime": "runtime", "COPY model": "model"}


def build(engine: Any, folder: Path, name: str, progress: Callable[[str], None]) -> Image:
    """Build the context, try the image, and return it; raises `PackagingError`."""
    import docker

    try:
        stream = engine.api.build(path=str(folder), tag=name, decode=True, rm=True, forcerm=True)
        reused = _follow(stream, progress)
        progress("asking the image for the recorded rows")
        evidence = _evidence(engine, name)
        built = engine.images.get(name)
    except docker.errors.DockerException as error:
        reason = getattr(error, "explanation", None) or error
        raise PackagingError("NB743", f"the engine failed: {reason}", "see the engine's log") from error
    if evidence["rows"] and not evidence["equal"]:
        unequal = evidence["rows"] - evidence["equal_rows"]
        message = f"the image answers differently from the notebook on {unequal} rows: {evidence['first_unequal']}"
        raise PackagingError("NB744", message, "let the model depend on its inputs only")
    return Image(name, built.id, built.attrs["Size"], _layers(built, reused), "original", evidence)


def architecture(engine: Any) -> str:
    """Return the architecture images of this engine have."""
    return str(engine.version()["Arch"])


def _follow(stream: Iterable[dict[str, Any]], progress: Callable[[str], None]) -> set[str]:
    """Pass the engine's messages on; return the kinds of layers that it had already."""
    step, last = "", list[str]()
    reused: set[str] = set()
    for message in stream:
        if "error" in message:
            said = "\n    ".join([*last[-5:], message["error"].strip()])
            raise PackagingError(
                "NB743", f"the image cannot be built:\n    {said}", "see --base, or build the Dockerfile"
            )
        line = message.get("stream", "").strip()
        if line.startswith("Step "):
            step = line.partition(" : ")[2]
            progress(step)
        elif line.endswith("Using cache"):
            reused |= {kind for start, kind in KINDS.items() if step.startswith(start)}
        elif line:
            last.append(line)
    return reused


def _evidence(engine: Any, name: str) -> dict[str, Any]:
    """Replay the recorded rows in a container as locked down as a deployed one."""
    container = engine.containers.create(
        name,
        ["--check"],
        network_disabled=True,
        read_only=True,
        tmpfs={"/tmp": ""},  # noqa: S108 (the container's own)
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        healthcheck={"test": ["NONE"]},
    )
    try:
        container.start()
        status = container.wait()["StatusCode"]
        said = container.logs(stdout=True, stderr=False).decode("utf-8", "replace")
        why = container.logs(stdout=False, stderr=True, tail=12).decode("utf-8", "replace").strip()
    finally:
        container.remove(force=True)
    try:
        evidence: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise PackagingError(
            "NB745", f"the image cannot answer (exit {status}):\n    {why}", "see --base: it needs the model's Python"
        ) from error
    return evidence


def _layers(built: Any, reused: set[str]) -> tuple[Layer, ...]:
    """Return the layers; `bytes` are the engine's own, unpacked: it knows no other."""
    digests = built.attrs["RootFS"]["Layers"]
    sizes = [entry["Size"] for entry in reversed(built.history()) if entry["Size"]]
    if len(sizes) != len(digests):
        sizes = [0] * (len(digests) - len(KINDS)) + sizes[-len(KINDS) :]
    kinds = ["base"] * (len(digests) - len(KINDS)) + list(KINDS.values())
    found = zip(kinds, digests, sizes, strict=True)
    return tuple(Layer(kind, digest, size, kind == "base" or kind in reused) for kind, digest, size in found)
