"""The options that a program of old would have had on its command line, with the values it would start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glm_pack_legacy.stand_ins.tokenizer import StandInTokenizer

OPTIONS: Mapping[str, Any] = {
    "adapet": False,
    "cache_dir": "",
    "cloze_eval": True,
    "continuous_prompt": False,
    "fast_decode": False,
    "few_superglue": False,
    "length_penalty": 0,
    "loss_func": "cross_entropy",
    "max_segment_length": 0,
    "max_seq_length": 256,
    "model_name_or_path": "",
    "model_type": "bert",
    "multi_token": False,
    "num_prompt_tokens": 0,
    "pattern_text": False,
    "prefix_prompt": 0,
    "pretrained_bert": False,
    "prompt_func": "lstm",
    "seed": 42,
    "segment_length": 0,
    "seq_length": 256,
    "task_mask": False,
    "unidirectional": False,
    "verbalizer_file": None,
    "wrapper_type": "mlm",
    "wsc_negative": False,
}


class Settings:
    """`args` of GLM, `wrapper.config` of PET. An option that is not known here is an error that says what to type."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"{self._name}.{name} is not known here; give it with --arg {name}=VALUE")


class Wrapper:
    """The model wrapper of PET, without a model."""

    def __init__(self, config: Settings, tokenizer: StandInTokenizer) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.task_helper = None

    @property
    def model(self) -> Any:
        raise AttributeError("there is no model while a pattern is ported; a pattern sees the example only")
