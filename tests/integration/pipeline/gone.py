"""How does a test erase a person, and see where a text still stands?"""

from __future__ import annotations

import time

from app.ledger.erase import request_erasure
from app.ledger.erasing import Erasing
from app.storage.erasures import erasure
from app.storage.statements import TenantStatement

TABLES = {
    "touchpoints": "concat(user_id, ' ', message_id)",
    "conversions": "concat(user_id, ' ', message_id, ' ', anonymous_id)",
    "conversions_by_user": "user_id",
    "events": "concat(user_id, ' ', message_id)",
    "identity_aliases": "concat(id, ' ', met)",
    "identity_cuts": "concat(id, ' ', met)",
    "ledger": "concat(person, ' ', message_id)",
}
SEARCH = "SELECT count() FROM {table} WHERE {{tenant}} AND has(splitByChar(' ', {text}), %(text)s)"
SEARCHES = {
    table: TenantStatement(f"search_{table}", SEARCH.format(table=table, text=text)) for table, text in TABLES.items()
}


def where(pipeline, tenant, text):
    """The tables that hold a text, whatever any query would make of it."""
    rows = pipeline.context.storage.rows
    return [
        table
        for table, statement in SEARCHES.items()
        if rows(statement, tenant_id=tenant.tenant_id, params={"text": text})[0][0]
    ]


def erase(pipeline, tenant, id, *, kind="", mode="remove"):
    context = pipeline.context
    row = request_erasure(context.redis, context.storage, context.settings, tenant, id, kind=kind, mode=mode)
    pipeline.finish(row.run_id)
    return row


def until_gone(pipeline, tenant, row):
    context = pipeline.context
    erasing = Erasing(context.redis, context.storage, context.settings, context.registry)
    for _ in range(100):
        erasing.step()
        found = erasure(context.storage, tenant.tenant_id, row.erasure_id)
        if found.state == "erased":
            return found
        if found.run_id:
            pipeline.finish(found.run_id)
        time.sleep(0.05)
    raise AssertionError(f"not erased: {found}")
