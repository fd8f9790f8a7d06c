"""How are conversions cut into chunks, and read again?"""

from __future__ import annotations

import msgspec
import pytest

from app.ledger.chunks import _halves
from app.ledger.cut import Chunk, Share, decode_chunk, encode_chunk, make_chunks


def cut(counts: dict[int, int], size: int) -> list[dict[int, int]]:
    """Of each chunk, how many conversions of which tenant."""
    chunks = make_chunks({tenant: list(range(count)) for tenant, count in counts.items()}, size)
    return [{share.tenant_id: share.conversions for share in chunk.shares} for chunk in chunks]


def test_what_tenants_have_few_of_goes_together() -> None:
    assert cut({1: 3, 2: 4, 3: 1}, 100) == [{1: 3, 2: 4, 3: 1}]
    assert cut({1: 3, 2: 250, 3: 9, 4: 10}, 100) == [{2: 100}, {2: 100}, {2: 50}, {4: 10}, {1: 3, 3: 9}]
    parts = (range(11), range(11, 22), range(22, 30))
    assert cut(dict.fromkeys(range(30), 9), 100) == [dict.fromkeys(part, 9) for part in parts]
    assert cut({}, 100) == []


def test_a_chunk_is_read_as_it_was_written() -> None:
    (chunk,) = make_chunks({4: [7, 2**64 - 1], 9: [7]}, 5_000)
    again = decode_chunk(encode_chunk(chunk))
    assert again == chunk
    assert again.conversion_keys() == {4: [7, 2**64 - 1], 9: [7]}
    assert (again.conversions, again.tenant_ids) == (3, [4, 9])


def test_a_chunk_of_an_older_release() -> None:
    before = msgspec.msgpack.encode([4, (7).to_bytes(8, "little")])
    assert decode_chunk(before) == Chunk((Share(4, (7).to_bytes(8, "little")),))


@pytest.mark.parametrize("keys", [{1: [5, 6], 2: [5]}, {1: [5], 2: [5]}, {1: [5, 6, 7, 8]}])
def test_halves(keys: dict[int, list[int]]) -> None:
    first, second = _halves(keys) or []
    each = [(tenant, key) for half in (first, second) for tenant, some in half.items() for key in some]
    assert each == [(tenant, key) for tenant, some in keys.items() for key in some]
    assert abs(sum(map(len, first.values())) - sum(map(len, second.values()))) <= 1
    assert _halves({3: [9]}) is None
