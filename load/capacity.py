"""How many processes and servers does a load take? From what one process did here, as `make bench` printed it.

``make bench > bench.jsonl; python -m load.capacity --events-per-month 1e9 --tenants 100 < bench.jsonl``

The model is arithmetic and says so: events a second at the peak, divided by what one process does of them and by the
share of its time that it may be busy. It knows no queues: `busy` leaves the room that bursts take. Measure on the
machines that are to be sized.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields

from load.figures import FigureError, printed

MONTH_S = 30 * 86_400
EDGE_PROCESSES = 2
"""Web processes behind the edge's figures."""
NEEDED = ("edge_batches_of_50_by_8", "drain", "drain_and_credit", "chunk", "memory_web", "memory_worker")


class CapacityError(FigureError):
    """The figures do not suffice; the message says which is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one process does in a second when it does nothing else, and what it takes.

    Parameters
    ----------
    edge_events, drain_events : taken in by a web process; stored by a worker process.
    credit_events : as fast as the credit of these events' orders is given, by a worker process.
    chunk_conversions : attributed again in whole chunks, by a worker process.
    web_mb, worker_mb : the largest process.
    """

    edge_events: float
    drain_events: float
    credit_events: float
    chunk_conversions: float
    web_mb: float
    worker_mb: float


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be carried.

    Parameters
    ----------
    events_per_month : touches and all else that is sent.
    conversions_share : of the events.
    peak : the busiest hours, in times of the mean.
    busy : share of a process's time that is planned at the peak.
    months : that events are kept.
    tenants : each with an even share; what a large one takes is its share of the whole.
    backlog_minutes : of the peak that Redis must hold while ClickHouse is away.
    """

    events_per_month: float = 1e9
    conversions_share: float = 0.01
    peak: float = 4.0
    busy: float = 0.5
    months: float = 13.0
    tenants: int = 100
    backlog_minutes: float = 30.0


@dataclass(frozen=True, slots=True)
class Store:
    """Bytes of a row on disk and in memory, by `system.parts`, and what one server may hold.

    Parameters
    ----------
    event_bytes : on disk, of all rows that one event becomes (register and touch, or register and conversion).
    conversion_bytes : on disk, of a conversion's own row, those by user and by order, and its ledger row of 7 touches.
    key_bytes : in memory, of an event's primary keys.
    inbox_bytes : in Redis, of an event that waits.
    server_gb : of disk on a ClickHouse server, to be filled to `filled`.
    """

    event_bytes: float = 120.0
    conversion_bytes: float = 550.0
    key_bytes: float = 0.1
    inbox_bytes: float = 200.0
    server_gb: float = 2_000.0
    filled: float = 0.7
    replicas: int = 2


@dataclass(frozen=True, slots=True)
class Sizes:
    """What it takes. Rates in events a second; `shards` are ClickHouse's, `streams` the inbox's TRIBUTARY_SHARDS."""

    mean_rate: float
    peak_rate: float
    tenant_peak_rate: float
    web_processes: int
    worker_processes: int
    streams: int
    processes_gb: float
    redis_gb: float
    disk_gb: float
    keys_gb: float
    shards: int
    servers: int
    backfill_hours_of_a_month: float


def sizes_for(load: Load, costs: Costs, store: Store) -> Sizes:
    """The arithmetic.

    Raises
    ------
    CapacityError : a number is not above 0.
    """
    for part in (load, costs, store):
        for one in fields(part):
            if not getattr(part, one.name) > 0:
                raise CapacityError(f"{one.name} is {getattr(part, one.name)}: give a number above 0.")
    mean = load.events_per_month / MONTH_S
    peak = mean * load.peak
    web = _processes(peak / costs.edge_events, load.busy)
    drains = _processes(peak / costs.drain_events, load.busy)
    workers = _processes(peak / costs.drain_events + peak / costs.credit_events, load.busy)
    conversions = load.events_per_month * load.conversions_share
    month_gb = (load.events_per_month * store.event_bytes + conversions * store.conversion_bytes) / 1e9
    disk_gb = month_gb * load.months
    shards = math.ceil(disk_gb / (store.server_gb * store.filled))
    return Sizes(
        mean_rate=mean,
        peak_rate=peak,
        tenant_peak_rate=peak / load.tenants,
        web_processes=web,
        worker_processes=workers,
        streams=max(drains, 4),
        processes_gb=(web * costs.web_mb + workers * costs.worker_mb) / 1000,
        redis_gb=peak * load.backlog_minutes * 60 * store.inbox_bytes / 1e9,
        disk_gb=disk_gb,
        keys_gb=load.events_per_month * load.months * store.key_bytes / 1e9,
        shards=shards,
        servers=shards * store.replicas,
        backfill_hours_of_a_month=conversions / costs.chunk_conversions / 3600,
    )


def _processes(work: float, busy: float) -> int:
    """How many share so much work a second, each busy for this share of its time."""
    return max(math.ceil(work / busy), 1)


def costs_in(lines: Iterable[str]) -> Costs:
    """Costs from the lines of `make bench`; of a figure that stands there twice the last counts.

    Raises
    ------
    CapacityError : a figure is missing.
    """
    values = {found["name"]: float(found["value"]) for found in printed(lines) if found.get("name") in NEEDED}
    missing = [name for name in NEEDED if name not in values]
    if missing:
        raise CapacityError(f"No figure {', '.join(missing)}: run python -m load.bench --only edge drain chunk memory.")
    alone, with_credit = values["drain"], values["drain_and_credit"]
    if with_credit >= alone:
        raise CapacityError("drain_and_credit is no slower than drain: the figures are too rough, measure again.")
    return Costs(
        edge_events=values["edge_batches_of_50_by_8"] / EDGE_PROCESSES,
        drain_events=alone,
        credit_events=1 / (1 / with_credit - 1 / alone),
        chunk_conversions=values["chunk"],
        web_mb=values["memory_web"],
        worker_mb=values["memory_worker"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m load.capacity", description=__doc__)
    for part in (Load, Store):
        for one in fields(part):
            parser.add_argument(f"--{one.name.replace('_', '-')}", type=type(one.default), default=one.default)
    options = vars(parser.parse_args())
    load = Load(**{one.name: options[one.name] for one in fields(Load)})
    store = Store(**{one.name: options[one.name] for one in fields(Store)})
    try:
        costs = costs_in(sys.stdin)
        found = sizes_for(load, costs, store)
    except FigureError as error:
        sys.exit(str(error))
    for part in (load, costs, found):
        for one in fields(part):
            print(f"{one.name.replace('_', ' '):<28}{getattr(part, one.name):>16,.6g}")
        print()


if __name__ == "__main__":
    main()
