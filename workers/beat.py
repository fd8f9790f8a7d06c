"""How does the beat live through an outage of Redis, or a failover? It tries again, and begins anew where Redis did."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

from redbeat.schedulers import RedBeatScheduler, acquire_distributed_beat_lock
from redis.exceptions import ConnectionError, LockNotOwnedError, TimeoutError

AGAIN_S = 1.0
log = logging.getLogger(__name__)


class Scheduler(RedBeatScheduler):
    """RedBeat's, which ends with the first command that Redis does not answer."""

    lock: Any = None

    def tick(self, *args: Any, **options: Any) -> float:
        """Send what is due. Returns the seconds until the next look."""
        try:
            if self.lock is None:
                acquire_distributed_beat_lock(SimpleNamespace(scheduler=self))
                self.setup_schedule()  # a Redis that has lost the lock may have lost that too
            return float(super().tick(*args, **options))
        except LockNotOwnedError:
            log.warning("beat: its lock ran out, or Redis has lost it; it is taken anew")
            self.lock = None
            return 0.0
        except (ConnectionError, TimeoutError) as error:
            log.warning("beat: Redis does not answer, and is asked again in %.0f s: %s", AGAIN_S, error)
            return AGAIN_S
