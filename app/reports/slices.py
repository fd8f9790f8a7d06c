"""How is a long range of the ledger read without ever holding it whole?

Day by day, and a day in slices of its key space: conversion keys are hashes, so equal slices hold about equally many
conversions. Every slice is one short query over a range of the primary key; nothing stays open while a slow client
reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.attribution.names import FIVE_MODELS
from app.reports.days import Period
from app.reports.query import period_params
from app.storage.client import Storage
from app.storage.report_statements import EXPORT_DAYS, EXPORT_SLICE
from app.tenants.tenant import Tenant

SLICE_CONVERSIONS = 2_000
SLICE_TOUCHES = 20_000
_KEYS = 1 << 64


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A conversion and its credits. Amounts of model k and touch i stand at ``k * touches + i``; times epoch ms."""

    conversion_key: int
    conversion_type: str
    order_id: str
    ts_ms: int
    day: date
    currency: str
    gross_minor: int
    retracted: int
    net_minor: int
    touch_keys: list[int]
    touch_times_ms: list[int]
    touch_channels: list[str]
    touch_campaigns: list[str]
    touch_sources: list[str]
    weights: list[float]
    micros: list[int]
    gross: list[int]
    net: list[int]
    rules_version: int

    def of_model(self, number: int) -> slice:
        """Where a model's credits stand."""
        touches = len(self.touch_keys)
        return slice(number * touches, (number + 1) * touches)

    def __post_init__(self) -> None:
        credits = len(self.touch_keys) * len(FIVE_MODELS)
        if len(self.weights) != credits or len(self.gross) != credits:
            raise ValueError(f"the ledger row of {self.order_id!r} does not hold {len(FIVE_MODELS)} models")


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of one UTC day's conversion keys, both ends included; it holds `about` so many conversions."""

    utc_day: date
    low: int
    high: int
    about: int = 0

    def params(self, period: Period) -> dict[str, Any]:
        # As strings: the driver writes a number above 2**63 in a way that the server takes for a float.
        return period_params(period) | {
            "utc_day": self.utc_day.isoformat(),
            "low": str(self.low),
            "high": str(self.high),
        }


def slices(storage: Storage, tenant: Tenant, period: Period, *, task: str) -> Iterator[Slice]:
    """The slices of a period, in order of days."""
    days = storage.rows(EXPORT_DAYS, tenant_id=tenant.tenant_id, params=period_params(period), task=task)
    for utc_day, conversions, touches in days:
        count = math.ceil(max(conversions / SLICE_CONVERSIONS, touches / SLICE_TOUCHES, 1))
        for number in range(count):
            yield Slice(utc_day, _KEYS * number // count, _KEYS * (number + 1) // count - 1, -(-conversions // count))


def ledger_rows(storage: Storage, tenant: Tenant, period: Period, part: Slice, *, task: str) -> list[LedgerRow]:
    """The conversions of one slice, by time."""
    found = storage.rows(EXPORT_SLICE, tenant_id=tenant.tenant_id, params=part.params(period), task=task)
    return [LedgerRow(*row) for row in found]
