"""``tributary demo``: a sample month through the whole stack, checked to the cent."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click

from workers.commands.progress import Progress
from workers.commands.reconcile import reconciliation_table
from workers.commands.report_tables import report_table
from workers.commands.saturation_tables import status_table
from workers.edge import Edge
from workers.local.demo import Posts, assess, period, send, temporary_stack, wait_for_credit
from workers.local.sample import SPEND, Sample, make_sample


@click.command("demo")
@click.option("--seed", default=7, show_default=True, help="Another one gives another month.")
def command(seed: int) -> None:
    """Start everything on free ports, send a sample month, show and check the credit, stop everything."""
    began_s = time.monotonic()
    now = datetime.now(UTC)
    sample = make_sample(int(now.timestamp() * 1000), seed)
    click.echo("Starting Redis, ClickHouse, web, workers, beat and Flower …")
    with temporary_stack() as stack:
        click.echo(f"The stack is up after {time.monotonic() - began_s:.1f} s: {stack['url']}")
        days = period(now)
        edge = Edge(stack["url"], secret_key=stack["secret_key"])
        with Progress("events sent", len(sample.events)) as progress:
            posts = send(stack, sample.events, progress.to)
        edge.post("/v1/spend", {"rows": sample.spend})
        edge.post("/v1/adjustments", sample.adjustments)  # last: what shows them has taken in all that went before
        sent_s = time.monotonic()
        with Progress("orders credited", sample.expected.conversions) as progress:
            proof, report = wait_for_credit(edge, sample, days, progress.to)
        credit_s = time.monotonic() - sent_s
        with Progress("channels assessed under two models", 2 * len(SPEND)) as progress:
            assessed = assess(edge, progress.to)
        edge.close()
        click.echo(f"\n{report_table(report)}\n\n{reconciliation_table(proof)}\n\n{status_table(assessed)}\n")
        _tell_how_it_went(sample, posts, credit_s)
        click.echo("Stopping …")
    click.echo(f"All of it held. {time.monotonic() - began_s:.1f} s from start to stop.")


def _tell_how_it_went(sample: Sample, posts: Posts, credit_s: float) -> None:
    expected = sample.expected
    resent = posts.events - sample.touches - expected.conversions - expected.repeated_orders
    click.echo(
        f"{posts.events:,} events sent in {posts.took_s:.1f} s ({posts.events / posts.took_s:,.0f}/s): "
        f"{sample.touches:,} touches, {expected.conversions:,} orders, {expected.repeated_orders} orders repeated, "
        f"{resent:,} events sent twice; {len(sample.adjustments)} refunds and corrections."
    )
    click.echo(
        f"{len(posts.seconds)} posts, p95 {posts.p95_s * 1000:.0f} ms. "
        f"Everything was credited {credit_s:.1f} s after the last post."
    )
    click.echo("Totals, and first and last touch by channel, are those of the sample's own reckoning, to the cent.")
