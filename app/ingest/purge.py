"""Which dead letters speak of an erased person? Those go, whatever they were given up for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from config.settings import Settings

ID_FIELDS = frozenset(
    {"userId", "anonymousId", "previousId", "distinct_id", "alias", "$anon_distinct_id", "$device_id", "user_id"}
)
_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


def purge_letters(
    redis: Any, settings: Settings, tenant_id: int, spans: Iterable[tuple[str, int, int]], erased_ms: int
) -> int:
    """Remove a tenant's letters that name one of these ids and are not newer. Returns how many."""
    letters = DeadLetters(redis, settings.dead_letter_entries)
    ids = {id for id, _, _ in spans}
    gone = [
        entry_id
        for entry_id, letter in letters.read(tenant_id=tenant_id)
        if letter.at_ms <= erased_ms and _speaks_of(letter, ids)
    ]
    for entry_id in gone:
        letters.remove(entry_id)
    return len(gone)


def _speaks_of(letter: DeadLetter, ids: set[str]) -> bool:
    """Whether the letter's event belongs to, or names, one of the ids."""
    if letter.source == Source.DRAIN:
        return any(id in letter.body for id in (encode(id).decode() for id in ids))
    if letter.source != Source.EDGE:
        return False
    bare = {id[2:] for id in ids}
    try:
        letter_body = _decode(letter.body)
        return ("posted" in letter_body and any(id in bare for id in _ids_in(letter_body["posted"], 0))) or any(
            encode(id).decode() in letter_body.get("text", "") for id in bare
        )
    except (msgspec.DecodeError, RecursionError, TypeError):
        return any(encode(id).decode() in letter.body for id in bare)


def _ids_in(value: Any, depth: int) -> Iterable[str]:
    """What stands in the fields that hold ids, in an event and its properties."""
    if depth > 4 or not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name in ID_FIELDS and isinstance(inner, str | int):
            yield str(inner)
        else:
            yield from _ids_in(inner, depth + 1)
