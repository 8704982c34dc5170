# ruff: noqa
"""Two texts and a claim about them, as people write it for the original GLM: ids for the mask, None for soft places."""

import csv
import os

from data_utils.corpora import punctuation_standardization
from tasks.data_utils import InputExample
from tasks.superglue.dataset import PROCESSORS, DataProcessor
from tasks.superglue.pvp import PVP, PVPS
from utils import print_rank_0


class ClaimsProcessor(DataProcessor):
    def get_train_examples(self, data_dir):
        return self._create_examples(os.path.join(data_dir, "train.tsv"), "train")

    def get_dev_examples(self, data_dir, for_train=False):
        return self._create_examples(os.path.join(data_dir, "dev.tsv"), "dev")

    def get_test_examples(self, data_dir):
        return self._create_examples(os.path.join(data_dir, "test.tsv"), "test")

    def get_labels(self):
        return ["entailment", "not_entailment"]

    def _create_examples(self, path, set_type):
        print_rank_0(f"Creating examples from {path}")
        examples = []
        with open(path, encoding="utf8", newline="") as file:
            for idx, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)):
                label = {"1": "entailment", "0": "not_entailment"}[row[2]]
                text_a, text_b = map(punctuation_standardization, row[:2])
                examples.append(InputExample(f"{set_type}-{idx}", text_a, text_b, label, idx=idx))
        return examples


class ClaimsPVP(PVP):
    VERBALIZER_A = {"not_entailment": [" No"], "entailment": [" Yes"]}
    VERBALIZER_B = {"not_entailment": [" false", " wrong"], "entailment": [" true", " right"]}

    @staticmethod
    def available_patterns():
        return [0, 1, 2, 3, 4]

    @property
    def spell_length(self):
        return self.num_prompt_tokens + self.prefix_prompt

    def get_parts(self, example):
        text_a = example.text_a
        text_b = example.text_b.rstrip("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
        if self.pattern_id == 0:
            return [None, '"', self.shortenable(text_b), '" ?'], [
                None,
                [self.mask],
                ",",
                None,
                ' "',
                self.shortenable(text_a),
                '"',
            ]
        if self.pattern_id == 1:
            return [None, self.shortenable(text_b), "?"], [None, [self.mask], ",", None, self.shortenable(" " + text_a)]
        if self.pattern_id == 2:
            parts = [None, self.shortenable(text_a), None, " question:", self.shortenable(" " + text_b)]
            return [*parts, " True or False?", None, " answer:", [self.mask]], []
        if self.pattern_id == 3:
            return [self.shortenable(text_a), " Is it so that ", self.shortenable(text_b), "?"], [self.mask, "."]
        if self.pattern_id == 4:
            return [
                self.shortenable(text_a),
                "- [",
                [self.mask],
                "]",
                self.tokenizer.EncodeAsIds(" " + text_b).tokenization,
            ], None
        raise NotImplementedError(self.pattern_id)

    def verbalize(self, label):
        return ClaimsPVP.VERBALIZER_B[label] if self.pattern_id == 2 else ClaimsPVP.VERBALIZER_A[label]


PVPS["claims"] = ClaimsPVP
PROCESSORS["claims"] = ClaimsProcessor
