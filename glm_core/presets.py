"""The published GLM checkpoints: sizes, vocabulary, special tokens, the blanks they know.

Everything here follows from the published training scripts and vocabularies; nothing is read from a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from glm_core.config import ModelConfig
from glm_core.errors import UsageError, did_you_mean

Vocabulary = Literal["bert", "gpt2", "roberta", "chinese"]

VOCABULARY_FILES: dict[Vocabulary, tuple[str, ...]] = {
    "bert": ("bert-base-uncased-vocab.txt",),
    "gpt2": ("gpt2-vocab.json", "gpt2-merges.txt"),
    "roberta": ("roberta-vocab.json", "roberta-merges.txt"),
    "chinese": ("cog-pretrain.model",),
}

# Special tokens by name, before the two that a task mask adds.
_SPECIAL: dict[Vocabulary, dict[str, int]] = {
    "bert": {"pad": 0, "eos": 0, "unk": 100, "cls": 101, "sep": 102, "mask": 103, "sop": 30522, "eop": 30523},
    "gpt2": {
        "pad": 50256, "eos": 50256, "sop": 50257, "eop": 50258, "cls": 50259, "mask": 50260, "sep": 50261, "unk": 50262,
    },
    "roberta": {"cls": 0, "pad": 2, "eos": 2, "sep": 2, "unk": 3, "mask": 50264, "sop": 50265, "eop": 50266},
    "chinese": {
        "pad": 50000, "eos": 50000, "sep": 50001, "cls": 50002, "mask": 50003, "unk": 50004, "sop": 50006, "eop": 50007,
    },
}  # fmt: skip

_GROUPS = {"bert": ("pad", "eos"), "gpt2": ("pad", "eos"), "roberta": ("pad", "eos", "sep"), "chinese": ("pad", "eos")}


def special_ids(vocabulary: Vocabulary, *, task_mask: bool, fix_command_token: bool = True) -> dict[str, int]:
    """Ids of the special tokens by name, as the original's arithmetic makes them (MODEL 3).

    task_mask adds `sentence_mask` and `document_mask`. Without `fix_command_token` the Chinese vocabulary gives
    `document_mask` the id of `eop`.
    """
    ids = dict(_SPECIAL[vocabulary])
    if not task_mask:
        return ids
    last = max(ids.values())
    if vocabulary != "chinese":
        return ids | {"document_mask": last + 1, "sentence_mask": last + 2}
    if fix_command_token:
        return ids | {"sentence_mask": last + 1, "document_mask": last + 2}
    return ids | {"document_mask": last, "sentence_mask": last + 1}


def padded(n_tokens: int, multiple: int = 128) -> int:
    """Rows of the token table for so many ids; the padding rows are trained like any other."""
    return -(-n_tokens // multiple) * multiple


def count_parameters(config: ModelConfig) -> int:
    """Parameters of a GLM of this size; the token table counts once, because the output is tied to it."""
    width = config.hidden_size
    tables = 2 * (config.max_positions + 1) if config.block_positions else config.max_positions
    layer = 12 * width * width + 13 * width
    return (config.vocab_size + tables) * width + config.n_layers * layer + 2 * width


@dataclass(frozen=True)
class Preset:
    """A published checkpoint. `n_tokens` ids are in use; the token table is padded to `config.vocab_size` rows."""

    name: str
    aliases: tuple[str, ...]
    summary: str
    config: ModelConfig
    vocabulary: Vocabulary
    n_tokens: int
    task_mask: bool = False  # [sMASK] and [gMASK] beside [MASK]
    fix_command_token: bool = True  # Chinese only: [gMASK] has an id of its own
    hub: str = ""  # its id on the model hub, where it is there
    copied_rows: tuple[tuple[int, int], ...] = ()  # token rows (from, to) that its Hugging Face files hold twice

    @property
    def masks(self) -> frozenset[str]:
        """The blanks it was trained on."""
        return frozenset(("[MASK]", "[sMASK]", "[gMASK]") if self.task_mask else ("[MASK]",))

    @property
    def special(self) -> dict[str, int]:
        """Ids of its special tokens by name."""
        return special_ids(self.vocabulary, task_mask=self.task_mask, fix_command_token=self.fix_command_token)

    @property
    def collisions(self) -> tuple[tuple[str, ...], ...]:
        """Groups of special tokens that share an id, as published: known, and accepted."""
        shared = (_GROUPS[self.vocabulary],)
        ids = self.special
        return (*shared, ("eop", "document_mask")) if ids.get("document_mask") == ids["eop"] else shared

    @property
    def vocabulary_files(self) -> tuple[str, ...]:
        """The files that its tokenizer is made from."""
        return VOCABULARY_FILES[self.vocabulary]

    def n_parameters(self) -> int:
        """`count_parameters` of its sizes."""
        return count_parameters(self.config)


def _sizes(n_layers: int, hidden_size: int, max_positions: int, n_tokens: int) -> ModelConfig:
    """Every published model has heads of width 64."""
    return ModelConfig(
        n_layers=n_layers,
        hidden_size=hidden_size,
        n_heads=hidden_size // 64,
        vocab_size=padded(n_tokens),
        max_positions=max_positions,
    )


_BERT, _GPT2, _ROBERTA, _CHINESE, _CHINESE_OLD = 30524, 50265, 50267, 50010, 50009

PRESETS: tuple[Preset, ...] = (
    Preset(
        "base", ("glm-base", "glm-base-blank", "blocklm-base-blank"), "GLM-Base, English",
        _sizes(12, 768, 512, _BERT), "bert", _BERT,
    ),
    Preset(
        "large", ("glm-large", "glm-large-blank", "blocklm-large-blank"), "GLM-Large, English",
        _sizes(24, 1024, 512, _BERT), "bert", _BERT,
    ),
    Preset(
        "large-chinese", ("glm-large-chinese", "blocklm-large-chinese", "glm-large-ch"), "GLM-Large, Chinese",
        _sizes(24, 1024, 1024, _CHINESE), "chinese", _CHINESE, task_mask=True, hub="THUDM/glm-large-chinese",
    ),
    Preset(
        "doc", ("glm-doc", "glm-large-generation", "blocklm-large-generation"), "GLM-Doc, English, for long text",
        _sizes(24, 1024, 512, _BERT), "bert", _BERT,
    ),
    Preset(
        "410m", ("glm-410m", "glm-1.25-generation", "blocklm-1.25-generation"), "GLM-410M, English, for generation",
        _sizes(30, 1024, 512, _BERT), "bert", _BERT,
    ),
    Preset(
        "515m", ("glm-515m", "glm-1.5-generation", "blocklm-1.5-generation"), "GLM-515M, English, for generation",
        _sizes(30, 1152, 512, _BERT), "bert", _BERT, hub="THUDM/glm-515m",
    ),
    Preset(
        "roberta", ("glm-roberta", "glm-roberta-large", "glm-roberta-large-blank"), "GLM-RoBERTa, English",
        _sizes(24, 1024, 512, _ROBERTA), "roberta", _ROBERTA,
    ),
    Preset(
        "2b", ("glm-2b", "blocklm-2b-512"), "GLM-2B, English",
        _sizes(36, 2048, 1024, _GPT2), "gpt2", _GPT2, task_mask=True, hub="THUDM/glm-2b",
    ),
    Preset(
        "10b", ("glm-10b", "glm-10b-1024"), "GLM-10B, English",
        _sizes(48, 4096, 1024, _GPT2), "gpt2", _GPT2, task_mask=True, hub="THUDM/glm-10b",
    ),
    Preset(
        "10b-chinese", ("glm-10b-chinese", "glm-10b-ch"), "GLM-10B, Chinese; [gMASK] shares its id with [eop]",
        _sizes(48, 4096, 1024, _CHINESE_OLD), "chinese", _CHINESE_OLD, task_mask=True, fix_command_token=False,
        hub="THUDM/glm-10b-chinese", copied_rows=((50007, 50009),),
    ),
)  # fmt: skip


def preset(name: str) -> Preset:
    """A published checkpoint by its name, an alias or its hub id; capitals do not matter.

    Raises UsageError that lists the names and the nearest one.
    """
    known = {one: found for found in PRESETS for one in (found.name, *found.aliases, found.hub.lower()) if one}
    found = known.get(name.lower())
    if found is None:
        names = ", ".join(one.name for one in PRESETS)
        raise UsageError(f"no published model '{name}' (there are {names}){did_you_mean(name.lower(), known)}")
    return found
