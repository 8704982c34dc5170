"""`glm check --wheel dist/x.whl`: what a stranger will get. The wheel is unpacked and its packs are loaded from there."""

from __future__ import annotations

import configparser
import importlib
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.parser import Parser
from pathlib import Path

from glm_core.checks.finding import Finding
from glm_core.checks.run import Report, check_pack
from glm_core.checks.subject import Model
from glm_core.errors import UsageError
from glm_core.pack import PACK_NAME, Pack
from glm_core.packs_find import GROUP
from glm_core.packs_load import load_pack

_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd")


def check_wheel(wheel: Path, *, model: Model | None = None) -> Report:
    """P101 to P109 for the packs of a wheel, T, V and B606 for their tasks; D, M and B where the wheel brings data.

    Raises UsageError for a file that is no wheel.
    """
    with tempfile.TemporaryDirectory(prefix="glm-wheel-") as folder:
        place = Path(folder).resolve() / "unpacked"
        try:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(place)
        except (OSError, zipfile.BadZipFile) as error:
            raise UsageError(f"--wheel {wheel}: is no wheel ({error}); build one with python -m build") from error
        packs = _packs(place, wheel)
        if not packs:
            message = f"{wheel.name} has no entry point in the group {GROUP}; without one nobody's glm finds the pack"
            return Report((Finding("P101", message, wheel.name),))
        report = Report(tuple(missing_files(wheel, place)))
        with _only_from(place):
            for pack in packs:
                report += _check(pack, model)
    return replace(report, findings=tuple(_inside(one, place) for one in report.findings))


def missing_files(wheel: Path, place: Path) -> Iterator[Finding]:
    """P107: what lies beside the code in the project's sources, and not in the wheel; `pack.toml` where code reads one."""
    for package in sorted(one.parent for one in place.glob("*/__init__.py")):
        found = {one.relative_to(place).as_posix() for one in package.rglob("*") if one.is_file()}
        wanted = set(_data_of(_sources(wheel, package.name)))
        if any("toml_pack(__name__)" in _text(one) for one in package.glob("*.py")):
            wanted.add(f"{package.name}/pack.toml")
        for name in sorted(wanted - found):
            yield Finding("P107", f"{name} is not in {wheel.name}", wheel.name)


def _check(pack: Pack, model: Model | None) -> Report:
    """One pack of the wheel. What it lacks because a file is missing is that file's finding alone."""
    if not PACK_NAME.match(pack.name):
        usable = re.sub(r"[^a-z0-9-]+", "-", pack.name.lower()).strip("-")
        return Report((Finding("P101", f"'{pack.name}' is not a pack name; use '{usable}'", pack.distribution),))
    loaded = load_pack(pack)
    if loaded.status != "ok" and "pack.toml: is not there" in loaded.message:
        return Report()
    report = check_pack(loaded, model=model)
    without_data = " no data, "
    return replace(report, notes=tuple(one for one in report.notes if without_data not in one))


def _inside(finding: Finding, folder: Path) -> Finding:
    """With places as the wheel names its files; where it was unpacked nobody can look any more."""
    places = tuple(replace(one, file=one.file.removeprefix(f"{folder}/")) for one in finding.places)
    return replace(finding, places=places)


def _packs(place: Path, wheel: Path) -> list[Pack]:
    """What the metadata of an unpacked wheel announce."""
    (metadata, *_) = [*place.glob("*.dist-info"), None]
    if metadata is None:
        raise UsageError(f"--wheel {wheel}: has no metadata; build it with python -m build")
    headers = Parser().parsestr(_text(metadata / "METADATA"))
    entries = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    entries.optionxform = str  # type: ignore[assignment, method-assign]
    entries.read_string(_text(metadata / "entry_points.txt"))
    base = Pack(
        "",
        headers["Name"] or wheel.name,
        headers["Version"] or "",
        requires=tuple(headers.get_all("Requires-Dist") or ()),
    )
    pairs = entries.items(GROUP) if entries.has_section(GROUP) else ()
    return [replace(base, name=name, entry=value) for name, value in pairs]


def _sources(wheel: Path, package: str) -> Path | None:
    """The folder that a package of the wheel was built from, where the wheel lies in its project's `dist`."""
    project = wheel.resolve().parent.parent
    if not (project / "pyproject.toml").is_file() and not (project / "setup.cfg").is_file():
        return None
    return next((one for one in (project / "src" / package, project / package) if one.is_dir()), None)


def _data_of(sources: Path | None) -> Iterator[str]:
    """Files of a package that are no code, from the package's name on."""
    for file in sorted(sources.rglob("*")) if sources is not None else ():
        name = file.relative_to(sources.parent)  # type: ignore[union-attr]
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if file.is_file() and not hidden and file.suffix not in _CODE:
            yield name.as_posix()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


@contextmanager
def _only_from(place: Path) -> Iterator[None]:
    """The unpacked wheel first on the path, and what is imported from elsewhere under its names out of the way."""
    tops = {one.name.removesuffix(".py") for one in place.iterdir()}
    aside = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in tops}
    for name in aside:
        del sys.modules[name]
    sys.path.insert(0, str(place))
    try:
        yield
    finally:
        sys.path.remove(str(place))
        for name in [one for one in sys.modules if one.partition(".")[0] in tops]:
            del sys.modules[name]
        sys.modules.update(aside)
        importlib.invalidate_caches()
