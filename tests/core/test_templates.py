"""Template strings: what they mean, what their errors say, and that data stay data."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from glm_core.errors import DataError, TemplateError
from glm_core.examples import Example
from glm_core.parts import BLANK, DOCUMENT_BLANK, SENTENCE_BLANK, SPLIT, Soft, Text
from glm_core.templates import parse

# text with everything that means something in a template
TRICKY = st.lists(
    st.one_of(
        st.sampled_from(["{", "}", "{{", "{text}", "[MASK]", "[[MASK]]", "[sMASK]", "{split}", "|", '"', "\\"]),
        st.sampled_from(["\n", " ", "\u3000"]),
        st.text(max_size=5),
        st.sampled_from(["🙂", "北京", "e\u0301", "\u2028", "don't"]),
    ),
    max_size=8,
).map("".join)  # fmt: skip


def ex(**fields: str) -> Example:
    return Example("e-1", fields)


def parts(source: str, **fields: str) -> list[object]:
    return list(parse(source, "it").parts(ex(**fields)))


def text(source: str, **fields: str) -> str:
    return "".join(one.text for one in parts(source, **fields) if isinstance(one, Text))


# ---- what pieces mean


def test_words_fields_and_a_blank() -> None:
    assert parts("{premise} It was [MASK].", premise="Fine.") == [
        Text("Fine.", "tail", field="premise"),
        Text(" It was "),
        BLANK,
        Text("."),
    ]


def test_whitespace_before_a_field_is_the_beginning_of_the_field() -> None:
    assert parts("Question: {question}? {answer}", question="who", answer="me") == [
        Text("Question:"),
        Text(" who", "tail", field="question"),
        Text("?"),
        Text(" me", "tail", field="answer"),
    ]


def test_whitespace_passes_over_the_border_and_soft_places() -> None:
    assert parts("So {split}{soft:2}{a}", a="x") == [Text("So"), SPLIT, Soft(2), Text(" x", "tail", field="a")]


def test_whitespace_between_two_fields_belongs_to_the_second() -> None:
    assert parts("{a} {b}", a="x ", b="y") == [Text("x ", "tail", field="a"), Text(" y", "tail", field="b")]


def test_the_three_blanks() -> None:
    assert parts("[MASK][sMASK] [gMASK]") == [BLANK, SENTENCE_BLANK, Text(" "), DOCUMENT_BLANK]


def test_escapes_are_the_characters_themselves() -> None:
    assert text("A set is {{1, 2}}, a mask [[MASK]] or [[gMASK]]") == "A set is {1, 2}, a mask [MASK] or [gMASK]"


def test_what_is_almost_a_blank_is_plain_text() -> None:
    assert text("[mask] [MASK") == "[mask] [MASK"


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("{a}", Text("One two.", "tail", field="a")),
        ("{a|keep}", Text("One two.", None, field="a")),
        ("{a|head}", Text("One two.", "head", field="a")),
        ("{a|middle}", Text("One two.", "middle", field="a")),
        ("{a|tail}", Text("One two.", "tail", field="a")),
        ("{a|max=200}", Text("One two.", "tail", max=200, field="a")),
        ("{a|priority=-2}", Text("One two.", "tail", priority=-2, field="a")),
        ("{a|strip_punct}", Text("One two", "tail", field="a")),
        ("{a|lower}", Text("one two.", "tail", field="a")),
        ("{a|lower|head|strip_punct|priority=1}", Text("one two", "head", 1, field="a")),
        ("{a|strip_punct|priority=1|lower|head}", Text("one two", "head", 1, field="a")),
        ('{a|default="x"}', Text("One two.", "tail", field="a")),
        ('{b|default="not \\"there\\" | }"}', Text('not "there" | }', "tail", field="b")),
        ('{empty|default="-"}', Text("-", "tail", field="empty")),
    ],
)
def test_filters(field: str, part: Text) -> None:
    assert parts(field, a="One two.", empty="") == [part]


def test_text_filters_work_from_left_to_right() -> None:
    assert text("{a|strip|cap}", a="  x!? ") == "X!? "[:3]
    assert text("{a|strip_punct|strip}", a="x! ") == "x!"
    assert text("{a|strip|strip_punct}", a="x! ") == "x"


def test_an_empty_field_leaves_its_whitespace_or_nothing() -> None:
    assert parts("{a}{b}", a="", b="x") == [Text("x", "tail", field="b")]
    assert parts("So {a}.", a="") == [Text("So"), Text(" ", "tail", field="a"), Text(".")]


def test_soft_places() -> None:
    assert parts('{soft}{soft:3}{soft:2="the sky"}') == [Soft(0), Soft(3), Soft(2, "the sky")]


def test_a_template_knows_its_fields_and_blanks() -> None:
    template = parse("{b} {a|keep} {b} [MASK] [gMASK]")
    assert template.fields == ("b", "a") and template.blanks == (BLANK, DOCUMENT_BLANK)


# ---- errors


@pytest.mark.parametrize(
    ("source", "column", "message", "under"),
    [
        ("{review|strp} It was [MASK].", 9, "unknown filter 'strp'; did you mean 'strip'?", "strp"),
        ("Review {review It was [MASK].", 8, "this brace is never closed; write {{ for a brace itself", "{"),
        ("Review } [MASK]", 8, "this brace was never opened; write }} for a brace itself", "}"),
        ("{review|head|keep} It was [MASK].", 1, "'head' and 'keep' contradict each other", "{review|head|keep}"),
        ("{review|max=2|keep}", 1, "'max' and 'keep' contradict each other", "{review|max=2|keep}"),
        ("{review|head|tail}", 14, "'tail' and 'head' contradict each other", "tail"),
        ("{review|max=many}", 9, "'max' wants a whole number, as in max=2", "max=many"),
        ("{review|max}", 9, "'max' wants a whole number, as in max=2", "max"),
        ("{review|default=none}", 9, "'default' wants text in double quotes, as in default=\"none\"", "default=none"),
        ("{review|keep=1}", 9, "'keep' takes no value", "keep=1"),
        ("{my review}", 1, "'my review' is not a field name; write {{ for a brace itself", "{my review}"),
        ("{}", 1, "a field needs a name; write {{ for a brace itself", "{}"),
        ("{split|keep}", 1, "{split} takes no filters", "{split|keep}"),
        ("{soft:three}", 1, 'write {soft:3}, or {soft:3="started from these words"}, or {soft}', "{soft:three}"),
        ("{a}{split}{b}{split}", 14, "a pattern has one {split}; this is the second", "{split}"),
        ("one\ntwo {x", 9, "this brace is never closed; write {{ for a brace itself", "{"),
    ],
)
def test_an_error_names_the_column_with_a_caret_under_the_place(source, column, message, under) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(source, "it-was")
    first, line, caret = str(caught.value).split("\n")
    assert first == f"pattern 'it-was', column {column}: {message}"
    start = caret.index("^")
    assert line[start : start + caret.count("^")] == under


def test_a_missing_field_is_told_with_the_example_and_what_to_do() -> None:
    with pytest.raises(TemplateError) as caught:
        parts("{text} It was [MASK].", review="x")
    assert str(caught.value) == (
        "pattern 'it', column 2: example e-1 has no field 'text' (it has review); add |default=\"…\" if that is meant\n"
        "    {text} It was [MASK].\n"
        "     ^^^^"
    )
    with pytest.raises(TemplateError, match="did you mean 'review'"):
        parts("{reviw} [MASK]", review="x")


def test_a_field_that_is_no_text_is_told() -> None:
    with pytest.raises(DataError, match="field 'a' of example e-1 is int, wants text"):
        parts("{a}", a=3)  # type: ignore[arg-type]


# ---- data stay data


@given(TRICKY, TRICKY)
def test_values_are_never_parsed_again(a: str, b: str) -> None:
    made = parts("{a|keep}-{b}[MASK]!", a=a, b=b)
    assert made.count(BLANK) == 1 and SPLIT not in made
    assert "".join(one.text for one in made if isinstance(one, Text)) == f"{a}-{b}!"
    kept = [one.text for one in made if isinstance(one, Text) and one.field == "a"]
    assert kept == ([a] if a else [])


@given(TRICKY, st.sampled_from(["", " ", "\n", " \t", "\u3000"]), TRICKY)
def test_whitespace_moves_and_is_never_lost(words: str, space: str, value: str) -> None:
    source = words.replace("{", "{{").replace("}", "}}")
    for mask in ("MASK", "sMASK", "gMASK"):
        source = source.replace(f"[[{mask}]]", f"[{mask}]").replace(f"[{mask}]", f"[[{mask}]]")
    expected = words
    for mask in ("MASK", "sMASK", "gMASK"):
        expected = expected.replace(f"[[{mask}]]", f"[{mask}]")
    made = parts(source + space + "{a}", a=value)
    assert "".join(one.text for one in made) == expected + space + value  # type: ignore[attr-defined]
    whole = expected + space
    ending = whole[len(whole.rstrip()) :]
    fields = [one.text for one in made if isinstance(one, Text) and one.field == "a"]
    assert fields == ([ending + value] if ending + value else [])


@given(TRICKY)
def test_text_filters_say_exactly_what_is_kept(value: str) -> None:
    import string

    assert text("{a|strip}", a=value) == value.strip()
    assert text("{a|strip_punct}", a=value) == value.rstrip(string.punctuation)
    assert text("{a|lower}", a=value) == value[:1].lower() + value[1:]
    assert text("{a|cap}", a=value) == value[:1].upper() + value[1:]


@given(st.text(alphabet='{}[]|=":MASKsgplitoft012 \\abc_', max_size=25))
def test_any_string_is_a_template_or_an_error_with_a_caret(source: str) -> None:
    try:
        template = parse(source, "x")
    except TemplateError as error:
        assert "column" in str(error) and "^" in str(error)
    else:
        assert template.source == source
