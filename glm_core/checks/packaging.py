"""P101 to P109: the pack as a package. Names, pins, dryness, hooks, references, clashes, metadata."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from glm_core.checks.finding import Finding, Place
from glm_core.checks.probe import look_into
from glm_core.checks.sources import Sources
from glm_core.checks.watch import Seen
from glm_core.errors import UsageError
from glm_core.pack import Pack, same_name
from glm_core.packs_find import GROUP, installed_packs, is_pin, read_project
from glm_core.packs_import import describe

_KINDS = ("tasks", "models", "backbones", "commands")
_LOWER, _UPPER = re.compile(r">|==|~="), re.compile(r"<|==|~=")


def check_packaging(pack: Pack, others: Iterable[Pack], sources: Sources) -> Iterator[Finding]:
    """Everything about a loaded pack that concerns the package. `others`: the packs that are installed beside it."""
    yield from name_and_distribution(pack, others, sources)
    yield from pins(pack, sources)
    yield from dryness(pack)
    yield from references(pack, sources)
    yield from clashes(pack, others, sources)
    yield from staleness(pack)


def name_and_distribution(pack: Pack, others: Iterable[Pack], sources: Sources) -> Iterator[Finding]:
    """P101. A name that is not one at all is the loader's to find."""
    distribution = same_name(_project_name(pack))
    wanted = distribution.removeprefix("glm-pack-")
    siblings = [one for one in others if one.distribution and same_name(one.distribution) == distribution]
    if wanted != distribution and wanted != pack.name and len(siblings) <= 1:
        place = sources.key("project", "entry-points", GROUP, pack.name)
        yield Finding(
            "P101", f"'{pack.name}' comes from {distribution}; call the entry point '{wanted}'", pack.name, place
        )


def pins(pack: Pack, sources: Sources) -> Iterator[Finding]:
    """P102."""
    bare = pack.source == "path" and not pack.version and not _project_name(pack)  # a folder or file without metadata
    if bare or pack.source in ("built-in", "test"):
        return
    found = [one for one in pack.requires if is_pin(one)]
    place = sources.key("project", "dependencies")
    if not found:
        yield Finding("P102", "does not require glm-core; write glm-core>=1.0,<2", pack.name, place)
    for pin in found:
        lower, upper = _LOWER.search(pin), _UPPER.search(pin)
        if not (lower and upper):
            lacks = "bounds" if not (lower or upper) else "upper bound" if lower else "lower bound"
            yield Finding("P102", f"{pin} has no {lacks}; write glm-core>=1.0,<2", pack.name, place)


def dryness(pack: Pack) -> Iterator[Finding]:
    """P103 and P109, as far as importing goes."""
    if pack.source == "test" and pack.module not in sys.modules:
        return  # an object made by a test: there is no module to import
    all_seen = list({(one.kind, one.what): one for one in reversed(look_into(pack))}.values())[::-1]
    heavy = {(one.file, one.line) for one in all_seen if one.kind == "import"}
    for seen in all_seen:
        if seen.kind in ("network", "write"):
            yield use_of_the_world(seen, pack.name, pack.files)
        elif seen.kind == "import":
            verb = "loads" if seen.stage.startswith("importing") else "imports"
            message = f"{seen.stage} {verb} {seen.what}{_at(seen, pack.files)}"
            yield Finding("P103", message, pack.name, _places(seen))
        elif seen.stage.startswith("importing") and (seen.file, seen.line) not in heavy:
            message = f"{seen.stage} reads the file {seen.what}{_at(seen, pack.files)}"
            yield Finding("P103", message, pack.name, _places(seen))


def use_of_the_world(seen: Seen, about: str, files: Iterable[Path]) -> Finding:
    """P109, for a socket or a file that was to be written."""
    did = f"opened a socket to {seen.what}" if seen.kind == "network" else f"wanted to write {seen.what}"
    return Finding("P109", f"{seen.stage} {did}{_at(seen, files)}", about, _places(seen))


def references(pack: Pack, sources: Sources) -> Iterator[Finding]:
    """P105: what the loader takes on trust, imported. Folders of models it has seen itself."""
    from glm_core.backbone import Backbone

    for name, reference in pack.backbones.items():
        module, _, attribute = reference.partition(":")
        wrong = ""
        try:
            found = getattr(importlib.import_module(module), attribute)
            if not (isinstance(found, type) and issubclass(found, Backbone)):
                wrong = "is not a Backbone"
        except Exception as error:
            wrong = f"cannot be imported ({describe(error, pack.files)})"
        if wrong:
            message = f"backbone '{name}' names {reference}, which {wrong}"
            yield Finding("P105", message, pack.name, sources.text(reference))
    for name, (_, module) in pack.commands.items():
        wrong = ""
        try:
            command = importlib.import_module(module)
            lacks = [one for one in ("add_arguments", "run") if not callable(getattr(command, one, None))]
            wrong = f"has no {' and no '.join(f'{one}()' for one in lacks)}" if lacks else ""
        except Exception as error:
            wrong = f"cannot be imported ({describe(error, pack.files)})"
        if wrong:
            message = f"command '{name}' names {module}, which {wrong}"
            yield Finding("P105", message, pack.name, sources.text(module))


def clashes(pack: Pack, others: Iterable[Pack], sources: Sources) -> Iterator[Finding]:
    """P106: short names that another pack of this environment has too."""
    for other in others:
        if other.status != "ok" or other.name == pack.name:
            continue
        for kind in _KINDS:
            for name in sorted(set(getattr(pack, kind)) & set(getattr(other, kind))):
                message = f"{kind[:-1]} '{name}' is also offered by {other.name}; the short name will not work"
                places = sources.task(pack.tasks[name]) if kind == "tasks" else sources.text(name)
                yield Finding("P106", message, pack.name, places)


def staleness(pack: Pack) -> Iterator[Finding]:
    """P108: an editable install whose project announces other entry points by now."""
    if pack.source not in ("editable", "built-in") or pack.root is None or not pack.root.is_dir():
        return
    try:
        project = read_project(pack.root)
    except UsageError as error:
        yield Finding("P108", str(error), pack.name)
        return
    installed = {one.name: one.entry for one in installed_packs() if one.root == pack.root}
    if installed and installed != dict(project.entries if project else ()):
        yield Finding("P108", f"entry points changed since install; run pip install -e {pack.root} again", pack.name)


def _project_name(pack: Pack) -> str:
    """The distribution's name: for a folder that is not installed, what its project says."""
    if pack.source != "path":
        return pack.distribution
    project = read_project(pack.root) if pack.root is not None and pack.root.is_dir() else None
    return project.name if project is not None else ""


def _places(seen: Seen) -> tuple[Place, ...]:
    return (Place(seen.file, seen.line),) if seen.file else ()


def _at(seen: Seen, files: Iterable[Path]) -> str:
    """` (glm_pack_emotion/task.py:1)`, from the pack's own name on."""
    path = Path(seen.file)
    for own in files:
        here = own.resolve()
        if seen.file and (path == here or here in path.parents):
            return f" ({path.relative_to(here.parent).as_posix()}:{seen.line})"
    return ""
