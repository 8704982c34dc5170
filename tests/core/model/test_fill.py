"""Filling clozes: what the network reads and writes, and what becomes of it in the text."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from glm_core import Cloze, Filled, GenerationConfig
from glm_core.backbone import Backbone, Chunk
from glm_core.config import ModelConfig
from glm_core.errors import TemplateError, UsageError
from glm_core.model import fill as room
from glm_core.model.fill import marks_of
from glm_core.model.glm_backbone import ALL_MASKS, GLMBackbone
from glm_core.model.reading import Fed
from glm_core.model.soft_prompt import SoftPrompt
from glm_core.model.transformer import GLM
from glm_core.parts import Soft, Text, shortenable
from glm_core.pvp import Edges
from glm_core.tokens import load_tokenizer
from tests.core.model.scripted import Scripted
from tests.core.tokens.letters import CLS, DOCUMENT, EOP, EOS, MASK, SENTENCE, SEP, SOP, UNK, Letters, letters
from tests.shared_files import needs_shared, shared

V = 160


def backbone(masks: frozenset[str] = ALL_MASKS, positions: int = 64, **options: Any) -> GLMBackbone:
    torch.manual_seed(3)
    sizes = ModelConfig(
        n_layers=2, hidden_size=16, n_heads=2, vocab_size=V, max_positions=positions, initializer_range=0.4
    )
    return GLMBackbone(GLM(sizes), Letters(), masks=masks, **options)


class Writes(Scripted):
    """Writes these fillings into the blanks, in order, whatever it reads."""

    def __init__(self, *fillings: str, ends: int = EOP) -> None:
        self.script = [[*letters(one), ends] for one in fillings]
        super().__init__(self.next)

    def next(self, row: int, read: Sequence[Fed]) -> torch.Tensor:
        n_sops = sum(one.id == SOP for one in read)
        since = [one.id for one in read].__len__() - max(at for at, one in enumerate(read) if one.id == SOP) - 1
        return torch.eye(V)[self.script[n_sops - 1][since]]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`scripted("good", "bad")`: what is written, by whatever backbone; gives the reader."""

    def make(*fillings: str, ends: int = EOP) -> Writes:
        writer = Writes(*fillings, ends=ends)
        monkeypatch.setattr(room, "GLMReader", lambda network, **options: writer)
        return writer

    return make


def fill(text: str | Cloze, config: GenerationConfig | None = None, **options: Any) -> Filled:
    cloze = Cloze.from_text(text) if isinstance(text, str) else text
    (filled,) = backbone().fill([cloze], config or GenerationConfig(max_tokens=20), **options)
    return filled


# ---- text in, text out


def test_blanks_are_filled_in_place_and_listed(scripted: Any) -> None:
    reader = scripted(" pond", " It thawed")
    filled = fill("The [MASK] froze.[sMASK]!")
    assert filled == Filled(
        ("pond", "It thawed"),
        "The pond froze. It thawed!",
        (True, True),
        (tuple(letters(" pond")), tuple(letters(" It thawed"))),
    )
    part_a = [CLS, *letters("The"), MASK, *letters(" froze."), SENTENCE, *letters("!"), EOS]
    assert [one.id for one in reader.calls[0][0]] == [*part_a, SOP]


def test_a_text_without_a_blank_is_continued_and_has_no_end_token(scripted: Any) -> None:
    reader = scripted(" on")
    assert fill("go").text == "go on"
    assert [one.id for one in reader.calls[0][0]] == [CLS, *letters("go"), DOCUMENT, SOP]


def test_end_of_text_ends_a_blank_too_unless_the_evaluators_rules_hold(scripted: Any) -> None:
    scripted("x", ends=EOS)
    assert fill("[MASK]").texts == ("x",)
    assert EOS not in marks_of(Letters(), (), GenerationConfig(rules="seq2seq"), n_rows=V).ends


def test_writing_stops_before_a_stop_text(scripted: Any) -> None:
    scripted("one. two")
    filled = fill("[MASK]!", GenerationConfig(max_tokens=20, stop="."))
    assert (filled.text, filled.texts, filled.finished) == ("one!", ("one",), (True,))
    assert filled.ids == (tuple(letters("one.")),)


