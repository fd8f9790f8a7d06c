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
from app.reports.days import Period


class By(StrEnum):
    """What a report can be broken down by. A week is named by its Monday, a month is YYYY-MM."""

    CHANNEL = "channel"
    CAMPAIGN = "campaign"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CONVERSION_TYPE = "conversion_type"


@dataclass(frozen=True, slots=True)
class AttributionQuery:
    """A question to the attribution report; `currency` '' means rows per currency, `conversion_type` '' all."""

    period: Period
    by: tuple[By, ...] = (By.CHANNEL,)
    models: tuple[Model, ...] = FIVE_MODELS
    currency: str = ""
    conversion_type: str = ""

    def params(self) -> dict[str, Any]:
        """What its statements take."""
        asked = {f"by_{by}": int(by in self.by) for by in By}
        return asked | period_params(self.period) | {"conversion_type": self.conversion_type}

    def group(self, *, channel: str, campaign: str, day: date, conversion_type: str) -> tuple[str, ...]:
        """The line of the report that a credit belongs to: one value for each of `by`."""
        values = {
            By.CHANNEL: channel,
            By.CAMPAIGN: UNATTRIBUTED if channel == UNATTRIBUTED else campaign,
            By.DAY: day.isoformat(),
            By.WEEK: (day - timedelta(days=day.weekday())).isoformat(),
            By.MONTH: day.isoformat()[:7],
            By.CONVERSION_TYPE: conversion_type,
        }
        return tuple(values[by] for by in self.by)


def read_query(
    period: Period, *, by: str = "", models: str = "", currency: str = "", conversion_type: str = ""
) -> AttributionQuery:
    """The question that a request's words ask; what is empty has its default.

    Raises
    ------
    BadInput : names the field and what it may hold.
    """
    return AttributionQuery(
        period=period,
        by=_words("by", by, list(By)) if by else (By.CHANNEL,),
        models=_words("models", models, FIVE_MODELS) if models else FIVE_MODELS,
        currency=_currency(currency) if currency else "",
        conversion_type=conversion_type,
    )


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


def _currency(text: str) -> str:
    try:
        return canonical(text)
    except CurrencyError as error:
        raise BadInput(
            "bad_currency", f"currency: {error.problem}.", f"{error.remedy[:1].upper()}{error.remedy[1:]}."
        ) from None
