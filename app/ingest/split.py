"""Where does each event of a batch begin and end, if the decoder refuses the batch as a whole?

Only for bodies that cannot be decoded: one NaN, lone surrogate or overly deep event must not cost the good events
around it. Brackets are counted, strings are skipped; linear, without recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},:]', re.DOTALL)


def split_batch(body: bytes, name: bytes = b"batch") -> tuple[bytes, list[bytes]] | None:
    """The body with an empty batch, and the events that stood in it; None where brackets or quotes do not match.

    `name` is the field that holds the batch; a body that is a list is its own batch.

    Examples
    --------
    >>> split_batch(b'{"sentAt": 1, "batch": [{"a": NaN}, [2]]}')
    (b'{"sentAt": 1, "batch": []}', [b'{"a": NaN}', b'[2]'])
    """
    wanted_depth = 1 if body.lstrip().startswith(b"[") else 2
    depth, start, end, item = 0, -1, -1, -1
    key, after_colon = b"", b""
    items: list[bytes] = []
    for token, at in _tokens(body):
        if token == b'"':
            return None
        if token in b"[{":
            depth += 1
            opens = token == b"[" and depth == wanted_depth and start < 0
            if opens and (wanted_depth == 1 or after_colon == b'"' + name + b'"'):
                start = item = at + 1
        elif token in b"]}":
            if depth == wanted_depth and start >= 0 and end < 0:
                if token != b"]":
                    return None
                end = at
                _add(items, body[item:end])
            depth -= 1
            if depth < 0:
                return None
        elif token == b"," and depth == wanted_depth and start >= 0 and end < 0:
            _add(items, body[item:at])
            item = at + 1
        elif token == b":" and depth == 1:
            after_colon = key
        elif depth == 1:
            key = token
    if depth != 0 or end < 0:
        return None
    return body[:start] + body[end:], items


def _tokens(body: bytes) -> Iterator[tuple[bytes, int]]:
    for match in _TOKEN.finditer(body):
        yield match.group(), match.start()


def _add(items: list[bytes], text: bytes) -> None:
    text = text.strip()
    if text:
        items.append(text)
