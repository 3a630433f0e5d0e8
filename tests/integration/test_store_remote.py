"""Two machines on one bucket: the second reuses what the first one left, and fetches only what it reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import nbprod
from nbprod import api
from nbprod.core.run import RunOptions
from nbprod.interfaces import cli

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

CELLS = [
    ("parameters", "n = 1"),
    (
        "stage:load",
        "import numpy as np\nrng = np.random.default_rng(0)\nrows = rng.normal(size=40_000)\nunread = np.arange(50_000)\n"
        "open('out.txt', 'w').write('written by load')",
    ),
    ("stage:scale", "scaled = rows * n"),
    ("stage:sum", "total = float(scaled.sum())"),
]


@pytest.fixture(scope="module")
def server():
    running = moto_server.ThreadedMotoServer(port=0)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server, monkeypatch, request):
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    name = request.node.name.replace("_", "-").lower()[:60]
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    yield name
    client.close()


@pytest.fixture
def machines(tmp_path, make_notebook):
    """Two folders with the same notebook."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        (folder / ".nbprod").mkdir(parents=True)
        make_notebook(folder / "nb.ipynb", CELLS)
    return folders


def run(folder: Path, bucket: str, **parameters) -> nbprod.Run:
    options = RunOptions(store=f"s3://{bucket}/team/churn")
    return nbprod.run(folder / "nb.ipynb", parameters, options=options)


def statuses(finished: nbprod.Run) -> list[str]:
    return [str(stage.status) for stage in finished.stages]


def keys(bucket: str) -> list[str]:
    client = boto3.client("s3")
    found = client.list_objects_v2(Bucket=bucket).get("Contents", ())
    client.close()
    return [item["Key"] for item in found]


def buffers(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / ".nbprod" / "buffers").rglob("*") if path.is_file())


def test_a_second_machine_reuses_all_and_fetches_what_it_reads(bucket, machines):
    one, two = machines
    first = run(one, bucket)
    assert (statuses(first), first.notes) == (["succeeded"] * 3, ())
    assert len([key for key in keys(bucket) if key.startswith("team/churn/snapshots/")]) == 3
    again = run(two, bucket)
    assert (statuses(again), again.notes) == (["cached"] * 3, ())
    assert (two / "out.txt").read_text() == "written by load"
    assert buffers(two) < 10_000, "nothing was read but the file that load writes"
    assert again["total"] == first["total"]
    assert buffers(two) < 10_000, "a small value"
    changed = run(two, bucket, n=2)
    assert statuses(changed) == ["cached", "succeeded", "succeeded"]
    assert changed["total"] == pytest.approx(2 * first["total"])
    assert 640_000 < buffers(two) < 700_000, "rows were fetched, scaled was made, unread stayed where it is"
    assert list(changed["unread"][:3]) == [0, 1, 2]
    assert buffers(two) > 1_000_000
    assert statuses(run(one, bucket, n=2)) == ["cached"] * 3, "and the first takes what the second one made"


def test_what_somebody_removed_or_damaged_there_is_made_again(bucket, machines):
    one, two = machines
    run(one, bucket)
    client = boto3.client("s3")
    for key in keys(bucket):
        if "/buffers/" in key:
            client.put_object(Bucket=bucket, Key=key, Body=b"damaged")
    (two / "out.txt").write_text("written by load")
    with pytest.raises(nbprod.StoreError, match="what stage load left is damaged or gone") as caught:
        run(two, bucket, n=3)
    assert caught.value.code == "NB632"
    assert statuses(run(two, bucket, n=3)) == ["succeeded"] * 3
    shutil.rmtree(one / ".nbprod")
    (one / ".nbprod").mkdir()
    assert statuses(run(one, bucket, n=3)) == ["cached"] * 3
    for key in keys(bucket):
        client.delete_object(Bucket=bucket, Key=key)
    client.close()


def test_a_store_that_cannot_be_reached(bucket, machines, monkeypatch, capsys):
    one, _ = machines
    (one / "pyproject.toml").write_text(
        f'[tool.nbprod]\nstore = "s3://{bucket}-2"\n[tool.nbprod.profile.other]\nstore = "s3://{bucket}"\n'
    )
    finished = nbprod.run(one / "nb.ipynb")
    assert statuses(finished) == ["succeeded"] * 3
    assert "what stages left was not pushed: the store s3://" in finished.notes[-1]
    assert keys(bucket) == []
    assert nbprod.run(one / "nb.ipynb", options=RunOptions(), profile="other").notes == ()
    assert len(keys(bucket)) > 3, "what was made before is pushed where it is missing"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    capsys.readouterr()
    code = cli.run(["run", str(one / "nb.ipynb"), "-p", "n=7", "--json"])
    error = json.loads(capsys.readouterr().out)["error"]
    assert (code, error["code"]) == (3, "NB631")


def test_values_and_the_model_step_fetch_what_they_need(bucket, machines, make_notebook):
    cells = [
        (
            "stage:data",
            "import pandas as pd\nX = pd.DataFrame({'a': [0.0, 1, 2, 3] * 50})\ny = (X['a'] > 1).astype(int)",
        ),
        ("stage:fit", "from sklearn.linear_model import LogisticRegression\nmodel = LogisticRegression().fit(X, y)"),
    ]
    for folder in machines:
        make_notebook(folder / "nb.ipynb", cells)
    one, two = machines
    first = run(one, bucket)
    second = run(two, bucket)
    assert statuses(second) == ["cached"] * 2
    assert second.model is not None
    assert Path(second.model.path).is_relative_to(two)
    assert (second["model"].predict(second["X"]) == first["model"].predict(first["X"])).all()
    assert api.show(second.id, two).stage("data")["y"].sum() == 100
