"""What may a report be asked for, and what is said to the rest?"""

from __future__ import annotations

from datetime import date

import pytest

from app.attribution.names import FIVE_MODELS
from app.errors import BadInput
from app.reports.days import Period
from app.reports.query import By, read_query

MARCH = Period(date(2025, 3, 1), date(2025, 4, 1), "UTC")


def test_defaults() -> None:
    query = read_query(MARCH)
    assert (query.by, query.models, query.currency, query.conversion_type) == ((By.CHANNEL,), FIVE_MODELS, "", "")


def test_words_are_taken_once_and_in_order() -> None:
    query = read_query(MARCH, by="day, Channel,day", models="linear,first_touch", currency=" eur")
    assert [str(by) for by in query.by] == ["day", "channel"]
    assert [str(model) for model in query.models] == ["linear", "first_touch"]
    assert query.currency == "EUR"


@pytest.mark.parametrize(
    ("words", "field", "remedy"),
    [
        ({"by": "channel,colour"}, "by", "conversion_type"),
        ({"by": ","}, "by", "channel"),
        ({"models": "best"}, "models", "time_decay"),
        ({"currency": "XXX"}, "currency", "ISO 4217"),
        ({"currency": "CLF"}, "currency", "CLP"),
    ],
)
def test_unknown_words_name_field_and_remedy(words: dict[str, str], field: str, remedy: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_query(MARCH, **words)
    assert field in raised.value.message
    assert remedy in raised.value.detail


def test_groups_are_named_by_their_day() -> None:
    query = read_query(MARCH, by="day,week,month,campaign,channel,conversion_type,source")
    named = {"campaign": "spring", "source": "crm", "day": date(2025, 3, 2), "conversion_type": "Lead"}
    days = ("2025-03-02", "2025-02-24", "2025-03")
    assert query.group(channel="email", **named) == (*days, "spring", "email", "Lead", "crm")
    nobody = "(unattributed)"
    assert query.group(channel=nobody, **named) == (*days, nobody, nobody, "Lead", nobody)
