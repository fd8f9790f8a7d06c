"""What do many credits say, summed by channel? Columns of arrays, as the history of changes keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_in
from typing import Any

import numpy as np

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.attribution.touches import Int64s, UInt64s
from app.ledger.content import content_of
from app.ledger.rows import LedgerRows
from app.storage.native import Coded, Flat, Ragged, Spelled

MODELS = len(FIVE_MODELS)
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Credits:
    """n credits with m touches; the fields are those of `LedgerRows`."""

    rules_version: Int64s
    currency: list[str]
    ts_ms: Int64s
    gross_minor: Int64s
    net_minor: Int64s
    retracted: Int64s
    offsets: Int64s
    net_offsets: Int64s
    touch_key: UInt64s
    channel: Int64s
    channel_names: list[str]
    micros: Int64s
    gross: Int64s
    net: Int64s

    @classmethod
    def of(cls, rows: LedgerRows) -> Credits:
        """Those of ledger rows."""
        return cls(**{field.name: getattr(rows, field.name) for field in fields_in(cls)})

    def content(self) -> UInt64s:
        """A number that tells them apart: see `app.ledger.content`."""
        return content_of(
            **{field.name: getattr(self, field.name) for field in fields_in(self) if field.name != "rules_version"}
        )


def of_standing(columns: Mapping[str, Any]) -> Credits:
    """Columns of `app.storage.standing.standing_credit`."""
    currency, channels = columns["currency"], columns["touch_channels"]
    own = columns["net"].offsets // MODELS
    flat = {name: columns[name].values.values for name in ("touch_keys", "micros", "gross", "net")}
    return Credits(
        rules_version=columns["rules_version"].astype(np.int64),
        currency=[currency.names[code] for code in currency.codes.tolist()],
        ts_ms=columns["ts_ms"],
        gross_minor=columns["gross_minor"],
        net_minor=columns["net_minor"],
        retracted=columns["retracted"].astype(np.int64),
        offsets=channels.offsets,
        net_offsets=own,
        touch_key=flat["touch_keys"],
        channel=channels.values.codes.astype(np.int64),
        channel_names=channels.values.names,
        micros=flat["micros"].astype(np.int64),
        gross=flat["gross"],
        net=flat["net"],
    )


def summed(credits: Credits, numbers: Int64s) -> dict[str, Any]:
    """One side of changes: the credits with these numbers, -1 for none, by the names of `app.storage.changes.SIDES`.

    A credit without touches is all of it `UNATTRIBUTED`. Of a side that is none everything is 0 and empty. The digest
    is not among them.
    """
    lengths = np.append(np.diff(credits.offsets), 0)[numbers]
    codes = Coded.of([*credits.currency, ""])
    channels, micros, amounts = _by_channel(credits, numbers, lengths)
    return {
        "rules": _picked(credits.rules_version, numbers),
        "time": _picked(credits.ts_ms, numbers),
        "currency": Coded(codes.codes[numbers], codes.names),
        "gross": _picked(credits.gross_minor, numbers),
        "net": _picked(credits.net_minor, numbers),
        "retracted": _picked(credits.retracted, numbers),
        "touches": Flat(lengths),
        "channels": channels,
        "micros": micros,
        "credit": amounts,
    }


def _picked(values: Int64s, numbers: Int64s) -> Flat:
    return Flat(np.append(values, 0)[numbers])


def _by_channel(credits: Credits, numbers: Int64s, lengths: Int64s) -> tuple[Ragged, Ragged, Ragged]:
    """Channels in order of name, and their conversions (micros) and net amounts, model-major.

    Parameters
    ----------
    lengths : touches of the credits with these numbers.
    """
    names = sorted({*credits.channel_names, UNATTRIBUTED})
    rank = {name: number for number, name in enumerate(names)}
    is_bare = (numbers >= 0) & (lengths == 0)
    bare = np.flatnonzero(is_bare)
    row = np.repeat(np.arange(len(numbers)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    first = np.append(credits.offsets[:-1], 0)[numbers]
    ranks = np.array([rank[name] for name in credits.channel_names], np.int64)
    cells, cell = _distinct(row * len(names) + ranks[credits.channel[first[row] + place]])
    whose = cells // len(names)
    widths = np.bincount(whose, minlength=len(numbers)) + is_bare
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(widths)])
    which = np.arange(len(cells)) + np.cumsum(is_bare)[whose]
    channels = np.full(offsets[-1], rank[UNATTRIBUTED])
    channels[which] = cells % len(names)
    # Of each model and touch, where its amount stands, and where it is summed up: (5, touches), as one dimension, since
    # of two adding up takes five times as long.
    model = np.arange(MODELS)[:, None]
    comes_from = ((MODELS * first)[row] + place + model * lengths[row]).ravel()
    goes_to = (((MODELS - 1) * offsets[whose] + which)[cell] + model * widths[row]).ravel()
    alone = MODELS * offsets[bare] + model
    sums = []
    for values, whole in ((credits.micros, MILLION), (_net(credits), credits.net_minor[numbers[bare]])):
        total = np.zeros(MODELS * offsets[-1], np.int64)
        np.add.at(total, goes_to, values.take(comes_from))
        total[alone] = whole
        sums.append(Ragged(Flat(total), MODELS * offsets))
    return Ragged(Spelled(channels, names), offsets), sums[0], sums[1]


def _distinct(values: Int64s) -> tuple[Int64s, Int64s]:
    """The distinct ones in order, and which of them each is: `np.unique`, of values that nearly are in order."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.diff(ordered, prepend=-1) != 0
    which = np.empty(len(values), np.int64)
    which[order] = np.cumsum(starts) - 1
    return ordered[starts], which


def _net(credits: Credits) -> Int64s:
    """The net amounts of all touches: where none are given they are the gross ones."""
    if not len(credits.net):
        return credits.gross
    has_own = np.diff(credits.net_offsets) > 0
    net = credits.gross.copy()
    net[np.repeat(has_own, MODELS * np.diff(credits.offsets))] = credits.net
    return net
