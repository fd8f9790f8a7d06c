"""Which of the touches that were found belong to which conversion, and in which order?

The engine finds by id and time; matching, sorting and dropping repeats are left to numpy, which does in a few
milliseconds what took the engine half of the touch query, and of a small one's planning as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.storage.external import External

DAY_MS = 86_400_000
MOST_BITS = 63
"""Of a number that is not negative."""

Int64s = NDArray[np.int64]
UInt64s = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Windows:
    """Whose touches count for which conversion, and from when to when: one row per conversion and id of its person.

    Parameters
    ----------
    tenant_id, conv_idx, lo_ms, hi_ms : int64 (n,), both ends of a window included.
    user_hash : uint64 (n,)
    """

    tenant_id: Int64s
    conv_idx: Int64s
    user_hash: UInt64s
    lo_ms: Int64s
    hi_ms: Int64s

    @property
    def period_ms(self) -> int:
        """Longer than the longest window, and a day at least: each window lies in two periods at most."""
        return max(int((self.hi_ms - self.lo_ms).max()) + 1, DAY_MS)

    @property
    def are_near(self) -> bool:
        """All within the length of two periods: what the ids have in there is within twice what is wanted too."""
        return int(self.hi_ms.max()) - int(self.lo_ms.min()) < 2 * self.period_ms

    def ids(self) -> External:
        """The ids alone."""
        return External({"tenant_id": ("UInt32", self.tenant_id), "user_hash": ("UInt64", self.user_hash)})

    def periods(self) -> External:
        """The ids, and the periods (counted from the first `lo_ms`) that their windows lie in.

        The set keeps the answer within twice what is wanted, however far the windows of a chunk are apart.
        """
        first_ms, period_ms = self.lo_ms.min(), self.period_ms
        low, high = ((ms - first_ms) // period_ms for ms in (self.lo_ms, np.maximum(self.lo_ms, self.hi_ms)))
        second = np.flatnonzero(low != high)
        return External(
            {
                "tenant_id": ("UInt32", np.concatenate([self.tenant_id, self.tenant_id[second]])),
                "user_hash": ("UInt64", np.concatenate([self.user_hash, self.user_hash[second]])),
                "period": ("UInt32", np.concatenate([low, high[second]])),
            }
        )

    def matches(self, tenant_id: NDArray[np.uint32], user_hash: UInt64s, time_ms: Int64s) -> tuple[Int64s, Int64s]:
        """(row, conversion) of every found row that lies in a window; a row may lie in those of several."""
        whose, ids = np.unique(self.tenant_id), np.unique(self.user_hash)

        def person(tenant_id: NDArray[Any], user_hash: UInt64s) -> Int64s:
            return np.searchsorted(ids, user_hash) * len(whose) + np.searchsorted(whose, tenant_id)

        asked, found = person(self.tenant_id, self.user_hash), person(tenant_id, user_hash)
        order = np.argsort(asked, kind="stable")
        # Counted by person that was asked for: of many tenants most pairs of tenant and id are nobody.
        known, windows = np.unique(asked, return_counts=True)
        place = np.minimum(np.searchsorted(known, found), len(known) - 1)
        first, count = (np.cumsum(windows) - windows)[place], np.where(known[place] == found, windows[place], 0)
        row = np.repeat(np.arange(len(found)), count)
        window = order[np.arange(len(row)) - np.repeat(np.cumsum(count) - count - first, count)]
        at_ms = time_ms[row]
        inside = np.flatnonzero((self.lo_ms[window] <= at_ms) & (at_ms <= self.hi_ms[window]))
        return row[inside], self.conv_idx[window[inside]]


def counted(windows: Windows, found: Mapping[str, Any], left_out: NDArray[np.bool_]) -> tuple[Int64s, Int64s]:
    """(row, conversion) of the touches that count, in the order (conversion, time, key), each once per conversion.

    Parameters
    ----------
    found : columns of touches, in no order: tenant_id, user_hash, time_ms, event_key, is_deleted.
    left_out : bool (m,), those that the tenant's rules leave out.

    `is_deleted` counts revisions (schema 0004): an event that was sent again with an earlier time has a row that is
    cancelled by its twin (an odd number) and another at the earlier time; a touch that was classified again has a
    newer row (an even number). So of each time and key the greatest goes first, cancelled ones drop out with those
    that are left out, and of each event the earliest stays.
    """
    row, conversion = windows.matches(found["tenant_id"], found["user_hash"], found["time_ms"])
    time_ms, key = found["time_ms"][row], found["event_key"][row]
    revision = found["is_deleted"][row].astype(np.int16)
    order = _in_order(conversion, time_ms, key, -revision)
    row, conversion, time_ms, key, revision = (part[order] for part in (row, conversion, time_ms, key, revision))
    stays = _first(conversion, time_ms, key) & (revision % 2 == 0) & ~left_out[row]
    row, conversion, key = row[stays], conversion[stays], key[stays]
    if not _first(np.sort(key)).all():  # an event of one conversion at two times, or of two conversions
        by_event = np.lexsort((key, conversion))
        stays = np.empty(len(key), np.bool_)
        stays[by_event] = _first(conversion[by_event], key[by_event])
        row, conversion = row[stays], conversion[stays]
    return row, conversion


def _in_order(conversion: Int64s, time_ms: Int64s, *further: NDArray[Any]) -> Int64s:
    """Places in the order of these: by one number each, and by all of them only where that number is the same."""
    at_ms = time_ms - time_ms.min(initial=0)
    bits = int(at_ms.max(initial=0)).bit_length()
    if int(conversion.max(initial=0)).bit_length() + bits > MOST_BITS:
        return np.lexsort((*further[::-1], time_ms, conversion))
    both = conversion << bits | at_ms
    order = np.argsort(both)
    starts = _first(both[order])
    tied = np.flatnonzero(~starts | ~np.append(starts[1:], True))
    places = order[tied]
    order[tied] = places[np.lexsort((*(part[places] for part in further[::-1]), both[places]))]
    return order


def _first(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Where sorted rows differ from the one before."""
    differs = np.zeros(len(columns[0]), np.bool_)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return differs


def windows_of(
    tenant_id: Sequence[int] | Int64s,
    conv_idx: Sequence[int] | Int64s,
    user_hash: Sequence[int],
    lo_ms: Sequence[int] | Int64s,
    hi_ms: Sequence[int] | Int64s,
) -> Windows:
    """Of sequences of one length."""
    return Windows(
        np.asarray(tenant_id, np.int64),
        np.asarray(conv_idx, np.int64),
        np.asarray(user_hash, np.uint64),
        np.asarray(lo_ms, np.int64),
        np.asarray(hi_ms, np.int64),
    )
