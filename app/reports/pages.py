"""How is a report of many thousand lines answered in parts? Each goes on behind the line that its cursor names.

A line, and not a number of lines: whatever is credited between two questions, no reader misses a line or has it twice.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from app.errors import BadInput

MOST_LINES = 200_000
"""Of a report as a whole. An answer has all of them where no `limit` is given: whoever sums the rows of a part that was
not asked for would take it for the whole."""

Line = tuple[str, tuple[str, ...]]
"""A line of a report: its currency, and its group, which is a value for each of the query's `by`."""


def cursor_of(line: Line) -> str:
    """The word for `after` that asks for what follows a line.

    Examples
    --------
    >>> read_after(cursor_of(("USD", ("email", "2025-06-01"))), columns=2)
    ('USD', ('email', '2025-06-01'))
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(line)).decode().rstrip("=")


def read_after(text: str, columns: int) -> Line:
    """The line that a cursor names.

    Raises
    ------
    BadInput : it is none, or of a report by other columns.
    """
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        line: Line = msgspec.json.decode(packed, type=Line)
    except (binascii.Error, ValueError) as error:
        raise _bad_after(text) from error
    if len(line[1]) != columns:
        raise _bad_after(text)
    return line


def read_limit(text: str, most: int, of: str) -> int:
    """How many of what it holds an answer has at most.

    Raises
    ------
    BadInput : it is no number, or too large.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise BadInput("bad_limit", f"limit is {text[:40]!r}.", f"Give a number of {of} from 1 to {most}.")
    return int(text)


def _bad_after(text: str) -> BadInput:
    return BadInput(
        "bad_after", f"after is {text[:40]!r}.", "Use `next` of the answer before, and the same parameters as for it."
    )
