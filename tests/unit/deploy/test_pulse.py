"""Quantiles of a cumulative histogram, and Prometheus' text read back."""

from __future__ import annotations

import pytest

from nbprod.core.model import Endpoint
from nbprod.deploy.pulse import _buckets, _samples, health, quantile
from nbprod.serving.metrics import Metrics

INFINITE = float("inf")


@pytest.mark.parametrize(
    ("buckets", "share", "expected"),
    [
        ([], 0.5, None),
        ([(0.001, 0), (INFINITE, 0)], 0.5, None),
        ([(0.001, 10), (INFINITE, 10)], 0.5, 0.5),
        ([(0.001, 0), (0.002, 10), (INFINITE, 10)], 0.5, 1.5),
        ([(0.001, 5), (0.002, 10), (INFINITE, 10)], 0.5, 1.0),
        ([(0.002, 10), (0.001, 5), (INFINITE, 10)], 0.95, 1.9),
        ([(0.001, 1), (10.0, 1), (INFINITE, 9)], 0.95, 10000.0),
    ],
)
def test_quantile(buckets, share, expected):
    assert quantile(buckets, share) == expected


def test_what_the_server_writes_is_read_back():
    metrics = Metrics({"name": 'a "b" \\ c', "version": "1\n2"})
    for seconds in (0.0004, 0.0004, 0.02, 30.0):
        metrics.observe("/predict", 200, seconds, 3)
    metrics.observe("/docs", 404, 0.1, 0)
    samples = _samples(metrics.text(0))
    assert ("nbprod_model_info", {"name": 'a "b" \\ c', "version": "1\n2"}, 1.0) in samples
    assert ("nbprod_requests_total", {"route": "/docs", "status": "404"}, 1.0) in samples
    assert ("nbprod_predicted_rows_total", {}, 12.0) in samples
    buckets = _buckets(samples, "/predict")
    assert (buckets[0], buckets[-1], len(buckets)) == ((0.0005, 2.0), (INFINITE, 4.0), 15)
    assert quantile(buckets, 0.5) == 0.5


def test_an_endpoint_that_has_no_port_yet_is_starting():
    starting = Endpoint("churn", "http://127.0.0.1:None", "local", "churn", state="starting")
    found = health(starting)
    assert (found["state"], found["requests"], found["p50_ms"]) == ("starting", 0, None)
