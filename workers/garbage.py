"""How often does a process look for garbage that refers to itself? Rarely: a long answer is no garbage, nor is a chunk.

Python looks through all that lives whenever so many more things were made than given back. A report of some thousand
lines makes a hundred thousand, gives back all of them, and had a quarter of its time taken by looking. So had a chunk
of 5,000 conversions.
"""

from __future__ import annotations

import gc

MADE = 50_000
"""Things made and not given back between two looks at the youngest (Python's own: 700)."""


def look_rarely() -> None:
    """From now on, in this process."""
    gc.set_threshold(MADE)
