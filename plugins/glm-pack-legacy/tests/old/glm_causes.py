# ruff: noqa
"""Answers of every example's own, one of which is right, as people write it for the original GLM."""

import copy
import json

from tasks.data_utils import InputExample
from tasks.superglue.dataset import SuperGLUEProcessor
from tasks.superglue.pvp import PVP


class CausesProcessor(SuperGLUEProcessor):
    def get_labels(self):
        return [0, 1]

    def _create_examples(self, path, set_type, for_train=False):
        examples = []
        with open(path, encoding="utf8") as f:
            for line in f:
                row = json.loads(line)
                meta = {key: row[key] for key in ("choice1", "choice2", "question")}
                label = row.get("label")
                examples.append(
                    InputExample(f"{set_type}-{row['idx']}", row["premise"], None, label, meta=meta, idx=row["idx"])
                )
        if set_type == "train":
            for one in list(examples):
                swapped = copy.deepcopy(one)
                swapped.meta["choice1"], swapped.meta["choice2"] = one.meta["choice2"], one.meta["choice1"]
                swapped.label, swapped.guid = 1 - one.label, one.guid + "m"
                examples.append(swapped)
        return examples


class CausesPVP(PVP):
    @property
    def is_multi_token(self):
        return True

    @staticmethod
    def available_patterns():
        return [0, 1, 2]

    def get_answers(self, example):
        return [" " + self.remove_final_punc(self.lowercase_first(example.meta[key])) for key in ("choice1", "choice2")]

    def get_parts(self, example):
        premise = self.remove_final_punc(self.shortenable(" " + example.text_a))
        one, two = (self.remove_final_punc(self.lowercase_first(example.meta[key])) for key in ("choice1", "choice2"))
        joiner = " because" if example.meta["question"] == "cause" else ", so"
        if self.pattern_id == 0:
            return [None, '"', one, '" or "', two, '"?', None, premise, joiner, None, [self.mask], "."], []
        if self.pattern_id == 1:
            return [
                one,
                " or",
                " " + two,
                "?",
                premise,
                " What is the " + example.meta["question"] + "?",
                [self.mask],
            ], []
        return ["Which one?", premise, [self.mask], "."], []

    def verbalize(self, label):
        return []
