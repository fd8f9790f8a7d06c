"""Can the reports be read in a terminal?"""

from __future__ import annotations

from typing import Any

from workers.commands.report_tables import compare_table, journeys_table, report_table


def row(model: str, **more: Any) -> dict[str, Any]:
    worth = {"conversions": "2.5", "net_conversions": "2", "value": "100.01", "net_value": "80.00", "currency": "USD"}
    cost = {"spend": "20.00", "cpa": "8.00", "net_cpa": "10.00", "roas": "5.0005", "net_roas": "4.0000"}
    return {"model": model} | worth | cost | more


FRAME = {"from": "2025-03-01", "to": "2025-04-01", "timezone": "UTC", "reconciled": True}


def test_attribution_has_spend_cpa_and_roas() -> None:
    report = FRAME | {
        "models": ["linear"],
        "by": ["channel"],
        "rows": [row("linear", channel="email"), row("linear", channel="direct", spend=None)],
        "totals": [row("linear")],
        "spend": {"unmatched": {"spend": [{"channel": "tv", "spend": "7.00", "currency": "USD"}]}},
    }
    text = report_table(report)
    assert "8.00" in text
    assert "5.0005" in text
    assert "spend without credit: tv  7.00 USD" in text
    assert sum(line.startswith("direct") for line in text.splitlines()) == 1
    assert "10.00" in report_table(report, net=True)
    assert "80.00" in report_table(report, net=True)
    assert "(UTC), shadow rules, gross" in report_table(report | {"rules": "shadow"})


def test_attribution_of_days_without_conversions_says_so() -> None:
    report = FRAME | {"models": ["linear"], "by": ["channel"], "rows": [], "totals": []}
    assert report_table(report).splitlines()[1] == "no conversions in these days"


def test_attribution_without_spend_has_no_costs() -> None:
    report = FRAME | {
        "models": ["linear"],
        "by": ["channel"],
        "rows": [row("linear", channel="email", spend=None)],
        "totals": [row("linear", spend=None)],
    }
    assert "CPA" not in report_table(report)


def test_journeys() -> None:
    amounts = {"currency": "USD", "conversions": "3", "conversions_micro": 3_000_000, "value": "9.00"}
    report = FRAME | {
        "paths": [{"path": ["search", "email"]} | amounts],
        "other_paths": [amounts | {"conversions_micro": 0}],
        "lengths": [{"length": 2} | amounts],
        "lags": [{"lag": "under 1 hour", "currency": "USD", "conversions": 3}],
        "channels": [{"channel": "email", "first_touch": 0, "last_touch": 3, "assisted": 0} | amounts],
        "non_converting": {
            "journeys": 4,
            "channels": [{"channel": "email", "converting": 3, "non_converting": 4, "converting_share": 0.428571}],
        },
    }
    text = journeys_table(report)
    assert "search > email" in text
    assert "(other paths)" not in text
    assert "4 journeys did not convert" in text
    assert "42.9 %" in text


def test_compare() -> None:
    models = {"linear": {"share": 0.5, "rank": 1}, "last_touch": {"share": 0.25, "rank": 2}}
    pair = {"models": ["linear", "last_touch"], "currency": "USD", "moved": {"amount": "12.00"}, "moved_share": 0.25}
    report = FRAME | {
        "by": ["channel"],
        "models": ["linear", "last_touch"],
        "base": "linear",
        "measure": "value",
        "rows": [
            {
                "channel": "email",
                "currency": "USD",
                "models": models,
                "changes": {"last_touch": {"disagrees": True}},
            }
        ],
        "pairs": [pair | {"moved_share_interval": [0.2, 0.3]}, pair | {"moved_share_interval": None}],
    }
    text = compare_table(report)
    assert "25.0 % #2*" in text
    assert "12.00 USD move, 25.0 % (20.0 % to 30.0 %)" in text
    assert text.endswith("12.00 USD move, 25.0 %")
    still = pair | {"currency": "JPY", "moved": {"amount": "0"}, "moved_share": 0.0, "moved_share_interval": None}
    text = compare_table(report | {"pairs": [still, *report["pairs"], still]})
    assert "JPY move" not in text
    assert text.endswith("25.0 %\nJPY: nothing moves, whatever the model")


def test_a_name_cannot_command_the_terminal_nor_vanish() -> None:
    worth = {"value": "1234567.89", "spend": None}
    report = FRAME | {
        "models": ["linear"],
        "by": ["source"],
        "rows": [row("linear", source="\x1b[31mred", **worth), row("linear", source="", **worth)],
        "totals": [row("linear", **worth)],
    }
    text = report_table(report)
    assert "\x1b" not in text
    assert "?[31mred" in text
    assert "(none)" in text
    assert text.count("1,234,567.89") == 3
