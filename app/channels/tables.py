"""What is known about sites, media and click ids? Data only; `classify` says in which order it is asked."""

from __future__ import annotations

from enum import StrEnum

from app.channels.names import Channel


class Site(StrEnum):
    """What a site is for."""

    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    EMAIL = "email"


def _table(site: Site, names: str) -> dict[str, Site]:
    return dict.fromkeys(names.split(), site)


DOMAINS: dict[str, Site] = {
    **_table(Site.SEARCH, "duckduckgo.com ecosia.org search.brave.com so.com sogou.com seznam.cz qwant.com"),
    **_table(Site.SEARCH, "startpage.com ask.com search.aol.com naver.com daum.net kagi.com"),
    **_table(Site.SOCIAL, "t.co x.com fb.me fb.com lnkd.in redd.it wa.me t.me vk.com ok.ru pin.it bsky.app"),
    **_table(Site.SOCIAL, "news.ycombinator.com mastodon.social threads.net threads.com snapchat.com weibo.com"),
    **_table(Site.SOCIAL, "messenger.com whatsapp.com telegram.org discord.com nextdoor.com xing.com"),
    **_table(Site.SOCIAL, "com.facebook.katana com.instagram.android com.twitter.android com.linkedin.android"),
    **_table(
        Site.VIDEO, "youtu.be vimeo.com twitch.tv dailymotion.com netflix.com hulu.com com.google.android.youtube"
    ),
    **_table(Site.SHOPPING, "shopping.google.com shopping.yahoo.com etsy.com shop.app alibaba.com aliexpress.com"),
    **_table(Site.EMAIL, "mail.google.com mail.yahoo.com outlook.live.com outlook.office.com outlook.office365.com"),
    **_table(Site.EMAIL, "mail.aol.com mail.proton.me mail.yandex.ru mail.ru gmx.net web.de com.google.android.gm"),
}
"""Sites by domain; subdomains included, the longest match first."""

BRANDS: dict[str, Site] = {
    **_table(Site.SEARCH, "google bing yahoo yandex baidu duckduckgo ecosia adwords googleads brave"),
    **_table(Site.SOCIAL, "facebook instagram twitter linkedin pinterest reddit tiktok quora tumblr snapchat threads"),
    **_table(Site.SOCIAL, "meta whatsapp telegram mastodon bluesky vkontakte weibo"),
    **_table(Site.VIDEO, "youtube vimeo twitch dailymotion"),
    **_table(Site.SHOPPING, "amazon ebay etsy walmart alibaba aliexpress googleshopping"),
}
"""Sites that live under many top-level domains, by the name before it; also how campaigns name their source."""

SHORT_SOURCES: dict[str, Site] = {
    **_table(Site.SOCIAL, "fb ig x li tt sc pin"),
    **_table(Site.VIDEO, "yt"),
    **_table(Site.SEARCH, "ddg google_ads google-ads bing_ads bing-ads bingads"),
}
"""Abbreviations that campaigns use as their source; no host is looked up here."""

MEDIA: dict[str, Channel] = {
    **dict.fromkeys(("email", "e-mail", "e_mail", "e mail", "newsletter"), Channel.EMAIL),
    **dict.fromkeys(("affiliate", "affiliates"), Channel.AFFILIATES),
    **dict.fromkeys(("sms", "text"), Channel.SMS),
    **dict.fromkeys(("push", "web_push", "mobile_push", "push_notification", "notification"), Channel.PUSH),
    **dict.fromkeys(("audio", "podcast", "radio"), Channel.AUDIO),
    **dict.fromkeys(("display", "banner", "expandable", "interstitial", "cpm"), Channel.DISPLAY),
    **dict.fromkeys(("paid_search", "paid-search", "paidsearch", "paid search", "sem"), Channel.PAID_SEARCH),
    **dict.fromkeys(("paid_social", "paid-social", "paidsocial", "paid social"), Channel.PAID_SOCIAL),
    **dict.fromkeys(("paid_video", "paid-video", "paidvideo", "paid video", "cpv"), Channel.PAID_VIDEO),
    **dict.fromkeys(("organic_search", "organic-search"), Channel.ORGANIC_SEARCH),
    **dict.fromkeys(("organic_social", "organic-social"), Channel.ORGANIC_SOCIAL),
}
"""Media that say the channel by themselves."""

WEAK_MEDIA: dict[str, Channel] = {
    "organic": Channel.ORGANIC_SEARCH,
    **dict.fromkeys(
        ("social", "social-network", "social_network", "social network", "social-media", "social_media", "sm"),
        Channel.ORGANIC_SOCIAL,
    ),
    "social media": Channel.ORGANIC_SOCIAL,
    **dict.fromkeys(("video", "organic_video"), Channel.ORGANIC_VIDEO),
    **dict.fromkeys(("referral", "link", "app", "partner"), Channel.REFERRAL),
}
"""Media that say the channel where the source is not a known site."""

SOURCES: dict[str, Channel] = {
    **dict.fromkeys(("email", "e-mail", "e_mail", "newsletter"), Channel.EMAIL),
    **dict.fromkeys(("affiliate", "affiliates"), Channel.AFFILIATES),
    "sms": Channel.SMS,
    **dict.fromkeys(("push", "firebase"), Channel.PUSH),
}
"""Sources that say the channel by themselves."""

