"""Small functions on the scores of the next token: by pencil, and against what the originals computed."""

from __future__ import annotations

import functools
import json
import math
import random
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from glm_core.model.token_scores import (
    NEVER,
    allow_only,
    ban,
    draw,
    keep_top_k,
    keep_top_p,
    ngram_ends,
    penalize,
    perturb,
    warp,
)
from tests.core.model.golden import arrays
from tests.shared_files import needs_shared, shared

needs_model = needs_shared("golden", "model", "a", "sampling.npz")
needs_decoding = needs_shared("golden", "pretrain", "decoding.json")
needs_warpers = needs_shared("golden", "flagai", "warpers.json")


@functools.cache
def recorded(*path: str) -> dict[str, Any]:
    file = shared("golden", *path)
    return json.loads(file.read_text()) if file.exists() else {}


def kept(scores: Tensor) -> list[list[int]]:
    return [row.gt(NEVER).nonzero().flatten().tolist() for row in scores]


# ---- by pencil

SCORES = torch.log(torch.tensor([[0.5, 0.1, 0.3, 0.1]]))


def test_top_k_keeps_what_is_as_good_as_the_last() -> None:
    assert kept(keep_top_k(SCORES, 2)) == [[0, 2]]
    assert kept(keep_top_k(SCORES, 3)) == [[0, 1, 2, 3]]
    assert keep_top_k(SCORES, 0) is SCORES and keep_top_k(SCORES, 9) is SCORES


def test_top_p_keeps_the_token_that_crosses_the_share_and_at_least_one() -> None:
    assert kept(keep_top_p(SCORES, 0.4)) == [[0]]
    assert kept(keep_top_p(SCORES, 0.6)) == [[0, 2]]
    assert kept(keep_top_p(SCORES, 0.0)) == [[0]]
    assert keep_top_p(SCORES, 1.0) is SCORES


def test_every_row_has_its_own_nucleus() -> None:
    flat = torch.zeros(1, 4)
    assert [len(row) for row in kept(keep_top_p(torch.cat([SCORES, flat]), 0.45))] == [1, 2]


def test_a_repeated_token_becomes_less_likely_whatever_its_sign() -> None:
    scores = torch.tensor([[2.0, -2.0, 4.0]])
    assert penalize(scores, [{0, 1}], 2.0).tolist() == [[1.0, -4.0, 4.0]]
    assert scores.tolist() == [[2.0, -2.0, 4.0]]


def test_banned_and_allowed_ids_are_told_row_by_row() -> None:
    scores = torch.zeros(3, 3)
    assert kept(ban(scores, [[0], [], [1, 2]])) == [[1, 2], [0, 1, 2], [0]]
    assert kept(allow_only(scores, [{0: {}}, [1, 2], {}])) == [[0], [1, 2], []]


def test_a_token_that_would_repeat_an_n_gram_is_found() -> None:
    assert ngram_ends([1, 2, 3, 1, 2], 3) == {3}
    assert ngram_ends([1, 2, 1, 3, 1], 2) == {2, 3}
    assert ngram_ends([4, 5], 1) == {4, 5}
    assert ngram_ends([1, 2, 1, 2], 0) == ngram_ends([1], 3) == set()


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 4))
def test_ngram_ends_are_those_of_a_slow_search(written: list[int], n: int) -> None:
    grams = Counter(tuple(written[at : at + n]) for at in range(len(written) - n + 1))
    slow = {id for id in range(4) if len(written) >= n - 1 and tuple([*written, id][len(written) - n + 1 :]) in grams}
    assert ngram_ends(written, n) == slow


# ---- drawing


def test_a_number_picks_the_token_whose_share_it_falls_into() -> None:
    for number, token in ((0.0, 0), (0.49, 0), (0.51, 1), (0.59, 1), (0.61, 2), (0.89, 2), (0.91, 3), (0.9999, 3)):
        assert draw(SCORES, [number]).tolist() == [token]


def test_what_has_no_probability_is_never_drawn() -> None:
    scores = torch.tensor([[NEVER, 0.0, NEVER, 0.0, NEVER]] * 3)
    assert draw(scores, [0.0, 0.5, math.nextafter(1, 0)]).tolist() == [1, 3, 3]


