"""From a cloze to ids by pencil: every letter is a token. What is cut: see test_encode_cut."""

from dataclasses import replace

import pytest

from glm_core.errors import GlmError, TemplateError, UsageError
from glm_core.examples import Example
from glm_core.parts import BLANK, DOCUMENT_BLANK, SENTENCE_BLANK, Text, shortenable, soft
from glm_core.pvp import PVP, Cloze, Edges
from glm_core.tokens import encode as encode_module
from glm_core.tokens.encode import encode, encode_segments
from glm_core.tokens.row import unpack
from tests.core.tokens.letters import CLS, DOCUMENT, EOP, EOS, MASK, SENTENCE, SEP, SOP, Letters, letters


@pytest.fixture
def tokenizer():
    return Letters()


def cloze(parts, answers=("x",), **more):
    labels = tuple(map(str, range(len(answers))))
    return Cloze("u1", tuple(parts), tuple(answers), labels, pattern="mine", **more)


def goals(instance):
    return [one.targets[one.target_mask == 1].tolist() for one in unpack(instance.row)]


def part_a(instance):
    return instance.row.ids[instance.row.branch == 0].tolist()


# ---- rows by pencil


def test_a_cloze_becomes_its_text_and_a_branch_per_answer(tokenizer):
    made = encode(cloze([Text("ab"), BLANK, Text("c")], ("xy", "z"), gold="1"), tokenizer, max_length=20)
    assert made.row.ids.tolist() == [
        CLS,
        *letters("ab"),
        MASK,
        *letters("c"),
        EOS,
        SOP,
        *letters("xy"),
        SOP,
        *letters("z"),
    ]
    assert made.row.positions.tolist() == [
        [0, 1, 2, 3, 4, 5, 3, 3, 3, 3, 3],
        [0, 0, 0, 0, 0, 0, 1, 2, 3, 1, 2],
    ]
    assert goals(made) == [[*letters("xy"), EOP], [*letters("z"), EOP]]
    assert (made.uid, made.words, made.labels, made.gold, made.cut) == ("u1", None, ("0", "1"), 1, {})
    assert made.answers == ("xy", "z")
    assert made.n_tokens == 11


def test_fixed_words_of_one_token_are_read_off_together(tokenizer):
    pvp = PVP("mine", "{text}? [MASK].", {"no": "n", "yes": ["y", "j"]})
    made = encode(pvp.cloze(Example("u1", {"text": "ab"}, label="yes")), tokenizer, max_length=20)
    # a space before the blank belongs to the answers, so each is two letters here
    assert made.words is None
    assert goals(made) == [[*letters(" n"), EOP], [*letters(" y"), EOP], [*letters(" j"), EOP]]
    pvp = PVP("mine", "{text}?[MASK].", {"no": "n", "yes": ["y", "j"]})
    made = encode(pvp.cloze(Example("u1", {"text": "ab"}, label="yes")), tokenizer, max_length=20)
    assert made.words == tuple(letters("nyj"))
    assert made.row.ids.tolist() == [CLS, *letters("ab?"), MASK, *letters("."), EOS, SOP]
    assert (made.labels, made.label_names, made.gold) == (("no", "yes", "yes"), ("no", "yes"), 1)


def test_one_word_of_several_tokens_makes_all_words_branches(tokenizer):
    pvp = PVP("mine", "{text}[MASK]", {"no": "n", "yes": "yes"})
    made = encode(pvp.cloze(Example("u1", {"text": "ab"})), tokenizer, max_length=20)
    assert made.words is None
    assert goals(made) == [[*letters("n"), EOP], [*letters("yes"), EOP]]


def test_what_closes_an_answer_is_what_the_edges_say(tokenizer):
    words = cloze([BLANK], ("n", "y"), fixed_words=True)
    assert encode(words, tokenizer, max_length=9).words == tuple(letters("ny"))
    closed = encode(replace(words, edges=Edges(end="eop")), tokenizer, max_length=9)
    assert goals(closed) == [[*letters("n"), EOP], [*letters("y"), EOP]]
    own = cloze([BLANK], ("n", "yy"), edges=Edges(end="none"))
    assert goals(encode(own, tokenizer, max_length=9)) == [letters("n"), letters("yy")]