def test_a_blank_that_runs_into_its_limit_says_so(scripted: Any) -> None:
    scripted("abcdefgh")
    filled = fill("[MASK]", GenerationConfig(max_tokens=3))
    assert (filled.text, filled.finished) == ("abc", (False,))


def test_what_is_given_stands_in_the_text_and_is_not_written(scripted: Any) -> None:
    reader = scripted(" two three")
    cloze = replace(Cloze.from_text("[MASK]!"), given=" two")
    # the script counts what is read after [sop], and four tokens of it are given
    assert fill(cloze).text == " two three!"
    assert [one.inside for one in reader.calls[0][0]][-5:] == [1, 2, 3, 4, 5]


def test_text_comes_in_pieces_as_it_is_written(scripted: Any) -> None:
    scripted("ab", "c")
    told: list[Chunk] = []
    filled = fill("x[MASK]y[MASK]z", watch=told.append)
    assert told == [
        Chunk(0, None, "x"),
        Chunk(0, 0, "a"),
        Chunk(0, 0, "b"),
        Chunk(0, None, "y"),
        Chunk(0, 1, "c"),
        Chunk(0, None, "z"),
    ]
    assert "".join(one.text for one in told) == filled.text == "xabycz"


# ---- batches and seeds

TEXTS = [
    "one [MASK] two",
    "[sMASK]",
    "a [MASK] b [MASK] c [MASK]",
    "the end is [gMASK]",
    "short [MASK]",
    "[MASK][MASK]",
]


@pytest.mark.parametrize("options", [{}, {"temperature": 1.2}, {"beams": 3}, {"beams": 2, "temperature": 1.0}])
def test_results_do_not_depend_on_batches(options: dict[str, Any]) -> None:
    clozes = [Cloze.from_text(text) for text in TEXTS]
    together = backbone().fill(clozes, GenerationConfig(max_tokens=9, **options))
    for batch_tokens in (1, 90):
        config = GenerationConfig(max_tokens=9, batch_tokens=batch_tokens, **options)
        assert backbone().fill(clozes, config) == together
    rng = random.Random(1)
    one_by_one = [backbone().fill([one], GenerationConfig(max_tokens=9, **options), rng=rng)[0] for one in clozes]
    assert one_by_one == together


def test_a_seed_decides_what_is_drawn() -> None:
    def text(**options: Any) -> str:
        return fill("a [MASK]", GenerationConfig(max_tokens=12, temperature=1.0, **options)).text

    assert text(seed=1) == text(seed=1) != text(seed=2)
    generator = random.Random(2)
    config = GenerationConfig(max_tokens=12, temperature=1.0)
    assert fill("a [MASK]", config, rng=generator).text == text(seed=2)
    assert fill("a [MASK]", config, rng=generator).text != text(seed=2)


def test_a_network_in_training_is_left_in_training() -> None:
    model = backbone()
    model.module.train()
    model.fill([Cloze.from_text("[MASK]")], GenerationConfig(max_tokens=2))
    assert model.module.training


# ---- which tokens may be written


def test_special_tokens_and_padding_rows_are_not_written_unless_the_text_has_them() -> None:
    marks = marks_of(Letters(), (), GenerationConfig(), n_rows=V)
    assert marks.banned is not None
    allowed = (~marks.banned).nonzero().flatten().tolist()
    assert allowed == [*range(128), EOS, EOP]
    marks = marks_of(Letters(), ("[SEP]", "[UNK]"), GenerationConfig(), n_rows=V)
    assert marks.banned is not None
    assert (~marks.banned).nonzero().flatten().tolist() == [*range(128), EOS, EOP, UNK, SEP]


def test_the_originals_rules_allow_every_id_that_has_a_text() -> None:
    tokenizer = Letters()
    marks = marks_of(tokenizer, (), GenerationConfig(rules="interactive"), n_rows=tokenizer.vocab_size)
    assert marks.banned is None
    marks = marks_of(tokenizer, (), GenerationConfig(rules="interactive"), n_rows=tokenizer.vocab_size + 8)
    assert marks.banned is not None and marks.banned.sum() == 8


