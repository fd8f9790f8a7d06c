"""Is this event a touch, and of which channel? (SEMANTICS 2.7, 2.9)

Campaign parameters are taken whole from the first place that has any: `context.campaign`, `properties.campaign` (an
object), the `utm_*` properties, the page's address. A page reached from the tenant's own host is no touch, unless it
carries a campaign or a click id of its own.
"""

from __future__ import annotations

from typing import Any

from app.attribution.names import UNATTRIBUTED, TouchKind
from app.channels.book import DEFAULT_BOOK, EXCLUDED, ChannelBook, Visit
from app.channels.hosts import host_of, same_site
from app.channels.names import Channel
from app.ingest.amounts import read_decimal
from app.ingest.events import Touch
from app.ingest.landing import Landing, landing_of
from app.ingest.refusals import Reason, Refused, bad_type
from app.ingest.wire import Campaign, Context, Page, Properties

CLICK, VIEW = int(TouchKind.CLICK), int(TouchKind.VIEW)
CHANNEL_BYTES = 128
NAMED_CHANNELS = {"Email Opened": Channel.EMAIL.value, "Email Link Clicked": Channel.EMAIL.value}
"""Events whose name says the channel where nothing else does."""

_CLICK_ID_PROPERTIES = ("gclid", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "twclid", "li_fat_id", "fbclid")
_PARTS = ("source", "medium", "name", "term", "content")
_PARTS_OF_UTM = ("source", "medium", "campaign", "term", "content")
_NO_CONTEXT, _NO_PAGE, _NO_PROPERTIES = Context(), Page(), Properties()


def page_touch(
    context: Context | None,
    properties: Properties | None,
    own_hosts: tuple[str, ...],
    book: ChannelBook = DEFAULT_BOOK,
) -> Touch | None:
    """The touch that a page or screen is; None where it was reached from the tenant's own pages."""
    context = context or _NO_CONTEXT
    properties = properties or _NO_PROPERTIES
    page = context.page or _NO_PAGE
    url, referrer = _addresses(page, properties)
    landing = landing_of(url)
    source, medium, campaign, term, content = _campaign(context.campaign, properties, page, landing)
    click_id = landing.click_id or _click_id(properties)
    host = host_of(referrer)
    if same_site(host, landing.host):
        own_hosts = (host,)
    named, label = book.source(source), book.campaign(campaign)
    channel = book.channel_of(Visit(named, medium, label, click_id, host, url), own_hosts)
    if channel is None:
        return None
    sent = ("" if named == source else source, "" if label == campaign else campaign)
    return Touch(CLICK, channel, label, named, medium, term, content, click_id, url, referrer, "", "", *sent)


def event_touch(
    name: str,
    kind: int,
    context: Context | None,
    properties: Properties | None,
    book: ChannelBook = DEFAULT_BOOK,
) -> Touch:
    """The touch that a `track` event of the tenant's touch list is. What it says outright goes first."""
    context = context or _NO_CONTEXT
    properties = properties or _NO_PROPERTIES
    page = context.page or _NO_PAGE
    url, referrer = _addresses(page, properties)
    landing = landing_of(url)
    source, medium, campaign, term, content = _campaign(context.campaign, properties, page, landing)
    click_id = landing.click_id or _click_id(properties)
    if properties.campaign is not None and type(properties.campaign) is not dict:
        campaign = _text(properties.campaign, "properties.campaign") or campaign
    said = _outright(properties.channel)
    named, label = book.source(source), book.campaign(campaign)
    channel = said or event_channel(name, Visit(named, medium, label, click_id, host_of(referrer), url), book)
    if properties.kind is not None:
        kind = _kind(properties.kind)
    cost = read_decimal(properties.cost, "properties.cost") if properties.cost is not None else ""
    sent = ("" if named == source else source, "" if label == campaign else campaign)
    return Touch(kind, channel, label, named, medium, term, content, click_id, url, referrer, cost, said, *sent)


