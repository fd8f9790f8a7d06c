"""Does the daily rollup say what the ledger says, also after the ledger changed?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from app.attribution.names import FIVE_MODELS
from app.ledger.refresh import tenant_days
from app.storage.client import QueryRecord, Storage
from app.storage.rollups import refresh_daily
from app.storage.standing import standing_credit
from app.storage.statements import TenantStatement
from tests.integration.storage.rows import put

DAILY = TenantStatement(
    "daily",
    """
    SELECT toString(day), model, channel, campaign, micros, net_micros, gross_minor, net_minor
    FROM attribution_daily FINAL
    WHERE {tenant}
    ORDER BY day, model, channel, campaign
    """,
)
JAN_2 = date(2026, 1, 2)


def conversion(key: int, at: str, touches: list[tuple[str, str]], value: int = 1000, **more: Any) -> dict[str, Any]:
    """A ledger row that gives each model's whole credit to the first touch but for linear, which shares it."""
    n = len(touches)
    time = datetime.fromisoformat(at).replace(tzinfo=UTC)
    shares = [[1.0] + [0.0] * (n - 1)] * 2 + [[1 / n] * n] + [[1.0] + [0.0] * (n - 1)] * 2 if n else []
    flat = [share for model in shares for share in model]
    return {
        "utc_day": time.date(),
        "conversion_key": key,
        "ts": int(time.timestamp() * 1000),
        "touch_keys": list(range(n)),
        "touch_times": [int(time.timestamp() * 1000)] * n,
        "touch_channels": [channel for channel, _ in touches],
        "touch_campaigns": [campaign for _, campaign in touches],
        "touch_sources": ["google"] * n,
        "weights": flat,
        "micros": [round(share * 1_000_000) for share in flat],
        "gross": [round(share * value) for share in flat],
        "gross_minor": value,
        "net_minor": value,
        **more,
    }


def daily(storage: Storage, tenant_id: int, model: str = "linear") -> list[tuple[Any, ...]]:
    rows = storage.rows(DAILY, tenant_id=tenant_id)
    return [(row[0], *row[2:]) for row in rows if row[1] == model]


def test_every_model_and_the_unattributed(storage: Storage, fresh_tenant: int) -> None:
    put(
        storage,
        "ledger",
        fresh_tenant,
        conversion(1, "2026-01-02T10:00:00", [("google", "g"), ("email", "")]),
        conversion(2, "2026-01-02T23:00:00", [("google", "g")], value=500),
        conversion(3, "2026-01-02T00:00:00", [], value=70),
        conversion(4, "2026-01-03T00:00:00", [("bing", "")]),
    )
    put(storage, "ledger", fresh_tenant + 500_000, conversion(1, "2026-01-02T10:00:00", [("theirs", "")]))
    refresh_daily(storage, tenant_days(fresh_tenant, "UTC", [JAN_2]), 5)
    assert daily(storage, fresh_tenant) == [
        ("2026-01-02", "(unattributed)", "", 1_000_000, 1_000_000, 70, 70),
        ("2026-01-02", "email", "", 500_000, 500_000, 500, 500),
        ("2026-01-02", "google", "g", 1_500_000, 1_500_000, 1000, 1000),
    ]
    for model in FIVE_MODELS:
        rows = daily(storage, fresh_tenant, model.value)
        assert sum(row[3] for row in rows) == 3_000_000, model
        assert sum(row[5] for row in rows) == 1570, model
    assert daily(storage, fresh_tenant, "first_touch")[2][3:] == (2_000_000, 2_000_000, 1500, 1500)


def test_net_of_refunds(storage: Storage, fresh_tenant: int) -> None:
    restated = conversion(1, "2026-01-02T10:00:00", [("google", "")], net=[400] * 5, net_minor=400)
    retracted = conversion(2, "2026-01-02T10:00:00", [("google", "")], net=[0] * 5, net_minor=0, retracted=1)
    bare = conversion(3, "2026-01-02T10:00:00", [], value=70, net_minor=0, retracted=1)
    put(storage, "ledger", fresh_tenant, restated, retracted, bare)
    refresh_daily(storage, tenant_days(fresh_tenant, "UTC", [JAN_2]), 5)
    assert daily(storage, fresh_tenant) == [
        ("2026-01-02", "(unattributed)", "", 1_000_000, 0, 70, 0),
        ("2026-01-02", "google", "", 2_000_000, 1_000_000, 2000, 400),
    ]


