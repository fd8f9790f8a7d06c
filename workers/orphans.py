"""How does a process make sure that it does not outlive the one that started it?"""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1  # linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True)  # loaded here: after a fork it is too late to load anything


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to kill this process when its parent is gone, however that happens.

    The kernel forgets it on fork and keeps it on exec, so every child asks for itself. It watches the *thread*
    that forked: programs are started from main threads.

    Parameters
    ----------
    parent : the pid of the parent, where the caller knows it: it may be dead before the kernel was asked.
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)
