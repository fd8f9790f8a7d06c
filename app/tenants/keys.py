"""What is a tenant's key, and what is kept of it? The key is seen once; its SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets

KINDS = {"write": "w", "secret": "s"}
"""What a key is for -> the letter that it begins with, and by which the mirror knows its kind."""


def new_key(which: str) -> str:
    """A new 'write' or 'secret' key."""
    return f"{KINDS[which]}k_{secrets.token_urlsafe(32)}"


def hash_of(key: str) -> str:
    """What is stored of a key; any text has one, so that any wrong key is merely unknown."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
