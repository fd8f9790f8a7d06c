"""How is the total of a tenant and period shared over channels? To the unit, as money is (SEMANTICS 4.2, 4.9)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.attribution.money import MICRO
from app.attribution.paths import Count, PathCounts
from app.attribution.remainders import salts_of, winners
from app.attribution.touches import Floats, Int64s, UInt64s

MAX_TOTAL = 2**63 - 1

# What is shared out: fields of `ChannelCredit`, in the order of its `unattributed`.
AMOUNTS = ("conversions_micro", "net_conversions_micro", "gross_minor", "net_minor")


@dataclass(frozen=True, slots=True)
class ChannelCredit:
    """What a model of whole tenants and periods gives each of n channels.

    Parameters
    ----------
    channels : tuple of str
        Sorted.
    share : float64 (n,)
        Of the conversions with touches, summing to 1; all 0 where there is none.
    conversions_micro, net_conversions_micro, gross_minor, net_minor : int64 (n,)
        Sum to the total of the journeys with touches, to the unit.
    unattributed : int64 (4,)
        The same four of the conversions without touches, which stay outside (SEMANTICS 3).
    """

    channels: tuple[str, ...]
    share: Floats
    conversions_micro: Int64s
    net_conversions_micro: Int64s
    gross_minor: Int64s
    net_minor: Int64s
    unattributed: Int64s


def share_total(total: int, parts: Sequence[int], channel_key: UInt64s, key: int, model: str) -> Int64s:
    """Share one total in proportion to whole parts: `money.share` without its bounds.

    Floor, then one more unit to each of the largest remainders, those within 1e-9 of each other by hash.

    Parameters
    ----------
    total : int
        0 to 2**63 - 1 units.
    parts : sequence of int
        0 or more, of any size; not all 0 where there is a total.
    channel_key : uint64 (n,)
        `keys_of` the channels.
    key : int
        Names the total, 64 bits; for the order of equal remainders only.
    model : str

    Returns
    -------
    int64 (n,)
        Sums to the total.

    Raises
    ------
    ValueError
        A total out of range, a negative part, or a total without parts.

    Examples
    --------
    >>> share_total(100, [3, 3, 1], keys_of(["ads", "email", "search"]), 0, "mine").tolist()
    [43, 43, 14]
    """
    if not 0 <= total <= MAX_TOTAL:
        raise ValueError(f"a total must be 0 to {MAX_TOTAL} units")
    if total == 0:
        return np.zeros(len(parts), np.int64)
    whole = sum(parts)
    if whole <= 0 or min(parts) < 0:
        raise ValueError("a total needs parts to share it by: 0 or more, and one above 0")
    divided = [divmod(total * part, whole) for part in parts]
    amounts = np.array([floor for floor, _ in divided], np.int64)
    remainders = np.array([[rest / whole for _, rest in divided]])
    units_left = np.array([[total - int(amounts.sum())]])
    one, length = np.zeros(1, np.int64), np.array([len(parts)])
    keys = np.array([key], np.uint64), channel_key
    amounts[winners(units_left, remainders, one, length, *keys, salts_of([model]))] += 1
    return amounts


def keys_of(channels: Sequence[str]) -> UInt64s:
    """A hash of each channel's name, uint64 (n,): the same whatever other channels there are."""
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in channels]
    return np.array([int.from_bytes(digest) for digest in digests], np.uint64)


def totals_of(counts: Int64s) -> list[int]:
    """The four of `AMOUNTS` from a row of counts, int64 (5,); conversions in millionths."""
    counted = counts.tolist()
    conversions, net_conversions = counted[Count.CONVERSIONS] * MICRO, counted[Count.NET_CONVERSIONS] * MICRO
    return [conversions, net_conversions, counted[Count.GROSS_MINOR], counted[Count.NET_MINOR]]


def credited(
    paths: PathCounts, channels: tuple[str, ...], parts: Sequence[Sequence[int]], key: int, model: str
) -> ChannelCredit:
    """The totals of `paths` shared by `parts`: one row of whole numbers for each of `AMOUNTS`, in proportion."""
    keys = keys_of(channels)
    totals = totals_of(paths.credited())
    conversions, net_conversions, gross, net = (
        share_total(total, each, keys, key, model) for total, each in zip(totals, parts, strict=True)
    )
    whole = sum(parts[0])
    share = np.array([part / whole if whole else 0.0 for part in parts[0]])
    unattributed = np.array(totals_of(paths.unattributed()), np.int64)
    return ChannelCredit(channels, share, conversions, net_conversions, gross, net, unattributed)
