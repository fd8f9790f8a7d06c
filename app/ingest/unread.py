"""Which fields of a posted row does nobody read? Told, since a misspelt `curency` would pass for none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

import msgspec

from app.ingest.explain import UNREADABLE

MOST_NAMED = 20
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def unread_fields(rows: Iterable[msgspec.Raw], known: Collection[str]) -> Counter[str]:
    """How many of the rows have each field that is not known, the first `MOST_NAMED` of them; most rows have none.

    Parameters
    ----------
    rows : as JSON; what is no object has a verdict of its own and is passed over.
    """
    found: Counter[str] = Counter()
    for row in rows:
        try:
            names = _decode(row).keys() - known
        except UNREADABLE:
            continue
        for name in sorted(names):
            if name in found or len(found) < MOST_NAMED:
                found[name[:80]] += 1
    return found
