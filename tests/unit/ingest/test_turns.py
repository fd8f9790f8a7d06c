"""Does a block take from every tenant in turn, and from each in the order in which it came?"""

from __future__ import annotations

import pytest

from app.ingest.turns import decode_ends, encode_ends, in_turn


class Logs:
    """Inboxes of entries of one size each, read in pages of two."""

    def __init__(self, **counts):
        self.entries = {
            int(name[1:]): [(b"%d-0" % number, {b"n": b"%d" % size}) for number in range(1, count + 1)]
            for name, (count, size) in counts.items()
        }

    def read(self, starts):
        return {tenant: self._page(tenant, start) for tenant, start in starts.items()}

    def _page(self, tenant, start):
        after = 0 if start == "-" else int(start[1:].split("-")[0])
        return self.entries[tenant][after : after + 2]

    def block(self, most, share):
        taken = in_turn(self.read, list(self.entries), most, share)
        for tenant, entries in taken.items():
            assert entries == self.entries[tenant][: len(entries)], "a gap"
        return {tenant: sum(int(fields[b"n"]) for _, fields in entries) for tenant, entries in taken.items()}


@pytest.mark.parametrize(
    ("logs", "taken"),
    [
        (Logs(t1=(100, 1)), {1: 50}),
        (Logs(t1=(100, 1), t2=(3, 1)), {1: 10, 2: 3}),
        (Logs(t1=(100, 1), t2=(3, 5), t3=(2, 1)), {1: 17, 2: 15, 3: 2}),
        (Logs(t1=(100, 1), t2=(100, 1), t3=(100, 1)), {1: 17, 2: 17, 3: 16}),
        (Logs(t1=(3, 1), t2=(1, 4)), {1: 3, 2: 4}),
        (Logs(t1=(2, 60)), {1: 60}),
        (Logs(t1=(0, 1)), {}),
        (Logs(), {}),
    ],
    ids=["alone", "beside little", "beside more", "all have much", "all have little", "one large", "none", "nobody"],
)
def test_who_is_in_a_block_of_50_events_and_shares_of_10(logs, taken):
    assert logs.block(most=50, share=10) == taken


def test_a_seal_names_the_last_entry_of_each_tenant():
    ends = encode_ends({11: [(b"1-0", {}), (b"1-1", {})], 4: [(b"7-3", {})]})
    assert ends == b"4=7-3 11=1-1"
    assert decode_ends(ends.decode()) == {4: "7-3", 11: "1-1"}
