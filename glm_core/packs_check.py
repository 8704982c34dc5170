"""What the loader asks of a pack: its hooks (phase "hooks") and what they gave (phase "validate"), PACKS 3 and 4."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pluggy

from glm_core import hookspecs
from glm_core.backbone import ModelSource
from glm_core.errors import GlmError, TemplateError, did_you_mean
from glm_core.examples import Role, Split
from glm_core.pvp import PVP, Combine
from glm_core.tasks import DataProcessor, Kind, Task
from glm_core.templates import error_at

HOOKS: Mapping[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in vars(hookspecs).items()
    if name.startswith("glm_") and inspect.isfunction(function)
}
"""Every hook with the arguments that it offers."""

TASK_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*\Z")
_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
_HUB = re.compile(r"hub:[\w.-]+/[\w.-]+\Z")
_PIECES = re.compile(r'\[\[[sg]?MASK\]\]|\{\{|\{(?:[^"}]|"(?:\\.|[^"\\])*")*\}|(\[[sg]?MASK\])')


class Wrong(GlmError):
    """A pack that does not keep the contract; the message is whole. `culprit`: the function it is about."""

    exit_code = 3

    def __init__(self, message: str, culprit: Any = None) -> None:
        super().__init__(message)
        self.culprit = culprit


def check_hooks(plugin: Any, name: str) -> pluggy.PluginManager:
    """A manager of this pack's own, with its hooks in it. Raises Wrong."""
    for attribute in dir(plugin):
        if attribute.startswith("glm_"):
            _check_hook(attribute, getattr(plugin, attribute))
    manager = pluggy.PluginManager("glm")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, name)
    except pluggy.PluginValidationError as error:
        raise Wrong(str(error).splitlines()[-1]) from error
    if not manager.get_hookcallers(plugin):
        inside = [one for one, value in vars(plugin).items() if hasattr(type(value), "glm_tasks")]
        hint = f"; its '{inside[0]}' has: write {name}:{inside[0]} for the entry point" if inside else ""
        raise Wrong(f"{name} has no glm_* hook{hint}")
    return manager


def _check_hook(name: str, found: Any) -> None:
    if inspect.ismodule(found):
        return
    if name not in HOOKS:
        if not callable(found):
            return
        near = did_you_mean(name, HOOKS).replace("'", "").replace("?", "()?")
        raise Wrong(f"unknown hook {name}(){near} (or it needs a newer glm-core)", found)
    if not callable(found):
        raise Wrong(f"{name} is of type {type(found).__name__}, wanted a function with the @hookimpl mark")
    mark = getattr(found, "glm_impl", None)
    if not isinstance(mark, Mapping):
        raise Wrong(f"{name}() lacks the @hookimpl mark", found)
    if mark.get("wrapper") or mark.get("hookwrapper"):
        raise Wrong(f"{name}() is a wrapper; return values instead", found)
    asked = [one.name for one in inspect.signature(found).parameters.values() if one.default is one.empty]
    for argument in asked:
        if argument not in HOOKS[name]:
            offered = ", ".join(f"'{one}'" for one in HOOKS[name])
            may = f"it may ask for {offered}" if offered else "it may ask for nothing"
            raise Wrong(f"{name}() asks for '{argument}'; {may}", found)


