"""What lasts: the browser reloaded, the server restarted, notebooks renamed, changed unsaved, read-only, two at once."""

from __future__ import annotations

import re

from panel import LONG, SOON, Panel, source_of
from playwright.sync_api import expect

PATIENT = "import os, time\nfor _ in range(1200):\n    time.sleep(0.1)\n    if os.path.exists({go!r}): break"


def waiting(go: str) -> list[tuple[str, str]]:
    return [("stage:first", f"x = {go!r}"), ("stage:wait", f"{PATIENT.format(go=go)}\ny = x"), ("stage:last", "z = y")]


def test_a_reload_in_the_middle_of_a_run_shows_the_run(opened, root, make_notebook):
    path = make_notebook(root / "reload.ipynb", waiting("go1"))
    panel = opened(path)
    panel.click("run")
    expect(panel.box("wait")).to_have_attribute("data-nbprod-state", "running", timeout=LONG)
    panel.page.reload()
    panel.unfold()
    expect(panel.box("wait")).to_have_attribute("data-nbprod-state", "running", timeout=LONG)
    expect(panel.part("stop")).to_be_visible()
    panel.picture("reloaded")
    (root / "go1").touch()
    panel.expect_run("succeeded")


def test_a_server_restarted_in_the_middle_of_a_run_finds_it_again(opened, root, server, make_notebook):
    path = make_notebook(root / "restart.ipynb", waiting("go2"))
    panel = opened(path)
    panel.click("run")
    expect(panel.box("wait")).to_have_attribute("data-nbprod-state", "running", timeout=LONG)
    server.restart()
    panel.open("restart.ipynb")
    expect(panel.box("wait")).to_have_attribute("data-nbprod-state", "running", timeout=LONG)
    (root / "go2").touch()
    panel.expect_run("succeeded")
    expect(panel.box("last")).to_have_attribute("data-nbprod-state", "succeeded")


def test_two_notebooks_keep_apart(opened, root, make_notebook):
    one = make_notebook(root / "one.ipynb", [("stage:alpha", "x = 1")])
    make_notebook(root / "two.ipynb", [("stage:beta", "y = 2\n1 / 0")])
    panel = opened(one)
    panel.run()
    panel.command("docmanager:open", path="two.ipynb")
    panel.expect_stages(["beta"])
    expect(panel.page.locator("[data-nbprod-run]")).to_have_count(0)
    panel.run("failed")
    expect(panel.part("failure")).to_contain_text("ZeroDivisionError")
    panel.command("docmanager:open", path="one.ipynb")
    panel.expect_stages(["alpha"])
    expect(panel.part("failure")).to_have_count(0, timeout=SOON)
    expect(panel.cell(1)).not_to_have_attribute("data-nbprod-error", re.compile("."))


def test_a_renamed_notebook_and_unsaved_changes(opened, root, make_notebook):
    path = make_notebook(root / "before.ipynb", [("stage:alpha", "x = 1")])
    panel = opened(path)
    panel.expect_stages(["alpha"])
    panel.cell(1).locator(".cm-content").click()
    panel.page.keyboard.press("Control+End")
    panel.page.keyboard.type("\nanswer = 41 + 1")
    expect(panel.box("alpha")).to_contain_text("answer", timeout=SOON)  # the picture follows what is typed
    assert "answer" not in source_of(path, 1)
    panel.run()
    assert "answer" in source_of(path, 1)  # every verb saves first
    panel.page.evaluate(
        "jupyterapp.serviceManager.contents.rename('before.ipynb', 'after.ipynb')",
    )
    expect(panel.part("header")).to_contain_text("after.ipynb", timeout=SOON)
    panel.expect_stages(["alpha"])
    panel.run()
    assert (root / "after.ipynb").exists()


def test_a_read_only_notebook_runs_but_says_that_changes_cannot_be_saved(opened, root, panel_of, server, make_notebook):
    make_notebook(root / "fixed.ipynb", [("stage:alpha", "x = 1")])
    make_notebook(root / "other.ipynb", ["x = 1"])
    panel = opened(root / "other.ipynb")

    def read_only(route) -> None:  # the tests' user may write everything: the server's word is changed on its way
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "writable": False})

    panel.page.route("**/api/contents/fixed.ipynb?*", read_only)
    panel.open("fixed.ipynb")
    panel.expect_stages(["alpha"])
    expect(panel.page.locator(".jp-mod-dirty")).to_have_count(1, timeout=SOON)  # JupyterLab notes the kernel's language
    panel.run()
    panel.cell(1).locator(".cm-content").click()
    panel.page.keyboard.press("Control+End")
    panel.page.keyboard.type("\nz = 2")
    expect(panel.box("alpha")).to_contain_text("z", timeout=SOON)
    panel.click("run")
    expect(panel.part("problem")).to_contain_text("read-only", timeout=SOON)
    panel.picture("read-only")
    assert "z" not in source_of(root / "fixed.ipynb", 1)


def test_a_folder_without_a_notebook_teaches(panel_of, server, root, make_notebook):
    make_notebook(root / "plain.ipynb", ["x = 1"])
    panel: Panel = panel_of(server, "plain.ipynb")
    # a kernel that is there by now has had its language noted, and JupyterLab asks what shall become of that
    discard = panel.page.get_by_role("button", name="Discard changes to file")
    panel.page.add_locator_handler(discard, lambda button: button.click())
    panel.command("application:close")
    expect(panel.part("no-notebook")).to_be_visible(timeout=SOON)
    panel.picture("no-notebook")
