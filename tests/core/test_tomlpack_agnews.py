"""The pack in TOML that comes with the project: by its folder, on the published files, against the recorded rows."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from glm_core import Task, plugins
from glm_core.pack import Settings
from tests.house.sources import ROOT
from tests.reference.golden_checks import check_words, tokenizer_of
from tests.reference.golden_rows import GOLDEN, golden_files, golden_rows
from tests.shared_files import needs_shared, shared

NEWS = shared("data", "text_classification")


@pytest.fixture
def agnews() -> Iterator[dict[str, Task]]:
    plugins.reload(Settings(paths=(str(ROOT / "plugins" / "glm-pack-agnews"),), override=True))
    yield {name: task for name, task in plugins.list_tasks().items() if name.startswith("agnews/")}
    plugins.reload()
    sys.modules.pop("glm_pack_agnews", None)  # other tests have packs of this name


@needs_shared("data", "text_classification", "ag_news_csv")
def test_the_published_files_are_read_whole(agnews: dict[str, Task]) -> None:
    task = agnews["agnews/agnews"]
    data = task.processor.open(NEWS / "ag_news_csv")
    test = task.read(data, "test")
    assert Counter(one.label for one in test) == dict.fromkeys(task.processor.labels, 1900)
    assert test[0]["title"] == "Fears for T N pension after talks" and test[0].label == "Business"
    assert len(task.read(data, "train")) == 1633
    for example in test[:50]:
        for pvp in task.pvps:
            cloze = task.cloze(example, pvp.name)
            assert cloze.gold == example.label and example["title"] in str(cloze)


@needs_shared("data", "text_classification", "rlprompt_16shot")
def test_the_few_shot_folders_have_sixteen_examples_per_topic(agnews: dict[str, Task]) -> None:
    task = agnews["agnews/agnews-few"]
    folders = sorted((NEWS / "rlprompt_16shot" / "agnews").iterdir())
    assert len(folders) == 5
    for folder in folders:
        for split in ("train", "dev"):
            examples = task.read(task.processor.open(folder), split)
            assert Counter(one.label for one in examples) == dict.fromkeys(task.processor.labels, 16)


@needs_shared("golden", "superglue")
@needs_shared("vocab")
@pytest.mark.parametrize("pattern", range(6))
def test_the_patterns_give_the_recorded_rows_under_wordpiece(agnews: dict[str, Task], pattern: int, tmp_path) -> None:
    # as the original reads them: a backslash is a space, and curly quotes are straight
    text = (GOLDEN / "synth_data" / "Agnews" / "train.csv").read_text(encoding="utf-8")
    (tmp_path / "train.csv").write_text(text.replace("\\", " ").replace("“", '""').replace("”", '""'))
    task = agnews["agnews/agnews"]
    examples = task.read(task.processor.open(tmp_path), "train")
    (file,) = [
        one
        for one in golden_files()
        if (one.task, one.pattern, one.tokenizer) == ("agnews", str(pattern), "bert-wordpiece")
    ]
    rows = list(golden_rows(file))
    assert len(rows) == 4
    for row in rows:
        check_words(task.cloze(examples[row["i"]], pattern), row, tokenizer_of("bert-wordpiece"), "cloze")
