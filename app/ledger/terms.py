"""By what is a conversion credited? A tenant's rules, as far as one conversion type is concerned."""

from __future__ import annotations

from dataclasses import dataclass

from app.attribution.journeys import JourneyRules, Reuse
from app.attribution.models import ModelParams
from app.tenants.rules import Rules


@dataclass(frozen=True, slots=True)
class Terms:
    """By what some conversions are credited, whoever's they are: those with equal terms are credited together."""

    journeys: JourneyRules
    models: ModelParams
    milestones: tuple[str, ...]
    reach_ms: int


def terms_of(rules: Rules, conversion_type: str) -> Terms:
    """What the rules say of a conversion type."""
    click_ms, view_ms = rules.windows(conversion_type)
    journeys = JourneyRules(
        click_window_ms=click_ms,
        view_window_ms=view_ms,
        cap=rules.touch_cap,
        skip_direct=rules.skip_direct,
        excluded_channels=frozenset(rules.excluded_channels),
        collapse_repeats=rules.collapse_repeats,
        reuse=Reuse.RESET if rules.resets(conversion_type) else Reuse.REUSE,
        channel_windows=rules.windows_of_channels(conversion_type),
        clicks_win_ties=rules.clicks_win_ties,
    )
    return Terms(
        journeys=journeys,
        models=ModelParams(rules.half_life_ms, *rules.position_weights),
        milestones=tuple(name for name in rules.milestone_types if name != conversion_type),
        reach_ms=rules.widest_of(conversion_type),
    )
