"""How is a table printed so that people can read it?"""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Aligned columns; the first `left` of them to the left, numbers to the right.

    Examples
    --------
    >>> print(table(["channel", "value"], [["email", "12.50"], ["display", "3.00"]]))
    channel  value
    email    12.50
    display   3.00
    """
    lines = [[printable(cell) for cell in line] for line in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    """The same text without control codes: names come from whoever sends events, and a terminal would obey them."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
