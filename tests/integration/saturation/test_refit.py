"""A refit from the request to the answer: right, repeatable, resumable, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.saturation.conftest import EASY, Shop


@pytest.fixture(scope="module")
def trained(settings):
    shop = Shop(settings)
    shop.truth = shop.fill(replace(EASY, elasticity=0.15), replace(EASY, elasticity=0.8))
    shop.job_id = shop.train()
    return shop


def test_the_statuses_are_those_of_the_simulated_curves(trained):
    answer = trained.get("/v1/saturation")
    assert (answer["as_of"], answer["job_id"], answer["model"]) == (
        trained.until.isoformat(),
        trained.job_id,
        "position_based",
    )
    for said, one in zip(answer["channels"], trained.truth.channels, strict=True):
        assert said["status"] == one.truth.status
        assert said["elasticity"]["low"] - 0.05 <= one.truth.elasticity <= said["elasticity"]["high"] + 0.05
        assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert said["compared"]["agrees"] is True
        assert said["channel"] in said["message"]
        assert {guard["name"] for guard in said["guards"]} > {"days", "conversions"}
        assert said["versions"]["data"] == trained.until.isoformat()
