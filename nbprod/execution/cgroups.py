"""Control groups of Linux: whether the kernel killed for want of memory, and which limit a process is under.

Both versions are read: in version 2 the file `memory.events` of the group, in version 1 `memory.oom_control`. Where
neither counts, `/proc/vmstat` tells of the whole machine.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path

ROOT = Path("/")
MOUNTS = {"": ("sys/fs/cgroup", "sys/fs/cgroup/unified"), "memory": ("sys/fs/cgroup/memory",)}
"""Where the hierarchies are mounted: version 2 has no name, of version 1 only that of memory matters."""
COUNTERS = ("memory.events", "memory.oom_control")
LIMITS = ("memory.max", "memory.limit_in_bytes")
UNLIMITED = 1 << 60
"""Version 1 says that there is no limit with a number near 2**63."""


class Memory:
    """Sees whether the kernel kills for want of memory in the group of a process, from now on.

    Parameters
    ----------
    pid
        The process.
    root
        Where `proc` and `sys` are.
    """

    def __init__(self, pid: int, root: Path = ROOT) -> None:
        self._folders = _groups(pid, root)
        files = [folder / name for folder in self._folders for name in COUNTERS]
        counts = ((file, _kills(file)) for file in (*files, root / "proc/vmstat"))
        self._before = next(((file, count) for file, count in counts if count is not None), None)

    @cached_property
    def limit(self) -> int | None:
        """The limit of the group, in bytes."""
        found = _nearest(self._folders)
        return found[1] if found else None

    def ran_out(self) -> bool:
        """Whether the kernel has killed."""
        return self._before is not None and (_kills(self._before[0]) or 0) > self._before[1]


def limit(pid: int | str = "self", root: Path = ROOT) -> tuple[str, int] | None:
    """Return the nearest group above a process that limits its memory, and the limit in bytes; None without one."""
    return _nearest(_groups(pid, root))


def _nearest(folders: list[Path]) -> tuple[str, int] | None:
    for folder in folders:
        for group in (folder, *(parent for parent in folder.parents if "cgroup" in parent.parts)):
            found = _limit(group)
            if found is not None:
                return str(group), found
    return None


def _groups(pid: int | str, root: Path) -> list[Path]:
    """Return the folders of a process's groups that may count memory; a container is told the host's path to them."""
    found: list[Path] = []
    with suppress(OSError, ValueError):
        for line in (root / f"proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace").splitlines():
            _, controllers, path = line.split(":", 2)
            for mount in (root / mount for name in controllers.split(",") for mount in MOUNTS.get(name, ())):
                found += [mount / path.lstrip("/"), mount]
    return [folder for folder in found if folder.is_dir()]


def _kills(file: Path) -> int | None:
    with suppress(OSError, ValueError):
        for line in file.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return None


def _limit(folder: Path) -> int | None:
    for name in LIMITS:
        with suppress(OSError, ValueError):  # "max" is no number
            value = int((folder / name).read_text(encoding="ascii"))
            if value < UNLIMITED:
                return value
    return None
