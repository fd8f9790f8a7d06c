"""Which touches does the batched query give, and does it read only what it has to?"""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from app.storage.client import Storage
from app.storage.hashes import id_hash
from app.storage.statements import TenantStatement
from app.storage.touches import TOUCHES, TOUCHES_NEAR, TOUCHES_NEW, TouchColumns, touches_of
from app.storage.windows import windows_of
from tests.integration.storage.rows import DAY, T0, put


def as_tuples(found: TouchColumns) -> list[tuple[int, int, str, str, int]]:
    return [
        (
            int(found.conversion_index[i]),
            int(found.time_ms[i]) - T0,
            found.channel_names[found.channel[i]],
            found.campaign_names[found.campaign[i]],
            int(found.kind[i]),
        )
        for i in range(len(found))
    ]


def touch(message: str, offset: int, **more: object) -> dict[str, object]:
    return {"message_id": message, "ts": T0 + offset, **more}


def test_windows_of_several_conversions_and_ids(storage: Storage, numpy_storage: Storage, fresh_tenant: int) -> None:
    put(
        storage,
        "touchpoints",
        fresh_tenant,
        touch("m1", 0, channel="google", campaign="c1"),
        touch("m2", 1000, channel="facebook", kind=1),
        touch("m3", 500, user_id="a:9", channel="email", campaign="c2"),
        touch("m4", 2000, user_id="u:2", channel="bing"),
        touch("m5", 3000, user_id="u:3", channel="nobody's"),
    )
    found = touches_of(
        numpy_storage,
        [fresh_tenant] * 4,
        [0, 0, 2, 1],
        ["u:1", "a:9", "u:2", "u:1"],
        [T0, T0, T0, T0 + 1],
        [T0 + 1000, T0 + 1000, T0 + 5000, T0 + 1000],
    )
    assert as_tuples(found) == [
        (0, 0, "google", "c1", 0),
        (0, 500, "email", "c2", 0),
        (0, 1000, "facebook", "", 1),
        (1, 1000, "facebook", "", 1),
        (2, 2000, "bing", "", 0),
    ]
    dtypes: list[Any] = [found.conversion_index, found.time_ms, found.key, found.kind, found.channel, found.campaign]
    assert [array.dtype.name for array in dtypes] == ["int64", "int64", "uint64", "int8", "int32", "int32"]


@pytest.mark.parametrize("ids", [1, 2], ids=["single form", "batched form"])
def test_both_ends_count_to_the_millisecond(
    storage: Storage, numpy_storage: Storage, fresh_tenant: int, ids: int
) -> None:
    """SEMANTICS 2.1, 2.3."""
    put(storage, "touchpoints", fresh_tenant, *(touch(f"m{t}", t) for t in (-1, 0, 1, 999, 1000, 1001)))
    found = touches_of(
        numpy_storage,
        [fresh_tenant] * ids,
        [7, 8][:ids],
        ["u:1", "u:other"][:ids],
        [T0, T0 - DAY][:ids],
        [T0 + 1000, T0 + DAY][:ids],
    )
    assert [time for _, time, *_ in as_tuples(found)] == [0, 1, 999, 1000]
    assert set(found.conversion_index.tolist()) == {7}


@pytest.mark.parametrize("ids", [1, 2], ids=["single form", "batched form"])
def test_cancelled_and_repeated_rows(storage: Storage, numpy_storage: Storage, fresh_tenant: int, ids: int) -> None:
    put(storage, "touchpoints", fresh_tenant, touch("again", 1000), touch("kept", 1500), touch("gone", 10))
    # Sent again with an earlier time: the row is cancelled by its twin and stands at the earlier time.
    put(storage, "touchpoints", fresh_tenant, touch("again", 1000, is_deleted=1), touch("again", 600))
    put(storage, "touchpoints", fresh_tenant, touch("gone", 10, is_deleted=1))
    # The same event under another time that nobody cancelled counts once, at the earliest.
    put(storage, "touchpoints", fresh_tenant, touch("kept", 1400))
    until = [T0 + DAY] * ids
    found = touches_of(numpy_storage, [fresh_tenant] * ids, [0, 1][:ids], ["u:1", "u:2"][:ids], [T0] * ids, until)
    assert [time for _, time, *_ in as_tuples(found)] == [600, 1400]


