"""How large does this body become? Unpacks gzip and deflate, and stops at the cap: a bomb is never unpacked."""

from __future__ import annotations

import zlib

from app.errors import BadInput, TributaryError

GZIP_MAGIC = b"\x1f\x8b"
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's wbits


def unpack(body: bytes, encoding: str, cap: int) -> bytes:
    """The body as it was before its Content-Encoding.

    Parameters
    ----------
    encoding : the header's value; '' and 'identity' mean none. A gzip body without the header is unpacked too.
    cap : most bytes that the result may have.

    Raises
    ------
    TributaryError : 413 above the cap, 415 for another encoding.
    BadInput : the packed data are damaged.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        name = "gzip" if body.startswith(GZIP_MAGIC) else ""
    if not name:
        return _within(body, cap)
    if name in ("gzip", "x-gzip"):
        return _inflate(body, _GZIP, cap)
    if name == "deflate":
        zlib_wrapped = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] * 256 + body[1]) % 31 == 0
        return _inflate(body, _ZLIB if zlib_wrapped else _RAW, cap)
    raise TributaryError(
        "unsupported_encoding",
        f"The Content-Encoding {encoding[:40]!r} is not supported.",
        "Send the body as it is, or packed with gzip or deflate.",
        status=415,
    )


def too_large(cap: int) -> TributaryError:
    """The refusal of a body above the cap."""
    return TributaryError(
        "body_too_large",
        f"The request body is larger than {cap} bytes (unpacked).",
        "Send less in one request.",
        status=413,
    )


def _within(body: bytes, cap: int) -> bytes:
    if len(body) > cap:
        raise too_large(cap)
    return body


def _inflate(body: bytes, wbits: int, cap: int) -> bytes:
    parts: list[bytes] = []
    room = cap + 1
    rest = body
    try:
        # A gzip body may have several members, one after the other.
        while rest:
            stream = zlib.decompressobj(wbits)
            part = stream.decompress(rest, room)
            parts.append(part)
            room -= len(part)
            if room <= 0:
                raise too_large(cap)
            if not stream.eof:
                raise _damaged("it ends too early")
            rest = stream.unused_data
    except zlib.error as error:
        raise _damaged(str(error)) from None
    return b"".join(parts)


def _damaged(why: str) -> BadInput:
    return BadInput(
        "bad_encoding",
        f"The body cannot be unpacked as its Content-Encoding says: {why}.",
        "Send it packed once, whole, or without Content-Encoding.",
    )
