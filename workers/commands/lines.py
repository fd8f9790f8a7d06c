"""What stands in a file of events or spend, line by line?"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import BadInput


@dataclass(frozen=True, slots=True)
class Line:
    """A good line: `value` is its object, `end_byte` about how far into the file it ends."""

    number: int
    value: dict[str, Any]
    end_byte: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be imported, and what to do about it."""

    number: int
    message: str
    remedy: str


Complain = Callable[[BadLine], None]


def read_lines(file: Path, complain: Complain) -> Iterator[Line]:
    """The good lines of an NDJSON or (by its name) CSV file; the bad ones go to `complain`.

    Raises
    ------
    BadInput : a CSV file that is no text in UTF-8, at the first such place, or whose cells no comma separates.
    """
    return _csv_lines(file, complain) if file.suffix.lower() == ".csv" else _json_lines(file, complain)


def _json_lines(file: Path, complain: Complain) -> Iterator[Line]:
    end = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            end += len(line)
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                complain(BadLine(number, f"is not JSON ({error}).", "Write one JSON object a line."))
                continue
            if isinstance(value, dict):
                yield Line(number, value, end)
            else:
                complain(BadLine(number, "is not a JSON object.", "Write one JSON object a line."))


def _csv_lines(file: Path, complain: Complain) -> Iterator[Line]:
    end = 0
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        rows = _rows(file, reader)
        head = [name.strip() for name in next(rows, [])]
        if len(head) == 1 and (other := next((mark for mark in ";\t|" if mark in head[0]), "")):
            raise BadInput(
                "bad_file",
                f"{file.name}: the cells of its head are separated by {other!r}.",
                "Export it as CSV with commas between the cells, and a point in amounts.",
            )
        for cells in rows:
            end += sum(len(cell) + 1 for cell in cells)
            if not any(cells):
                continue
            if len(cells) != len(head):
                complain(
                    BadLine(
                        reader.line_num,
                        f"has {len(cells)} cells, the head has {len(head)}.",
                        "Put texts that hold a comma into quotes.",
                    )
                )
                continue
            try:
                yield Line(reader.line_num, nested(dict(zip(head, cells, strict=True))), end)
            except ValueError as error:
                complain(BadLine(reader.line_num, f"{error}.", "Rename one of the columns."))


def _rows(file: Path, reader: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except (UnicodeDecodeError, csv.Error) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise BadInput(
            "bad_file", f"{file.name} cannot be read: {why}.", "Save it as CSV in UTF-8, then import it again."
        ) from None


def nested(cells: dict[str, str]) -> dict[str, Any]:
    """Columns with dots in their names as objects; empty cells are left out.

    Examples
    --------
    >>> nested({"event": "Order Completed", "properties.order_id": "7", "properties.revenue": ""})
    {'event': 'Order Completed', 'properties': {'order_id': '7'}}
    """
    found: dict[str, Any] = {}
    for name, text in cells.items():
        if text == "":
            continue
        *folders, last = name.split(".")
        place = found
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise ValueError(f"the column {name!r} needs an object where another column put a text")
        place[last] = text
    return found
