import math
import random
import subprocess
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from glm_core.training.batching import (
    ShuffledSteps,
    Steps,
    padded_tokens,
    share,
    shuffled_steps,
    token_batches,
)

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=60)


@dataclass(frozen=True)
class _Sized:
    name: int
    n_tokens: int


def _lognormal(n, *, seed=1, middle=75, spread=0.6):
    """Lengths as data sets have them: many short, a few long, none above 256."""
    rng = random.Random(seed)
    return [min(256, max(8, round(middle * math.exp(rng.gauss(0, spread))))) for _ in range(n)]


def _ratio(groups, lengths):
    """Tokens processed over tokens that are there."""
    real = sum(lengths[i] for group in groups for i in group)
    return sum(padded_tokens([lengths[i] for i in group]) for group in groups) / real


@given(LENGTHS, st.integers(1, 200), st.integers(0, 50))
def test_token_batches_hold_every_index_once_within_the_budget(lengths, budget, overhead):
    batches = token_batches(lengths, budget=budget, overhead=overhead)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or padded_tokens([lengths[i] for i in batch]) <= budget
    assert batches == token_batches(lengths, budget=budget, overhead=overhead)


@given(LENGTHS)
def test_token_batches_go_from_long_to_short_and_equal_lengths_keep_their_order(lengths):
    order = [i for batch in token_batches(lengths, budget=100) for i in batch]
    assert order == sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))


def _all_cuts(sizes):
    """Every way to cut a list into pieces."""
    if not sizes:
        yield []
    for k in range(1, len(sizes) + 1):
        for rest in _all_cuts(sizes[k:]):
            yield [sizes[:k], *rest]


@settings(max_examples=50)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=9), st.integers(1, 60), st.integers(0, 30))
def test_no_other_way_to_cut_the_sorted_list_is_cheaper(lengths, budget, overhead):
    def cost(pieces):
        return sum(padded_tokens(piece) + overhead for piece in pieces)

    allowed = (
        pieces
        for pieces in _all_cuts(sorted(lengths, reverse=True))
        if all(len(piece) == 1 or padded_tokens(piece) <= budget for piece in pieces)
    )
    ours = [[lengths[i] for i in batch] for batch in token_batches(lengths, budget=budget, overhead=overhead)]
    assert cost(ours) == min(map(cost, allowed))


def test_the_cheapest_division_by_hand():
    # apart: 10 + 2 tokens and two batches; together: 20 tokens and one batch
    assert token_batches([2, 10], budget=100, overhead=7) == [[1], [0]]
    assert token_batches([2, 10], budget=100, overhead=9) == [[1, 0]]
    assert token_batches([], budget=100) == []
    assert token_batches([500, 3], budget=100) == [[0], [1]]


@pytest.mark.parametrize("n", [250, 1000])
@pytest.mark.parametrize("spread", [0.3, 0.6, 0.9])
def test_a_sorted_set_wastes_less_than_a_tenth(n, spread):
    lengths = _lognormal(n, spread=spread)
    assert _ratio(token_batches(lengths, budget=8192), lengths) <= 1.10


@pytest.mark.parametrize("batch_size", [8, 16, 64])
@pytest.mark.parametrize("spread", [0.3, 0.6, 0.9])
def test_shuffled_windows_waste_less_than_a_fifth(batch_size, spread):
    instances = [_Sized(k, length) for k, length in enumerate(_lognormal(400, spread=spread))]
    steps = ShuffledSteps(instances, batch_size=batch_size, micro_batch_tokens=8192, seed=1, overhead=64)
    groups = [[one.n_tokens for one in group] for step in range(2 * steps.steps_per_epoch) for group in steps.at(step)]
    assert sum(map(padded_tokens, groups)) <= 1.20 * sum(map(sum, groups))


@given(LENGTHS, st.integers(1, 20), st.integers(0, 5), st.integers(0, 3))
def test_an_epoch_holds_every_example_once_in_steps_of_the_batch_size(lengths, batch_size, seed, epoch):
    steps = shuffled_steps(lengths, batch_size=batch_size, seed=seed, epoch=epoch)
    assert sorted(i for step in steps for i in step) == list(range(len(lengths)))
    assert {len(step) for step in steps[:-1]} <= {batch_size}
    assert len(steps[-1]) == (len(lengths) % batch_size or batch_size)
    assert steps == shuffled_steps(lengths, batch_size=batch_size, seed=seed, epoch=epoch)


def test_seeds_and_epochs_differ():
    lengths = _lognormal(60)
    plans = [shuffled_steps(lengths, batch_size=8, seed=s, epoch=e) for s, e in ((1, 0), (1, 1), (2, 0))]
    assert plans[0] != plans[1] != plans[2] != plans[0]


def test_the_order_is_this_one_on_every_machine():
    assert shuffled_steps([5] * 6, batch_size=2, seed=1, epoch=0) == [[5, 1], [2, 3], [4, 0]]


def test_a_small_training_set_does_not_make_the_same_steps_every_epoch():
    lengths = _lognormal(32)
    first_steps = {frozenset(shuffled_steps(lengths, batch_size=16, seed=1, epoch=epoch)[0]) for epoch in range(10)}
    assert len(first_steps) == 10


def test_every_example_is_as_often_in_the_short_last_step_as_any_other():
    lengths = list(range(1, 10))
    seen = [0] * 9
    for epoch in range(900):
        (left,) = shuffled_steps(lengths, batch_size=4, seed=3, epoch=epoch)[-1]
        seen[left] += 1
    assert min(seen) > 60 and max(seen) < 140


@given(LENGTHS, st.integers(1, 5), st.integers(1, 9))
def test_shares_are_disjoint_and_make_up_the_step(lengths, world_size, batch_size):
    step = shuffled_steps(lengths, batch_size=batch_size, seed=1, epoch=0)[0]
    shares = [share(step, lengths, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert sorted(i for one in shares for i in one) == sorted(step)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(LENGTHS, st.integers(1, 4), st.integers(0, 20))
def test_a_step_holds_the_same_examples_whatever_the_number_of_processes(lengths, world_size, step):
    instances = [_Sized(k, length) for k, length in enumerate(lengths)]
    steps = ShuffledSteps(instances, batch_size=8, micro_batch_tokens=64, seed=2)
    alone = [one for group in steps.at(step) for one in group]
    together = [
        one for rank in range(world_size) for group in steps.at(step, rank=rank, world_size=world_size) for one in group
    ]
    assert sorted(one.name for one in together) == sorted(one.name for one in alone)


def test_a_step_can_be_made_from_its_number_alone():
    instances = [_Sized(k, length) for k, length in enumerate(_lognormal(50))]
    straight = ShuffledSteps(instances, batch_size=8, micro_batch_tokens=512, seed=2)
    made = [straight.at(step) for step in range(20)]
    again = ShuffledSteps(instances, batch_size=8, micro_batch_tokens=512, seed=2)
    assert again.at(13) == made[13] and again.at(2) == made[2]
    assert isinstance(again, Steps)


def test_batching_loads_no_torch():
    code = "import sys, glm_core.training.batching; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
