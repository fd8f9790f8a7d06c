"""What does the address of a page say about how it was reached? Its utm parameters, its click id, its host."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

from app.channels.hosts import host_of
from app.channels.tables import CLICK_IDS

_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_WANTED = frozenset(_UTM) | frozenset(CLICK_IDS)
_CACHED_CHARACTERS = 1024


class Landing(NamedTuple):
    """Campaign parameters, click id (the parameter's name) and host of an address; '' for what it does not say."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    click_id: str = ""
    host: str = ""


NOWHERE = Landing()


def landing_of(url: str) -> Landing:
    """Read an address.

    Examples
    --------
    >>> landing_of("https://shop.example/?utm_source=google&utm_medium=cpc&gclid=x#top")
    Landing(source='google', medium='cpc', campaign='', term='', content='', click_id='gclid', host='shop.example')
    """
    if not url:
        return NOWHERE
    return _cached(url) if len(url) <= _CACHED_CHARACTERS else _read(url)


def _read(url: str) -> Landing:
    query = url.partition("?")[2].partition("#")[0]
    found: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if value and name in _WANTED and name not in found:
            found[name] = unquote_plus(value, errors="replace") if "%" in value or "+" in value else value
    click_id = next((name for name in CLICK_IDS if name in found), "") if found else ""
    source, medium, campaign, term, content = (found.get(name, "") for name in _UTM)
    return Landing(source, medium, campaign, term, content, click_id, host_of(url))


_cached = lru_cache(maxsize=8192)(_read)
