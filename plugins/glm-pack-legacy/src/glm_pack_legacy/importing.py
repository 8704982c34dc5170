"""Run the files a user named, and no other code of theirs: each import of such a file is answered here.

A file sees the named files, the stand-ins, and what is installed. It gets an `__import__` of its own, so nothing in
`sys.modules` is replaced, also not by imports inside its functions, and nothing is left behind for others to find.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.abc import ExecutionLoader
from importlib.util import decode_source
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from glm_core.errors import GlmError
from glm_core.packs_import import describe
from glm_pack_legacy.errors import PortError
from glm_pack_legacy.stand_ins.modules import LENIENT, OPTIONAL, optional, stand_in, stand_ins

_NUMBER = count(1)
_INSTALLED = ("site-packages", "dist-packages")
_THEIRS = ("pet", "tasks", "data_utils")


def name_of(file: Path) -> str:
    """The name a file is imported by: `pet.pvp` for `…/pet/pvp.py`; with its packages; or its own alone."""
    parts = file.resolve().with_suffix("").parts
    for index in range(len(parts) - 2, -1, -1):
        if ".".join(parts[index:]) in _known_names():
            return ".".join(parts[index:])
    first = len(parts) - 1
    while first > 1 and (Path(*parts[:first]) / "__init__.py").is_file():
        first -= 1
    if first == len(parts) - 1:  # a file that was laid among theirs
        first = next((one for one in range(len(parts) - 2, 0, -1) if parts[one] in _THEIRS), first)
    inside = parts[first:-1] if parts[-1] == "__init__" else parts[first:]
    return ".".join(inside or parts[-2:-1])


@cache
def _known_names() -> frozenset[str]:
    return frozenset(name for name in stand_ins() if "." in name)


class Files:
    """Named files as modules, loaded when they are first asked for.

    files: the name each is imported by, and where it lies.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = {name: path.resolve() for name, path in files.items()}
        self.modules = stand_ins()
        self._loaded: dict[str, ModuleType] = {}
        self._tops = {name.partition(".")[0] for name in (*self.modules, *self.files)}

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(self.files.values())

    def load(self) -> list[ModuleType]:
        """All of them, in order. Raises PortError with the place for an import that is missing, or code that fails."""
        return [self._load(name) for name in self.files]

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`import name` or `from name import fromlist` in one of the files."""
        place = self._place()
        if level:
            try:
                name = importlib.util.resolve_name("." * level + name, str((globals or {}).get("__package__") or ""))
            except ImportError:
                dots = "." * level + name
                raise PortError(
                    f"{place}: imports {dots}, and it is not known what package the file is of; "
                    f"name the file that {dots} means too, and write its name without dots"
                ) from None
        if name.partition(".")[0] not in self._tops:
            return self._real(name, fromlist, place)
        module = self._own(name, place)
        for one in fromlist or ():
            if one != "*" and f"{name}.{one}" in {*self.files, *self.modules}:
                setattr(module, one, self._own(f"{name}.{one}", place))
        return module if fromlist else self._own(name.partition(".")[0], place)

    # ---- files and stand-ins

    def _own(self, name: str, place: str) -> ModuleType:
        """A module by its whole name, its packages loaded before it."""
        parent, _, last = name.rpartition(".")
        above = self._own(parent, place) if parent else None
        if name in self.files:
            module = self._load(name)
        elif name in self.modules:
            module = self.modules[name]
        elif any(one.startswith(f"{name}.") for one in self.files) or name.partition(".")[0] in LENIENT:
            module = self.modules[name] = stand_in(name, {})
        else:
            file = f"…/{name.replace('.', '/')}.py"
            raise PortError(
                f"{place}: imports {name}, for which there is no stand-in; name its file too: glm port YOURS.py {file}"
            )
        if above is not None:
            setattr(above, last, module)
        return module

    def _load(self, name: str) -> ModuleType:
        if name in self._loaded:
            return self._loaded[name]
        path = self.files[name]
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        loader = _File(path)
        # a name of its own in sys.modules, where dataclasses and typing look their annotations up
        module = ModuleType(f"_glm_legacy_{next(_NUMBER)}.{name}")
        module.__dict__.update(
            __file__=str(path),
            __package__=package,
            __loader__=loader,
            __builtins__={**vars(builtins), "__import__": self},
        )
        sys.modules[module.__name__] = self._loaded[name] = module
        try:
            loader.exec_module(module)
        except BaseException as error:
            del sys.modules[module.__name__], self._loaded[name]
            if isinstance(error, (GlmError, KeyboardInterrupt)):
                raise
            raise PortError(f"{path.name} cannot be loaded: {describe(error, self.paths)}") from error
        return module

    # ---- what is installed

    def _real(self, name: str, fromlist: Sequence[str] | None, place: str) -> ModuleType:
        top = name.partition(".")[0]
        beside = self._beside(top)
        if beside is not None:
            raise PortError(
                f"{place}: imports {name}, which is {beside}: name that file too: glm port YOURS.py {beside}"
            )
        try:
            return importlib.__import__(name, None, None, tuple(fromlist or ()), 0)
        except ModuleNotFoundError as error:
            missing = error.name or name
            if top in OPTIONAL and missing.partition(".")[0] == top:
                module = self.modules.setdefault(name, optional(name))
                return module if fromlist else self.modules.setdefault(top, optional(top))
            remedy = (
                f"pip install {top}, or name its file too if it is one of yours"
                if missing.partition(".")[0] == top
                else f"pip install {missing}"
            )
            raise PortError(f"{place}: imports {name}, and there is no module '{missing}' here; {remedy}") from error

    def _beside(self, top: str) -> Path | None:
        """The file of a module that is neither installed nor named, but would be found."""
        if top in sys.modules or top in sys.stdlib_module_names:
            return None
        for folder in dict.fromkeys((*(path.parent for path in self.paths), Path.cwd())):
            for candidate in (folder / f"{top}.py", folder / top / "__init__.py"):
                if candidate.is_file() and not any(part in _INSTALLED for part in candidate.parts):
                    return candidate
        return None

    def _place(self) -> str:
        """`my_tasks.py:3`: the line of one of the files that is being run."""
        frame = sys._getframe(2)
        names = {str(path) for path in self.paths}
        while frame is not None and frame.f_code.co_filename not in names:
            frame = frame.f_back  # type: ignore[assignment]
        return "import" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


class _File(ExecutionLoader):
    """Runs a file without leaving compiled code beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_source(self, fullname: str) -> str:
        return decode_source(self.path.read_bytes())
