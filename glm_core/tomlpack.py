"""Tasks without Python: a `pack.toml` becomes tasks, with the same checks as Python and the line in every message.

A pack's module is one line, `pack = toml_pack(__name__)`, and its entry point is `NAME = "module:pack"`. The file is a
resource of the package and is read when the loader collects, not when the module is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from glm_core.hookspecs import hookimpl
from glm_core.tasks import Task
from glm_core.toml_file import TomlError, TomlFile
from glm_core.toml_schema import read_task
from glm_core.toml_table import Table

FILE = "pack.toml"


class TomlPack:
    """A pack whose tasks stand in a TOML file: an object with hooks, as an entry point may name it.

    read: gives the file's content, its name for messages, and the folder it lies in, where that is a real one.
    """

    def __init__(self, name: str, read: Callable[[], tuple[bytes, str, Path | None]]) -> None:
        self.__name__ = name
        self._read = read

    @hookimpl
    def glm_tasks(self) -> tuple[Task, ...]:
        return read_tasks(*self._read())


def toml_pack(module: str) -> TomlPack:
    """The pack that the `pack.toml` beside a module describes: `pack = toml_pack(__name__)`.

    The file is read when the loader asks for tasks; what is wrong in it is then an error with its line.
    """
    return TomlPack(module, lambda: _resource(module))


def toml_file_pack(path: Path, name: str) -> TomlPack:
    """The pack of a file that is not installed; messages call it `name`."""
    return TomlPack(path.stem, lambda: (path.read_bytes(), name, path.parent))


def read_tasks(content: bytes | str, name: str, home: Path | None = None) -> tuple[Task, ...]:
    """The tasks of a file's content; `name` is what messages call it, `home` the folder it lies in.

    Raises TomlError: one line with the file's own line, and a caret under the place where a pattern is wrong.
    """
    file = TomlFile.parse(content, name)
    top = Table(file, (), file.values)
    top.only(("task",))
    tasks = top.table("task")
    if tasks is None or not tasks.values:
        raise top.error("task", "there is no task; begin one with [task.NAME]")
    return tuple(read_task(tasks, task_name, home) for task_name in tasks.values)


def _resource(module: str) -> tuple[bytes, str, Path | None]:
    import pkgutil  # only packs of this kind need it

    if module not in sys.modules:
        raise TomlError(f"toml_pack('{module}') wants the name of the module it stands in; write toml_pack(__name__)")
    name = f"{module.replace('.', '/')}/{FILE}"
    try:
        content = pkgutil.get_data(module, FILE)
    except OSError:
        content = None
    if content is None:
        package = module.partition(".")[0]
        wheel = f'[tool.setuptools.package-data] {package} = ["*.toml"]'
        raise TomlError(f"is not there; put it beside the module, and into the wheel: {wheel}", file=name)
    folder = Path(getattr(sys.modules[module], "__file__", None) or "").parent
    return content, name, folder if (folder / FILE).is_file() else None