def event_channel(name: str, visit: Visit, book: ChannelBook) -> str:
    """The channel of a touch event that says none: an entry without anything is no direct visit."""
    channel = book.channel_of(visit) or Channel.UNASSIGNED.value
    if channel in (Channel.DIRECT, Channel.UNASSIGNED):
        return NAMED_CHANNELS.get(name, Channel.UNASSIGNED.value)
    return channel


def read_channel(value: object, field: str) -> str:
    """A channel said outright: trimmed, in lower case; '' where it is missing."""
    channel = _text(value, field).strip().lower()
    if len(channel.encode()) > CHANNEL_BYTES:
        raise Refused(
            Reason.BAD_CHANNEL, f"{field} has {len(channel.encode())} bytes.", f"Send at most {CHANNEL_BYTES}."
        )
    if channel in (UNATTRIBUTED, EXCLUDED):
        raise Refused(Reason.BAD_CHANNEL, f"{field} is {channel!r}, a reserved name.", "Send the name of a channel.")
    return channel


def _outright(value: Any) -> str:
    return read_channel(value, "properties.channel") if value is not None else ""


def _addresses(page: Page, properties: Properties) -> tuple[str, str]:
    """The page's own address and the one before it."""
    url = (
        _text(properties.current_url, "properties.$current_url")
        or _text(properties.url, "properties.url")
        or _text(page.url, "context.page.url")
    )
    referrer = (
        _text(properties.page_referrer, "properties.$referrer")
        or _text(properties.referrer, "properties.referrer")
        or _text(page.referrer, "context.page.referrer")
    )
    return url, "" if referrer == "$direct" else referrer


def _campaign(
    said: Campaign | None, properties: Properties, page: Page, landing: Landing
) -> tuple[str, str, str, str, str]:
    if said is not None:
        given = _texts((said.source, said.medium, said.name, said.term, said.content), "context.campaign.")
        if any(given):
            return given
    if type(properties.campaign) is dict:
        get = properties.campaign.get
        given = _texts((get("source"), get("medium"), get("name"), get("term"), get("content")), "properties.campaign.")
        if any(given):
            return given
    if properties.utm_source is not None or properties.utm_medium is not None or properties.utm_campaign is not None:
        utm = (properties.utm_source, properties.utm_medium, properties.utm_campaign)
        return _texts((*utm, properties.utm_term, properties.utm_content), "properties.utm_")
    if not (landing.source or landing.medium or landing.campaign):
        search = _text(properties.search, "properties.search") or _text(page.search, "context.page.search")
        if search.startswith("?"):
            landing = landing_of(search)
    return landing.source, landing.medium, landing.campaign, landing.term, landing.content


def _texts(values: tuple[Any, ...], where: str) -> tuple[str, str, str, str, str]:
    """Five texts at once; their names are put together only for a refusal: this runs for every touch."""
    if all(value is None or type(value) is str for value in values):
        source, medium, name, term, content = values
        return source or "", medium or "", name or "", term or "", content or ""
    names = _PARTS_OF_UTM if where.endswith("utm_") else _PARTS
    source, medium, name, term, content = (
        _text(value, where + part) for value, part in zip(values, names, strict=True)
    )
    return source, medium, name, term, content


def _click_id(properties: Properties) -> str:
    for name in _CLICK_ID_PROPERTIES:
        if getattr(properties, name):
            return name
    return ""


def _kind(value: object) -> int:
    word = _text(value, "properties.kind").strip().lower()
    if word in ("click", "view"):
        return CLICK if word == "click" else VIEW
    raise Refused(Reason.BAD_KIND, f"properties.kind is {word[:40]!r}.", "Send 'click' or 'view', or leave it out.")


def _text(value: Any, field: str) -> str:
    """A text; numbers are written out, null is ''."""
    if value is None:
        return ""
    if type(value) is str:
        return value
    if type(value) is int or type(value) is float:
        return str(value)
    raise bad_type(field, value, "a string")
