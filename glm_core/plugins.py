"""Load packs one by one, and look up what they offer: `get_task`, `find_model`, `find_backbone`, `find_command`.

Each pack goes through find, judge, import, hooks, collect, validate, commit by itself (PACKS 4): one that fails in any
phase leaves nothing behind and stops nobody. Built-in packs come the same way and have no precedence.
"""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from glm_core.errors import GlmError, PackError, UsageError, did_you_mean
from glm_core.pack import Pack, Settings, is_path, task_in_file
from glm_core.packs_find import find_packs, path_packs
from glm_core.packs_import import describe
from glm_core.packs_load import call_hook, load_pack

if TYPE_CHECKING:
    from glm_core.backbone import ModelSource
    from glm_core.tasks import Task

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Offer(Generic[T]):
    """Something that a pack offers, under its full name `pack/name`."""

    name: str
    value: T
    pack: Pack


class Packs:
    """All packs, each loaded as far as it came."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self.packs = tuple(packs)
        self._given: dict[Path, tuple[Pack, ...]] = {}

    def offers(self, kind: str) -> dict[str, Offer[Any]]:
        """Everything of a kind ("tasks", "models", "backbones", "commands") by full name."""
        return {
            f"{pack.name}/{name}": Offer(f"{pack.name}/{name}", value, pack)
            for pack in self.packs
            for name, value in getattr(pack, kind).items()
        }

    def find(self, kind: str, name: str) -> Offer[Any]:
        """By full name, or by short name where that is unique.

        Raises UsageError for an unknown name, PackError for one that is not unique or whose pack did not load.
        """
        offers = self.offers(kind)
        if name in offers:
            return self._unrivalled(offers[name])
        found = [one for full, one in offers.items() if full.partition("/")[2] == name]
        if len(found) > 1:
            who = ", ".join(f"{one.name} ({one.pack.label})" for one in found)
            raise PackError(f"'{name}' is in {len(found)} packs: {who}; use the full name")
        if found:
            return self._unrivalled(found[0])
        raise self._unknown(kind, name, offers)

    def add(self, path: str) -> tuple[Pack, ...]:
        """The packs of a folder or file that is not installed, loaded on the first call. Raises UsageError."""
        place = Path(path).expanduser().resolve()
        if place not in self._given:
            here = [one for one in self.packs if one.source == "path" and one.root == place]
            self._given[place] = tuple(here) or tuple(
                load_pack(one, trace=settings().trace) for one in path_packs(path)
            )
        return self._given[place]

    @staticmethod
    def _unrivalled(offer: Offer[Any]) -> Offer[Any]:
        pack = offer.pack
        if pack.rival:
            raise PackError(
                f"{offer.name} is offered by {pack.label} and {pack.rival}; uninstall, disable, or say --override"
            )
        return offer

    def _unknown(self, kind: str, name: str, offers: Mapping[str, Offer[Any]]) -> GlmError:
        owner = name.partition("/")[0] if "/" in name else ""
        for pack in self.packs:
            if pack.name == owner and pack.status != "ok":
                return PackError(f"{name}: pack '{pack.name}' is {pack.status}: {pack.message}")
        short_names = [full.partition("/")[2] for full in offers]
        known = [*offers, *(one for one in short_names if short_names.count(one) == 1)]
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
        message = f"no {kind.rstrip('s')} '{name}'."
        if near:
            message += f" Did you mean {near[0]}?"
        if kind in ("tasks", "models") and Path(name).is_dir():
            message += f" A folder of this name is here: write ./{name}"
        missing = [pack.why_not for pack in self.packs if pack.status != "ok"]
        if missing:
            message += f" Not loaded: {', '.join(missing)}"
        return UsageError(message)


_lock = threading.RLock()
_loading = False
_loaded: Packs | None = None
_settings: Settings | None = None
_warned: set[tuple[str, str]] = set()


def settings() -> Settings:
    """Which packs may load: what `reload` was given, or the environment's word."""
    return _settings if _settings is not None else Settings.from_environment()


def reload(new: Settings | None = None) -> None:
    """Forget what was loaded; the next look-up finds packs again. None: the environment decides again."""
    global _loaded, _settings
    with _lock:
        _loaded, _settings = None, new
        _warned.clear()


@contextmanager
def using(new: Settings) -> Iterator[None]:
    """Other settings inside the block; afterwards everything is as it was."""
    global _loaded, _settings
    with _lock:
        before, (_loaded, _settings) = (_loaded, _settings), (None, new)
    try:
        yield
    finally:
        with _lock:
            _loaded, _settings = before


def list_packs() -> tuple[Pack, ...]:
    """Every pack that was found, whatever became of it."""
    return _packs().packs


def check_strict() -> None:
    """Raise PackError when `--strict` or `GLM_STRICT=1` is set and a pack is neither ok nor disabled."""
    if settings().strict:
        wrong = [pack for pack in _packs().packs if pack.status not in ("ok", "disabled")]
        if wrong:
            lines = "; ".join(f"pack {pack.name} is {pack.status}: {_first_line(pack.message)}" for pack in wrong)
            raise PackError(f"{lines} (--strict)")


def list_tasks() -> Mapping[str, Task]:
    """Every task by its full name."""
    return {name: one.value for name, one in _checked().offers("tasks").items()}


