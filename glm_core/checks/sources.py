"""Where in a pack's own files its tasks, patterns and words stand, and which lines say `# glm: ignore CODE`.

A `PVP` or a `Task` does not know the line it was written on; its name is looked up in the syntax tree of the pack's Python
files, or among the keys of its `pack.toml`. What cannot be found (a name made by a loop) falls back on what contains it.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

from glm_core.checks.finding import Finding, Place
from glm_core.errors import DataError
from glm_core.pack import Pack
from glm_core.pvp import PVP
from glm_core.tasks import Task
from glm_core.toml_file import KeyPath, TomlFile

Places = tuple[Place, ...]

_MARK = re.compile(r"#\s*glm:\s*ignore\s+([A-Z]\d{3}(?:\s*,\s*[A-Z]\d{3})*)")
_NAMED = ("PVP", "Task", "Split")


class Sources:
    """A pack's own files, read when something is first looked up in them."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = tuple(dict.fromkeys(one.resolve() for one in files))

    @classmethod
    def of(cls, pack: Pack, project: Path | None = None) -> Sources:
        """The files of a pack, and the metadata files of the project it is developed in."""
        return cls([*own_sources(pack), *(project / name for name in ("pyproject.toml", "setup.cfg") if project)])

    @classmethod
    def of_task(cls, task: Task) -> Sources:
        """The module of a task's reader: all that can be known of a task without its pack."""
        module = sys.modules.get(type(task.processor).__module__)
        file = getattr(module, "__file__", None)
        return cls([Path(file)] if file else [])

    # ---- what is where

    def task(self, task: Task) -> Places:
        """The line on which a task is named; failing that the class of its reader."""
        return (
            self._of_toml(("task", task.name), whole=False)
            or _first_lines(self._calls[("Task", task.name)])
            or self._of_class(type(task.processor))
        )

    def pattern(self, task: Task, pvp: PVP) -> Places:
        """Where a pattern is written; then the function that it is, then its task."""
        found = self._of_toml(("task", task.name, "patterns", pvp.name))
        function = self.function(pvp.pattern) if callable(pvp.pattern) else ()
        if not found:
            # another task may have a pattern of this name: the call stands where the task does, or what it holds
            held = function or (self._texts[pvp.pattern] if isinstance(pvp.pattern, str) else ())
            files = {one.file for one in (*self.task(task), *held)}
            here = [one for one in self._calls[("PVP", pvp.name)] if not files or one.file in files]
            found = self._near(here, task)
        return (*found, *function, *self.task(task))

    def word(self, task: Task, pvp: PVP, label: str, word: str) -> Places:
        """Where a word of a label is written; then its pattern."""
        for table in (("words_for", pvp.name), ("words",)):
            found = self._of_toml(("task", task.name, *table, label))
            if found:
                return (*found, *self.pattern(task, pvp))
        pattern = self.pattern(task, pvp)
        # the words themselves where they stand once in the file of the pattern; a mapping may have a name of its own
        for text in (word, label):
            here = [one for one in self._texts[text] if not pattern or one.file == pattern[0].file]
            inside = [one for one in here if pattern and one.line in pattern[0].lines]
            if inside or len(here) == 1:
                return ((inside or here)[0], *pattern)
        return pattern

    def split(self, task: Task, name: str) -> Places:
        """Where a split is declared; then its task."""
        found = self._of_toml(("task", task.name, "splits", name))
        return (*(found or self._near(self._calls[("Split", name)], task)), *self.task(task))

    def metric(self, task: Task, name: str, function: Any) -> Places:
        """The first line of a metric of the pack's own; then where the task names its metrics."""
        return (*self.function(function), *self._of_toml(("task", task.name, "metrics")), *self.task(task))

    def method(self, owner: Any, name: str) -> Places:
        """A method of an object's class, where the pack wrote it."""
        return self.function(getattr(type(owner), name, None))

    def function(self, function: Any) -> Places:
        """The first line of a function of the pack's own; of the class, for an object that can be called."""
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if isinstance(code, CodeType):
            file = Path(code.co_filename).resolve()
            return (Place(str(file), code.co_firstlineno),) if file in self._python else ()
        return self._of_class(type(function)) if callable(function) and not isinstance(function, type) else ()

    def text(self, text: str) -> Places:
        """Where a string stands in the Python files."""
        return tuple(self._texts[text][:1])

    def key(self, *keys: str, file: str = "pyproject.toml") -> Places:
        """A key of a TOML file of this name."""
        for path, toml in self._toml.items():
            if path.name == file and keys in toml.lines:
                return (_toml_place(path, toml, keys),)
        return ()

    # ---- ignore marks

    def is_silenced(self, finding: Finding) -> bool:
        """Whether a mark at one of its places names its code."""
        return any(finding.code in self._marks[one.file].get(line, ()) for one in finding.places for line in one.lines)

    @cached_property
    def _marks(self) -> Mapping[str, Mapping[int, frozenset[str]]]:
        found: dict[str, dict[int, frozenset[str]]] = defaultdict(dict)
        for file in self.files:
            for line, comment in _comments(file):
                mark = _MARK.search(comment)
                if mark:
                    found[str(file)][line] = frozenset(re.split(r"\s*,\s*", mark[1]))
        return found

    # ---- reading

    @cached_property
    def _python(self) -> dict[Path, ast.Module]:
        found = {}
        for file in self.files:
            if file.suffix == ".py":
                try:
                    found[file] = ast.parse(file.read_bytes())
                except (SyntaxError, ValueError, OSError):
                    continue  # the loader has its own word on files that do not parse
        return found

    @cached_property
    def _toml(self) -> dict[Path, TomlFile]:
        found = {}
        for file in self.files:
            if file.suffix == ".toml":
                try:
                    found[file] = TomlFile.parse(file.read_bytes(), str(file))
                except (DataError, OSError):
                    continue
        return found

    @cached_property
    def _calls(self) -> Mapping[tuple[str, str], list[Place]]:
        """`PVP("felt", …)`, `Task(…)` and `Split(…)` by their names."""
        found: dict[tuple[str, str], list[Place]] = defaultdict(list)
        for file, tree in self._python.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    name = _first_argument(node)
                    if called in _NAMED and name is not None:
                        found[(called, name)].append(Place(str(file), node.lineno, node.end_lineno))
        return found

    @cached_property
    def _texts(self) -> Mapping[str, list[Place]]:
        """Every string of the Python files."""
        found: dict[str, list[Place]] = defaultdict(list)
        for file, tree in self._python.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found[node.value].append(Place(str(file), node.lineno))
        return found

    def _of_class(self, kind: type) -> Places:
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        tree = self._python.get(Path(file).resolve()) if file else None
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                return (Place(str(Path(str(file)).resolve()), node.lineno),)
        return ()

    def _near(self, places: list[Place], task: Task) -> Places:
        """Of several calls with one name, that in the file of the task; none where that does not decide."""
        if len(places) > 1:
            files = {one.file for one in self.task(task)}
            places = [one for one in places if one.file in files]
        return tuple(places) if len(places) == 1 else ()

    def _of_toml(self, path: KeyPath, *, whole: bool = True) -> Places:
        for file, toml in self._toml.items():
            if path in toml.lines:
                place = _toml_place(file, toml, path)
                return (place if whole else Place(place.file, place.line),)
        return ()


