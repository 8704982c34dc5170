"""What is cut of a text that is too long, by pencil: every letter is a token. And what holds for any cloze and length."""

import pytest
from hypothesis import given, strategies as st

from glm_core.errors import TemplateError
from glm_core.examples import Example
from glm_core.parts import BLANK, SPLIT, Text, shortenable
from glm_core.pvp import PVP, Cloze
from glm_core.tokens import load_tokenizer
from glm_core.tokens.encode import encode, lay_out
from glm_core.tokens.row import unpack
from tests.core.tokens.letters import CLS, EOP, EOS, MASK, SOP, Letters, letters
from tests.core.tokens.small_vocabularies import byte_pairs, wordpiece


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


def test_the_text_is_shortened_once_for_the_longest_answer(tokenizer):
    made = encode(cloze([shortenable("abcdef", field="t"), BLANK], ("x", "xyz")), tokenizer, max_length=10)
    assert part_a(made) == [CLS, *letters("abc"), MASK, EOS]
    assert [len(one.ids) for one in unpack(made.row)] == [8, 10]
    assert made.cut == {"t": 3}


def test_words_that_are_read_off_need_one_place(tokenizer):
    pvp = PVP("mine", "{text}[MASK]", {"no": "n", "yes": "y"})
    made = encode(pvp.cloze(Example("u1", {"text": "abcdef"})), tokenizer, max_length=7)
    assert made.row.ids.tolist() == [CLS, *letters("abc"), MASK, EOS, SOP]
    assert made.cut == {"text": 3}


def test_the_longer_side_of_the_border_loses_first(tokenizer):
    one = cloze([shortenable("abcd", field="first"), SPLIT, BLANK, shortenable("ef", field="second")])
    made = encode(one, tokenizer, max_length=8)
    assert part_a(made) == [CLS, *letters("ab"), MASK, *letters("e"), EOS]
    assert made.cut == {"first": 2, "second": 1}


@pytest.mark.parametrize(("cut", "kept"), [("tail", "abc"), ("head", "def"), ("middle", "ab…f")])
def test_what_is_kept_is_the_text_as_it_stands(tokenizer, cut, kept):
    one = cloze([Text("-"), shortenable("abcdef", cut=cut, field="t"), BLANK])
    laid = lay_out(one, tokenizer, room=7, max_length=9)
    assert laid.ids == (CLS, *letters("-"), *letters(kept.replace("…", "")), MASK, EOS)
    assert laid.kept == ("-", kept, "")
    assert laid.source == (-1, 0, 1, 1, 1, 2, -1)
    assert (laid.blanks, laid.cut) == ((5,), {"t": 3})


def test_a_text_may_be_limited_before_anything_is_cut(tokenizer):
    one = cloze([shortenable("abcdef", max=2, field="a"), shortenable("ghi", max=9, field="b"), BLANK])
    made = encode(one, tokenizer, max_length=20)
    assert part_a(made) == [CLS, *letters("abghi"), MASK, EOS]
    assert made.cut == {"a": 4}


def test_dear_text_is_cut_last(tokenizer):
    one = cloze([shortenable("abc", field="cheap"), shortenable("def", priority=1, field="dear"), BLANK])
    assert part_a(encode(one, tokenizer, max_length=8)) == [CLS, *letters("def"), MASK, EOS]
    assert encode(one, tokenizer, max_length=7).cut == {"cheap": 3, "dear": 1}


@pytest.mark.parametrize(
    ("cut", "kept"),
    [("tail", " the pond"), ("head", "pond froze "), ("middle", " the…froze ")],
)
def test_spaces_between_words_go_with_the_cut_and_those_at_the_ends_stay(tmp_path, cut, kept):
    bert = load_tokenizer(wordpiece(tmp_path))
    one = Cloze("u1", (shortenable(" the pond froze ", cut=cut, field="t"), BLANK), ("pond",), ("0",))
    assert lay_out(one, bert, room=6, max_length=99).kept[0] == " the pond froze "
    laid = lay_out(one, bert, room=5, max_length=99)
    assert (laid.kept[0], laid.cut) == (kept, {"t": 1})


