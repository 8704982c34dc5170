"""Where the keys of a TOML file stand, against the parser of the standard library; what is wrong in one, in plain words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from glm_core.toml_file import BARE_KEY, KeyPath, TomlError, TomlFile, load_toml, quoted

TEXT = """\
# a comment with [brackets] and = signs
title = "a # b"            # said here
[task.emotion]             # three tables begin here
kind = 'cloze'
a . b."c d" = 3

fields = { uid = "idx", text = [1,
   2, { x = true },        # inside
   [3,
    4]] }
long = \"\"\"
[not.a.table]
key = "value" \\\"""\"\"\"
raw = '''
x = 1'''
when = 1979-05-27 07:32:00
[[many]]
y = 1
[[many]]
y = 2
[many.inner]
"1" = 0x1F
"""


def test_every_key_has_the_line_on_which_it_is_written() -> None:
    assert TomlFile.parse(TEXT, "a.toml").lines == {
        ("title",): 2,
        ("task",): 3,
        ("task", "emotion"): 3,
        ("task", "emotion", "kind"): 4,
        ("task", "emotion", "a"): 5,
        ("task", "emotion", "a", "b"): 5,
        ("task", "emotion", "a", "b", "c d"): 5,
        ("task", "emotion", "fields"): 7,
        ("task", "emotion", "fields", "uid"): 7,
        ("task", "emotion", "fields", "text"): 7,
        ("task", "emotion", "fields", "text", 0): 7,
        ("task", "emotion", "fields", "text", 1): 8,
        ("task", "emotion", "fields", "text", 2): 8,
        ("task", "emotion", "fields", "text", 2, "x"): 8,
        ("task", "emotion", "fields", "text", 3): 9,
        ("task", "emotion", "fields", "text", 3, 0): 9,
        ("task", "emotion", "fields", "text", 3, 1): 10,
        ("task", "emotion", "long"): 11,
        ("task", "emotion", "raw"): 14,
        ("task", "emotion", "when"): 16,
        ("many",): 17,
        ("many", 0): 17,
        ("many", 0, "y"): 18,
        ("many", 1): 19,
        ("many", 1, "y"): 20,
        ("many", 1, "inner"): 21,
        ("many", 1, "inner", "1"): 22,
    }


def paths_in(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Every key and element of a parsed file, by walking it."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {path} if path else set()
    for key, one in inside:
        found |= paths_in(one, (*path, key))
    return found


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
keys = st.one_of(st.sampled_from(["a", "b-1", "labels"]), texts)
scalars = st.one_of(texts, st.integers(-99, 99), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
gaps = st.sampled_from(["", " ", "\n", " # ]} \"' [x]\n"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Sound TOML in many hands: tables, dotted and quoted keys, every kind of string, comments, lists over several lines."""

    def key(name: str) -> str:
        return name if BARE_KEY.fullmatch(name) and draw(st.booleans()) else quoted(name)

    def text(one: str) -> str:
        forms = [quoted(one)]
        if not any(ord(letter) < 32 or letter in "'\x7f" for letter in one):
            forms.append(f"'{one}'")
        if not any((ord(letter) < 32 and letter != "\n") or letter in "'\x7f" for letter in one):
            forms.append(f"'''\n{one}'''")
        forms.append('"""' + quoted(one)[1:-1] + '"""')
        return draw(st.sampled_from(forms))

    def value(one: Any) -> str:
        if isinstance(one, str):
            return text(one)
        if isinstance(one, bool):
            return str(one).lower()
        if isinstance(one, list):
            return "[" + ",".join(draw(gaps) + value(inner) + draw(gaps) for inner in one) + draw(gaps) + "]"
        if isinstance(one, dict):
            return "{" + ", ".join(f"{key(name)} = {value(inner)}" for name, inner in one.items()) + "}"
        return repr(one)

    lines = []
    for name, one in draw(st.dictionaries(keys, values, max_size=4)).items():
        lines.append(f"{draw(st.sampled_from(['', '  ']))}{key(name)} ={value(one)} # said")
    for name, table in draw(st.dictionaries(st.sampled_from(["t", "u v", "w"]), st.dictionaries(keys, values))).items():
        lines.append(f"\n[table.{key(name)}]")
        lines += [f"{key(inner)}. d = {value(one)}" for inner, one in table.items()]
    return draw(st.sampled_from(["\n", "\n\n", "\r\n"])).join(lines)


@given(documents())
def test_the_scan_finds_the_keys_that_the_parser_finds(text: str) -> None:
    try:
        parsed = load_toml(text)
    except ValueError:  # a key of the top that is named like the tables
        return
    file = TomlFile.parse(text, "a.toml")
    assert set(file.lines) == paths_in(parsed)
    lines = text.replace("\r\n", "\n").split("\n")
    for path, line in file.lines.items():
        name = path[-1]
        if isinstance(name, str) and BARE_KEY.fullmatch(name):
            assert name in lines[line - 1]


@given(texts)
def test_a_quoted_text_is_read_back(text: str) -> None:
    assert load_toml(f"{quoted(text)} = {quoted(text)}") == {text: text}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels = [joy]", "m.toml:1: column 11: this is no value; text stands in quotes"),
        ("\na = 1\na = 2", "m.toml:3: this key is given twice; keep one of them"),
        ("[t]\n[t]\n", "m.toml:2: column 3: this table is given twice; keep one of them"),
        ('a = "x\nb = 1', "m.toml:1: column 7: this text is never closed; it ends with a quote on the same line"),
        ('a = "\\d"', "a backslash is written twice, or the whole text stands in 'single quotes'"),
        ("a = [1,\n2", "m.toml:2: the file ends too early: unclosed"),
        ("a = 1 b = 2", "m.toml:1: column 7: the line should end here"),
        ("a", "m.toml:1: the file ends too early: expected '='"),
        ("x = {a = 1, = 2}", "m.toml:1: column 13: a key is wanted here"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(TomlError) as caught:
        TomlFile.parse(text, "m.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_utf8_are_told_with_their_line() -> None:
    with pytest.raises(TomlError, match=r"^m\.toml:2: byte 11 is not UTF-8; save the file as UTF-8$"):
        TomlFile.parse(b"a = 1\nb = '\xff'", "m.toml")


def test_a_byte_order_mark_and_windows_line_ends_are_nothing_special() -> None:
    assert TomlFile.parse(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n", "m.toml").lines == {("a",): 1, ("b",): 2}


def test_too_many_brackets_are_an_error_and_not_a_crash() -> None:
    with pytest.raises(TomlError, match="nested too deeply"):
        TomlFile.parse("a = " + "[" * 100_000, "m.toml")


def test_a_missing_key_has_the_line_of_the_table_around_it() -> None:
    file = TomlFile.parse("[a]\nb = 1\n", "m.toml")
    assert str(file.error(("a", "c", "d"), "no")) == "m.toml:1: no"
    assert str(file.error(("x",), "no")) == "m.toml: no"
