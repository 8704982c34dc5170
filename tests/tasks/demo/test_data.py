"""The demo's data set keeps the promises of its README: sizes, balance, no leaks, and labels that can be learnt."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[3] / "glm_tasks" / "demo" / "data"
SIZES = {"train": 240, "dev": 80, "test": 80}
LABELS = {"sentiment": {"positive", "negative"}, "follows": {"follows", "does-not-follow"}}
KEYS = {"sentiment": ["idx", "text", "label"], "follows": ["idx", "premise", "hypothesis", "label"]}
WORD_LIMITS = {"text": (5, 14), "premise": (5, 14), "hypothesis": (3, 9)}

Row = dict[str, Any]
each_task = pytest.mark.parametrize("task", LABELS)
each_file = pytest.mark.parametrize(("task", "split"), [(task, split) for task in LABELS for split in SIZES])


def rows_of(task: str, split: str) -> list[Row]:
    """The rows of one file, in its order."""
    lines = (DATA / task / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def texts_of(row: Row) -> tuple[str, ...]:
    """What a model reads of a row: its text, or its premise and its hypothesis."""
    return tuple(row[key] for key in row if key in WORD_LIMITS)


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; an apostrophe stays inside its word."""
    return re.findall(r"[\w']+", text.lower())


def accuracy_of_a_linear_model(
    train: list[tuple[dict[str, float], str]], dev: list[tuple[dict[str, float], str]]
) -> float:
    """Fit a logistic regression on (features, label) pairs and return its share of right answers on dev."""
    pytest.importorskip("sklearn")
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(DictVectorizer(), LogisticRegression(max_iter=2000))
    model.fit([features for features, _ in train], [label for _, label in train])
    return model.score([features for features, _ in dev], [label for _, label in dev])


def bag_of_words(text: str) -> dict[str, float]:
    return {word: float(count) for word, count in Counter(words(text)).items()}


def word_overlap(row: Row) -> dict[str, float]:
    """How much of the hypothesis the premise already says, without looking at any particular word."""
    premise, hypothesis = set(words(row["premise"])), set(words(row["hypothesis"]))
    shared = len(premise & hypothesis)
    return {
        "shared": shared,
        "new": len(hypothesis - premise),
        "share of hypothesis": shared / len(hypothesis),
        "share of both": shared / len(premise | hypothesis),
    }


@each_file
def test_a_file_has_its_promised_rows_keys_and_labels(task: str, split: str) -> None:
    rows = rows_of(task, split)
    assert [row["idx"] for row in rows] == list(range(SIZES[split]))
    assert all(list(row) == KEYS[task] for row in rows)
    assert {row["label"] for row in rows} == LABELS[task]


@each_file
def test_the_two_labels_are_equally_frequent(task: str, split: str) -> None:
    rows = rows_of(task, split)
    for label, count in Counter(row["label"] for row in rows).items():
        assert abs(count / len(rows) - 0.5) <= 0.02, f"{label}: {count} of {len(rows)}"


@each_file
def test_texts_are_short_clean_sentences(task: str, split: str) -> None:
    for row in rows_of(task, split):
        for key, (least, most) in WORD_LIMITS.items():
            if key in row:
                text = row[key]
                assert least <= len(text.split()) <= most, text
                assert text == " ".join(text.split()), f"stray white space: {text!r}"
                assert text[0].isupper() and text[-1] in ".!?", text


@each_task
def test_no_text_or_pair_occurs_twice_in_any_split(task: str) -> None:
    seen = Counter(
        tuple(" ".join(words(text)) for text in texts_of(row)) for split in SIZES for row in rows_of(task, split)
    )
    assert [texts for texts, count in seen.items() if count > 1] == []


def test_a_premise_or_a_hypothesis_stays_in_one_split() -> None:
    for key in ("premise", "hypothesis"):
        where = defaultdict(set)
        for split in SIZES:
            for row in rows_of("follows", split):
                where[" ".join(words(row[key]))].add(split)
        assert [text for text, splits in where.items() if len(splits) > 1] == []


def test_every_premise_and_every_hypothesis_has_both_labels_once() -> None:
    for split in SIZES:
        for key in ("premise", "hypothesis"):
            labels = defaultdict(list)
            for row in rows_of("follows", split):
                labels[row[key]].append(row["label"])
            assert all(sorted(found) == ["does-not-follow", "follows"] for found in labels.values())


@each_task
@pytest.mark.parametrize("split", ["dev", "test"])
def test_most_words_are_known_from_train(task: str, split: str) -> None:
    known = {word for row in rows_of(task, "train") for text in texts_of(row) for word in words(text)}
    met = [word for row in rows_of(task, split) for text in texts_of(row) for word in words(text)]
    assert sum(word in known for word in met) / len(met) >= 0.85


@pytest.mark.parametrize("split", ["dev", "test"])
def test_sentiment_can_be_learnt_from_single_words_but_not_wholly(split: str) -> None:
    train, held_out = (
        [(bag_of_words(row["text"]), row["label"]) for row in rows_of("sentiment", name)] for name in ("train", split)
    )
    assert 0.75 <= accuracy_of_a_linear_model(train, held_out) < 0.97


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("key", ["hypothesis", "premise"])
def test_one_half_of_a_pair_gives_nothing_away(key: str, split: str) -> None:
    train, held_out = (
        [(bag_of_words(row[key]), row["label"]) for row in rows_of("follows", name)] for name in ("train", split)
    )
    assert accuracy_of_a_linear_model(train, held_out) < 0.62


@pytest.mark.parametrize("split", ["dev", "test"])
def test_word_overlap_of_a_pair_helps(split: str) -> None:
    train, held_out = (
        [(word_overlap(row), row["label"]) for row in rows_of("follows", name)] for name in ("train", split)
    )
    assert accuracy_of_a_linear_model(train, held_out) > 0.60


def test_the_readme_states_licence_labels_and_counts() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    promised = [
        "Apache-2.0",
        "CC0",
        *map(str, SIZES.values()),
        *(label for names in LABELS.values() for label in names),
    ]
    assert [fact for fact in promised if fact not in readme] == []
