"""Examples → clozes → batches → scores → predictions, in the examples' order.

Q clozes, C answers, T tokens of an answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from glm_core.backbone import Backbone, Weighed
from glm_core.config import EvalConfig
from glm_core.errors import DataError, RunError, UsageError
from glm_core.examples import Answer, Example, Prediction
from glm_core.model.classifier import Classifier
from glm_core.pvp import Cloze
from glm_core.runs.scoring import best_label, best_text, label_scores
from glm_core.tasks import Task
from glm_core.training.batching import token_batches

Progress = Callable[[int, int], None]  # (done, of)


@dataclass(frozen=True, eq=False)
class Questions:
    """Examples made ready for a backbone: encoded once, answered as often as wanted."""

    examples: Sequence[Example]
    clozes: Sequence[Cloze]
    instances: Sequence[Any]

    def every(self, step: int, *, start: int) -> Questions:
        """Every `step`-th of them."""
        return Questions(self.examples[start::step], self.clozes[start::step], self.instances[start::step])


def evaluate(
    task: Task,
    backbone: Backbone,
    examples: Sequence[Example],
    *,
    pattern: str | int = 0,
    config: EvalConfig | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """What the model says about each example, in the order of `examples`.

    Examples are weighed in batches of similar length; neither the batches nor the other examples change a prediction.
    Every token's log-probability is kept, so that all can be scored again in another way. A `Classifier` reads the
    examples without a pattern. Under several processes each one weighs all examples and finds the same.

    Raises DataError for an example that makes no cloze, UsageError for a task that writes instead of choosing, RunError
    for a model whose log-probabilities are not numbers.
    """
    config = config or EvalConfig()
    questions = encode_examples(task, backbone, examples, pattern=pattern, max_length=config.max_length)
    return answer(backbone, questions, config, progress=progress)


def encode_examples(
    task: Task, backbone: Backbone, examples: Sequence[Example], *, pattern: str | int, max_length: int
) -> Questions:
    """The cloze of each example, encoded; for a classifier, the example as it reads without a pattern."""
    if task.kind == "generation":
        raise UsageError(f"task {task.name} wants its blanks written; only tasks that choose or weigh are evaluated")
    if isinstance(backbone, Classifier):
        clozes = [task.plain(example) for example in examples]
    else:
        clozes = [task.cloze(example, pattern) for example in examples]
    for cloze in clozes:
        if not cloze.answers:
            raise DataError(f"example {cloze.uid}: pattern '{cloze.pattern}' has no answers to choose from")
    return Questions(examples, clozes, [backbone.encode(cloze, max_length=max_length) for cloze in clozes])


def answer(
    backbone: Backbone, questions: Questions, config: EvalConfig, *, progress: Progress | None = None
) -> list[Prediction]:
    """The prediction of each question, in their order."""
    device = next(backbone.module.parameters()).device
    found: dict[int, Prediction] = {}
    for indices in token_batches([one.n_tokens for one in questions.instances], budget=config.batch_tokens):
        batch = backbone.collate([questions.instances[index] for index in indices]).to(device)
        with arithmetic(device, config.precision):
            weighed = backbone.weigh(batch)
        for index, answers in zip(indices, _answers([questions.clozes[at] for at in indices], weighed), strict=True):
            found[index] = predict_one(
                questions.examples[index],
                questions.clozes[index],
                answers,
                cut=questions.instances[index].cut,
                length_penalty=config.length_penalty,
            )
        if progress is not None:
            progress(len(found), len(questions.examples))
    return [found[index] for index in range(len(questions.examples))]


def answer_together(backbone: Backbone, questions: Questions, config: EvalConfig) -> list[Prediction]:
    """The same, the work divided among the processes of a run that has met; each gets all predictions."""
    if not (dist.is_available() and dist.is_initialized()):
        return answer(backbone, questions, config)
    rank, n_ranks = dist.get_rank(), dist.get_world_size()
    shares: list[Any] = [None] * n_ranks
    dist.all_gather_object(shares, answer(backbone, questions.every(n_ranks, start=rank), config))
    return [shares[index % n_ranks][index // n_ranks] for index in range(len(questions.examples))]


def predict_one(
    example: Example,
    cloze: Cloze,
    answers: tuple[Answer, ...],
    *,
    cut: Mapping[str, int] | None = None,
    length_penalty: float = 0.0,
) -> Prediction:
    """The label with the best score, and all that was weighed.

    Where the pattern names a label for "none of these" (`otherwise`), it is chosen unless an answer is exactly what
    greedy writing would give.
    """
    for one in answers:
        if any(math.isnan(value) for value in one.log_probs):
            raise RunError(
                f"the model gives no number for example {cloze.uid} (nan): its weights diverged; "
                "train with a smaller --learning-rate or --precision fp32"
            )
    scores = label_scores(answers, combine=cloze.combine, length_penalty=length_penalty)
    open_to_choice = scores
    if cloze.otherwise is not None:
        if any(one.greedy is None for one in answers):
            raise UsageError(
                f"pattern '{cloze.pattern}' asks what greedy writing would give; this backbone does not tell"
            )
        greedy = {one.label for one in answers if one.greedy}
        open_to_choice = {label: score for label, score in scores.items() if label in greedy}
    if not open_to_choice:
        return Prediction(example, label=cloze.otherwise, answers=answers, scores=scores, cut=dict(cut or {}))
    label = best_label(open_to_choice)
    return Prediction(
        example,
        label=label,
        text=best_text(answers, label, length_penalty=length_penalty),
        answers=answers,
        scores=scores,
        cut=dict(cut or {}),
    )


def _answers(clozes: Sequence[Cloze], weighed: Weighed) -> Iterator[tuple[Answer, ...]]:
    """The answers of each cloze with the log-probabilities that a batch found for them."""
    log_probs, mask = weighed.log_probs.float().cpu().tolist(), weighed.mask.cpu().tolist()
    greedy = None if weighed.greedy is None else weighed.greedy.cpu().tolist()
    for q, cloze in enumerate(clozes):
        yield tuple(
            Answer(
                text=" … ".join(text) if isinstance(text, tuple) else text,
                label=label,
                log_probs=tuple(value for value, there in zip(log_probs[q][c], mask[q][c], strict=True) if there),
                greedy=None if greedy is None else greedy[q][c],
            )
            for c, (text, label) in enumerate(zip(cloze.answers, cloze.labels, strict=True))
        )


def arithmetic(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """The forward pass in this precision; parameters keep theirs."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype={"bf16": torch.bfloat16, "fp16": torch.float16}[precision])
