"""Does a year of a shop go as promised? ``python -m load.saturation_year``

A stack of its own is started. A year of spend and events of channels with known curves goes in through HTTP, the
worker of the queue `saturation` refits it at several days of the year, and what the API says is set beside the truth:
statuses, a shift of a curve in month 10, a plan, and what the plan brought when it was followed for four weeks. What is
going on goes to stderr. Exit status 1 where a status that was given is wrong, or the shift is reported too late.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.saturation.calendars import FEW_CONVERSIONS
from load.year import CHANNELS, SHIFT_DAY, YEAR_DAYS, Year
from workers.commands.progress import Progress
from workers.commands.saturation_tables import plan_table, status_table
from workers.edge import Edge
from workers.local.demo import send, temporary_stack

MARGIN = 0.5
LAG_DAYS = 2
SEEN_WITHIN_DAYS = 21
REFITS = (120, 200, SHIFT_DAY - 1, SHIFT_DAY + 7, SHIFT_DAY + 14, SHIFT_DAY + 21, SHIFT_DAY + 42, YEAR_DAYS - 1)
CREDIT_LIMIT_S = 600.0
Answer = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m load.saturation_year", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=3, help="another one gives another year")
    parser.add_argument("--orders", type=int, default=100, help="orders a day and channel")
    parser.add_argument("--visitors", type=int, default=200, help="visitors a day who come directly")
    options = parser.parse_args(arguments)
    if options.orders < FEW_CONVERSIONS:
        parser.error(f"--orders: give {FEW_CONVERSIONS:.0f} or more; of fewer the number is fitted, here constant.")
    year = Year(
        datetime.now(UTC).date() - timedelta(days=1 + LAG_DAYS),
        orders_a_day=options.orders,
        visitors_a_day=options.visitors,
        seed=options.seed,
    )
    with temporary_stack() as stack:
        edge = Edge(stack["url"], secret_key=stack["secret_key"])
        edge.put("/v1/saturation/settings", {"margin": MARGIN, "lag_days": LAG_DAYS})
        _post(edge, stack, year, 0, YEAR_DAYS)
        wrong, seen = _refit_through_the_year(edge, year)
        days = {"as_of": year.day(YEAR_DAYS - 1).isoformat(), "start": year.day(YEAR_DAYS).isoformat()}
        plan = edge.post("/v1/saturation/plan", days)
        print(f"\n{plan_table(plan)}\n", flush=True)
        year.follow({one["channel"]: one["spend"] for one in plan["channels"]})
        _post(edge, stack, year, YEAR_DAYS, year.days)
        _train(edge, year.last)
        _tell_what_it_brought(edge, year, plan)
    delay = None if seen is None else seen - SHIFT_DAY
    late = delay is None or delay > SEEN_WITHIN_DAYS
    print(f"shift of month 10: {'not reported' if delay is None else f'reported {delay} days after it'}")
    print(f"wrong statuses: {wrong}")
    return int(late or wrong > 0)


def _post(edge: Edge, stack: Answer, year: Year, first: int, end: int) -> None:
    """Spend and events of some days, and wait until all of it is credited."""
    rows = year.spend_rows(first, end)
    for start in range(0, len(rows), 500):
        edge.post("/v1/spend", {"rows": rows[start : start + 500]})
    events = list(year.events(first, end))
    with Progress("events sent", len(events)) as progress:
        send(stack, events, progress.to)
    orders = len(year.channels) * year.orders_a_day * (end - first)
    days = {"from": year.day(first).isoformat(), "to": (year.day(end - 1) + timedelta(days=1)).isoformat()}
    limit = time.monotonic() + CREDIT_LIMIT_S
    with Progress("orders credited", orders) as progress:
        while time.monotonic() < limit:
            proof = edge.get("/v1/reconcile", days)
            total = max((line["total"]["conversions_micro"] for line in proof["models"]), default=0) // 1_000_000
            progress.to(total - int(proof["pending"]))
            if total == orders and not proof["pending"]:
                return
            time.sleep(0.5)
    raise SystemExit(f"not all orders were credited within {CREDIT_LIMIT_S:.0f} s")


def _refit_through_the_year(edge: Edge, year: Year) -> tuple[int, int | None]:
    """Statuses beside the truth; how many were wrong, and the first refit that reported the shift."""
    wrong, seen = 0, None
    for number in REFITS:
        began_s = time.monotonic()
        _train(edge, year.day(number))
        answer = edge.get("/v1/saturation", {"as_of": year.day(number).isoformat()})
        took_s = time.monotonic() - began_s
        print(f"\nday {number}, refitted in {took_s:.1f} s: {len(answer['channels'])} channels under two models")
        print(status_table(answer), flush=True)
        for one in answer["channels"]:
            channel = next(known for known in CHANNELS if known.name == one["channel"])
            truth = channel.status_at(one["spend_a_day"])
            is_wrong = one["status"] not in (truth, "insufficient_evidence")
            wrong += is_wrong
            print(f"  {channel.name}: truth {truth}{'  WRONG' if is_wrong else ''}, changed on {one['changed_on']}")
            if channel.shift != 1.0 and one["changed_on"] and number >= SHIFT_DAY and seen is None:
                seen = number
    return wrong, seen


def _train(edge: Edge, until: date) -> None:
    job = edge.get(edge.post("/v1/saturation/train", {"until": until.isoformat()})["url"])
    with Progress(f"refit until {until}", max(job["channels"]["total"], 1)) as progress:
        while job["closed_at"] is None:
            time.sleep(0.2)
            job = edge.get(f"/v1/jobs/{job['job_id']}")
            progress.total = max(job["channels"]["total"], 1)
            progress.to(job["channels"]["done"])
    if job["state"] != "done":
        raise SystemExit(f"the refit until {until} failed: {job['failures']}")


def _tell_what_it_brought(edge: Edge, year: Year, plan: Answer) -> None:
    kept = next(one for one in edge.get("/v1/saturation/plans")["plans"] if one["plan_id"] == plan["plan_id"])
    today, spend = ({one["channel"]: one[name] for one in plan["channels"]} for name in ("today", "spend"))
    realised, claimed = kept["realised"], plan["net_profit"]
    print(f"plan {kept['state']}: {realised['note']}")
    for name, estimate in (("claimed", claimed), ("realised", realised.get("net_profit"))):
        if estimate:
            print(
                f"  {name:<9} {estimate['median']:8.2f} a day (90 %: {estimate['low']:.2f} to {estimate['high']:.2f})"
            )
    print(f"  by the true curves {year.true_gain(spend, today, MARGIN):8.2f} a day")


if __name__ == "__main__":
    sys.exit(main())
