"""Which campaign parameters are found broken, and are sound ones left alone?"""

from __future__ import annotations

import pytest

from app.channels.lint import Combination, Fault, lint


def faults(*parameters: tuple[str, str, str]) -> list[list[Fault]]:
    found = lint([Combination(*one, "channel", 10 - n) for n, one in enumerate(parameters)])
    return [[problem.fault for problem in item.problems] for item in found]


@pytest.mark.parametrize(
    "sound",
    [
        ("google", "cpc", "summer"),
        ("newsletter", "email", "2026-03"),
        ("facebook", "paid_social", "a+b"),
        ("partner-7", "affiliate", ""),
        ("x", "social", "spring sale"),
    ],
)
def test_sound_parameters_are_left_alone(sound: tuple[str, str, str]) -> None:
    assert faults(sound) == []


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (("", "cpc", "x"), Fault.NO_SOURCE),
        (("google", "", "x"), Fault.NO_MEDIUM),
        (("google", "web-thing", "x"), Fault.UNKNOWN_MEDIUM),
        (("cpc", "google", ""), Fault.SWAPPED),
        (("facebook", "cpc", "{{campaign.name}}"), Fault.PLACEHOLDER),
        (("facebook", "cpc", "summer%20sale"), Fault.ENCODED),
        (("google", "cpc", "undefined"), Fault.NOTHING),
        (("newsletter", "email", "ann@example.com"), Fault.PERSONAL),
        (("google", "cpc", "x" * 300), Fault.TOO_LONG),
        (("google ", "cpc", ""), Fault.BLANKS),
    ],
)
def test_each_fault_is_found(broken: tuple[str, str, str], expected: Fault) -> None:
    (found,) = faults(broken)
    assert expected in found


def test_spellings_of_one_name_are_found_together_and_personal_data_is_not_repeated() -> None:
    found = lint(
        [Combination("google", "cpc", "Summer Sale", "c", 5), Combination("google", "cpc", "summer-sale", "c", 9)]
    )
    assert [item.combination.touches for item in found] == [9, 5]
    assert {problem.fault for item in found for problem in item.problems} == {Fault.SPELLINGS}
    (personal,) = lint([Combination("newsletter", "email", "ann@example.com", "email", 1)])
    assert "ann@" not in personal.problems[0].message
