"""The server as a process: how it starts, says so, refuses, and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from asgi import Client
from model_directory import write_model
from model_fixtures import models as models

import nbprod.serving
from nbprod import deploy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = str(Path(nbprod.serving.__file__).parent)
Started = tuple[subprocess.Popen[str], dict[str, Any]]


@pytest.fixture
def start(models: dict[str, Path], tmp_path: Path) -> Iterator[Callable[..., Started]]:
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, how: tuple[str, ...] = ("-m", "nbprod.serving"), model: str = "careful") -> Started:
        command = [sys.executable, *how, str(models[model]), "--port", "0", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        running.append(process)
        return process, json.loads(process.stdout.readline())

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def test_says_when_it_is_ready_and_ends_in_order(start: Callable[..., Started], tmp_path: Path):
    process, ready = start("--log", str(tmp_path / "log"), "--version", "7")
    assert (ready["event"], ready["pid"], ready["model"], ready["version"]) == ("ready", process.pid, "careful", "7")
    answer = deploy.predict(ready["url"], [{"age": 30, "name": "ann"}])
    assert answer["predictions"] == [3.0]
    process.terminate()
    _, err = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert err == ""
    (line,) = (tmp_path / "log" / "predictions.jsonl").read_text().splitlines()
    assert json.loads(line)["request_id"] == answer["request_id"]


def test_runs_as_a_folder_and_shadows_nobody(start: Callable[..., Started], tmp_path: Path):
    # beside the folder's own modules model.py and schema.py, a model's code may have modules of these names
    _, ready = start(how=(FOLDER,))
    assert deploy.predict(ready["url"], [{"age": 30, "name": "ann"}])["predictions"] == [3.0]
    code = f"import runpy, sys; sys.argv = ['x', '--help']; runpy.run_path({FOLDER!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Serve an nbprod model" in done.stdout, done.stderr


def test_a_request_in_work_is_answered_before_the_end(tmp_path: Path):
    source = (
        "import time\nrows = [{'a': 1}]\n"
        "def predict(row: dict):\n    time.sleep(1 if row['a'] == 2 else 0)\n    return row['a']\n"
    )
    model = write_model(tmp_path / "slow", source, "slow")
    with subprocess.Popen(
        [sys.executable, FOLDER, str(model), "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        url = json.loads(process.stdout.readline())["url"]
        request = urllib.request.Request(
            f"{url}/predict", b'{"rows": [{"a": 2}]}', {"content-type": "application/json"}
        )
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as client:
            client.sendall(
                b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(request.data), request.data)
            )
            # health is answered while the model works
            assert urllib.request.urlopen(f"{url}/livez").status == 200
            process.terminate()
            with client.makefile("rb") as answer:
                assert b'"predictions":[2]' in answer.read()


def test_ends_with_whoever_holds_its_lifeline(models: dict[str, Path]):
    lifeline, held = os.pipe()
    command = [sys.executable, FOLDER, str(models["careful"]), "--port", "0", "--lifeline-fd", str(lifeline)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=[lifeline]) as process:
        assert process.stdout.readline()
        os.close(lifeline)
        os.close(held)
        assert process.wait() == 128 + signal.SIGTERM


def refused(*arguments: str) -> dict[str, str]:
    done = subprocess.run([sys.executable, FOLDER, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found: dict[str, str] = json.loads(done.stderr.splitlines()[-1])
    return found


def test_refusals_are_one_line(models: dict[str, Path], tmp_path: Path):
    assert refused(str(tmp_path), "--port", "0")["code"] == "NB720"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert refused(str(models["careful"]), "--port", port)["code"] == "NB722"


def test_check_prints_the_evidence(models: dict[str, Path]):
    done = subprocess.run(
        [sys.executable, FOLDER, str(models["churn"]), "--check"], capture_output=True, text=True, check=True
    )
    evidence = json.loads(done.stdout)
    assert (evidence["rows"], evidence["equal_rows"], evidence["equal"]) == (400, 400, True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*type hint:UserWarning")  # mlflow, of its own modules
def test_mlflows_own_server_answers_the_same(models: dict[str, Path], start: Callable[..., Started], tmp_path: Path):
    """Every form, sent to MLflow's scoring server and to ours."""
    import mlflow.pyfunc
    from mlflow.pyfunc import scoring_server

    _, ready = start(model="churn")
    sample = json.loads((models["churn"] / "sample.json").read_text())
    complete = [row for row in sample["data"] if None not in row][:20]
    columns = sample["columns"]
    records = [dict(zip(columns, row, strict=True)) for row in complete]
    csv = "\n".join([",".join(columns), *(",".join(map(str, row)) for row in complete)])
    bodies: list[tuple[str, bytes]] = [
        ("application/json", json.dumps({"dataframe_split": {"columns": columns, "data": complete}}).encode()),
        ("application/json", json.dumps({"dataframe_records": records}).encode()),
        ("application/json", json.dumps({"inputs": {c: [row[c] for row in records] for c in columns}}).encode()),
        ("application/json", (models["churn"] / "serving_input_example.json").read_bytes()),
        ("text/csv", csv.encode()),
    ]
    theirs = Client(scoring_server.init(mlflow.pyfunc.load_model(str(models["churn"]))))
    for kind, body in bodies:
        expected = theirs.post("/invocations", body, kind)
        request = urllib.request.Request(f"{ready['url']}/invocations", body, {"content-type": kind})
        with urllib.request.urlopen(request) as response:
            assert json.load(response) == expected.json, body[:80]
