"""How is a lock kept for as long as the work takes, and yet soon free when its holder is killed?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import LockError, RedisError
from redis.lock import Lock


@contextmanager
def kept(lock: Lock) -> Iterator[None]:
    """Renew a lock that is held three times in each of its lives, until the block ends.

    Parameters
    ----------
    lock : made with `timeout`, its life, and `thread_local=False`.
    """
    is_over = threading.Event()
    keeper = threading.Thread(target=_renew, args=(lock, is_over), name="lock", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()


def _renew(lock: Lock, is_over: threading.Event) -> None:
    assert lock.timeout is not None
    while not is_over.wait(lock.timeout / 3):
        try:
            lock.reacquire()
        except LockError:
            return  # it has expired, and may be another's
        except RedisError:
            continue  # away; the lock may outlive that