@needs_shared("vocab", "roberta-vocab.json")
def test_a_separator_that_is_the_end_of_text_does_not_end_a_text_that_uses_it() -> None:
    """RoBERTa's [SEP], [EOS] and padding are one id."""
    tokenizer = load_tokenizer(shared("vocab", "roberta-vocab.json"))
    assert tokenizer.special.eos in marks_of(tokenizer, (), GenerationConfig(), n_rows=50304).ends
    assert tokenizer.special.eos not in marks_of(tokenizer, ("[SEP]",), GenerationConfig(), n_rows=50304).ends


# ---- candidates


@pytest.mark.parametrize("options", [{}, {"beams": 3}, {"temperature": 1.0}])
def test_one_of_the_candidates_is_written(options: dict[str, Any]) -> None:
    candidates = [" good", " great", " a long one that is longer than the limit"]
    config = GenerationConfig(max_tokens=4, **options)
    for text in ("It was [MASK].", "[MASK] and [MASK]"):
        filled = fill(text, config, candidates=[candidates])
        assert set(filled.texts) <= {one.strip() for one in candidates} and all(filled.finished)


def test_as_many_beams_as_candidates_choose_what_weighing_them_chooses() -> None:
    model, candidates = backbone(), ("good", "bad", "so so", "x")
    for text in TEXTS[:2]:
        cloze = Cloze.from_text(text)
        weighed = model.weigh(
            model.collate([model.encode(replace(cloze, answers=candidates, labels=tuple("0123")), max_length=64)])
        )
        best = candidates[int(weighed.log_probs.sum(-1).argmax())]
        config = GenerationConfig(beams=4, length_penalty=0.0, max_tokens=8)
        (filled,) = model.fill([cloze], config, candidates=[candidates])
        assert filled.texts == (best,)


def test_candidates_of_several_blanks_may_belong_together() -> None:
    pairs = [("one", "two"), ("three", "four")]
    assert fill("[MASK] and [MASK]", candidates=[pairs]).texts in pairs
    with pytest.raises(UsageError, match="has 2 fillings for 1 blanks"):
        fill("[MASK]", candidates=[pairs])


def test_candidates_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="empty list of candidates"):
        fill("[MASK]", candidates=[[]])
    with pytest.raises(UsageError, match="candidate '' has no tokens"):
        fill("[MASK]", candidates=[[""]])
    with pytest.raises(UsageError, match="there are 1 texts and candidates for 2"):
        fill("[MASK]", candidates=[["a"], ["b"]])


# ---- what the model was not made for


def test_an_unknown_blank_becomes_mask_with_one_warning(caplog: pytest.LogCaptureFixture, scripted: Any) -> None:
    reader, model = scripted("x"), backbone(frozenset(["[MASK]"]))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            model.fill([Cloze.from_text("end [gMASK]")], GenerationConfig(max_tokens=4))
    assert [one.message for one in caplog.records] == [
        "this model was not trained on [gMASK]; [MASK] stands in its place"
    ]
    assert [one.id for one in reader.calls[0][0]] == [CLS, *letters("end"), MASK, EOS, SOP]  # as after a typed [MASK]


def test_a_text_longer_than_the_model_is_refused_with_its_length() -> None:
    with pytest.raises(UsageError, match=r"the text 'aaaa.*…' has 103 tokens and the model reads 64; shorten it"):
        fill("a" * 100 + "[MASK]")
    with pytest.raises(UsageError, match=r"has 33 tokens and --max-length 30 leaves 20; shorten it"):
        fill("a" * 30 + "[MASK]", GenerationConfig(max_length=30, max_tokens=10))
    with pytest.raises(UsageError, match=r"--max-tokens 30 leave no room"):
        fill("[MASK]", GenerationConfig(max_length=30, max_tokens=30))


