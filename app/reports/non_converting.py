"""Which journeys came to nothing? One path per person: the period's touches that no conversion's journey holds.

(SEMANTICS 2.11.) Read from the touches themselves, so it takes seconds where there are millions of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.errors import BadInput
from app.identity.resolve import FOR_EVER, FROM_EVER, Identities, resolve
from app.ingest.events import USER
from app.reports.days import Period
from app.reports.query import period_params
from app.storage.client import Storage
from app.storage.external import External
from app.storage.identity import Link, links_of
from app.storage.report_journeys import LINKED_IDS, NON_CONVERTING
from app.tenants.tenant import Tenant

MOST_LINKED_IDS = 200_000
MOST_DISTINCT_PATHS = 200_000
_TASK = "report.non_converting"


@dataclass(frozen=True, slots=True)
class NonConverting:
    """Journeys that did not convert: each distinct path and how many there are of it, the most frequent first."""

    paths: list[tuple[tuple[str, ...], int]]

    @property
    def journeys(self) -> int:
        return sum(count for _, count in self.paths)

    def with_channel(self) -> dict[str, int]:
        """Journeys whose path holds a channel."""
        found: dict[str, int] = {}
        for path, count in self.paths:
            for channel in set(path):
                found[channel] = found.get(channel, 0) + count
        return found

    def lengths(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for path, count in self.paths:
            found[len(path)] = found.get(len(path), 0) + count
        return dict(sorted(found.items()))

    def shown(self, converting: dict[str, int], limit: int) -> dict[str, Any]:
        """Beside the conversions whose path holds a channel; up to `limit` paths."""
        lost = self.with_channel()
        return {
            "journeys": self.journeys,
            "paths": [{"path": list(path), "length": len(path), "journeys": n} for path, n in self.paths[:limit]],
            "lengths": [{"length": length, "journeys": count} for length, count in self.lengths().items()],
            "channels": [
                {
                    "channel": channel,
                    "converting": converting.get(channel, 0),
                    "non_converting": lost.get(channel, 0),
                    "converting_share": _share(converting.get(channel, 0), lost.get(channel, 0)),
                }
                for channel in sorted(set(converting) | set(lost))
            ],
        }


def non_converting(storage: Storage, tenant: Tenant, period: Period) -> NonConverting:
    """The journeys of a tenant's period that did not convert.

    Raises
    ------
    BadInput : more than 200,000 linked ids or distinct paths.
    """
    spans = spans_of(storage, tenant, period, MOST_LINKED_IDS, task=_TASK)
    params = period_params(period) | {"from_ms": period.from_ms, "to_ms": period.to_ms}
    found = storage.rows(
        NON_CONVERTING,
        tenant_id=tenant.tenant_id,
        params=params | {"limit": MOST_DISTINCT_PATHS + 1},
        external={"spans": spans},
        task=_TASK,
    )
    _require(len(found) <= MOST_DISTINCT_PATHS, f"more than {MOST_DISTINCT_PATHS} distinct paths")
    return NonConverting([(tuple(path), count) for path, count in found])


def spans_of(storage: Storage, tenant: Tenant, period: Period, most: int, *, task: str) -> External:
    """Whose the linked ids with touches in the period are, from when until when.

    Raises
    ------
    BadInput : more than `most` linked ids.
    """
    params = {"from_ms": period.from_ms, "to_ms": period.to_ms, "limit": most + 1}
    linked = storage.rows(LINKED_IDS, tenant_id=tenant.tenant_id, params=params, task=task)
    _require(len(linked) <= most, f"touches of more than {most} linked ids")
    return _table(list(_spans(storage, tenant, sorted(id for (id,) in linked))))


Span = tuple[str, str, int, int]
"""(id, person, from, until): epoch ms, both included."""


def _spans(storage: Storage, tenant: Tenant, ids: list[str]) -> Iterable[Span]:
    """Whose each id is, from when until when."""
    met: dict[str, list[int]] = {}

    def links(wanted: list[str]) -> list[Link]:
        found = links_of(storage, tenant.tenant_id, wanted, task=_TASK)
        for link in found:
            if link.met.startswith(USER):
                met.setdefault(link.id, []).append(link.first_ms)
        return found

    identities = resolve(ids, links)
    for id in ids:
        yield from _spans_of(id, identities, [] if id.startswith(USER) else sorted(set(met.get(id, []))))


def _spans_of(id: str, identities: Identities, changes_ms: list[int]) -> Iterable[Span]:
    starts = [FROM_EVER, *changes_ms]
    for number, since_ms in enumerate(starts):
        until_ms = starts[number + 1] - 1 if number + 1 < len(starts) else FOR_EVER
        yield id, identities.person(id, since_ms), since_ms, until_ms


def _table(spans: list[Span]) -> External:
    """One row that can match nothing keeps the question well-formed where no id is linked."""
    ids, owners, since, until = zip(*(spans or [("", "-", 1, 0)]), strict=True)
    return External(
        {
            "id": ("String", ids),
            "owner": ("String", owners),
            "since_ms": ("Int64", since),
            "until_ms": ("Int64", until),
        }
    )


def _require(is_so: bool, what: str) -> None:
    if not is_so:
        raise BadInput("report_too_large", f"The period has {what}.", "Ask for fewer days.")


def _share(converting: int, lost: int) -> float | None:
    return round(converting / (converting + lost), 6) if converting + lost else None
