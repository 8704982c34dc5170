"""The special tokens of each vocabulary: which there are, how they are written, which ids they have.

Order and ids are those of THUDM/GLM (`data_utils/tokenization.py`, `data_utils/sp_tokenizer.py`), so that the embedding
rows of the published checkpoints mean the same here. Some vocabularies give one id to several tokens; that is repeated
faithfully, and `SpecialTokens.collisions` names it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from glm_core.errors import UsageError

KINDS = ("bert-wordpiece", "gpt2-bpe", "roberta-bpe", "chinese-sp")

END_OF_TEXT = "<|endoftext|>"
STRINGS: Mapping[str, str] = {
    "cls": "[CLS]",
    "eos": END_OF_TEXT,
    "pad": END_OF_TEXT,
    "sop": "<|startofpiece|>",
    "eop": "<|endofpiece|>",
    "mask": "[MASK]",
    "unk": "[UNK]",
    "sep": "[SEP]",
    "sentence_mask": "[sMASK]",
    "document_mask": "[gMASK]",
    "decoder_block": "[dBLOCK]",
}
"""How each special token is written, but for BERT, where `pad` and `eos` are `[PAD]`."""

ANY_SPECIAL_STRING = frozenset({*STRINGS.values(), "[PAD]"})
"""What is a special token in some vocabulary. In the others it is ordinary text."""


_EVERY_GLM_NEEDS = ("cls", "eos", "pad", "sop", "eop", "mask", "unk", "sep")


class SpecialToken(NamedTuple):
    """One line of a vocabulary's table of special tokens."""

    name: str
    string: str
    id: int
    eats_space: bool = False
    """Where the token is looked for in text, the whitespace to its left disappears."""


@dataclass(frozen=True)
class TokenizerOptions:
    """What decides, beside the vocabulary itself, which ids a text gets."""

    task_mask: bool = False
    """`[gMASK]` and `[sMASK]` exist beside `[MASK]`."""
    decoder_mask: bool = False
    """`[dBLOCK]` exists (pretraining with blocks for a decoder)."""
    fix_command_token: bool = True
    """chinese-sp only: `[gMASK]` has its own id (GLM-Large-Chinese), or else that of `eop` (GLM-10B-Chinese)."""
    sentinels: int = 0
    """bert-wordpiece only: n adds `[MASK1]`, `<|startofpiece1|>`, … up to n-1."""
    lowercase: bool = False
    """bert-wordpiece only: text is lower-cased and loses its accents."""


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the special tokens. None: this vocabulary does not have it."""

    cls: int
    eos: int
    pad: int
    sop: int
    eop: int
    mask: int
    unk: int
    sep: int
    sentence_mask: int | None = None
    document_mask: int | None = None
    decoder_block: int | None = None
    sentinels: tuple[tuple[int, int], ...] = ()
    """(`[MASKi]`, `<|startofpiecei|>`) for i = 1, 2, …"""
    strings: Mapping[str, str] = field(default_factory=lambda: dict(STRINGS), hash=False, repr=False)
    """From the names above (and `mask1`, `sop1`, … for sentinels) to the strings in text."""

    @classmethod
    def from_table(cls, table: Iterable[SpecialToken]) -> SpecialTokens:
        """Read the ids off a vocabulary's table. Raises UsageError where a token that every GLM needs is missing."""
        by_name = {token.name: token for token in table}
        missing = [name for name in _EVERY_GLM_NEEDS if name not in by_name]
        if missing:
            raise UsageError(f"this vocabulary has no special token for {', '.join(missing)}; GLM needs all of them")
        named = {f.name: by_name[f.name].id for f in dataclasses.fields(cls) if f.name in by_name}
        rest = [token for token in by_name.values() if token.name not in STRINGS]  # mask1, sop1, mask2, …
        pairs = [(mask.id, sop.id) for mask, sop in zip(rest[::2], rest[1::2], strict=True)]
        strings = {name: token.string for name, token in by_name.items()}
        return cls(**named, sentinels=tuple(pairs), strings=strings)

    def names(self) -> dict[int, tuple[str, ...]]:
        """From every id in use to the names that stand for it."""
        found: dict[int, tuple[str, ...]] = {}
        for name in (f.name for f in dataclasses.fields(self)):
            value = getattr(self, name)
            if isinstance(value, int):
                found[value] = (*found.get(value, ()), name)
        for i, (mask, sop) in enumerate(self.sentinels, 1):
            found[mask] = (*found.get(mask, ()), f"mask{i}")
            found[sop] = (*found.get(sop, ()), f"sop{i}")
        return found

    def collisions(self) -> list[tuple[int, tuple[str, ...]]]:
        """Ids with several names, and the names. That `pad` is `eos` holds for every GLM and alone does not count."""
        return [
            (id, names) for id, names in sorted(self.names().items()) if len(names) > 1 and {*names} != {"pad", "eos"}
        ]


def check_collisions(special: SpecialTokens, *, known: Collection[Collection[str]] = ()) -> None:
    """Refuse ids that mean two things, except those of which one knows: `known=[("eop", "document_mask")]`.

    Raises UsageError that names every other collision.
    """
    accepted = {frozenset(names) for names in known}
    clashes = [(id, names) for id, names in special.collisions() if frozenset(names) not in accepted]
    if clashes:
        told = "; ".join(f"{id} is {' and '.join(special.strings.get(n, n) for n in names)}" for id, names in clashes)
        raise UsageError(
            f"special tokens share an id: {told}. A model cannot tell them apart; check the tokenizer's options"
        )


