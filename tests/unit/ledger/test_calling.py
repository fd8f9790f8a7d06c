"""Whom may a webhook call?"""

from __future__ import annotations

import hashlib
import hmac

import pytest

from app.errors import BadInput
from app.ledger import calling
from app.ledger.calling import call, check_url, is_public, signature

PRIVATE = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0", "fd00::1"]
PRIVATE += ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "100.64.0.1", "224.0.0.1", "255.255.255.255"]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "https://",
        "//a.example",
        "http://u:p@a.example/",
        "http://a.example/#x",
    ]
    + ["http://a.example/ b", "http://a.example:99999/", "http://ä.example/", "http://localhost:1/", "http://a.local/"]
    + ["http://[::1]/", "http://127.0.0.1/", "http://[::ffff:10.0.0.1]/", "x" * 3000]
    + [f"https://{'a' * 64}.example/", "https://a..example/", "https://.example/", f"https://a.example/{'x' * 2000}"],
)
def test_only_public_http_addresses(url: str) -> None:
    with pytest.raises(BadInput):
        check_url(url, allow_private=False)


def test_a_name_that_resolves_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr(calling.socket, "getaddrinfo", lambda *_, **__: found)
    answer = call("http://rebind.example/", "s", "d", b"{}", allow_private=False)
    assert "private" in answer.problem


def test_a_name_that_cannot_be_looked_up_is_a_refusal_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stored before such names were refused; the deliveries of others go on."""

    def cannot(*_: object, **__: object) -> None:
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(calling.socket, "getaddrinfo", cannot)
    assert "label" in call("http://a.example/", "s", "d", b"{}", allow_private=False).problem


def test_numbers_that_are_loopback_in_disguise_are_refused() -> None:
    for host in ("2130706433", "0x7f000001", "127.1"):
        assert not call(f"http://{host}:9/", "s", "d", b"{}", allow_private=False).is_ok


def test_the_signature_is_over_time_and_body() -> None:
    assert signature("s", 17, b"{}") == hmac.new(b"s", b"17.{}", hashlib.sha256).hexdigest()
