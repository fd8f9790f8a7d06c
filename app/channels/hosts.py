"""Whose is this address? The host of a URL, and the kind of site it belongs to."""

from __future__ import annotations

from app.channels.tables import BRANDS, DOMAINS, SHORT_SOURCES, Site

_SECOND_LEVEL = frozenset({"co", "com", "net", "org", "gov", "ac", "ne", "or", "edu"})


def host_of(url: str) -> str:
    """The host of an address in lower case, without port, user and trailing dot; '' where there is none.

    Examples
    --------
    >>> host_of("https://user@Shop.Example.com:8443/a?b#c"), host_of("android-app://com.google.android.gm/")
    ('shop.example.com', 'com.google.android.gm')
    >>> host_of("/pricing?utm_source=x"), host_of("$direct")
    ('', '')
    """
    _, separator, rest = url.partition("//")
    if not separator:
        return ""
    for end in "/?#\\":
        rest = rest.partition(end)[0]
    name = rest.rpartition("@")[2]
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].rstrip(".").lower()


def same_site(host: str, other: str) -> bool:
    """Whether two hosts are one site, `www.` aside.

    Examples
    --------
    >>> same_site("www.example.com", "example.com"), same_site("a.example.com", "example.com")
    (True, False)
    """
    return bool(host) and host.removeprefix("www.") == other.removeprefix("www.")


def is_own(host: str, own_hosts: tuple[str, ...]) -> bool:
    """Whether a host is one of the tenant's, or below one.

    Examples
    --------
    >>> is_own("checkout.example.com", ("Example.com",)), is_own("notexample.com", ("example.com",))
    (True, False)
    """
    for own in own_hosts:
        name = own.lower().removeprefix("www.")
        if host == name or host.endswith("." + name):
            return True
    return False


def is_below(host: str, sites: frozenset[str]) -> bool:
    """Whether a host is one of some sites (given without ``www.``), or below one.

    Examples
    --------
    >>> sites = frozenset({"paypal.com"})
    >>> is_below("www.paypal.com", sites), is_below("notpaypal.com", sites)
    (True, False)
    """
    labels = host.split(".")
    return any(".".join(labels[start:]) in sites for start in range(len(labels)))


def site_of_host(host: str) -> Site | None:
    """The kind of site that a host belongs to.

    Examples
    --------
    >>> site_of_host("www.google.co.uk"), site_of_host("l.facebook.com"), site_of_host("blog.example.com")
    (<Site.SEARCH: 'search'>, <Site.SOCIAL: 'social'>, None)
    """
    labels = host.split(".")
    for start in range(len(labels) - 1):
        site = DOMAINS.get(".".join(labels[start:]))
        if site is not None:
            return site
    return BRANDS.get(_brand(labels))


def site_of_source(source: str) -> Site | None:
    """The kind of site that a campaign's source names: a host, a brand or an abbreviation.

    Examples
    --------
    >>> site_of_source("google"), site_of_source("m.facebook.com"), site_of_source("fb"), site_of_source("partner")
    (<Site.SEARCH: 'search'>, <Site.SOCIAL: 'social'>, <Site.SOCIAL: 'social'>, None)
    """
    return SHORT_SOURCES.get(source) or BRANDS.get(source) or site_of_host(source)


def _brand(labels: list[str]) -> str:
    """The label before the public suffix, near enough for brands: google of www.google.co.uk."""
    if len(labels) >= 3 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL:
        return labels[-3]
    return labels[-2] if len(labels) >= 2 else ""
