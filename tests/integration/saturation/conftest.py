"""A tenant with simulated channels in the real storage, asked through the real edge, refitted as the tasks do it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from app.advice import refit
from app.advice.refits import Refits
from app.http import create_app
from app.http.parts import make_parts
from app.saturation.simulator.settings import ChannelSetting, TenantSetting
from app.saturation.simulator.simulate import SimulatedTenant, simulate
from app.storage.connections import get_storage
from app.storage.redis import get_redis
from app.tenants.registry import Registry
from config.celery_app import celery
from config.settings import Settings
from tasks.context import Context
from tests.integration.pipeline.conftest import Pipeline

YESTERDAY = date.today() - timedelta(days=1)
EASY = ChannelSetting(spend_cv=0.6, noise=0.06, follows_demand=0.1, conversions=150.0)
"""Clear to any judge that is worth shipping: what is tested here is the way of an answer."""


class Shop:
    """A tenant: what it posts, and what its refits do. `until` is the last day of its simulated data."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.context = Context(settings)
        self.settings = settings
        registry = Registry(get_redis(settings), lambda: get_storage(settings=settings), settings)
        self.tenant, self.write_key, self._secret_key = registry.create(f"shop-{time.time_ns():x}", "Shop", **options)
        self.client = create_app(settings, make_parts(settings)).test_client()
        self.until = YESTERDAY - timedelta(days=2)

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The answer; the body of an error is returned too."""
        headers = {"Authorization": f"Bearer {self._secret_key}"}
        return self.client.open(path, method=method, json=body, query_string=query, headers=headers)

    def get(self, path: str, **query: str) -> Any:
        answer = self.ask("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.ask("POST", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json

    def fill(self, *channels: ChannelSetting, days: int = 200, seed: int = 5) -> SimulatedTenant:
        """Spend and credit of simulated channels, up to `until`, as drain and close_run would have stored them."""
        made = simulate(TenantSetting(channels, days=days), (77, seed))
        for name, one in zip("abcdefgh", made.channels, strict=False):
            shifted = [self.until - timedelta(days=days - 1 - n) for n in range(days)]
            series = one.series
            self.spend(name, shifted, series.spend)
            self.credit(name, shifted, series.revenue, series.conversions)
        return made

    def spend(self, channel: str, days: list[date], amounts: Any, currency: str = "USD") -> None:
        self._insert(
            "spend",
            day=days,
            channel=[channel] * len(days),
            campaign=[""] * len(days),
            currency=[currency] * len(days),
            amount_minor=_minor(amounts),
        )

    def credit(self, channel: str, days: list[date], revenue: Any, conversions: Any, currency: str = "USD") -> None:
        for model in ("linear", "position_based"):
            minor, micros = _minor(revenue), [int(count * 1_000_000) for count in conversions]
            self._insert(
                "channels_daily",
                day=days,
                channel=[channel] * len(days),
                currency=[currency] * len(days),
                model=[model] * len(days),
                conversion_type=["Order Completed"] * len(days),
                micros=micros,
                net_micros=micros,
                gross_minor=minor,
                net_minor=minor,
            )

    def train(self, until: date | None = None) -> str:
        """Ask for a refit and do all of it, as the tasks would."""
        job_id = self.post("/v1/saturation/train", {"until": until.isoformat()} if until else None)["job_id"]
        self.work(job_id)
        return str(job_id)

    def work(self, job_id: str) -> Any:
        for number in refit.begin(self.context, job_id, self.settings.refit_channels) or ():
            refit.fit(self.context, job_id, number)
        return refit.publish(self.context, job_id)

    @property
    def refits(self) -> Refits:
        return self.context.refits

    def _insert(self, table: str, **columns: list[Any]) -> None:
        count = len(columns["day"])
        columns |= {"tenant_id": [self.tenant.tenant_id] * count, "version": [time.time_ns() // 1_000] * count}
        self.context.storage.insert(table, columns)


def _minor(amounts: Any) -> list[int]:
    return [round(float(value) * 100) for value in np.asarray(amounts)]


@pytest.fixture(scope="session")
def pipeline(settings: Settings) -> Pipeline:
    return Pipeline(replace(settings, block_wait_ms=0))


@pytest.fixture(scope="session", autouse=True)
def queue(settings: Settings) -> Iterator[None]:
    """Wake-ups go to the session's Redis, where no worker takes them."""
    before = celery.conf.broker_url
    celery.conf.broker_url = settings.redis_url
    yield
    celery.conf.broker_url = before


@pytest.fixture
def shop(settings: Settings) -> Shop:
    return Shop(settings)
