"""Views in a real kernel: live while work goes on, plain HTML in the saved notebook and in its export."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from kernel_notebook import WIDGET, execute, exported, html, shown

from nbprod import api, deploy
from nbprod.config import Project

PRICE = [
    ("parameters", "factor = 2  # how much <more>"),
    ("stage:load", "rows = [{'age': 30}, {'age': 40}]"),
    ("stage:fit", "weight = factor * 1.0\nscore = weight", {"metrics": ["score"], "gates": ["score > 1"]}),
    ("serve", "def predict(row: dict):\n    return row['age'] * weight"),
]


@pytest.fixture
def price(project, make_notebook):
    yield make_notebook(project / "price.ipynb", PRICE)
    for item in api.endpoints(project):
        deploy.stop(Project.find(project), item.endpoint)


def picture(text: str) -> str:
    """Return the picture in HTML, as words."""
    (svg,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))


def test_a_run_is_drawn_live_and_stays_as_plain_html(project, monkeypatch):
    cells = [
        "%load_ext nbprod",
        "%%mlops parameters\nn = 4",
        "%%mlops stage load\nvalues = list(range(n))",
        "%%mlops stage total --metric total\nimport time\ntime.sleep(1.5)\ntotal = sum(values)",
        "%mlops run -p n=5",
        "%mlops show",
    ]
    notebook, drawn = execute(project / "work.ipynb", cells, monkeypatch)
    run, show = notebook.cells[4], notebook.cells[5]
    assert [output.output_type for output in run.outputs] == ["display_data", "stream"]
    assert set(run.outputs[0]["data"]) == {"text/html", "text/plain"}
    assert "widgets" not in notebook.metadata
    (text,) = html(run)
    assert re.fullmatch(r"load ✓ done \S+ s values total ✓ done \S+ s total 10", picture(text))
    assert "<b>10</b>" in text
    assert "n=5" in text
    assert "✓ done" in run.outputs[0]["data"]["text/plain"]
    live = [picture(text) for text in drawn if "◐ running total" in text]
    assert any("total ◐ running 1 s cell 4" in words for words in live), live
    assert picture(html(show)[0]) == picture(text)

    page = exported(notebook)
    assert page.count("<svg") == 2
    assert picture(text) in " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", page))


def test_a_refused_run_shows_its_error_only(project, monkeypatch):
    cells = ["%load_ext nbprod", "%%mlops stage load\nvalue = 1", "%mlops run -p other=1"]
    notebook, _ = execute(project / "work.ipynb", cells, monkeypatch, allow_errors=True)
    assert [output.output_type for output in notebook.cells[2].outputs] == ["error"]


def test_a_form_a_run_and_a_run_stopped(price, project, monkeypatch, make_notebook):
    make_notebook(project / "slow.ipynb", [("stage:wait", "import time\nopen('began', 'w').close()\ntime.sleep(600)")])
    cells = [
        "from nbprod.widgets import RunView\nview = RunView('price.ipynb', parameters={'factor': 3})\nview",
        "view.start().wait(120)\nprint(view.run['status'])\nview",
        "import time\nfrom pathlib import Path\nslow = RunView('slow.ipynb')\nslow.start()\n"
        "while not Path('began').exists():\n    time.sleep(0.05)\n"
        "slow.stop()\nprint(slow.wait(120).run['status'])",
        "import nbprod\nRunView(nbprod.run('price.ipynb'))",
    ]
    notebook, drawn = execute(project / "views.ipynb", cells, monkeypatch)
    controls, view = notebook.cells[0].outputs
    assert WIDGET in controls["data"]
    assert set(view["data"]) == {"text/html", "text/plain"}
    assert "✓ done" in view["data"]["text/html"]
    assert "<b>3</b>" in view["data"]["text/html"]
    assert any("○ waiting" in text for text in drawn)
    assert shown(notebook.cells[1]).startswith("succeeded")
    assert html(notebook.cells[1])[-1] == view["data"]["text/html"]
    assert shown(notebook.cells[2]).strip() == "interrupted"
    # nbclient keeps the state of the controls; the export shows what was drawn all the same
    page = exported(notebook)
    assert page.count("<svg") == 3
    assert "score &gt; 1" in page or "score > 1" in page
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    texts = [item["state"]["value"] for item in states if item["model_name"] == "HTMLModel"]
    assert any("changed, was 2" in text for text in texts)
    assert not any("<more>" in text for text in texts)


def test_what_a_view_began_ends_with_the_kernel(project, monkeypatch, make_notebook):
    make_notebook(project / "slow.ipynb", [("stage:wait", "import time\nopen('began', 'w').close()\ntime.sleep(600)")])
    cells = [
        "import time\nfrom pathlib import Path\nfrom nbprod.widgets import RunView\nview = RunView('slow.ipynb').start()\n"
        "while not Path('began').exists():\n    time.sleep(0.05)\nprint(view._work._process.pid)"
    ]
    notebook, _ = execute(project / "views.ipynb", cells, monkeypatch)
    pid = int(shown(notebook.cells[0]))
    last = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < last:
        time.sleep(0.05)
    if Path(f"/proc/{pid}").exists():
        os.kill(pid, signal.SIGKILL)
        raise AssertionError("it outlived the kernel")
    assert [str(run.status) for run in api.history(project / "slow.ipynb")] == ["interrupted"]


def test_a_sweep_by_form_and_by_magic(price, project, monkeypatch):
    cells = [
        "from nbprod.widgets import SweepView\nview = SweepView('price.ipynb', grid={'factor': '2, 3, 5'})\nview",
        "view.start().wait(120)\nprint(view.best['parameters'])",
        "%load_ext nbprod",
        "%mlops sweep --notebook price.ipynb -p factor=7,8 --metric score",
        "%mlops sweep --notebook price.ipynb -p factor=7,8 --metric accuracy",
        "%mlops sweep --notebook price.ipynb --metric score",
    ]
    notebook, drawn = execute(project / "views.ipynb", cells, monkeypatch, allow_errors=True)
    table = notebook.cells[0].outputs[1]["data"]["text/html"]
    assert "✓ done 3 of 3 trials" in table
    assert "best score 5" in table
    assert "{'factor': 5}" in shown(notebook.cells[1])
    assert any("◐ running" in text for text in drawn)
    by_magic = notebook.cells[3]
    (text,) = html(by_magic)
    assert "✓ done 2 of 2 trials" in text
    assert "best score 7" in text
    assert "again: %mlops run -p factor=7" in shown(by_magic)
    assert [output.output_type for output in notebook.cells[4].outputs] == ["error"]
    assert "NB407" in shown(notebook.cells[4])
    assert "NB913" in shown(notebook.cells[5])
    page = exported(notebook, theme="dark")
    assert page.count("<svg") == 4  # of each sweep its course, and the metric against its parameter
    assert "best score 5" in page


def test_a_deployment_tried_put_back_and_stopped(price, project, monkeypatch):
    cells = [
        "from nbprod.widgets import DeployView\nview = DeployView('price.ipynb')\nview",
        "view.start().wait(120)\nprint(view.endpoint['state'])",
        "recorded = view.sample()['rows'][1]\nprint(view.predict(recorded)['equal'], view.predict({'age': 7})['equal'])",
        "DeployView('price.ipynb', parameters={'factor': 5}).start().wait(120)\n"
        "last = view.predict({'age': 10})['prediction']\nprint(last)",
        "again = DeployView('price.ipynb')\nagain.roll_back().wait(120)\nprint(again.predict({'age': 10})['prediction'])\nagain",
        "again.stop_endpoint()\nprint(again.endpoint)",
    ]
    notebook, drawn = execute(project / "views.ipynb", cells, monkeypatch)
    said = [shown(cell).strip().splitlines()[0] for cell in notebook.cells[1:]]
    assert said == ["healthy", "True None", "50.0", "20.0", "None"]
    texts = [text for text in drawn if "nbprod-deploy" in text]
    assert "nothing is deployed from this notebook" in texts[0]
    assert any("◐ running" in text for text in texts)
    assert any("✓ equal to the notebook&#x27;s answer" in text for text in texts)
    assert any("stage <b>fit</b>" in text and "● healthy" in text for text in texts)
    assert any("putting back" in text and "● serving" in text for text in texts)
    assert "○ not deployed" in html(notebook.cells[4])[-1]
    assert "prediction <b>50</b>" in exported(notebook)


def test_deploy_and_rollback_by_magic(price, project, monkeypatch):
    cells = [
        "%load_ext nbprod",
        "%mlops deploy --notebook price.ipynb",
        "%mlops deploy --notebook price.ipynb -p factor=5",
        "%mlops rollback price --notebook price.ipynb",
        "%mlops rollback price --notebook price.ipynb",
        "%mlops stop price --notebook price.ipynb",
    ]
    notebook, _ = execute(project / "views.ipynb", cells, monkeypatch, allow_errors=True)
    run, steps = html(notebook.cells[1])
    assert "<svg" in run
    assert "comparing 2 rows with the notebook" in steps
    assert "● healthy" in steps
    assert "endpoint price" in shown(notebook.cells[2])
    back = notebook.cells[3]
    assert "putting back" in html(back)[0]
    assert "serves" in shown(back)
    assert "NB734" in shown(notebook.cells[4])
    assert "stopped price" in shown(notebook.cells[5])
