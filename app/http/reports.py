"""Which reads does the API offer? Reports, reconciliation, explanation and the ledger export; secret key only."""

from __future__ import annotations

import logging
from contextlib import suppress

from flask import Blueprint, Response, g, request
from redis.exceptions import RedisError

from app.errors import BadInput
from app.http.answers import json_of
from app.http.asked import only, period_asked
from app.http.auth import secret_key
from app.http.parts import clock_ms, own_storage, parts
from app.http.under import rules_asked
from app.ledger.alone import RollupsBusy
from app.ledger.model_jobs import ModelJobs
from app.ledger.refresh import ONES_OWN, catch_up
from app.ledger.runs import Runs
from app.reports.attribution import attribution
from app.reports.channels import ASK_AGAIN_S, Question, channels, read_intervals, read_models
from app.reports.compare import compare, read_measure
from app.reports.days import Period
from app.reports.explain import explain
from app.reports.explained import shown
from app.reports.journeys import journeys, read_journeys_query
from app.reports.query import read_query
from app.reports.reconcile import reconcile
from app.storage.redis import get_redis
from app.storage.statements import Rollup

bp = Blueprint("reports", __name__)
log = logging.getLogger(__name__)

_ORDER_BYTES = 512
_CATCH_UP_S = 5.0


@bp.get("/v1/reports/attribution")
@secret_key
def attribution_report() -> Response:
    """Credit by channel, campaign, day, …, for each model."""
    words = ("by", "models", "currency", "conversion_type", "adjusted", "as_of", "limit", "after")
    only("from", "to", "rules", *words)
    query = read_query(period_asked(g.tenant.timezone), **{word: request.args.get(word, "") for word in words})
    under = rules_asked()
    _catch_up(Rollup.CREDIT, query.period)
    return json_of(attribution(under.storage, under.tenant, query, now_ms=clock_ms()).shown() | under.versioned)


@bp.get("/v1/reports/journeys")
@secret_key
def journeys_report() -> Response:
    """Top paths, their length and time lag, first to last, assists; converting against not."""
    only("from", "to", "rules", "conversion_type", "limit", "with")
    words = request.args
    query = read_journeys_query(
        period_asked(g.tenant.timezone),
        conversion_type=words.get("conversion_type", ""),
        limit=words.get("limit", ""),
        with_=words.get("with", ""),
    )
    under = rules_asked()
    _catch_up(Rollup.JOURNEYS, query.period)
    return json_of(journeys(under.storage, under.tenant, query, now_ms=clock_ms()).shown() | under.shown)


@bp.get("/v1/reports/channels")
@secret_key
def channels_report() -> Response:
    """Markov and Shapley of a period. They are computed by a job: ask again while `state` is computing."""
    only("from", "to", "models", "conversion_type", "intervals")
    words = request.args
    models = read_models(words.get("models", ""))
    period, intervals = period_asked(g.tenant.timezone), read_intervals(words.get("intervals", ""))
    question = Question(period, words.get("conversion_type", ""), intervals)
    _catch_up(Rollup.JOURNEYS, question.period)
    answer = channels(own_storage(), ModelJobs(get_redis(parts().settings)), g.tenant, question, models)
    response = json_of(answer)
    if answer["state"] == "computing":
        response.headers["Retry-After"] = str(ASK_AGAIN_S)
    return response


@bp.get("/v1/reports/compare")
@secret_key
def compare_report() -> Response:
    """Models beside each other: ranks, shares, and the money that the choice moves."""
    words = ("by", "models", "currency", "conversion_type", "adjusted", "as_of")
    only("from", "to", "rules", "measure", *words)
    query = read_query(period_asked(g.tenant.timezone), **{word: request.args.get(word, "") for word in words})
    measure = read_measure(request.args.get("measure", ""))
    under = rules_asked()
    _catch_up(Rollup.CREDIT, query.period)
    return json_of(compare(under.storage, under.tenant, query, measure, now_ms=clock_ms()).shown() | under.versioned)


@bp.get("/v1/reconcile")
@secret_key
def reconciliation() -> Response:
    """The proof that credited + unattributed = total of conversions."""
    only("from", "to", "rules")
    period, under = period_asked(g.tenant.timezone), rules_asked()
    _catch_up(Rollup.CREDIT, period)
    return json_of(reconcile(under.storage, under.tenant, period, now_ms=clock_ms()).shown() | under.shown)


@bp.get("/v1/conversions/<any_id:order_id>")
@secret_key
def conversion(order_id: str) -> Response:
    """One order: every touch of its person, in or out, and why. An order id may hold slashes."""
    only("rules", "conversion_type")
    if len(order_id.encode()) > _ORDER_BYTES:
        raise BadInput("bad_order_id", "The order_id is too long.", f"Order ids have at most {_ORDER_BYTES} bytes.")
    under = rules_asked()
    found = explain(under.storage, under.tenant, order_id, request.args.get("conversion_type", ""))
    return json_of(shown(found) | under.shown)


def _catch_up(rollup: Rollup, period: Period) -> None:
    """Sum up first what blocks have left of the days that a report reads.

    One as of a day reads them too, to say whether it reconciles. Where others are long at it, Redis is away, or they
    cannot be summed up, what is there is read: a report says itself whether it reconciles.
    """
    settings, registry = parts().settings, parts().registry
    runs, days = Runs(get_redis(settings), settings.chunk_deadline_s), (period.first, period.end)
    try:
        with suppress(RollupsBusy, RedisError):
            catch_up(own_storage(), runs, registry, g.tenant.tenant_id, rollup, days, wait_s=_CATCH_UP_S)
    except ONES_OWN as error:
        log.exception("a report of %s is not the newest: %s cannot be summed up: %s", g.tenant.slug, rollup, error)