@pytest.mark.parametrize(
    ("blank", "eos", "ends"),
    [(BLANK, "auto", [EOS]), (DOCUMENT_BLANK, "auto", []), (DOCUMENT_BLANK, "always", [EOS]), (BLANK, "never", [])],
)
def test_the_text_is_closed_unless_it_is_to_go_on(tokenizer, blank, eos, ends):
    made = encode(cloze([Text("a"), blank], edges=Edges(eos=eos)), tokenizer, max_length=9)
    assert part_a(made) == [CLS, *letters("a"), DOCUMENT if blank == DOCUMENT_BLANK else MASK, *ends]


def test_a_mask_that_the_model_does_not_know_becomes_the_plain_one(tokenizer):
    one = cloze([SENTENCE_BLANK, DOCUMENT_BLANK])
    assert part_a(encode(one, tokenizer, max_length=9)) == [CLS, SENTENCE, DOCUMENT]
    assert part_a(encode(one, tokenizer, max_length=9, masks=frozenset(("[MASK]", "[gMASK]")))) == [CLS, MASK, DOCUMENT]


def test_a_mask_in_the_data_is_ordinary_text_unless_the_task_says_otherwise(tokenizer):
    one = cloze([shortenable("a[MASK]"), BLANK])
    made = encode(one, tokenizer, max_length=20)
    assert part_a(made) == [CLS, *letters("a[MASK]"), MASK, EOS]
    assert made.row.positions[0, -1] == 8
    made = encode(replace(one, specials=("[MASK]",)), tokenizer, max_length=20)
    assert part_a(made) == [CLS, *letters("a"), MASK, MASK, EOS]
    assert made.row.positions[0, -1] == 3, "the blank is the pattern's own"


def test_parts_are_tokenized_one_by_one(tokenizer):
    encode(cloze([Text("ab"), Text("c"), BLANK]), tokenizer, max_length=9)
    assert tokenizer.asked == ["x", "ab", "c"]


def test_a_patterns_own_words_are_tokenized_once(tokenizer):
    pvp = PVP("mine", "so: {text} then[MASK]", {"no": "n", "yes": "y"})
    for text in ("ab", "cd"):
        encode(pvp.cloze(Example("u1", {"text": text})), tokenizer, max_length=20)
    assert tokenizer.asked == ["n", "y", "so:", " ab", " then", " cd"]


def test_remembered_words_are_few_and_those_of_one_tokenizer(tokenizer, monkeypatch):
    monkeypatch.setattr(encode_module, "_FIXED_WORDS_LIMIT", 2)
    for text in ("a", "b", "a", "c", "a"):
        encode(cloze([Text(text), BLANK]), tokenizer, max_length=9)
    assert [one for one in tokenizer.asked if one != "x"] == ["a", "b", "c", "a"]
    other = Letters()
    encode(cloze([Text("a"), BLANK]), other, max_length=9)
    assert other.asked == ["x", "a"]


def test_the_same_words_are_other_tokens_where_other_specials_are_named(tokenizer):
    one = cloze([Text("[SEP]"), BLANK])
    assert part_a(encode(one, tokenizer, max_length=20)) == [CLS, *letters("[SEP]"), MASK, EOS]
    assert part_a(encode(replace(one, specials=("[SEP]",)), tokenizer, max_length=20)) == [CLS, SEP, MASK, EOS]


def test_several_blanks_are_filled_in_order(tokenizer):
    made = encode(cloze([BLANK, Text("a"), BLANK], [("x", "yz")]), tokenizer, max_length=20)
    assert made.row.ids.tolist() == [CLS, MASK, *letters("a"), MASK, EOS, SOP, *letters("x"), SOP, *letters("yz")]
    assert made.row.positions[0, 5:].tolist() == [1, 1, 3, 3, 3]
    assert made.row.targets[5:].tolist() == [*letters("x"), EOP, *letters("yz"), EOP]
    assert made.answers == ("x … yz",)


