"""What control groups tell, read from files as both versions write them."""

from __future__ import annotations

import pytest

from nbprod.execution import cgroups

EVENTS = "low 0\nhigh 0\nmax 7\noom 1\noom_kill {}\noom_group_kill 0\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


def tree(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


VERSIONS = {
    "2": ("0::/job/one\n", "sys/fs/cgroup/job/one/memory.events", EVENTS),
    "2, in a container": ("0::/host/job/one\n", "sys/fs/cgroup/memory.events", EVENTS),
    "1": ("4:memory:/job/one\n1:cpu:/\n0::/\n", "sys/fs/cgroup/memory/job/one/memory.oom_control", CONTROL),
    "1, in a container": ("4:memory:/host/one\n0::/\n", "sys/fs/cgroup/memory/memory.oom_control", CONTROL),
    "none": ("", "proc/vmstat", "pgfault 12\noom_kill {}\npswpin 0\n"),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_kernel_has_killed(tmp_path, version):
    groups, name, text = VERSIONS[version]
    tree(tmp_path, {"proc/7/cgroup": groups, "proc/vmstat": "oom_kill 5\n", name: text.format(5)})
    memory = cgroups.Memory(7, tmp_path)
    assert not memory.ran_out()
    tree(tmp_path, {name: text.format(6)})
    assert memory.ran_out()
    (tmp_path / name).unlink()
    assert not memory.ran_out()


def test_nobody_counts(tmp_path):
    assert not cgroups.Memory(7, tmp_path).ran_out()
    assert cgroups.limit(7, tmp_path) is None


@pytest.mark.parametrize(
    ("groups", "files", "found"),
    [
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "500\n", "memory.max": "900\n"}, ("a", 500)),
        ("0::/a/b\n", {"a/b/memory.max": "max\n"}, None),
        ("4:cpu,memory:/a\n", {"memory/a/memory.limit_in_bytes": "600\n"}, ("memory/a", 600)),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": f"{2**63 - 4096}\n"}, None),
        ("nonsense", {}, None),
    ],
)
def test_the_nearest_limit(tmp_path, groups, files, found):
    tree(tmp_path, {"proc/self/cgroup": groups, **{f"sys/fs/cgroup/{name}": text for name, text in files.items()}})
    expected = found and (str(tmp_path / "sys/fs/cgroup" / found[0]), found[1])
    assert cgroups.limit("self", tmp_path) == expected
