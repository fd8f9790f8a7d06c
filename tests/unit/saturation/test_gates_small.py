"""The gates of SATURATION 3 in small: the shipped judge on a few tenants that nothing was tuned on.

The whole proof is `make bench-saturation`. Here are so few channels that a share moves by two per cent with each;
so limits are those of the gates less what chance may do, and a judge that got worse fails.
"""

import pytest

from app.saturation import assess
from app.saturation.gates import calibration_error, suite_gates
from app.saturation.proof import PROOF_MARGIN, collect
from app.saturation.simulator.suites import Suite, tenants

pytestmark = pytest.mark.timeout(300)
SEED = 71
COUNT = {Suite.CLEAN: 3, Suite.MIXED: 6}
LEAST_RIGHT = {Suite.CLEAN: 0.93, Suite.MIXED: 0.85}
LEAST_GIVEN = {Suite.CLEAN: 0.65, Suite.MIXED: 0.30}
LEAST_GAIN = {Suite.CLEAN: 0.65, Suite.MIXED: 0.35}


@pytest.fixture(scope="module", params=list(Suite))
def suite(request):
    return request.param


@pytest.fixture(scope="module")
def evidence(suite):
    def judged(made):
        return assess(made.series, margin=PROOF_MARGIN, context=made.context)

    return collect(tenants(suite, COUNT[suite], SEED), judged)


@pytest.fixture(scope="module")
def figures(suite, evidence):
    return {gate.name: gate for gate in suite_gates(suite, evidence)}


def test_statuses_are_right_and_given(suite, figures):
    assert figures["right where a status was given (lower bound)"].figure >= LEAST_RIGHT[suite]
    assert figures["share with a status"].figure >= LEAST_GIVEN[suite]
    assert figures["falsely saturated, of all channels"].figure <= 0.04
    assert figures["spend-driven: right where given (lower bound)"].figure >= 0.84


def test_probabilities_and_intervals_say_how_sure_it_is(evidence, figures):
    assert calibration_error([row for row in evidence.rows if row.probabilities]) <= 0.10
    for name in ("90 % interval of e covers", "90 % interval of mROAS covers"):
        assert figures[name].figure >= 0.78


def test_forecasts_beat_the_simple_ones(figures):
    assert figures["forecast error over seasonal-naive's"].figure <= 1.0
    assert figures["forecast error over linear's"].figure <= 1.0


def test_plans_gain_what_they_claim_and_never_lose_much(suite, figures):
    assert figures["plan: share of the possible gain"].figure >= LEAST_GAIN[suite]
    assert figures["plan: worst tenant, share of spend"].figure >= -0.02
    assert 0.5 <= figures["plan: realised over claimed"].figure <= 1.6
