"""Writing blanks: cached as uncached, together as alone, one beam as greedy; ends, limits, candidates, seeds."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Sequence

import pytest
import torch

from glm_core.config import ModelConfig
from glm_core.errors import RunError
from glm_core.generation_config import GenerationConfig
from glm_core.model import reading
from glm_core.model.beam_search import write_with_beams
from glm_core.model.decoding import write
from glm_core.model.masks import branch_mask
from glm_core.model.prefix_tree import PrefixTree
from glm_core.model.prompts import Marks, Prompt, Said, Written, limited
from glm_core.model.reading import Fed, GLMReader
from glm_core.model.transformer import GLM
from glm_core.tokens.row import Row, build_row
from tests.core.model.scripted import Scripted

SOP, EOP, EOS, MASK, PAD = 0, 1, 2, 3, 4
V = 24
MARKS = Marks(SOP, {EOP, EOS})


@functools.cache
def network() -> GLM:
    torch.manual_seed(5)
    sizes = ModelConfig(n_layers=2, hidden_size=16, n_heads=2, vocab_size=V, max_positions=40, initializer_range=0.5)
    return GLM(sizes).eval().requires_grad_(False)


def prompts(n: int = 7, seed: int = 1) -> list[Prompt]:
    """Texts of different length with one to three blanks."""
    rng, made = random.Random(seed), []
    for number in range(n):
        ids = [rng.randrange(5, V) for _ in range(rng.randrange(4, 12))]
        blanks = sorted(rng.sample(range(len(ids)), rng.randrange(1, 4)))
        for at in blanks:
            ids[at] = MASK
        given = [rng.randrange(5, V) for _ in range(rng.randrange(3))]
        made.append(Prompt(ids, blanks, given, seed=number))
    return made


def run(some: Sequence[Prompt], config: GenerationConfig, marks: Marks = MARKS, **options: object) -> list[Written]:
    with torch.inference_mode():
        return write(GLMReader(network(), pad=PAD, memory=config.memory), some, marks, config, **options)  # type: ignore


def words(written: Sequence[Written]) -> list[tuple[object, ...]]:
    """Without the scores, whose last digits depend on the size of the batch."""
    return [(one.pieces, one.ended, [[kept.tokens for kept in blank] for blank in one.kept]) for one in written]


def next_scores(prompt: Prompt, pieces: Sequence[Sequence[int]]) -> torch.Tensor:
    """The scores after all that was written, computed anew: Part A and one branch as one row."""
    spans = []
    for number, (blank, piece) in enumerate(zip(prompt.blanks, pieces, strict=False)):
        given = tuple(prompt.given) if number == 0 else ()
        spans.append((blank, (*given, *piece, 0)))  # the last target is not read
    row: Row = build_row(prompt.ids, [spans], sop=SOP)
    ids, positions = torch.from_numpy(row.ids)[None], torch.from_numpy(row.positions)[None]
    mask = branch_mask(torch.from_numpy(row.branch)[None], torch.from_numpy(row.segment)[None])
    states, _ = network()(ids, positions, mask)
    return network().logits(states[0, -1])


def slow_greedy(prompt: Prompt, limit: int) -> list[list[int]]:
    pieces: list[list[int]] = [[]]
    while True:
        token = int(next_scores(prompt, pieces).argmax())
        if token in MARKS.ends or len(pieces[-1]) == limit - 1:
            if token not in MARKS.ends:
                pieces[-1].append(token)
            if len(pieces) == len(prompt.blanks):
                return pieces
            pieces.append([])
        else:
            pieces[-1].append(token)


def slow_beams(prompt: Prompt, config: GenerationConfig) -> list[tuple[int, ...]]:
    """Every beam computed anew, all candidates sorted in plain Python."""
    found: list[tuple[int, ...]] = []
    for _ in prompt.blanks:
        open_beams: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        ended: list[tuple[float, tuple[int, ...]]] = []
        over = False
        for _ in range(config.max_tokens):
            candidates = []
            for total, tokens in open_beams:
                log_probs = next_scores(prompt, [*found, tokens]).log_softmax(-1).tolist()
                candidates += [(total + value, tokens, id) for id, value in enumerate(log_probs)]
            candidates.sort(key=lambda one: -one[0])
            length, going = 1 + len(open_beams[0][1]), []
            for rank, (total, tokens, id) in enumerate(candidates):
                if len(going) == config.beams:
                    break
                if id not in MARKS.ends:
                    going.append((total, (*tokens, id)))
                elif rank < config.beams:
                    ended.append((total / length**config.length_penalty, tokens))
                    ended = sorted(ended, key=lambda one: -one[0])[: config.beams]
            open_beams = going
            bound = candidates[0][0] / length**config.length_penalty
            if len(ended) == config.beams and ended[-1][0] >= bound:
                over = True
                break
        if not over:
            ended += [(total / (1 + len(tokens)) ** config.length_penalty, tokens) for total, tokens in open_beams]
        found.append(max(ended, key=lambda one: one[0])[1])
    return found


# ---- the invariants


def test_cached_writing_is_what_computing_everything_anew_gives() -> None:
    for prompt, written in zip(prompts(), run(prompts(), GenerationConfig(max_tokens=6)), strict=True):
        assert [list(piece) for piece in written.pieces] == slow_greedy(prompt, 6)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_beam_search_is_what_sorting_all_candidates_gives(length_penalty: float) -> None:
    config = GenerationConfig(max_tokens=6, beams=3, length_penalty=length_penalty)
    for prompt, written in zip(prompts(5), run(prompts(5), config), strict=True):
        assert list(written.pieces) == slow_beams(prompt, config)


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 2.0])
def test_one_beam_is_greedy(length_penalty: float) -> None:
    config = GenerationConfig(max_tokens=9, length_penalty=length_penalty)
    with torch.inference_mode():
        beamed = write_with_beams(GLMReader(network(), pad=PAD), prompts(), MARKS, config)
    for one, greedy in zip(beamed, run(prompts(), config), strict=True):
        assert (one.pieces, one.ended) == (greedy.pieces, greedy.ended)


@pytest.mark.parametrize(
    "config",
    [
        GenerationConfig(max_tokens=8),
        GenerationConfig(max_tokens=8, temperature=1.5, top_k=9, top_p=0.9),
        GenerationConfig(max_tokens=8, beams=4),
        GenerationConfig(max_tokens=8, beams=3, temperature=1.0),
        GenerationConfig(max_tokens=8, min_tokens=2, no_repeat_ngram=2, repetition_penalty=1.5, rules="seq2seq"),
        GenerationConfig(max_tokens=5, beams=2, max_total=9, rules="interactive", memory=9),
    ],
    ids=["greedy", "drawn", "beams", "drawn beams", "limits", "interactive"],
)
def test_texts_written_together_are_as_written_alone(config: GenerationConfig) -> None:
    alone = [run([one], config)[0] for one in prompts()]
    assert words(run(prompts(), config)) == words(alone)


def test_clearing_away_dead_branches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    config = GenerationConfig(max_tokens=30, beams=4, min_tokens=20)
    want = words(run(prompts(4), config))
    cleared = []
    clear = reading.GLMBranches._clear
    monkeypatch.setattr(reading.GLMBranches, "_clear", lambda self: cleared.append(self.seen.shape) or clear(self))
    monkeypatch.setattr(reading, "GROW", 6)
    assert words(run(prompts(4), config)) == want
    assert len(cleared) > 3


def test_what_was_written_into_a_blank_is_seen_by_the_next_one() -> None:
    """Our own rules: the last token of a blank that ran into its limit too. The interactive program forgets it."""
    reader = Scripted(lambda row, read: torch.eye(V)[len(read) + 5])
    config = GenerationConfig(max_tokens=2)
    (written,) = write(reader, [Prompt([9, MASK, MASK], [1, 2])], MARKS, config)
    assert written.pieces == ((9, 10), (12, 13))
    assert [call[0] for call in reader.calls[1:]] == [
        [Fed(9, 1, 2)],
        [Fed(10, 1, 3), Fed(SOP, 2, 1)],
        [Fed(12, 2, 2)],
    ]
    reader = Scripted(lambda row, read: torch.eye(V)[len(read) + 5])
    write(reader, [Prompt([9, MASK, MASK], [1, 2])], MARKS, GenerationConfig(max_tokens=2, rules="interactive"))
    assert [call[0] for call in reader.calls[1:]] == [[Fed(9, 1, 2)], [Fed(SOP, 2, 1)], [Fed(11, 2, 2)]]


def test_part_a_is_read_once_and_then_one_token_of_each_text_that_is_left() -> None:
    """Four texts, the i-th ends after i tokens; those that ended leave the batch."""
    ends_after = [0, 1, 5, 6]

    def scores(row: int, read: list[Fed]) -> torch.Tensor:
        written = len(read) - 3
        return torch.eye(V)[EOP if written >= ends_after[row] else 7]

    reader = Scripted(scores)
    found = write(reader, [Prompt([9, MASK], [1])] * 4, MARKS, GenerationConfig(max_tokens=9))
    assert [len(one.pieces[0]) for one in found] == ends_after
    assert [len(call) for call in reader.calls] == [4, 3, 2, 2, 2, 2, 1]
    assert [one.ended for one in found] == [(True,)] * 4


@pytest.mark.parametrize("beams", [1, 3])
def test_the_vocabulary_is_looked_at_once_per_token_and_nowhere_in_part_a(beams: int) -> None:
    looked = []
    model = GLM(network().config).eval()
    model.load_state_dict(network().state_dict())
    logits = model.logits
    model.logits = lambda states: looked.append(len(states)) or logits(states)  # type: ignore[method-assign]
    config = GenerationConfig(max_tokens=6, min_tokens=6, beams=beams)
    with torch.inference_mode():
        write(GLMReader(model, pad=PAD), [Prompt([9] * 30, [4]), Prompt([8] * 20, [2])], MARKS, config)
    assert looked == [2, *[2 * beams] * 5]


# ---- limits


def test_min_tokens_holds_all_ends_back() -> None:
    scores = limited(
        torch.zeros(2, V), [Said([7], [], None), Said([7, 8], [], None)], MARKS, GenerationConfig(min_tokens=2)
    )
    assert scores[0].isinf().nonzero().flatten().tolist() == [EOP, EOS]
    assert not scores[1].isinf().any()


@pytest.mark.parametrize("beams", [1, 3])
def test_minimum_and_maximum_length_and_banned_ids_are_kept(beams: int) -> None:
    banned = torch.zeros(V, dtype=torch.bool)
    banned[5:15] = True
    marks = Marks(SOP, {EOP}, banned)
    config = GenerationConfig(max_tokens=6, min_tokens=3, no_repeat_ngram=2, beams=beams)
    for one in run(prompts(), config, marks):
        for piece in one.pieces:
            assert 3 <= len(piece) <= 6 and not set(piece) & set(range(5, 15))
            pairs = list(itertools.pairwise(piece))
            assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("beams", [1, 3])
def test_a_text_at_which_writing_stops_ends_a_blank(beams: int) -> None:
    marks = Marks(SOP, {EOP}, stops=lambda ids: 7 in ids)
    config = GenerationConfig(max_tokens=12, min_tokens=12 if beams == 1 else 0, beams=beams)
    found = [one for some in run(prompts(), config, marks) for one in zip(some.pieces, some.ended, strict=True)]
    assert any(7 in piece for piece, _ in found)
    for piece, ended in found:
        assert 7 not in piece[:-1] and (ended or 7 not in piece)


def test_all_blanks_share_one_budget_of_tokens_and_ends() -> None:
    reader = Scripted(lambda row, read: torch.eye(V)[EOP if read[-1].id == 8 else 8])
    config = GenerationConfig(max_tokens=9, max_total=5)
    (found,) = write(reader, [Prompt([MASK] * 4, [0, 1, 2, 3])], MARKS, config)
    assert found.pieces == ((8,), (8,), (8,), ()) and found.ended == (True, True, False, False)


# ---- candidates


def candidate_score(prompt: Prompt, ids: Sequence[int]) -> float:
    """The log-probability of a whole candidate, its end included."""
    total, written = 0.0, []
    for id in ids:
        total += float(next_scores(prompt, [written]).log_softmax(-1)[id])
        written = [*written, id]
    return total


def test_as_many_beams_as_candidates_find_the_best_candidate() -> None:
    candidates = [(7, 8, EOP), (7, EOP), (9, 9, 9, EOP), (10, EOP)]
    for prompt in prompts():
        one = Prompt(prompt.ids, prompt.blanks[:1], tree=PrefixTree(candidates))
        (found,) = run([one], GenerationConfig(max_tokens=6, beams=4, length_penalty=0.0))
        best = max(candidates, key=lambda ids: candidate_score(one, ids))
        assert (*found.pieces[0], EOP) == best and found.ended == (True,)
        assert found.kept[0][0].score == pytest.approx(candidate_score(one, best), abs=1e-4)


@pytest.mark.parametrize("options", [{}, {"temperature": 2.0}, {"beams": 2}, {"beams": 2, "temperature": 1.0}])
def test_nothing_but_candidates_is_written(options: dict[str, float]) -> None:
    tree = PrefixTree([(7, 8, EOP), (7, EOP), (9, 9, 9, EOP)])
    some = [Prompt(one.ids, one.blanks, seed=one.seed, tree=tree) for one in prompts()]
    for one in run(some, GenerationConfig(max_tokens=6, **options)):  # type: ignore[arg-type]
        assert all((*piece, EOP) in tree for piece in one.pieces) and all(one.ended)


@pytest.mark.parametrize("beams", [1, 3])
def test_joint_candidates_fill_all_blanks_together(beams: int) -> None:
    allowed = [((7, 8), (9,)), ((7,), (10, 11)), ((12,), (12,))]
    tree = PrefixTree([(*first, EOP, *second, EOP) for first, second in allowed])
    some = [Prompt(one.ids, [0, 2], tree=tree, joint=True) for one in prompts()]
    for one in run(some, GenerationConfig(max_tokens=6, beams=beams)):
        assert one.pieces in allowed and one.ended == (True, True)


@pytest.mark.parametrize("beams", [1, 3])
def test_candidates_alone_decide_what_may_be_written(beams: int) -> None:
    """Not limits of length or repetition, and not what is banned elsewhere."""
    marks = Marks(SOP, {EOP}, torch.ones(V, dtype=torch.bool))
    one = Prompt([MASK, 9], [0], tree=PrefixTree([(7, 7, EOP)]))
    (found,) = run([one], GenerationConfig(max_tokens=6, min_tokens=3, no_repeat_ngram=1, beams=beams), marks)
    assert found.pieces == ((7, 7),) and found.ended == (True,)


@pytest.mark.parametrize("beams", [1, 3])
def test_where_nothing_may_be_written_a_blank_stays_as_it_is(beams: int) -> None:
    """All tokens but two are banned, and each may be written once."""
    banned = torch.ones(V, dtype=torch.bool)
    banned[7:9] = False
    config = GenerationConfig(max_tokens=6, no_repeat_ngram=1, beams=beams)
    for one in run(prompts(), config, Marks(SOP, {EOP}, banned)):
        assert all(sorted(piece) == [7, 8] for piece in one.pieces) and not any(one.ended)


# ---- drawing


@pytest.mark.parametrize("beams", [1, 3])
def test_a_seed_gives_the_same_text_again_and_another_seed_another(beams: int) -> None:
    config = GenerationConfig(max_tokens=12, min_tokens=12, temperature=1.5, beams=beams)
    texts = {run([Prompt([9, MASK, 8], [1], seed=seed)], config)[0].pieces for seed in range(6) for _ in range(2)}
    assert 4 <= len(texts) <= 6


def test_a_model_that_gives_no_number_is_a_clear_error() -> None:
    reader = Scripted(lambda row, read: torch.full((V,), torch.nan))
    for beams in (1, 2):
        with pytest.raises(RunError, match="no number"):
            write(reader, [Prompt([MASK], [0])], MARKS, GenerationConfig(beams=beams))
