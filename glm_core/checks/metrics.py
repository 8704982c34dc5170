"""M501 to M504: the metrics, called with predictions that are made up from labelled examples; no model says them."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from glm_core.checks.finding import Finding
from glm_core.checks.subject import Subject
from glm_core.examples import Answer, Example, Prediction
from glm_core.pvp import Cloze
from glm_core.tasks import Metric, Task

N_EXAMPLES = 200
_VARIANTS = 4  # ways to be partly wrong
_LOWER = re.compile(r"(?<![a-z])(loss|perplexity|ppl|nll|error|errors|distance|wer|cer|mse|rmse|mae|bits)(?![a-z])")
_GROUPS = re.compile(r"(?<![a-z])(group|groups|grouped|question|questions|pair|pairs|parity)(?![a-z])")
_CLOSE = 1e-9


class Failed(Exception):
    """A metric raised an exception; the message is its name and first line."""


def check_metrics(subject: Subject, predictions: Sequence[Sequence[Prediction]] | None = None) -> Iterator[Finding]:
    """Every metric of the task: its direction, on empty input, and on predictions where there are labelled examples.

    predictions: the same examples answered in several ways; by default made up from the data.
    """
    predictions = made_up(subject) if predictions is None else predictions
    for name, metric in subject.task.metrics.items():
        yield from direction(subject, name, metric)
        try:
            wrong = not_numbers(measured(metric, predictions[0])) if predictions else ""
            failed = ""
        except Failed as error:
            wrong, failed = "", str(error)
        if wrong:
            yield _finding(subject, "M504", f"{name} returned {wrong}", name, metric)
            continue
        found = list(small_input(subject, name, metric, predictions))
        yield from found
        if failed and not found:
            yield _finding(subject, "M504", f"{name} raised {failed}", name, metric)
        elif predictions and not failed:
            yield from order(subject, name, metric, predictions)
            yield from groups(subject, name, metric, predictions)


def direction(subject: Subject, name: str, metric: Metric) -> Iterator[Finding]:
    """M501."""
    names = (name, str(getattr(metric, "__name__", "")))
    if any(_LOWER.search(_spoken(one)) for one in names) and not hasattr(metric, "lower_is_better"):
        message = f"'{name}' looks like lower is better; set lower_is_better"
        yield _finding(subject, "M501", message, name, metric)


def small_input(
    subject: Subject, name: str, metric: Metric, predictions: Sequence[Sequence[Prediction]]
) -> Iterator[Finding]:
    """M502; and M504 where it gives something else than numbers."""
    inputs: list[tuple[str, Sequence[Prediction]]] = [("[]", ())]
    for variant in predictions[:1]:
        gold = Counter(one.example.label for one in variant if one.example.label is not None)
        if gold:
            label = gold.most_common(1)[0][0]
            of_one = [one for one in variant if one.example.label == label]
            inputs += [("predictions of one class", of_one), ("a single prediction", of_one[:1])]
            others = [one for one in predictions[-1] if one.label != label]
            inputs.append(("predictions that are all wrong", [one for one in others if one.label != one.example.label]))
    for what, given in inputs:
        try:
            value = measured(metric, given)
        except Failed as error:
            yield _finding(subject, "M502", f"{name}({what}) raised {error}", name, metric)
            return
        wrong = not_numbers(value)
        if wrong:
            yield _finding(subject, "M504", f"{name}({what}) returned {wrong}", name, metric)
            return
        worst = math.inf if getattr(metric, "lower_is_better", False) and not given else None  # a fair word on nothing
        infinite = [one for one in _values(value) if not math.isfinite(one) and one != worst]
        if infinite:
            yield _finding(subject, "M502", f"{name}({what}) gave {float(infinite[0])}", name, metric)
            return


def order(
    subject: Subject, name: str, metric: Metric, predictions: Sequence[Sequence[Prediction]]
) -> Iterator[Finding]:
    """M503."""
    rng = random.Random(0)
    for variant in predictions:
        before = measured(metric, variant)
        for _ in range(3):
            shuffled = sorted(variant, key=lambda _: rng.random())
            if not same(before, measured(metric, shuffled)):
                message = f"{name} changed when the predictions were shuffled"
                yield _finding(subject, "M503", message, name, metric)
                return


def groups(
    subject: Subject, name: str, metric: Metric, predictions: Sequence[Sequence[Prediction]]
) -> Iterator[Finding]:
    """M504, for a metric whose name speaks of groups."""
    names = (name, str(getattr(metric, "__name__", "")))
    sizes = Counter(one.example.group for one in predictions[0] if one.example.group is not None) if predictions else {}
    if not any(_GROUPS.search(_spoken(one)) for one in names) or max(sizes.values(), default=0) < 2:
        return
    for variant in predictions:
        alone = [replace(one, example=replace(one.example, group=one.example.uid)) for one in variant]
        if not same(measured(metric, variant), measured(metric, alone)):
            return
    message = f"{name} is the same without groups, and its name speaks of them; group by prediction.example.unit"
    yield _finding(subject, "M504", message, name, metric)


def measured(metric: Metric, predictions: Sequence[Prediction]) -> Any:
    """What a metric gives. Raises Failed."""
    try:
        return metric(list(predictions))
    except Exception as error:  # whatever a metric raises is what is looked for
        said = str(error).strip().splitlines()
        raise Failed(f"{type(error).__name__}{f': {said[0]}' if said else ''}") from error


def not_numbers(value: Any) -> str:
    """What a metric's value is instead of a number or a mapping of numbers; nothing where it is one."""
    for one in _values(value):
        if not _is_number(one):
            return str(one) if one is None or isinstance(one, bool) else f"a {type(one).__name__}"
    return "" if _values(value) else "an empty mapping"


