"""Which channel does a visit come from? Campaign parameters first, then the click id, the referrer, else direct.

The order of the questions follows GA4's default channel groups; where a campaign says its medium in so many words
(email, sms, …), that word goes before what its source is known for.
"""

from __future__ import annotations

import re
from functools import lru_cache

from app.channels.hosts import is_own, site_of_host, site_of_source
from app.channels.names import Channel
from app.channels.tables import CLICK_IDS, MEDIA, ORGANIC_SITES, PAID_SITES, SOURCES, WEAK_MEDIA, Site

_PAID = re.compile(r".*cp.*|ppc|.*[-_ ]ppc|retargeting|remarketing|paid.*", re.DOTALL)
_SHOP = re.compile(r"(?:.*[^a-df-z])?shop.*|.*shopping.*", re.DOTALL)
_NOTHING = frozenset({"", "(none)", "none", "(not set)", "(not provided)"})
_LONGEST = 256  # characters that are looked at: what is cached stays small whatever is sent


def classify(
    source: str = "",
    medium: str = "",
    campaign: str = "",
    click_id: str = "",
    referrer_host: str = "",
    own_hosts: tuple[str, ...] = (),
) -> str | None:
    """The channel of a visit.

    Parameters
    ----------
    source, medium, campaign : campaign parameters as sent (utm_source, utm_medium, utm_campaign).
    click_id : name of the click id's parameter, such as ``gclid``.
    referrer_host : host of the page before, in lower case.
    own_hosts : the tenant's own sites.

    Returns
    -------
    str or None
        A channel; None where the visitor comes from one of the tenant's own pages: that is no touch.

    Examples
    --------
    >>> classify("google", "cpc"), classify(click_id="gclid"), classify(referrer_host="www.bing.com")
    ('paid_search', 'paid_search', 'organic_search')
    >>> classify(), classify(referrer_host="www.example.com", own_hosts=("example.com",))
    ('direct', None)
    """
    return _classify(
        source[:_LONGEST], medium[:_LONGEST], campaign[:_LONGEST], click_id, referrer_host[:_LONGEST], own_hosts
    )


@lru_cache(maxsize=16_384)
def _classify(
    source: str, medium: str, campaign: str, click_id: str, referrer_host: str, own_hosts: tuple[str, ...]
) -> str | None:
    source, medium, campaign = source.strip().lower(), medium.strip().lower(), campaign.strip().lower()
    if source in ("direct", "(direct)") and medium in _NOTHING:
        return Channel.DIRECT.value
    source = "" if source in _NOTHING else source
    medium = "" if medium in _NOTHING else medium
    if source or medium:
        return _of_campaign(source, medium, campaign, click_id).value
    if click_id:
        return _of_click(click_id).value
    if referrer_host:
        if is_own(referrer_host, own_hosts):
            # A campaign without source and medium is one of the tenant's own links: still a campaign.
            return Channel.UNASSIGNED.value if campaign else None
        site = site_of_host(referrer_host)
        return (ORGANIC_SITES[site] if site else Channel.REFERRAL).value
    return (Channel.UNASSIGNED if campaign else Channel.DIRECT).value


def _of_campaign(source: str, medium: str, campaign: str, click_id: str) -> Channel:
    if "cross-network" in campaign or medium == "cross-network":
        return Channel.CROSS_NETWORK
    site = site_of_source(source)
    if medium == "cpm" and site is not None:
        return _paid(site, campaign)
    if medium in MEDIA:
        return MEDIA[medium]
    if _PAID.fullmatch(medium):
        return _paid(site or _site_of_click(click_id), campaign)
    # A click id of an advertisement, on a campaign that does not say that it is paid for.
    if not medium and click_id and _of_click(click_id) not in ORGANIC_SITES.values():
        return _of_click(click_id)
    if source in SOURCES:
        return SOURCES[source]
    if _SHOP.fullmatch(campaign):
        return Channel.ORGANIC_SHOPPING
    if site is not None:
        return ORGANIC_SITES[site]
    if medium in WEAK_MEDIA:
        return WEAK_MEDIA[medium]
    if medium.endswith("push") or "mobile" in medium or "notification" in medium:
        return Channel.PUSH
    if "video" in medium:
        return Channel.ORGANIC_VIDEO
    return Channel.UNASSIGNED


def _paid(site: Site | None, campaign: str) -> Channel:
    if site is Site.SHOPPING or _SHOP.fullmatch(campaign):
        return Channel.PAID_SHOPPING
    return PAID_SITES[site] if site else Channel.PAID_OTHER


def _of_click(click_id: str) -> Channel:
    return CLICK_IDS[click_id][0] if click_id in CLICK_IDS else Channel.PAID_OTHER


def _site_of_click(click_id: str) -> Site | None:
    return CLICK_IDS[click_id][1] if click_id in CLICK_IDS else None