def known_collisions(kind: str, options: TokenizerOptions) -> tuple[tuple[str, ...], ...]:
    """The collisions with which published checkpoints of this kind were trained."""
    if kind == "roberta-bpe":
        return (("eos", "pad", "sep"),)
    if kind == "chinese-sp" and not options.fix_command_token:
        return (("eop", "document_mask"),)
    return ()


def special_table(
    kind: str, vocabulary: Mapping[str, int], n_text: int, options: TokenizerOptions, *, block_symbols: bool = True
) -> tuple[SpecialToken, ...]:
    """The special tokens of a vocabulary with n_text text tokens, in the original's order of definition.

    `vocabulary` is asked for the tokens that are entries of it; the others get the ids from n_text on.
    `block_symbols=False` is the table of a model that fills no blanks, without `sop` and `eop`: for comparison only.
    Raises UsageError for an unknown kind, KeyError where the vocabulary lacks an entry that its kind needs.
    """
    makers = {"bert-wordpiece": _bert, "gpt2-bpe": _gpt2, "roberta-bpe": _roberta, "chinese-sp": _chinese}
    if kind not in makers:
        raise UsageError(f"unknown kind of tokenizer {kind!r}; there are {', '.join(KINDS)}")
    if options.sentinels and kind != "bert-wordpiece":
        raise UsageError(f"sentinel tokens exist for bert-wordpiece only, not for {kind}")
    return tuple(makers[kind](vocabulary, n_text, options, block_symbols))


def _bert(
    vocabulary: Mapping[str, int], n_text: int, options: TokenizerOptions, block_symbols: bool
) -> list[SpecialToken]:
    pad = vocabulary["[PAD]"]
    table = [SpecialToken("pad", "[PAD]", pad)]
    table += [SpecialToken(name, STRINGS[name], vocabulary[STRINGS[name]]) for name in ("cls", "mask", "unk", "sep")]
    table += [SpecialToken("eos", "[PAD]", pad)]
    if block_symbols:
        names = ["sop", "eop"] + ["document_mask", "sentence_mask"] * options.task_mask
        names += ["decoder_block"] * options.decoder_mask
        table += [SpecialToken(name, STRINGS[name], n_text + i) for i, name in enumerate(names)]
    first = max(n_text, *(token.id + 1 for token in table))
    for i in range(1, options.sentinels):
        table += [
            SpecialToken(f"mask{i}", f"[MASK{i}]", first),
            SpecialToken(f"sop{i}", f"<|startofpiece{i}|>", first + 1),
        ]
        first += 2
    return table


def _gpt2(
    vocabulary: Mapping[str, int], n_text: int, options: TokenizerOptions, block_symbols: bool
) -> list[SpecialToken]:
    end = vocabulary.get(END_OF_TEXT)
    if end is None:  # a small vocabulary of one's own: the first id after the text
        end, n_text = n_text, n_text + 1
    table = [SpecialToken("pad", END_OF_TEXT, end), SpecialToken("eos", END_OF_TEXT, end)]
    if block_symbols:
        names = ["sop", "eop", "cls", "mask", "sep", "unk"]
        table += [SpecialToken(name, STRINGS[name], n_text + i, name == "mask") for i, name in enumerate(names)]
        table += _further_masks(n_text + len(names), ("document_mask", "sentence_mask"), options)
    return table


def _roberta(
    vocabulary: Mapping[str, int], n_text: int, options: TokenizerOptions, block_symbols: bool
) -> list[SpecialToken]:
    end = vocabulary["</s>"]
    table = [
        SpecialToken("pad", END_OF_TEXT, end),
        SpecialToken("eos", END_OF_TEXT, end),
        SpecialToken("sep", STRINGS["sep"], end),
        SpecialToken("cls", STRINGS["cls"], vocabulary["<s>"]),
        SpecialToken("mask", STRINGS["mask"], vocabulary["<mask>"], True),
        SpecialToken("unk", STRINGS["unk"], vocabulary["<unk>"]),
    ]
    if block_symbols:
        table += [SpecialToken("sop", STRINGS["sop"], n_text), SpecialToken("eop", STRINGS["eop"], n_text + 1)]
        table += _further_masks(n_text + 2, ("document_mask", "sentence_mask"), options)
    return table


def _chinese(
    vocabulary: Mapping[str, int], n_text: int, options: TokenizerOptions, block_symbols: bool
) -> list[SpecialToken]:
    table = [SpecialToken("pad", END_OF_TEXT, n_text), SpecialToken("eos", END_OF_TEXT, n_text)]
    names = ["sep", "cls", "mask", "unk"]
    table += [SpecialToken(name, STRINGS[name], n_text + i, name == "mask") for i, name in enumerate(names, 1)]
    if block_symbols:  # n_text + 5 belongs to nobody
        table += [SpecialToken("sop", STRINGS["sop"], n_text + 6), SpecialToken("eop", STRINGS["eop"], n_text + 7)]
        if options.fix_command_token:
            table += _further_masks(n_text + 8, ("sentence_mask", "document_mask"), options)
        else:  # the original counts one too few, so the first of these is `eop` once more
            table += _further_masks(n_text + 7, ("document_mask", "sentence_mask"), options)
    return table


def _further_masks(first: int, masks: tuple[str, str], options: TokenizerOptions) -> list[SpecialToken]:
    table = [SpecialToken(name, STRINGS[name], first + i, True) for i, name in enumerate(masks) if options.task_mask]
    if options.decoder_mask:
        table.append(SpecialToken("decoder_block", STRINGS["decoder_block"], first + len(table)))
    return table
