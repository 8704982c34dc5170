"""Run the examples of the documents word for word, and compare what they print with what the documents say.

    python docs/examples.py docs/tutorial/*.md             run them, show what differs
    python docs/examples.py --write docs/tutorial/*.md     and write into the document what was printed

In a document, in this order and in one empty folder:

    **`pack.toml`** …            above a block of any language: the block is written to that file
    ```console                   lines that begin with `$ ` are commands, the lines below one are what it prints
    ```python                    a script; an ```output block right below it is what it prints

    <!-- run: about -->          above a block: numbers may differ, as those of a training do between machines
    <!-- run: fails -->          the command ends with an exit code other than 0; one that prints `glm: error:` has to anyway
    <!-- run: slow -->           the block takes long, and runs only where slow examples are asked for
    <!-- run: no, REASON -->     the block is not run; its `glm` commands are parsed all the same
    <!-- run: after PATH -->     the document goes on in the folder that another document left
    <!-- run: with PATH as NAME -->   a folder of the project lies there under this name

In what is printed `…` stands for anything: for any lines where it is alone on its line, else for any text in it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_MARK = re.compile(r"<!-- run: (.*?) -->")
_FILE = re.compile(r"\*\*`([^`]+)`\*\*")
_NUMBER = re.compile(r"[-+–]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?")
_SHELL = re.compile(r"[|<>;&$`*]")


@dataclass(frozen=True)
class Block:
    """A fenced block. `line`: of its first line of content, from 1. marks: those right above it."""

    document: Path
    line: int
    language: str
    text: str
    file: str = ""
    marks: tuple[str, ...] = ()

    @property
    def is_slow(self) -> bool:
        return "slow" in self.marks

    @property
    def why_not(self) -> str:
        """Why it is not run; empty where it is."""
        return next((one[3:].strip() for one in self.marks if one.startswith("no,")), "")

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command with what the document says it prints. first, last: line numbers of what it prints, last exclusive."""

    block: Block
    words: str
    prints: tuple[str, ...] | None
    first: int
    last: int


@dataclass(frozen=True)
class Difference:
    """What a command printed instead of what the document says."""

    command: Command
    printed: str
    what: str

    def __str__(self) -> str:
        told = "\n".join(self.command.prints or ())
        head = f"{self.command.block}: {self.what}\n$ {self.command.words}"
        return f"{head}\n--- document\n{told}\n--- printed\n{self.printed}"


@dataclass(frozen=True)
class Document:
    """A document's blocks, and what it needs to be there."""

    path: Path
    blocks: tuple[Block, ...]
    after: Path | None = None
    folders: tuple[tuple[Path, str], ...] = ()


def read(path: Path) -> Document:
    """The fenced blocks of a document, with their marks."""
    blocks: list[Block] = []
    marks: list[str] = []
    after, folders = None, []
    file, fence, start = "", "", 0
    content: list[str] = []
    language = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if fence:
            if line.strip() == fence:
                blocks.append(Block(path, start, language, "".join(f"{one}\n" for one in content), file, tuple(marks)))
                fence, file, marks = "", "", []
            else:
                content.append(line)
        elif opened := re.match(r"(`{3,})(\w*)", line):
            fence, language, start, content = opened[1], opened[2], number + 1, []
        elif line.strip():
            found = _MARK.findall(line)
            for one in found:
                kind, _, rest = one.partition(" ")
                if kind == "after":
                    after = (ROOT / "docs" / rest.strip()).resolve()
                elif kind == "with":
                    place, _, name = rest.partition(" as ")
                    folders.append((ROOT / place.strip(), name.strip()))
                else:
                    marks.append(one)
            named = _FILE.match(line)
            file = named[1] if named else file if found else ""
    return Document(path, tuple(blocks), after, tuple(folders))


def commands(document: Document) -> Iterator[Command]:
    """Every command of a document, scripts included, in order."""
    for index, block in enumerate(document.blocks):
        if block.file:
            continue
        if block.language == "python":
            after = document.blocks[index + 1] if index + 1 < len(document.blocks) else None
            if after is not None and after.language == "output":
                lines = after.text.splitlines()
                yield Command(block, block.text, tuple(lines), after.line, after.line + len(lines))
            else:
                yield Command(block, block.text, None, 0, 0)
        elif block.language == "console":
            yield from _console(block)


def _console(block: Block) -> Iterator[Command]:
    lines = block.text.splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].startswith("$ "):
            raise ValueError(f"{block.document}:{block.line + at}: a console block begins with `$ ` and a command")
        words = lines[at][2:]
        at += 1
        while words.endswith("\\") and at < len(lines):
            words = words[:-1].rstrip() + " " + lines[at].strip()
            at += 1
        first = at
        while at < len(lines) and not lines[at].startswith("$ "):
            at += 1
        told = lines[first:at]
        while told and not told[-1].strip():
            told.pop()
        yield Command(block, words, tuple(told), block.line + first, block.line + first + len(told))


def fits(told: Sequence[str], printed: Sequence[str], *, about: bool = False) -> bool:
    """Whether lines are those that were printed, `…` standing for anything; about: whatever the numbers are."""

    def plain(line: str) -> str:
        return re.sub(r"\s+", " ", _NUMBER.sub("0", line)).strip() if about else line.rstrip()

    if about:  # whether a short training beats guessing hangs on the machine too
        told, printed = ([one for one in lines if not one.startswith("warning ")] for lines in (told, printed))
    pattern = ""
    for line in told:
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(one) for one in plain(line).split("…")) + "\n"
    return re.fullmatch(pattern, "".join(f"{plain(line)}\n" for line in printed)) is not None


