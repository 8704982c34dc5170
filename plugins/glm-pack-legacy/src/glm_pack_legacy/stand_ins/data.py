"""`InputExample`, `InputFeatures` and the data processors that others build on."""

from __future__ import annotations

import copy
import json
from pathlib import PurePath
from typing import Any


class InputExample:
    """An example as PET and GLM hand it about: two texts, a label, and whatever else in `meta`."""

    def __init__(
        self,
        guid: str,
        text_a: str,
        text_b: str | None = None,
        label: Any = None,
        logits: Any = None,
        meta: dict[str, Any] | None = None,
        idx: Any = -1,
        num_choices: int = 1,
    ) -> None:
        self.guid = guid
        self.text_a = text_a
        self.text_b = text_b
        self.label = label
        self.logits = logits
        self.idx = idx
        self.num_choices = num_choices
        self.meta = {} if meta is None else meta

    def __repr__(self) -> str:
        return self.to_json_string()

    def to_dict(self) -> dict[str, Any]:
        return copy.deepcopy(self.__dict__)

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, default=str) + "\n"


class InputFeatures:
    """Ids and masks of an example; a port never makes any."""

    def __init__(self, *values: Any, **named: Any) -> None:
        self.__dict__.update(named)


class DataProcessor:
    """Reads a data set. What a subclass leaves out is a split that it does not have."""

    def __init__(self, args: Any = None, *more: Any, **named: Any) -> None:
        self.args = args
        self.num_truncated = 0

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        raise NotImplementedError

    def get_dev_examples(self, data_dir: str, for_train: bool = False) -> list[InputExample]:
        raise NotImplementedError

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        raise NotImplementedError

    def get_unlabeled_examples(self, data_dir: str) -> list[InputExample]:
        raise NotImplementedError

    def get_labels(self) -> list[Any]:
        raise NotImplementedError

    @property
    def variable_num_choices(self) -> bool:
        return False

    def get_classifier_input(self, example: InputExample, tokenizer: Any) -> tuple[str, str | None]:
        return example.text_a, example.text_b


class SuperGLUEProcessor(DataProcessor):
    """GLM's processors for SuperGLUE: a subclass writes `_create_examples(path, set_type)`."""

    def __init__(self, args: Any = None) -> None:
        super().__init__(args)
        self.few_superglue = bool(getattr(args, "few_superglue", False))

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        return self._create_examples(_in(data_dir, "train.jsonl"), "train")

    def get_dev_examples(self, data_dir: str, for_train: bool = False) -> list[InputExample]:
        more = {"for_train": True} if for_train else {}
        return self._create_examples(_in(data_dir, "dev32.jsonl" if self.few_superglue else "val.jsonl"), "dev", **more)

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        return self._create_examples(_in(data_dir, "val.jsonl" if self.few_superglue else "test.jsonl"), "test")

    def get_unlabeled_examples(self, data_dir: str) -> list[InputExample]:
        return self._create_examples(_in(data_dir, "unlabeled.jsonl"), "unlabeled")

    def _create_examples(self, path: str, set_type: str, **more: Any) -> list[InputExample]:
        raise NotImplementedError


def clean_text(text: str) -> str:
    """One line with single spaces, and no space before a full stop (GLM, for RACE)."""
    text = " ".join(text.replace("\n", " ").split())
    for _ in range(3):
        text = text.replace(" . ", ". ")
    return text


def _in(folder: str, name: str) -> str:
    return str(PurePath(folder) / name)
