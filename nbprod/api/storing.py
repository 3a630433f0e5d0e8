"""The store: what is in it, whether it is whole, and what may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.config import Project
from nbprod.core.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from nbprod.api.notebook import Source
    from nbprod.core.run import Run


def store_stats(path: Source = ".") -> dict[str, Any]:
    """Return what the store of a project holds: for each kind the count, the bytes, and what nothing refers to."""
    from nbprod.store import upkeep

    project = Project.find(path)
    return {**upkeep.stats(project.home), "limit": store_limit(project)}


def store_verify(path: Source = ".") -> dict[str, Any]:
    """Hash all that the store holds, and remove what is damaged: `checked`, `bytes`, `damaged`, `missing`."""
    from nbprod.store import verifying

    return vars(verifying.verify(Project.find(path).home))


def store_gc(
    path: Source = ".",
    *,
    keep_last: int | None = None,
    older_than: str | float | None = None,
    max_size: str | int | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Remove snapshots that are not needed any more, and the buffers that nothing refers to.

    Parameters
    ----------
    path
        A folder of the project.
    keep_last, older_than
        Snapshots go that neither the last so many runs of their notebook used nor anything within that time (`30d`).
        Without any of the three, what the last 20 runs used stays.
    max_size
        After that, the least recently used go until buffers and manifests take no more than this (`20GB`).
    dry_run
        Only tell.

    Returns
    -------
    dict
        `snapshots` removed, how many `buffers`, the `bytes` freed, the bytes `left`, and `dry_run`.
    """
    from dataclasses import asdict

    from nbprod import notebooks
    from nbprod.store import upkeep

    project = Project.find(path)
    age = _parsed(notebooks.parse_duration, older_than, "--older-than", "30d, 12h or seconds")
    limit = _parsed(notebooks.parse_size, max_size, "--max-size", "20GB, 500MB or bytes")
    if keep_last is None and age is None and limit is None:
        keep_last, limit = upkeep.KEEP_LAST, store_limit(project)
    removed = upkeep.gc(project.home, upkeep.Rules(keep_last, age, limit), dry_run=dry_run)
    return {**asdict(removed), "dry_run": dry_run}


def store_limit(project: Project) -> int | None:
    """Return the `store_limit` of a project in bytes, None without one."""
    from nbprod import notebooks

    asked = project.settings.get("store_limit")
    if asked is None:
        return None
    try:
        return notebooks.parse_size(asked)
    except (TypeError, ValueError):
        raise ConfigError("NB909", f"store_limit = {asked!r} is no size", 'store_limit = "20GB"') from None


def elsewhere(project: Project) -> str | None:
    """Return the `store` of a project, a URL or a folder that is relative to the project; None without one."""
    asked = project.settings.get("store")
    return asked if not asked or "://" in str(asked) else str(project.root / asked)


def keep_within_limit(project: Project, finished: Run) -> str | None:
    """Hold the store to its limit after a run that wrote something; returns what there is to tell."""
    from nbprod.core.run import StageStatus

    limit = store_limit(project)
    if limit is None or all(stage.status is not StageStatus.SUCCEEDED for stage in finished.stages):
        return None
    from nbprod.store import upkeep

    removed = upkeep.within(project.home, limit)
    if removed is None or removed.left <= limit:
        return None
    return f"the store is bigger than store_limit: nothing more in it can go; {_megabytes(removed.left)} are in use"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _parsed(parse: Any, value: Any, option: str, forms: str) -> Any:
    if value is None:
        return None
    try:
        return parse(value)
    except (TypeError, ValueError):
        raise UsageError("NB909", f"{option} {value} cannot be understood", f"{option} takes {forms}") from None