def list_models() -> Mapping[str, ModelSource]:
    """Every named model by its full name."""
    return {name: one.value for name, one in _checked().offers("models").items()}


def list_commands() -> Mapping[str, tuple[str, str]]:
    """Commands of packs by full name: (one line of help, module)."""
    return {name: one.value for name, one in _packs().offers("commands").items()}


def get_task(name: str) -> Task:
    """A task by name (`"superglue/rte"`, or `"rte"` where that is unique), or the only task of a pack's path.

    Where a TOML file has several tasks, `"./mine.toml:emotion"` names one.

    Raises UsageError for an unknown name, with the nearest one and the packs that did not load; PackError for a name
    that several packs offer.
    """
    return find_task(name).value


def find_task(name: str) -> Offer[Task]:
    """As `get_task`, with the task's full name and its pack."""
    if not is_path(name):
        return _checked().find("tasks", name)
    path, wanted = task_in_file(name)
    packs = _checked().add(path)
    for pack in packs:
        if pack.status != "ok":
            said = pack.message.removeprefix("collect: ")
            raise PackError(said if pack.is_toml else f"{path}: pack '{pack.name}' is {pack.status}: {pack.message}")
    found = {
        short_name: Offer(f"{pack.name}/{short_name}", task, pack)
        for pack in packs
        for short_name, task in pack.tasks.items()
    }
    if wanted is not None and wanted not in found:
        raise UsageError(f"{path} has no task '{wanted}' (it has {', '.join(found)}){did_you_mean(wanted, found)}")
    if wanted is None and len(found) != 1:
        names = ", ".join(one.name for one in found.values()) or "none"
        how = f"name one: {path}:{next(iter(found))}" if packs[0].is_toml else f"say --pack {path} and name one"
        raise UsageError(f"{path} offers {len(found)} tasks ({names}); {how}")
    return found[wanted or next(iter(found))]


def find_offer(task: Task) -> Offer[Task] | None:
    """Which pack offers this very task, and under which full name; None for a task that was made by hand."""
    packs = _packs()
    for pack in (*packs.packs, *(one for given in packs._given.values() for one in given)):
        for name, one in pack.tasks.items():
            if one is task:
                return Offer(f"{pack.name}/{name}", one, pack)
    return None


def path_of(task: Task) -> str:
    """The path by which this task's pack was given, as it was typed; empty where the pack is installed, or there is none."""
    offer = find_offer(task)
    return offer.pack.distribution if offer is not None and offer.pack.source == "path" else ""


def find_model(name: str) -> Offer[ModelSource]:
    """A named model. Raises as `get_task` does."""
    return _checked().find("models", name)


def find_backbone(name: str) -> Offer[str]:
    """A backbone's "module:Class". Raises as `get_task` does."""
    return _checked().find("backbones", name)


def find_command(name: str) -> Offer[tuple[str, str]]:
    """A pack's command. Raises as `get_task` does."""
    return _checked().find("commands", name)


def record_hooks(row: Mapping[str, Any], *, run: str = "") -> None:
    """Show a row of a run's log to every pack that asked for it.

    A pack that fails is told once per run and pack, as a warning; neither the run nor the other packs notice.
    """
    try:
        packs = _packs().packs
    except GlmError as error:
        if (run, "") not in _warned:
            _warned.add((run, ""))
            log.warning("no pack sees the log: %s", error)
        return
    for pack in packs:
        if pack.status != "ok" or not pack.hooks.hook.glm_record.get_hookimpls():
            continue
        try:
            call_hook(pack, "glm_record", trace=settings().trace, row=dict(row))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if (run, pack.name) not in _warned:
                _warned.add((run, pack.name))
                log.warning("pack %s: glm_record failed: %s", pack.name, describe(error, pack.files))


@contextmanager
def isolated_packs(*plugins: Any, **named: Any) -> Iterator[Packs]:
    """See only these plugins, modules or objects with hooks, inside the block: for tests.

    A plugin's pack is named after its module, or by the keyword. Raises PackError when one of them does not load.
    """
    global _loaded
    given = {**{_name_of(one): one for one in plugins}, **{key.replace("_", "-"): one for key, one in named.items()}}
    packs = Packs(load_pack(Pack(name, name, source="test", entry=name), one) for name, one in given.items())
    for pack in packs.packs:
        if pack.status != "ok":
            raise PackError(f"pack '{pack.name}' is {pack.status}: {pack.message}")
    with _lock:
        before, _loaded = _loaded, packs
    try:
        yield packs
    finally:
        with _lock:
            _loaded = before


def _name_of(plugin: Any) -> str:
    name = getattr(plugin, "__name__", None) or type(plugin).__name__
    return str(name).rpartition(".")[2].removeprefix("glm_pack_").replace("_", "-").lower().strip("-")


def _checked() -> Packs:
    check_strict()
    return _packs()


def _packs() -> Packs:
    """What is loaded, loaded now if need be. An attempt that fails as a whole is made again on the next call."""
    global _loaded, _loading
    with _lock:
        if _loaded is None:
            if _loading:
                raise PackError("packs are being loaded; look tasks up inside a function, not while a pack is imported")
            _loading = True
            try:
                now = settings()
                _loaded = Packs([load_pack(pack, trace=now.trace) for pack in find_packs(now)])
            finally:
                _loading = False
        return _loaded


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
