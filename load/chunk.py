"""How many conversions a second does a whole chunk attribute, and where does its time go?"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from app.attribution.credit import Conversions, credit
from app.attribution.touches import Touches
from app.ledger.attribute import attribute, touches_in
from app.ledger.keys import conversion_key
from app.storage.client import Storage
from app.storage.touches import TOUCHES, TOUCHES_NEAR, TOUCHES_NEW
from app.tenants.tenant import Tenant
from load.figures import Figure, compared, in_turns, of_rates
from load.setting import Setting
from load.spent import Spent
from load.touch_query import batched
from load.touch_table import TENANT, Conversion

TYPE = "Order Completed"


def measure(setting: Setting) -> Iterator[Figure]:
    asked = setting.touches.conversions[: 200 if setting.is_quick else 5_000]
    storage, arrays = Storage(setting.settings), Storage(setting.settings, numpy=True)
    keys = insert_conversions(storage, asked)
    tenant = Tenant(TENANT, "bench", "Bench")
    versions = itertools.count(1)
    touches, conversions = _read(arrays, asked, keys)
    spent: list[Spent] = []

    def whole() -> None:
        with Spent() as one:
            done = attribute(storage, arrays, [tenant], {TENANT: keys}, run_id="bench", version=next(versions))
        if done.conversions != len(asked):
            raise AssertionError(f"{done.conversions} of {len(asked)} conversions were attributed")
        spent.append(one)

    whole()
    spent.clear()
    whole_s, query_s, credit_s = in_turns(
        [whole, lambda: batched(arrays, asked), lambda: credit(touches, conversions)], setting.rounds(7)
    )
    n, touch_queries = len(asked), (TOUCHES.name, TOUCHES_NEAR.name, TOUCHES_NEW.name)
    parts = {
        "touch_query_ms": 1000 * statistics.median(one.of(*touch_queries) for one in spent),
        "other_queries_ms": 1000 * statistics.median(one.all_but(*touch_queries, "ledger") for one in spent),
        "credit_ms": 1000 * statistics.median(credit_s),
        "insert_ms": 1000 * statistics.median(one.of("ledger") for one in spent),
        "whole_ms": 1000 * statistics.median(whole_s),
    }
    parts["rest_ms"] = 2 * parts["whole_ms"] - sum(parts.values())
    figure = of_rates("chunk", "conversions", [n / taken for taken in whole_s], n, touches=len(touches), **parts)
    alone = of_rates("", "conversions", [n / taken for taken in query_s], n)
    yield compared(figure, "the touch query alone", alone.value)
    storage.close()
    arrays.close()


def insert_conversions(storage: Storage, asked: Sequence[Conversion]) -> list[int]:
    """Store the conversions; their keys, in the same order."""
    orders = [f"order-{number}" for number in range(len(asked))]
    keys = [conversion_key(TYPE, order) for order in orders]
    n = len(asked)
    storage.insert(
        "conversions",
        {
            "tenant_id": [TENANT] * n,
            "conversion_type": [TYPE] * n,
            "order_id": orders,
            "conversion_key": keys,
            "ts": [one.time_ms for one in asked],
            "message_id": [f"message-{order}" for order in orders],
            "user_id": [one.user_id for one in asked],
            "anonymous_id": [""] * n,
            "value_minor": [1_000 + 37 * number for number in range(n)],
            "currency": ["USD"] * n,
            "rules_version": [1] * n,
            "received_at": [one.time_ms for one in asked],
            "retention_days": [1000] * n,
            "is_deleted": [0] * n,
        },
    )
    return keys


def _read(arrays: Storage, asked: Sequence[Conversion], keys: Sequence[int]) -> tuple[Touches, Conversions]:
    """What the credit of the chunk is computed from."""
    found = batched(arrays, asked)
    conversions = Conversions.unadjusted(
        np.array([one.time_ms for one in asked], np.int64),
        np.array(keys, np.uint64),
        np.array([1_000 + 37 * number for number in range(len(asked))], np.int64),
    )
    return touches_in(found), conversions
