"""Values of libraries that keep more than their content: found in notebooks by other people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.worker import hashing, snapshot
from nbprod.worker.buffers import Buffers

if TYPE_CHECKING:
    from pathlib import Path


def notebook(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace


def cross(namespace: dict[str, Any], names: list[str], folder: Path) -> tuple[list[list[str]], dict[str, Any]]:
    groups, unstorable = snapshot.save(namespace, names, (), Buffers(str(folder)))
    assert unstorable == {}
    loaded: dict[str, Any] = {"__name__": "__main__"}
    snapshot.load(groups, None, loaded, Buffers(str(folder)))
    return [group["names"] for group in groups], loaded


def test_what_is_fitted_to_loaded_data_has_the_same_digest(tmp_path: Path):
    make = "from sklearn.datasets import load_iris\niris = load_iris()\nX, y = iris.data, iris.target"
    fit = "from sklearn.neighbors import KNeighborsClassifier\nknn = KNeighborsClassifier().fit(X, y)"
    names = ["X", "iris", "y"]
    groups, loaded = cross(notebook(make), names, tmp_path)
    assert groups == [names]
    exec(fit, loaded)
    spaces = (notebook(f"{make}\n{fit}"), loaded)
    digests = [hashing.group_content({name: space[name] for name in (*names, "knn")}) for space in spaces]
    assert digests[0] == digests[1]


def test_what_pandas_keeps_on_a_frame_for_itself_is_not_stored(tmp_path: Path):
    make = "import pandas as pd\ndf = pd.DataFrame({'a': list('xyz')})\ns = df['a']"
    space = notebook(f"{make}\npart = df[df['a'] > 'x']\nt = s.str.upper()")
    groups, loaded = cross(space, ["part", "s"], tmp_path)
    assert sorted(name for names in groups for name in names) == ["part", "s"]
    assert hashing.content(loaded["s"]) == hashing.content(space["s"]) == hashing.content(notebook(make)["s"])
