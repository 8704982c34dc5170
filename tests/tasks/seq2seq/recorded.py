"""The recorded seq2seq samples of the original, and our rows laid out as it lays them out.

Two records: `golden/pretrain/seq2seq_encoding.json` with the data files inside, and `golden/superglue/seq2seq.json` whose
files lie beside it. Lengths of source (S) and target (T) are those of the original's flags.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from glm_core.data import DataDir
from glm_core.examples import Example, Split
from glm_core.pvp import Cloze
from glm_core.runs.evaluate_generation import cut_text
from glm_core.tasks import Task
from glm_core.tokens import Tokenizer
from glm_core.tokens.encode import encode
from glm_core.tokens.row import ClassicRow, unpack
from glm_tasks.seq2seq import cmrc, cnn_dm, files, gigaword, questions, squad, xsum
from tests.core.tokens.pretrain_golden import vocabulary
from tests.reference.golden_checks import tokenizer_of
from tests.reference.golden_rows import expand
from tests.shared_files import shared

TASKS: dict[str, Task] = {
    "gigaword": gigaword.task,
    "cnn_dm": cnn_dm.task,
    "cnn_dm_original": cnn_dm.original,
    "xsum": xsum.task,
    "customization": files.task,
    "squad_generation": questions.task,
    "cmrc": cmrc.task,
    "squad": squad.task,
    "squad_v1": squad.v1,
}


@dataclass(frozen=True, eq=False)
class Sample:
    """One recorded sample. example: as the original read it, where that is told."""

    task: str
    tokenizer: Tokenizer
    masks: frozenset[str]
    split: str  # train, dev or test
    index: int
    source: int
    target: int
    flags: frozenset[str]
    out: Mapping[str, Any]
    folder: Path
    example: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def trains(self) -> bool:
        return self.split == "train"


@cache
def encoding_cases() -> list[dict[str, Any]]:
    path = shared("golden", "pretrain", "seq2seq_encoding.json")
    return json.loads(path.read_text(encoding="utf-8"))["cases"] if path.exists() else []


def case_names() -> list[str]:
    return [f"{n}-{one['name']}-{one['tokenizer']}-{one['split']}" for n, one in enumerate(encoding_cases())]


def write_files(case: Mapping[str, Any], folder: Path) -> Path:
    for name, text in case["files"].items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def samples_of_case(case: Mapping[str, Any], folder: Path) -> Iterator[Sample]:
    """The samples of a case of the first record, its files written into a folder."""
    told = case["args"]
    tokenizer, _ = vocabulary(case["tokenizer"], case["tokenizer_options"])
    masks = frozenset(("[MASK]", "[sMASK]", "[gMASK]") if told.get("task_mask") else ("[MASK]",))
    flags = frozenset(name for name in ("no_block_position", "mask_pad_token") if told.get(name))
    write_files(case, folder)
    for index, (example, out) in enumerate(zip(case["examples"], case["encoded"], strict=True)):
        yield Sample(
            case["name"],
            tokenizer,
            masks,
            case["split"],
            index,
            told["src_seq_length"],
            told["tgt_seq_length"],
            flags,
            out,
            folder,
            example,
            f"{case['name']} {case['tokenizer']} {example['guid']}",
        )


def superglue_samples() -> Iterator[Sample]:
    """The second record."""
    path = shared("golden", "superglue", "seq2seq.json")
    for row in json.loads(path.read_text(encoding="utf-8")) if path.exists() else ():
        tokenizer = tokenizer_of(row["tokenizer"])
        masks = frozenset(("[MASK]", "[sMASK]", "[gMASK]") if tokenizer.options.task_mask else ("[MASK]",))
        out = {key: expand(value) if not isinstance(value, str) else value for key, value in row["out"].items()}
        yield Sample(
            row["task"],
            tokenizer,
            masks,
            row["split"],
            row["i"],
            row["src"],
            row["tgt"],
            frozenset(flag.removeprefix("--").replace("-", "_") for flag in row["flags"]),
            out,
            shared("golden", "superglue", "synth_data", "seq2seq", row["task"]),
            name=f"{row['tokenizer']} {row['task']} {row['uid']} {row['src']}",
        )


@cache
def read(task: str, folder: Path, split: str) -> list[Example]:
    """Our examples of a split by the original's name for it. Where it has no test set of its own it takes dev."""
    processor = TASKS[task].processor
    which = processor.split(split)
    if all(not (folder / name).exists() for name in which.files):  # the second record has no file for some splits
        which = Split(which.name, which.role, processor.split("train").files)
    return list(processor.read(DataDir(folder), which))


def example_of(sample: Sample) -> Example:
    return read(sample.task, sample.folder, sample.split)[sample.index]


def cloze_of(sample: Sample, example: Example) -> Cloze:
    """The cloze of a training sample with its target cut as the original cuts it; of another without a target."""
    cloze = TASKS[sample.task].cloze(example)
    if not sample.trains:
        return replace(cloze, answers=(), labels=(), gold=None)
    (answer,) = cloze.answers
    kept = cut_text(str(answer), sample.tokenizer, sample.target, cloze.specials)
    return cloze if kept is None else replace(cloze, answers=(kept,), edges=replace(cloze.edges, end="none"))


def our_row(cloze: Cloze, sample: Sample, *, padded: bool = True) -> ClassicRow:
    """Our row of a cloze. padded: with the visible padding of the original inside Part A."""
    if padded:
        cloze = replace(cloze, edges=replace(cloze.edges, pad_to=sample.source))
    alone = encode(cloze, sample.tokenizer, max_length=4096, masks=sample.masks)
    length = sample.source + max(len(alone.row) - int((alone.row.branch == 0).sum()), 1)
    made = encode(cloze, sample.tokenizer, max_length=length, masks=sample.masks)
    (row,) = unpack(made.row)
    if "no_block_position" in sample.flags:
        row = row._replace(positions=np.minimum(row.positions, [[10**6], [1]]))
    return row


def check_same(row: ClassicRow, sample: Sample) -> None:
    """Our row is the recorded one, and what follows there is padding that does not count."""
    out = {name: np.array(value) for name, value in sample.out.items() if name != "uid" and not isinstance(value, str)}
    n = len(row.ids)
    ids, positions = out["text"], out["position_id"]
    assert row.sep == sample.source == int(out["attention_mask"]), sample.name
    assert ids[:n].tolist() == row.ids.tolist(), sample.name
    assert positions[:, :n].tolist() == row.positions.tolist(), sample.name
    if sample.trains:
        assert out["target"][:n].tolist() == row.targets.tolist(), sample.name
        assert out["loss_mask"][:n].tolist() == row.target_mask.tolist(), sample.name
        assert not out["loss_mask"][n:].any()
        rest = ids[n:].tolist()  # the original feeds the last target too, where there is room
        special = sample.tokenizer.special
        assert rest == ([special.eop, *[special.pad] * len(rest)])[: len(rest)] or not rest, sample.name
        assert len(ids) == sample.source + sample.target
    else:
        assert len(ids) == n == sample.source + 1, sample.name
