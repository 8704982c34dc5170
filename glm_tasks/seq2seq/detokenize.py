"""What data sets write for brackets, quotes and unknown words, back in plain text. Source: SEQ2SEQ_LM 2."""

from __future__ import annotations

UNKNOWN, SENTENCE = "[UNK]", "[SEP]"

_SMALL = (("-lrb-", "("), ("-rrb-", ")"), ("-lsb-", "["), ("-rsb-", "]"), ("-lcb-", "{"), ("-rcb-", "}"))
_LARGE = tuple((name.upper(), mark) for name, mark in _SMALL)
_ENTITIES = (("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_QUOTES = (("''", '"'), ("``", '"'), ("`", "'"))
_ENDINGS = tuple((f" {ending}", ending) for ending in ("n't", "'s", "'d", "'ll"))


def gigaword(text: str) -> str:
    """Gigaword: unknown words, small brackets, entities."""
    return _replace(text, ("UNK", UNKNOWN), ("<unk>", UNKNOWN), *_SMALL, *_ENTITIES)


def cnn_dm_source(text: str) -> str:
    """CNN/DailyMail: brackets, quotes, endings of words; sentences are not marked."""
    return _cnn_dm(text.replace("<S_SEP>", ""))


def cnn_dm_target(text: str) -> str:
    """The same, with a mark between the sentences of a summary."""
    return _cnn_dm(text.replace("<S_SEP>", SENTENCE))


def unknown(text: str) -> str:
    """Texts to be filled: `_UNK` for an unknown word."""
    return text.replace("_UNK", UNKNOWN)


def _cnn_dm(text: str) -> str:
    return _replace(text, *_LARGE, *_QUOTES, *_ENDINGS)


def _replace(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text
