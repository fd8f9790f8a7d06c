"""How do dead letters get on their way again? Events through the inbox, conversions as a run, like everything else.

A letter is taken out only after what it holds is safe there. Events keep their messageId, so a replay that is
stopped half-way and begun again counts nothing twice.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.errors import BadInput, NotFound, TributaryError
from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ingest.events import Batch, decode_batch, encode_batch
from app.ingest.inbox import Inbox
from app.ingest.replay import read_again
from app.ledger.reattribute import start_run
from app.ledger.runs import RunKind
from app.ledger.webhooks import send_again
from app.storage import keys
from app.storage.connections import get_storage
from app.storage.redis import get_redis
from app.tenants.registry import Registry
from config.settings import get_settings

PROBLEMS_KEPT = 100
_decode_json_batch = msgspec.json.Decoder(Batch).decode


@dataclass(slots=True)
class Replayed:
    """What became of the letters; `problems` are the first of those that stay."""

    replayed: int = 0
    kept: int = 0
    problems: list[str] = field(default_factory=list)


def replay_all(
    *, tenant_id: int | None, reason: str | None, limit: int | None, told: Callable[[int], None] = lambda tried: None
) -> Replayed:
    """Replay the letters that there are now, oldest first.

    Parameters
    ----------
    told : takes how many have been tried, before each.

    Raises
    ------
    TributaryError : the inbox is full or away; what was replayed until then is out, the rest stays.
    """
    settings, redis = get_settings(), get_redis()
    letters = DeadLetters(redis, settings.dead_letter_entries)
    registry = Registry(redis, get_storage, settings)
    inbox = Inbox(redis, settings)

    def send(letter: DeadLetter) -> None:
        if letter.source == Source.CHUNK:
            found = json.loads(letter.body)
            start_run(redis, settings, RunKind.REPLAY, found["tenant_id"], found["conversion_keys"])
            return
        if letter.source == Source.WEBHOOK:
            send_again(redis, letter)
            return
        if letter.source == Source.EDGE:
            batch = read_again(letter, registry.get(letter.tenant_id), settings)
        else:
            batch = _batch_of(letter)
            registry.get(batch.tenant_id)  # or the drain would only bury it again
        rows = len(batch.events) + len(batch.spend) + len(batch.adjustments)
        inbox.accept(batch.tenant_id, encode_batch(batch), rows)

    found = letters.read(tenant_id=tenant_id, reason=reason, limit=limit)
    return _replay(letters, found, _newest_id(redis), send, told)


def _replay(
    letters: DeadLetters,
    found: Iterable[tuple[str, DeadLetter]],
    newest: tuple[int, int],
    send: Callable[[DeadLetter], None],
    told: Callable[[int], None],
) -> Replayed:
    done = Replayed()
    for entry_id, letter in found:
        if _parts(entry_id) > newest:
            break  # given up again after we began: another time
        told(done.replayed + done.kept)
        try:
            send(letter)
        except (BadInput, NotFound, msgspec.MsgspecError, ValueError) as error:
            done.kept += 1
            if len(done.problems) < PROBLEMS_KEPT:
                done.problems.append(f"{entry_id}: {error}")
            continue
        except TributaryError as error:
            raise TributaryError(
                error.code,
                f"{error.message} {done.replayed} letters were replayed before.",
                "Start it again later; it goes on where it stopped.",
                retryable=True,
            ) from error
        letters.remove(entry_id)
        done.replayed += 1
    return done


def _batch_of(letter: DeadLetter) -> Batch:
    """What the drain could not store: a batch as JSON, or the bytes of an entry that it could not read."""
    if letter.reason == "unreadable_batch":
        return decode_batch(base64.b64decode(letter.body))
    return _decode_json_batch(letter.body)


def _newest_id(redis: Any) -> tuple[int, int]:
    newest = redis.xrevrange(keys.DEAD_LETTERS, count=1)
    return _parts(newest[0][0].decode()) if newest else (0, 0)


def _parts(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence)
