"""The classes of the named files, made and asked: examples, patterns, words, answers."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from glm_core import Part
from glm_pack_legacy.errors import NotPorted, PortError, ask
from glm_pack_legacy.finding import arguments_of, find_classes
from glm_pack_legacy.importing import Files
from glm_pack_legacy.pieces import Spaces, read_parts, spaced
from glm_pack_legacy.stand_ins.data import InputExample
from glm_pack_legacy.stand_ins.pvps import GlmPVP
from glm_pack_legacy.stand_ins.settings import OPTIONS, Settings, Wrapper
from glm_pack_legacy.stand_ins.tokenizer import StandInTokenizer

READERS = {
    "train": "get_train_examples",
    "dev": "get_dev_examples",
    "test": "get_test_examples",
    "unlabeled": "get_unlabeled_examples",
}
"""Each split and the method that reads it."""

_MOST_PATTERNS = 32
_LISTS = ("choices", "candidates", "answers", "options")
_NUMBERED = ("choice", "answer", "option", "ending")


@dataclass(frozen=True)
class Original:
    """Where the original classes are and how they are made: plain values, so that a task with them can be sent about.

    folder, files: the files below it, each with the name it is imported by. pvp, processor: names of the classes; empty:
    the only one there is. spaces: None is as the base class has it, PET's or GLM's. args: options of its command line of
    old. choices: keys of `meta` that hold the answers, where the class itself does not tell.
    """

    folder: str
    files: tuple[tuple[str, str], ...]
    pvp: str = ""
    processor: str = ""
    spaces: Spaces | None = None
    args: tuple[tuple[str, Any], ...] = ()
    choices: tuple[str, ...] = ()

    def load(self) -> Classes:
        """The classes, loaded once in a process. Raises PortError."""
        return _load(self)


@lru_cache(maxsize=8)
def _load(original: Original) -> Classes:
    files = Files({name: Path(original.folder, path) for name, path in original.files})
    with running():
        files.load()
    found = find_classes(files)
    pvp = found.pvp(original.pvp or None)
    processor = found.processor(original.processor or None, beside=pvp.__name__)
    return Classes(original, files, pvp, processor, found.task_of(pvp))


@contextmanager
def running() -> Iterator[None]:
    """While code of the user's runs: what it prints goes to standard error."""
    with redirect_stdout(sys.stderr):
        yield


