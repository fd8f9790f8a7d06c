"""Which version of the rules holds for which conversions? A list in order of time, from versions in order of making."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.tenants.rules import Rules


class RulesFrom(msgspec.Struct, frozen=True):
    """Rules and the conversion time (epoch ms) from which they hold, until that of the next."""

    from_ms: int
    rules: Rules


def put(timeline: tuple[RulesFrom, ...], from_ms: int, rules: Rules) -> tuple[RulesFrom, ...]:
    """The timeline after rules were made that hold from a time on; the same one where nothing changes.

    What held from that time on, or from later, holds no more.

    Examples
    --------
    >>> first, second = Rules(), Rules(version=2, touch_cap=9)
    >>> line = put(put((), 0, first), 100, second)
    >>> [(item.from_ms, item.rules.version) for item in line]
    [(0, 1), (100, 2)]
    >>> put(line, 500, Rules(version=3, touch_cap=9)) == line
    True
    >>> [(item.from_ms, item.rules.version) for item in put(line, 50, Rules(version=3))]
    [(0, 1), (50, 3)]
    """
    kept = tuple(item for item in timeline if item.from_ms < from_ms)
    following = timeline[len(kept) :]
    if not following and kept and kept[-1].rules.same_as(rules):
        return timeline
    if len(following) == 1 and following[0].from_ms == from_ms and following[0].rules.same_as(rules):
        return timeline
    return (*kept, RulesFrom(from_ms, rules))


def timeline_of(versions: Iterable[tuple[int, Rules]]) -> tuple[RulesFrom, ...]:
    """The timeline that (from_ms, rules), in the order in which they were made, add up to."""
    timeline: tuple[RulesFrom, ...] = ()
    for from_ms, rules in versions:
        timeline = put(timeline, from_ms, rules)
    return timeline
