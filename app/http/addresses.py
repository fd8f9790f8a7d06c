"""Which part of an address may hold any id, one with slashes or that begins with one?"""

from __future__ import annotations

from werkzeug.routing import BaseConverter


class AnyId(BaseConverter):
    """Takes all that stands there, since shops make ids as they like: Werkzeug's `path` never begins with a slash."""

    part_isolating = False
    regex = "(?s:.+?)"
    weight = 200
