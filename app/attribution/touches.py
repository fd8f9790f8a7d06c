"""What does the ragged layout look like, and how do touches come from storage?

One layout everywhere: a chunk has `n` conversions, numbered 0 to n - 1, and the touches of all of them
lie one after the other in flat arrays of length `m`. Where touches are sure to be grouped, ``offsets``
(int64, ``(n + 1,)``) bounds them: journey ``i`` is ``flat[offsets[i]:offsets[i + 1]]``, in the order of
SEMANTICS 2.2, and may be empty. Amounts and weights of `k` models are ``(k, m)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.attribution.names import TouchKind

Int64s = NDArray[np.int64]
UInt64s = NDArray[np.uint64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Touches:
    """The touches that may belong to a chunk of conversions, as the touchpoint query returns them.

    Sorted by (conversion_index, time_ms, key) and without duplicates; a touch that may serve two
    conversions is there twice. Touches outside of a window are allowed: `journeys.select` drops them.

    Parameters
    ----------
    conversion_index : int64 (m,)
        The conversion of the chunk, 0 to n - 1.
    time_ms : int64 (m,)
        UTC epoch milliseconds.
    key : uint64 (m,)
        sipHash64 of the messageId (SEMANTICS 2.2).
    channel : int32 (m,)
        Codes into `channel_names`.
    kind : int8 or uint8 (m,)
        `TouchKind`.
    campaign : int32 (m,)
        Codes that mean something to the caller only.
    channel_names : sequence of str
        Name of each channel code. Needed where a rule names channels, else it may be empty.

    Raises
    ------
    ValueError
        A wrong shape or dtype, an unknown kind, or rows out of order or twice.
    """

    conversion_index: Int64s
    time_ms: Int64s
    key: UInt64s
    channel: NDArray[np.int32]
    kind: NDArray[np.int8] | NDArray[np.uint8]
    campaign: NDArray[np.int32]
    channel_names: Sequence[str] = ()

    def __post_init__(self) -> None:
        m = len(self.conversion_index)
        require_flat("conversion_index", self.conversion_index, np.int64, m)
        require_flat("time_ms", self.time_ms, np.int64, m)
        require_flat("key", self.key, np.uint64, m)
        require_flat("channel", self.channel, np.int32, m)
        require_flat("campaign", self.campaign, np.int32, m)
        if self.kind.shape != (m,) or self.kind.dtype not in (np.int8, np.uint8):
            raise ValueError(f"kind must be int8 or uint8 of shape ({m},)")
        if m and not TouchKind.CLICK <= self.kind.min() <= self.kind.max() <= TouchKind.VIEW:
            raise ValueError("kind must be 0 (click) or 1 (view)")
        if not _strictly_sorted(self.conversion_index, self.time_ms, self.key):
            raise ValueError(
                "touches must be sorted by (conversion_index, time_ms, key), each once; "
                "sort and deduplicate in the query"
            )

    def __len__(self) -> int:
        return len(self.conversion_index)


def require_flat(name: str, array: NDArray[Any], dtype: type[np.generic], length: int) -> None:
    """ValueError unless `array` has this dtype and the shape ``(length,)``."""
    if array.shape != (length,) or array.dtype != dtype:
        raise ValueError(
            f"{name} must be {np.dtype(dtype).name} of shape ({length},), not {array.dtype.name} of shape {array.shape}"
        )


def require_offsets(offsets: Int64s, m: int) -> None:
    """ValueError unless `offsets` is int64, begins at 0, never falls and ends at `m`."""
    if offsets.ndim != 1 or len(offsets) == 0 or offsets.dtype != np.int64:
        raise ValueError("offsets must be int64 of shape (n + 1,)")
    if offsets[0] != 0 or offsets[-1] != m or bool(np.any(offsets[1:] < offsets[:-1])):
        raise ValueError(f"offsets must begin at 0, never fall, and end at the number of touches, {m}")


def _strictly_sorted(conversion: Int64s, time_ms: Int64s, key: UInt64s) -> bool:
    same_conversion = conversion[1:] == conversion[:-1]
    same_time = time_ms[1:] == time_ms[:-1]
    later = (time_ms[1:] > time_ms[:-1]) | (same_time & (key[1:] > key[:-1]))
    return bool(np.all((conversion[1:] > conversion[:-1]) | (same_conversion & later)))
