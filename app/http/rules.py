"""How are a tenant's rules read, tried out and changed, and its touches classified again? All with the secret key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from flask import Blueprint, Response, g, url_for

from app.channels.lint import Combination, Suspicious, lint
from app.errors import BadInput, TributaryError
from app.http.answers import json_of
from app.http.asked import DAYS, Days, only, period_asked, read_form
from app.http.auth import secret_key
from app.http.parts import clock_ms, own_storage, parts
from app.ledger.reclassify import reclassify
from app.ledger.reclassify_spend import reclassify_spend
from app.ledger.rules_change import Applied, apply_rules, decided_on_arrival
from app.reports.amounts import NOTHING
from app.reports.days import day_begins_ms, day_of, read_day, read_period, rfc3339
from app.storage.classification import utm_combinations
from app.storage.connections import get_storage
from app.storage.redis import get_redis
from app.storage.tenants import rules_versions
from app.tenants.checks import read_rules
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant

bp = Blueprint("rules", __name__)

_PUT = 'Send {"rules": {…}, "apply": "from_now", "history" or {"from": "YYYY-MM-DD"}}.'
_PREVIEW = 'Send {"rules": {…}, "days": 1 to 90}.'
MOST_DAYS = 90
MOST_COMBINATIONS = 20_000
MOST_LINTED = 1_000


class From(msgspec.Struct, rename={"first": "from"}, forbid_unknown_fields=True):
    """A day from which rules hold."""

    first: str


class _Put(msgspec.Struct, forbid_unknown_fields=True):
    rules: msgspec.Raw
    apply: str | From = "from_now"
    expected_version: int | None = None


class _Preview(msgspec.Struct, forbid_unknown_fields=True):
    rules: msgspec.Raw
    days: int = 30


@bp.get("/v1/rules")
@secret_key
def rules() -> Response:
    """The rules in force and every version there was."""
    only()
    tenant = fresh_tenant()
    versions = rules_versions(own_storage(), tenant.tenant_id)
    history = [
        {
            "version": item.version,
            "applies_from": from_text(item.from_ms),
            "created_at": rfc3339(item.created_ms),
            "rules": msgspec.Raw(item.rules.encode()),
        }
        for item in versions
    ]
    return json_of(_in_force(tenant) | {"history": history})


@bp.put("/v1/rules")
@secret_key
def change() -> Response:
    """New rules, from now on, from a day on, or for all of history; the same again change nothing."""
    body = read_form(_Put, _PUT)
    new = read_rules(body.rules)
    tenant, settings = fresh_tenant(), parts().settings
    if body.expected_version is not None and body.expected_version != tenant.rules.version:
        raise TributaryError(
            "rules_changed",
            f"The rules are at version {tenant.rules.version}, not {body.expected_version}.",
            "Read them again, put your change into them, and send that.",
            status=409,
        )
    applied = apply_rules(
        get_redis(settings), own_storage(), settings, registry(), tenant.tenant_id, new, begins_ms(body.apply, tenant)
    )
    return json_of({"success": True} | _in_force(applied.tenant) | jobs_of(applied))


@bp.post("/v1/rules/preview")
@secret_key
def try_out() -> Response:
    """What would change on the last days, if these rules held for all of history. Nothing is stored."""
    from app.ledger.preview import preview  # arrays: not loaded by a web process before somebody asks

    body = read_form(_Preview, _PREVIEW)
    new = read_rules(body.rules)
    if not 1 <= body.days <= MOST_DAYS:
        raise BadInput("bad_days", f"days is {body.days}.", f"Ask for 1 to {MOST_DAYS} days.")
    tenant, settings = fresh_tenant(), parts().settings
    last = day_of(clock_ms(), tenant.timezone) + timedelta(days=1)
    first = last - timedelta(days=body.days)
    found = preview(
        own_storage(),
        get_storage(numpy=True, settings=settings),
        tenant,
        new,
        day_begins_ms(first, tenant.timezone),
        day_begins_ms(last, tenant.timezone),
    )
    rows = []
    for model, channel, currency in sorted(found.before.keys() | found.after.keys()):
        key = (model, channel, currency)
        before, after = found.before.get(key, NOTHING), found.after.get(key, NOTHING)
        sides = {"before": before.shown(currency), "after": after.shown(currency)}
        change = (after - before).shown(currency)
        rows.append({"model": model, "channel": channel, "currency": currency} | sides | {"change": change})
    answer = {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "timezone": tenant.timezone,
        "rules_version": tenant.rules.version,
        "conversions": found.conversions,
        "conversions_changed": found.changed,
        "conversions_left_out": found.left_out,
        "decided_on_arrival": decided_on_arrival(tenant.rules, new),
        "rows": rows,
    }
    return json_of(answer)


@bp.get("/v1/channels/lint")
@secret_key
def broken_parameters() -> Response:
    """Campaign parameters that look broken, with the touches that carry them and the remedy."""
    only("from", "to")
    tenant = fresh_tenant()
    period = period_asked(tenant.timezone)
    rows = utm_combinations(own_storage(), tenant.tenant_id, period.from_ms, period.to_ms, MOST_COMBINATIONS)
    found = lint([Combination(*row) for row in rows])
    answer = {
        "from": period.first.isoformat(),
        "to": period.end.isoformat(),
        "timezone": period.timezone,
        "combinations": len(rows),
        "suspicious": len(found),
        "touches": sum(item.combination.touches for item in found),
        "truncated": len(found) > MOST_LINTED or len(rows) == MOST_COMBINATIONS,
        "rows": [_suspicious(item) for item in found[:MOST_LINTED]],
    }
    return json_of(answer)


@bp.post("/v1/channels/reclassify")
@secret_key
def classify_again() -> Response:
    """Give touches and spend of some days the channels of the newest rules, and credit their conversions again."""
    body = read_form(Days, DAYS)
    tenant, settings = fresh_tenant(), parts().settings
    period = read_period(body.first, body.end, timezone=tenant.timezone, now_ms=clock_ms())
    done = reclassify(get_redis(settings), own_storage(), settings, tenant, period.from_ms, period.to_ms)
    spend = reclassify_spend(own_storage(), tenant, period)
    answer = {
        "success": True,
        "from": period.first.isoformat(),
        "to": period.end.isoformat(),
        "timezone": period.timezone,
        "touches": done.read,
        "touches_changed": done.changed,
        "spend": spend.read,
        "spend_changed": spend.changed,
        "conversions": done.conversions,
        "job_id": done.job_id or None,
        "url": url_for("jobs.progress", job_id=done.job_id) if done.job_id else None,
    }
    return json_of(answer)


def _in_force(tenant: Tenant) -> dict[str, Any]:
    return {
        "version": tenant.rules.version,
        "applies_from": from_text(tenant.rules_from_ms),
        "rules": tenant.rules,
        "in_force": [{"version": item.rules.version, "from": from_text(item.from_ms)} for item in tenant.timeline],
    }


def jobs_of(applied: Applied) -> dict[str, Any]:
    """What a change set off."""
    first = applied.job_ids[0] if applied.job_ids else None
    return {
        "changed": applied.is_changed,
        "conversions": applied.conversions,
        "job_id": first,
        "job_ids": applied.job_ids,
        "url": url_for("jobs.progress", job_id=first) if first else None,
    }


def _suspicious(item: Suspicious) -> dict[str, Any]:
    one = item.combination
    return {
        "source": one.source,
        "medium": one.medium,
        "campaign": one.campaign,
        "channel": one.channel,
        "touches": one.touches,
        "problems": [
            {"code": str(problem.fault), "field": problem.field, "message": problem.message, "remedy": problem.remedy}
            for problem in item.problems
        ],
    }


def begins_ms(apply: str | From, tenant: Tenant) -> int:
    """The conversion time from which rules shall hold (epoch ms)."""
    now_ms = clock_ms()
    if isinstance(apply, From):
        from_ms = day_begins_ms(read_day("apply.from", apply.first), tenant.timezone)
        if from_ms > now_ms:
            raise BadInput("bad_apply", f"apply.from ({apply.first}) has not begun.", "Give today or an earlier day.")
        return from_ms
    if apply == "from_now":
        return now_ms
    if apply == "history":
        return 0
    raise BadInput("bad_apply", f"apply is {apply[:40]!r}.", _PUT)


def from_text(from_ms: int) -> str | None:
    """None: for all of history."""
    return rfc3339(from_ms) if from_ms else None


def fresh_tenant() -> Tenant:
    """As it is this moment: another process may have changed its rules."""
    return registry().fresh(g.tenant.tenant_id)


def registry() -> Registry:
    """This process's own."""
    return parts().registry



