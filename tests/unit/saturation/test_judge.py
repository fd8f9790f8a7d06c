"""Is the judge the same bytes every time, small, calibrated in form, and in order?"""

import numpy as np
import pytest

from app.saturation.evidence import gather
from app.saturation.features import features_of
from app.saturation.judge import ARTEFACT, CLASS_HEADS, QUANTILE_HEADS, Judge, calibrated, classes_of, shipped, widen
from app.saturation.simulator.suites import Purpose
from app.saturation.training import examples, judge_from, train
from tests.unit.saturation.channels import channel, tenant


def features(elasticity):
    made = tenant(channel(elasticity=elasticity))
    return [features_of(one) for one in gather(made.series, made.context)]


def test_the_shipped_judge_is_small_and_carries_its_record():
    assert ARTEFACT.stat().st_size < 5_000_000
    record = shipped().record
    assert {"version", "seed", "tenants", "channels", "lightgbm", "calibration_figures"} <= set(record)
    assert set(shipped().names) == set(features(0.5)[0].values)


def test_saving_and_loading_gives_the_same_bytes_and_answers(tmp_path):
    shipped().save(tmp_path / "again.gz")
    assert (tmp_path / "again.gz").read_bytes() == ARTEFACT.read_bytes()
    seen = features(0.5)
    (one,), (other,) = shipped().opinions(seen), Judge.load(tmp_path / "again.gz").opinions(seen)
    assert np.array_equal(one.probabilities, other.probabilities)
    assert np.array_equal(one.mroas, other.mroas)


def test_training_is_reproducible_to_the_byte(tmp_path):
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        told: list[int] = []
        train(path, tenants=4, seed=5, tell=told.append)
        assert told == list(range(1, 6))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    train(tmp_path / "c", tenants=4, seed=6)
    assert (tmp_path / "c").read_bytes() != paths[0].read_bytes()


def test_training_and_calibration_do_not_meet():
    learned = next(iter(examples(1, 5, Purpose.TRAIN)))
    held = next(iter(examples(1, 5, Purpose.CALIBRATE)))
    assert learned.truth.elasticity != held.truth.elasticity
    judge = judge_from([learned] * 50, [held] * 50, {"seed": 5})
    assert set(judge.scaling) == set(CLASS_HEADS)
    assert set(judge.widening) == set(QUANTILE_HEADS)


@pytest.mark.parametrize(("elasticity", "most"), [(0.1, 2), (0.45, 1), (0.9, 0)])
def test_opinions_are_probabilities_and_ordered_quantiles(elasticity, most):
    (opinion,) = shipped().opinions(features(elasticity))
    assert opinion.probabilities.sum() == pytest.approx(1.0)
    assert opinion.driven_probabilities.sum() == pytest.approx(1.0)
    assert int(np.argmax(opinion.probabilities)) == most
    for quantiles in (opinion.elasticity, opinion.mroas, opinion.driven):
        assert (np.diff(quantiles) >= 0).all()
        assert quantiles[0] >= 0


def test_no_channels():
    assert shipped().opinions([]) == []


def test_calibration_by_nothing_changes_nothing_and_sharpness_sharpens():
    given, width = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]), np.array([0.1, 0.6])
    assert calibrated(given, width, np.zeros(4)) == pytest.approx(given)
    sharper = calibrated(given, width, np.array([0.0, -0.5, 0.0, 0.0]))
    assert sharper[0, 0] > 0.7
    assert sharper[1, 2] < 0.8
    assert sharper.sum(axis=1) == pytest.approx(np.ones(2))


def test_widening_moves_the_ends_and_keeps_the_middle():
    quantiles = np.array([[0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.6]])
    wider = widen(quantiles, (0.1, 0.2))
    assert wider[0, [0, 3, 6]] == pytest.approx([0.05, 0.3, 0.7])
    assert (np.diff(widen(quantiles, (-0.9, -0.9))) >= 0).all()


def test_classes_between_quantiles():
    quantiles = np.array([[0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4], [0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9]])
    probabilities = classes_of(quantiles)
    assert probabilities[0, 2] == pytest.approx(0.8, abs=0.01)
    assert probabilities[1, 0] == pytest.approx(0.8, abs=0.01)
