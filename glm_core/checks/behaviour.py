"""B601 to B604: a task together with a model, on a few examples; and B606, which needs neither."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_core.checks.finding import Finding
from glm_core.checks.subject import Reading, Rendered, Subject, several
from glm_core.checks.weighing import has_soft_places, weigh, worth
from glm_core.errors import GlmError, TemplateError
from glm_core.examples import Example
from glm_core.pvp import Cloze

if TYPE_CHECKING:
    from glm_core.backbone import Backbone

N_EXAMPLES = 4
N_ANSWERS = 4  # of an example, weighed one by one
N_MEASURED = 50
STEPS = 4
_TOLERANCE = 1e-4


def check_behaviour(subject: Subject) -> Iterator[Finding]:
    """All that needs a model; the model is loaded anew for what trains it."""
    from glm_core.checks.words import preference

    make = subject.model.make
    assert make is not None
    backbone = make()
    if subject.model.trained:
        yield from preference(subject, backbone)
    for rendered in subject.rendered:
        clozes = [cloze for _, _, cloze in rendered.clozes if cloze.answers]
        few = _that_fit(backbone, clozes[:: max(1, len(clozes) // N_EXAMPLES)][:N_EXAMPLES], subject.max_length)
        if few and not has_soft_places(few[0]):
            yield from batch_size(subject, backbone, rendered, few)
            yield from packed(subject, backbone, rendered, few)
    yield from unlabelled_splits(subject, backbone)
    yield from resumed(subject, backbone, make)


def batch_size(subject: Subject, backbone: Backbone, rendered: Rendered, clozes: Sequence[Cloze]) -> Iterator[Finding]:
    """B601."""
    together = weigh(backbone, clozes, max_length=subject.max_length)
    alone = weigh(backbone, clozes, max_length=subject.max_length, at_once=1)
    for cloze, one, other in zip(clozes, together, alone, strict=True):
        for a, b in zip(one, other, strict=True):
            apart = abs(worth(a) - worth(b))
            if not apart <= _TOLERANCE * max(1.0, abs(worth(a))):
                message = f"batch 1 and {len(clozes)} differ by {apart:.0e} on {cloze.uid}"
                yield subject.finding("B601", message, subject.sources.pattern(subject.task, rendered.pvp))
                return


def packed(subject: Subject, backbone: Backbone, rendered: Rendered, clozes: Sequence[Cloze]) -> Iterator[Finding]:
    """B602, on examples that are not cut."""
    for cloze in clozes:
        instance = backbone.encode(cloze, max_length=subject.max_length)
        if len(cloze.answers) < 2 or any(instance.cut.values()):
            continue
        (together,) = weigh(backbone, [cloze], max_length=subject.max_length)
        singles = [_only(cloze, index, instance) for index in range(len(together[:N_ANSWERS]))]
        each = weigh(backbone, singles, max_length=subject.max_length, at_once=1)
        for one, (alone,) in zip(together, each, strict=False):
            if not abs(worth(one) - worth(alone)) <= _TOLERANCE * max(1.0, abs(worth(one))):
                numbers = f"{worth(one):.4g} packed, {worth(alone):.4g} alone"
                message = f"answer '{one.text.strip()}' of {cloze.uid}: {numbers}"
                yield subject.finding("B602", message, subject.sources.pattern(subject.task, rendered.pvp))
                return


def resumed(subject: Subject, backbone: Backbone, make: Callable[[], Backbone]) -> Iterator[Finding]:
    """B603: a few steps at one go, and the same with a stop in between and everything encoded anew.

    `backbone` is as it was loaded until here, and trained afterwards.
    """
    reading = next((one for one in subject.readings.values() if one.split.role == "train"), None)
    if reading is None:
        return
    examples = [one for one in reading.examples if one.label is not None or one.target is not None][: 2 * STEPS]
    with tempfile.TemporaryDirectory() as folder:
        try:
            straight = _train(subject, examples, backbone, Path(folder) / "straight")
            _train(subject, examples, make(), Path(folder) / "resumed", stop_after=STEPS // 2)
            other = _train(subject, examples, make(), Path(folder) / "resumed")
        except _Nothing:
            return
    from torch import equal

    if any(not equal(straight[name], other[name]) for name in straight):
        places = subject.sources.pattern(subject.task, subject.task.pvps[0])
        yield subject.finding("B603", f"weights differ after step {STEPS}", places)


def unlabelled_splits(subject: Subject, backbone: Backbone) -> Iterator[Finding]:
    """B604."""
    from glm_core.checks.metrics import predictions_of
    from glm_core.runs.health import measure

    for name, reading in subject.readings.items():
        split = reading.split
        places = subject.sources.split(subject.task, name)
        if not split.labelled or split.role == "unlabeled":
            labelled = [one for one in reading.examples if one.label is not None]
            if labelled:
                (predictions, *_) = predictions_of(subject.task, labelled[:N_MEASURED]) or [[]]
                metrics = ", ".join(measure(subject.task, predictions)) or next(iter(subject.task.metrics))
                first = f"first: {labelled[0].uid} is '{labelled[0].label}'"
                message = f"{name} has no labels but {metrics} was reported ({first})"
                yield subject.finding("B604", message, places)
            elif subject.task.kind == "cloze":
                yield from _no_predictions(subject, backbone, reading)


def check_pickling(subject: Subject) -> Iterator[Finding]:
    """B606."""
    task = subject.task
    if _pickles(task):
        return
    for pvp in task.pvps:
        if not _pickles(pvp):
            what = next((_kind(one) for one in (pvp.pattern, pvp.verbalizer) if not _pickles(one)), "something")
            places = subject.sources.pattern(task, pvp)
            yield subject.finding("B606", f"PVP '{pvp.name}' holds {what} and cannot be pickled", places)
    for name, metric in task.metrics.items():
        if not _pickles(metric):
            places = subject.sources.metric(task, name, metric)
            yield subject.finding("B606", f"metric '{name}' is {_kind(metric)} and cannot be pickled", places)
    for what, value in (("reader", task.processor), ("segments function", task.segments)):
        if not _pickles(value):
            yield subject.finding("B606", f"the {what} {_why(value)} and cannot be pickled")


# ---- helpers


class _Nothing(Exception):
    """There is nothing to train on."""


class _Stop(Exception):
    """Raised inside a training to end it as a crash would."""


def _train(
    subject: Subject, examples: Sequence[Example], backbone: Backbone, folder: Path, *, stop_after: int = 0
) -> dict[str, Any]:
    """The parameters after some steps on these examples, encoded now."""
    from glm_core.config import TrainConfig, resolve
    from glm_core.training.trainer import Trainer

    task, pattern = subject.task, subject.task.pvps[0].name
    try:
        clozes = [task.cloze(one, pattern) for one in examples]
    except Exception as error:  # the pattern's failures are told elsewhere
        raise _Nothing from error
    length = subject.max_length
    clozes = _that_fit(backbone, [one for one in clozes if one.gold is not None], length)
    if not clozes:
        raise _Nothing
    small = {
        "steps": STEPS,
        "save_every": STEPS // 2,
        "batch_size": 2,
        "learning_rate": 1e-3,
        "eval_every": 0.0,
        "soft_tokens": 0,
        "soft_prefix": 0,
        "precision": "fp32",
    }
    advice = {**task.recommended, "objective": task.recommended.get("objective", _objective(subject)), **small}
    config = resolve(TrainConfig, task=advice)[0]
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone.prepare(config, clozes[0])

    def record(row: Any) -> None:
        if stop_after and row["event"] == "step" and row["step"] == stop_after + 1:
            raise _Stop

    try:
        instances = [backbone.encode(one, max_length=length) for one in clozes]
        Trainer(backbone, config, seed=1, record=record, progress=False).fit(instances, folder)
    except _Stop:
        return {}
    return {name: one.detach().clone() for name, one in backbone.module.state_dict().items()}


def _that_fit(backbone: Backbone, clozes: Sequence[Cloze], max_length: int) -> list[Cloze]:
    """Those whose words fit the row: T305 tells of the others, and texts to be weighed are read in windows."""
    found = []
    for one in clozes:
        try:
            backbone.encode(one, max_length=max_length)
        except TemplateError:
            continue
        found.append(one)
    return found


def _objective(subject: Subject) -> str:
    return "choice" if subject.task.kind == "cloze" else "lm"


def _only(cloze: Cloze, index: int, instance: Any) -> Cloze:
    """A cloze with one of its answers, closed off as it was among the others."""
    end = cloze.edges.end
    if end == "auto" and getattr(instance, "words", None) is None:
        end = "eop"
    return replace(
        cloze,
        answers=(cloze.answers[index],),
        labels=(cloze.labels[index],),
        parts=cloze.texts[index] if cloze.texts else cloze.parts,
        texts=(),
        gold=None,
        soft_gold=None,
        otherwise=None,
        edges=replace(cloze.edges, end=end),
    )


def _no_predictions(subject: Subject, backbone: Backbone, reading: Reading) -> Iterator[Finding]:
    """B604: an example without a label that cannot be answered."""
    from glm_core.config import EvalConfig
    from glm_core.runs.evaluate import evaluate

    examples = reading.sample(N_EXAMPLES)
    clozes = [subject.task.cloze(one) for one in examples] if subject.rendered[0].error is None else []
    if not clozes or has_soft_places(clozes[0]):
        return
    try:
        n = len(evaluate(subject.task, backbone, examples, config=EvalConfig(max_length=subject.max_length)))
        why = f"{n} predictions for {several(len(examples), 'example')}" if n != len(examples) else ""
    except GlmError as error:
        why = str(error)
    if why:
        places = subject.sources.split(subject.task, reading.split.name)
        yield subject.finding("B604", f"{reading.split.name}: no predictions: {why}", places)


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # pickle raises whatever the object's own methods raise
        return False
    return True


def _kind(value: Any) -> str:
    """What cannot be pickled, in words."""
    name = str(getattr(value, "__qualname__", ""))
    if "<lambda>" in name:
        return "a lambda"
    if "<locals>" in name:
        return f"the inner function {name.rpartition('.')[2]}"
    return f"a {type(value).__name__}"


def _why(value: Any) -> str:
    """Which attribute of an object cannot be pickled."""
    for name, one in getattr(value, "__dict__", {}).items():
        if not _pickles(one):
            return f"holds {_kind(one)} ('{name}')"
    return f"is {_kind(value)}"
