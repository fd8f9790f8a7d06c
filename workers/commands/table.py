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
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (head, *rows)
    )
