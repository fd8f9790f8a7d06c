"""Which reads does the API offer? Reports, reconciliation, explanation and the ledger export; secret key only."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
from flask import Blueprint, Response, g, request

from app.errors import BadInput
from app.http.auth import secret_key
from app.http.parts import parts
from app.reports.attribution import attribution
from app.reports.days import Period, read_period
from app.reports.explain import explain
from app.reports.explained import shown
from app.reports.export import ledger_csv, require_format
from app.reports.query import read_query
from app.reports.reconcile import reconcile
from app.storage.client import Storage
from app.storage.connections import get_storage

bp = Blueprint("reports", __name__)

_ORDER_BYTES = 512


@bp.get("/v1/reports/attribution")
@secret_key
def attribution_report() -> Response:
    """Credit by channel, campaign, day, …, for each model."""
    _only("from", "to", "by", "models", "currency", "conversion_type")
    query = read_query(
        _period(),
        by=request.args.get("by", ""),
        models=request.args.get("models", ""),
        currency=request.args.get("currency", ""),
        conversion_type=request.args.get("conversion_type", ""),
    )
    return _json(attribution(_storage(), g.tenant, query, now_ms=_now_ms()).shown())


@bp.get("/v1/reconcile")
@secret_key
def reconciliation() -> Response:
    """The proof that credited + unattributed = total of conversions."""
    _only("from", "to")
    return _json(reconcile(_storage(), g.tenant, _period(), now_ms=_now_ms()).shown())


@bp.get("/v1/conversions/<path:order_id>")
@secret_key
def conversion(order_id: str) -> Response:
    """One order: every touch of its person, in or out, and why. An order id may hold slashes."""
    _only("conversion_type")
    if len(order_id.encode()) > _ORDER_BYTES:
        raise BadInput("bad_order_id", "The order_id is too long.", f"Order ids have at most {_ORDER_BYTES} bytes.")
    return _json(shown(explain(_storage(), g.tenant, order_id, request.args.get("conversion_type", ""))))


@bp.get("/v1/export/ledger")
@secret_key
def ledger_export() -> Response:
    """The ledger as CSV, streamed. An error on the way cuts the transfer off: nobody takes it for whole."""
    _only("from", "to", "format", "text")
    require_format(request.args.get("format", "csv"))
    text = request.args.get("text", "safe")
    if text not in ("safe", "raw"):
        raise BadInput("bad_text", f"text is {text[:40]!r}.", "Use text=safe (the default) or text=raw.")
    period = _period()
    name = f"ledger-{g.tenant.slug}-{period.first}-{period.end}.csv"
    return Response(
        _begun(ledger_csv(_storage(), g.tenant, period, raw_text=text == "raw")),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )


def _storage() -> Storage:
    """This thread's own."""
    return get_storage(settings=parts().settings)


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, the first two made already: what fails at once is still answered as an error."""
    first = [piece for _, piece in zip(range(2), pieces, strict=False)]

    def all_of_them() -> Iterator[bytes]:
        yield from first
        yield from pieces

    return all_of_them()


def _period() -> Period:
    return read_period(
        request.args.get("from", ""), request.args.get("to", ""), timezone=g.tenant.timezone, now_ms=_now_ms()
    )


def _only(*names: str) -> None:
    """BadInput on a parameter that does not exist: a misspelt filter must not pass for none."""
    for name in request.args:
        if name not in names:
            raise BadInput(
                "unknown_parameter", f"There is no parameter {name[:40]!r} here.", f"Use {', '.join(names)}."
            )


def _json(answer: object) -> Response:
    return Response(msgspec.json.encode(answer), content_type="application/json")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