def test_two_tenants_with_the_same_ids_and_messages(
    storage: Storage, numpy_storage: Storage, fresh_tenant: int
) -> None:
    other = fresh_tenant + 500_000
    put(storage, "touchpoints", fresh_tenant, touch("m", 5, channel="mine"), touch("n", 6, channel="mine"))
    put(storage, "touchpoints", other, touch("m", 5, channel="theirs"), touch("n", 6, channel="theirs", is_deleted=1))
    whose = [other, fresh_tenant, other]
    found = touches_of(numpy_storage, whose, [0, 1, 2], ["u:1", "u:1", "u:2"], [T0] * 3, [T0 + DAY] * 3)
    assert as_tuples(found) == [(0, 5, "theirs", "", 0), (1, 5, "mine", "", 0), (1, 6, "mine", "", 0)]
    assert as_tuples(found.between(1, 3)) == [(0, 5, "mine", "", 0), (0, 6, "mine", "", 0)]


def test_what_comes_after_a_window_that_reaches_up_to_now(
    storage: Storage, numpy_storage: Storage, fresh_tenant: int
) -> None:
    now_ms = time.time_ns() // 1_000_000
    offsets = (-1_000, -999, 0, 1, 1_000)
    put(storage, "touchpoints", fresh_tenant, *(touch(f"m{t}", now_ms + t - T0) for t in offsets))
    found = touches_of(numpy_storage, [fresh_tenant], [0], ["u:1"], [now_ms - 999], [now_ms])
    assert found.time_ms.tolist() == [now_ms - 999, now_ms]


def test_one_touch_under_two_ids_of_a_person_counts_once(
    storage: Storage, numpy_storage: Storage, fresh_tenant: int
) -> None:
    put(storage, "touchpoints", fresh_tenant, touch("m", 5), touch("m", 5, user_id="a:1"))
    found = touches_of(numpy_storage, [fresh_tenant] * 2, [3, 3], ["u:1", "a:1"], [T0, T0], [T0 + DAY, T0 + DAY])
    assert len(found) == 1


@pytest.mark.parametrize("ids", [0, 1, 2])
def test_nothing_found_has_all_columns(numpy_storage: Storage, fresh_tenant: int, ids: int) -> None:
    found = touches_of(numpy_storage, [fresh_tenant] * ids, [0, 1][:ids], ["u:x", "u:y"][:ids], [T0] * ids, [T0] * ids)
    assert len(found) == 0
    assert [array.dtype.name for array in (found.time_ms, found.key, found.kind, found.channel)] == [
        "int64",
        "uint64",
        "int8",
        "int32",
    ]


@pytest.mark.parametrize("ids", [1, 2])
def test_tenants_are_apart(storage: Storage, numpy_storage: Storage, fresh_tenant: int, ids: int) -> None:
    other = fresh_tenant + 500_000
    put(storage, "touchpoints", fresh_tenant, touch("m", 5, channel="mine"))
    put(storage, "touchpoints", other, touch("m", 5, channel="theirs"))
    for tenant_id, channel in ((fresh_tenant, "mine"), (other, "theirs")):
        until = [T0 + DAY] * ids
        found = touches_of(numpy_storage, [tenant_id] * ids, [0, 1][:ids], ["u:1", "u:2"][:ids], [T0] * ids, until)
        assert [name for _, _, name, *_ in as_tuples(found)] == [channel]


USERS = 4000


