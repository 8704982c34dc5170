"""Write the pack that a port becomes: a whole distribution, as `glm new-pack` writes one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from glm_core import Example
from glm_core.atomic import write_folder
from glm_core.checks.golden import FILE as GOLDEN, update_golden
from glm_core.checks.sources import Sources
from glm_core.checks.subject import Reading, Subject
from glm_core.errors import GlmError
from glm_core.scaffold.fill import fill, quoted
from glm_core.scaffold.markdown import as_markdown
from glm_core.scaffold.names import distribution_of, module_of
from glm_core.version import __version__
from glm_pack_legacy.forms import Form, fill_own, place_of, sentence
from glm_pack_legacy.porting import Port, watching
from glm_pack_legacy.report import as_markdown as report_page

_N_EXAMPLES = 20  # read for the README and the golden prompts
_LINES = (".jsonl", ".json", ".tsv", ".csv", ".txt")
_NO_SAMPLES = '''"""The checks that need no data, as tests; a few rows in `samples/` would allow all of them."""

from glm_core.testing import PackConformance


class TestPack(PackConformance):
    pack = "{pack}"
'''


def write_port(port: Port, form: Form, name: str, folder: Path, data: Path, *, n_lines: int) -> list[str]:
    """Write the pack's folder, whole or not at all; the names of its files.

    n_lines: rows of each data file that are taken along as samples, where a file can be cut by lines.
    Raises UsageError where the folder is there already and not empty.
    """
    module = module_of(name)
    with write_folder(folder, replace=False) as draft, watching():
        source = draft / "src" / module
        source.mkdir(parents=True)
        has_samples = _write_samples(port, form, data, source / "samples", n_lines)
        originals = _write_originals(port, source) if form.kind == "python" else []
        for place, text in _texts(port, form, name, data, originals, has_samples=has_samples):
            (draft / place).parent.mkdir(parents=True, exist_ok=True)
            (draft / place).write_text(text, encoding="utf-8")
        read = port.reads[0].split
        reading = Reading(read, _examples(form, data), ())
        update_golden(
            draft / GOLDEN, [Subject(form.task, f"{name}/{name}", Sources(()), readings={read.name: reading})]
        )
        return sorted(one.relative_to(draft).as_posix() for one in draft.rglob("*") if one.is_file())


def _texts(
    port: Port, form: Form, name: str, data: Path, originals: list[str], *, has_samples: bool
) -> Iterator[tuple[str, str]]:
    values = _values(port, form, name, originals, has_samples=has_samples)
    source = f"src/{module_of(name)}"
    for file in ("pyproject.toml", "LICENSE"):
        yield file, fill(file, values)
    yield ".gitignore", fill("gitignore", values)
    yield ".github/workflows/test.yml", fill("test.yml", values)
    yield ".github/workflows/publish.yml", fill("publish.yml", values)
    yield "README.md", fill_own("README.md", {**values, "patterns": _patterns_shown(form, data)})
    yield "PORT.md", report_page(port, form)
    yield "tests/test_pack.py", fill("test_pack.py", values) if has_samples else _NO_SAMPLES.format(pack=name)
    yield f"{source}/__init__.py", fill(f"init-{form.kind}.py", values)
    if form.kind == "toml":
        yield f"{source}/pack.toml", form.text
    else:
        yield f"{source}/task.py", form.text
        yield f"{source}/py.typed", ""


def _values(port: Port, form: Form, name: str, originals: list[str], *, has_samples: bool) -> Mapping[str, str]:
    module, toml = module_of(name), form.kind == "toml"
    major, minor, *_ = __version__.split(".")
    pins = [f"glm-core>={major}.{minor},<{int(major) + 1}", *(() if toml else ("glm-pack-legacy>=1.0,<2",))]
    inside = ["pack.toml" if toml else "py.typed", *originals, *(("samples/**",) if has_samples else ())]
    said = sentence(port)
    splits = "\n".join(f"| {one.split.name} | {one.split.role} | {_ticked(one.split.files)} |" for one in port.reads)
    taken = (
        "`samples/` holds the first rows of the files that were ported from: see whether their licence allows that.\n"
    )
    return {
        "pack": name,
        "distribution": distribution_of(name),
        "module": module,
        "entry": f"{module}:pack" if toml else module,
        "pin": '", "'.join(pins),
        "data_files": ", ".join(map(quoted, inside)),
        "summary": quoted(said),
        "sentence": said,
        "files": _ticked(file for one in port.reads for file in one.split.files) or "(which)",
        "splits": splits,
        "pvp": port.classes.pvp.__name__,
        "processor": port.classes.processor.__name__,
        "data": "" if has_samples else " --data DIR",
        "samples": f"src/{module}/samples",
        "taken": taken if has_samples else "",
    }


def _ticked(files: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(f"`{file}`" for file in files))


def _patterns_shown(form: Form, data: Path) -> str:
    (example, *_) = _examples(form, data)
    return "".join(as_markdown(form.task, form.task.cloze(example, pvp.name)) + "\n" for pvp in form.task.pvps)


def _examples(form: Form, data: Path) -> tuple[Example, ...]:
    processor = form.task.processor
    return tuple(form.task.read(processor.open(data), processor.splits[0], limit=_N_EXAMPLES))


def _write_originals(port: Port, source: Path) -> list[str]:
    """Copy the named files into the pack; their places in it."""
    places = []
    for dotted, path in port.classes.files.files.items():
        place = f"original/{place_of(dotted, path)}"
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, source / place)
        places.append(place)
    return places


def _write_samples(port: Port, form: Form, data: Path, samples: Path, n_lines: int) -> bool:
    """The first lines of each data file, if the original and the new task read them as they read the whole files."""
    files = dict.fromkeys(file for one in port.reads for file in one.split.files)
    if not files or any(Path(file).suffix.lower() not in _LINES for file in files):
        return False
    try:
        for file in files:
            (samples / file).parent.mkdir(parents=True, exist_ok=True)
            (samples / file).write_text(_head((data / file).read_text(encoding="utf-8"), n_lines), encoding="utf-8")
        if all(_reads_alike(port, form, samples, index) for index in range(len(port.reads))):
            return True
    except (GlmError, OSError, UnicodeDecodeError):
        pass
    shutil.rmtree(samples, ignore_errors=True)
    return False


def _reads_alike(port: Port, form: Form, samples: Path, index: int) -> bool:
    read = port.reads[index]
    some = port.classes.read(read.split.name, samples)
    same = all(_facts(one) == _facts(other) for one, other in zip(some, read.originals, strict=False))
    return bool(some) and same and bool(form.task.read(form.task.processor.open(samples), read.split.name))


def _facts(one: object) -> tuple[object, ...]:
    return tuple(getattr(one, name, None) for name in ("guid", "text_a", "text_b", "label"))


def _head(text: str, n_lines: int) -> str:
    """The first lines, and one for a header row."""
    return "".join(re.findall(r"[^\n]*\n|[^\n]+\Z", text)[: n_lines + 1])
