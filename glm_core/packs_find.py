"""Find packs and judge them by their metadata: nothing of a pack is imported here.

The rules and messages are the loader's table (PACKS 4), its first two phases.
"""

from __future__ import annotations

import configparser
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from glm_core.errors import UsageError, did_you_mean
from glm_core.pack import PACK_NAME, Pack, Settings, Source, same_name
from glm_core.toml_file import load_toml
from glm_core.version import __version__

GROUP = "glm.packs"
HOME = "glm-core"
_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?\Z")


def find_packs(settings: Settings) -> tuple[Pack, ...]:
    """Every pack there is, judged: what is still "found" may be imported. Built-in ones first, then by name.

    Raises UsageError for a name in `GLM_PACKS` or `--no-packs=` that nobody offers, and for a `--pack` without a pack.
    """
    given = [one for path in settings.paths for one in path_packs(path)]
    _no_twins(given)
    installed = [_judge(one, settings) for one in installed_packs()]
    _all_known(settings, [*given, *installed])
    found = _conflicts(installed)
    given, found = _meet(given, found, settings)
    return tuple(
        sorted([*map(_pinned, given), *found], key=lambda one: (one.source != "built-in", one.name, one.label))
    )


def installed_packs() -> list[Pack]:
    """The packs that installed distributions announce; the first metadata folder of a distribution wins."""
    found: list[Pack] = []
    seen: set[str] = set()
    for distribution in _distributions():
        name = same_name(distribution.name)
        if name not in seen:
            seen.add(name)
            found += distribution.packs()
    if HOME not in seen:
        found += _home_packs()
    return found


def twice_on_the_path() -> list[str]:
    """Distributions with packs that lie on the path more than once, as lines for `glm packs doctor`."""
    places: dict[str, list[str]] = {}
    for one in _distributions():
        place = f"{one.version} in {one.metadata}"
        if place not in places.setdefault(same_name(one.name), []):
            places[same_name(one.name)].append(place)
    return [
        f"{name} is found twice: {' and '.join(where)}; the first counts" for name, where in places.items() if where[1:]
    ]


@dataclass(frozen=True)
class Announced:
    """What a distribution's metadata, or a project's own files, say about its packs."""

    name: str
    version: str
    entries: tuple[tuple[str, str], ...]
    requires: tuple[str, ...] = ()
    source: Source = "installed"
    project: Path | None = None  # the folder of an editable install
    metadata: Path | None = None  # where its metadata lie

    def packs(self) -> list[Pack]:
        made = Pack("", self.name, self.version, self.source, root=self.project, requires=self.requires)
        return [replace(made, name=name, entry=entry) for name, entry in self.entries]


def _distributions() -> Iterator[Announced]:
    from importlib.metadata import distributions

    for one in distributions():
        try:
            text = one.read_text("entry_points.txt") or ""
            if GROUP not in text:
                continue
            entries = tuple((entry.name, entry.value) for entry in one.entry_points if entry.group == GROUP)
            name = one.metadata["Name"]
            project = _editable_project(one.read_text("direct_url.json"))
            requires = tuple(one.requires or ())
            metadata = Path(str(one.locate_file("")))
        except Exception:  # metadata that cannot be read announce nothing; the installer has to answer for them
            continue
        if name and entries:
            source: Source = "built-in" if same_name(name) == HOME else "editable" if project else "installed"
            yield Announced(name, one.version or "", entries, requires, source, project, metadata)


def _editable_project(direct_url: str | None) -> Path | None:
    """The folder of an editable install, from its `direct_url.json`."""
    if not direct_url:
        return None
    from urllib.parse import unquote, urlsplit

    found = json.loads(direct_url)
    if not found.get("dir_info", {}).get("editable"):
        return None
    path = unquote(urlsplit(found["url"]).path)
    return Path(path.lstrip("/") if os.name == "nt" else path)


def _home_packs() -> list[Pack]:
    """The built-in packs of a checkout that is not installed, from its own `setup.cfg`."""
    project = read_project(Path(__file__).resolve().parents[1])
    if project is None or same_name(project.name) != HOME:
        return []
    return replace(project, source="built-in").packs()


