"""How is a lock kept for as long as the work takes, and yet soon free when its holder is killed?"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

log = logging.getLogger(__name__)


@contextmanager
def kept(renew: Callable[[], object], life_s: float) -> Iterator[None]:
    """Renew what is held three times in each of its lives, until the block ends.

    Parameters
    ----------
    renew : called in a thread of its own; what it no longer holds it leaves alone.
    """
    is_over = threading.Event()
    keeper = threading.Thread(target=_renew, args=(renew, life_s, is_over), name="lock", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()


def _renew(renew: Callable[[], object], life_s: float, is_over: threading.Event) -> None:
    while not is_over.wait(life_s / 3):
        try:
            renew()
        except RedisError as error:
            log.warning("a lock was not renewed, and may expire: %s", error)
