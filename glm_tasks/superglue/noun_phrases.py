"""Spans of a text that look like noun phrases, found without a parser: a stand-in for candidates that a file lacks.

The rule, from left to right over the words of the text:

1. A determiner or possessive (`the`, `his`, `Anna's`) and up to three words after it. The span ends before a function word,
   before a word that looks like a verb or adverb (`-ed`, `-ly`; a word right after the determiner is taken as it is), after
   a name and after punctuation. An owner is a span, and so is the owner with what is owned. A name at the end is a span too
   (`his rival Bill`).
2. A run of words with a capital letter (`Mr. Singer`), function words and adverbs apart; at the start of a sentence too.
3. Two such spans around `and` or `of` are a third one; so is one before `of` and a bare noun (`the bag of flour`).
4. Failing all these, each word of four letters or more that is no function word.

Spans that touch the named span or the pronoun are left out, and so are those with the same words as the named span, its
determiner apart. Each remaining one is given once, in the order of the text, without the punctuation around it.

On WSC's own files, 88 of 100 spans that other examples of the same text name are among them, with three to four candidates
per example.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

_DETERMINER_LIST = """
a an the this these those my your his her its our their some any every each no another both all one two three four
five many several
"""
_FUNCTION_LIST = """
that i me mine you yours he him she hers it we us ours they them theirs himself herself itself themselves myself
yourself who whom whose which what when where why how there here then now and or but nor so yet for if because since
until while although though unless as than of in on at by to from with without into onto over under above below
between among through during before after about against along across around behind beside besides near off out up down
inside outside toward towards upon within like is am are was were be been being do does did done have has had having
will would shall should can could may might must not never ever always often soon just only even still also too very
quite almost already again once twice more most much less least such other others same own few yes let got get gets
getting go goes went gone going came come comes coming make makes made take takes took taken give gives gave given
said say says see sees saw seen know knows knew known think thinks thought told tell tells ran run runs sat sit left
put kept keep keeps felt feel feels found find finds held hold holds won win lost lose met meet paid pay sent send
stood stand fell fall broke break became become began begin heard hear read sold sell bought buy caught catch brought
bring taught teach fought fight wrote write spoke speak ate eat drank drink drove drive flew fly knew threw throw wore
wear ought well maybe perhaps later meanwhile finally afterwards instead didn't don't doesn't couldn't can't won't
wouldn't wasn't isn't hadn't
"""
_DETERMINERS = frozenset(_DETERMINER_LIST.split())
_FUNCTION_WORDS = _DETERMINERS | frozenset(_FUNCTION_LIST.split())
_ENDS = frozenset(".,;:!?")
_TITLES = frozenset(("Mr.", "Mrs.", "Ms.", "Dr.", "St."))
_LONGEST = 3

Range = tuple[int, int]


def noun_phrases(words: Sequence[str], *, without: Sequence[Range] = (), unlike: str = "") -> list[str]:
    """Texts of the spans that look like noun phrases.

    words: the words of the text, with the punctuation that clings to them. without: ranges of words (end exclusive) that no
    span may touch. unlike: a text that none may equal.
    """
    ranges = _joined(words, _ranges(words))
    found = _texts(words, ranges, without, unlike)
    if not found:
        content = [(at, at + 1) for at, word in enumerate(words) if len(_bare(word)) >= 4 and not _is_function(word)]
        found = _texts(words, content, without, unlike)
    return found


def _ranges(words: Sequence[str]) -> list[Range]:
    ranges: list[Range] = []
    at = 0
    while at < len(words):
        end = at
        if words[at].lower().strip('"') in _DETERMINERS:
            end = _noun_end(words, at + 1)
        if end <= at + 1:
            end = _name_end(words, at)
        if end == at:
            at += 1
            continue
        ranges.append((at, end))
        if _owns(words, end):
            whole = _noun_end(words, end + (words[end - 1][-2:] != "'s"))
            ranges.append((at, whole))
            at = end
            continue
        name = next((place for place in range(at + 1, end) if _name_end(words, place) == end), end)
        if name < end and not _bare(words[at])[:1].isupper():
            ranges.append((name, end))
        at = end
    return ranges


def _owns(words: Sequence[str], end: int) -> bool:
    """Whether the words before `end` own what follows: `Anna's`, or `Anna` before a word `'s`."""
    return words[end - 1].endswith("'s") or (end < len(words) and words[end] == "'s")


def _noun_end(words: Sequence[str], first: int) -> int:
    """Where the words after a determiner stop being its noun phrase."""
    at = first
    while at < len(words) and at - first < _LONGEST:
        word = _bare(words[at]).lower()
        if not word or _is_function(words[at]) or (at > first and word.endswith(("ed", "ly"))):
            break
        if at > first and _bare(words[at - 1])[:1].isupper() and not _bare(words[at])[:1].isupper():
            break
        at += 1
        if _ends(words[at - 1]) or words[at - 1].endswith("'s"):
            break
    return at


def _name_end(words: Sequence[str], first: int) -> int:
    """Where a run of capitalized words ends."""
    at = first
    while at < len(words):
        bare = _bare(words[at])
        if not bare[:1].isupper() or _is_function(words[at]) or bare.endswith("ly"):
            break
        at += 1
        if words[at - 1] not in _TITLES and (_ends(words[at - 1]) or words[at - 1].endswith("'s")):
            break
    return at


def _joined(words: Sequence[str], ranges: Sequence[Range]) -> list[Range]:
    """The ranges, and after each two that `and` or `of` joins, both together; `of` takes a bare noun too."""
    joined: list[Range] = []
    starts = {start for start, _ in ranges}
    for start, end in ranges:
        joined.append((start, end))
        noun = end + 1
        if words[end:noun] == ["of"] and noun < len(words) and noun not in starts and not _is_function(words[noun]):
            joined.append((start, noun + 1))
        before = [first for first, last in ranges if last == start - 1]
        if before and words[start - 1] in ("and", "of"):
            joined.append((before[0], end))
    return joined


def _texts(words: Sequence[str], ranges: Sequence[Range], without: Sequence[Range], unlike: str) -> list[str]:
    seen = {_core(unlike)}
    found = []
    for start, end in ranges:
        if any(start < there_end and there < end for there, there_end in without):
            continue
        text = " ".join(words[start:end]).strip(string.punctuation + " ")
        text = text.removesuffix("'s").rstrip()
        if text and _core(text) not in seen:
            seen.add(_core(text))
            found.append(text)
    return found


def _core(text: str) -> str:
    """A text without case, its first determiner and the punctuation around it."""
    words = text.lower().strip(string.punctuation + " ").split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in _DETERMINERS else words)


def _is_function(word: str) -> bool:
    return _bare(word).lower() in _FUNCTION_WORDS


def _bare(word: str) -> str:
    return word.strip(string.punctuation)


def _ends(word: str) -> bool:
    return word[-1:] in _ENDS or word[-2:-1] in _ENDS