class Runner:
    """Runs documents, each in a folder of its own. Use with `with`: it holds a warm Python."""

    def __init__(self, place: Path, *, exact: bool = False) -> None:
        """exact: numbers count everywhere, but where `…` stands."""
        self.place, self.exact = place, exact
        self.tools = place / "tools"
        self._left: dict[tuple[Path, bool], Path] = {}
        self._found: dict[tuple[Path, bool], list[Difference]] = {}

    def __enter__(self) -> Runner:
        self.tools.mkdir(parents=True)
        run = f'exec "{sys.executable}"'
        _program(self.tools / "glm", f'{run} -m glm_core "$@"')
        for name in ("python", "python3"):
            _program(self.tools / name, f'{run} "$@"')
        _program(self.tools / "torchrun", f'{run} -m torch.distributed.run "$@"')
        offline = '--no-deps --no-build-isolation --no-index --quiet --target "$DOCUMENT_SITE"'
        _program(self.tools / "pip", f'[ "$1" = install ] || exit 1; shift; {run} -m pip install {offline} "$@"')
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("GLM_", "PYTEST_"))},
            "PATH": f"{self.tools}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "COLUMNS": "100",
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HF_HUB_OFFLINE": "1",
        }
        warm = [sys.executable, str(ROOT / "docs" / "warm.py")]
        self._warm = subprocess.Popen(warm, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._warm.communicate()

    def run(self, document: Document, *, slow: bool = False) -> list[Difference]:
        """What the document says otherwise than it is. Its folder stays, for documents that go on in it."""
        key = (document.path.resolve(), slow)
        return self._found[key] if key in self._found else self._found.setdefault(key, self._run(document, slow))

    def _run(self, document: Document, slow: bool) -> list[Difference]:
        folder = self._folder(document, slow)
        site = self.place / f"{folder.name}-site"  # where this document's `pip install` goes
        env = {**self.env, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "DOCUMENT_SITE": str(site)}
        place, differences = folder, []
        by_block: dict[int, list[Command]] = {}
        for command in commands(document):
            by_block.setdefault(command.block.line, []).append(command)
        for block in document.blocks:
            if block.why_not or (block.is_slow and not slow):
                continue
            if block.file:
                target = folder / block.file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text, encoding="utf-8")
            for command in by_block.get(block.line, ()):
                if block.language == "console" and command.words.startswith("cd "):
                    place = (place / command.words[3:].strip()).resolve()
                    continue
                code, printed = self._one(command, place, env)
                if found := _judge(command, code, printed, exact=self.exact):
                    differences.append(Difference(command, printed, found))
        return differences

    def _folder(self, document: Document, slow: bool) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.place, prefix=document.path.stem + "-"))
        if document.after is not None:
            key = (document.after, slow)
            if key not in self._left:
                self.run(read(document.after), slow=slow)
            shutil.copytree(self._left[key], folder, dirs_exist_ok=True)
        for source, name in document.folders:
            shutil.copytree(source, folder / name)
        self._left[document.path.resolve(), slow] = folder
        return folder

    def _one(self, command: Command, place: Path, env: dict[str, str]) -> tuple[int, str]:
        """Exit code and what was printed on either stream."""
        words = command.words.strip()
        if command.block.language == "python":
            return self._in_warm(["-", words], place, env)
        if not _SHELL.search(re.sub(r"'[^']*'|\"[^\"$`]*\"", "", words)):
            argv = shlex.split(words)
            env = dict(env)
            while argv and re.match(r"\w+=", argv[0]):
                name, _, value = argv.pop(0).partition("=")
                env[name] = value
            if argv[:1] == ["glm"]:
                return self._in_warm(argv[1:], place, env)
        done = subprocess.run(
            ["bash", "-c", words],
            cwd=place,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def _in_warm(self, argv: list[str], place: Path, env: dict[str, str]) -> tuple[int, str]:
        assert self._warm.stdin is not None and self._warm.stdout is not None
        out = self.place / "printed"
        self._warm.stdin.write(json.dumps({"argv": argv, "cwd": str(place), "env": env, "out": str(out)}) + "\n")
        self._warm.stdin.flush()
        answer = self._warm.stdout.readline()
        assert answer, "docs/warm.py has ended; what it said stands above"
        return json.loads(answer)["code"], out.read_text(encoding="utf-8")


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


def _judge(command: Command, code: int, printed: str, *, exact: bool) -> str:
    """What is wrong with what a command did; empty where nothing is."""
    lines = printed.rstrip().splitlines()
    wants_error = "fails" in command.block.marks or any(line.startswith("glm: error:") for line in command.prints or ())
    if (code != 0) != wants_error:
        return f"ended with exit code {code}"
    if command.prints is None or (command.block.language == "console" and not command.prints and not lines):
        return ""
    about = "about" in command.block.marks and not (exact and "…" not in "".join(command.prints))
    return "" if fits(command.prints, lines, about=about) else "printed something else"


def write(path: Path, differences: Sequence[Difference]) -> None:
    """Put what was printed into the document, in place of what it says."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for one in sorted(differences, key=lambda one: one.command.first, reverse=True):
        if one.command.prints is not None:
            printed = [line.rstrip() for line in one.printed.rstrip().splitlines()]
            lines[one.command.first - 1 : one.command.last - 1] = printed
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="write into the documents what was printed")
    parser.add_argument("--slow", action="store_true", help="the slow examples too")
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as place, Runner(Path(place) / "run", exact=args.write) as runner:
        for path in args.documents:
            document = read(path.resolve())
            found = runner.run(document, slow=args.slow)
            for one in found:
                print(one, end="\n\n")
            if args.write:
                write(document.path, found)
            wrong += len(found)
    print(f"{wrong} differences")
    return 1 if wrong and not args.write else 0


if __name__ == "__main__":
    sys.exit(main())
