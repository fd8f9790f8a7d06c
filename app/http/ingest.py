"""How do events come in? The endpoints of Segment's HTTP API and PostHog's capture API.

200 means that Redis has the batch. One request is one entry of the inbox, together with the dead letters of its bad
events; the answer has one verdict for each of them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
from flask import Blueprint, Response

from app.errors import TributaryError
from app.http.auth import key_in_headers, tenant_of_write_key
from app.http.body import read_body
from app.http.cors import allow_any_origin
from app.http.errors import error_answer
from app.http.metrics import count_accepted, count_rejected, count_warning
from app.http.parts import Parts, parts
from app.ingest.envelope import Posted, open_batch, open_capture, open_event
from app.ingest.events import Adjustment, Batch, Event, SpendRow, encode_batch
from app.ingest.judge import Dialect, Rejection, Verdicts, judge
from app.ingest.reading import Noted, begin_reading
from app.ingest.unread import unread_fields
from app.tenants.tenant import Tenant

bp = Blueprint("ingest", __name__)
bp.after_request(allow_any_origin)

EVENT_PATHS = {
    "track": ("/v1/track", "/v1/t"),
    "page": ("/v1/page", "/v1/p"),
    "screen": ("/v1/screen", "/v1/s"),
    "identify": ("/v1/identify", "/v1/i"),
    "alias": ("/v1/alias", "/v1/a"),
    "group": ("/v1/group", "/v1/g"),
}
BATCH_PATHS = ("/v1/batch", "/v1/import", "/v1/b")
CAPTURE_PATHS = ("/batch", "/capture", "/i/v0/e", "/e")


MEANINGLESS = "Words such as null or undefined name nobody: the id was taken as missing. Send an id or leave it out."


class Warned(msgspec.Struct):
    """Something that was put right or passed over, and how often."""

    code: str
    field: str
    count: int
    detail: str


class Answer(msgspec.Struct):
    """What a request with good or bad events is answered."""

    success: bool
    accepted: int
    rejected: list[Rejection]
    warnings: list[Warned] | msgspec.UnsetType = msgspec.UNSET


def _take(opened: Callable[[bytes], Posted], dialect: Dialect, event_type: str = "") -> Response:
    """Read, judge and keep one request."""
    received_ms = time.time_ns() // 1_000_000
    service = parts()
    key = key_in_headers()
    tenant = tenant_of_write_key(key) if key else None
    posted = opened(read_body(service.settings.batch_bytes))
    if tenant is None:
        tenant = tenant_of_write_key(posted.key)
    reading = begin_reading(tenant, received_ms, posted.sent_at, service.settings, event_type)
    verdicts = judge(posted, dialect, reading, tenant.tenant_id)
    keep(service, tenant, received_ms, verdicts, events=verdicts.events)
    warned = Counter(reading.noted)
    warned.update(Noted("meaningless_id", field, MEANINGLESS) for field in reading.warnings)
    for (code, field, _), count in warned.items():
        count_warning(f"{code}:{field}" if code == "meaningless_id" else code, count)
    warnings = [Warned(code, field[:80], count, detail) for (code, field, detail), count in warned.items()]
    return answer(verdicts, len(verdicts.events), alone=posted.alone, warnings=warnings)


def unread(posted: Posted, known: Sequence[str]) -> list[Warned]:
    """A warning for each field of the rows that nobody reads."""
    detail = f"Nobody reads this field. Those that are read: {', '.join(known)}."
    found = unread_fields(posted.items, known)
    return [Warned("unread_field", field, count, detail) for field, count in found.items()]


def keep(
    service: Parts,
    tenant: Tenant,
    received_ms: int,
    verdicts: Verdicts,
    *,
    events: list[Event] | None = None,
    spend: list[SpendRow] | None = None,
    adjustments: list[Adjustment] | None = None,
) -> None:
    """Write the good and the bad of a request, in one call."""
    rows = len(events or ()) + len(spend or ()) + len(adjustments or ())
    if rows or verdicts.letters:
        batch = Batch(
            tenant.tenant_id,
            received_ms,
            tenant.rules.version,
            tenant.retention_days,
            events or [],
            spend or [],
            adjustments or [],
        )
        entry = encode_batch(batch) if rows else b""
        service.inbox.accept(tenant.tenant_id, entry, rows, verdicts.letters)
    count_accepted(rows)
    for reason, count in Counter(rejection.code for rejection in verdicts.rejected).items():
        count_rejected(reason, count)


def answer(verdicts: Verdicts, accepted: int, *, alone: bool, warnings: Sequence[Warned] = ()) -> Response:
    """200 with the verdicts; a request of one thing alone that is refused is answered 400, with the verdict as well."""
    if alone and verdicts.rejected:
        first = verdicts.rejected[0]
        refused = TributaryError(first.code, first.message, first.detail, status=_status_of(first.code))
        return error_answer(refused, extra={"accepted": accepted, "rejected": verdicts.rejected})
    body = msgspec.json.encode(Answer(True, accepted, verdicts.rejected, list(warnings) or msgspec.UNSET))
    return Response(body, content_type="application/json")


def _status_of(code: str) -> int:
    return 413 if code == "event_too_large" else 400


def preflight() -> Response:
    """The browser asks whether it may post: yes, from anywhere."""
    return Response(status=204)


def _route(paths: tuple[str, ...], name: str, view: Callable[[], Response]) -> None:
    for path in paths:
        endpoint = f"{name}:{path}"
        bp.add_url_rule(path, endpoint, view, methods=["POST"], strict_slashes=False, provide_automatic_options=False)
        bp.add_url_rule(path, f"{endpoint}:preflight", preflight, methods=["OPTIONS"], strict_slashes=False)


def _event_view(event_type: str) -> Callable[[], Response]:
    return lambda: _take(open_event, Dialect.SEGMENT, event_type)


for _event_type, _paths in EVENT_PATHS.items():
    _route(_paths, _event_type, _event_view(_event_type))
_route(BATCH_PATHS, "batch", lambda: _take(open_batch, Dialect.SEGMENT))
_route(CAPTURE_PATHS, "capture", lambda: _take(open_capture, Dialect.POSTHOG))
