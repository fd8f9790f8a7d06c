"""Whose batches come into the next block? Each waiting tenant's in turn: next is whoever has the least events in it."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""An entry of an inbox: its id, and its fields `n` (events) and `b` (the batch)."""
Read = Callable[[Mapping[int, str]], Mapping[int, Iterable[Entry]]]
"""Gives the next entries of some tenants, by where each is to be read from."""


def in_turn(read: Read, tenants: Sequence[int], most: int, share: int) -> dict[int, list[Entry]]:
    """The oldest entries of each tenant, as many as one block takes; none are left out between two of one tenant.

    Parameters
    ----------
    most : events in the block; a single entry may be larger.
    share : events of one tenant in a block that others share, unless the others have more together. So whoever has
        little waits for little, however much somebody else has sent.

    Returns
    -------
    Tenant -> its entries, oldest first; only tenants that have some.
    """
    ahead = {tenant: deque(entries) for tenant, entries in read(dict.fromkeys(tenants, "-")).items()}
    turn = [(0, tenant) for tenant in sorted(ahead) if ahead[tenant]]
    taken: dict[int, list[Entry]] = {}
    events = 0
    while turn:
        own, tenant = heapq.heappop(turn)
        entry = ahead[tenant].popleft()
        size = int(entry[1][b"n"])
        others = events - own
        is_full = bool(taken) and events + size > most
        has_its_share = others > 0 and own >= max(share, others)
        if is_full or has_its_share:
            return taken
        taken.setdefault(tenant, []).append(entry)
        events += size
        if not ahead[tenant]:
            ahead[tenant].extend(read({tenant: f"({entry[0].decode()}"})[tenant])
        if ahead[tenant]:
            heapq.heappush(turn, (own + size, tenant))
    return taken


def encode_ends(taken: Mapping[int, Sequence[Any]]) -> bytes:
    """A block's seal: up to which entry it reaches in each tenant's inbox. The same entries give the same text."""
    return b" ".join(b"%d=%s" % (tenant, taken[tenant][-1][0]) for tenant in sorted(taken))


def decode_ends(seal: str) -> dict[int, str]:
    """The last entry id of each tenant in a block.

    Examples
    --------
    >>> decode_ends("4=17-0 11=17-2")
    {4: '17-0', 11: '17-2'}
    """
    return {int(tenant): end for tenant, _, end in (part.partition("=") for part in seal.split(" "))}
