"""Is an address or a key that cannot be one refused before it is sent?"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import TributaryError
from workers.commands.target import edge_of

URL = "https://events.example.com"


@pytest.mark.parametrize("url", ["localhost:8000", "http://", "ftp://x", "http://[::1", "http://x:99999", "http://x:y"])
def test_an_address_names_scheme_and_host(url: str) -> None:
    with pytest.raises(TributaryError, match="no address") as refused:
        edge_of(Path(), url, "sk_a", None)
    assert "https://" in refused.value.detail


@pytest.mark.parametrize("key", ["sk_…", "sk_a\n"])
def test_a_key_that_was_copied_in_part_is_told(key: str) -> None:
    for keys, name in (((key, None), "secret"), ((None, key), "write")):
        with pytest.raises(TributaryError, match=f"The {name} key"):
            edge_of(Path(), URL, *keys)


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8000/", "http://[::1]:80/path"])
def test_others_are_taken(url: str) -> None:
    assert edge_of(Path(), url, "sk_a", "wk_b").url == url.rstrip("/")
