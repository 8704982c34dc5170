"""The lengths that real examples have: numbers only, so that a benchmark needs neither data nor a vocabulary.

`python -m benchmarks.lengths DATA VOCABULARY` writes `lengths.json` again. DATA holds `superglue/<Task>/val.jsonl` and
`fewglue/FewGLUE_32dev/<Task>/train.jsonl`, VOCABULARY is BERT's uncased one (the vocabulary of GLM-Base).
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("lengths.json")
AT_MOST = 64  # examples of each task

# task: folder, the pattern whose lengths are the published baselines', longest row
TASKS = {
    "rte": ("RTE", "quoted", 256),
    "boolq": ("BoolQ", "question", 256),
    "copa": ("COPA", "quoted", 256),
    "cb": ("CB", "plain", 256),
    "wic": ("WiC", "same-meaning", 256),
    "record": ("ReCoRD", "placeholder", 512),
}


class Lengths(NamedTuple):
    """One example: tokens of Part A with [CLS] and [EOS], and of each answer with [eop]."""

    part_a: int
    answers: tuple[int, ...]


def read_lengths(task: str, split: str) -> list[Lengths]:
    """The sample of a task: split "dev" (validation file) or "train" (the 32 examples of FewGLUE)."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return [Lengths(part_a, tuple(answers)) for part_a, answers in found[split][task]]


def measure(data: Path, vocabulary: Path) -> dict[str, dict[str, list[tuple[int, list[int]]]]]:
    """Lengths per split and task, examples evenly spaced over the file."""
    import importlib

    from glm_core.data import DataDir
    from glm_core.examples import Role, Split
    from glm_core.tokens import load_tokenizer
    from glm_core.tokens.encode import encode

    tokenizer = load_tokenizer(vocabulary)
    splits: dict[str, tuple[str, str, Role]] = {
        "dev": ("superglue", "val.jsonl", "tune"),
        "train": ("fewglue/FewGLUE_32dev", "train.jsonl", "train"),
    }
    found: dict[str, dict[str, list[tuple[int, list[int]]]]] = {split: {} for split in splits}
    for name, (folder, pattern, max_length) in TASKS.items():
        task = importlib.import_module(f"glm_tasks.superglue.{name}").task
        for split, (root, file, role) in splits.items():
            if name == "record":  # its training examples have at most ten candidates, as the baselines' had
                root, file, role = splits["train"]
            reader = task.processor.read(DataDir(data / root / folder), Split(split, role, (file,)))
            clozes = [task.cloze(example, pattern) for example in reader]
            step = max(1, len(clozes) // AT_MOST)
            rows = []
            for cloze in clozes[: step * AT_MOST : step]:
                closed = replace(cloze, edges=replace(cloze.edges, end="eop"))
                branch = encode(closed, tokenizer, max_length=max_length).row.branch.tolist()
                rows.append((branch.count(0), [branch.count(k) for k in range(1, max(branch) + 1)]))
            found[split][name] = rows
    return found


def main() -> None:
    data, vocabulary = map(Path, sys.argv[1:])
    measured = measure(data, vocabulary)
    lines = [
        f' "{split}": {{\n' + ",\n".join(f'  "{task}": {json.dumps(rows)}' for task, rows in tasks.items()) + "\n }"
        for split, tasks in measured.items()
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