def read_project(folder: Path) -> Announced | None:
    """What a project's `pyproject.toml` or `setup.cfg` announces; None where it has no entry point of the group.

    Raises UsageError for a file that does not parse.
    """
    pyproject, setup = folder / "pyproject.toml", folder / "setup.cfg"
    if _mentions_group(pyproject):
        project = _read_toml(pyproject).get("project", {})
        entries = project.get("entry-points", {}).get(GROUP, {})
        if entries:
            requires = tuple(map(str, project.get("dependencies", ())))
            pairs = tuple((str(name), str(value)) for name, value in entries.items())
            return Announced(str(project.get("name", folder.name)), str(project.get("version", "")), pairs, requires)
    if _mentions_group(setup):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(setup, encoding="utf-8")
        except configparser.Error as error:
            raise UsageError(f"{setup}: {str(error).splitlines()[0]}") from error
        lines = parser.get("options.entry_points", GROUP, fallback="").splitlines()
        pairs = tuple(
            (name.strip(), value.strip()) for name, _, value in (line.partition("=") for line in lines) if name
        )
        if pairs:
            requires = tuple(one for one in parser.get("options", "install_requires", fallback="").splitlines() if one)
            name = parser.get("metadata", "name", fallback=folder.name)
            return Announced(name, parser.get("metadata", "version", fallback=""), pairs, requires)
    return None


