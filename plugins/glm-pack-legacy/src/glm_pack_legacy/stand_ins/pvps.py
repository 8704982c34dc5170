"""The base classes that a PVP of PET or of GLM builds on: what their patterns may ask, and nothing that needs a model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from glm_core import lowercase_first, strip_final_punctuation, uppercase_first

Shortenable = tuple[str, bool]


class LegacyPVP:
    """What both have in common: helpers that take a text, or a text that may be shortened."""

    pattern_id = 0

    @staticmethod
    def shortenable(s: str) -> Shortenable:
        return s, True

    @staticmethod
    def remove_final_punc(s: str | Shortenable) -> Any:
        return (strip_final_punctuation(s[0]), s[1]) if isinstance(s, tuple) else strip_final_punctuation(s)

    @staticmethod
    def lowercase_first(s: str | Shortenable) -> Any:
        return (lowercase_first(s[0]), s[1]) if isinstance(s, tuple) else lowercase_first(s)

    @staticmethod
    def uppercase_first(s: str | Shortenable) -> Any:
        return (uppercase_first(s[0]), s[1]) if isinstance(s, tuple) else uppercase_first(s)

    @property
    def max_num_verbalizers(self) -> int:
        return max((len(self.verbalize(label)) for label in self._labels()), default=1)

    def get_parts(self, example: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no get_parts()")

    def verbalize(self, label: Any) -> Sequence[str]:
        return []

    def _labels(self) -> Sequence[Any]:
        return []


class PetPVP(LegacyPVP):
    """PET's: made with a wrapper, and its mask is a string."""

    def __init__(self, wrapper: Any, pattern_id: int = 0, verbalizer_file: str | None = None, seed: int = 42) -> None:
        self.wrapper = wrapper
        self.pattern_id = pattern_id
        self.rng = random.Random(seed)

    @property
    def mask(self) -> str:
        return self.wrapper.tokenizer.mask_token

    @property
    def mask_id(self) -> int:
        return self.wrapper.tokenizer.mask_token_id

    def _labels(self) -> Sequence[Any]:
        return self.wrapper.config.label_list


class GlmPVP(LegacyPVP):
    """GLM's: made with a tokenizer, and its mask is an id."""

    def __init__(
        self,
        args: Any,
        tokenizer: Any,
        label_list: Sequence[Any],
        max_seq_length: int,
        pattern_id: int = 0,
        verbalizer_file: str | None = None,
        seed: int = 42,
        is_multi_token: bool = False,
        max_segment_length: int = 0,
        fast_decode: bool = False,
        split: str = "train",
        num_prompt_tokens: int = 0,
    ) -> None:
        self.args = args
        self.tokenizer = tokenizer
        self.label_list = label_list
        self.max_seq_length = max_seq_length
        self.pattern_id = pattern_id
        self.num_prompt_tokens = num_prompt_tokens
        self.rng = random.Random(seed)
        self.num_truncated = 0
        self.fast_decode = fast_decode
        self.split = split
        self.max_segment_length = max_segment_length
        self.task_mask = args.task_mask
        self.continuous_prompt = args.continuous_prompt
        self.prefix_prompt = args.prefix_prompt
        self._is_multi_token = is_multi_token

    @property
    def is_multi_token(self) -> bool:
        return self._is_multi_token

    @property
    def spell_length(self) -> int:
        return 0

    @property
    def mask(self) -> int:
        return self.tokenizer.get_command("MASK").Id

    @property
    def mask_id(self) -> int:
        return self.mask

    @staticmethod
    def available_patterns() -> list[int]:
        return [0]

    def get_answers(self, example: Any) -> Sequence[str] | None:
        return None

    def _labels(self) -> Sequence[Any]:
        return self.label_list


def get_verbalization_ids(word: str, tokenizer: Any, force_single_token: bool) -> int | list[int]:
    """PET's ids of a word. Words may have any number of tokens here, so one is given where one is asked for."""
    ids = tokenizer.encode(word, add_special_tokens=False)
    return ids[0] if force_single_token else ids