@pytest.fixture(scope="module")
def crowded_tenant(settings) -> int:  # type: ignore[no-untyped-def]
    """A tenant with some hundred granules of touches."""
    storage = Storage(settings)
    storage.command(
        f"""
        INSERT INTO touchpoints (tenant_id, user_id, ts, message_id, channel, retention_days)
        SELECT 900, 'u:' || toString(number % {USERS}), fromUnixTimestamp64Milli(toInt64({T0} + number * 1000)),
               'm' || toString(number), 'c' || toString(number % 7), 4000
        FROM numbers(100000)
        """
    )
    storage.close()
    return 900


def granules(plan: str) -> tuple[int, int]:
    """Selected and all granules, after the primary key."""
    after_key = plan[plan.index("PrimaryKey") :]
    selected, total = re.search(r"Granules: (\d+)/(\d+)", after_key).groups()  # type: ignore[union-attr]
    return int(selected), int(total)


def explain(storage: Storage, statement: TenantStatement, **more: object) -> str:
    asked = type(statement)("explain", "EXPLAIN indexes = 1 " + statement.sql)
    return "\n".join(line for (line,) in storage.rows(asked, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("statement", [TOUCHES, TOUCHES_NEAR, TOUCHES_NEW], ids=["far", "near", "new"])
@pytest.mark.parametrize(("ids", "tenants"), [(1, 1), (20, 1), (20, 2), (200, 1)])
def test_the_set_prunes_by_the_primary_key(
    storage: Storage, crowded_tenant: int, ids: int, tenants: int, statement: TenantStatement
) -> None:
    """A few ids stand in the text of the query, more travel with it as a table."""
    asked = [crowded_tenant, 6_001][:tenants]
    whose = [asked[number % tenants] for number in range(ids)]
    until = [T0 + 400 * DAY] * ids
    windows = windows_of(whose, list(range(ids)), [id_hash(f"u:{number}") for number in range(ids)], [T0] * ids, until)
    params = {"lo_ms": T0, "hi_ms": until[0], "period_ms": windows.period_ms}
    external = {"periods": windows.periods()} if statement is TOUCHES else {"ids": windows.ids()}
    plan = explain(storage, statement, tenant_id=asked, params=params, external=external)
    selected, total = granules(plan)
    assert total >= 390, plan
    assert selected <= min(3 * ids, total * 3 // 4), plan


def test_windows_near_to_each_other_and_far_apart(numpy_storage: Storage, crowded_tenant: int) -> None:
    """The same touches, whichever statement is asked; what lies outside of its id's window does not count."""
    asked = [(0, "u:5", T0, T0 + 2 * 10**7), (1, "u:6", T0 + 4 * 10**7, T0 + 6 * 10**7)]
    another = (2, "u:7", T0 + 10 * DAY, T0 + 11 * DAY)
    found = []
    for rows, are_near in ((asked, True), ([*asked, another], False)):
        number, ids, lo_ms, hi_ms = zip(*rows, strict=True)
        whose = [crowded_tenant] * len(rows)
        assert windows_of(whose, number, [id_hash(id) for id in ids], lo_ms, hi_ms).are_near is are_near
        found.append(as_tuples(touches_of(numpy_storage, whose, number, ids, lo_ms, hi_ms)))
    every_ms = USERS * 1_000
    inside = [(0, 5_000 + every_ms * turn) for turn in range(5)] + [
        (1, 6_000 + every_ms * turn) for turn in range(10, 15)
    ]
    assert [row[:2] for row in found[0]] == inside
    assert found[1] == found[0]


def test_single_and_batched_forms_agree(numpy_storage: Storage, crowded_tenant: int) -> None:
    batch = touches_of(
        numpy_storage, [crowded_tenant] * 2, [0, 1], ["u:5", "u:6"], [T0, T0], [T0 + 5 * 10**7, T0 + 5 * 10**7]
    )
    for number, user in enumerate(("u:5", "u:6")):
        single = touches_of(numpy_storage, [crowded_tenant], [number], [user], [T0], [T0 + 5 * 10**7])
        assert as_tuples(single) == [row for row in as_tuples(batch) if row[0] == number]
        assert len(single) > 5
