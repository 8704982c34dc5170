"""Texts that are written: with a backbone that repeats what it reads, and the whole way with a small GLM."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from glm_core import load_backbone, metrics
from glm_core.backbone import Filled
from glm_core.config import EvalConfig, ModelConfig, TrainConfig
from glm_core.errors import UsageError
from glm_core.examples import Example, Prediction, Split
from glm_core.generation_config import GenerationConfig
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.transformer import GLM
from glm_core.parts import Blank
from glm_core.pvp import PVP, Cloze, Edges
from glm_core.runs.bundle import load_bundle
from glm_core.runs.evaluate import evaluate, training_questions
from glm_core.runs.evaluate_generation import cut_text, writing_instance
from glm_core.runs.evaluate_run import evaluate_run
from glm_core.runs.finetune import finetune
from glm_core.runs.predictor import Predictor
from glm_core.runs.run_dir import read_json
from glm_core.tasks import JsonlProcessor, Task
from glm_core.tokens.row import unpack
from tests.core.runs.fakes import ToyBackbone
from tests.core.tokens.letters import EOP, Letters, letters


class Echo(JsonlProcessor):
    splits = (
        Split("train", "train", ("train.jsonl",)),
        Split("dev", "tune", ("dev.jsonl",)),
        Split("test", "final", ("test.jsonl",), labelled=False),
    )

    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        yield Example(uid, {"text": row["text"]}, target=row.get("again"))

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterator[tuple[str, str]]:
        yield f"{split.name}.txt", "".join(one.text + "\n" for one in predictions)


def echo_task(**changes: Any) -> Task:
    values: dict[str, Any] = {
        "kind": "generation",
        "recommended": {"max_length": 64, "max_tokens": 8},
        "pvps": (PVP("again", "{text} Again: [sMASK]", edges=Edges(eos="never")),),
        **changes,
    }
    pvps = values.pop("pvps")
    return Task("echo", Echo(), pvps, {"exact-match": metrics.exact_match}, **values)


class Repeats(ToyBackbone):
    """Writes the first word of the text into every blank."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, GenerationConfig]] = []
        self.draws: list[int] = []

    def fill(self, clozes: Sequence[Cloze], config: GenerationConfig, *, rng=None, candidates=None, watch=None):
        self.calls.append((len(clozes), config))
        self.draws += [(rng or Random(config.seed)).getrandbits(16) for _ in clozes]
        made = []
        for cloze in clozes:
            word = cloze.parts[0].text.split()[0]  # type: ignore[union-attr]
            n = sum(isinstance(part, Blank) for part in cloze.parts)
            made.append(Filled((word,) * n, "…", (True,) * n, cut={"text": 2}))
        return made


def examples(*texts: str) -> list[Example]:
    return [Example(f"dev-{n}", {"text": text}, target=text.split()[0]) for n, text in enumerate(texts)]


def test_what_is_written_is_the_prediction_in_the_order_of_the_examples() -> None:
    backbone = Repeats()
    found = evaluate(echo_task(), backbone, examples("one two", "three"))
    assert [(one.example.uid, one.text, one.cut) for one in found] == [
        ("dev-0", "one", {"text": 2}),
        ("dev-1", "three", {"text": 2}),
    ]
    assert all(one.label is None and not one.answers for one in found)
    assert metrics.exact_match(found) == 1.0
    assert backbone.calls == [(2, GenerationConfig(max_length=64, max_tokens=8))]  # as the task recommends


def test_other_options_of_writing_may_be_given() -> None:
    backbone = Repeats()
    evaluate(echo_task(), backbone, examples("one"), generation=GenerationConfig(beams=3))
    assert backbone.calls == [(1, GenerationConfig(beams=3))]


def test_many_texts_are_handed_over_in_parts_and_drawn_as_one() -> None:
    backbone, told = Repeats(), []
    evaluate(echo_task(), backbone, examples(*["word"] * 300), progress=lambda done, of: told.append((done, of)))
    assert [n for n, _ in backbone.calls] == [256, 44]
    assert told == [(256, 300), (300, 300)]
    rng = Random(1)
    assert backbone.draws == [rng.getrandbits(16) for _ in range(300)]


def test_several_blanks_are_joined_as_targets_are() -> None:
    task = echo_task(pvps=(PVP("two", "{text} [MASK] and [MASK]"),))
    (found,) = evaluate(task, Repeats(), [Example("dev-0", {"text": "so"}, target=("so", "so"))])
    assert found.text == "so … so"
    assert metrics.exact_match([found]) == 1.0


def test_nothing_is_written_from_left_to_right() -> None:
    with pytest.raises(UsageError, match="task echo wants its blanks written; --direction uni"):
        evaluate(echo_task(), Repeats(), examples("one"), config=EvalConfig(direction="uni"))


# ---- learning to write


class LettersBackbone(ToyBackbone):
    def __init__(self) -> None:
        super().__init__()
        self.tokenizer = Letters()

    def encode(self, cloze: Cloze, *, max_length: int) -> Any:
        from glm_core.tokens.encode import encode

        return encode(cloze, self.tokenizer, max_length=max_length)


def goal(target: str, max_tokens: int) -> list[int]:
    cloze = PVP("p", "x[sMASK]").cloze(Example("u", {}, target=target))
    made = writing_instance(LettersBackbone(), cloze, max_length=99, max_tokens=max_tokens)
    (row,) = unpack(made.row)
    return row.targets[row.target_mask == 1].tolist()


