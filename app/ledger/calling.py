"""How is somebody else's server called without being led astray? Only http(s), only to public addresses, no redirect.

The name is resolved once, every address of it is looked at, and the one that was looked at is the one that is connected
to: a name that answers differently the next moment gains nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from app.errors import BadInput

TIMEOUT_S = 10.0
LONGEST_URL = 2_000
LONGEST_LABEL = 63


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call went; `problem` is '' where it went well."""

    problem: str = ""

    @property
    def is_ok(self) -> bool:
        return not self.problem


def check_url(url: str, *, allow_private: bool) -> SplitResult:
    """The parts of an address that may be called, as far as can be told without resolving it.

    Raises
    ------
    BadInput : says why not.
    """
    parts = _parts(url)
    if len(url) > LONGEST_URL:
        raise BadInput("bad_url", f"url has {len(url)} characters.", f"Give at most {LONGEST_URL}.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("bad_url", f"url is {url[:80]!r}.", "Give an http or https address: https://example.com/hook.")
    if parts.username or parts.password or parts.fragment:
        raise BadInput("bad_url", "url holds credentials or a fragment.", "Leave them out: deliveries are signed.")
    if any(character <= " " or character > "~" for character in url):
        raise BadInput("bad_url", "url holds spaces or letters outside of ASCII.", "Encode them.")
    if not all(0 < len(label) <= LONGEST_LABEL for label in parts.hostname.removesuffix(".").split(".")):
        remedy = f"Between the dots stand 1 to {LONGEST_LABEL} characters."
        raise BadInput("bad_url", f"url has the host {parts.hostname[:80]!r}, which no server can have.", remedy)
    if not allow_private and _is_private_name(parts.hostname):
        raise BadInput("private_url", f"{parts.hostname!r} is a private address.", "Give a public one.")
    return parts


def call(url: str, secret: str, delivery_id: str, body: bytes, *, allow_private: bool) -> Refusal:
    """Post a signed delivery. Anything but a status of 2xx within 10 s is a refusal."""
    try:
        parts = check_url(url, allow_private=allow_private)
        address = _resolved(parts, allow_private=allow_private)
    except (BadInput, OSError, ValueError) as error:  # a name that cannot be looked up at all is a UnicodeError
        return Refusal(str(error) or type(error).__name__)
    connection = _connection(parts, address)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    now_s = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Tributary-Webhook/1",
        "Tributary-Delivery": delivery_id,
        "Tributary-Signature": f"t={now_s},v1={signature(secret, now_s, body)}",
    }
    try:
        connection.request("POST", target, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Refusal(f"{type(error).__name__}: {error}"[:200])
    finally:
        connection.close()
    return Refusal() if 200 <= status < 300 else Refusal(f"HTTP {status}")


def signature(secret: str, time_s: int, body: bytes) -> str:
    """HMAC-SHA256 over ``<time>.<body>``, hexadecimal: the receiver makes the same, and looks at the time."""
    return hmac.new(secret.encode(), f"{time_s}.".encode() + body, hashlib.sha256).hexdigest()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the Internet's, also behind IPv6's ways to write an IPv4 one.

    Examples
    --------
    >>> [is_public(a) for a in ("93.184.216.34", "127.0.0.1", "::ffff:10.0.0.1", "169.254.169.254", "64:ff9b::a00:1")]
    [True, False, False, False, False]
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def _is_private_name(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def _resolved(parts: SplitResult, *, allow_private: bool) -> str:
    """An address of the host; refused where any of its addresses is private."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = [str(item[4][0]) for item in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)]
    if not allow_private and not all(is_public(address) for address in found):
        raise BadInput("private_url", f"{parts.hostname!r} resolves to a private address.", "Give a public one.")
    return found[0]


def _connection(parts: SplitResult, address: str) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return _PinnedTls(host, address, parts.port or 443)
    return _Pinned(host, address, parts.port or 80)


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever the name resolves to by then."""

    def __init__(self, host: str, address: str, port: int) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), TIMEOUT_S)


class _PinnedTls(_Pinned):
    """The same with TLS, its certificate checked against the name."""

    default_port = 443

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
