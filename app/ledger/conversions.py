"""What is the conversion of a key, given every event that claimed to be it, and what is it worth by now?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from app.attribution.currency import AmountError, CurrencyError, to_minor
from app.storage.adjustments import AdjustmentRow
from app.storage.conversion_history import ConversionEvent

DAY_MS = 86_400_000


class Order(NamedTuple):
    """One conversion of a tenant: the earliest row of its key by (time, messageId), with its adjustments applied.

    `times_ms` are those of every row that its key ever had, cancelled ones included: wherever an older answer may
    stand in the ledger. `winner` is None where every row was cancelled. A tuple: a chunk makes thousands of them, and a
    frozen dataclass takes three times as long to make.
    """

    tenant_id: int
    key: int
    winner: ConversionEvent | None
    duplicates: int
    times_ms: tuple[int, ...]
    net_minor: int
    retracted: bool


def orders(rows: Iterable[ConversionEvent], adjustments: Sequence[AdjustmentRow]) -> list[Order]:
    """The conversions of some tenants' keys, in the order in which the ledger keeps them: tenant, day, key.

    Parameters
    ----------
    rows : all rows of the keys, cancelled twins included, in any order.
    adjustments : those of the keys' orders, one per adjustment id.
    """
    by_order: dict[tuple[int, str], list[AdjustmentRow]] = {}
    for adjustment in adjustments:
        by_order.setdefault((adjustment.tenant_id, adjustment.order_id), []).append(adjustment)
    listed = list(rows)
    by_key: dict[tuple[int, int], list[ConversionEvent]] = {}
    plain = listed
    if odd := _odd(listed, by_order):
        plain = [row for row in listed if row[:2] not in odd]
        for row in listed:
            if row[:2] in odd:
                by_key.setdefault(row[:2], []).append(row)
    found = list(map(_plain, plain))
    found += [_order(tenant_id, key, of_key, by_order) for (tenant_id, key), of_key in by_key.items()]
    return sorted(found, key=_place)


def _odd(rows: Sequence[ConversionEvent], by_order: Collection[tuple[int, str]]) -> set[tuple[int, int]]:
    """The (tenant, key) of those that are more than one event that stands as it came: few."""
    whose = list(map(_tenant_and_key, rows))
    odd = {one for one, count in Counter(whose).items() if count > 1} if len(set(whose)) < len(whose) else set()
    if any(map(_is_deleted, rows)):
        odd |= {row[:2] for row in rows if row.is_deleted}
    if by_order:
        odd |= {row[:2] for row in rows if (row.tenant_id, row.order_id) in by_order}
    return odd


_tenant_and_key, _is_deleted = itemgetter(0, 1), itemgetter(9)
"""Of a `ConversionEvent`."""


def _place(order: Order) -> tuple[int, int, int]:
    return order.tenant_id, order.winner.ts_ms // DAY_MS if order.winner else 0, order.key


def _plain(row: ConversionEvent) -> Order:
    new: Order = tuple.__new__(Order, (row[0], row[1], row, 0, (row[2],), row[7], False))
    return new


def _order(
    tenant_id: int, key: int, rows: Sequence[ConversionEvent], by_order: dict[tuple[int, str], list[AdjustmentRow]]
) -> Order:
    cancelled = {(row.ts_ms, row.message_id) for row in rows if row.is_deleted}
    alive = {(row.ts_ms, row.message_id): row for row in rows if not row.is_deleted}
    standing = sorted(identity for identity in alive if identity not in cancelled)
    times = tuple(sorted({row.ts_ms for row in rows}))
    if not standing:
        return Order(tenant_id, key, None, 0, times, 0, False)
    winner = alive[standing[0]]
    net_minor, retracted = net_value(winner, by_order.get((tenant_id, winner.order_id), ()))
    duplicates = len({message_id for _, message_id in standing}) - 1
    return Order(tenant_id, key, winner, duplicates, times, net_minor, retracted)


def net_value(conversion: ConversionEvent, adjustments: Sequence[AdjustmentRow]) -> tuple[int, bool]:
    """Value after the adjustments (minor units), and whether the conversion was taken back (SEMANTICS 4.4, 4.8).

    The last applicable adjustment by (time, id) stands: a restatement after a retraction restores the conversion.
    """
    fitting = [item for item in adjustments if applies(item, conversion)]
    if not fitting:
        return conversion.value_minor, False
    last = max(fitting, key=lambda item: (item.at_ms, item.adjustment_id))
    if last.action == "retract":
        return 0, True
    return to_minor(last.value, conversion.currency), False


def applies(adjustment: AdjustmentRow, conversion: ConversionEvent) -> bool:
    """Whether an adjustment speaks of this conversion, in its currency; the others are listed by reconcile."""
    if adjustment.conversion_type not in ("", conversion.conversion_type):
        return False
    if adjustment.action == "retract":
        return True
    if adjustment.currency not in ("", conversion.currency):
        return False
    try:
        to_minor(adjustment.value, conversion.currency)
    except (AmountError, CurrencyError):
        return False
    return True
