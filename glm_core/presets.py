"""The published GLM checkpoints: sizes, vocabulary, special tokens, the blanks they know.

Everything here follows from the published training scripts and vocabularies; nothing is read from a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from glm_core.config import ModelConfig
from glm_core.errors import UsageError, did_you_mean

Tokenizer = Literal["bert-wordpiece", "gpt2-bpe", "roberta-bpe", "chinese-sp"]

VOCABULARY_FILES: dict[Tokenizer, tuple[str, ...]] = {
    "bert-wordpiece": ("bert-base-uncased-vocab.txt",),
    "gpt2-bpe": ("gpt2-vocab.json", "gpt2-merges.txt"),
    "roberta-bpe": ("roberta-vocab.json", "roberta-merges.txt"),
    "chinese-sp": ("cog-pretrain.model",),
}
"""The published vocabularies, by the names they were published under."""


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
    tokenizer: Tokenizer
    n_tokens: int
    task_mask: bool = False  # [sMASK] and [gMASK] beside [MASK]
    fix_command_token: bool = True  # Chinese only: [gMASK] has an id of its own
    hub: str = ""  # its id on the model hub, where it is there
    collisions: tuple[tuple[str, ...], ...] = ()  # names of special tokens that share an id; `pad` is `eos` in all
    copied_rows: tuple[tuple[int, int], ...] = ()  # token rows (from, to) that its Hugging Face files hold twice

    @property
    def masks(self) -> frozenset[str]:
        """The blanks it was trained on."""
        return frozenset(("[MASK]", "[sMASK]", "[gMASK]") if self.task_mask else ("[MASK]",))

    @property
    def vocabulary_files(self) -> tuple[str, ...]:
        """The files that its tokenizer is made from."""
        return VOCABULARY_FILES[self.tokenizer]

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
        _sizes(12, 768, 512, _BERT), "bert-wordpiece", _BERT,
    ),
    Preset(
        "large", ("glm-large", "glm-large-blank", "blocklm-large-blank"), "GLM-Large, English",
        _sizes(24, 1024, 512, _BERT), "bert-wordpiece", _BERT,
    ),
    Preset(
        "large-chinese", ("glm-large-chinese", "blocklm-large-chinese", "glm-large-ch"), "GLM-Large, Chinese",
        _sizes(24, 1024, 1024, _CHINESE), "chinese-sp", _CHINESE, task_mask=True, hub="THUDM/glm-large-chinese",
    ),
    Preset(
        "doc", ("glm-doc", "glm-large-generation", "blocklm-large-generation"), "GLM-Doc, English, for long text",
        _sizes(24, 1024, 512, _BERT), "bert-wordpiece", _BERT,
    ),
    Preset(
        "410m", ("glm-410m", "glm-1.25-generation", "blocklm-1.25-generation"), "GLM-410M, English, for generation",
        _sizes(30, 1024, 512, _BERT), "bert-wordpiece", _BERT,
    ),
    Preset(
        "515m", ("glm-515m", "glm-1.5-generation", "blocklm-1.5-generation"), "GLM-515M, English, for generation",
        _sizes(30, 1152, 512, _BERT), "bert-wordpiece", _BERT, hub="THUDM/glm-515m",
    ),
    Preset(
        "roberta", ("glm-roberta", "glm-roberta-large", "glm-roberta-large-blank"), "GLM-RoBERTa, English",
        _sizes(24, 1024, 512, _ROBERTA), "roberta-bpe", _ROBERTA,
        collisions=(("eos", "pad", "sep"),),
    ),
    Preset(
        "2b", ("glm-2b", "blocklm-2b-512"), "GLM-2B, English",
        _sizes(36, 2048, 1024, _GPT2), "gpt2-bpe", _GPT2, task_mask=True, hub="THUDM/glm-2b",
    ),
    Preset(
        "10b", ("glm-10b", "glm-10b-1024"), "GLM-10B, English",
        _sizes(48, 4096, 1024, _GPT2), "gpt2-bpe", _GPT2, task_mask=True, hub="THUDM/glm-10b",
    ),
    Preset(
        "10b-chinese", ("glm-10b-chinese", "glm-10b-ch"), "GLM-10B, Chinese; [gMASK] shares its id with [eop]",
        _sizes(48, 4096, 1024, _CHINESE_OLD), "chinese-sp", _CHINESE_OLD, task_mask=True, fix_command_token=False,
        hub="THUDM/glm-10b-chinese", collisions=(("eop", "document_mask"),), copied_rows=((50007, 50009),),
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
