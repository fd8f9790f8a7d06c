"""Does a visit get the channel that a marketer would give it?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels.classify import classify
from app.channels.hosts import host_of
from app.channels.names import Channel
from app.channels.tables import CLICK_IDS


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "channel"),
    [
        ("google", "cpc", "", "paid_search"),
        ("Google", " CPC ", "", "paid_search"),
        ("bing", "ppc", "", "paid_search"),
        ("google", "cpc", "summer shopping", "paid_shopping"),
        ("google", "cpc", "eshop berlin", "paid_shopping"),
        ("google", "cpc", "workshop berlin", "paid_search"),
        ("google", "organic", "", "organic_search"),
        ("google", "", "", "organic_search"),
        ("facebook", "cpc", "", "paid_social"),
        ("fb", "paid_social", "", "paid_social"),
        ("ig", "paid", "", "paid_social"),
        ("facebook", "social", "", "organic_social"),
        ("l.facebook.com", "", "", "organic_social"),
        ("somewhere", "social-media", "", "organic_social"),
        ("youtube", "cpc", "", "paid_video"),
        ("youtube", "video", "", "organic_video"),
        ("newsletter", "email", "may", "email"),
        ("facebook", "email", "", "email"),
        ("mailchimp", "e-mail", "", "email"),
        ("impact", "affiliate", "", "affiliates"),
        ("partner.example", "referral", "", "referral"),
        ("facebook.com", "referral", "", "organic_social"),
        ("network", "display", "", "display"),
        ("network", "cpm", "", "display"),
        ("network", "cpc", "", "paid_other"),
        ("network", "retargeting", "", "paid_other"),
        ("twilio", "sms", "", "sms"),
        ("app", "push", "", "push"),
        ("app", "web_push", "", "push"),
        ("spotify", "audio", "", "audio"),
        ("google", "cross-network", "", "cross_network"),
        ("google", "cpc", "eu cross-network 1", "cross_network"),
        ("amazon", "cpc", "", "paid_shopping"),
        ("direct", "", "", "direct"),
        ("(direct)", "(none)", "", "direct"),
        ("whatever", "strange", "", "unassigned"),
        ("", "", "only-a-name", "unassigned"),
    ],
)
def test_campaigns(source: str, medium: str, campaign: str, channel: str) -> None:
    assert classify(source, medium, campaign) == channel


@pytest.mark.parametrize(
    ("click_id", "channel"),
    [
        ("gclid", "paid_search"),
        ("gbraid", "paid_search"),
        ("wbraid", "paid_search"),
        ("msclkid", "paid_search"),
        ("dclid", "display"),
        ("ttclid", "paid_social"),
        ("twclid", "paid_social"),
        ("li_fat_id", "paid_social"),
        ("fbclid", "organic_social"),
    ],
)
def test_click_ids(click_id: str, channel: str) -> None:
    assert classify(click_id=click_id) == channel
    # An own page before it changes nothing: the click is new.
    assert classify(click_id=click_id, referrer_host="a.example", own_hosts=("a.example",)) == channel


def test_a_click_id_says_whose_paid_campaign_it_is() -> None:
    assert classify("agency", "cpc", click_id="gclid") == "paid_search"
    assert classify("meta-ads", "paid", click_id="fbclid") == "paid_social"
    assert classify("google", "", click_id="gclid") == "paid_search"
    assert classify("agency", "email", click_id="gclid") == "email"


@pytest.mark.parametrize(
    ("host", "channel"),
    [
        ("www.google.com", "organic_search"),
        ("www.google.co.uk", "organic_search"),
        ("duckduckgo.com", "organic_search"),
        ("m.facebook.com", "organic_social"),
        ("t.co", "organic_social"),
        ("www.youtube.com", "organic_video"),
        ("mail.google.com", "email"),
        ("com.google.android.gm", "email"),
        ("www.amazon.de", "organic_shopping"),
        ("shopping.google.com", "organic_shopping"),
        ("blog.example.org", "referral"),
        ("google.evil.example", "referral"),
        ("notfacebook.com", "referral"),
        ("localhost", "referral"),
        ("", "direct"),
    ],
)
def test_referrers(host: str, channel: str) -> None:
    assert classify(referrer_host=host) == channel


def test_own_pages_are_no_touch() -> None:
    own = ("Example.com",)
    assert classify(referrer_host="example.com", own_hosts=own) is None
    assert classify(referrer_host="shop.example.com", own_hosts=own) is None
    assert classify(referrer_host="badexample.com", own_hosts=own) == "referral"
    # A campaign on an own page is a touch: redirects and banners of one's own carry them.
    assert classify("google", "cpc", referrer_host="example.com", own_hosts=own) == "paid_search"


@given(st.text(), st.text(), st.text(), st.sampled_from(["", "other", *CLICK_IDS]), st.text())
def test_every_visit_has_a_known_channel(source: str, medium: str, campaign: str, click_id: str, host: str) -> None:
    assert classify(source, medium, campaign, click_id, host) in list(Channel)


@given(st.text())
def test_any_text_has_a_host_or_none(url: str) -> None:
    host = host_of(url)
    assert host == host.lower()
    assert "/" not in host
