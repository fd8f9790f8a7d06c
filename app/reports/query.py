"""What can a report be asked for? Words of a request become one typed question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from app.attribution.currency import CurrencyError, canonical
from app.attribution.names import FIVE_MODELS, UNATTRIBUTED, Model
from app.errors import BadInput
from app.reports.days import Period, day_begins_ms, read_day
from app.reports.pages import MOST_LINES, Line, read_after, read_limit


class By(StrEnum):
    """What a report can be broken down by. A week is named by its Monday, a month is YYYY-MM."""

    CHANNEL = "channel"
    CAMPAIGN = "campaign"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CONVERSION_TYPE = "conversion_type"
    SOURCE = "source"


class PeriodModel(StrEnum):
    """The models that describe a whole tenant and period (SEMANTICS 3)."""

    MARKOV = "markov"
    SHAPLEY = "shapley"


PERIOD_MODELS = tuple(PeriodModel)


class Adjusted(StrEnum):
    """On which day does net count a refund or correction? (SEMANTICS 4.8)"""

    CONVERSION_DAY = "conversion_day"
    ADJUSTMENT_DAY = "adjustment_day"


EVER_MS = 4_102_444_800_000
"""2100: nothing has been received by then."""


@dataclass(frozen=True, slots=True)
class AttributionQuery:
    """A question to the attribution report; `currency` '' means rows per currency, `conversion_type` '' all.

    `as_of_ms`: what was received then (epoch ms) or later is left out. An answer has at most `limit` lines, those that
    follow `after`.
    """

    period: Period
    by: tuple[By, ...] = (By.CHANNEL,)
    models: tuple[Model, ...] = FIVE_MODELS
    currency: str = ""
    conversion_type: str = ""
    adjusted: Adjusted = Adjusted.CONVERSION_DAY
    as_of_ms: int = EVER_MS
    limit: int = MOST_LINES
    after: Line | None = None

    @property
    def is_past(self) -> bool:
        """Asked as of a day, and not as it stands."""
        return self.as_of_ms != EVER_MS

    @property
    def has_entries(self) -> bool:
        """Net is not the ledger's own, but gross and the adjustments that count, one by one."""
        return self.is_past or self.adjusted is Adjusted.ADJUSTMENT_DAY

    def params(self) -> dict[str, Any]:
        """What its statements take."""
        asked = {f"by_{by}": int(by in self.by) for by in By}
        more = {"conversion_type": self.conversion_type, "as_of_ms": self.as_of_ms}
        return asked | period_params(self.period) | more

    def group(self, *, channel: str, campaign: str, source: str, day: date, conversion_type: str) -> tuple[str, ...]:
        """The line of the report that a credit belongs to: one value for each of `by`."""
        values = {
            By.CHANNEL: channel,
            By.CAMPAIGN: UNATTRIBUTED if channel == UNATTRIBUTED else campaign,
            By.DAY: day.isoformat(),
            By.WEEK: (day - timedelta(days=day.weekday())).isoformat(),
            By.MONTH: day.isoformat()[:7],
            By.CONVERSION_TYPE: conversion_type,
            By.SOURCE: UNATTRIBUTED if channel == UNATTRIBUTED else source,
        }
        return tuple(values[by] for by in self.by)


def read_query(
    period: Period,
    *,
    by: str = "",
    models: str = "",
    currency: str = "",
    conversion_type: str = "",
    adjusted: str = "",
    as_of: str = "",
    limit: str = "",
    after: str = "",
) -> AttributionQuery:
    """The question that a request's words ask; what is empty has its default.

    Parameters
    ----------
    as_of : a day of the tenant's timezone; the report as it stood when that day ended.

    Raises
    ------
    BadInput : names the field and what it may hold.
    """
    columns = _words("by", by, list(By)) if by else (By.CHANNEL,)
    return AttributionQuery(
        period=period,
        by=columns,
        models=_models(models) if models else FIVE_MODELS,
        currency=read_currency(currency),
        conversion_type=conversion_type,
        adjusted=_word("adjusted", adjusted, list(Adjusted)) if adjusted else Adjusted.CONVERSION_DAY,
        as_of_ms=day_begins_ms(read_day("as_of", as_of) + timedelta(days=1), period.timezone) if as_of else EVER_MS,
        limit=read_limit(limit, MOST_LINES, "lines") if limit else MOST_LINES,
        after=read_after(after, len(columns)) if after else None,
    )


def read_currency(text: str) -> str:
    """A currency's code, or '' for none.

    Raises
    ------
    BadInput : names what is wrong.
    """
    return _currency(text) if text else ""


def period_params(period: Period) -> dict[str, Any]:
    """A period as statements take it."""
    return {"first": period.first.isoformat(), "end": period.end.isoformat(), "timezone": period.timezone}


Word = TypeVar("Word", bound=StrEnum)


def _words(field: str, text: str, known: Sequence[Word]) -> tuple[Word, ...]:
    """A comma list of known words, each once, in the order given."""
    by_name = {str(word): word for word in known}
    found: dict[Word, None] = {}
    for name in text.split(","):
        word = by_name.get(name.strip().lower())
        if word is None:
            raise BadInput(
                f"bad_{field}", f"{field} holds {name.strip()[:40]!r}.", f"Use a comma list of {', '.join(by_name)}."
            )
        found[word] = None
    return tuple(found)


def _models(text: str) -> tuple[Model, ...]:
    if {name.strip().lower() for name in text.split(",")} & set(PERIOD_MODELS):
        raise BadInput(
            "bad_models",
            f"models holds {' or '.join(PERIOD_MODELS)}: they describe whole periods, and are a report of their own.",
            "Ask GET /v1/reports/channels for them, and here for the others.",
        )
    return _words("models", text, FIVE_MODELS)


def _word(field: str, text: str, known: Sequence[Word]) -> Word:
    by_name = {str(word): word for word in known}
    found = by_name.get(text.strip().lower())
    if found is None:
        raise BadInput(f"bad_{field}", f"{field} is {text.strip()[:40]!r}.", f"Use one of {', '.join(by_name)}.")
    return found


def _currency(text: str) -> str:
    try:
        return canonical(text)
    except CurrencyError as error:
        raise BadInput(
            "bad_currency", f"currency: {error.problem}.", f"{error.remedy[:1].upper()}{error.remedy[1:]}."
        ) from None
