"""Deployed from the browser: targets, progress, the card with its form, health, versions, roll back, log, schedules."""

from __future__ import annotations

import json
import re

import pytest
from panel import LONG, MODEL, SOON
from playwright.sync_api import expect


def test_deploy_try_it_roll_back_and_stop(opened, root, make_notebook):
    path = make_notebook(root / "tree.ipynb", MODEL)
    panel = opened(path)
    panel.expect_stages(["load", "train", "evaluate"])
    panel.deploy()
    steps = panel.page.locator('[data-nbprod="steps"] li')
    expect(steps.filter(has_text="train")).to_be_visible()
    panel.picture("deployed")
    card = panel.page.locator('[data-nbprod-endpoint="tree"]')
    expect(card).to_have_attribute("data-nbprod-state", "healthy", timeout=SOON)
    panel.part("try").locator("summary").click()
    expect(card.locator('[data-nbprod-column="age"]')).not_to_have_value("", timeout=SOON)
    card.locator('[data-nbprod="predict"]').click()
    expect(card.locator('[data-nbprod="expected"]')).to_have_attribute("data-nbprod-equal", "true", timeout=SOON)
    expect(card.locator('[data-nbprod="health"]')).to_contain_text("ms", timeout=SOON)
    expect(card).to_contain_text("curl")
    card.scroll_into_view_if_needed()
    panel.picture("card")
    sample = json.loads(next((root / ".nbprod" / "models").rglob("sample.json")).read_text())
    assert card.locator('[data-nbprod="prediction"]').inner_text() == str(sample["predictions"][0])

    panel.part("parameter-depth").fill("1")
    panel.deploy()
    card.locator('[data-nbprod="versions"] summary').click()
    versions = card.locator('[data-nbprod="versions"] li')
    expect(versions).to_have_count(2, timeout=SOON)
    expect(versions.first).to_have_attribute("data-nbprod-current", "true")
    panel.picture("versions")
    card.locator('[data-nbprod="roll-back"]').click()
    expect(panel.part("operation")).to_contain_text("putting back", timeout=SOON)
    panel.expect_operation("deploy")
    card.locator('[data-nbprod="versions"]').evaluate("fold => { fold.open = true; }")
    expect(versions.nth(1)).to_have_attribute("data-nbprod-current", "true", timeout=LONG)
    panel.picture("rolled-back")

    card.locator('[data-nbprod="log"] summary').click()
    expect(card.locator('[data-nbprod="log"] .jp-nbprod-log')).to_contain_text("nothing was written", timeout=SOON)
    with panel.page.expect_popup() as popup:
        card.locator('[data-nbprod="docs"]').click()
    docs = popup.value
    docs.get_by_role("button", name="Predict").click(timeout=SOON)
    expect(docs.locator("#answer")).to_contain_text("predictions", timeout=SOON)
    docs.close()

    panel.page.locator('[data-nbprod-tab="monitor"]').click()
    expect(panel.page.locator("#jp-nbprod-view")).to_contain_text("age", timeout=SOON)
    panel.picture("monitor")
    panel.page.locator('[data-nbprod-tab="pipeline"]').click()
    card.locator('[data-nbprod="stop-endpoint"]').click()
    expect(card).to_have_count(0, timeout=LONG)


def test_a_model_is_chosen_where_several_names_may_hold_it(opened, root, make_notebook):
    path = make_notebook(
        root / "pair.ipynb", [*MODEL, ("stage:train", "other = DecisionTreeClassifier(max_depth=1).fit(df, y)")]
    )
    panel = opened(path)
    panel.click("deploy")
    expect(panel.part("deploy-form")).to_contain_text("model, other", timeout=SOON)
    expect(panel.part("deploy-start")).to_be_disabled()
    panel.part("model").select_option("other")
    panel.picture("two-models")
    expect(panel.part("deploy-form")).not_to_contain_text("model, other")
    panel.click("deploy-start")
    panel.expect_operation("deploy")
    assert len(list((root / ".nbprod" / "models" / "pair").iterdir())) == 1
    panel.click("stop-endpoint")
    expect(panel.page.locator('[data-nbprod-endpoint="pair"]')).to_have_count(0, timeout=LONG)


def test_a_deployment_that_fails_in_a_cell_tells_it_once_and_leads_there(opened, root, make_notebook):
    path = make_notebook(root / "broken.ipynb", [("stage:load", "rows = [1]"), ("stage:train", "1 / 0")])
    panel = opened(path)
    panel.expect_stages(["load", "train"])
    panel.click("deploy")
    panel.click("deploy-start")
    panel.expect_operation("deploy", "failed")
    panel.expect_run("failed", SOON)
    expect(
        panel.page.get_by_text("ZeroDivisionError").locator("visible=true").locator("xpath=ancestor::*[@role='alert']")
    ).to_have_count(1)
    panel.part("operation-problem").locator('[data-nbprod="go-to-cell"]').click()
    expect(panel.cell(2)).to_have_class(re.compile("jp-mod-active"), timeout=SOON)
    panel.click("dismiss")
    expect(panel.part("failure")).to_contain_text("ZeroDivisionError")


def test_what_a_target_lacks_is_said(opened, root, make_notebook, monkeypatch):
    path = make_notebook(root / "targets.ipynb", MODEL)
    panel = opened(path)
    panel.expect_stages(["load", "train", "evaluate"])
    panel.click("deploy")
    docker = panel.page.locator('[data-nbprod-target="docker"]')
    expect(docker).to_be_visible(timeout=SOON)
    if docker.locator("input").is_disabled():
        assert len(docker.inner_text().split()) > 3
    else:
        pytest.skip("a Docker engine answers on this machine's own address")


def test_schedules_are_added_paused_run_and_removed(opened, root, make_notebook):
    path = make_notebook(root / "often.ipynb", [("parameters", "n = 1"), ("stage:one", "x = n")])
    panel = opened(path)
    panel.expect_stages(["one"])
    panel.page.locator('[data-nbprod-tab="schedule"]').click()
    view = panel.page.locator("#jp-nbprod-view")
    panel.part("schedule-preset").select_option("weekdays")
    expect(view).to_contain_text("every weekday at", timeout=SOON)
    panel.picture("schedule-form")
    panel.click("schedule-add")
    entry = panel.page.locator('[data-nbprod-schedule="often"]')
    expect(entry).to_contain_text("every weekday at", timeout=LONG)
    panel.picture("schedule")
    entry.locator('[data-nbprod="schedule-pause"]').click()
    expect(entry).to_contain_text("paused", timeout=SOON)
    entry.locator('[data-nbprod="schedule-now"]').click()
    panel.page.locator('[data-nbprod-tab="pipeline"]').click()
    panel.expect_run("succeeded")
    panel.page.locator('[data-nbprod-tab="schedule"]').click()
    entry.locator('[data-nbprod="schedule-remove"]').click()
    panel.page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(entry).to_have_count(0, timeout=SOON)
