"""Reports of cells: passed on where a stage runs, nothing anywhere else; the same from nbprod and from its stand-in."""

from __future__ import annotations

import sys
import types

import pytest

import nbprod
from nbprod.worker import reports, standin


class Sink:
    def __init__(self):
        self.index = 3
        self.events = []

    def event(self, event):
        self.events.append(event)


@pytest.fixture
def sink(monkeypatch):
    monkeypatch.setattr(reports, "_sinks", [])
    found = Sink()
    reports.connect(found)
    return found


def test_a_report_is_an_event_of_its_cell(sink):
    reports.report("0.5", 2.0)
    assert sink.events == [{"event": "report", "index": 3, "value": 0.5, "step": 2}]


def test_nbprod_itself_finds_the_process_of_a_stage(sink, monkeypatch):
    assert nbprod.report(1, 0) is None
    assert sink.events == []
    monkeypatch.setitem(sys.modules, "nbprod_worker.reports", reports)
    nbprod.report(1, 0)
    assert [event["value"] for event in sink.events] == [1.0]
    with pytest.raises(TypeError):
        nbprod.report(None, 0)


def test_the_stand_in_reports_too(sink, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbprod", types.ModuleType("nbprod"))
    monkeypatch.setattr(standin.importlib.util, "find_spec", lambda name: None)
    standin.install()
    sys.modules["nbprod"].report(0.25, 1)
    assert sink.events[0]["value"] == 0.25


def test_nobody_listens_outside_a_pipeline(monkeypatch):
    monkeypatch.setattr(reports, "_sinks", [])
    assert reports.report(1.0, 1) is None
