"""Cells in the browser: tagged by click, keyboard and menu, undone, suggested, mended; magics and metadata alike."""

from __future__ import annotations

import re

import pytest
from panel import SOON, cells_of, source_of, tag_of
from playwright.sync_api import expect


def test_cells_are_tagged_by_click_and_saved_where_their_author_keeps_tags(opened, root, make_notebook):
    path = make_notebook(
        root / "tags.ipynb",
        [
            ("stage:load", "rows = [1, 2]"),
            "total = sum(rows)",
            "%%mlops stage report --retries 2\nprint(total)",
            ("md", "# words"),
        ],
    )
    panel = opened(path)
    panel.expect_stages(["load", "report"])
    expect(panel.chip(1)).to_have_text("load")
    expect(panel.chip(4)).to_have_count(0)

    panel.tag(2, "sum")
    panel.expect_stages(["load", "sum", "report"])
    panel.tag(3, "tell")  # its author wrote a magic: the magic changes, its options stay

    panel.chip(1).click()
    panel.picture("chip-menu")
    panel.menu("setup").click()
    expect(panel.cell(1)).to_have_attribute("data-nbprod-tag", "setup")

    panel.save()
    assert tag_of(path, 1) == {"role": "setup"}
    assert tag_of(path, 2) == {"stage": "sum"}
    assert tag_of(path, 3) is None
    assert source_of(path, 3) == "%%mlops stage tell --retries 2\nprint(total)"
    panel.picture("tags")


def test_a_tag_is_undone_by_the_notebooks_undo_and_made_by_the_keyboard(opened, root, make_notebook):
    path = make_notebook(root / "undo.ipynb", ["rows = [1]", "%%mlops stage tell\nprint(rows)"])
    panel = opened(path)
    panel.tag(1, "load")
    panel.tag(2, "report")
    panel.select(2)
    panel.page.keyboard.press("z")
    expect(panel.cell(2)).to_have_attribute("data-nbprod-tag", "tell", timeout=SOON)
    panel.page.keyboard.press("z")
    expect(panel.chip(1)).not_to_have_text("load", timeout=SOON)
    panel.page.keyboard.press("Shift+z")
    expect(panel.cell(1)).to_have_attribute("data-nbprod-tag", "load", timeout=SOON)

    panel.select(1)
    panel.page.keyboard.press("Alt+t")
    panel.page.locator(".jp-Dialog input").fill("first")
    panel.picture("tag-dialog")
    panel.page.keyboard.press("Enter")
    expect(panel.cell(1)).to_have_attribute("data-nbprod-tag", "first", timeout=SOON)
    panel.save()
    assert tag_of(path, 1) == {"stage": "first"}
    assert source_of(path, 2).startswith("%%mlops stage tell\n")


def test_untagged_cells_show_what_analysis_gave_them_and_why(opened, root, make_notebook):
    path = make_notebook(root / "inferred.ipynb", ["import math", ("stage:area", "r = 2\narea = math.pi * r**2")])
    panel = opened(path)
    expect(panel.cell(1)).to_have_attribute("data-nbprod-inferred", "true", timeout=SOON)
    expect(panel.chip(1)).to_have_text("setup")
    title = panel.chip(1).get_attribute("title") or ""
    assert len(title.splitlines()) > 1, title


def test_stages_are_suggested_seen_applied_and_undone_as_one(opened, root, untagged):
    path = untagged(root / "suggested.ipynb")
    panel = opened(path)
    expect(panel.part("no-tags")).to_be_visible(timeout=SOON)
    panel.picture("untagged")
    panel.click("suggest")
    expect(panel.part("suggestion")).to_contain_text("train", timeout=SOON)
    expect(panel.boxes()).to_have_count(0)  # seen first: nothing is tagged yet
    panel.picture("suggestion")
    panel.click("apply-suggestion")
    panel.expect_stages(["load", "features", "split", "train", "evaluate"])
    expect(panel.cell(4)).to_have_attribute("data-nbprod-tag", "parameters")
    panel.picture("suggested")
    panel.select(4)
    panel.page.keyboard.press("z")
    expect(panel.part("no-tags")).to_be_visible(timeout=SOON)


def test_a_finding_stands_at_its_cell_and_is_mended_by_a_click(opened, root, make_notebook):
    path = make_notebook(
        root / "random.ipynb",
        [
            ("setup", "import numpy as np"),
            ("stage:draw", "x = np.random.rand(3)"),
            ("stage:show", "print(x, missing)"),
        ],
    )
    panel = opened(path)
    warned = panel.cell(2).locator('.jp-nbprod-notes [data-nbprod-code="NB304"]')
    expect(warned).to_contain_text("seed", timeout=SOON)
    expect(panel.cell(3).locator('.jp-nbprod-notes [data-nbprod-state="error"]')).to_contain_text("missing")
    panel.picture("findings")
    before = panel.cell(2).locator(".cm-content").inner_text()
    warned.get_by_role("button", name="Fix").click()
    expect(warned).to_have_count(0, timeout=SOON)
    panel.select(2)
    panel.page.keyboard.press("z")
    expect(warned).to_be_visible(timeout=SOON)
    expect(panel.cell(2).locator(".cm-content")).to_have_text(before)

    panel.page.locator('[data-nbprod="problems"] .jp-nbprod-line', has_text="missing").click()
    expect(panel.cell(3)).to_have_class(re.compile("jp-mod-active"))


def test_a_stage_is_stale_once_its_code_is_not_that_of_its_last_run(opened, root, make_notebook):
    path = make_notebook(root / "stale.ipynb", [("stage:one", "x = 1"), ("stage:two", "y = x + 1")])
    panel = opened(path)
    panel.run()
    expect(panel.page.locator("[data-nbprod-stale]")).to_have_count(0)
    panel.cell(2).locator(".cm-content").click()
    panel.page.keyboard.press("End")
    panel.page.keyboard.type("0")
    expect(panel.cell(2)).to_have_attribute("data-nbprod-stale", "true", timeout=SOON)
    expect(panel.box("two")).to_have_attribute("data-nbprod-stale", "true")
    expect(panel.cell(1)).not_to_have_attribute("data-nbprod-stale", "true")
    panel.picture("stale")
    panel.run()
    expect(panel.page.locator("[data-nbprod-stale]")).to_have_count(0, timeout=SOON)


@pytest.mark.parametrize("broken", [{"nbprod": "words"}, {"nbprod": {"stage": 7}}, {"tags": "stage:x"}])
def test_broken_metadata_never_empties_the_panel(opened, root, make_notebook, broken):
    import json

    path = make_notebook(root / "broken.ipynb", ["x = 1", ("stage:two", "y = x")])
    content = json.loads(path.read_text())
    content["cells"][0]["metadata"] = broken
    path.write_text(json.dumps(content))
    panel = opened(path)
    expect(panel.part("problems")).to_be_visible(timeout=SOON)
    panel.tag(1, "one")
    panel.expect_stages(["one", "two"])
    panel.save()
    assert cells_of(path)[0]["metadata"]["nbprod"] == {"stage": "one"}
