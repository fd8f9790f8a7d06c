"""The Markov model against the oracle of SEMANTICS 6 and against each smaller chain solved by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.attribution.bootstrap import bootstrap
from app.attribution.markov import effects_of, markov, removal_effects
from app.attribution.money import MICRO, share
from app.attribution.names import FIVE_MODELS
from app.attribution.paths import Count, merged
from app.attribution.totals import keys_of, share_total
from app.attribution.transitions import Steps, flow_of
from tests.unit.attribution.walks import TEN_PATHS, Walk, paths_of, plain_removal_effects

WALKS = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcde"), max_size=6).map(tuple),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(0, 10**9),
    ),
    max_size=12,
)


def test_the_ten_paths() -> None:
    paths = paths_of(TEN_PATHS)
    effects = removal_effects(paths)
    assert effects.channels == tuple("ABCD")
    assert effects.effect == pytest.approx([0.590414, 0.398297, 0.484774, 0.302763], abs=5e-7)
    credit = markov(paths)
    assert credit.share * 9 == pytest.approx([2.991545, 2.018117, 2.456280, 1.534058], abs=5e-7)
    assert credit.conversions_micro / MICRO == pytest.approx([2.991545, 2.018117, 2.456280, 1.534058], abs=1e-6)
    assert credit.conversions_micro.sum() == 9 * MICRO
    assert credit.gross_minor.sum() == sum(value for *_, value in TEN_PATHS)
    assert credit.gross_minor == pytest.approx(credit.share * 44001, abs=1)


def test_pathdata(pathdata) -> None:  # type: ignore[no-untyped-def]
    credit = markov(pathdata)
    counted = dict(zip(credit.channels, (credit.conversions_micro / MICRO).tolist(), strict=True))
    oracle = {"alpha": 5344.9477, "iota": 3884.6147, "eta": 3340.8474}
    assert {name: counted[name] for name in oracle} == pytest.approx(oracle, abs=1e-4)
    assert credit.conversions_micro.sum() == 19_785 * MICRO
    assert credit.gross_minor.sum() == pathdata.credited()[Count.GROSS_MINOR]


@settings(max_examples=100, deadline=None)
@given(WALKS)
def test_each_smaller_chain_solved_by_itself(walks: list[Walk]) -> None:
    paths = paths_of([walk for walk in walks if walk[1] + walk[2]])
    found = removal_effects(paths)
    expected = plain_removal_effects(walks)
    assert ((found.effect >= 0) & (found.effect <= 1)).all()
    for channel, effect in zip(found.channels, found.effect.tolist(), strict=True):
        assert effect == pytest.approx(float(expected[channel]), rel=1e-13)


@settings(max_examples=100, deadline=None)
@given(WALKS, st.integers(0, 2**64 - 1))
def test_sums_are_exact_and_each_is_within_a_unit(walks: list[Walk], key: int) -> None:
    paths = paths_of([walk if walk[1] else (*walk[:3], 0) for walk in walks])
    credit = markov(paths, key=key)
    everything = paths.credited() + paths.unattributed()
    for row, (amounts, factor, count) in enumerate(
        [
            (credit.conversions_micro, MICRO, Count.CONVERSIONS),
            (credit.net_conversions_micro, MICRO, Count.NET_CONVERSIONS),
            (credit.gross_minor, 1, Count.GROSS_MINOR),
            (credit.net_minor, 1, Count.NET_MINOR),
        ]
    ):
        assert int(amounts.sum()) + int(credit.unattributed[row]) == factor * int(everything[count])
        exact = credit.share * float(factor * paths.credited()[count])
        assert np.abs(amounts - exact).max(initial=0) < 1.001


def test_journeys_that_circle_for_very_long_keep_every_digit() -> None:
    """One journey in 10**12 steps leaves the circle; subtraction would leave 4 digits of it, or none."""
    n = 4
    flow = np.zeros((n + 1, n + 2), np.int64)
    flow[n, 0] = 3
    for k in range(n - 1):
        flow[k, (k + 1) % (n - 1)] = 10**12
    flow[1, n], flow[2, n + 1], flow[2, 3], flow[3, n] = 1, 1, 1, 1
    effect, converted = effects_of(flow)
    # A third of the 3 journeys each: to the conversion at 1, to the null at 2, to channel 3 and converted there.
    assert float(converted) == pytest.approx(2, rel=1e-11)
    assert effect.tolist() == pytest.approx([1, 1, 1, 0.5], rel=1e-11)


def test_a_step_to_itself_changes_nothing() -> None:
    once = removal_effects(paths_of([(("a", "b"), 3, 2, 0), (("b",), 1, 4, 0)]))
    twice = removal_effects(paths_of([(("a", "a", "a", "b", "b"), 3, 2, 0), (("b", "b"), 1, 4, 0)]))
    assert once.effect.tolist() == twice.effect.tolist()


def test_no_conversion_and_no_touch() -> None:
    assert removal_effects(paths_of([(("a", "b"), 0, 7, 0)])).effect.tolist() == [0.0, 0.0]
    alone = markov(paths_of([((), 5, 0, 900)]))
    assert alone.channels == ()
    assert alone.unattributed.tolist() == [5 * MICRO, 5 * MICRO, 900, 900]
    nothing = removal_effects(paths_of([]))
    assert (nothing.channels, nothing.conversion_rate) == ((), 0.0)


def test_currencies_share_the_effects_of_all() -> None:
    dollars = paths_of([(("a",), 4, 1, 1000), (("a", "b"), 2, 5, 301)])
    euros = paths_of([(("b", "c"), 3, 1, 50), ((), 1, 0, 9)])
    effects = removal_effects(merged([dollars, euros]))
    shared = [markov(each, effects, key=3) for each in (dollars, euros)]
    assert [credit.gross_minor.sum() for credit in shared] == [1301, 50]
    assert shared[0].share.tolist() == shared[1].share.tolist()
    assert shared[1].gross_minor[0] > 0  # the share is that of the period, not of the currency
    with pytest.raises(ValueError, match="all currencies"):
        markov(euros, removal_effects(dollars))


def test_what_was_taken_back_cannot_be_shared() -> None:
    with pytest.raises(ValueError, match="below 0"):
        markov(paths_of([]).minus(paths_of(TEN_PATHS)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=12),
    st.integers(0, 10**15),
    st.integers(0, 2**64 - 1),
)
def test_a_total_is_shared_as_a_value_is(parts: list[int], total: int, key: int) -> None:
    parts[0] += 1
    keys = keys_of([f"channel-{i}" for i in range(len(parts))])
    offsets = np.array([0, len(parts)])
    rows = np.array([parts] * len(FIVE_MODELS))
    as_value = share(np.array([total]), rows, offsets, np.array([key], np.uint64), keys)
    for row, model in enumerate(FIVE_MODELS):
        assert share_total(total, parts, keys, key, model).tolist() == as_value[row].tolist()


def test_a_total_may_be_larger_than_a_value_and_parts_than_a_word() -> None:
    keys = keys_of(["a", "b", "c"])
    amounts = share_total(2**63 - 1, [10**40, 10**40, 1], keys, 0, "markov")
    assert sum(amounts.tolist()) == 2**63 - 1
    assert sorted(amounts.tolist())[0] == 0
    for total, parts in ((-1, [1, 1, 1]), (2**63, [1, 1, 1]), (5, [0, 0, 0]), (5, [3, -1, 1])):
        with pytest.raises(ValueError, match="total"):
            share_total(total, parts, keys, 0, "markov")


def test_many_flows_at_once_are_each_alone() -> None:
    paths = paths_of(TEN_PATHS)
    rng = np.random.default_rng(5)
    conversions, nulls = rng.integers(0, 4, (2, 30, len(paths)))
    conversions[3] = nulls[3] = 0
    together = Steps.of(paths).flows(conversions, nulls)
    assert np.array_equal(
        Steps.of(paths).flows(paths.column(Count.CONVERSIONS), paths.column(Count.NULLS)), flow_of(paths)
    )
    effects, _ = effects_of(together)
    for i in range(30):
        alone = Steps.of(paths).flows(conversions[i], nulls[i])
        assert np.array_equal(alone, together[i])
        assert np.array_equal(effects_of(alone)[0], effects[i])
    assert effects[3].tolist() == [0.0] * 4


def test_intervals_hold_the_estimate_and_are_the_same_again() -> None:
    walks: list[Walk] = [(path, 40 * converted, 40 * null, value) for path, converted, null, value in TEN_PATHS]
    paths = paths_of(walks)
    found = bootstrap(paths, replicates=400, seed=11)
    shuffled = merged([paths_of(walks[5:]), paths_of(walks[:5])])
    again = bootstrap(shuffled, replicates=400, seed=11)
    assert np.array_equal(found.markov_share, again.markov_share)
    assert np.array_equal(found.shapley_share, again.shapley_share)
    assert not np.array_equal(found.markov_share, bootstrap(paths, replicates=400, seed=12).markov_share)
    assert found.replicates == 400
    low, high = found.markov_share
    assert (low < markov(paths).share).all()
    assert (markov(paths).share < high).all()
    effect = removal_effects(paths).effect
    assert ((found.removal_effect[0] < effect) & (effect < found.removal_effect[1])).all()


def test_intervals_are_as_wide_as_the_binomial_says() -> None:
    """Paths of one touch: the share of a channel is a proportion of the conversions."""
    paths = paths_of([(("a",), 300, 0, 0), (("b",), 700, 0, 0)])
    found = bootstrap(paths, replicates=4000, level=0.9, seed=1)
    half = 1.6449 * (0.3 * 0.7 / 1000) ** 0.5
    for share_ in (found.markov_share, found.shapley_share):
        assert share_[:, 0] == pytest.approx([0.3 - half, 0.3 + half], abs=0.003)


def test_draws_without_a_conversion_are_counted_out() -> None:
    rare = bootstrap(paths_of([(("a",), 1, 9, 0)]), replicates=300)
    assert 150 < rare.replicates < 230  # 1 - 0.9**10
    assert rare.markov_share.tolist() == [[1.0], [1.0]]
    for walks in ([], [(("a",), 0, 3, 0)], [((), 2, 0, 5)]):
        assert bootstrap(paths_of(walks), replicates=5).replicates == 0
    for wrong in ({"replicates": 1}, {"level": 1.0}, {"level": 0.0}):
        with pytest.raises(ValueError, match="bootstrap"):
            bootstrap(paths_of(TEN_PATHS), **wrong)  # type: ignore[arg-type]
