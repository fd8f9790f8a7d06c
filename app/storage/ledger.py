"""What does the ledger say of the sources of its touches?"""

from __future__ import annotations

from app.attribution.names import UNKNOWN_SOURCE

SOURCES = f"arrayResize(touch_sources, length(touch_keys), '{UNKNOWN_SOURCE}')"
"""The sources of a row's touches; what was credited before there was the column does not have them (schema 0060)."""
