"""The documents say what is true: links resolve, generated parts are current, and the examples are run word for word."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.sources import ROOT

DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(DOCS.rglob("*.md"))
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt . && .venv/bin/glm demo"
TESTS = (
    'python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e ".[test]" && .venv/bin/python -m pytest'
)


def _tool(name: str) -> ModuleType:
    """A program of docs/ as a module: that folder is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


examples = _tool("examples")
READ = {path: examples.read(path) for path in DOCUMENTS}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# ---- links


def prose(path: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^(`{3,}).*?^\1$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub and MyST make of a document's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(path), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        number = 0
        while (one := slug if not number else f"{slug}-{number}") in found:
            number += 1
        found.add(one)
    return found


def links(path: Path) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", prose(path))
    yield from re.findall(r"\]\(([^()\s]+)\)", text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_inside_the_project_resolve(path: Path) -> None:
    wrong = []
    for link in links(path):
        if link.startswith(("https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.is_relative_to(ROOT) or not target.is_file():
            wrong.append(f"{link}: there is no such file")
        elif anchor and anchor not in anchors(target):
            wrong.append(f"{link}: {named(target)} has no such heading")
    assert not wrong, "\n".join(wrong)


def test_every_document_stands_in_the_index_and_in_the_sites_contents() -> None:
    index = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "index.md")}
    contents = (DOCS / "contents.rst").read_text(encoding="utf-8").split()
    for path in DOCS.rglob("*.md"):
        name = path.relative_to(DOCS).with_suffix("").as_posix()
        if path == DOCS / "index.md" or re.fullmatch(r"reference/checks/[A-Z]\d+", name):
            continue
        assert path in index, f"docs/index.md has no link to {name}"
        assert name in contents, f"docs/contents.rst lacks {name}"


# ---- what follows from the code


def test_generated_parts_are_current() -> None:
    old = [named(path) for path in _tool("make_reference").outdated()]
    assert not old, f"{', '.join(old)}: run python docs/make_reference.py"


def test_every_key_of_a_toml_pack_is_documented() -> None:
    from glm_core.toml_schema import KEYS

    text = (DOCS / "reference" / "toml-packs.md").read_text(encoding="utf-8")
    assert [key for key in KEYS if f"`{key}`" not in text] == []


def test_every_metric_is_named_in_the_public_names() -> None:
    from glm_core import metrics

    text = (DOCS / "reference" / "public-api.md").read_text(encoding="utf-8")
    assert [name for name in metrics.__all__ if f"`{name}`" not in text] == []


def test_the_tutorials_pack_is_the_one_in_the_repository() -> None:
    project = ROOT / "plugins" / "glm-pack-movie-reviews"
    name = "src/glm_pack_movie_reviews/__init__.py"
    (told,) = (
        block.text
        for block in READ[DOCS / "tutorial" / "your-first-pack.md"].blocks
        if block.file == f"{project.name}/{name}"
    )
    assert told == (project / name).read_text(encoding="utf-8")


# ---- examples


def test_the_readme_begins_with_its_two_commands() -> None:
    """`.ci/run` runs the first lines of the first two blocks of this kind."""
    assert [block.text for block in READ[ROOT / "README.md"].blocks if block.language == "sh"] == [
        f"{DEMO}\n",
        f"{TESTS}\n",
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_commands_stand_in_blocks_that_are_run(path: Path) -> None:
    """Whatever looks like a command is a console block; the README's two and CONTRIBUTING's are run by the gate."""
    if path.parent == DOCS / "reference" / "checks":
        return  # made from the checks' own pages
    shell = {"sh", "bash", "shell"} if path.name not in ("README.md", "CONTRIBUTING.md") else {"shell"}
    wrong = [str(block) for block in READ[path].blocks if block.language in shell and not block.file]
    assert not wrong, f"{', '.join(wrong)}: a command stands in a console block"
    assert all(len(block.why_not) > 8 for block in READ[path].blocks if "no" in "".join(block.marks)[:2])


def glm_commands() -> Iterator[tuple[str, str]]:
    """Every `glm …` of the documents' console blocks: where, and the line."""
    for document in READ.values():
        for command in examples.commands(document):
            if command.block.language == "console":
                for part in re.split(r" && | \| ", command.words):
                    words = re.sub(r"^(\w+=\S* )*", "", part)
                    if words.startswith("glm "):
                        yield str(command.block), words


@pytest.mark.parametrize(("place", "line"), glm_commands())
def test_flags_of_every_command_exist(place: str, line: str) -> None:
    """Also of commands that are not run: they are parsed, and their options resolved."""
    from glm_core.cli.flags import Parser, config_from
    from glm_core.cli.main import COMMANDS, _take_global

    _, words = _take_global(shlex.split(line)[1:])
    name, *rest = words
    if name not in COMMANDS:
        pytest.skip("a pack's own command")
    module = importlib.import_module(f"glm_core.cli.{name.replace('-', '_')}")
    parser = Parser(prog=f"glm {name}")
    module.add_arguments(parser)
    found: argparse.Namespace = parser.parse_args(rest)
    if not getattr(found, "config", None):
        for kind in getattr(found, "config_kinds", ()):
            config_from(found, kind)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    with examples.Runner(tmp_path_factory.mktemp("documents") / "run") as made:
        yield made


def with_examples(*, slow: bool) -> list[Path]:
    """The documents that have something to run, slow things included or not."""
    found = []
    for path, document in READ.items():
        blocks = [command.block for command in examples.commands(document) if not command.block.why_not]
        if any(block.is_slow for block in blocks) if slow else any(not block.is_slow for block in blocks):
            found.append(path)
    return found


@pytest.mark.parametrize("path", with_examples(slow=False), ids=named)
def test_examples_do_what_the_document_says(path: Path, runner: object) -> None:
    differences = runner.run(READ[path])  # type: ignore[attr-defined]
    assert not differences, "\n\n".join(map(str, differences))


@pytest.mark.slow
@pytest.mark.parametrize("path", with_examples(slow=True), ids=named)
def test_slow_examples_do_what_the_document_says(path: Path, runner: object) -> None:
    differences = runner.run(READ[path], slow=True)  # type: ignore[attr-defined]
    assert not differences, "\n\n".join(map(str, differences))


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    build = pytest.importorskip("sphinx.cmd.build", reason="needs the extra docs")
    pytest.importorskip("myst_parser", reason="needs the extra docs")
    with suppress(SystemExit):
        assert build.main(["-q", "-W", "-b", "html", str(DOCS), str(tmp_path)]) == 0
    assert (tmp_path / "index.html").is_file()


# ---- the runner's own rules


def test_dots_stand_for_anything_and_nothing_else_does() -> None:
    assert examples.fits(["a", "…", "z"], ["a", "b", "c", "z"])
    assert examples.fits(["a", "…", "z"], ["a", "z"])
    assert examples.fits(["in … s, 5 (x)"], ["in 12 s, 5 (x)"])
    assert not examples.fits(["a"], ["a", "b"])
    assert not examples.fits(["accuracy 0.5"], ["accuracy 0.6"])
    assert examples.fits(["accuracy  0.5"], ["accuracy 0.6125"], about=True)
    assert not examples.fits(["label positive"], ["label negative"], about=True)


def test_a_block_is_a_file_where_its_name_stands_above_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "**`a/b.toml`**\n\n```toml\nx = 1\n```\n\n<!-- run: slow -->\n```console\n$ glm tasks \\\n    --json\n[\n```\n",
        encoding="utf-8",
    )
    document = examples.read(page)
    assert [(block.file, block.language, block.is_slow) for block in document.blocks] == [
        ("a/b.toml", "toml", False),
        ("", "console", True),
    ]
    (command,) = examples.commands(document)
    assert (command.words, command.prints) == ("glm tasks --json", ("[",))
