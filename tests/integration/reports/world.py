"""How do the tests of the reports get a tenant with a history?

Rows go in as the drain writes them, and are credited as a chunk credits them.
"""

from __future__ import annotations

import itertools
from datetime import date, datetime
from typing import Any

import msgspec

from app.ledger.attribute import attribute
from app.ledger.keys import conversion_key
from app.ledger.refresh import tenant_days
from app.storage.client import Storage
from app.storage.rollups import refresh_daily
from app.storage.statements import TenantStatement
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant

_tenant_ids = itertools.count(7_001)
_versions = itertools.count(1_740_000_000_000_000)

HOUR = 3_600_000
_WITHOUT_SOURCES = TenantStatement(
    "test_without_sources",
    """
    INSERT INTO ledger
    SELECT * REPLACE (emptyArrayString() AS touch_sources, toUInt64(%(version)s) AS version)
    FROM ledger FINAL
    WHERE {tenant}
    """,
)
ORDER = "Order Completed"


def at(text: str) -> int:
    """Epoch ms of an ISO time with its offset."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


class World:
    """One tenant of its own, in the shared database."""

    def __init__(self, storage: Storage, numpy_storage: Storage, **fields: Any) -> None:
        self.storage = storage
        self._numpy = numpy_storage
        number = next(_tenant_ids)
        given: dict[str, Any] = {"retention_days": 20_000, **fields}
        self.tenant = Tenant(tenant_id=number, slug=f"t{number}", name="Test", **given)
        self._keys: dict[int, int] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def rules(self, **fields: Any) -> None:
        rules = msgspec.structs.replace(self.tenant.rules or Rules(), **fields)
        self.tenant = msgspec.structs.replace(self.tenant, rules=rules)

    def touch(
        self,
        user: str,
        ts_ms: int,
        channel: str,
        message_id: str,
        *,
        kind: str = "click",
        campaign: str = "",
        source: str = "",
    ) -> None:
        self._touch_row(user, ts_ms, channel, message_id, kind, campaign, is_deleted=0, source=source)
        self._insert(
            "events",
            message_id=message_id,
            ts=ts_ms,
            received_at=ts_ms,
            event_type="track",
            name="Touchpoint",
            role="touch",
            owner=user,
            user_id=user,
            anonymous_id="",
            body="",
            retention_days=20_000,
        )

    def cancel_touch(self, user: str, ts_ms: int, channel: str, message_id: str) -> None:
        self._touch_row(user, ts_ms, channel, message_id, "click", "", is_deleted=1)

    def conversion(
        self,
        user: str,
        ts_ms: int,
        order_id: str,
        value_minor: int,
        *,
        currency: str = "USD",
        message_id: str = "",
        conversion_type: str = ORDER,
        is_deleted: int = 0,
        received_ms: int = 0,
    ) -> int:
        key = conversion_key(conversion_type, order_id)
        message_id = message_id or f"m-{order_id}"
        self._insert(
            "conversions",
            conversion_type=conversion_type,
            order_id=order_id,
            conversion_key=key,
            ts=ts_ms,
            message_id=message_id,
            user_id=user,
            anonymous_id="",
            value_minor=value_minor,
            currency=currency,
            rules_version=1,
            received_at=received_ms or ts_ms,
            retention_days=20_000,
            is_deleted=is_deleted,
        )
        self._insert("conversions_by_order", order_id=order_id, conversion_key=key, conversion_type=conversion_type)
        self._insert(
            "events",
            message_id=message_id,
            ts=ts_ms,
            received_at=ts_ms,
            event_type="track",
            name=conversion_type,
            role="conversion",
            owner=str(key),
            user_id=user,
            anonymous_id="",
            body="",
            retention_days=20_000,
        )
        self._keys[key] = ts_ms
        return key

    def adjust(
        self,
        adjustment_id: str,
        action: str,
        order_id: str,
        at_ms: int,
        value: str = "",
        currency: str = "",
        *,
        received_ms: int = 0,
    ) -> None:
        self._insert(
            "adjustments",
            adjustment_id=adjustment_id,
            order_id=order_id,
            conversion_type="",
            action=action,
            value=value,
            currency=currency,
            at=at_ms,
            received_at=received_ms or at_ms,
        )

    def met(self, one: str, other: str, ts_ms: int) -> None:
        self._insert("identity_aliases", id=one, met=other, first_ts=ts_ms)
        self._insert("identity_aliases", id=other, met=one, first_ts=ts_ms)

    def spend(
        self, day: date, channel: str, amount_minor: int, *, currency: str = "USD", campaign: str = "", version: int = 1
    ) -> None:
        self._insert(
            "spend",
            day=day,
            channel=channel,
            campaign=campaign,
            currency=currency,
            amount_minor=amount_minor,
            version=version,
        )

    def rate(self, day: date, currency: str, into: str, rate: str) -> None:
        self._insert("fx_rates", day=day, currency=currency, into=into, rate=rate, version=1)

    def attribute(self, *, refresh: bool = True) -> None:
        """Credit everything that is there, as a run does."""
        self.flush()
        version = next(_versions)
        tenant_id, zone = self.tenant.tenant_id, self.tenant.timezone
        wanted = {tenant_id: sorted(self._keys)}
        done = attribute(self.storage, self._numpy, [self.tenant], wanted, run_id="r-test", version=version)
        if refresh:
            refresh_daily(self.storage, tenant_days(tenant_id, zone, done.days.get(tenant_id, ())), next(_versions))

    def forget_sources(self, day: date) -> None:
        """Make the credit of a day what it was before the ledger held sources."""
        tenant_id, version = self.tenant.tenant_id, {"version": next(_versions)}
        self.storage.rows(_WITHOUT_SOURCES, tenant_id=tenant_id, params=version)
        refresh_daily(self.storage, tenant_days(tenant_id, self.tenant.timezone, [day]), next(_versions))

    def flush(self) -> None:
        """Store what has been said so far, a table at a time."""
        for table, rows in self._rows.items():
            self.storage.insert(table, {name: [row[name] for row in rows] for name in rows[0]})
        self._rows.clear()

    def _touch_row(
        self,
        user: str,
        ts_ms: int,
        channel: str,
        message_id: str,
        kind: str,
        campaign: str,
        *,
        is_deleted: int,
        source: str = "",
    ) -> None:
        empty = dict.fromkeys(("medium", "term", "content", "click_id", "url", "referrer", "cost"), "")
        self._insert(
            "touchpoints",
            user_id=user,
            ts=ts_ms,
            message_id=message_id,
            kind=kind,
            channel=channel,
            campaign=campaign,
            rules_version=1,
            received_at=ts_ms,
            retention_days=20_000,
            is_deleted=is_deleted,
            source=source,
            **empty,
        )

    def _insert(self, table: str, **row: Any) -> None:
        self._rows.setdefault(table, []).append({"tenant_id": self.tenant.tenant_id, **row})