class Classes:
    """The PVP and the processor of an `Original`, each made when it is first asked."""

    def __init__(self, original: Original, files: Files, pvp: type, processor: type, task: str) -> None:
        """task: the name that the PVP is registered under; empty where it is not."""
        self.original = original
        self.files = files
        self.pvp = pvp
        self.processor = processor
        self.task = task
        self.is_pet = "wrapper" in arguments_of(pvp)[0]  # PET's PVPs are made with a wrapper, GLM's are not
        self.spaces: Spaces = original.spaces or ("each-part" if self.is_pet else "as-written")
        self.tokenizer = StandInTokenizer()
        self._pvps: dict[int, Any] = {}
        self._words: dict[int, dict[str, tuple[str, ...]] | None] = {}
        self._reader: Any = None
        self._labels: tuple[Any, ...] | None = None

    # ---- the data

    def read(self, split: str, folder: str | Path) -> list[Any]:
        """The examples of a split. Raises NotPorted where the class fails, or has no such split."""
        method = getattr(self.reader, READERS[split], None)
        if method is None:
            raise NotPorted(f"{self.processor.__name__} has no {READERS[split]}()")
        name = f"{self.processor.__name__}.{READERS[split]}"
        with running():
            found = ask(name, self.files.paths, lambda: list(method(str(folder)) or ()))
        wrong = next((one for one in found if not hasattr(one, "text_a") or not hasattr(one, "guid")), None)
        if wrong is not None:
            raise NotPorted(f"{READERS[split]} gave {type(wrong).__name__}, wants InputExample")
        return found

    @property
    def reader(self) -> Any:
        """The processor."""
        if self._reader is None:
            self._reader = self._made(self.processor, 0)
        return self._reader

    @property
    def label_values(self) -> tuple[Any, ...]:
        """What `get_labels` returns. Raises NotPorted."""
        if self._labels is None:
            reader = self.reader
            with running():
                name = f"{self.processor.__name__}.get_labels"
                self._labels = tuple(ask(name, self.files.paths, lambda: reader.get_labels()))
        return self._labels

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels as text, each once."""
        return tuple(dict.fromkeys(map(str, self.label_values)))

    def label_value(self, label: str | None) -> Any:
        """A label as the original spells it: a number, perhaps."""
        return next((one for one in self.label_values if str(one) == label), label)

    # ---- patterns

    def pattern(self, id: int) -> Any:
        """The PVP of a pattern."""
        if id not in self._pvps:
            self._pvps[id] = self._made(self.pvp, id)
        return self._pvps[id]

    def parts(self, example: InputExample, id: int) -> list[Part]:
        """Our parts of an example; texts without a character are among them. Raises NotPorted."""
        pvp = self.pattern(id)
        with running():
            made = ask(f"get_parts failed on {example.guid}", self.files.paths, lambda: pvp.get_parts(example))
        return spaced(read_parts(made, self.tokenizer), self.spaces)

    def words(self, id: int) -> dict[str, tuple[str, ...]] | None:
        """The words of each label; None where the class has none for any. Raises NotPorted where it lacks some."""
        if id not in self._words:
            self._words[id] = self._ask_words(id)
        return self._words[id]

    def _ask_words(self, id: int) -> dict[str, tuple[str, ...]] | None:
        pvp, words = self.pattern(id), {}
        for value in self.label_values:
            with running():
                failed = f"label '{value}' has no words: verbalize failed"
                said = ask(failed, self.files.paths, partial(_verbalize, pvp, value))
            if not all(isinstance(one, str) for one in said):
                raise NotPorted(f"label '{value}': verbalize gave {said!r}, wants words")
            words[str(value)] = tuple(one for one in said if one)
        empty = [label for label, some in words.items() if not some]
        if len(empty) == len(words):
            return None
        if empty:
            raise NotPorted(f"label '{empty[0]}' has no words: verbalize gave none")
        return words

    def answers(self, example: InputExample, id: int) -> tuple[str, ...] | None:
        """The answers of this example: of `get_answers`, or in `meta`; None where its labels have words instead.

        GLM asks `get_answers` only where it is told that words have several tokens; by default that gives the words.
        """
        pvp, words = self.pattern(id), self.words(id)
        getter = getattr(pvp, "get_answers", None)
        found: Any = None
        if self.original.choices:
            getter = words = None
        if getter is not None and (words is None or getattr(pvp, "is_multi_token", False)):
            with running():
                found = ask(f"get_answers failed on {example.guid}", self.files.paths, lambda: getter(example))
        if words is not None and (found is None or list(found) == [some[0] for some in words.values()]):
            return None
        if found is None:
            self.parts(example, id)  # PET's patterns write the choices they use back into `meta`
            found = _choices(example, self.original.choices)
        if isinstance(found, str) or not all(isinstance(one, str) and one.strip() for one in found):
            raise NotPorted(f"the answers of {example.guid} are {found!r}, wants texts")
        return tuple(found)

    def pattern_ids(self, samples: Sequence[InputExample]) -> list[int]:
        """The patterns the class has: as it says itself, or counted up until nothing new comes. Raises NotPorted."""
        said = getattr(self.pvp, "available_patterns", None)
        if said is not None and said is not GlmPVP.available_patterns:
            with running(), suppress(NotPorted):
                return [int(one) for one in ask("available_patterns", self.files.paths, said)]
        found: list[int] = []
        seen: list[object] = []
        failed = 0
        for id in range(_MOST_PATTERNS):
            try:
                made = (self.words_or_none(id), [self.parts(copy.deepcopy(one), id) for one in samples[:3]])
            except NotPorted:
                failed += 1
                if found or failed > 1:
                    break
                continue
            if made in seen:
                break
            seen.append(made)
            found.append(id)
        return [0, *found] if failed and found and found[0] else found or [0]

    def words_or_none(self, id: int) -> object:
        """Words to compare patterns by; what is wrong with them is told elsewhere."""
        try:
            return self.words(id)
        except NotPorted as error:
            return str(error)

    # ---- making

    def _made(self, kind: type, pattern_id: int) -> Any:
        """An object of a class of old, with what its `__init__` asks for by name. Raises PortError."""
        given = dict(self.original.args)
        options = {**OPTIONS, "pattern_id": pattern_id, "task": self.task, "task_name": self.task, **given}
        known: dict[str, Any] = {
            **options,
            "args": Settings("args", options),
            "tokenizer": self.tokenizer,
            "is_multi_token": False,
            "split": "train",
        }
        if kind is self.pvp:
            labels = list(self.label_values)
            settings = Settings("wrapper.config", {**options, "label_list": labels})
            known |= {"label_list": labels, "wrapper": Wrapper(settings, self.tokenizer), "config": settings}
        asked, takes_all = arguments_of(kind)
        values = {name: known[name] for name in asked if name in known}
        lacks = [name for name, needed in asked.items() if needed and name not in known]
        if lacks:
            raise PortError(
                f"{kind.__name__} asks for '{lacks[0]}' when it is made, which is not known here; "
                f"give it with --arg {lacks[0]}=VALUE"
            )
        with running():
            call: Callable[[], Any] = (lambda: kind(*values.values())) if takes_all else (lambda: kind(**values))
            return ask(f"{kind.__name__} cannot be made", self.files.paths, call)


def _verbalize(pvp: Any, label: Any) -> list[Any]:
    said = pvp.verbalize(label)
    return [said] if isinstance(said, str) else list(said or ())


def _choices(example: InputExample, keys: Sequence[str]) -> list[Any]:
    """The answers of an example that lie in its `meta`. Raises NotPorted where there are none."""
    meta = example.meta or {}
    for key in keys:
        if key not in meta:
            raise NotPorted(f"{example.guid} has no '{key}' in its meta (it has {', '.join(meta) or 'nothing'})")
    if len(keys) == 1 and isinstance(meta[keys[0]], (list, tuple)):
        return list(meta[keys[0]])
    if keys:
        return [meta[one] for one in keys]
    for key in _LISTS:
        if isinstance(meta.get(key), (list, tuple)) and meta[key]:
            return list(meta[key])
    for stem in _NUMBERED:
        numbered = [key for key in meta if key.startswith(stem) and key[len(stem) :].strip("_").isdigit()]
        if len(numbered) > 1:
            return [meta[key] for key in sorted(numbered, key=lambda key: int(key[len(stem) :].strip("_")))]
    raise NotPorted(
        "no label has words: verbalize gave none, get_answers is not there, and meta holds no choices "
        f"(it has {', '.join(map(str, meta)) or 'nothing'}); say which with --choices KEY,KEY"
    )