def test_a_target_ends_where_it_fits_and_is_cut_without_an_end_where_not() -> None:
    assert goal("abc", 4) == [*letters("abc"), EOP]
    assert goal("abc", 3) == letters("abc")
    assert goal("abc", 2) == letters("ab")


def test_a_text_is_cut_where_its_tokens_stay_the_same() -> None:
    class Pairs(Letters):
        """Two letters that stand together are one token; so a text cut inside has others."""

        def _encode_plain(self, text: str):
            from glm_core.tokens import Encoded

            pieces = [text[at : at + 2] for at in range(0, len(text), 2)]
            if len(text) == 6:  # cut behind its third token, the last piece would be another
                return Encoded([1, 2, 99], [(0, 2), (2, 4), (4, 6)])
            places = [(2 * at, 2 * at + len(piece)) for at, piece in enumerate(pieces)]
            return Encoded([{"ab": 1, "cd": 2, "ef": 3, "gh": 4}[piece] for piece in pieces], places)

    assert cut_text("abcdefgh", Pairs(), 3) == "abcd"
    assert cut_text("abcdefgh", Pairs(), 5) is None


def test_targets_of_several_blanks_are_never_cut() -> None:
    task = echo_task(pvps=(PVP("two", "{text} [MASK] and [MASK]"),))
    example = Example("dev-0", {"text": "so"}, target=("aaaa", "bbbb"))
    config, short = EvalConfig(max_length=64), GenerationConfig(max_tokens=2)
    found = training_questions(task, LettersBackbone(), [example], pattern=0, config=config, generation=short)
    (row,) = unpack(found.all_instances()[0].row)
    assert row.targets[row.target_mask == 1].tolist() == [*letters(" aaaa"), EOP, *letters(" bbbb"), EOP]


# ---- the whole way


@pytest.fixture
def backbone() -> GLMBackbone:
    tokenizer = load_backbone("tiny", device="cpu").tokenizer
    torch.manual_seed(5)
    sizes = ModelConfig(
        n_layers=2, hidden_size=64, n_heads=2, vocab_size=tokenizer.vocab_size, max_positions=64, initializer_range=0.1
    )
    return GLMBackbone(GLM(sizes), tokenizer)


def write_files(folder: Path) -> Path:
    words = ("red", "green", "blue", "white")
    folder.mkdir()
    for split, n in (("train", 16), ("dev", 4), ("test", 4)):
        rows = []
        for at in range(n):
            row = {"text": f"{words[at % 4]} house"}
            rows.append(row if split == "test" else {**row, "again": words[at % 4]})
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


def test_a_model_learns_to_write_and_its_run_writes_again(backbone, tmp_path: Path) -> None:
    data, out = write_files(tmp_path / "data"), tmp_path / "run"
    config = TrainConfig(
        steps=60,
        batch_size=8,
        max_length=32,
        learning_rate=4e-3,
        warmup=0.1,
        dropout=0.0,
        eval_every=0,
        weight_decay=0.0,
    )
    written = GenerationConfig(max_tokens=4, max_length=32)
    result = finetune(echo_task(), backbone, data, out, config=config, generation=written, progress=False)
    assert result.before["exact-match"] == 0.0
    assert result.metrics["exact-match"] == 1.0
    told = read_json(out / "run.json")
    assert told["generation"]["max_tokens"] == told["config"]["max_tokens"] == 4
    assert told["config"]["objective"] == "lm"
    assert "--max-tokens" in told["command"] and "--objective" in told["command"]

    load = GLMBackbone.load
    assert load_bundle(out, device="cpu", task=echo_task(), load=load).generation == written
    predictor = Predictor.load(out, device="cpu", task=echo_task(), load=load)
    assert [one.text for one in predictor([{"text": "blue house"}, {"text": "red house"}])] == ["blue", "red"]

    options = {"device": "cpu", "task": echo_task(), "load": load, "progress": False}
    predictions, told = evaluate_run(out, "test", **options)
    assert told["kept"] and told["generation"]["max_tokens"] == 4
    assert dict(echo_task().processor.write(predictions, Echo.splits[2])) == {"test.txt": "red\ngreen\nblue\nwhite\n"}
    _, told = evaluate_run(out, "dev", generation=GenerationConfig(max_tokens=1, max_length=32), **options)
    assert not told["kept"]


def test_the_same_run_asked_for_again_is_done_and_another_is_refused(backbone, tmp_path: Path) -> None:
    data, out = write_files(tmp_path / "data"), tmp_path / "run"
    config = TrainConfig(steps=1, batch_size=4, max_length=32)

    def ask(**written: Any) -> Any:
        how = GenerationConfig(max_length=32, **{"max_tokens": 3, **written})
        return finetune(echo_task(), backbone, data, out, config=config, generation=how, progress=False)

    first = ask()
    assert ask() == first
    with pytest.raises(UsageError, match="--beams 1, not 2"):
        ask(beams=2)


def test_an_objective_of_choices_is_refused_where_somebody_asked_for_it(backbone, tmp_path: Path) -> None:
    data = write_files(tmp_path / "data")
    with pytest.raises(
        UsageError, match="--objective hinge is for choices, and task echo has none; say lm or generative"
    ):
        finetune(
            echo_task(),
            backbone,
            data,
            tmp_path / "run",
            config=TrainConfig(steps=1, objective="hinge"),
            origin={"objective": "flags"},
            progress=False,
        )
