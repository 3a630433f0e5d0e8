"""Counters and latencies in Prometheus' text format; touched by the event loop only."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Metrics:
    """What a server counted since it started; `labels` describe the model."""

    labels: dict[str, str]
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    buckets: dict[str, list[int]] = field(default_factory=dict)
    seconds: Counter[str] = field(default_factory=Counter)
    rows: int = 0

    def observe(self, route: str, status: int, seconds: float, rows: int) -> None:
        """Count one request."""
        self.requests[route, status] += 1
        self.buckets.setdefault(route, [0] * (len(BOUNDS) + 1))[bisect_left(BOUNDS, seconds)] += 1
        self.seconds[route] += seconds  # type: ignore[assignment]  # a Counter of floats works, its stub says int
        self.rows += rows

    def text(self, dropped: int) -> str:
        """Return the exposition; `dropped` counts prediction log entries that found the queue full."""
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in self.labels.items())
        lines = [
            *_head("nbprod_model_info", "gauge", "The model that is served."),
            f"nbprod_model_info{{{labels}}} 1",
            *_head("nbprod_predicted_rows_total", "counter", "Rows predicted."),
            f"nbprod_predicted_rows_total {self.rows}",
            *_head("nbprod_prediction_log_dropped_total", "counter", "Requests the prediction log had no room for."),
            f"nbprod_prediction_log_dropped_total {dropped}",
            *_head("nbprod_requests_total", "counter", "Requests answered."),
        ]
        for (route, status), count in sorted(self.requests.items()):
            lines.append(f'nbprod_requests_total{{route="{route}",status="{status}"}} {count}')
        lines += _head("nbprod_request_seconds", "histogram", "Time from the whole request read to the answer made.")
        for route in sorted(self.buckets):
            lines += self._histogram(route)
        return "\n".join(lines) + "\n"

    def _histogram(self, route: str) -> list[str]:
        lines, total = [], 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.buckets[route], strict=True):
            total += count
            lines.append(f'nbprod_request_seconds_bucket{{route="{route}",le="{bound}"}} {total}')
        lines.append(f'nbprod_request_seconds_sum{{route="{route}"}} {self.seconds[route]:.9g}')
        lines.append(f'nbprod_request_seconds_count{{route="{route}"}} {total}')
        return lines


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
