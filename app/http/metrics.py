"""How is the edge doing? Its counters, for /metrics on the internal port.

Labels have few values, and their children are looked up once: the hot path adds numbers, one call per request.
"""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import Counter, Histogram

_events = Counter("tributary_edge_events", "Events (spend rows, adjustments) by verdict.", ["verdict", "reason"])
_requests = Counter("tributary_edge_requests", "Answered requests.", ["endpoint", "status"])
_seconds = Histogram(
    "tributary_edge_seconds",
    "Time to answer a request.",
    ["endpoint"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)


@lru_cache(maxsize=256)
def _event_counter(verdict: str, reason: str) -> Counter:
    return _events.labels(verdict, reason)


@lru_cache(maxsize=1024)
def _request_counter(endpoint: str, status: int) -> Counter:
    return _requests.labels(endpoint, str(status))


@lru_cache(maxsize=256)
def _latency(endpoint: str) -> Histogram:
    return _seconds.labels(endpoint)


def count_warning(reason: str, events: int) -> None:
    """Events that were kept, and that their author hardly meant so; of ids that named nobody, by their field."""
    _event_counter("warned", reason).inc(events)


def count_accepted(events: int) -> None:
    if events:
        _event_counter("accepted", "").inc(events)


def count_rejected(reason: str, events: int) -> None:
    _event_counter("rejected", reason).inc(events)


def count_request(endpoint: str, status: int, seconds: float) -> None:
    _request_counter(endpoint, status).inc()
    _latency(endpoint).observe(seconds)