def check_offers(raw: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """What the hooks gave, by hook, as validated mappings: `tasks`, `backbones`, `models`, `commands`.

    folder: of the pack's module, in which its `pack:` models lie. Raises Wrong.
    """
    return {
        "tasks": _check_tasks(raw["glm_tasks"]) if "glm_tasks" in raw else {},
        "backbones": _table(raw, "glm_backbones", _check_backbone),
        "models": _table(raw, "glm_models", lambda name, value: _check_model(name, value, folder)),
        "commands": _table(raw, "glm_commands", _check_command),
    }


def model_folder(where: str, folder: Path | None) -> Path | None:
    """The folder that "pack:models/tiny" names inside a pack; None where there is none."""
    if folder is None:
        return None
    place = (folder / where.removeprefix("pack:")).resolve()
    return place if place.is_dir() and folder.resolve() in place.parents else None


def _table(raw: Mapping[str, Any], hook: str, check: Callable[[str, Any], None]) -> dict[str, Any]:
    if hook not in raw:
        return {}
    found = raw[hook]
    if not isinstance(found, Mapping):
        raise Wrong(f"{hook}() gave {type(found).__name__}, wanted a mapping")
    for name, value in found.items():
        if not isinstance(name, str) or not TASK_NAME.match(name):
            raise Wrong(f"{hook}() gave the name {name!r}; names are small letters, digits, . and -")
        check(name, value)
    return dict(found)


def _check_backbone(name: str, value: Any) -> None:
    if not isinstance(value, str) or not _REFERENCE.match(value):
        raise Wrong(f"backbone '{name}' is {value!r}, wanted \"module:Class\"")


def _check_model(name: str, value: Any, folder: Path | None) -> None:
    if not isinstance(value, ModelSource):
        raise Wrong(f"glm_models() gave {type(value).__name__} for '{name}', wanted ModelSource")
    if value.where.startswith("pack:"):
        if model_folder(value.where, folder) is None:
            raise Wrong(f"model '{name}': no folder {value.where.removeprefix('pack:')} in {folder or 'this pack'}")
    elif value.where.startswith("hub:"):
        if not _HUB.match(value.where):
            raise Wrong(f"model '{name}': '{value.where}' is not a hub id, wanted hub:owner/name")
    elif value.where or not value.preset:
        raise Wrong(f"model '{name}': '{value.where}' is neither pack:FOLDER nor hub:OWNER/NAME, and it has no preset")


def _check_command(name: str, value: Any) -> None:
    if (Path(__file__).parent / "cli" / f"{name.replace('-', '_')}.py").is_file():
        raise Wrong(f"command '{name}' has the name of a core command; choose another")
    if not isinstance(value, tuple) or len(value) != 2 or not all(isinstance(one, str) for one in value):
        raise Wrong(f"command '{name}' is {value!r}, wanted (one line of help, \"module\")")
    if not _MODULE.match(value[1]):
        raise Wrong(f"command '{name}': '{value[1]}' is not a module's name")


def _check_tasks(given: Any) -> dict[str, Task]:
    if isinstance(given, Task) or not isinstance(given, Iterable):
        raise Wrong(f"glm_tasks() gave {type(given).__name__}, wanted an iterable of Task")
    tasks: dict[str, Task] = {}
    for one in given:
        if not isinstance(one, Task):
            raise Wrong(f"glm_tasks() gave {type(one).__name__}, wanted Task")
        check_task(one)
        if one.name in tasks:
            raise Wrong(f"task '{one.name}' is given twice")
        tasks[one.name] = one
    return tasks


def check_task(task: Task) -> None:
    """Everything about a task that can be seen without its data. Raises Wrong, or TemplateError with a caret."""
    if not isinstance(task.name, str) or not TASK_NAME.match(task.name):
        raise Wrong(f"{task.name!r} is not a task name; use small letters, digits, . and -")
    who = f"task '{task.name}'"
    if task.kind not in get_args(Kind):
        raise Wrong(f"{who}: kind '{task.kind}' is none of {', '.join(get_args(Kind))}")
    if type(task.revision) is not int or task.revision < 1:
        raise Wrong(f"{who}: revision {task.revision!r} is not a whole number from 1 on")
    _check_processor(task.processor, who)
    _check_metrics(task.metrics, who)
    for name, recipe in (("recommended", task.recommended), *task.recipes.items()):
        if not isinstance(recipe, Mapping):
            raise Wrong(f"{who}: '{name}' is of type {type(recipe).__name__}, wanted a mapping of options")
    _check_pvps(task, who)


def _check_processor(processor: Any, who: str) -> None:
    if not isinstance(processor, DataProcessor):
        what = f"the class {processor.__name__}" if isinstance(processor, type) else f"{type(processor).__name__}"
        raise Wrong(f"{who}: its processor is {what}, wanted an instance of a DataProcessor")
    if isinstance(processor.labels, str) or not all(isinstance(one, str) for one in processor.labels):
        raise Wrong(f"{who}: labels are {processor.labels!r}, wanted a tuple of strings")
    names: set[str] = set()
    for split in processor.splits:
        if not isinstance(split, Split):
            raise Wrong(f"{who}: splits hold {type(split).__name__}, wanted Split")
        if split.role not in get_args(Role):
            raise Wrong(f"{who}: split '{split.name}' has the role '{split.role}', none of {', '.join(get_args(Role))}")
        if split.name in names:
            raise Wrong(f"{who}: split '{split.name}' is given twice")
        names.add(split.name)


def _check_metrics(metrics: Any, who: str) -> None:
    if not isinstance(metrics, Mapping):
        raise Wrong(f"{who}: metrics are of type {type(metrics).__name__}, wanted a mapping of names to functions")
    if not metrics:
        raise Wrong(f"{who} has no metric; the first one chooses the best checkpoint")
    for name, metric in metrics.items():
        if not isinstance(name, str) or not callable(metric):
            raise Wrong(f"{who}: metric {name!r} is of type {type(metric).__name__}, wanted a function of predictions")


def _check_pvps(task: Task, who: str) -> None:
    if isinstance(task.pvps, PVP) or not isinstance(task.pvps, Sequence):
        raise Wrong(f"{who}: pvps are of type {type(task.pvps).__name__}, wanted a tuple of PVP")
    if not task.pvps:
        raise Wrong(f"{who} has no pattern; give at least one PVP")
    names: set[str] = set()
    for pvp in task.pvps:
        if not isinstance(pvp, PVP):
            raise Wrong(f"{who}: pvps hold {type(pvp).__name__}, wanted PVP")
        if not isinstance(pvp.name, str) or not pvp.name.strip():
            raise Wrong(f"{who}: a pattern has the name {pvp.name!r}; names are text")
        if pvp.name in names:
            raise Wrong(f"{who}: pattern '{pvp.name}' is given twice")
        names.add(pvp.name)
        if not isinstance(pvp.pattern, str) and not callable(pvp.pattern):
            kind = type(pvp.pattern).__name__
            raise Wrong(f"{who}: pattern '{pvp.name}' is of type {kind}, wanted a template or a function")
        if pvp.combine not in get_args(Combine):
            allowed = ", ".join(get_args(Combine))
            raise Wrong(f"{who}: combine of pattern '{pvp.name}' is '{pvp.combine}', none of {allowed}")
        _check_template(pvp, task)
        _check_words(pvp, task, who)


def _check_template(pvp: PVP, task: Task) -> None:
    try:
        check_blanks(pvp, task.kind)
    except TemplateError as error:
        named = f"pattern '{pvp.name}'"
        raise TemplateError(str(error).replace(named, f"{named} of {task.name}", 1)) from error


def check_blanks(pvp: PVP, kind: str) -> None:
    """Whether a template parses, and has as many blanks as its kind of task wants. Raises TemplateError with a caret."""
    template = pvp.template
    if template is None:
        return
    source = template.source
    if not template.blanks:
        raise TemplateError(f"pattern '{pvp.name}': a {kind} pattern needs a blank; write [MASK]\n    {source}")
    if len(template.blanks) > 1 and kind != "generation":
        second = [one.span(1) for one in _PIECES.finditer(source) if one[1]][1]
        raise error_at(
            source, second, f"{'a cloze' if kind == 'cloze' else 'lm'} has one blank; this is the second", pvp.name
        )


def _check_words(pvp: PVP, task: Task, who: str) -> None:
    words = pvp.verbalizer
    if words is None or callable(words):
        return
    if not isinstance(words, Mapping):
        kind = type(words).__name__
        raise Wrong(
            f"{who}: the words of pattern '{pvp.name}' are of type {kind}, wanted a mapping, a function or None"
        )
    for label, answers in words.items():
        several = (answers,) if isinstance(answers, str) else answers
        if not isinstance(several, Sequence) or not all(isinstance(one, str) for one in several):
            raise Wrong(f"{who}: the words of '{label}' in pattern '{pvp.name}' are {answers!r}, wanted text")
        if not several:
            raise Wrong(f"{who}: label '{label}' has no words in pattern '{pvp.name}'")
    if task.kind != "cloze" or task.value_range is not None:
        return  # words for the two ends of a range; or answers that are not chosen by label
    for label in task.processor.labels:
        if label not in words and label != pvp.otherwise:
            near = did_you_mean(label, map(str, words))
            raise Wrong(f"{who}: label '{label}' has no words in pattern '{pvp.name}'{near}")
