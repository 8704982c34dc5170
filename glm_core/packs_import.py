"""Import a pack's module, and say in one line with its place what went wrong there."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import CodeType
from typing import Any

from glm_core.errors import PackError
from glm_core.pack import Pack

HEAVY = (
    "torch", "numpy", "sklearn", "scipy", "pandas", "transformers", "datasets", "tokenizers", "sentencepiece",
    "tensorflow", "jax",
)  # fmt: skip


def import_entry(pack: Pack) -> Any:
    """The object that carries the pack's hooks: the module of its entry point, an attribute of it, or a TOML file."""
    if pack.is_toml and pack.root is not None:
        from glm_core.tomlpack import toml_file_pack  # few packs are of this kind

        where = pack.distribution
        return toml_file_pack(pack.root, where if where.endswith(".toml") else f"{where.rstrip('/')}/{pack.root.name}")
    importlib.invalidate_caches()
    if pack.root is not None and pack.source == "path":
        _import_from(pack.root, pack.module.partition(".")[0])
    found: Any = importlib.import_module(pack.module)
    for name in filter(None, pack.entry.partition(":")[2].split(".")):
        found = getattr(found, name)
    return found


def own_files(pack: Pack) -> tuple[Path, ...]:
    """The pack's own code: a folder for a package, a file for a module; nothing where it cannot be found."""
    if pack.is_toml and pack.root is not None:
        return (pack.root,)
    top = pack.module.partition(".")[0]
    try:
        spec = _spec_in(pack.root, top) if pack.root and pack.source == "path" else importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return ()
    if spec is None:
        return ()
    if spec.submodule_search_locations is not None:
        return tuple(map(Path, spec.submodule_search_locations))
    return (Path(spec.origin),) if spec.origin else ()


@contextmanager
def nothing_left(pack: Pack) -> Iterator[None]:
    """Take the pack's own modules out of `sys.modules` again when the block fails; what it prints goes to stderr."""
    before = set(sys.modules)
    try:
        with redirect_stdout(sys.stderr):
            yield
    except BaseException:
        top = pack.module.partition(".")[0]
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == top:
                del sys.modules[name]
        raise


def describe(error: BaseException, files: tuple[Path, ...], where: str = "") -> str:
    """`RuntimeError: no licence file [glm_pack_boom.py:2]`, with the last frame of the pack's own files."""
    return " ".join(filter(None, (f"{type(error).__name__}{_colon(short(error))}", where, place_of(error, files))))


def short(error: BaseException) -> str:
    """The first line of what an exception says, its name where it says nothing."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = text.strip().splitlines()
    return lines[0][:300] if lines else ""


def place_of(error: BaseException, files: tuple[Path, ...]) -> str:
    """`[file:line]` of the last frame in these files, nothing where there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        shown = _shown(Path(error.filename), files)
        if shown:
            return f"[{shown}:{error.lineno}]"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        shown = _shown(Path(frame.filename), files)
        if shown:
            return f"[{shown}:{frame.lineno}]"
    return ""


def place_of_function(function: Any, files: tuple[Path, ...]) -> str:
    """`[file:line]` of a function's first line, nothing where it is none of the pack's own."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if not isinstance(code, CodeType):
        return ""
    shown = _shown(Path(code.co_filename), files)
    return f"[{shown}:{code.co_firstlineno}]" if shown else ""


def _colon(text: str) -> str:
    return f": {text}" if text else ""


def _shown(path: Path, files: tuple[Path, ...]) -> str:
    """A file as a message names it: from the package's own name on. Nothing where it is not the pack's."""
    for own in files:
        if path == own or own in path.parents:
            return path.relative_to(own.parent).as_posix()
    return ""


def _spec_in(root: Path, top: str) -> ModuleSpec | None:
    """Where a module lies that is not installed: a `.py`, a package, or a project's `src` or own folder."""
    if root.is_file():
        return importlib.util.spec_from_file_location(top, root)
    if (root / "__init__.py").is_file() and root.name == top:
        return importlib.util.spec_from_file_location(top, root / "__init__.py", submodule_search_locations=[str(root)])
    return PathFinder.find_spec(top, [str(root / "src"), str(root)])


def _import_from(root: Path, top: str) -> None:
    """Load a top-level module from a place of its own, without changing the path that others are found by."""
    spec = _spec_in(root, top)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named '{top}' in {root}", name=top)
    loaded = sys.modules.get(top)
    if loaded is not None:
        if getattr(loaded, "__file__", None) == spec.origin:
            return
        elsewhere = getattr(loaded, "__file__", None) or "elsewhere"
        raise PackError(f"module '{top}' is already loaded from {elsewhere}; rename one of the two")
    module = importlib.util.module_from_spec(spec)
    sys.modules[top] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(top, None)
        raise
