"""One task of a `pack.toml`, key by key (PACKS 7): every mistake is one line with its place and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as fields_of
from inspect import signature
from pathlib import Path
from typing import Any, get_args

from glm_core import metrics
from glm_core.config import EvalConfig, TrainConfig, resolve
from glm_core.errors import TemplateError, UsageError, did_you_mean
from glm_core.examples import Example
from glm_core.generation_config import GenerationConfig
from glm_core.packs_check import TASK_NAME, check_blanks
from glm_core.pvp import PVP, Combine, Edges
from glm_core.tasks import Kind, Metric, Task
from glm_core.toml_data import read_processor
from glm_core.toml_table import Table

KEYS = (
    *("kind", "summary", "revision", "languages", "labels", "metrics", "format", "header", "columns", "fields"),
    *("combine", "license", "citation", "splits", "label_names", "words", "patterns", "words_for", "recommended"),
    *("recipes", "edges", "value_range"),
)
_CONFIGS = (TrainConfig, EvalConfig, GenerationConfig)  # whose options a task may recommend
_ONLY_CLOZE = ("labels", "words", "words_for", "label_names", "value_range", "combine")


def read_task(tasks: Table, name: str, home: Path | None) -> Task:
    """The task of this name in the table `task`; `home` is the folder of the file. Raises TomlError."""
    value = tasks.values[name]
    if name in KEYS and not (isinstance(value, Mapping) and "splits" in value):
        what = f"[task.NAME.{name}]" if isinstance(value, Mapping) else f"[task.NAME], and {name} below it"
        raise tasks.error(name, f"'{name}' stands outside of any task; write {what}")
    if not TASK_NAME.match(name):
        raise tasks.error(name, f"'{name}' is not a task name; use small letters, digits, . and -")
    told = tasks.table(name)
    assert told is not None
    told.only(KEYS)
    _refuse_strays(told)
    kind: Kind = told.one_of("kind", get_args(Kind)) or "cloze"  # type: ignore[assignment]
    if kind != "cloze":
        for key in _ONLY_CLOZE:
            if key in told.values:
                raise told.error(key, f"'{key}' is for cloze tasks; kind {kind} fills its blank with the target")
    revision = told.whole("revision")
    if revision is not None and revision < 1:
        raise told.error("revision", f"revision is {revision}, wants a whole number from 1 on")
    value_range = _value_range(told)
    labels = _labels(told, kind, value_range)
    pvps = _pvps(told, kind, labels, value_range)
    processor = read_processor(told, kind=kind, labels=labels, value_range=value_range, pvps=pvps, home=home)
    recipes = told.table("recipes")
    return Task(
        name,
        processor,
        pvps,
        _metrics(told, labels),
        kind=kind,
        summary=told.text("summary") or "",
        revision=revision or 1,
        languages=told.texts("languages") or ("en",),
        recommended=_options(told.table("recommended"), pvps),
        recipes={one: _options(recipes.table(one), pvps) for one in recipes.values} if recipes else {},
        value_range=value_range,
        segments=_row_per_choice if processor.choices else None,
        citation=told.text("citation") or "",
        license=told.text("license") or "",
    )


def _row_per_choice(example: Example) -> list[list[str]]:
    """How an example with choices reads to a classifier: all its texts, and one of the choices."""
    text = " ".join(filter(None, example.fields.values()))
    return [[text, choice] for choice in example.choices]


def _refuse_strays(told: Table) -> None:
    """Raise TomlError for a key of the task that stands below the head of one of its tables, and so belongs to that."""
    given = told.values.get("labels")
    labels = given if isinstance(given, list) else ()
    meant: dict[str, Callable[[str, Any], bool]] = {  # what such a table may hold, whatever it is called
        "splits": lambda key, value: isinstance(value, Mapping),
        "words": lambda key, value: key in labels,
        "label_names": lambda key, value: value in labels,
        "patterns": lambda key, value: "MASK]" in str(value),
    }
    for name, is_meant in meant.items():
        table = told.table(name)
        for key, value in table.values.items() if table else ():
            if key in KEYS and key not in told.values and not is_meant(key, value):
                head = f"{told.name}.{name}"
                message = f"'{key}' stands in {head}; move it up, above [{head}]"
                raise told.file.error((*told.path, name, key), message)


# ---- labels and words


def _value_range(told: Table) -> tuple[float, float] | None:
    found = told.numbers("value_range")
    if found is not None and (len(found) != 2 or found[0] >= found[1]):
        raise told.error("value_range", "value_range wants two numbers, the lower one first, as in [0, 5]")
    return None if found is None else (float(found[0]), float(found[1]))


def _labels(told: Table, kind: Kind, value_range: tuple[float, float] | None) -> tuple[str, ...]:
    labels, columns = told.texts("labels"), told.table("fields")
    if columns is not None and "choices" in columns.values:
        for key in ("labels", "words", "words_for", "value_range"):
            if key in told.values:
                raise told.error(key, f"'{key}' and fields.choices exclude each other: the choices are the answers")
        return ()
    if value_range is not None:
        if labels is not None:
            raise told.error("labels", "labels and value_range exclude each other: the labels are numbers")
        return ()
    if kind == "cloze" and not labels:
        raise told.error(
            "labels", f'{told.name} has no labels; write labels = ["…", "…"], or fields.choices for answers of its own'
        )
    return labels or ()


def _words(told: Table, key: str, labels: Sequence[str]) -> dict[str, tuple[str, ...]] | None:
    """The words of each label, in the order of the labels."""
    table = told.table(key)
    if table is None:
        return None
    for label in table.values:
        if label not in labels:
            raise table.error(
                label,
                f"words for '{label}', which is no label (there are {', '.join(labels)}){did_you_mean(label, labels)}",
            )
    words = {}
    for label in labels:
        found = table.text_or_texts(label)
        if not found or "" in found:
            raise table.error(label, f"label '{label}' has no words in {table.name}; write {label} = [\"…\"]")
        words[label] = found
    return words


def _pvps(told: Table, kind: Kind, labels: Sequence[str], value_range: tuple[float, float] | None) -> tuple[PVP, ...]:
    patterns = told.table("patterns")
    if patterns is None or not patterns.values:
        raise told.error(
            "patterns",
            f'{told.name} has no pattern; add [{told.name}.patterns] with it-was = "{{text}} It was [MASK]."',
        )
    own = told.table("words_for")
    for name in own.values if own else ():
        if name not in patterns.values:
            near = did_you_mean(name, patterns.values)
            raise own.error(name, f"words for pattern '{name}', which is not there{near}")  # type: ignore[union-attr]
    known = tuple(f"{end:g}" for end in value_range) if value_range is not None else labels
    words = _words(told, "words", known) if known else None
    edges = _edges(told.table("edges"))
    combine: Combine = told.one_of("combine", get_args(Combine)) or "mean"  # type: ignore[assignment]
    pvps = []
    for name in patterns.values:
        here = (_words(own, name, known) if own else None) or words
        if known and here is None:
            raise told.error(
                "words", f"pattern '{name}' has no words; add [{told.name}.words] with {known[0]} = [\"…\"] and so on"
            )
        pvp = PVP(name, patterns.text(name) or "", here, combine=combine, edges=edges)
        try:
            check_blanks(pvp, kind)
        except TemplateError as error:
            raise patterns.error(name, str(error)) from error
        pvps.append(pvp)
    return tuple(pvps)


def _edges(told: Table | None) -> Edges:
    if told is None:
        return Edges()
    told.only(one.name for one in fields_of(Edges))
    return Edges(
        end=told.one_of("end", ("auto", "eop", "none")) or "auto",  # type: ignore[arg-type]
        eos=told.one_of("eos", ("auto", "always", "never")) or "auto",  # type: ignore[arg-type]
        pad_to=told.whole("pad_to"),
    )


# ---- metrics and options


def known_metrics() -> dict[str, Metric]:
    """The metrics of `glm_core.metrics` by name: what takes predictions, and nothing else, and gives numbers."""
    found = {name: getattr(metrics, name) for name in metrics.__all__}
    return {name: one for name, one in found.items() if not isinstance(one, type) and _takes_predictions(one)}


def _takes_predictions(function: Any) -> bool:
    return callable(function) and list(signature(function).parameters) == ["predictions"]


def _metrics(told: Table, labels: Sequence[str]) -> dict[str, Metric]:
    known, names = known_metrics(), told.texts("metrics")
    if not names:
        raise told.error("metrics", f'{told.name} has no metrics; write metrics = ["accuracy"]')
    for index, name in enumerate(names):
        place = (*told.path, "metrics", index)
        if name not in known:
            near = did_you_mean(name, known) or f"; there are {', '.join(sorted(known))}"
            raise told.file.error(place, f"unknown metric '{name}'{near}")
        positive = getattr(known[name], "positive", None)
        if labels and positive is not None and positive not in labels:
            raise told.file.error(
                place, f"metric '{name}' is about the label '{positive}', which labels does not have; use f1_macro"
            )
    return {name: known[name] for name in names}


def _options(told: Table | None, pvps: Sequence[PVP]) -> dict[str, Any]:
    """Recommended values, checked as if they were flags."""
    if told is None:
        return {}
    told.only(("pattern", *(one.name for kind in _CONFIGS for one in fields_of(kind))))
    pattern = told.one_of("pattern", [one.name for one in pvps])
    for key, value in told.values.items():
        try:
            for kind in _CONFIGS:
                resolve(kind, task={key: value})
        except UsageError as error:
            raise told.error(key, str(error).removeprefix("--")) from error
    return dict(told.values) if pattern is None else {**told.values, "pattern": pattern}
