"""How a text is made of words and fields is found from what it is in every sample."""

from __future__ import annotations

import string
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from glm_core import BLANK, PVP, SPLIT, Example, Part, Text
from glm_core.parts import strip_final_punctuation
from glm_pack_legacy.examples import TEXTS
from glm_pack_legacy.expressions import CHAINS, Ref, find_expression, written
from glm_pack_legacy.pieces import Piece, read_parts, spaced
from glm_pack_legacy.proposing import propose
from glm_pack_legacy.stand_ins.tokenizer import SPECIAL, StandInTokenizer

FIELDS = [{"a": "One two.", "b": "x"}, {"a": "Three!", "b": "y z"}]


@pytest.mark.parametrize(
    ("texts", "template"),
    [
        (["so", "so"], "so"),
        (["One two.", "Three!"], "{a}"),
        ([" One two", " Three"], " {a|strip_punct}"),
        (['"one two." / "x"', '"three!" / "y z"'], '"{a|lower}" / "{b}"'),
        (["xOne two.", "y zThree!"], "{b}{a}"),
        (["{x}", "{y z}"], "{{{b}}}"),
        (["[MASK] x", "[MASK] y z"], "[[MASK]] {b}"),
        (["", ""], ""),
    ],
)
def test_words_and_fields_are_told_apart(texts: list[str], template: str) -> None:
    found = find_expression(texts, FIELDS)
    assert found is not None and written(found, keep=False) == template


def test_what_is_neither_word_nor_field_is_none() -> None:
    assert find_expression(["One TWO.", "Three!"], FIELDS) is None


def test_a_field_that_is_never_cut_says_so() -> None:
    assert written(("Is ", Ref("b", ("lower",)), "?"), keep=True) == "Is {b|lower|keep}?"


def test_every_filter_is_one_of_the_grammar() -> None:
    from glm_core.templates import parse

    for chain in CHAINS:
        template = parse(written((Ref("a", chain),), keep=True))
        for text in ("  An example, with dots...", "ÉTÉ!", "x"):
            (part,) = template.parts(Example("u", {"a": text}))
            assert isinstance(part, Text) and part.text == Ref("a", chain).value({"a": text})


# ---- random lists of parts

WORDS = st.text(alphabet="abcXYZ ,.?:'\"{}()-", min_size=1, max_size=8).map(str.rstrip).filter(bool)
DATA = st.text(alphabet="abcdefgh ABC.,!?'", min_size=1, max_size=25).map(str.strip).filter(bool)
CHAIN = st.sampled_from([chain for chain in CHAINS if "strip" not in chain])


@st.composite
def patterns(draw: st.DrawFn) -> list[Any]:
    """Parts as GLM writes them: words, fields with filters (shortenable or not, a space before them or not), one mask.

    Words stand between words and the mask only: two fixed texts side by side are one in a template.
    """

    def piece() -> Any:
        return (draw(st.sampled_from(TEXTS)), draw(CHAIN), draw(st.booleans()), draw(st.sampled_from(["", " "])))

    sides: list[list[Any]] = [[], []]
    sides_used = draw(st.integers(1, 2))
    for side in sides[:sides_used]:
        last_was_words = False
        for _ in range(draw(st.integers(1, 4))):
            if not last_was_words and draw(st.booleans()):
                side.append(draw(WORDS))
                last_was_words = True
            else:
                side.append(piece())
                last_was_words = False
    side = sides[draw(st.integers(0, sides_used - 1))]
    side.insert(draw(st.integers(0, len(side))), None)  # the mask
    return sides


def filled(sides: list[list[Any]], example: Any) -> tuple[list[Any], list[Any]]:
    """What `get_parts` of such a pattern returns."""

    def one(part: Any) -> Any:
        if part is None:
            return [ord(SPECIAL["MASK"])]
        if isinstance(part, str):
            return part
        name, chain, cut, space = part
        text = space + (Ref(name, chain).value({name: getattr(example, name)}) or "")
        return (text, True) if cut else text

    made = [[one(part) for part in side] for side in sides]
    return made[0], made[1]


class Fake(SimpleNamespace):
    """Classes with one pattern."""

    def parts(self, example: Any, id: int) -> list[Part]:
        return spaced(read_parts(filled(self.sides, example), StandInTokenizer()), "as-written")

    def label_value(self, label: str | None) -> str | None:
        return label


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    patterns(),
    st.lists(st.tuples(DATA, DATA), min_size=3, max_size=5, unique=True),
    st.tuples(DATA, DATA),
    st.booleans(),
)
def test_a_template_for_random_parts_gives_the_same_parts(
    sides: list[list[Any]], texts: list[tuple[str, str]], unseen: tuple[str, str], spaced_words: bool
) -> None:
    classes: Any = Fake(sides=sides, spaces="as-written")
    examples = [Example(f"train-{n}", dict(zip(TEXTS, pair, strict=True))) for n, pair in enumerate([*texts, unseen])]
    words = {"x": " yes" if spaced_words else "yes"}
    proposal = propose(classes, 0, examples[:-1], spaced=spaced_words)
    assert proposal.template is not None and not proposal.why
    ported = PVP("ported", proposal.template, {"x": "yes"})
    shim = PVP("shim", lambda example: classes.parts(_old(example), 0), words)
    for example in examples:  # also on the one that it was not made from
        before, after = shim.cloze(example), ported.cloze(example)
        assert after.answers == before.answers
        if "[[MASK]" in proposal.template.replace("[[MASK]]", ""):
            continue
        assert _plain(after.parts) == _plain(before.parts), proposal.template


def _old(example: Example) -> Any:
    from glm_pack_legacy.examples import to_original

    return to_original(example, None)


def _plain(parts: tuple[Part, ...]) -> list[Part]:
    """Without names; fixed texts side by side are one, as a template has them."""
    joined: list[Part] = []
    for one in parts:
        one = replace(one, field="") if isinstance(one, Text) else one
        last = joined[-1] if joined else None
        if isinstance(one, Text) and isinstance(last, Text) and one.cut is None and last.cut is None:
            joined[-1] = replace(last, text=last.text + one.text)
        else:
            joined.append(one)
    return joined


# ---- reading parts


def test_glm_writes_ids_and_none_and_pet_writes_texts() -> None:
    tokenizer = StandInTokenizer()
    mask = tokenizer.mask_token_id
    found = read_parts(([None, ("a text", True), tokenizer.encode(" more words"), mask], ["b", ""]), tokenizer)
    assert [one.part for one in found][1:] == [
        Text("a text", "tail"), Text(" more words"), BLANK, SPLIT, Text("b"), Text(""),
    ]  # fmt: skip


def test_empty_second_lists_make_no_border_and_empty_texts_do() -> None:
    tokenizer = StandInTokenizer()
    for second, there in ((None, False), ([], False), ([("", True)], True)):
        found = read_parts(([SPECIAL["MASK"], "x"], second), tokenizer)
        assert (SPLIT in [one.part for one in found]) == there


def test_spaces_of_pet_stand_between_parts_once() -> None:
    parts = [Text("About "), Text("it", "tail"), Text(" , "), BLANK, Text("."), SPLIT, Text(" end", "tail")]
    pieces = [Piece(part, number) for number, part in enumerate(parts)]
    shown = [one.text if isinstance(one, Text) else "·" for one in spaced(pieces, "each-part")]
    assert shown == ["About", " it", " ,", " ", "·", " .", "·", "  end"]
    assert spaced(pieces, "as-written") == parts


def test_final_punctuation_is_what_pet_takes_away() -> None:
    assert strip_final_punctuation(f"etc{string.punctuation}") == "etc"
