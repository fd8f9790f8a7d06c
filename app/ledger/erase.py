"""How is a person made invisible, at once? Tombstones, cancelled rows, cut meetings, and the credit made again.

Nothing is gone yet after that, and nothing can be seen: `app.ledger.erasing` deletes it for good, in batches.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import msgspec

from app.errors import BadInput
from app.identity.persons import Span, concerned, conversions_of_ids, find_person
from app.ledger.reattribute import start_run
from app.ledger.runs import RunKind, Runs
from app.storage import keys
from app.storage.client import Storage
from app.storage.conversions import insert_conversions
from app.storage.erase_statements import COUNTS
from app.storage.erased import (
    HIDE_TOUCHES,
    REMEMBER_TOUCHES,
    PersonsConversion,
    insert_tombstones,
    persons_conversions,
    spans_table,
)
from app.storage.erasures import ErasureRow, insert_erasure
from app.storage.external import External
from app.storage.identity import insert_cuts
from app.tenants.never import Fact, storing
from app.tenants.tenant import Tenant
from config.settings import Settings

MODES = ("anonymise", "remove")


class Work(msgspec.Struct):
    """What an erasure deletes, while it is under way. `messages` are (key, messageId, raw id) of the person's
    conversion events, `orders` (key, order id) of the conversions that are to go with them."""

    person: str
    spans: list[Span]
    meetings: list[tuple[str, str]]
    concerned: list[str]
    messages: list[tuple[int, str, str]] = []
    orders: list[tuple[int, str]] = []
    run_ids: list[str] = []
    version: int = 0
    before: dict[str, int] = {}
    deleting_since_ms: int = 0


encode_work = msgspec.json.Encoder().encode
decode_work = msgspec.json.Decoder(Work).decode


def request_erasure(
    redis: Any, storage: Storage, settings: Settings, tenant: Tenant, id: str, *, kind: str, mode: str
) -> ErasureRow:
    """Record the erasure of a person and hide all that is stored of them.

    Parameters
    ----------
    id, kind : one of the person's ids, and its namespace where both have it.
    mode : 'anonymise' keeps the conversions as nobody's, 'remove' takes them away.

    Raises
    ------
    BadInput, NotFound : the mode or the person is not clear, or there is no such person.
    """
    if mode not in MODES:
        raise BadInput(
            "bad_mode", f"conversions is {mode[:40]!r}.", "Say conversions=anonymise (kept, as nobody's) or =remove."
        )
    person = find_person(storage, tenant, id, kind)
    runs = Runs(redis, settings.chunk_deadline_s)
    now_us = runs.now_version()
    work = Work(person.name, person.spans, person.meetings, sorted(concerned(storage, tenant, person.meetings)))
    row = ErasureRow(
        f"x{uuid.uuid4().hex}", "requested", mode, "", now_us // 1000, 0, encode_work(work).decode(), "", now_us
    )
    # From here on the beat finishes it, whatever becomes of this request.
    insert_erasure(storage, tenant.tenant_id, row)
    redis.zadd(keys.ERASURES_DUE, {f"{tenant.tenant_id}:{row.erasure_id}": row.requested_ms})
    return hide(redis, storage, settings, tenant, row)


def hide(redis: Any, storage: Storage, settings: Settings, tenant: Tenant, row: ErasureRow) -> ErasureRow:
    """Hide what is stored of the person by now, and attribute again what that changes. Safe to repeat."""
    work, tenant_id = decode_work(row.work), tenant.tenant_id
    params, external = {"erased_ms": row.requested_ms}, {"gone": spans_table(work.spans)}
    insert_tombstones(storage, tenant_id, work.spans, row.requested_ms)
    theirs = _theirs(storage, tenant, work, row)
    if not work.before:
        work.before = counts(storage, tenant, work, row, "touchpoints", "conversions", "identity_aliases")
    storage.rows(REMEMBER_TOUCHES, tenant_id=tenant_id, params=params, external=external, task="erase")
    storage.rows(HIDE_TOUCHES, tenant_id=tenant_id, params=params, external=external, task="erase")
    _hide_conversions(storage, tenant_id, row, theirs)
    with storing(redis, Fact.CUT, [tenant_id]):
        insert_cuts(storage, tenant_id, work.meetings, version=row.version, task="erase")
    touched = set(work.concerned) | {id for id, _, _ in work.spans}
    affected = {item.conversion_key for item in theirs} | set(conversions_of_ids(storage, tenant, touched))
    run_id = start_run(redis, settings, RunKind.ERASE, tenant_id, sorted(affected))
    record = Runs(redis, settings.chunk_deadline_s).get(run_id)
    work.run_ids.append(run_id)
    work.version = record.version if record else work.version
    now_us = Runs(redis, settings.chunk_deadline_s).now_version()
    hidden = row._replace(state="hidden", run_id=run_id, work=encode_work(work).decode(), version=now_us)
    insert_erasure(storage, tenant_id, hidden)
    return hidden


def counts(storage: Storage, tenant: Tenant, work: Work, row: ErasureRow, *tables: str) -> dict[str, int]:
    """How many rows of the person these tables (all of them where none is named) hold."""
    external = work_tables(work)
    params = {"erased_ms": row.requested_ms, "version": work.version}
    found = {}
    for table in tables or COUNTS:
        statement = COUNTS[table]
        used = {name: part for name, part in external.items() if f"FROM {name}" in statement.sql}
        rows = storage.rows(statement, tenant_id=tenant.tenant_id, params=params, external=used, task="erase")
        found[table] = int(rows[0][0])
    return found


def work_tables(work: Work) -> dict[str, Any]:
    """The external tables that the statements of an erasure read."""
    both = sorted({pair for id, met in work.meetings for pair in ((id, met), (met, id))})
    return {
        "gone": spans_table(work.spans),
        "messages": External(
            {
                "key": ("UInt64", [key for key, _, _ in work.messages]),
                "message_id": ("String", [message_id for _, message_id, _ in work.messages]),
                "user_id": ("String", [user_id for _, _, user_id in work.messages]),
            }
        ),
        "orders": External(
            {
                "key": ("UInt64", [key for key, _ in work.orders]),
                "order_id": ("String", [order_id for _, order_id in work.orders]),
            }
        ),
        "pairs": External({"id": ("String", [id for id, _ in both]), "met": ("String", [met for _, met in both])}),
    }


def _theirs(storage: Storage, tenant: Tenant, work: Work, row: ErasureRow) -> list[PersonsConversion]:
    """The conversion events of the person that stand; notes in `work` all that there ever were, and their orders."""
    found = persons_conversions(storage, tenant.tenant_id, work.spans)
    cancelled = {(item.conversion_key, item.ts_ms, item.message_id) for item in found if item.is_deleted}
    ever = [item for item in found if not item.is_deleted and _is_theirs(item, work.spans, row.requested_ms)]
    standing = [item for item in ever if (item.conversion_key, item.ts_ms, item.message_id) not in cancelled]
    known = {(key, message_id, user_id) for key, message_id, user_id in work.messages}
    known |= {(item.conversion_key, item.message_id, item.user_id) for item in ever}
    work.messages = sorted(known)
    if row.mode == "remove":
        messages = {(key, message_id) for key, message_id, _ in known}
        kept = {item.conversion_key for item in found if (item.conversion_key, item.message_id) not in messages}
        orders = {(item.conversion_key, item.order_id) for item in ever if item.conversion_key not in kept}
        work.orders = sorted(orders | {(key, order_id) for key, order_id in work.orders if key not in kept})
    return list({(item.conversion_key, item.message_id, item.ts_ms): item for item in standing}.values())


def _is_theirs(item: PersonsConversion, spans: list[Span], erased_ms: int) -> bool:
    return item.received_ms <= erased_ms and any(
        item.user_id == id and low <= item.ts_ms <= high for id, low, high in spans
    )


def _hide_conversions(storage: Storage, tenant_id: int, row: ErasureRow, theirs: list[PersonsConversion]) -> None:
    """Cancel the person's conversion events; to anonymise, a nobody takes each one's place."""
    rows = [item._replace(is_deleted=1) for item in theirs]
    if row.mode == "anonymise":
        rows += [_nobodys(item, row.erasure_id) for item in theirs]
    if not rows:
        return
    names = [name for name in PersonsConversion._fields if name not in ("ts_ms", "received_ms")]
    columns: dict[str, list[Any]] = {name: [getattr(item, name) for item in rows] for name in names}
    columns |= {"ts": [item.ts_ms for item in rows], "received_at": [item.received_ms for item in rows]}
    insert_conversions(storage, {"tenant_id": [tenant_id] * len(rows), **columns}, "", task="erase")


def _nobodys(item: PersonsConversion, erasure_id: str) -> PersonsConversion:
    """The same conversion, made by an id that is nobody's; each by another, so that they cannot be told together."""
    seed = f"{erasure_id}\0{item.conversion_key}\0{item.message_id}".encode()
    name = f"erased-{hashlib.blake2b(seed, digest_size=16).hexdigest()}"
    return item._replace(user_id=f"a:{name}", anonymous_id="", message_id=name, is_deleted=0)
