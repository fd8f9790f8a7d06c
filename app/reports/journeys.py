"""How do people come to convert? Paths, their length and duration, first and last channels, and who assists.

Read from the rollup of paths, which is summed up first where it is stale. Rows are per currency; every part sums
to the conversions with touches, and those with the unattributed ones to all conversions of the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.attribution.currency import to_decimal_string
from app.errors import BadInput
from app.reports.amounts import MICRO, NOTHING, Amounts, summed
from app.reports.days import Period, rfc3339
from app.reports.non_converting import NonConverting, non_converting
from app.reports.pages import read_limit
from app.reports.paths import top_paths
from app.reports.query import EVER_MS, period_params
from app.storage.client import Storage
from app.storage.journeys import LAGS
from app.storage.report_journeys import JOURNEY_PARTS
from app.storage.report_statements import LEDGER_WORTH
from app.tenants.tenant import Tenant

DEFAULT_PATHS, MOST_PATHS = 50, 1_000
_TASK = "report.journeys"
_NO_PATH = 0


@dataclass(frozen=True, slots=True)
class JourneysQuery:
    """A question to the journeys report; `paths` is how many of the most frequent are listed, per currency."""

    period: Period
    conversion_type: str = ""
    paths: int = DEFAULT_PATHS
    with_non_converting: bool = False

    def params(self) -> dict[str, Any]:
        more = {"conversion_type": self.conversion_type, "as_of_ms": EVER_MS, "limit": self.paths}
        return period_params(self.period) | more


@dataclass(frozen=True, slots=True)
class Group:
    """Conversions that share something: a path, a length, a first and last channel."""

    currency: str
    key: tuple[Any, ...]
    amounts: Amounts

    def shown(self) -> dict[str, Any]:
        return dict(self.amounts.shown(self.currency))


@dataclass(frozen=True, slots=True)
class Role:
    """What a channel does in paths. Each conversion counts once per channel: `present` = `last` + `assisted`."""

    currency: str
    channel: str
    present: int
    first: int
    last: int
    alone: int
    present_minor: int
    last_minor: int

    @property
    def assisted(self) -> int:
        """Conversions that it took part in and that ended with another channel."""
        return self.present - self.last

    @property
    def assisted_minor(self) -> int:
        return self.present_minor - self.last_minor


@dataclass(frozen=True, slots=True)
class JourneysReport:
    query: JourneysQuery
    totals: dict[str, Amounts]
    unattributed: dict[str, Amounts]
    paths: list[Group]
    lengths: list[Group]
    ends: list[Group]
    lags: dict[str, list[int]]
    roles: list[Role]
    non_converting: NonConverting | None
    reconciled: bool
    as_of_ms: int

    def other_paths(self) -> dict[str, Amounts]:
        """What the listed paths leave over."""
        left = {code: total - self.unattributed.get(code, NOTHING) for code, total in self.totals.items()}
        for path in self.paths:
            left[path.currency] -= path.amounts
        return left

    def shown(self) -> dict[str, Any]:
        """As the API answers."""
        period = self.query.period
        answer: dict[str, Any] = {
            "from": period.first.isoformat(),
            "to": period.end.isoformat(),
            "timezone": period.timezone,
            "conversion_type": self.query.conversion_type or None,
            "totals": [amounts.shown(code) for code, amounts in self.totals.items()],
            "unattributed": [amounts.shown(code) for code, amounts in self.unattributed.items()],
            "paths": [{"path": list(item.key), "length": len(item.key)} | item.shown() for item in self.paths],
            "other_paths": [amounts.shown(code) for code, amounts in self.other_paths().items()],
            "lengths": [{"length": item.key[0]} | item.shown() for item in self.lengths],
            "lags": [
                {"currency": code, "lag": name, "conversions": count}
                for code, counts in self.lags.items()
                for (name, _), count in zip(LAGS, counts, strict=False)
            ],
            "first_to_last": [{"first": item.key[0], "last": item.key[1]} | item.shown() for item in self.ends],
            "channels": [_shown_role(role) for role in self.roles],
            "reconciled": self.reconciled,
            "as_of": rfc3339(self.as_of_ms),
        }
        if self.non_converting is not None:
            answer["non_converting"] = self.non_converting.shown(self._present(), self.query.paths)
        return answer

    def _present(self) -> dict[str, int]:
        """Conversions whose path holds a channel, over all currencies."""
        found: dict[str, int] = {}
        for role in self.roles:
            found[role.channel] = found.get(role.channel, 0) + role.present
        return found


def read_journeys_query(
    period: Period, *, conversion_type: str = "", limit: str = "", with_: str = ""
) -> JourneysQuery:
    """The question that a request's words ask.

    Raises
    ------
    BadInput : names the field and what it may hold.
    """
    if with_ not in ("", "non_converting"):
        raise BadInput("bad_with", f"with is {with_[:40]!r}.", "Use with=non_converting, or leave it out.")
    paths = read_limit(limit, MOST_PATHS, "paths") if limit else DEFAULT_PATHS
    return JourneysQuery(period, conversion_type, paths, bool(with_))


def journeys(storage: Storage, tenant: Tenant, query: JourneysQuery, *, now_ms: int) -> JourneysReport:
    """The report of one tenant.

    Raises
    ------
    BadInput : `non_converting` was asked for and the period holds too much for it.
    """
    params = query.params()
    parts = _Parts()
    for code, part, *key, count, net_count, gross, net, gross_about, net_about, version in storage.rows(
        JOURNEY_PARTS, tenant_id=tenant.tenant_id, params=params, task=_TASK
    ):
        amounts = summed(count * MICRO, net_count * MICRO, gross, net, gross_about, net_about)
        parts.add(code, part, tuple(key), amounts)
        parts.newest_us = max(parts.newest_us, version)
    worth = {
        code: summed(*figures[:6])
        for code, *figures in storage.rows(LEDGER_WORTH, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    }
    totals = parts.totals()
    return JourneysReport(
        query=query,
        totals=totals,
        unattributed={item.currency: item.amounts for item in parts.lengths if item.key == (_NO_PATH,)},
        paths=[Group(*found) for found in top_paths(storage, tenant, params, sorted(totals))],
        lengths=[item for item in parts.lengths if item.key != (_NO_PATH,)],
        ends=parts.ends,
        lags=parts.lags,
        roles=parts.roles(),
        non_converting=non_converting(storage, tenant, query.period) if query.with_non_converting else None,
        reconciled=totals == worth,
        as_of_ms=parts.newest_us // 1000 or now_ms,
    )


@dataclass(slots=True)
class _Parts:
    """What the rollup says of the period, by currency; see `0012_rollups.sql`."""

    lengths: list[Group] = field(default_factory=list)
    ends: list[Group] = field(default_factory=list)
    lags: dict[str, list[int]] = field(default_factory=dict)
    present: dict[tuple[str, str], Amounts] = field(default_factory=dict)
    alone: dict[tuple[str, str], Amounts] = field(default_factory=dict)
    newest_us: int = 0

    def add(self, code: str, part: str, key: tuple[str, str, int], amounts: Amounts) -> None:
        began, ended, number = key
        lags = self.lags.setdefault(code, [0] * len(LAGS))
        match part:
            case "length":
                self.lengths.append(Group(code, (number,), amounts))
            case "ends":
                self.ends.append(Group(code, (began, ended), amounts))
            case "lag":
                lags[number] = amounts.conversions_micro // MICRO
            case "present":
                self.present[code, began] = amounts
            case "alone":
                self.alone[code, began] = amounts

    def totals(self) -> dict[str, Amounts]:
        """Of all lengths, the conversions without touches among them."""
        found: dict[str, Amounts] = {}
        for item in self.lengths:
            found[item.currency] = found.get(item.currency, NOTHING) + item.amounts
        return found

    def roles(self) -> list[Role]:
        first: dict[tuple[str, str], Amounts] = {}
        last: dict[tuple[str, str], Amounts] = {}
        for item in self.ends:
            for place, found in enumerate((first, last)):
                key = (item.currency, item.key[place])
                found[key] = found.get(key, NOTHING) + item.amounts
        return [
            Role(
                *key,
                present.conversions_micro // MICRO,
                first.get(key, NOTHING).conversions_micro // MICRO,
                last.get(key, NOTHING).conversions_micro // MICRO,
                self.alone.get(key, NOTHING).conversions_micro // MICRO,
                present.value_minor,
                last.get(key, NOTHING).value_minor,
            )
            for key, present in self.present.items()
        ]


def _shown_role(role: Role) -> dict[str, Any]:
    return {
        "channel": role.channel,
        "currency": role.currency,
        "conversions": role.present,
        "first_touch": role.first,
        "last_touch": role.last,
        "assisted": role.assisted,
        "alone": role.alone,
        "assisted_per_last_touch": round(role.assisted / role.last, 4) if role.last else None,
        "value": to_decimal_string(role.present_minor, role.currency),
        "last_touch_value": to_decimal_string(role.last_minor, role.currency),
        "assisted_value": to_decimal_string(role.assisted_minor, role.currency),
    }
