"""How is a tenant made, and how do its keys, rules and retention change? In ClickHouse, then in Redis, under a lock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from app.attribution.currency import canonical
from app.errors import BadInput
from app.storage.retention import keep_rows_for
from app.storage.tenants import (
    TenantRow,
    insert_rules,
    insert_shadow,
    insert_tenant,
    next_tenant_id,
    tenant_by_slug,
)
from app.tenants.checks import check_retention, check_rules, check_tenant
from app.tenants.keys import KINDS, hash_of, new_key
from app.tenants.lookup import Lookup
from app.tenants.mirror import tenant_of
from app.tenants.rules import Rules
from app.tenants.tenant import Tenant
from app.tenants.timeline import put

_encode_rules = msgspec.json.Encoder().encode


class Registry(Lookup):
    """The tenants, for whoever looks one up or changes one: seen here at once, elsewhere within `tenant_cache_s`."""

    def create(
        self,
        slug: str,
        name: str,
        *,
        timezone: str = "UTC",
        currency: str = "USD",
        retention_days: int = 400,
        hosts: Sequence[str] = (),
        rules: Rules | None = None,
    ) -> tuple[Tenant, str, str]:
        """A new tenant, its write key and its secret key: the only time that the keys are seen.

        Raises
        ------
        BadInput : a field cannot be used, or the slug is taken.
        """
        check_tenant(slug, timezone, currency, retention_days)
        first_rules = msgspec.structs.replace(check_rules(rules or Rules()), version=1)
        write_key, secret_key = new_key("write"), new_key("secret")
        with self._mirror.alone():
            storage = self._storage()
            if tenant_by_slug(storage, slug):
                raise BadInput("slug_taken", f"There is a tenant {slug} already.", "Choose another slug.")
            row = TenantRow(
                tenant_id=next_tenant_id(storage),
                slug=slug,
                name=name or slug,
                timezone=timezone,
                currency=canonical(currency),
                retention_days=retention_days,
                hosts=[host.strip().lower() for host in hosts if host.strip()],
                write_key_sha256=hash_of(write_key),
                secret_key_sha256=hash_of(secret_key),
                state="active",
                created_ms=_now_ms(),
                version=_now_us(),
                rules_versions=[1],
                rules_from=[0],
                rules_texts=[_encode_rules(first_rules).decode()],
            )
            # Rules first: a tenant without any would be read with the defaults, whatever it was given.
            insert_rules(storage, row.tenant_id, 1, row.rules_texts[0], row.created_ms)
            insert_tenant(storage, row)
            self._mirror.put(row)
        self._forget()
        return tenant_of(row), write_key, secret_key

    def rotate_key(self, slug: str, which: str) -> str:
        """A new 'write' or 'secret' key; the old one is refused at once here, elsewhere within `tenant_cache_s`."""
        if which not in KINDS:
            raise BadInput("bad_key_kind", f"There is no {which!r} key.", "Say 'write' or 'secret'.")
        key = new_key(which)
        with self._mirror.alone():
            old = self._row(slug)
            changes: dict[str, Any] = {f"{which}_key_sha256": hash_of(key)}
            new = old._replace(**changes, version=max(_now_us(), old.version + 1))
            insert_tenant(self._storage(), new)
            self._mirror.put(new)
        self._forget()
        return key

    def set_rules(self, tenant_id: int, rules: Rules, from_ms: int = 0) -> Tenant:
        """Put new rules in force, under the next version; returns the tenant with them.

        Parameters
        ----------
        from_ms : they hold for conversions from this time (epoch ms) on; 0 is: for all of history.

        Rules that change nothing make no version.
        """
        check_rules(rules)
        with self._mirror.alone():
            row = self._row_of(tenant_id)
            before = tenant_of(row)
            if put(before.timeline, from_ms, rules) == before.timeline:
                self._say_again(row)
                return before
            version = max(row.rules_versions, default=0) + 1
            text = _encode_rules(msgspec.structs.replace(rules, version=version)).decode()
            insert_rules(self._storage(), tenant_id, version, text, _now_ms(), from_ms)
            new = row.with_version(version, from_ms, text)
            self._mirror.put(new)
        self._forget()
        return tenant_of(new)

    def set_shadow(self, tenant_id: int, rules: Rules | None, from_ms: int = 0) -> Tenant:
        """Put a second rule set beside the first, in place of the one that is there; None takes it away.

        Parameters
        ----------
        from_ms : it differs from the rules in force for conversions from this time (epoch ms) on.

        What changes nothing makes no version.
        """
        if rules is not None:
            check_rules(rules)
        with self._mirror.alone():
            row = self._row_of(tenant_id)
            before = tenant_of(row)
            if before.has_shadow(rules, from_ms):
                self._say_again(row)
                return before
            version = row.shadow_version + 1
            text = _encode_rules(msgspec.structs.replace(rules, version=version)).decode() if rules else ""
            insert_shadow(self._storage(), tenant_id, version, text, _now_ms(), from_ms)
            new = row._replace(shadow_version=version, shadow_from=from_ms, shadow_text=text)
            self._mirror.put(new)
        self._forget()
        return tenant_of(new)

    def set_retention(self, tenant_id: int, days: int) -> Tenant:
        """Keep the tenant's events for `days`, those that are stored already too; returns the tenant with it.

        Rows that are older go with ClickHouse's next merges: a shorter retention cannot be taken back.

        Raises
        ------
        BadInput : `days` is out of bounds.
        """
        check_retention(days)
        with self._mirror.alone():
            old = self._row_of(tenant_id)
            new = old._replace(retention_days=days, version=max(_now_us(), old.version + 1))
            if days != old.retention_days:
                insert_tenant(self._storage(), new)
                self._mirror.put(new)
            # Even where nothing changed: the rows may have been left as they were when this was tried before.
            keep_rows_for(self._storage(), tenant_id, days)
        self._forget()
        return tenant_of(new)

    def _say_again(self, row: TenantRow) -> None:
        """Of a change that is stored: it may have been cut off before Redis was told, which had the rules before it."""
        self._mirror.put(row)
        self._forget()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _now_us() -> int:
    return time.time_ns() // 1_000
