"""Which classes of the named files are meant, and what they ask for when they are made."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

from glm_core.errors import did_you_mean
from glm_pack_legacy.errors import PortError
from glm_pack_legacy.importing import Files
from glm_pack_legacy.stand_ins.modules import built_on_missing

_OF_BARE = {"NotImplementedError", "type", "__name__", "format"}


@dataclass(frozen=True)
class Found:
    """The classes of the files that may be meant, by name, and the tasks they are registered for."""

    files: str
    pvps: Mapping[str, type]
    processors: Mapping[str, type]
    pvp_of: Mapping[str, str]
    processor_of: Mapping[str, str]

    def pvp(self, name: str | None) -> type:
        """The PVP of this name (its own or its task's), or the only one. Raises PortError."""
        return self._one("PVP", "--pvp", name, self.pvps, self.pvp_of, "get_parts() and verbalize()")

    def task_of(self, pvp: type) -> str:
        """The task that a PVP is registered for; empty where it is for none."""
        return next((task for task, name in self.pvp_of.items() if name == pvp.__name__), "")

    def processor(self, name: str | None, *, beside: str | None = None) -> type:
        """The processor of this name, the one registered for the task of the PVP `beside`, or the only one."""
        if name is None and beside is not None:
            tasks = [task for task, pvp in self.pvp_of.items() if pvp == beside]
            name = next((self.processor_of[task] for task in tasks if task in self.processor_of), None)
        wanted = "get_train_examples() and get_labels()"
        return self._one("DataProcessor", "--processor", name, self.processors, self.processor_of, wanted)

    def _one(
        self, what: str, flag: str, name: str | None, there: Mapping[str, type], of: Mapping[str, str], wanted: str
    ) -> type:
        if name is not None:
            name = of.get(name, name)
            if name in there:
                return _usable(there[name])
            known = ", ".join(there) or "none"
            raise PortError(
                f"{flag} {name}: {self.files} has no such {what} (it has {known}){did_you_mean(name, there)}"
            )
        if len(there) == 1:
            return _usable(next(iter(there.values())))
        if there:
            raise PortError(f"{self.files} has several {what}s: {', '.join(there)}; choose one with {flag}")
        raise PortError(
            f"{self.files} has no {what} (a class with {wanted}); name the file that has it too: glm port A.py B.py"
        )


def _usable(kind: type) -> type:
    """The class. Raises PortError where it is built on something that is not here."""
    missing = built_on_missing(kind)
    if missing is not None:
        raise PortError(missing)
    return kind


def find_classes(files: Files) -> Found:
    """The PVPs and processors that the files define. Abstract classes are none."""
    pvps: dict[str, type] = {}
    processors: dict[str, type] = {}
    for module in files.load():
        for name, one in vars(module).items():
            if not isinstance(one, type) or one.__module__ != module.__name__ or inspect.isabstract(one):
                continue
            missing = built_on_missing(one)
            own = {attribute for kind in one.__mro__ for attribute in vars(kind)}
            if {"get_parts", "verbalize"} <= own or (missing and name.endswith("PVP")):
                pvps[name] = one
            elif {"get_train_examples", "get_labels"} <= own or (missing and name.endswith("Processor")):
                processors[name] = one
    for kinds in (pvps, processors):  # a base that only others build on
        for name in [name for name, one in kinds.items() if _is_bare(one)]:
            del kinds[name]
    told = ", ".join(path.name for path in files.paths)
    return Found(told, pvps, processors, _registered(files, "PVPS"), _registered(files, "PROCESSORS"))


def _is_bare(kind: type) -> bool:
    """Whether a class leaves `get_parts` or `get_labels` to those that build on it."""
    if built_on_missing(kind):
        return False
    code = getattr(getattr(kind, "get_parts" if hasattr(kind, "verbalize") else "get_labels", None), "__code__", None)
    if code is None:
        return False
    raises_only = "NotImplementedError" in code.co_names and {*code.co_names} <= _OF_BARE
    return raises_only or (not code.co_names and {*code.co_consts} <= {None, code.co_consts[0]})


def _registered(files: Files, registry: str) -> dict[str, str]:
    """Task name to the name of the class, from the files' own registry or the stand-in's."""
    found: dict[str, str] = {}
    for module in (*files.modules.values(), *files.load()):
        table = vars(module).get(registry)
        for task, one in table.items() if isinstance(table, dict) else ():
            kind = one if isinstance(one, type) else getattr(one, "func", None)
            if isinstance(kind, type) and isinstance(task, str):
                found[task] = kind.__name__
    return found


def arguments_of(kind: type) -> tuple[dict[str, bool], bool]:
    """Names of what `__init__` takes and whether it is needed, down to the base it hands its arguments to.

    And whether they go by position, because a class on the way takes `*args` and no `**kwargs`.
    """
    asked: dict[str, bool] = {}
    by_position = False
    for one in kind.__mro__:
        init = vars(one).get("__init__")
        if init is None or one is object:
            continue
        parameters = list(inspect.signature(init).parameters.values())[1:]
        kinds = {parameter.kind for parameter in parameters}
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                asked.setdefault(parameter.name, parameter.default is parameter.empty)
        if inspect.Parameter.VAR_KEYWORD in kinds:
            continue
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            by_position = True
            continue
        break
    return asked, by_position
