# ruff: noqa
"""A PVP and a processor as people write them for PET: two texts in `InputExample`, a JSON line per row."""

import json
import os

import log
from pet.pvp import PVP, PVPS
from pet.tasks import DEFAULT_METRICS, METRICS, PROCESSORS, TASK_HELPERS, DataProcessor
from pet.utils import InputExample

logger = log.get_logger("root")


class ReviewsProcessor(DataProcessor):
    def get_train_examples(self, data_dir):
        return self._read(os.path.join(data_dir, "train.jsonl"), "train")

    def get_dev_examples(self, data_dir):
        return self._read(os.path.join(data_dir, "val.jsonl"), "dev")

    def get_test_examples(self, data_dir):
        raise NotImplementedError()

    def get_unlabeled_examples(self, data_dir):
        return self._read(os.path.join(data_dir, "unlabeled.jsonl"), "unlabeled")

    def get_labels(self):
        return ["neg", "pos"]

    def _read(self, path: str, set_type: str) -> list[InputExample]:
        logger.info("reading %s", path)
        examples = []
        with open(path, encoding="utf8") as f:
            for i, line in enumerate(f):
                row = json.loads(line)
                examples.append(
                    InputExample(
                        guid="%s-%s" % (set_type, i),
                        text_a=row["review"],
                        text_b=row["film"],
                        label=row.get("sentiment", "neg"),
                    )
                )
        return examples


class ReviewsPVP(PVP):
    VERBALIZER = {"neg": ["terrible", "bad"], "pos": ["great", "good"]}

    def get_parts(self, example):
        text = self.shortenable(example.text_a)
        if self.pattern_id == 0:
            return ["It was", self.mask, ".", text], []
        if self.pattern_id == 1:
            return [text, "All in all, it was", self.mask, "."], []
        if self.pattern_id == 2:
            return ["Just", self.mask, "!"], [self.remove_final_punc(text), ","]
        if self.pattern_id == 3:
            return ["About", example.text_b, ": ", self.lowercase_first(text)], ["In short: " + self.mask]
        raise ValueError(f"No pattern implemented for id {self.pattern_id}")

    def verbalize(self, label):
        return ReviewsPVP.VERBALIZER[label]


PVPS["reviews"] = ReviewsPVP
PROCESSORS["reviews"] = ReviewsProcessor
METRICS["reviews"] = DEFAULT_METRICS
TASK_HELPERS.pop("reviews", None)