def test_a_rerun_replaces_and_vanished_keys_become_zero(storage: Storage, fresh_tenant: int) -> None:
    at = "2026-01-02T10:00:00"
    put(storage, "ledger", fresh_tenant, conversion(1, at, [("google", "")]), conversion(2, at, [("bing", "")]))
    refresh_daily(storage, tenant_days(fresh_tenant, "UTC", [JAN_2]), 1)
    put(
        storage,
        "ledger",
        fresh_tenant,
        conversion(1, at, [("email", "")], version=2),
        conversion(2, at, [("bing", "")], version=2, is_deleted=1),
    )
    for version in (2, 3, 3):
        refresh_daily(storage, tenant_days(fresh_tenant, "UTC", [JAN_2]), version)
        assert daily(storage, fresh_tenant) == [
            ("2026-01-02", "bing", "", 0, 0, 0, 0),
            ("2026-01-02", "email", "", 1_000_000, 1_000_000, 1000, 1000),
            ("2026-01-02", "google", "", 0, 0, 0, 0),
        ]


@pytest.mark.parametrize(
    ("timezone", "day"),
    [("Pacific/Kiritimati", date(2026, 1, 3)), ("Pacific/Pago_Pago", date(2026, 1, 1)), ("UTC", date(2026, 1, 2))],
)
def test_days_are_the_tenants(storage: Storage, fresh_tenant: int, timezone: str, day: date) -> None:
    """SEMANTICS 4.10, at UTC+14 and UTC-11."""
    at = "2026-01-02T10:30:00"
    put(storage, "ledger", fresh_tenant, conversion(1, at, [("google", "")]))
    refresh_daily(storage, tenant_days(fresh_tenant, timezone, [date(2026, 1, number) for number in (1, 2, 3)]), 1)
    assert [row[0] for row in daily(storage, fresh_tenant)] == [day.isoformat()]


def test_days_of_several_tenants_at_once(storage: Storage, fresh_tenant: int) -> None:
    """The same conversion key, moment and channel: each tenant has its own amount, on a day of its own timezone."""
    zones = {"Pacific/Kiritimati": date(2026, 1, 3), "UTC": JAN_2, "Pacific/Pago_Pago": date(2026, 1, 1)}
    tenants = {fresh_tenant + 10_000 * number: zone for number, zone in enumerate(zones, 1)}
    at, not_asked = "2026-01-02T10:30:00", fresh_tenant + 40_000
    for number, tenant_id in enumerate([*tenants, not_asked], 1):
        put(storage, "ledger", tenant_id, conversion(1, at, [("google", "")], value=number))
    asked = [day for tenant_id, zone in tenants.items() for day in tenant_days(tenant_id, zone, [zones[zone]])]
    refresh_daily(storage, asked, 1)
    for number, (tenant_id, zone) in enumerate(tenants.items(), 1):
        found = [(zones[zone].isoformat(), "google", "", 1_000_000, 1_000_000, number, number)]
        assert daily(storage, tenant_id) == found
    assert daily(storage, not_asked) == []
    put(storage, "ledger", min(tenants), conversion(1, at, [("bing", "")], value=9, version=2))
    refresh_daily(storage, asked[::-1], 2)
    assert [row[1] for row in daily(storage, min(tenants))] == ["bing", "google"]
    assert [row[1] for row in daily(storage, max(tenants))] == ["google"]


def test_what_stands_is_read_from_a_version_on(storage: Storage, fresh_tenant: int) -> None:
    for version, channel in ((1, "google"), (2, "bing"), (3, "email")):
        put(storage, "ledger", fresh_tenant, conversion(1, "2026-01-02T10:00:00", [(channel, "")], version=version))
    put(storage, "ledger", fresh_tenant, conversion(2, "2026-01-02T10:00:00", [("tv", "")], version=2))
    arrays = Storage(storage.settings, numpy=True)
    days = np.full(2, (JAN_2 - date(1970, 1, 1)).days)
    places = np.full(2, fresh_tenant), days, np.array([1, 2], np.uint64)
    for since in (0, 2):
        found, newest = standing_credit(arrays, *places, since=since)
        assert found["version"].min() >= since
        assert found["version"][newest].tolist() == [3, 2]
        channels = found["touch_channels"]
        assert [channels.values.names[channels.values.codes[channels.offsets[row]]] for row in newest] == [
            "email",
            "tv",
        ]
    arrays.close()


def test_no_days_is_no_query(storage: Storage, fresh_tenant: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[QueryRecord] = []
    monkeypatch.setattr("app.storage.client.observers", [asked.append])
    refresh_daily(storage, tenant_days(fresh_tenant, "UTC", []), 1)
    assert not asked
    refresh_daily(storage, tenant_days(fresh_tenant, "UTC", [JAN_2]), 1)
    assert len(asked) == 4


def test_long_journeys(storage: Storage, fresh_tenant: int) -> None:
    touches = [(f"c{number % 3}", "") for number in range(500)]
    put(storage, "ledger", fresh_tenant, conversion(1, "2026-01-02T10:00:00", touches, value=500_000))
    refresh_daily(storage, tenant_days(fresh_tenant, "UTC", [JAN_2]), 1)
    assert [row[5] for row in daily(storage, fresh_tenant)] == [167_000, 167_000, 166_000]