PAID_SITES: dict[Site, Channel] = {
    Site.SHOPPING: Channel.PAID_SHOPPING,
    Site.SEARCH: Channel.PAID_SEARCH,
    Site.SOCIAL: Channel.PAID_SOCIAL,
    Site.VIDEO: Channel.PAID_VIDEO,
    Site.EMAIL: Channel.EMAIL,
}

ORGANIC_SITES: dict[Site, Channel] = {
    Site.SHOPPING: Channel.ORGANIC_SHOPPING,
    Site.SEARCH: Channel.ORGANIC_SEARCH,
    Site.SOCIAL: Channel.ORGANIC_SOCIAL,
    Site.VIDEO: Channel.ORGANIC_VIDEO,
    Site.EMAIL: Channel.EMAIL,
}

CLICK_IDS: dict[str, tuple[Channel, Site | None]] = {
    "gclid": (Channel.PAID_SEARCH, Site.SEARCH),
    "gbraid": (Channel.PAID_SEARCH, Site.SEARCH),
    "wbraid": (Channel.PAID_SEARCH, Site.SEARCH),
    "gclsrc": (Channel.PAID_SEARCH, Site.SEARCH),
    "dclid": (Channel.DISPLAY, None),
    "msclkid": (Channel.PAID_SEARCH, Site.SEARCH),
    "yclid": (Channel.PAID_SEARCH, Site.SEARCH),
    "vmcid": (Channel.PAID_SEARCH, Site.SEARCH),
    "ttclid": (Channel.PAID_SOCIAL, Site.SOCIAL),
    "twclid": (Channel.PAID_SOCIAL, Site.SOCIAL),
    "li_fat_id": (Channel.PAID_SOCIAL, Site.SOCIAL),
    "rdt_cid": (Channel.PAID_SOCIAL, Site.SOCIAL),
    "epik": (Channel.PAID_SOCIAL, Site.SOCIAL),
    "sccid": (Channel.PAID_SOCIAL, Site.SOCIAL),
    "ScCid": (Channel.PAID_SOCIAL, Site.SOCIAL),  # how Snapchat writes it
    "qclid": (Channel.PAID_SOCIAL, Site.SOCIAL),
    "irclickid": (Channel.AFFILIATES, None),
    "awc": (Channel.AFFILIATES, None),
    "cjevent": (Channel.AFFILIATES, None),
    "ranSiteID": (Channel.AFFILIATES, None),
    "sscid": (Channel.AFFILIATES, None),
    "tduid": (Channel.AFFILIATES, None),
    "tblci": (Channel.PAID_OTHER, None),
    "dicbo": (Channel.PAID_OTHER, None),
    "obclid": (Channel.PAID_OTHER, None),
    "awclid": (Channel.PAID_OTHER, None),
    "spclid": (Channel.AUDIO, None),
    "adct": (Channel.DISPLAY, None),
    "gad_source": (Channel.PAID_SEARCH, Site.SEARCH),  # Google Ads, where consent keeps gclid away
    "mc_cid": (Channel.EMAIL, None),
    "mc_eid": (Channel.EMAIL, None),
    "_kx": (Channel.EMAIL, None),
    "_hsenc": (Channel.EMAIL, None),
    "mkt_tok": (Channel.EMAIL, None),
    "ml_subscriber": (Channel.EMAIL, None),
    "srsltid": (Channel.ORGANIC_SHOPPING, Site.SHOPPING),  # Google's free product listings
    # Facebook and Instagram put theirs on every outbound link, so by itself it proves no payment.
    "fbclid": (Channel.ORGANIC_SOCIAL, Site.SOCIAL),
    "igshid": (Channel.ORGANIC_SOCIAL, Site.SOCIAL),
    "igsh": (Channel.ORGANIC_SOCIAL, Site.SOCIAL),
}
"""Click ids by parameter, the most telling first: the channel where no campaign says otherwise, and whose they are."""

_PAYMENT = (
    "paypal.com stripe.com klarna.com afterpay.com clearpay.co.uk affirm.com sezzle.com "
    "zip.co amazonpay.com pay.amazon.com payments.amazon.com pay.google.com adyen.com "
    "braintreegateway.com worldpay.com checkout.com mollie.com sofort.com giropay.de "
    "paydirekt.de secure.ogone.com wallee.com saferpay.com datatrans.com quickpay.net nets.eu "
    "bambora.com vipps.no swish.nu ideal.nl bancontact.com przelewy24.pl payu.com payu.pl "
    "paysafecard.com skrill.com 2checkout.com razorpay.com paytm.com payu.in mercadopago.com "
    "pagseguro.uol.com.br ebanx.com alipay.com authorize.net squareup.com "
    "checkout.shopify.com shopifycs.com paddle.com fastspring.com cardinalcommerce.com "
    "arcot.com 3dsecure.io "
)
PAYMENT_PROVIDERS: frozenset[str] = frozenset(_PAYMENT.split())
"""Sites that a buyer is sent to in order to pay, and comes back from: the preset of referral exclusions."""