def test_a_cloze_without_answers_is_to_be_written(tokenizer):
    made = encode(cloze([Text("a"), BLANK], ()), tokenizer, max_length=9)
    assert made.row.ids.tolist() == [CLS, *letters("a"), MASK, EOS, SOP]
    assert (made.words, made.labels, made.gold) == (None, (), None)


def test_soft_places_are_counted_from_minus_one(tokenizer):
    one = cloze([soft(), Text("a"), soft(), BLANK, soft()])
    assert part_a(encode(one, tokenizer, max_length=20)) == [CLS, *letters("a"), MASK, EOS]
    made = encode(one, tokenizer, max_length=20, soft_tokens=5, soft_prefix=1)
    assert part_a(made) == [CLS, -1, -2, -3, *letters("a"), -4, -5, MASK, -6, EOS]


def test_padding_of_the_text_is_visible_where_it_is_asked_for(tokenizer):
    made = encode(cloze([Text("a"), BLANK], edges=Edges(pad_to=7)), tokenizer, max_length=20)
    assert part_a(made) == [CLS, *letters("a"), MASK, EOS, EOS, EOS, EOS]
    assert part_a(encode(cloze([BLANK], edges=Edges(pad_to=2)), tokenizer, max_length=20)) == [CLS, MASK, EOS]


# ---- one text per answer


def test_texts_that_differ_per_answer_stand_side_by_side(tokenizer):
    texts = ((Text("a"), BLANK, Text("b")), (Text("a"), BLANK, Text("cd")))
    made = encode(cloze((), ("so", "so"), texts=texts), tokenizer, max_length=20)
    assert made.row.segment.tolist() == [0] * 8 + [1] * 9
    assert made.row.branch.tolist() == [0] * 5 + [1] * 3 + [0] * 6 + [2] * 3
    alone = [encode(cloze(parts, ("so",)), tokenizer, max_length=20) for parts in texts]
    for mine, other in zip(unpack(made.row), alone, strict=True):
        assert mine.ids.tolist() == other.row.ids.tolist()
        assert mine.positions.tolist() == other.row.positions.tolist()
        assert mine.targets.tolist() == other.row.targets.tolist()


def test_each_text_has_the_whole_length_for_itself(tokenizer):
    texts = ((shortenable("abcd", field="t"), BLANK), (shortenable("a", field="t"), BLANK))
    made = encode(cloze((), ("x", "x"), texts=texts), tokenizer, max_length=7)
    assert [one.ids.tolist() for one in unpack(made.row)] == [
        [CLS, *letters("ab"), MASK, EOS, SOP, *letters("x")],
        [CLS, *letters("a"), MASK, EOS, SOP, *letters("x")],
    ]
    assert made.cut == {"t": 2}


def test_words_are_not_read_off_where_the_text_differs(tokenizer):
    texts = ((Text("a"), BLANK), (Text("b"), BLANK))
    made = encode(cloze((), ("n", "y"), texts=texts, fixed_words=True), tokenizer, max_length=20)
    assert made.words is None
    assert goals(made) == [[*letters("n"), EOP], [*letters("y"), EOP]]


# ---- what is given


def test_what_is_given_stands_at_the_start_of_every_answer_and_is_not_scored(tokenizer):
    made = encode(cloze([DOCUMENT_BLANK], ("x", "yz"), given="ab", edges=Edges(end="none")), tokenizer, max_length=20)
    assert made.row.ids.tolist() == [CLS, DOCUMENT, SOP, *letters("ab"), SOP, *letters("ab"), *letters("y")]
    assert goals(made) == [letters("x"), letters("yz")]
    assert made.cut == {}