def test_a_patterns_text_is_shortened_to_leave_room_for_what_is_written(scripted: Any) -> None:
    reader = scripted("x")
    cloze = Cloze("1", (shortenable("a" * 100), Text("!"), *Cloze.from_text("[MASK]").parts), pattern="p")
    filled = fill(cloze, GenerationConfig(max_length=30, max_tokens=10))
    assert len(reader.calls[0][0]) == 21 and filled.text == "a" * 16 + "!x"
    fixed = Cloze("1", (Text("a" * 100), *Cloze.from_text("[MASK]").parts), pattern="p")
    with pytest.raises(TemplateError, match="pattern 'p' does not fit example 1"):
        fill(fixed)


def test_no_more_is_written_than_there_are_positions(caplog: pytest.LogCaptureFixture) -> None:
    for beams in (1, 2):
        config = GenerationConfig(max_tokens=500, min_tokens=500, beams=beams)
        filled = fill("[MASK] and [MASK]", config)
        assert [len(one) for one in filled.ids] == [63, 63]
    assert "the model has positions for 63 tokens of a blank" in caplog.text


def test_visible_padding_of_old_seq2seq_checkpoints_is_read(scripted: Any) -> None:
    reader = scripted("x")
    cloze = replace(Cloze.from_text("ab[MASK]"), edges=Edges(pad_to=12))
    assert fill(cloze).text == "abx"
    assert [one.id for one in reader.calls[0][0]] == [CLS, *letters("ab"), MASK, *[EOS] * 8, SOP]


def test_soft_places_are_read_with_their_vectors() -> None:
    model = backbone(soft_tokens=2)
    cloze = Cloze("1", (Soft(), *Cloze.from_text("ab[MASK]").parts))
    torch.manual_seed(1)
    texts = set()
    for _ in range(3):
        model.module.prompt_spell = SoftPrompt(2, 16, "none")
        (filled,) = model.fill([cloze], GenerationConfig(max_tokens=8, min_tokens=8))
        texts.add(filled.ids)
    assert len(texts) > 1


def test_a_backbone_that_only_chooses_says_that_it_cannot_write() -> None:
    class Chooser(Backbone):
        encode = collate = weigh = loss = pool = save = load = None  # type: ignore[assignment]

    with pytest.raises(UsageError, match="a Chooser chooses among answers and cannot write; use a GLM"):
        Chooser().fill([Cloze.from_text("[MASK]")], GenerationConfig())


# ---- real vocabularies


@pytest.mark.parametrize("name", ["bert-base-uncased-vocab.txt", "gpt2-vocab.json", "cog-pretrain.model"])
@needs_shared("vocab", "cog-pretrain.model")
def test_english_and_chinese_vocabularies_write_text(name: str) -> None:
    tokenizer = load_tokenizer(shared("vocab", name))
    sizes = ModelConfig(n_layers=1, hidden_size=8, n_heads=1, vocab_size=tokenizer.vocab_size, max_positions=40)
    masks = ALL_MASKS if tokenizer.special.sentence_mask is not None else frozenset(["[MASK]"])
    model = GLMBackbone(GLM(sizes), tokenizer, masks=masks)
    for text in ("Paris is the [MASK] of France.", "北京故宫是中国[MASK]非物质文化遗产。"):
        told: list[Chunk] = []
        config = GenerationConfig(max_tokens=9, temperature=1.0)
        (filled,) = model.fill([Cloze.from_text(text)], config, watch=told.append)
        before, after = text.split("[MASK]")
        assert filled.text.startswith(before.rstrip()) and filled.text.endswith(after)
        assert filled.texts[0] in filled.text
        assert "".join(one.text for one in told) == filled.text
    capital = {"bert-base-uncased-vocab.txt": "Capital"}.get(name, " Capital")
    (filled,) = model.fill([Cloze.from_text("Paris is the [MASK] of France.")], config, candidates=[[capital]])
    assert filled.text == "Paris is the Capital of France."
    (filled,) = model.fill([Cloze.from_text("北京是中国的[MASK]。")], config, candidates=[["首都"]])
    assert filled.text == "北京是中国的首都。"  # as given, though BERT's vocabulary lacks a character
