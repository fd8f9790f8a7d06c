"""Which runs does this process do now? A run is claimed before it is attributed, and small ones that wait with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.ledger.cut import Chunk, decode_chunk
from app.ledger.runs import RunRecord, record_of
from app.storage import keys
from app.storage.scripts import script

MOST_ALONG = 100
"""Runs that are looked at to be attributed along with one."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is claimed, and what is to be done of it: a chunk, None where that is done already."""

    record: RunRecord
    number: int
    chunk: Chunk | None


class Claims:
    """The claims on runs.

    Parameters
    ----------
    deadline_s : a claim of somebody who died ends after so long, or when the sweep sends the run again.
    """

    def __init__(self, redis: Any, deadline_s: int) -> None:
        self._redis = redis
        self._deadline_ms = deadline_s * 1000
        self._along = script(redis, "take_along")

    def take_along(self, run_id: str, number: int, most_conversions: int) -> list[Claim]:
        """Claim a run of which chunk `number` is to be done, and with a block's run those of other blocks that wait,
        have one chunk and make with it `most_conversions` at most.

        Returns
        -------
        The claims, that on the run asked for first; none where it is closed, or claimed already. Who cannot do them
        lets them go.
        """
        arguments = [run_id, number, self._deadline_ms, most_conversions, MOST_ALONG]
        names = [keys.run("*"), keys.run_chunks("*"), keys.run_open("*")]
        claims: list[Claim] = []
        for name, fields, packed in self._along(keys=[keys.RUNS_DUE], args=[*arguments, *names]):
            record = record_of(name.decode(), dict(zip(fields[::2], fields[1::2], strict=True)))
            chunk = decode_chunk(packed) if packed is not None else None
            claims.append(Claim(record, 0 if claims else number, chunk))
        return claims

    def let_go(self, run_ids: Sequence[str]) -> None:
        """End the claims on runs."""
        with self._redis.pipeline(transaction=False) as pipe:
            for run_id in run_ids:
                pipe.hdel(keys.run(run_id), "taken_until")
            pipe.execute()
