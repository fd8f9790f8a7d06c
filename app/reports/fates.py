"""Why does a touch earn nothing from a conversion? The rules of SEMANTICS 2, for one journey, in plain Python.

`app.attribution.journeys` decides for whole chunks, with numpy, which the web process does not load. This is the same
decision for one conversion, in the same order; a test holds the two to the same answer on random journeys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from app.attribution.names import DIRECT, TouchKind
from app.channels.book import EXCLUDED
from app.tenants.rules import Rules


class Reason(StrEnum):
    """What became of a touch. The words of `app.attribution.journeys.Fate`, and those that only a person needs."""

    CREDITED = "credited"
    AFTER_CONVERSION = "after_conversion"
    OUTSIDE_WINDOW = "outside_window"
    EXCLUDED_REFERRER = "excluded_referrer"
    TAKEN_BY_EARLIER_CONVERSION = "taken_by_earlier_conversion"
    LOST_TIE = "lost_tie"
    FILTERED_CHANNEL = "filtered_channel"
    FILTERED_DIRECT = "filtered_direct"
    COLLAPSED = "collapsed"
    OVER_CAP = "over_cap"
    SENT_AGAIN = "sent_again"
    NOT_CREDITED_YET = "not_credited_yet"
    OTHER_PERSON = "other_person"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A touch of the conversion's person. `kind` as in `TouchKind`."""

    time_ms: int
    key: int
    kind: int
    channel: str


def fates(
    touches: Sequence[Candidate],
    conversion_ms: int,
    conversion_type: str,
    rules: Rules,
    previous_ms: int | None = None,
) -> list[Reason]:
    """The reason of each touch.

    Parameters
    ----------
    touches : sorted by (time_ms, key), each event once.
    previous_ms : of the person's conversion of the type before this one, for rules that reset; None without one.
    """
    own = {channel: (click, view) for channel, click, view in rules.windows_of_channels(conversion_type)}
    windows = rules.windows(conversion_type)
    found = [_in_window(touch, conversion_ms, own.get(touch.channel, windows)) for touch in touches]
    if previous_ms is not None and rules.resets(conversion_type):
        for place in _alive(found):
            if touches[place].time_ms <= previous_ms:
                found[place] = Reason.TAKEN_BY_EARLIER_CONVERSION
    if rules.clicks_win_ties:
        _lose_ties(found, touches)
    _filter(found, touches, frozenset(rules.excluded_channels), Reason.FILTERED_CHANNEL)
    if rules.skip_direct:
        _filter(found, touches, frozenset({DIRECT}), Reason.FILTERED_DIRECT)
    if rules.collapse_repeats:
        _collapse(found, touches)
    alive = _alive(found)
    for place in alive[1 : len(alive) - rules.touch_cap + 1] if len(alive) > rules.touch_cap else []:
        found[place] = Reason.OVER_CAP
    return found


def _in_window(touch: Candidate, conversion_ms: int, windows: tuple[int, int]) -> Reason:
    if touch.channel == EXCLUDED:
        return Reason.EXCLUDED_REFERRER
    age_ms = conversion_ms - touch.time_ms
    if age_ms < 0:
        return Reason.AFTER_CONVERSION
    window_ms = windows[1] if touch.kind == TouchKind.VIEW else windows[0]
    return Reason.OUTSIDE_WINDOW if age_ms > window_ms else Reason.CREDITED


def _lose_ties(found: list[Reason], touches: Sequence[Candidate]) -> None:
    """A view at the very time of a click of the journey is out."""
    alive = _alive(found)
    clicks = {touches[place].time_ms for place in alive if touches[place].kind != TouchKind.VIEW}
    for place in alive:
        if touches[place].kind == TouchKind.VIEW and touches[place].time_ms in clicks:
            found[place] = Reason.LOST_TIE


def _filter(found: list[Reason], touches: Sequence[Candidate], names: frozenset[str], reason: Reason) -> None:
    """Drop the channels called `names`, unless the journey has nothing else (SEMANTICS 2.7)."""
    alive = _alive(found)
    if all(touches[place].channel in names for place in alive):
        return
    for place in alive:
        if touches[place].channel in names:
            found[place] = reason


def _collapse(found: list[Reason], touches: Sequence[Candidate]) -> None:
    """Of touches in a row with one channel the newest stays."""
    alive = _alive(found)
    for place, following in pairwise(alive):
        if touches[place].channel == touches[following].channel:
            found[place] = Reason.COLLAPSED


def _alive(found: Sequence[Reason]) -> list[int]:
    return [place for place, reason in enumerate(found) if reason is Reason.CREDITED]
