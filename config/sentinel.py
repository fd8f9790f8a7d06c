"""Which Sentinels does a Redis URL name, and for which master? Read once, for our clients, Celery and beat alike."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

SCHEME = "sentinel://"
DEFAULT_MASTER = "mymaster"


class Sentinels(NamedTuple):
    """Where the Sentinels are, and what they watch. The password is Redis' and theirs."""

    hosts: list[tuple[str, int]]
    database: int
    password: str | None
    master: str

    def celery_url(self) -> str:
        """As Celery wants it: each host with everything."""
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return ";".join(f"{SCHEME}{login}{host}:{port}/{self.database}" for host, port in self.hosts)


def sentinels_in(url: str) -> Sentinels | None:
    """What a URL of the form that `app.storage.redis.make_redis` describes says; None for a plain Redis.

    Hosts are parted by ';' (as Celery writes them) or ','.
    """
    if not url.startswith(SCHEME):
        return None
    pieces = [piece.removeprefix(SCHEME) for piece in url.replace(";", ",").split(",")]
    parsed = [urlsplit(f"{SCHEME}{piece}") for piece in pieces if piece]
    hosts = [(part.hostname or "127.0.0.1", part.port or 26379) for part in parsed]
    last = parsed[-1]
    database = int(last.path.strip("/") or 0)
    password = next((unquote(part.password) for part in parsed if part.password), None)
    master = parse_qs(last.query).get("master_name", [DEFAULT_MASTER])[0]
    return Sentinels(hosts, database, password, master)