def test_what_is_given_loses_its_first_tokens(tokenizer):
    made = encode(cloze([DOCUMENT_BLANK], ("x", "yz"), given="abcd", edges=Edges(end="none")), tokenizer, max_length=7)
    assert [one.ids.tolist() for one in unpack(made.row)] == [
        [CLS, DOCUMENT, SOP, *letters("bcd")],
        [CLS, DOCUMENT, SOP, *letters("bcd"), *letters("y")],
    ]
    assert made.cut == {"given": 1}


def test_what_may_be_cut_of_the_text_goes_before_what_is_given(tokenizer):
    made = encode(
        cloze([shortenable("abc"), DOCUMENT_BLANK], ("x",), given="de", edges=Edges(end="none")),
        tokenizer,
        max_length=4,
    )
    assert made.row.ids.tolist() == [CLS, DOCUMENT, SOP, *letters("e")]
    assert made.cut == {"text": 3, "given": 1}


def test_fixed_words_with_something_given_are_branches(tokenizer):
    made = encode(cloze([BLANK], ("n", "y"), given="a", fixed_words=True), tokenizer, max_length=20)
    assert made.words is None
    assert goals(made) == [[*letters("n"), EOP], [*letters("y"), EOP]]


# ---- what cannot be


@pytest.mark.parametrize("length", [0, 1, 6])
def test_words_that_cannot_be_cut_and_do_not_fit_are_named(tokenizer, length):
    with pytest.raises(TemplateError) as raised:
        encode(cloze([Text("abc"), shortenable("def"), BLANK]), tokenizer, max_length=length)
    assert str(raised.value) == (
        f"pattern 'mine' does not fit example u1: its fixed words and marks take 6 tokens, {max(0, length - 2)} of "
        f"--max-length {length} are left beside the answer; raise --max-length or shorten it"
    )


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (cloze([Text("a")]), "pattern 'mine' gave no blank for example u1"),
        (cloze([BLANK], ("a", " ")), "pattern 'mine': answer ' ' of example u1 has no tokens"),
        (cloze([BLANK], [("a", "b")]), "pattern 'mine': u1 has 2 fillings for 1 blanks"),
        (cloze((), ("a", "b"), texts=((BLANK,),)), "pattern 'mine': example u1 has 1 texts for 2 answers"),
    ],
)
def test_a_cloze_that_is_none_is_one_clear_error(tokenizer, one, says):
    with pytest.raises(TemplateError, match=says):
        encode(one, tokenizer, max_length=20)


def test_vectors_without_a_place_are_one_clear_error(tokenizer):
    with pytest.raises(GlmError, match=r"pattern 'mine': the pattern has no soft place; write \{soft\}"):
        encode(cloze([BLANK]), tokenizer, max_length=20, soft_tokens=3)
    assert part_a(encode(cloze([BLANK]), tokenizer, max_length=20, soft_prefix=2)) == [CLS, -1, -2, MASK, EOS]


# ---- classifiers


def test_a_classifier_reads_its_segments_with_a_border_between(tokenizer):
    assert encode_segments(["ab", "c"], tokenizer, max_length=9) == ((CLS, *letters("ab"), SEP, *letters("c"), EOS), 0)
    assert encode_segments(["ab"], tokenizer, max_length=9) == ((CLS, *letters("ab"), EOS), 0)


def test_a_segment_may_be_several_texts(tokenizer):
    made, _ = encode_segments(["a", ["b", "c"]], tokenizer, max_length=9)
    assert made == (CLS, *letters("a"), SEP, *letters("bc"), EOS)
    assert tokenizer.asked == ["a", "b", "c"]


def test_a_classifiers_row_is_cut_at_its_end_whatever_stands_there(tokenizer):
    assert encode_segments(["abcd", "e"], tokenizer, max_length=5) == ((CLS, *letters("abc"), EOS), 3)


def test_an_example_without_text_is_one_clear_error(tokenizer):
    with pytest.raises(UsageError, match="example u1 has no text to classify"):
        encode_segments([], tokenizer, max_length=9, uid="u1")
