"""How does an answer leave? As JSON."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from flask import Response


def json_of(value: object, headers: Mapping[str, str] | None = None) -> Response:
    """200 with a value of ours."""
    return Response(msgspec.json.encode(value), content_type="application/json", headers=headers)
