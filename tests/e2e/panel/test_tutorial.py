"""From the untagged example to an endpoint that answers, by clicks alone; its pictures are those of docs/tutorial.md."""

from __future__ import annotations

import json
import time

from panel import LONG, SOON, Panel, tag_of
from playwright.sync_api import expect

WIDTH = 1240


def test_the_untagged_example_becomes_an_endpoint_by_clicks(panel_of, server, root, untagged, capsys):
    path = untagged(root / "churn.ipynb")
    panel: Panel = panel_of(server, "churn.ipynb", width=WIDTH)
    clicks: list[str] = []

    def click(name: str) -> None:
        panel.click(name)
        clicks.append(name)

    expect(panel.part("no-tags")).to_be_visible(timeout=LONG)
    panel.picture("tutorial-1-untagged")
    began = time.monotonic()
    click("suggest")
    expect(panel.part("suggestion")).to_contain_text("evaluate", timeout=SOON)
    panel.picture("tutorial-2-suggested")
    click("apply-suggestion")
    panel.expect_stages(["load", "features", "split", "train", "evaluate"])
    panel.picture("tutorial-3-stages")
    click("run")
    expect(panel.part("stop")).to_be_visible(timeout=SOON)
    panel.expect_run("succeeded")
    expect(panel.page.locator('.jp-nbprod-box[data-nbprod-state="succeeded"]')).to_have_count(5)
    panel.picture("tutorial-4-run")
    click("deploy")
    panel.page.locator('[data-nbprod-target="local"] input').check(timeout=SOON)
    panel.picture("tutorial-5-target")
    click("deploy-start")
    card = panel.page.locator('[data-nbprod-endpoint="churn"]')
    expect(card).to_be_visible(timeout=LONG)
    expect(panel.part("operation")).to_have_attribute("data-nbprod-state", "succeeded", timeout=LONG)
    panel.part("try").locator("summary").click()
    card.locator('[data-nbprod="predict"]').click(timeout=SOON)
    clicks += ["target", "try", "predict"]
    expect(card.locator('[data-nbprod="expected"]')).to_have_attribute("data-nbprod-equal", "true", timeout=SOON)
    took = time.monotonic() - began
    card.scroll_into_view_if_needed()
    panel.picture("tutorial-6-endpoint")
    with capsys.disabled():
        print(f"\nfrom the untagged example to its answer: {len(clicks)} clicks, {took:.0f} s")

    assert tag_of(path, 16) == {"stage": "train"}
    sample = json.loads(next((root / ".nbprod" / "models").rglob("sample.json")).read_text())
    assert card.locator('[data-nbprod="prediction"]').inner_text() == str(sample["predictions"][0])
    card.locator('[data-nbprod="stop-endpoint"]').click()
    expect(card).to_have_count(0, timeout=SOON)
