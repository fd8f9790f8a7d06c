"""What are the default channels called?"""

from enum import StrEnum


class Channel(StrEnum):
    """The default channel groups, after those of GA4, in lower case. Touches may name others outright."""

    DIRECT = "direct"
    CROSS_NETWORK = "cross_network"
    PAID_SEARCH = "paid_search"
    PAID_SOCIAL = "paid_social"
    PAID_VIDEO = "paid_video"
    PAID_SHOPPING = "paid_shopping"
    PAID_OTHER = "paid_other"
    DISPLAY = "display"
    ORGANIC_SEARCH = "organic_search"
    ORGANIC_SOCIAL = "organic_social"
    ORGANIC_VIDEO = "organic_video"
    ORGANIC_SHOPPING = "organic_shopping"
    EMAIL = "email"
    AFFILIATES = "affiliates"
    REFERRAL = "referral"
    AUDIO = "audio"
    SMS = "sms"
    PUSH = "push"
    UNASSIGNED = "unassigned"