def _mentions_group(file: Path) -> bool:
    """Whether a file is there and says the group's name. Raises UsageError where it cannot be read."""
    try:
        return file.is_file() and GROUP in file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return load_toml(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UsageError(f"{path}: {error}") from error


def path_packs(path: str) -> list[Pack]:
    """The packs of a folder, a `.py` or a `.toml` that is not installed. Raises UsageError where there is none."""
    place = Path(path).expanduser()
    if not place.exists():
        raise UsageError(f"{path}: does not exist; give a pack's folder, .py or .toml file")
    if place.is_dir() and (place / "pack.toml").is_file() and not _has_code(place):
        place /= "pack.toml"
    if place.is_file():
        if place.suffix == ".toml":
            return [toml_file(path, place)]
        if place.suffix != ".py":
            raise UsageError(f"{path}: is neither a folder nor a .py or .toml file; give the pack's folder or its file")
        return [_given(path, place.stem, "_glm_pack_" + place.stem, place)]
    project = read_project(place)
    if project is not None:
        return [replace(one, distribution=path, source="path", root=place.resolve()) for one in project.packs()]
    if (place / "__init__.py").is_file():
        return [_given(path, place.resolve().name, place.resolve().name, place)]
    raise UsageError(
        f"{path}: holds no pack; wants a pyproject.toml with entry points in the group {GROUP}, or an __init__.py"
    )


def toml_file(path: str, place: Path) -> Pack:
    """The pack that a TOML file is, there already or not: named after the file, or the folder of a `pack.toml`.

    Raises UsageError where that makes no name.
    """
    stem = place.resolve().parent.name if place.name == "pack.toml" else place.stem
    # a file of tables is no module, so its name need not be one
    return _given(path, stem, "_glm_pack_" + re.sub(r"\W", "_", stem), place)


def _has_code(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("__init__.py", "pyproject.toml", "setup.cfg"))


def _given(path: str, stem: str, entry: str, place: Path) -> Pack:
    name = re.sub(r"^glm[-_]pack[-_]", "", stem.lower()).replace("_", "-")
    if not PACK_NAME.match(name) or not entry.isidentifier():
        raise UsageError(f"{path}: '{stem}' cannot name a pack; use letters, digits and _ and begin with a letter")
    return Pack(name, path, source="path", entry=entry, root=place.resolve())


def _no_twins(given: Iterable[Pack]) -> None:
    seen: dict[str, Pack] = {}
    for one in given:
        if one.name in seen:
            other = seen[one.name].distribution
            raise UsageError(f"--pack {other} and --pack {one.distribution} both offer a pack '{one.name}'; give one")
        seen[one.name] = one


def _all_known(settings: Settings, found: Iterable[Pack]) -> None:
    names = {one.name for one in found}
    known = sorted(names | {same_name(one.distribution) for one in found})
    for name in settings.only or ():
        if name not in names:
            raise UsageError(f"GLM_PACKS names '{name}', which is not installed{did_you_mean(name, sorted(names))}")
    for name, who in settings.disabled.items():
        # a variable may be set for several environments; a flag is typed for this one
        if "--no-packs" in who and same_name(name) not in known:
            raise UsageError(f"--no-packs names '{name}', which is not installed{did_you_mean(name, known)}")


def _judge(pack: Pack, settings: Settings) -> Pack:
    """Disabled by the user, not a valid name or entry, or pinned to another glm-core."""
    for name in (same_name(pack.name), same_name(pack.distribution)):
        if name in settings.disabled:
            return replace(pack, status="disabled", message=settings.disabled[name])
    if pack.source != "built-in":
        if settings.no_packs:
            return replace(pack, status="disabled", message="disabled by --no-packs")
        if settings.only is not None and pack.name not in settings.only:
            return replace(pack, status="disabled", message="not named in GLM_PACKS")
    if not PACK_NAME.match(pack.name):
        usable = re.sub(r"[^a-z0-9-]+", "-", pack.name.lower()).strip("-")
        return replace(pack, status="broken", message=f"find: '{pack.name}' is not a pack name; use '{usable}'")
    if not _ENTRY.match(pack.entry):
        wrong = f'find: entry point \'{pack.name} = {pack.entry}\' is neither "module" nor "module:object"'
        return replace(pack, status="broken", message=wrong)
    return _pinned(pack)


def is_pin(requirement: str) -> bool:
    """Whether a requirement is one on glm-core."""
    return re.match(r"glm[-_.]+core(?![\w.-])", requirement.strip(), re.IGNORECASE) is not None


def _pinned(pack: Pack) -> Pack:
    """Installers check a pin once; this is the second look."""
    pins = [one for one in pack.requires if is_pin(one)]
    if not pins or pack.source == "built-in":
        return pack
    from packaging.requirements import InvalidRequirement, Requirement  # 30 ms, and only packs with a pin need it

    for pin in pins:
        try:
            wanted = Requirement(pin)
        except InvalidRequirement:
            wrong = f"{pack.label}: the requirement '{pin}' cannot be read; write glm-core>=1.0,<2"
            return replace(pack, status="incompatible", message=wrong)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        if not wanted.specifier.contains(__version__, prereleases=True):
            wrong = f"{pack.label} needs glm-core{wanted.specifier}, found {__version__}"
            return replace(pack, status="incompatible", message=wrong)
    return pack


def _conflicts(found: list[Pack]) -> list[Pack]:
    """A pack name that is claimed twice belongs to nobody."""
    by_name: dict[str, list[Pack]] = {}
    for one in found:
        if one.status != "disabled":
            by_name.setdefault(one.name, []).append(one)
    judged = []
    for one in found:
        claims = by_name.get(one.name, ())
        if one.status != "disabled" and len(claims) > 1:
            who = " and ".join(claim.label for claim in claims)
            wrong = f"pack name '{one.name}' is claimed by {who}; uninstall or disable one"
            one = replace(one, status="conflict", message=wrong)
        judged.append(one)
    return judged


def _meet(given: list[Pack], found: list[Pack], settings: Settings) -> tuple[list[Pack], list[Pack]]:
    """What becomes of an installed pack whose name a `--pack` has too."""
    by_name: Mapping[str, Pack] = {one.name: one for one in given}
    judged = []
    for one in found:
        other = by_name.get(one.name)
        if other is not None and one.status != "disabled":
            where = f"--pack {other.distribution}"
            if one.root is not None and other.root is not None and one.root.resolve() == other.root:
                one = replace(one, status="disabled", message=f"the same folder is given by {where}")
            elif settings.override:
                by_name = {**by_name, one.name: replace(other, replaces=one.label)}
                one = replace(one, status="disabled", message=f"replaced by {where} (--override)")
            else:
                by_name = {**by_name, one.name: replace(other, rival=one.label)}
                wrong = f"{one.name} is also offered by {where}; uninstall, disable, or say --override"
                one = replace(one, status="conflict", message=wrong)
        judged.append(one)
    return list(by_name.values()), judged
