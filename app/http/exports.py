"""How does the ledger leave? Streamed as CSV or Parquet, whole or in parts that can be taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from app.errors import BadInput
from app.http.asked import only, period_asked
from app.http.auth import secret_key
from app.http.under import rules_asked
from app.reports.export import FORMATS, ledger_csv, ledger_parquet, plan, require_format
from app.reports.pages import read_limit

bp = Blueprint("exports", __name__)

MOST_LIMIT = 10_000_000
_WORDS = ("from", "to", "rules", "format", "text", "after", "limit", "header")


@bp.get("/v1/export/ledger")
@secret_key
def ledger_export() -> Response:
    """The ledger, or a part of it. An error on the way cuts the transfer off: nobody takes it for whole."""
    only(*_WORDS)
    format, header = request.args.get("format", "csv"), _one_of("header", "yes", ("yes", "no"))
    if format == "parquet" and header == "no":
        raise BadInput("bad_header", "header is 'no'; Parquet has none.", "Leave `header` out, or use format=csv.")
    require_format(format)
    text = _one_of("text", "safe", ("safe", "raw"))
    under = rules_asked()
    storage, tenant = under.storage, under.tenant
    period = period_asked(tenant.timezone)
    limit = request.args.get("limit", "")
    most = read_limit(limit, MOST_LIMIT, "conversions") if limit else 0
    part = plan(storage, tenant, period, after=request.args.get("after", ""), limit=most)
    if format == "parquet":
        pieces = ledger_parquet(storage, tenant, period, part=part)
    else:
        pieces = ledger_csv(storage, tenant, period, raw_text=text == "raw", header=header == "yes", part=part)
    kind = "shadow-ledger" if under.is_shadow else "ledger"
    name = f"{kind}-{tenant.slug}-{period.first}-{period.end}.{format}"
    answer = Response(
        _begun(pieces),
        content_type=FORMATS[format],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )
    if part.next_cursor:
        # The days are said again: without them the next part would be of another period.
        words = {**request.args, "from": f"{period.first}", "to": f"{period.end}", "after": part.next_cursor}
        answer.headers["Tributary-Next-Cursor"] = part.next_cursor
        answer.headers["Link"] = f'<{request.path}?{urlencode(words)}>; rel="next"'
    return answer


def _one_of(name: str, default: str, allowed: tuple[str, str]) -> str:
    value = request.args.get(name, default)
    if value not in allowed:
        raise BadInput(f"bad_{name}", f"{name} is {value[:40]!r}.", f"Use {name}={allowed[0]} or {name}={allowed[1]}.")
    return value


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, the first two made already: what fails at once is still answered as an error."""
    first = [piece for _, piece in zip(range(2), pieces, strict=False)]

    def all_of_them() -> Iterator[bytes]:
        yield from first
        yield from pieces

    return all_of_them()