def test_draws_follow_the_probabilities() -> None:
    rng = random.Random(1)
    counts = Counter(draw(SCORES.expand(4000, -1), [rng.random() for _ in range(4000)]).tolist())
    for token, share in enumerate((0.5, 0.1, 0.3, 0.1)):
        assert counts[token] / 4000 == pytest.approx(share, abs=0.03)


def test_the_best_of_perturbed_scores_is_a_draw_and_repeats_with_its_seed() -> None:
    rng = random.Random(1)
    first = Counter(perturb(SCORES[0], rng).argmax().item() for _ in range(4000))
    for token, share in enumerate((0.5, 0.1, 0.3, 0.1)):
        assert first[token] / 4000 == pytest.approx(share, abs=0.03)
    assert perturb(SCORES, random.Random(3)).tolist() == perturb(SCORES, random.Random(3)).tolist()


# ---- what the originals computed


@needs_model
@pytest.mark.parametrize("letter", ["a", "b"])
def test_filters_of_the_original(letter: str) -> None:
    """Its top_p of 0 means none; ours is 1."""
    z = arrays(letter, "sampling.npz")
    for name, want in z.items():
        if name.startswith("top_k_"):
            k, p = name.removeprefix("top_k_").split(".top_p_")
            got = warp(z["logits"], temperature=1.0, top_k=int(k), top_p=float(p) or 1.0)
            assert kept(got) == kept(want)
    assert kept(keep_top_k(z["logits_b3"], 4)) == kept(z["b3.top_k_4"])
    for n in (1, 2, 3):
        banned = ban(z["logits_b3"], [ngram_ends(row, n) for row in z["tokens"].tolist()])
        assert kept(banned) == kept(z[f"no_repeat_{n}"])


@needs_decoding
@pytest.mark.parametrize("case", recorded("pretrain", "decoding.json").get("warpers", []))
def test_probabilities_after_temperature_top_k_and_top_p(case: dict[str, Any]) -> None:
    warped = warp(
        torch.tensor([case["logits"]]),
        temperature=case["temperature"],
        top_k=case["top_k"],
        top_p=case["top_p"] or 1.0,
    )
    assert kept(warped) == [case["kept"]]
    torch.testing.assert_close(torch.softmax(warped, -1)[0], torch.tensor(case["probs"]), atol=1e-6, rtol=1e-5)


@needs_decoding
def test_n_grams_that_the_original_bans() -> None:
    checked = 0
    for case in recorded("pretrain", "decoding.json").get("processors", []):
        if case["processor"] == "no_repeat_ngram":
            got = [sorted(ngram_ends(ids, case["n"])) for ids in case["input_ids"]]
            assert got == [sorted(set(ids)) for ids in case["banned"]]
            checked += 1
    assert checked > 10


@needs_warpers
@pytest.mark.parametrize("case", recorded("flagai", "warpers.json").get("cases", []), ids=lambda case: case["name"])
def test_flagais_processors_in_any_order(case: dict[str, Any]) -> None:
    scores = numbers(case["scores"])
    for name, value in case["processors"]:
        if name == "RepetitionPenalty":
            scores = penalize(scores, [set(row) for row in case["input_ids"]], value)
        elif name == "Temperature":
            scores = scores / value
        elif name == "TopP":
            scores = keep_top_p(scores, value)
        else:
            scores = keep_top_k(scores, value)
    torch.testing.assert_close(scores, numbers(case["expected"]), atol=1e-6, rtol=1e-6)


@needs_warpers
def test_what_flagai_draws_from_when_it_fills_a_blank() -> None:
    for case in recorded("flagai", "warpers.json")["blank_filling_distribution"]:
        warped = warp(numbers(case["logits"]), temperature=case["temperature"], top_k=case["top_k"], top_p=1.0)
        torch.testing.assert_close(torch.softmax(warped, -1), numbers(case["probabilities"]), atol=1e-6, rtol=1e-5)
    for case in recorded("flagai", "warpers.json")["top_k_top_p_filtering"]:
        warped = warp(numbers([case["logits"]]), temperature=1.0, top_k=case["top_k"], top_p=case["top_p"] or 1.0)
        assert kept(warped) == kept(numbers([case["expected"]]))


def numbers(rows: list[list[float | None]]) -> Tensor:
    return torch.tensor([[NEVER if one is None else one for one in row] for row in rows])
