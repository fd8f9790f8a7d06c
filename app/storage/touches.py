"""Which touches belong to these conversions? The one batched query."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.storage.client import Storage
from app.storage.hashes import id_hash
from app.storage.statements import TenantsStatement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXCLUDED = "(excluded)"
"""The channel of touches that the tenant's rules leave out."""

# By id and time alone: `app.storage.windows` matches, sorts and drops repeats. A join and two LIMIT BY here cost as
# much again as the reading; FINAL would do a part of it at two to four times the price.
_TOUCHES = """
    SELECT tenant_id, user_hash, ts AS time_ms, event_key, kind, channel, campaign, source, is_deleted
    FROM touchpoints
    WHERE {tenant}
    """
_UNTIL = "AND ts BETWEEN fromUnixTimestamp64Milli(%(lo_ms)s) AND fromUnixTimestamp64Milli(%(hi_ms)s)"
TOUCHES = TenantsStatement(
    "touches",
    f"""{_TOUCHES}
      AND (tenant_id, user_hash, toUInt32(intDiv(toUnixTimestamp64Milli(ts) - %(lo_ms)s, %(period_ms)s)))
          IN (SELECT tenant_id, user_hash, period FROM periods)
      {_UNTIL}
    """,
)

# Windows that lie near to each other, as those of new conversions do: without periods, which cost as much to plan as a
# fifth of the statement and tell nothing then.
_NEAR = f"{_TOUCHES} AND (tenant_id, user_hash) IN (SELECT tenant_id, user_hash FROM ids)"
TOUCHES_NEAR = TenantsStatement("touches_near", f"{_NEAR} {_UNTIL}")

# And where they reach up to now nothing to speak of lies after them: their end is a tenth of what planning costs.
TOUCHES_NEW = TenantsStatement("touches_new", f"{_NEAR} AND ts >= fromUnixTimestamp64Milli(%(lo_ms)s)")


@dataclass(frozen=True, slots=True)
class TouchColumns:
    """Touches as flat arrays of length m, sorted by (conversion_index, time_ms, key), each once per conversion.

    Parameters
    ----------
    conversion_index : int64 (m,), as given in the question.
    time_ms : int64 (m,), UTC epoch milliseconds.
    key : uint64 (m,), sipHash64 of the messageId.
    kind : int8 (m,), 0 click, 1 view.
    channel, campaign, source : int32 (m,), codes into `channel_names`, `campaign_names` and `source_names`, which may
        hold more names.
    """

    conversion_index: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    key: NDArray[np.uint64]
    kind: NDArray[np.int8]
    channel: NDArray[np.int32]
    channel_names: list[str]
    campaign: NDArray[np.int32]
    campaign_names: list[str]
    source: NDArray[np.int32]
    source_names: list[str]

    def __len__(self) -> int:
        return len(self.key)

    def between(self, first: int, end: int) -> TouchColumns:
        """The touches of the conversions numbered from `first` on and before `end`, which are numbered from 0 then."""
        start, stop = self.conversion_index.searchsorted([first, end])
        return TouchColumns(
            conversion_index=self.conversion_index[start:stop] - first,
            time_ms=self.time_ms[start:stop],
            key=self.key[start:stop],
            kind=self.kind[start:stop],
            channel=self.channel[start:stop],
            channel_names=self.channel_names,
            campaign=self.campaign[start:stop],
            campaign_names=self.campaign_names,
            source=self.source[start:stop],
            source_names=self.source_names,
        )


def touches_of(
    storage: Storage,
    tenant_id: Sequence[int] | NDArray[np.int64],
    conv_idx: Sequence[int] | NDArray[np.int64],
    user_id: Sequence[str],
    lo_ms: Sequence[int] | NDArray[np.int64],
    hi_ms: Sequence[int] | NDArray[np.int64],
    *,
    task: str = "",
) -> TouchColumns:
    """The touches of some tenants' conversions: one row of the question per conversion and id of its person.

    Parameters
    ----------
    storage : made with numpy.
    tenant_id : whose the conversion is.
    conv_idx : the conversion's number in the caller's chunk; of one number all rows are one tenant's.
    user_id : a raw id, with its prefix.
    lo_ms, hi_ms : the window, both ends included, epoch ms.
    """
    from app.storage.windows import DAY_MS, counted, windows_of

    if len(conv_idx) == 0:  # One window that can match nothing keeps the question well-formed when nothing is asked.
        tenant_id, conv_idx, user_id, lo_ms, hi_ms = [0], [0], [""], [1], [0]
    windows = windows_of(tenant_id, conv_idx, [id_hash(id) for id in user_id], lo_ms, hi_ms)
    params = {"lo_ms": int(windows.lo_ms.min()), "hi_ms": int(windows.hi_ms.max()), "period_ms": windows.period_ms}
    asked = sorted(set(windows.tenant_id.tolist()))
    statement, name, external = TOUCHES, "periods", windows.periods
    if windows.are_near:
        is_new = params["hi_ms"] > time.time_ns() // 1_000_000 - DAY_MS
        statement, name, external = TOUCHES_NEW if is_new else TOUCHES_NEAR, "ids", windows.ids
    found = storage.columns(statement, tenant_id=asked, params=params, external={name: external()}, task=task)
    channel, campaign, source = found["channel"], found["campaign"], found["source"]
    excluded = channel.names.index(EXCLUDED) if EXCLUDED in channel.names else -1
    row, conversion = counted(windows, found, channel.codes == excluded)
    return TouchColumns(
        conversion_index=conversion,
        time_ms=found["time_ms"][row],
        key=found["event_key"][row],
        kind=found["kind"][row],
        channel=channel.codes[row],
        channel_names=channel.names,
        campaign=campaign.codes[row],
        campaign_names=campaign.names,
        source=source.codes[row],
        source_names=source.names,
    )
