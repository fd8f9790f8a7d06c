"""What was a conversion's credit before it was attributed again, and what is it now?

Every run compares what it is about to write with what stands. Where the credit differs, both sides are kept, summed by
channel; where it does not, and where a conversion is credited for the first time, nothing is written. It is kept
before the ledger is: a chunk that dies in between finds the same difference again, and writes the same row.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any

import msgspec

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.storage.changes import ChangeRow, StandingCredit, changes_of, insert_changes, standing_credit
from app.storage.client import Storage

MILLION = 1_000_000
MOST_CHANGES = 1_000
"""Newest changes of one order that are listed."""
_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Credit:
    """One side of a change. `micros`, `gross` and `net` are model-major over `channels`; digest 0: there is none."""

    digest: int = 0
    ts_ms: int = 0
    rules_version: int = 0
    currency: str = ""
    gross_minor: int = 0
    net_minor: int = 0
    retracted: int = 0
    touches: int = 0
    channels: tuple[str, ...] = ()
    micros: tuple[int, ...] = ()
    net: tuple[int, ...] = ()


NO_CREDIT = Credit()


def record_changes(
    storage: Storage,
    tenant_id: int,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    reason: str,
    run_id: str,
    version: int,
) -> int:
    """Keep before and after of the conversions whose credit these ledger rows are going to change.

    Parameters
    ----------
    names, rows : columns and rows that are about to be inserted into `ledger`, all of one run.
    reason : the kind of the run.

    Returns
    -------
    How many conversions change.
    """
    at = {name: place for place, name in enumerate(names)}
    key_at, day_at = at["conversion_key"], at["utc_day"]
    before = standing_credit(
        storage, tenant_id, [row[day_at] for row in rows], [row[key_at] for row in rows], task="ledger.history"
    )
    if not before:
        return 0
    after = {row[key_at]: row for row in rows if not row[at["is_deleted"]]}
    content_of = itemgetter(*(at[name] for name in _CONTENT))
    changes = []
    for key, stood in before.items():
        row = after.get(key)
        if stood.version > version or _is_same(stood, None if row is None else content_of(row)):
            continue  # a later run's rows stand; what is the same is no change, and nothing is summed up for it
        old, new = _of_standing(stood), _of_row(row, at)
        changes.append(_columns(tenant_id, key, version, run_id, reason, old, new))
    if changes:
        insert_changes(storage, dict(zip(_NAMES, zip(*changes, strict=True), strict=True)), task="ledger.history")
    return len(changes)


def history(storage: Storage, tenant_id: int, keys: Sequence[int]) -> list[ChangeRow]:
    """The changes of some conversions, oldest first."""
    return changes_of(storage, tenant_id, keys, MOST_CHANGES)


_CONTENT = (
    *("ts", "currency", "gross_minor", "net_minor", "retracted", "touch_keys", "touch_channels", "micros"),
    *("gross", "net"),
)
"""What makes a credit: columns of `ledger`; the digest is over them, in this order."""
_content_of_standing = attrgetter("ts_ms", *_CONTENT[1:])


def _is_same(stood: StandingCredit, content: tuple[Any, ...] | None) -> bool:
    """Whether the credit that stands says the same as the new row (None: there is none any more)."""
    if content is None or stood.is_deleted:
        return content is None and bool(stood.is_deleted)
    return bool(_content_of_standing(stood) == content)


def _of_standing(row: StandingCredit) -> Credit:
    if row.is_deleted:
        return NO_CREDIT
    return _credit(
        row.ts_ms, row.rules_version, row.currency, row.gross_minor, row.net_minor, row.retracted,
        row.touch_keys, row.touch_channels, row.micros, row.gross, row.net,
    )  # fmt: skip


def _of_row(row: tuple[Any, ...] | None, at: dict[str, int]) -> Credit:
    if row is None:
        return NO_CREDIT
    wanted = ("ts", "rules_version", "currency", "gross_minor", "net_minor", "retracted")
    arrays = ("touch_keys", "touch_channels", "micros", "gross", "net")
    return _credit(*(row[at[name]] for name in wanted), *(row[at[name]] for name in arrays))


def _credit(
    ts_ms: int,
    rules_version: int,
    currency: str,
    gross_minor: int,
    net_minor: int,
    retracted: int,
    touch_keys: Sequence[int],
    touch_channels: Sequence[str],
    micros: Sequence[int],
    gross: Sequence[int],
    net: Sequence[int],
) -> Credit:
    content = (ts_ms, currency, gross_minor, net_minor, retracted, touch_keys, touch_channels, micros, gross, net)
    digest = int.from_bytes(hashlib.blake2b(_pack(content), digest_size=8).digest(), "little") or 1
    channels, summed = _by_channel(touch_channels, micros, net or gross, net_minor)
    return Credit(
        digest, ts_ms, rules_version, currency, gross_minor, net_minor, retracted, len(touch_keys), channels, *summed
    )


def _by_channel(
    touch_channels: Sequence[str], micros: Sequence[int], net: Sequence[int], net_minor: int
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], tuple[int, ...]]]:
    """Channels in order of name, and their conversions (micros) and net amounts, model-major."""
    models = len(FIVE_MODELS)
    if not touch_channels:
        return (UNATTRIBUTED,), ((MILLION,) * models, (net_minor,) * models)
    channels = tuple(sorted(set(touch_channels)))
    place = {channel: number for number, channel in enumerate(channels)}
    width, touches = len(channels), len(touch_channels)
    places = [place[channel] for channel in touch_channels]
    sums = [0] * (models * width), [0] * (models * width)
    for model in range(models):
        start, base = model * touches, model * width
        end = start + touches
        for to, micro, amount in zip(places, micros[start:end], net[start:end], strict=True):
            sums[0][base + to] += micro
            sums[1][base + to] += amount
    return channels, (tuple(sums[0]), tuple(sums[1]))


_SIDES = ("rules", "digest", "time", "currency", "gross", "net", "retracted", "touches", "channels", "micros", "credit")
_NAMES = (
    *("tenant_id", "conversion_key", "version", "run_id", "reason", "changed_at"),
    *(f"{name}_{side}" for name in _SIDES for side in ("before", "after")),
)


def _columns(
    tenant_id: int, key: int, version: int, run_id: str, reason: str, old: Credit, new: Credit
) -> tuple[Any, ...]:
    sides = zip(_side(old), _side(new), strict=True)
    head = (tenant_id, key, version, run_id, reason, time.time_ns() // 1_000_000)
    return head + tuple(value for pair in sides for value in pair)


def _side(credit: Credit) -> tuple[Any, ...]:
    return (
        *(credit.rules_version, credit.digest, credit.ts_ms, credit.currency, credit.gross_minor, credit.net_minor),
        *(credit.retracted, credit.touches, credit.channels, credit.micros, credit.net),
    )
