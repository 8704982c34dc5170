"""A pack as the loader sees it, and the user's word on which packs may load."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from glm_core.backbone import ModelSource
    from glm_core.tasks import Task

Status = Literal["found", "ok", "disabled", "conflict", "incompatible", "broken"]
Source = Literal["built-in", "installed", "editable", "path", "test"]

PACK_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


@dataclass(frozen=True)
class Pack:
    """One pack: where it comes from, what became of it, what it offers.

    name: the entry point's name, which is the namespace of what it offers.
    distribution: who brings it; for `--pack PATH` the path as it was written.
    entry: the entry point's value, "module" or "module:object".
    root: the folder to import from, or the `.py` or `.toml` file, where it is not installed.
    message: why it is not ok; its first line says it all. reason: the same without phase and place.
    rival, replaces: for `--pack PATH`, the installed pack of the same name that is in the way, or was overridden.
    files: its own code, a folder or a file. folder: where its module lies, and its `pack:` models.
    seconds: what importing it and calling its hooks took. heavy: heavy modules that this brought in.
    """

    name: str
    distribution: str = ""
    version: str = ""
    source: Source = "installed"
    entry: str = ""
    root: Path | None = None
    requires: tuple[str, ...] = ()
    status: Status = "found"
    message: str = ""
    reason: str = ""
    rival: str = ""
    replaces: str = ""
    seconds: float = 0.0
    heavy: tuple[str, ...] = ()
    files: tuple[Path, ...] = field(default=(), repr=False)
    folder: Path | None = None
    tasks: Mapping[str, Task] = field(default_factory=dict, repr=False)
    backbones: Mapping[str, str] = field(default_factory=dict, repr=False)
    models: Mapping[str, ModelSource] = field(default_factory=dict, repr=False)
    commands: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    hooks: Any = field(default=None, repr=False, compare=False)  # its own pluggy manager

    @property
    def module(self) -> str:
        """The module of the entry point."""
        return self.entry.partition(":")[0]

    @property
    def is_toml(self) -> bool:
        """Whether it is a TOML file that is not installed."""
        return self.root is not None and self.root.suffix == ".toml"

    def samples(self, task: str) -> Path | None:
        """The folder with a few rows of a task in its official layout: `samples/TASK`, or `samples`, beside the module."""
        if self.folder is None:
            return None
        here = self.folder / "samples"
        return next((one for one in (here / task, here) if one.is_dir()), None)

    @property
    def label(self) -> str:
        """Who brings it, for messages: `glm-pack-emotion 0.1`, or `./emotion`."""
        return f"{self.distribution} {self.version}".strip() if self.source != "path" else self.distribution

    @property
    def offers(self) -> str:
        """`2 tasks, 1 command`."""
        counts = (
            (len(self.tasks), "task"),
            (len(self.models), "model"),
            (len(self.backbones), "backbone"),
            (len(self.commands), "command"),
        )
        parts = [f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count]
        if self.hooks is not None and self.hooks.hook.glm_record.get_hookimpls():
            parts.append("a record hook")
        return ", ".join(parts)

    @property
    def why_not(self) -> str:
        """`boom (broken: no licence file)`: how an error about a missing name mentions it."""
        short = self.reason or self.message.partition("\n")[0]
        return f"{self.name} ({short if self.status == 'disabled' else f'{self.status}: {short}'})"


@dataclass(frozen=True)
class Settings:
    """Which packs may load.

    only: none but these (and the built-in ones); None: all. disabled: pack or distribution name -> who said so.
    no_packs: none but the built-in ones. strict: a pack that is neither ok nor disabled is an error.
    trace: every hook call is told on standard error. paths: packs that are not installed. override: those replace an
    installed pack of the same name.
    """

    only: tuple[str, ...] | None = None
    disabled: Mapping[str, str] = field(default_factory=dict)
    no_packs: bool = False
    strict: bool = False
    trace: bool = False
    paths: tuple[str, ...] = ()
    override: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """`GLM_PACKS`, `GLM_DISABLE_PACKS`, `GLM_STRICT`, `GLM_TRACE_HOOKS`."""
        found = os.environ if environ is None else environ
        return cls(
            only=names_in(found["GLM_PACKS"]) if "GLM_PACKS" in found else None,
            disabled=dict.fromkeys(
                map(same_name, names_in(found.get("GLM_DISABLE_PACKS", ""))), "disabled by GLM_DISABLE_PACKS"
            ),
            strict=found.get("GLM_STRICT", "") not in ("", "0"),
            trace=found.get("GLM_TRACE_HOOKS", "") not in ("", "0"),
        )


def names_in(text: str) -> tuple[str, ...]:
    """The names of a comma-separated list."""
    return tuple(one.strip() for one in text.split(",") if one.strip())


def is_path(name: str | Path) -> bool:
    """What begins with `.`, `/` or `~`, or ends in `.toml` or `.py`, is a path; everything else is a name.

    So is a TOML file with one of its tasks, `mine.toml:emotion`.
    """
    if isinstance(name, Path):
        return True
    name, _ = task_in_file(name)
    return name.startswith((".", "/", "~")) or name.endswith((".toml", ".py")) or Path(name).is_absolute()


def task_in_file(name: str) -> tuple[str, str | None]:
    """`./mine.toml:emotion` as the path and the task's name; None where it names no task."""
    found = re.match(r"(.*\.toml):([^/\\:]*)\Z", name, re.DOTALL)
    return (found[1], found[2]) if found else (name, None)


def same_name(name: str) -> str:
    """A distribution's name as installers compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