def own_sources(pack: Pack) -> Iterator[Path]:
    """A pack's Python and TOML files: of its own folder, or the one file that it is."""
    if pack.root is not None and pack.root.is_file():
        yield pack.root
        return
    for own in pack.files:
        inside = pack.folder if pack.folder is not None and own in (pack.folder, *pack.folder.parents) else own
        if own.is_file() and own.name != "__init__.py":
            yield own
            continue
        folder = own.parent if own.is_file() else inside
        for pattern in ("*.py", "*.toml"):
            yield from sorted(folder.rglob(pattern))


def project_of(pack: Pack) -> Path | None:
    """The folder with the `pyproject.toml` or `setup.cfg` of the project that a pack is developed in."""
    if pack.source == "installed":
        return None
    if pack.root is not None and pack.root.is_dir():
        return pack.root
    for file in (*([pack.root] if pack.root is not None else []), *pack.files):
        for folder in list(file.resolve().parents)[:3]:
            if (folder / "pyproject.toml").is_file() or (folder / "setup.cfg").is_file():
                return folder
    return None


def _comments(file: Path) -> Iterator[tuple[int, str]]:
    """The comments of a file with their lines. In TOML whatever follows a #; a mark in a string does no harm there."""
    try:
        if file.suffix == ".py":
            with tokenize.open(file) as source:
                yield from (
                    (one.start[0], one.string)
                    for one in tokenize.generate_tokens(source.readline)
                    if one.type == tokenize.COMMENT
                )
        else:
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                if "#" in line:
                    yield number, line[line.index("#") :]
    except (OSError, SyntaxError, UnicodeDecodeError, tokenize.TokenError):
        return  # files that do not parse have no marks; the loader names them


def _toml_place(file: Path, toml: TomlFile, path: KeyPath) -> Place:
    """A key with the lines of what it holds."""
    inside = [line for key, line in toml.lines.items() if key[: len(path)] == path]
    return Place(str(file), toml.lines[path], max(inside))


def _first_argument(call: ast.Call) -> str | None:
    given = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "name")]
    return next((one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)), None)


def _first_lines(places: Iterable[Place]) -> Places:
    """A task's call holds its patterns, whose marks are theirs alone: only its first two lines are its own."""
    return tuple(Place(one.file, one.line, min(one.last or 0, (one.line or 0) + 1)) for one in places)