def same(one: Any, other: Any) -> bool:
    """Whether two values of a metric are equal but for rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if not (_is_number(one) and _is_number(other)):
        return bool(one == other)
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE) or (math.isnan(one) and math.isnan(other))


def made_up(subject: Subject) -> list[list[Prediction]]:
    """Predictions of one labelled split, a few times: all right first, then differently wrong. Empty without labels."""
    readings = sorted(subject.readings.values(), key=lambda one: one.split.role != "tune")
    for reading in readings:
        examples = [one for one in reading.examples if one.label is not None or one.target is not None][:N_EXAMPLES]
        if examples:
            return predictions_of(subject.task, examples)
    return []


def predictions_of(task: Task, examples: Sequence[Example]) -> list[list[Prediction]]:
    """As `made_up`, of these examples; those whose pattern fails are left out."""
    clozes = [(one, cloze) for one in examples if (cloze := _cloze(task, one)) is not None]
    return [[_predict(task, *one, variant) for one in clozes] for variant in range(_VARIANTS)] if clozes else []


def _predict(task: Task, example: Example, cloze: Cloze, variant: int) -> Prediction:
    """Right for variant 0, otherwise decided by the uid."""
    dice = random.Random(f"{example.uid} {variant}").randrange(10_000)
    labels = cloze.label_names + ((cloze.otherwise,) if cloze.otherwise is not None else ())
    label = example.label if variant == 0 or not labels else labels[dice % len(labels)]
    answers = tuple(
        Answer(text, of, tuple(-1.0 - (dice + n) % 5 / 7 for n in range(len(text.split()) or 1)), greedy=of == label)
        for of, text in zip(cloze.labels, map(_text, cloze.answers), strict=True)
    )
    text = next((one.text.strip() for one in answers if one.label == label), "")
    if task.kind != "cloze":
        label = None
        text = _text(example.target) if variant == 0 or dice % 2 else " ".join(_text(example.target).split()[::-1])
    value = None
    if task.value_range is not None:
        low, high = task.value_range
        value = float(example.label or 0) if variant == 0 else low + (high - low) * (dice % 1000) / 1000
    scores = {one: -0.1 if one == label else -2.0 - n for n, one in enumerate(cloze.label_names)}
    return Prediction(example, label=label, text=text, answers=answers, scores=scores, value=value)


def _cloze(task: Task, example: Example) -> Cloze | None:
    for pvp in task.pvps:
        try:
            return task.cloze(example, pvp.name)
        except Exception:  # T301, T302 and V401 tell it
            continue
    return None


def _finding(subject: Subject, code: str, message: str, name: str, metric: Metric) -> Finding:
    return subject.finding(code, message, subject.sources.metric(subject.task, name, metric))


def _spoken(name: str) -> str:
    """A name in small letters with what joins its words as spaces."""
    return re.sub(r"[_\-./]+", " ", name.lower())


def _text(answer: str | tuple[str, ...] | None) -> str:
    return " … ".join(answer) if isinstance(answer, tuple) else answer or ""


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, Mapping) else [value]


def _is_number(value: Any) -> bool:
    """Whether `float` takes it, as the run that stores it will; text and truth values are none."""
    if isinstance(value, str | bool) or value is None:
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
