"""Pages behind the Jupyter server in a real Chromium, below a base URL: MLflow's, an endpoint's, executed notebooks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import lab
import psutil
import pytest
from jupyter_process import TOKEN, jupyter_server, write_notebook
from playwright.sync_api import expect, sync_playwright

from nbprod.config import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(lab.CHROMIUM is None, reason="no Chromium on PATH"),
]
PATH = "sub folder/häuser & co.ipynb"
CODE = """from IPython.display import HTML
from sklearn.linear_model import LinearRegression
import pandas as pd
X = pd.DataFrame({'a': [1.0, 2.0, 3.0]})
model = LinearRegression().fit(X, [2.0 * factor, 4.0 * factor, 6.0 * factor])
error = abs(factor - 2)
HTML('<script>try { document.title = document.cookie } catch { document.title = "apart" }</script>')"""
MLFLOWS_OWN = ("/assistant/", "users/current")
"""What MLflow's pages ask for and its server has not, without anything in between too."""
LONG = 60_000
PICTURES = Path(__file__).parents[2] / "test-results"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    (root / ".git").mkdir()
    notebook = write_notebook(root / PATH, [("parameters", "factor = 1"), ("stage:train", CODE)])
    with pytest.MonkeyPatch.context() as patch:
        # mlflow.set_tracking_uri of a test before this one leaves the variable behind
        for name in ("NBPROD_TRACKING", "NBPROD_HOME", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"):
            patch.delenv(name, raising=False)
        deploy = [sys.executable, "-m", "nbprod", "deploy", notebook.name, "--name=house", "--json"]
        done = subprocess.run(deploy, cwd=notebook.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        with jupyter_server(root, tmp_path_factory.mktemp("home"), PATH) as server:
            yield server
            server.ask("DELETE", "endpoints/house")


@pytest.fixture(scope="module")
def page(server):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(headless=True, args=lab.FLAGS, executable_path=lab.CHROMIUM)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        page = context.new_page()
        page.goto(f"{server.url}login?token={TOKEN}")  # the cookie it sets is what the rest goes by
        yield page
        browser.close()


@pytest.fixture
def run(server):
    """The run that was deployed, once MLflow knows of it."""
    last = time.monotonic() + 90
    while (found := server.ask("GET", "runs")[1]["runs"][0])["mlflow"] is None and time.monotonic() < last:
        time.sleep(0.2)
    return found


def test_mlflow_lists_the_runs_below_the_base_url(server, page, run):
    code, found = server.ask("POST", "mlflow")
    assert (code, found["url"]) == (200, "nbprod/mlflow/sub%20folder/h%C3%A4user%20%26%20co.ipynb/-/")
    faults = []
    page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{server.url}{found['url']}#/experiments/1/runs?workflowType=machine_learning")
    listed = page.get_by_role("link", name=f"häuser & co {run['run'][:4]}")
    expect(listed).to_be_visible(timeout=LONG)
    page.screenshot(path=PICTURES / "mlflow-runs.png")
    page.goto(f"{server.url}{found['url']}{run['mlflow']}")
    expect(page.get_by_role("heading", name=f"häuser & co {run['run'][:4]}")).to_be_visible(timeout=LONG)
    expect(page.get_by_text(run["run"]).first).to_be_visible(timeout=LONG)
    page.screenshot(path=PICTURES / "mlflow-run.png")
    assert [fault for fault in faults if not any(known in fault for known in MLFLOWS_OWN)] == []


def test_the_docs_page_of_an_endpoint_asks_it(server, page):
    faults = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"{server.url}nbprod/endpoint/{PATH}/-/house")
    assert page.url.endswith("/-/house/docs")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#answer")).to_contain_text("predictions", timeout=LONG)
    page.screenshot(path=PICTURES / "endpoint-docs.png")
    page.get_by_role("link", name="openapi.json").click()
    expect(page.locator("body")).to_contain_text("/predict", timeout=LONG)
    assert faults == []


def test_an_executed_notebook_runs_its_scripts_apart_from_jupyter(server, page, run):
    """The output tries to read Jupyter's cookies and to ask its API."""
    page.goto(f"{server.url}nbprod/api/runs/{run['run']}/page/train?path={PATH.replace('&', '%26')}")
    expect(page).to_have_title("apart", timeout=LONG)
    asked = page.evaluate("fetch('../../../../../api/contents').then(answer => answer.status, () => 'refused')")
    assert asked == "refused"
    page.screenshot(path=PICTURES / "stage-page.png")


def test_the_server_itself_imported_no_mlflow(server, page):
    assert {"mlflow", "pandas", "sklearn", "numpy", "nbconvert"} & server.modules() <= {"nbconvert"}


def test_mlflow_ends_with_the_server(server, page):
    assert server.ask("POST", "mlflow")[0] == 200
    home = str(Project.find(server.root / PATH).home)

    def running():
        every = (item.info["cmdline"] or () for item in psutil.process_iter(["cmdline"]))
        return [words for words in every if "nbprod.tracking.ui" in words and any(home in word for word in words)]

    assert len(running()) == 1
    server.stop(signal.SIGKILL)
    last = time.monotonic() + 30
    while running() and time.monotonic() < last:
        time.sleep(0.05)
    assert running() == []
    server.start()
