"""Do rates come in, replace each other, stay with their tenant and serve reports? Over HTTP, with real parts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.reports.callers import MARCH, NOON, Caller

RATE = {"day": "2025-03-10", "currency": "USD", "into": "EUR", "rate": "0.92"}


def test_a_rate_serves_the_next_report_of_its_tenant_alone(fresh_callers: tuple[Caller, Caller]) -> None:
    one, other = fresh_callers
    assert one.post("/v1/fx", [RATE]).get_json() == {"success": True, "accepted": 1, "rejected": []}
    body = one.get(f"/v1/reports/attribution?{MARCH}&currency=EUR").get_json()
    assert {row["value"] for row in body["totals"]} == {"92.01"}
    assert body["reconciled"] is True
    answer = other.get(f"/v1/reports/attribution?{MARCH}&currency=EUR")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "missing_rate")
    assert "2025-03-10 from USD into EUR" in answer.get_json()["message"]
    assert "/v1/fx" in answer.get_json()["detail"]
    assert other.get(f"/v1/fx?{MARCH}").get_json()["rates"] == []


def test_the_later_one_counts(fresh_callers: tuple[Caller, Caller]) -> None:
    one, _ = fresh_callers
    one.post("/v1/fx", {"rates": [RATE, RATE | {"rate": "0.5"}]})
    assert one.get(f"/v1/fx?{MARCH}").get_json()["rates"] == [RATE | {"rate": "0.5"}]
    one.post("/v1/fx", RATE | {"rate": 0.25})
    one.post("/v1/fx", RATE | {"into": "JPY", "rate": "149.123456789012345678"})
    rates = one.get(f"/v1/fx?{MARCH}&currency=usd").get_json()["rates"]
    assert [(rate["into"], rate["rate"]) for rate in rates] == [("EUR", "0.25"), ("JPY", "149.123456789012345678")]
    assert one.get(f"/v1/fx?{MARCH}&into=JPY").get_json()["rates"][0]["into"] == "JPY"
    assert one.get("/v1/fx?from=2025-03-11&to=2025-04-01").get_json()["rates"] == []


def test_no_inverse_and_no_day_before_is_taken(fresh_callers: tuple[Caller, Caller]) -> None:
    one, _ = fresh_callers
    one.post("/v1/fx", [{**RATE, "currency": "EUR", "into": "USD"}, {**RATE, "day": "2025-03-09"}])
    assert one.get(f"/v1/reports/attribution?{MARCH}&currency=EUR").get_json()["code"] == "missing_rate"


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"day": "2025-13-01"}, "bad_day", "day"),
        ({"day": None}, "bad_day", "day"),
        ({"currency": "ABC"}, "bad_currency", "currency"),
        ({"currency": None}, "bad_currency", "currency"),
        ({"into": "USD"}, "bad_currency", "USD"),
        ({"into": "CLF"}, "bad_currency", "into"),
        ({"rate": None}, "bad_rate", "rate"),
        ({"rate": "0"}, "bad_rate", "rate"),
        ({"rate": "-1"}, "bad_rate", "rate"),
        ({"rate": "1e3"}, "bad_rate", "rate"),
        ({"rate": "١"}, "bad_rate", "rate"),
        ({"rate": "NaN"}, "bad_rate", "rate"),
        ({"rate": "1,5"}, "bad_rate", "rate"),
        ({"rate": "0." + "1" * 19}, "bad_rate", "rate"),
        ({"rate": 10**14}, "bad_type", "rate"),
        ({"rate": 1e300}, "bad_rate", "rate"),
        ({"rate": True}, "bad_type", "rate"),
        ({"rate": ["1"]}, "bad_type", "rate"),
    ],
)
def test_what_is_wrong_is_refused_by_itself(
    callers: tuple[Caller, Caller], change: dict[str, Any], code: str, word: str
) -> None:
    one, _ = callers
    answer = one.post("/v1/fx", [RATE, RATE | {"day": "2025-03-11"} | change]).get_json()
    assert answer["accepted"] == 1
    (refused,) = answer["rejected"]
    assert (refused["index"], refused["code"]) == (1, code)
    assert word in refused["message"]
    assert refused["detail"]
    assert one.post("/v1/fx", RATE | change).status_code == 400


def test_the_other_reports_answer(fresh_callers: tuple[Caller, Caller]) -> None:
    one, other = fresh_callers
    other.world.conversion("u:2", NOON, "o2", 5)
    other.world.attribute()
    body = one.get(f"/v1/reports/journeys?{MARCH}&with=non_converting&limit=5").get_json()
    assert body["reconciled"] is True
    assert [line["path"] for line in body["paths"]] == [["email", "search"]]
    assert body["non_converting"]["journeys"] == 0
    body = one.get(f"/v1/reports/compare?{MARCH}&models=first_touch,last_touch").get_json()
    assert body["pairs"][0]["moved"] == {"amount": "100.01", "amount_minor": 10_001}
    body = one.get(f"/v1/reports/attribution?{MARCH}&as_of=2025-03-09&adjusted=adjustment_day").get_json()
    assert (body["rows"], body["as_of"], body["adjusted"]) == ([], "2025-03-10T00:00:00.000Z", "adjustment_day")


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/v1/fx?pair=USDEUR", "pair"),
        ("/v1/fx?into=XYZ", "XYZ"),
        (f"/v1/reports/attribution?{MARCH}&adjusted=never", "adjusted"),
        (f"/v1/reports/attribution?{MARCH}&adjusted=conversion_day,adjustment_day", "adjusted"),
        (f"/v1/reports/attribution?{MARCH}&as_of=now", "as_of"),
        (f"/v1/reports/journeys?{MARCH}&by=channel", "by"),
        (f"/v1/reports/journeys?{MARCH}&limit=0", "limit"),
        (f"/v1/reports/journeys?{MARCH}&limit=0001001000", "limit"),
        (f"/v1/reports/compare?{MARCH}&models=linear", "models"),
        (f"/v1/reports/compare?{MARCH}&measure=fame", "measure"),
    ],
)
def test_bad_requests_are_answered_clearly(callers: tuple[Caller, Caller], path: str, word: str) -> None:
    answer = callers[0].get(path)
    assert (answer.status_code, answer.get_json()["success"]) == (400, False)
    assert word in answer.get_json()["message"]


@pytest.mark.parametrize("path", ["/v1/fx", "/v1/reports/journeys", "/v1/reports/compare"])
def test_a_secret_key_is_needed(callers: tuple[Caller, Caller], path: str) -> None:
    assert callers[0].client.get(path).status_code == 401