def test_a_space_that_is_part_of_a_word_goes_with_it(tmp_path):
    gpt2 = load_tokenizer(byte_pairs(tmp_path))
    one = Cloze("u1", (shortenable(" the the é", field="t"), BLANK), ("t",), ("0",))
    assert [gpt2.token(id) for id in gpt2.encode(" the the é").ids] == ["▁the", "▁the", "▁", "é"]
    found = [lay_out(one, gpt2, room=room, max_length=99).kept[0] for room in (7, 6, 5, 4, 3)]
    assert found == [" the the é", " the the ", " the the", " the", ""]


def test_half_a_letter_is_shown_whole(tmp_path):
    gpt2 = load_tokenizer(byte_pairs(tmp_path))
    one = Cloze("u1", (shortenable("tô", field="t"), BLANK), ("t",), ("0",))
    assert len(gpt2.encode("tô")) == 3, "the letter is two bytes, and two tokens"
    laid = lay_out(one, gpt2, room=5, max_length=99)
    assert (len(laid.ids), laid.kept[0]) == (5, "tô")


# ---- any cloze

TEXTS = st.text("abc de", max_size=12)
CUTTABLE = st.builds(
    shortenable,
    TEXTS,
    cut=st.sampled_from(["tail", "head", "middle"]),
    priority=st.integers(0, 2),
    max=st.none() | st.integers(0, 8),
    field=st.sampled_from(["p", "q"]),
)
PARTS = st.lists(CUTTABLE | st.builds(Text, TEXTS) | st.just(SPLIT), max_size=6).filter(
    lambda parts: parts.count(SPLIT) < 2
)


@given(
    PARTS,
    st.integers(0, 6),
    st.lists(st.text("xyz", min_size=1, max_size=5), min_size=1, max_size=4),
    st.integers(0, 40),
)
def test_a_mask_is_never_cut_and_what_is_kept_stood_in_the_text(parts, at, answers, length):
    tokenizer = Letters()
    parts = [*parts[:at], BLANK, *parts[at:]]
    one = cloze(parts, answers)
    longest = max(map(len, answers)) + 1
    fixed = sum(len(part.text) for part in parts if isinstance(part, Text) and not part.cut and part.text.strip())
    if fixed + 3 > length - longest:
        with pytest.raises(TemplateError, match="--max-length"):
            encode(one, tokenizer, max_length=length)
        return
    made = encode(one, tokenizer, max_length=length)
    laid = lay_out(one, tokenizer, room=length - longest, max_length=length)
    assert part_a(made) == list(laid.ids)
    assert laid.ids.count(MASK) == 1
    assert laid.ids[laid.blanks[0]] == MASK
    assert max(len(row.ids) for row in unpack(made.row)) <= length
    assert goals(made) == [[*letters(answer), EOP] for answer in answers]
    lost = 0
    for index, (part, kept) in enumerate(zip(laid.parts, laid.kept, strict=True)):
        own = [id for id, source in zip(laid.ids, laid.source, strict=True) if source == index]
        if not isinstance(part, Text):
            assert kept == ""
            continue
        whole = letters(part.text) if part.text.strip() else []
        assert own == letters(kept.replace("…", "")) or (kept.isspace() and not own)
        lost += len(whole) - len(own)
        if part.cut is None:
            assert own == whole
        elif part.cut == "tail":
            assert part.text.startswith(kept)
        elif part.cut == "head":
            assert part.text.endswith(kept)
        elif "…" in kept:
            front, back = kept.split("…")
            assert part.text.startswith(front)
            assert part.text.endswith(back)
            assert len(front) - len(back) in (0, 1)
        if part.max is not None and part.cut:
            assert len(own) <= part.max
    assert sum(made.cut.values()) == lost
    if lost == 0:
        assert laid.kept == tuple(part.text if isinstance(part, Text) else "" for part in parts)


@given(PARTS, st.lists(st.text("xyz", min_size=1, max_size=5), min_size=1, max_size=4), st.integers(40, 60))
def test_packed_answers_read_what_the_longest_reads_alone(parts, answers, length):
    tokenizer = Letters()
    one = cloze([*parts, BLANK], answers)
    try:
        made = encode(one, tokenizer, max_length=length)
    except TemplateError:
        return
    longest = answers.index(max(answers, key=len))
    alone = encode(cloze(one.parts, answers[longest : longest + 1]), tokenizer, max_length=length)
    mine, (other,) = unpack(made.row)[longest], unpack(alone.row)
    assert mine.ids.tolist() == other.ids.tolist()
    assert mine.positions.tolist() == other.positions.tolist()
    assert mine.targets.tolist() == other.targets.tolist()
