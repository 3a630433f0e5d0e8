"""Runs in the browser: watched, stopped, resumed, failed, with parameters, compared, looked at, swept."""

from __future__ import annotations

import re
import time

from panel import LONG, SOON, cells_of
from playwright.sync_api import expect

PATIENT = "import time\nfor _ in range(600):\n    time.sleep(0.1)\n    if __import__('os').path.exists('go'): break"


def test_a_run_is_watched_stopped_and_goes_on_where_it_stopped(opened, root, make_notebook):
    path = make_notebook(
        root / "stop.ipynb",
        [
            ("stage:load", "rows = [1, 2]"),
            ("stage:wait", f"{PATIENT}\ntotal = sum(rows)"),
            ("stage:end", "last = total"),
        ],
    )
    panel = opened(path)
    panel.expect_stages(["load", "wait", "end"])
    panel.click("run")
    expect(panel.box("wait")).to_have_attribute("data-nbprod-state", "running", timeout=LONG)
    expect(panel.box("wait")).to_contain_text(re.compile(r"running [1-9]\d* s"), timeout=SOON)
    expect(panel.box("end")).to_contain_text("waiting")
    expect(panel.page.locator(".jp-nbprod-status")).to_contain_text("wait")
    panel.picture("running")
    panel.click("stop")
    panel.expect_run("interrupted")
    expect(panel.box("load")).to_have_attribute("data-nbprod-state", "succeeded")
    panel.picture("stopped")

    (root / "go").touch()
    panel.run()
    expect(panel.box("load")).to_have_attribute("data-nbprod-state", "cached")
    expect(panel.box("end")).to_have_attribute("data-nbprod-state", "succeeded")
    (root / "go").unlink()


def test_a_failing_cell_is_shown_at_the_cell_and_named(opened, root, make_notebook):
    path = make_notebook(
        root / "fails.ipynb",
        [("stage:load", "rows = [1, 2, 'fails']"), ("stage:total", "x = 1\nrows[5]"), ("stage:end", "x + 1")],
    )
    panel = opened(path)
    panel.expect_stages(["load", "total", "end"])
    panel.click("run")
    expect(panel.part("failure")).to_contain_text("cell 2", timeout=LONG)
    expect(panel.cell(2)).to_have_attribute("data-nbprod-error", re.compile("line 2: .*IndexError"))
    expect(panel.cell(2).locator(".jp-nbprod-notes")).to_contain_text("IndexError")
    for name, state in {"load": "succeeded", "total": "failed", "end": "skipped"}.items():
        expect(panel.box(name)).to_have_attribute("data-nbprod-state", state)
    panel.select(1)
    panel.click("go-to-cell")
    expect(panel.cell(2)).to_have_class(re.compile("jp-mod-active"))
    panel.page.wait_for_timeout(500)  # nothing that comes later begins to edit: the next key would change the code
    assert panel.page.evaluate("jupyterapp.shell.currentWidget.content.mode") == "command"
    panel.picture("failed")


def test_parameters_history_comparison_and_what_was_executed(opened, root, make_notebook):
    path = make_notebook(
        root / "compare.ipynb",
        [
            ("parameters", "size = 3  # how many\nname = 'a'\nloud = False"),
            ("setup", "import matplotlib.pyplot as plt"),
            ("stage:draw", "fig, ax = plt.subplots(figsize=(2, 2))\nax.plot(range(size))\nplt.show()"),
            ("stage:score", "score = size / 10\nscore", {"metrics": ["score"]}),
        ],
    )
    panel = opened(path)
    first = panel.run()
    panel.part("parameter-size").fill("7")
    expect(panel.page.locator('[data-nbprod="parameters"] [data-changed="true"]')).to_have_count(1)
    panel.part("parameter-loud").check()
    second = panel.run()
    assert first != second
    shown = panel.page.locator(f'[data-nbprod-run="{second}"]')
    expect(shown).to_contain_text("0.7")
    expect(shown).to_contain_text("↑")
    expect(panel.part("run-detail")).to_contain_text("size = 7")
    assert "size = 3" in "".join(cells_of(path)[0]["source"])  # the notebook stays as it is

    panel.click("compare")
    view = panel.page.locator(".jp-nbprod-compare")
    expect(view).to_contain_text("size", timeout=SOON)
    expect(view).to_contain_text("score")
    expect(view.locator("img")).to_have_count(2, timeout=SOON)
    panel.picture("compare")
    panel.page.keyboard.press("Escape")
    panel.command("application:close")

    panel.page.locator('[data-nbprod="executed"] summary').click()
    panel.page.locator('[data-nbprod-executed="score"]').click()
    executed = panel.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    expect(executed.locator(".jp-OutputArea-output", has_text="0.7")).to_be_visible(timeout=SOON)
    panel.picture("executed")
    with panel.page.expect_popup() as popup:
        panel.command("application:close")
        panel.page.locator('[data-nbprod="executed"] a').last.click()
    expect(popup.value.locator("body")).to_contain_text("0.7", timeout=SOON)

    panel.page.locator(f'[data-nbprod-run="{first}"]').click()
    panel.page.locator('[data-nbprod="parameters"] [aria-label="reset size"]').click()
    panel.click("rerun")
    panel.expect_run("succeeded")
    expect(panel.box("score")).to_have_attribute("data-nbprod-state", "cached")


def test_from_here_force_and_a_sweep(opened, root, make_notebook):
    path = make_notebook(
        root / "sweep.ipynb",
        [
            ("parameters", "depth = 1\nrate = 0.5"),
            ("stage:load", "rows = [1, 2, 3]"),
            ("stage:fit", "score = depth * rate * len(rows)", {"metrics": ["score"]}),
        ],
    )
    panel = opened(path)
    panel.run()
    panel.select(3)
    panel.click("more")
    panel.picture("more")
    panel.menu("from This Stage").click()
    expect(panel.box("fit")).to_have_attribute("data-nbprod-state", "succeeded", timeout=LONG)
    expect(panel.box("load")).to_have_attribute("data-nbprod-state", "cached", timeout=LONG)
    panel.expect_run("succeeded")

    panel.click("more")
    panel.menu("Sweep").click()
    panel.part("sweep-depth").fill("1, 2, 3")
    panel.part("sweep-metric").fill("score")
    panel.picture("sweep-form")
    panel.click("sweep-start")
    panel.expect_operation("sweep")
    rows = panel.page.locator('[data-nbprod="leaderboard"] tbody tr')
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("4.5")
    panel.picture("sweep")
    panel.click("use-best")
    expect(panel.part("parameter-depth")).to_have_value("3")


def test_verify_says_equal_or_where_it_differs(opened, root, make_notebook):
    path = make_notebook(root / "verify.ipynb", [("stage:one", "x = 1"), ("stage:two", "y = x + 1\ny")])
    panel = opened(path)
    panel.click("verify")
    panel.expect_operation("verify")
    expect(panel.part("verdict")).to_have_attribute("data-nbprod-equal", "true")
    panel.picture("verified")
    with panel.page.expect_popup() as popup:
        panel.part("operation").get_by_role("link", name="Report").click()
    expect(popup.value.locator("body")).to_contain_text("equal", timeout=SOON)


def test_a_long_run_says_when_it_is_done(opened, root, make_notebook):
    path = make_notebook(root / "long.ipynb", [("stage:wait", "import time\ntime.sleep(12)")])
    panel = opened(path)
    began = time.monotonic()
    panel.click("run")
    expect(panel.page.locator(".jp-toastContainer")).to_contain_text("done in", timeout=LONG)
    assert time.monotonic() - began > 10
    panel.picture("notice")
