"""What does a tenant call its channels? Ordered rules and aliases that go before the default classifier."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from app.channels.classify import classify
from app.channels.hosts import is_below, is_own

EXCLUDED = "(excluded)"
"""The channel under which touches are kept that are none by the tenant's rules. Journeys never see it; classifying
history again brings such a touch back once its referrer is not excluded any more."""

_LONGEST = 2048  # characters of an address that are looked at


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` is source, medium, campaign, referrer_host or url; `how` is exact, prefix, contains or glob."""

    field: str
    how: str
    value: str


@dataclass(frozen=True, slots=True)
class CustomRule:
    """Visits for which all conditions hold come from `channel`."""

    channel: str
    when: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Alias:
    """What matches is called `name`."""

    how: str
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What is known of a visit when its channel is asked for; texts as sent, `referrer_host` in lower case."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    click_id: str = ""
    referrer_host: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ChannelBook:
    """A tenant's own classification; the empty one is the default classifier's.

    Parameters
    ----------
    rules : the first whose conditions all hold decides.
    source_aliases, campaign_aliases : the first that matches decides; sources are renamed before anything else.
    excluded_hosts : without ``www.``; whoever comes back from one of them, or from below one, without campaign or
        click id, was on the tenant's site before.

    Examples
    --------
    >>> book = ChannelBook(
    ...     rules=(CustomRule("partners", (Condition("source", "prefix", "partner-"),)),),
    ...     source_aliases=(Alias("exact", "fb", "facebook"),),
    ...     excluded_hosts=frozenset({"paypal.com"}),
    ... )
    >>> book.channel_of(Visit(source="Partner-7", medium="cpc")), book.channel_of(Visit(referrer_host="www.paypal.com"))
    ('partners', '(excluded)')
    >>> book.source("FB"), book.channel_of(Visit(source="google", medium="cpc"))
    ('facebook', 'paid_search')
    """

    rules: tuple[CustomRule, ...] = ()
    source_aliases: tuple[Alias, ...] = ()
    campaign_aliases: tuple[Alias, ...] = ()
    excluded_hosts: frozenset[str] = frozenset()
    _fields: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        used = frozenset(condition.field for rule in self.rules for condition in rule.when)
        object.__setattr__(self, "_fields", used)

    def source(self, sent: str) -> str:
        """What a source is called."""
        return _renamed(self.source_aliases, sent) if self.source_aliases and sent else sent

    def campaign(self, sent: str) -> str:
        """What a campaign is called."""
        return _renamed(self.campaign_aliases, sent) if self.campaign_aliases and sent else sent

    def channel_of(self, visit: Visit, own_hosts: tuple[str, ...] = ()) -> str | None:
        """The channel of a visit whose source and campaign have their names already.

        Returns
        -------
        None where the visitor comes from one of the tenant's own pages, `EXCLUDED` where from an excluded one.
        """
        if not (visit.source or visit.medium or visit.campaign or visit.click_id) and visit.referrer_host:
            if is_own(visit.referrer_host, own_hosts):
                return None
            if self.excluded_hosts and is_below(visit.referrer_host, self.excluded_hosts):
                return EXCLUDED
        if self.rules:
            chosen = self._by_rules(visit)
            if chosen:
                return chosen
        return classify(visit.source, visit.medium, visit.campaign, visit.click_id, visit.referrer_host, own_hosts)

    def _by_rules(self, visit: Visit) -> str:
        known = {name: getattr(visit, name)[:_LONGEST].strip().lower() for name in self._fields}
        for rule in self.rules:
            if all(_holds(condition.how, condition.value, known[condition.field]) for condition in rule.when):
                return rule.channel
        return ""


DEFAULT_BOOK = ChannelBook()


def _renamed(aliases: Iterable[Alias], sent: str) -> str:
    text = sent.strip().lower()
    for alias in aliases:
        if _holds(alias.how, alias.value, text):
            return alias.name
    return sent


def _holds(how: str, value: str, text: str) -> bool:
    wanted = value.strip().lower()
    match how:
        case "exact":
            return text == wanted
        case "prefix":
            return text.startswith(wanted)
        case "contains":
            return wanted in text
        case _:
            return _glob(wanted).match(text) is not None


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))
