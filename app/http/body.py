"""What did the client post? The body, unpacked and within its limits."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import TributaryError
from app.ingest.unpack import too_large, unpack

_BOM = b"\xef\xbb\xbf"
_TEXT = frozenset({"", "text/plain", "application/octet-stream"})
DRAINED_BYTES = 8 * 1024 * 1024
"""A refused body is read up to here, so that a client that is still sending gets to see the answer."""


def read_body(cap: int) -> bytes:
    """The unpacked body.

    Raises
    ------
    TributaryError : 413 above the cap, 415 for another type or encoding, 400 for damaged packing.
    """
    _check_type()
    if (request.content_length or 0) > cap:
        _drain()
        raise too_large(cap)
    try:
        packed = request.get_data(cache=False)
    except RequestEntityTooLarge:
        _drain()
        raise too_large(cap) from None
    return unpack(packed, request.headers.get("Content-Encoding", ""), cap).removeprefix(_BOM)


def _check_type() -> None:
    """JSON, or text that browsers may send without asking first; the character set is UTF-8 in any case."""
    kind = request.mimetype
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if (kind in _TEXT or kind.endswith(("/json", "+json"))) and charset in ("utf-8", "utf8", "us-ascii"):
        return
    raise TributaryError(
        "unsupported_media_type",
        f"The Content-Type {request.headers.get('Content-Type', '')[:80]!r} is not supported.",
        "Send JSON in UTF-8 with Content-Type: application/json.",
        status=415,
    )


def _drain() -> None:
    stream, left = request.environ["wsgi.input"], min(request.content_length or 0, DRAINED_BYTES)
    while left > 0:
        piece = stream.read(min(left, 65_536))
        if not piece:
            return
        left -= len(piece)
