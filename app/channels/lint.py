"""Which campaign parameters look broken, and how are they mended?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.channels.classify import classify
from app.channels.hosts import site_of_source
from app.channels.names import Channel
from app.channels.tables import MEDIA, WEAK_MEDIA

LONGEST = 256
_PLACEHOLDER = re.compile(r"\{[^}]*\}|\[[^\]]*\]|%%[^%]*%%|<[^>]*>|__[A-Z_]+__|\$\{")
_ENCODED = re.compile(r"%[0-9a-fA-F]{2}|&amp;|[?&=]")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)
_NOTHING = frozenset({"null", "undefined", "none", "nan", "(not set)", "not set", "n/a", "-", "test", "todo", "xxx"})
_MEDIA = MEDIA.keys() | WEAK_MEDIA.keys() | {"cpc", "ppc", "paid", "retargeting", "remarketing"}


class Fault(StrEnum):
    """What is wrong with a combination of source, medium and campaign."""

    NO_SOURCE = "no_source"
    NO_MEDIUM = "no_medium"
    UNKNOWN_MEDIUM = "unknown_medium"
    SWAPPED = "source_and_medium_swapped"
    PLACEHOLDER = "placeholder_not_filled"
    ENCODED = "encoded_characters"
    NOTHING = "says_nothing"
    PERSONAL = "personal_data"
    TOO_LONG = "too_long"
    BLANKS = "blanks"
    SPELLINGS = "several_spellings"


@dataclass(frozen=True, slots=True)
class Combination:
    """Campaign parameters as sent, the channel that they were taken for, and the number of touches with them."""

    source: str
    medium: str
    campaign: str
    channel: str
    touches: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault; `field` is source, medium or campaign."""

    fault: Fault
    field: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Suspicious:
    """A combination with its problems."""

    combination: Combination
    problems: tuple[Problem, ...]


def lint(combinations: Sequence[Combination]) -> list[Suspicious]:
    """The combinations with something wrong, most touches first.

    Examples
    --------
    >>> found = lint([Combination("Google", "CPC", "", "paid_search", 9), Combination("cpc", "google", "", "x", 5)])
    >>> [(item.combination.touches, [str(problem.fault) for problem in item.problems]) for item in found]
    [(5, ['unknown_medium', 'source_and_medium_swapped'])]
    """
    spelled = _spellings(combinations)
    found = []
    for item in combinations:
        problems = (*_missing(item), *_medium(item), *_texts(item), *_variants(item, spelled))
        if problems:
            found.append(Suspicious(item, problems))
    return sorted(found, key=lambda one: (-one.combination.touches, _fields(one.combination)))


def _fields(item: Combination) -> tuple[tuple[str, str], ...]:
    return (("source", item.source), ("medium", item.medium), ("campaign", item.campaign))


def _missing(item: Combination) -> list[Problem]:
    if not item.source and (item.medium or item.campaign):
        remedy = "Put utm_source into the link: who sends the visitor, such as google or newsletter."
        return [Problem(Fault.NO_SOURCE, "source", "There is no utm_source.", remedy)]
    if item.source and not item.medium:
        remedy = "Put utm_medium into the link: how, such as cpc, email or social."
        return [Problem(Fault.NO_MEDIUM, "medium", "There is no utm_medium.", remedy)]
    return []


def _medium(item: Combination) -> list[Problem]:
    medium, source = item.medium.strip().lower(), item.source.strip().lower()
    problems = []
    if medium and classify("a-source-that-is-nobody", medium, item.campaign) == Channel.UNASSIGNED:
        remedy = "Use a medium such as cpc, display, email, social, affiliate, sms, or give it a channel rule."
        problems.append(
            Problem(Fault.UNKNOWN_MEDIUM, "medium", f"No channel is known for the medium {item.medium!r}.", remedy)
        )
    if source in _MEDIA and medium not in _MEDIA and site_of_source(medium):
        message = f"The source is a medium ({item.source!r}), and the medium a source ({item.medium!r})."
        problems.append(Problem(Fault.SWAPPED, "source", message, "Exchange utm_source and utm_medium in the link."))
    return problems


def _texts(item: Combination) -> list[Problem]:
    problems = []
    for field, text in _fields(item):
        fault = _fault_of(text)
        if fault is not None:
            shown = text if fault is not Fault.PERSONAL else "…@…"
            problems.append(Problem(fault, field, f"utm_{field} is {shown[:80]!r}.", _REMEDIES[fault]))
    return problems


def _fault_of(text: str) -> Fault | None:
    if _ADDRESS.search(text):
        return Fault.PERSONAL
    if _PLACEHOLDER.search(text):
        return Fault.PLACEHOLDER
    if _ENCODED.search(text):
        return Fault.ENCODED
    if text.strip().lower() in _NOTHING:
        return Fault.NOTHING
    if len(text) > LONGEST:
        return Fault.TOO_LONG
    return Fault.BLANKS if text != text.strip() else None


_REMEDIES = {
    Fault.PERSONAL: "Take the address out of the link: it is personal data, and makes every visitor a campaign.",
    Fault.PLACEHOLDER: "The ad platform did not fill its placeholder in: check its spelling and the link's template.",
    Fault.ENCODED: "The link was encoded twice, or put together wrongly: write the parameter plain, encode it once.",
    Fault.NOTHING: "Say what it is, or leave the parameter out.",
    Fault.TOO_LONG: "Shorten it: ids belong into utm_content or utm_term.",
    Fault.BLANKS: "Take the blanks at its ends out of the link.",
}

_Spelled = dict[tuple[str, str], set[str]]


def _spellings(combinations: Sequence[Combination]) -> _Spelled:
    """(field, text without case, blanks, dashes) -> how it is written."""
    found: _Spelled = {}
    for item in combinations:
        for field, text in _fields(item):
            if text:
                found.setdefault((field, _plain(text)), set()).add(text)
    return found


def _variants(item: Combination, spelled: _Spelled) -> list[Problem]:
    problems = []
    for field, text in _fields(item):
        others = sorted(spelled.get((field, _plain(text)), set()) - {text})
        if text and others:
            message = f"utm_{field} {text!r} is also written {', '.join(repr(other) for other in others[:5])}."
            remedy = "Keep to one spelling, in lower case" + (
                "." if field == "medium" else f", or give the others an alias in {field}_aliases."
            )
            problems.append(Problem(Fault.SPELLINGS, field, message, remedy))
    return problems


def _plain(text: str) -> str:
    return re.sub(r"[\s_\-+.]+", "", text.lower())
