"""Pattern and verbalizer: the cloze that they make of an example, and where whitespace goes."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from glm_core.errors import DataError, TemplateError, UsageError
from glm_core.examples import Example
from glm_core.parts import BLANK, SPLIT, Soft, Text, shortenable, soft
from glm_core.pvp import PVP, Cloze, choose_pvp

WORDS = {"negative": ["terrible", "bad"], "positive": "great"}
SPACES = st.sampled_from(["", " ", "  ", "\n", " \t ", "\u3000"])
PLAIN = st.text(alphabet="abc.,![]{}🙂京 \n", max_size=6)


def ex(label: str | None = None, **fields: str) -> Example:
    return Example("e-1", fields, label)


# ---- answers


def test_a_mapping_gives_every_word_with_its_label() -> None:
    cloze = PVP("it-was", "{t} It was [MASK].", WORDS).cloze(ex("positive", t="x"))
    assert cloze.answers == (" terrible", " bad", " great")
    assert cloze.labels == ("negative", "negative", "positive")
    assert cloze.label_names == ("negative", "positive")
    assert (cloze.gold, cloze.fixed_words, cloze.pattern) == ("positive", True, "it-was")


def test_a_function_gives_answers_or_pairs() -> None:
    cloze = PVP("p", "[MASK]", lambda ex: [ex["a"], ex["b"]]).cloze(ex(a="x", b="y"))
    assert (cloze.answers, cloze.labels, cloze.fixed_words) == (("x", "y"), ("0", "1"), False)
    cloze = PVP("p", "[MASK]", lambda ex: [("same", "x"), ("other", "y"), ("same", "z")]).cloze(ex("same"))
    assert (cloze.labels, cloze.gold) == (("same", "other", "same"), "same")


def test_without_a_verbalizer_the_examples_own_choices_or_target_are_the_answers() -> None:
    cloze = PVP("p", "Why? [MASK]").cloze(Example("e", {}, "1", choices=("cold", "rain")))
    assert (cloze.answers, cloze.labels, cloze.gold) == ((" cold", " rain"), ("0", "1"), "1")
    cloze = PVP("p", "So: [sMASK]").cloze(Example("e", {}, target="short"))
    assert (cloze.answers, cloze.labels, cloze.gold) == ((" short",), ("0",), "0")
    cloze = PVP("p", "[MASK] and [MASK]").cloze(Example("e", {}, target=("a", "b")))
    assert cloze.answers == (("a", " b"),)
    assert PVP("p", "So: [sMASK]").cloze(Example("e", {})).answers == ()


def test_a_label_without_words_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(DataError) as caught:
        PVP("p", "[MASK]", WORDS).cloze(ex("positiv"))
    assert str(caught.value) == (
        "example e-1: label 'positiv' has no words in pattern 'p' (it knows negative, positive); did you mean 'positive'?"
    )


def test_a_label_for_none_of_the_answers_has_no_gold() -> None:
    cloze = PVP("p", "[MASK]", lambda ex: [("yes", "him")], otherwise="no").cloze(ex("no"))
    assert (cloze.gold, cloze.otherwise) == (None, "no")


# ---- patterns


def test_a_function_and_a_template_give_the_same_parts() -> None:
    def question(ex: Example):
        return [
            shortenable(ex["p"], field="p"), " Question:", shortenable(" " + ex["q"], field="q"), "? Answer: ", BLANK, ".",
        ]  # fmt: skip

    example = ex(p="It froze.", q="did it freeze")
    template = "{p} Question: {q}? Answer: [MASK]."
    assert PVP("f", question).cloze(example).parts == PVP("t", template).cloze(example).parts


def test_the_cloze_shows_its_text_with_the_hole() -> None:
    assert str(PVP("p", '"{a}" ?{split} [MASK], "{b}"').cloze(ex(a="x", b="y"))) == '"x" ?[MASK], "y"'


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("no hole", "pattern 'p' gave no blank for example e-1; write \\[MASK\\]"),
        (lambda ex: "a string", "pattern 'p' gave str, wants a list of parts"),
        (lambda ex: ["a", 3], "pattern 'p' gave int inside its list, wants parts or str"),
        (lambda ex: [["a", BLANK], ["b", BLANK]], "pattern 'p' gave 2 texts and 1 answers for example e-1"),
    ],
)
def test_a_pattern_that_makes_no_cloze_is_named(pattern, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        PVP("p", pattern, {"x": "y"}).cloze(ex())


def test_a_text_per_answer() -> None:
    pvp = PVP("p", lambda ex: [["a ", BLANK], ["b", BLANK]], lambda ex: ["x", "y"])
    cloze = pvp.cloze(ex("1"))
    assert cloze.parts == () and cloze.texts == ((Text("a"), BLANK), (Text("b"), BLANK))
    assert cloze.answers == (" x", "y") and str(cloze) == "a[MASK]\nb[MASK]"


def test_a_pair_is_chosen_by_name_or_index() -> None:
    pvps = [PVP("a", "[MASK]"), PVP("quoted", "[MASK]")]
    assert choose_pvp(pvps, "quoted", "t") is choose_pvp(pvps, 1, "t") is choose_pvp(pvps, "1", "t") is pvps[1]
    with pytest.raises(
        UsageError, match=r"task t has no pattern 'quotd' \(it has a, quoted\); did you mean 'quoted'\?"
    ):
        choose_pvp(pvps, "quotd", "t")
    for index in (2, -1, "7"):
        with pytest.raises(UsageError, match=rf"task t has patterns 0 to 1 \(a, quoted\); there is no {index}"):
            choose_pvp(pvps, index, "t")


# ---- whitespace belongs to what comes after it


@pytest.mark.parametrize(
    ("pattern", "answer", "shown", "filled"),
    [
        ("It was [MASK].", "great", "It was[MASK].", " great"),
        ("It was [MASK].", " great", "It was[MASK].", " great"),
        ("It was [MASK].", "  great", "It was[MASK].", " great"),
        ("It was\n\t [MASK].", "great", "It was[MASK].", " great"),
        ("这是[MASK]的", "好", "这是[MASK]的", "好"),
        ("It was[MASK].", " great", "It was[MASK].", " great"),
        ("It was {split}{soft:2}[MASK].", "great", "It was[MASK].", " great"),
        ("{a} [MASK]", "x", "text[MASK]", " x"),
        ("{a|keep} {split} [MASK]", "x", "text[MASK]", " x"),
        (" [sMASK] Content: {a}", "x", "[sMASK] Content: text", " x"),
        ("[MASK]", "x", "[MASK]", "x"),
        ("It was [MASK].", "", "It was[MASK].", ""),
    ],
)
def test_whitespace_before_a_blank_moves_into_the_answer(pattern, answer, shown, filled) -> None:
    cloze = PVP("p", pattern, {"l": answer}).cloze(ex("l", a="text"))
    assert str(cloze) == shown and cloze.answers == (filled,)


def test_each_filling_follows_the_text_before_its_own_blank() -> None:
    cloze = PVP("p", "a [MASK]b[MASK] c [MASK]").cloze(Example("e", {}, target=("x", "y", "z")))
    assert cloze.answers == ((" x", "y", " z"),)


@given(st.lists(st.tuples(PLAIN, SPACES, st.booleans()), min_size=1, max_size=3), PLAIN, SPACES)
def test_the_text_with_its_answer_reads_as_the_author_wrote_it(pieces, last: str, lead: str) -> None:
    """For any text, the whitespace before a blank is one space of the answer, and nothing else changes."""
    written: list = []
    for words, space, in_soft in pieces:
        written += [words + space, *([SPLIT, soft(2)] if in_soft else []), BLANK]
    fillings = tuple(lead + "word" for _ in pieces)
    cloze = PVP("p", lambda ex: [*written, last]).cloze(Example("e", {}, target=fillings))

    before, expected, answers = "", [], []
    for words, space, _ in pieces:  # slow and obvious: walk over the text as it was written
        before = words + space
        expected.append(before.rstrip())
        moved = before != before.rstrip()
        answers.append(" word" if moved else lead + "word")
    assert cloze.answers == (tuple(answers),)
    assert str(cloze) == "".join(f"{text}[MASK]" for text in expected) + last
    assert sum(isinstance(one, Soft) for one in cloze.parts) == sum(in_soft for _, _, in_soft in pieces)


# ---- a cloze from a text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Paris is the [MASK] of France.", "Paris is the[MASK] of France."),
        ("A {set} of [sMASK] and [MASK]", "A {set} of[sMASK] and[MASK]"),
        ("Once upon a time", "Once upon a time[gMASK]"),
        ("write [[MASK]] for [MASK]", "write [MASK] for[MASK]"),
    ],
)
def test_a_cloze_to_be_written_from_a_text(text: str, shown: str) -> None:
    cloze = Cloze.from_text(text)
    assert str(cloze) == shown and cloze.answers == ()
