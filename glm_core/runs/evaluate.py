"""Examples → clozes → batches → scores → predictions, in the examples' order. Each kind of task has its own way.

Q clozes, C answers, T tokens of an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch.distributed as dist

from glm_core.backbone import Backbone, Weighed
from glm_core.config import EvalConfig, resolve
from glm_core.errors import DataError, UsageError
from glm_core.examples import Answer, Example, Prediction
from glm_core.generation_config import GenerationConfig
from glm_core.model.classifier import Classifier
from glm_core.pvp import Cloze
from glm_core.runs.evaluate_generation import write_texts, writing_instance
from glm_core.runs.evaluate_lm import text_instances, weigh_texts
from glm_core.runs.questions import Progress, Questions, arithmetic, one_way
from glm_core.runs.scoring import best_label, best_text, label_scores, refuse_nan
from glm_core.tasks import Task
from glm_core.training.batching import batch_overhead, token_batches


def evaluate(
    task: Task,
    backbone: Backbone,
    examples: Sequence[Example],
    *,
    pattern: str | int = 0,
    config: EvalConfig | None = None,
    generation: GenerationConfig | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """What the model says about each example, in the order of `examples`: it chooses, weighs or writes.

    Examples go through the model in batches of similar length; neither the batches nor the other examples change a
    prediction. Every token's log-probability is kept, so that all can be scored again in another way. A `Classifier` reads
    the examples without a pattern. Under several processes each one answers all examples and finds the same.

    generation: how blanks are written; by default what the task recommends. Tasks that write nothing have no use for it.
    Raises DataError for an example that makes no cloze, UsageError for a backbone that cannot do what the task asks,
    RunError for a model whose log-probabilities are not numbers.
    """
    config = config or EvalConfig()
    questions = evaluation_questions(task, backbone, examples, pattern=pattern, config=config, generation=generation)
    return answer(backbone, questions, config, progress=progress)


def evaluation_questions(
    task: Task,
    backbone: Backbone,
    examples: Sequence[Example],
    *,
    pattern: str | int,
    config: EvalConfig,
    generation: GenerationConfig | None = None,
) -> Questions:
    """The cloze of each example, encoded; for a classifier, the example as it reads without a pattern."""
    if isinstance(backbone, Classifier):
        plain = [_with_answers(task.plain(one)) for one in examples]
        return Questions(examples, plain, [[backbone.encode(one, max_length=config.max_length)] for one in plain])
    clozes = [task.cloze(example, pattern) for example in examples]
    if task.kind == "generation":
        if config.direction == "uni":
            raise UsageError(
                f"task {task.name} wants its blanks written; --direction uni is for texts that are weighed"
            )
        written = generation or resolve(GenerationConfig, task=task.advice())[0]
        return Questions(examples, clozes, [()] * len(clozes), task.kind, written)
    clozes = [_with_answers(one) for one in clozes]
    if task.kind == "lm":
        return Questions(examples, clozes, text_instances(backbone, clozes, config), task.kind)
    if config.direction == "uni":
        clozes = [one_way(one) for one in clozes]
    return Questions(examples, clozes, [[backbone.encode(one, max_length=config.max_length)] for one in clozes])


def training_questions(
    task: Task,
    backbone: Backbone,
    examples: Sequence[Example],
    *,
    pattern: str | int,
    config: EvalConfig,
    generation: GenerationConfig | None = None,
) -> Questions:
    """What a model learns from: the same clozes, with their targets where it is to write. Lengths are those of `config`."""
    if task.kind != "generation" or isinstance(backbone, Classifier):
        straight = replace(config, direction="bi")
        return evaluation_questions(task, backbone, examples, pattern=pattern, config=straight)
    written = generation or resolve(GenerationConfig, task=task.advice())[0]
    clozes = [_with_answers(task.cloze(example, pattern)) for example in examples]
    return Questions(
        examples,
        clozes,
        [
            [writing_instance(backbone, one, max_length=config.max_length, max_tokens=written.max_tokens)]
            for one in clozes
        ],
        task.kind,
        written,
    )


def _with_answers(cloze: Cloze) -> Cloze:
    """The cloze itself. Raises DataError where it has nothing to choose from, to weigh or to learn."""
    if not cloze.answers:
        raise DataError(f"example {cloze.uid}: pattern '{cloze.pattern}' has no answers to choose from")
    return cloze


def answer(
    backbone: Backbone, questions: Questions, config: EvalConfig, *, progress: Progress | None = None
) -> list[Prediction]:
    """The prediction of each question, in their order."""
    way = {"cloze": choose, "lm": weigh_texts, "generation": write_texts}[questions.kind]
    return way(backbone, questions, config, progress=progress)


def choose(
    backbone: Backbone, questions: Questions, config: EvalConfig, *, progress: Progress | None = None
) -> list[Prediction]:
    """The best label of each question, in their order."""
    device = next(backbone.module.parameters()).device
    instances = questions.all_instances()
    found: dict[int, Prediction] = {}
    lengths = [one.n_tokens for one in instances]
    for indices in token_batches(lengths, budget=config.batch_tokens, overhead=batch_overhead(device.type)):
        batch = backbone.collate([instances[index] for index in indices]).to(device)
        with arithmetic(device, config.precision):
            weighed = backbone.weigh(batch)
        for index, answers in zip(indices, _answers([questions.clozes[at] for at in indices], weighed), strict=True):
            found[index] = predict_one(
                questions.examples[index],
                questions.clozes[index],
                answers,
                cut=instances[index].cut,
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
    refuse_nan(cloze.uid, answers)
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
