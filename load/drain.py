"""How fast does what the edge took in get stored, and credited?

Drain and credit run in this process, one after the other, without Celery: what one worker process can do.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial

from app.ledger.chunks import attribute_or_bury
from app.ledger.close import close
from app.ledger.refresh import catch_up_all
from load.edge import BATCH, bench_tenant, empty_inboxes, orders_for, require_all
from load.figures import Figure, compared, of_rates, seconds
from load.poster import post_from_processes
from load.setting import Setting
from load.spent import Spent
from load.web import web
from tasks.context import Context

EVENTS, QUICK_EVENTS = 50_000, 1_000
INSERTS = ("touchpoints", "conversions", "conversions_by_user", "conversions_by_order", "events", "identity_aliases")
POST_LIMIT_S = 120.0


def measure(setting: Setting) -> Iterator[Figure]:
    events = QUICK_EVENTS if setting.is_quick else EVENTS
    tenant, write_key = bench_tenant(setting)
    context = Context(setting.settings)
    shard = tenant.tenant_id % setting.settings.shards
    edge_rates, drain_rates, whole_rates = [], [], []
    storing: list[Spent] = []
    drained_s = []
    empty_inboxes(setting)
    with web(setting.settings) as url:
        for _ in range(setting.rounds(4)):
            tally = require_all(
                post_from_processes(orders_for(url, write_key, BATCH, 8, POST_LIMIT_S, events // BATCH))
            )
            edge_rates.append(tally.events / tally.took_s)
            runs: list[str] = []
            with Spent() as spent:
                drain_s = seconds(partial(_drain, context, shard, tally.events, runs))
            credit_s = seconds(partial(_credit, context, runs))
            storing.append(spent)
            drained_s.append(drain_s)
            drain_rates.append(tally.events / drain_s)
            whole_rates.append(tally.events / (drain_s + credit_s))
    edge = of_rates("", "events", edge_rates, events)
    inserts_ms = 1000 * statistics.median(one.of(*INSERTS) for one in storing)
    queries_ms = 1000 * statistics.median(one.all_but(*INSERTS) for one in storing)
    whole_ms = 1000 * statistics.median(drained_s)
    drain = of_rates(
        "drain",
        "events",
        drain_rates,
        events,
        whole_ms=whole_ms,
        inserts_ms=inserts_ms,
        queries_ms=queries_ms,
        rest_ms=whole_ms - inserts_ms - queries_ms,
    )
    yield compared(drain, "the edge, batches of 50 by 8", edge.value)
    yield compared(of_rates("drain_and_credit", "events", whole_rates, events), "the drain alone", drain.value)


def _drain(context: Context, shard: int, sent: int, runs: list[str]) -> None:
    """Store all that waits in a shard, as the task does; its runs are added to `runs`."""
    hold = context.shard(shard)
    stored = 0
    while hold.hold() and (drained := context.drain().next_block(hold)).outcome == "stored":
        stored += drained.events - drained.duplicates
        if drained.run_id:
            runs.append(drained.run_id)
    hold.drop()
    if stored != sent:
        raise AssertionError(f"{sent} events were taken in and {stored} stored")


def _credit(context: Context, runs: list[str]) -> None:
    """As the tasks do, and then what the beat does: reports are fresh."""
    for run_id in runs:
        for number in context.runs.open_chunks(run_id):
            attribute_or_bury(context, run_id, number, "bench")
        close(context.storage, context.runs, context.registry, run_id)
    while catch_up_all(context.storage, context.runs, context.registry):
        pass
