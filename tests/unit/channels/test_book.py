"""Do a tenant's channel rules, aliases and exclusions go before the default classifier, in their order?"""

from __future__ import annotations

import pytest

from app.channels.book import EXCLUDED, Alias, ChannelBook, Condition, CustomRule, Visit


def rule(channel: str, *when: tuple[str, str, str]) -> CustomRule:
    return CustomRule(channel, tuple(Condition(*condition) for condition in when))


@pytest.mark.parametrize(
    ("condition", "visit", "holds"),
    [
        (("source", "exact", "Partner"), Visit(source=" partner "), True),
        (("source", "exact", "partner"), Visit(source="partners"), False),
        (("medium", "prefix", "aff"), Visit(source="x", medium="Affiliate-7"), True),
        (("campaign", "contains", "brand"), Visit(campaign="2026_BRAND_de"), True),
        (("campaign", "contains", "brand"), Visit(campaign="2026"), False),
        (("referrer_host", "glob", "*.example.com"), Visit(referrer_host="blog.example.com"), True),
        (("referrer_host", "glob", "*.example.com"), Visit(referrer_host="example.com"), False),
        (("url", "glob", "*/landing/[ab]?"), Visit(url="https://shop.example/landing/b1"), True),
        (("medium", "exact", ""), Visit(source="x"), True),
    ],
)
def test_a_condition_holds_without_regard_to_case(condition: tuple[str, str, str], visit: Visit, holds: bool) -> None:
    assert (ChannelBook(rules=(rule("mine", condition),)).channel_of(visit) == "mine") is holds


def test_the_first_rule_whose_conditions_all_hold_decides() -> None:
    book = ChannelBook(
        rules=(
            rule("both", ("source", "exact", "google"), ("campaign", "prefix", "brand")),
            rule("google", ("source", "exact", "google")),
            rule("never", ("source", "exact", "google")),
        )
    )
    assert book.channel_of(Visit("google", "cpc", "brand-de")) == "both"
    assert book.channel_of(Visit("google", "cpc", "generic")) == "google"
    assert book.channel_of(Visit("bing", "cpc")) == "paid_search"


def test_own_pages_and_excluded_referrers_go_before_rules_unless_there_is_a_campaign() -> None:
    book = ChannelBook(rules=(rule("any", ("url", "contains", "")),), excluded_hosts=frozenset({"paypal.com"}))
    assert book.channel_of(Visit(referrer_host="shop.example"), ("shop.example",)) is None
    assert book.channel_of(Visit(referrer_host="www.paypal.com")) == EXCLUDED
    assert book.channel_of(Visit(referrer_host="notpaypal.com")) == "any"
    assert book.channel_of(Visit(campaign="x", referrer_host="paypal.com")) == "any"
    assert book.channel_of(Visit(click_id="gclid", referrer_host="paypal.com")) == "any"


def test_aliases_rename_and_the_first_decides() -> None:
    aliases = (Alias("prefix", "fb", "facebook"), Alias("exact", "fb_ads", "never"))
    book = ChannelBook(source_aliases=aliases, campaign_aliases=(Alias("glob", "summer*26", "Summer 2026"),))
    assert [book.source(text) for text in ("FB_Ads", "google", "")] == ["facebook", "google", ""]
    assert book.campaign("SUMMER-sale-26") == "Summer 2026"
