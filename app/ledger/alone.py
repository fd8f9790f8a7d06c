"""Who may refresh a tenant's rollups now? One process at a time; others wait for a while."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from app.errors import Unavailable
from app.ledger.runs import Runs
from app.storage import keys
from app.storage.held import kept
from app.storage.scripts import script
from app.storage.statements import Rollup

LOOK_EVERY_S, WAIT_S = 0.05, 3.0
"""Who waits for a tenant's rollups looks so often whether they are free, and gives up after so long."""
LIFE_S = 10.0
"""After a process was killed in a refresh, its tenants' next one waits at most so long."""


class RollupsBusy(Unavailable):
    """Somebody else refreshes all of these rollups now."""


@contextmanager
def refreshing(
    runs: Runs, tenant_ids: Collection[int], rollup: Rollup, wait_s: float | None = None
) -> Iterator[tuple[list[int], int]]:
    """Be alone in refreshing these rollups of those of these tenants for whom nobody else does it now.

    Gives them, one at least, and the version of the new rows. Alone, because a key that one refresh writes and another
    no longer finds would stay; the version is taken before anything is read, so of two refreshes the one that began
    later has seen all. Nobody waits for a tenant while it holds another.

    Raises
    ------
    RollupsBusy : no other refresh ended within `wait_s`. A worker has other tenants to serve meanwhile.
    """
    ends = time.monotonic() + (WAIT_S if wait_s is None else wait_s)
    token, asked = uuid.uuid4().hex, sorted(tenant_ids)
    names = [keys.refreshing(rollup, tenant_id) for tenant_id in asked]
    take, drop = script(runs.redis, "take_free"), script(runs.redis, "drop_taken")
    while not (free := take(keys=names, args=[token, _life_ms()])):
        if time.monotonic() > ends:
            raise RollupsBusy("rollups_busy", "The tenant's rollups are being refreshed.", "It is tried again.")
        time.sleep(LOOK_EVERY_S)
    held = [names[place] for place in free]
    try:
        with kept(lambda: _renew(runs, held, token), LIFE_S):
            yield [asked[place] for place in free], runs.now_version()
    finally:
        drop(keys=held, args=[token])


def _renew(runs: Runs, held: Collection[str], token: str) -> None:
    script(runs.redis, "keep_taken")(keys=held, args=[token, _life_ms()])


def _life_ms() -> int:
    return round(LIFE_S * 1000)
