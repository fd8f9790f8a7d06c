"""How are conversions cut into chunks, and what does a chunk name?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

FEW = 10
"""A tenant has few conversions where they are less than this part of a chunk."""
BACKFILL = 2
"""A backfill's chunk holds so many times as many as a block's: whatever its days hold of the ledger is unpacked for it,
however few of the rows it wants, and nobody waits for it."""


class Share(msgspec.Struct, array_like=True, frozen=True):
    """References to conversions of one tenant: their keys, eight bytes each, little-endian."""

    tenant_id: int
    keys: bytes

    @property
    def conversions(self) -> int:
        return len(self.keys) // 8

    def conversion_keys(self) -> list[int]:
        return [int.from_bytes(self.keys[i : i + 8], "little") for i in range(0, len(self.keys), 8)]


@dataclass(frozen=True, slots=True)
class Chunk:
    """References to conversions that are attributed together: of each of some tenants its share."""

    shares: tuple[Share, ...]

    @property
    def conversions(self) -> int:
        return sum(share.conversions for share in self.shares)

    @property
    def tenant_ids(self) -> list[int]:
        return [share.tenant_id for share in self.shares]

    def conversion_keys(self) -> dict[int, list[int]]:
        """Tenant -> keys of its conversions."""
        return {share.tenant_id: share.conversion_keys() for share in self.shares}


_encode_shares = msgspec.msgpack.Encoder().encode
_decode_shares = msgspec.msgpack.Decoder(tuple[Share, ...]).decode
_decode_share = msgspec.msgpack.Decoder(Share).decode


def encode_chunk(chunk: Chunk) -> bytes:
    """A chunk as the chunk ledger holds it."""
    return _encode_shares(chunk.shares)


def decode_chunk(packed: bytes) -> Chunk:
    """A chunk of the chunk ledger; one that was recorded before chunks could hold several tenants is one share."""
    try:
        return Chunk(_decode_shares(packed))
    except msgspec.ValidationError:
        return Chunk((_decode_share(packed),))


def make_chunks(conversion_keys: Mapping[int, Sequence[int]], size: int) -> list[Chunk]:
    """Cut tenants' keys, in the order given, into chunks: neighbours share what a chunk reads.

    What tenants have few of goes together, as far as it fits: the statements of a chunk cost the same for many
    tenants as for one. Where a tenant has more, its chunks are its own, and nobody else waits for them.
    """
    whole: list[Chunk] = []
    together: list[Share] = []
    for tenant_id, of_one in conversion_keys.items():
        for start in range(0, len(of_one), size):
            share = Share(tenant_id, b"".join(key.to_bytes(8, "little") for key in of_one[start : start + size]))
            if share.conversions * FEW >= size:
                whole.append(Chunk((share,)))
                continue
            if sum(one.conversions for one in together) + share.conversions > size:
                whole.append(Chunk(tuple(together)))
                together = []
            together.append(share)
    return [*whole, Chunk(tuple(together))] if together else whole
