"""Sound packs, of every kind and style, are found by nothing: the packaging, the probe and the model included."""

from __future__ import annotations

from pathlib import Path

from glm_core.checks.run import check_pack
from glm_core.packs_find import path_packs
from glm_core.packs_load import load_pack
from glm_core.plugins import list_packs
from glm_core.testing import check_pack as check_by_name
from tests.museum_checks.museum import SOUND, examine, reads, rows, sound_data, weighs, write_data

TOML = """\
[task.reviews]
labels = ["bad", "good"]
metrics = ["accuracy"]
fields = { text = "text", label = "label" }

[task.reviews.splits]
train = { role = "train", files = ["train.jsonl"] }
dev = { role = "tune", files = ["dev.jsonl"] }
test = { role = "final", files = ["test.jsonl"], labelled = false }

[task.reviews.words]
bad = "poor"
good = "fine"

[task.reviews.patterns]
it-was = "{text} It was [MASK]."
all = "All in all it was [MASK]: {text}"
"""

GENERATION = """\
[task.headlines]
kind = "generation"
metrics = ["exact_match"]
fields = { text = "text", target = "head" }
splits.train = { role = "train", files = ["train.jsonl"] }
splits.dev = { role = "tune", files = ["dev.jsonl"] }
splits.test = { role = "final", files = ["test.jsonl"], labelled = false }
patterns.in-short = "{text} In short: [sMASK]"

[task.last-word]
kind = "lm"
metrics = ["exact_match"]
fields = { text = "text", target = "head" }
splits.test = { role = "final", files = ["dev.jsonl"] }
patterns.end = "{text} [gMASK]"
"""

CHOICES = """\
[task.cause]
metrics = ["accuracy"]
fields = { text = "text", choices = ["one", "two"], label = "right" }
splits.train = { role = "train", files = ["train.jsonl"] }
splits.test = { role = "final", files = ["test.jsonl"], labelled = false }
patterns.so = "{text} so [MASK]."
"""


def checked_toml(folder: Path, text: str, data: dict) -> list[str]:
    file = folder / "reviews.toml"
    file.write_text(text, encoding="utf-8")
    pack = load_pack(path_packs(str(file))[0])
    assert pack.status == "ok", pack.message
    report = check_pack(pack, data={"": [write_data(folder / "data", data)]}, model=weighs())
    assert not report.errors and not report.notes
    return list(map(str, report.findings))


def test_a_pack_in_python(tmp_path: Path) -> None:
    report = examine(tmp_path, SOUND, {}, weighs(), whole=True)
    assert not report.findings and not report.errors and not report.notes


def test_a_pack_in_python_without_data_is_looked_at_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "sound.py").write_text(SOUND)
    pack = load_pack(path_packs(str(tmp_path / "sound.py"))[0])
    report = check_pack(pack, tasks=["reviews"], model=reads())
    assert not report.findings and not report.errors
    assert report.notes == ("sound/reviews: no data, so D, most of T, M and B were not checked; give --data DIR",)


def test_a_pack_in_toml(tmp_path: Path) -> None:
    assert checked_toml(tmp_path, TOML, sound_data()) == []


def test_tasks_that_write_and_that_weigh(tmp_path: Path) -> None:
    data = {
        name: [{**row, "head": f"the {row['text'].split()[0]}"} for row in lines]
        for name, lines in sound_data().items()
    }
    assert checked_toml(tmp_path, GENERATION, data) == []


def test_a_task_whose_answers_are_the_examples_own(tmp_path: Path) -> None:
    data = {
        name: [
            {**row, "one": "poor film", "two": "the fine grey song", "right": str(n % 2)} for n, row in enumerate(lines)
        ]
        for name, lines in {"train.jsonl": rows("train"), "test.jsonl": rows("test")}.items()
    }
    assert checked_toml(tmp_path, CHOICES, data) == []


def test_a_metric_of_which_less_is_better_may_call_nothing_infinitely_bad(tmp_path: Path) -> None:
    source = SOUND.replace(
        "METRICS = {",
        "def loss(predictions):\n    return 1.0 if predictions else float('inf')\n\n\n"
        "loss.lower_is_better = True\nMETRICS = {'loss': loss, ",
    )
    assert examine(tmp_path, source, {}, reads()).codes == ()


def test_the_built_in_packs_as_packages() -> None:
    packs = list_packs()
    for pack in packs:
        if pack.source == "built-in":
            report = check_pack(pack, tasks=None if pack.name == "glm" else [], others=packs)
            assert not report.findings, "\n".join(map(str, report.findings))


def test_the_demonstration_that_comes_with_its_data() -> None:
    assert list(map(str, check_by_name("demo"))) == []
