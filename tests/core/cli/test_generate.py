"""`glm generate`: a text, a file, lines on standard input, one by one at the prompt; what is refused, in one line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from glm_core.cli.generate import cloze_of
from glm_core.cli.main import main
from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.model.glm_backbone import ALL_MASKS, GLMBackbone
from glm_core.model.transformer import GLM
from glm_core.tokens import load_tokenizer
from glm_core.tokens.encode import lay_out
from tests.core.tokens.small_vocabularies import byte_pairs, wordpiece
from tests.shared_files import needs_shared, shared

ONLY_MASK = frozenset(["[MASK]"])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a small model that knows all blanks."""
    return _written(tmp_path_factory.mktemp("all"), ALL_MASKS)


@pytest.fixture(scope="module")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One that knows [MASK] only."""
    return _written(tmp_path_factory.mktemp("plain"), ONLY_MASK)


def _written(folder: Path, masks: frozenset[str]) -> str:
    tokenizer = load_tokenizer(byte_pairs(folder / "vocab") if masks == ALL_MASKS else wordpiece(folder / "vocab"))
    torch.manual_seed(2)
    sizes = ModelConfig(
        n_layers=2,
        hidden_size=16,
        n_heads=2,
        vocab_size=tokenizer.vocab_size,
        max_positions=64,
        initializer_range=0.4,
    )
    GLMBackbone(GLM(sizes), tokenizer, masks=masks).save(folder / "model")
    return str(folder / "model")


def run(capsys: Any, *words: str, code: int = 0) -> tuple[str, str]:
    """What `glm generate …` printed."""
    assert main(["generate", *words]) == code
    return capsys.readouterr()


# ---- a text


def test_a_text_is_shown_with_its_blanks_filled_and_the_fillings_listed(capsys: Any, model: str) -> None:
    words = ("The [MASK] froze. [sMASK]", "--model", model, "--candidates", "pond|lake")
    out, _ = run(capsys, *words)
    whole, empty, first, second = out.splitlines()
    filled = [line.split()[-1] for line in (first, second)]
    assert set(filled) <= {"pond", "lake"} and not empty
    assert whole == f"The {filled[0]} froze. {filled[1]}"
    assert first.startswith("1  [MASK]   ") and second.startswith("2  [sMASK]  ")


def test_a_blank_without_an_end_says_how_far_it_came(capsys: Any, model: str) -> None:
    out, _ = run(capsys, "a [MASK]", "--model", model, "--max-tokens", "3", "--min-tokens", "3")
    assert out.splitlines()[-1].endswith("(stopped after 3 tokens)")


def test_json_holds_the_text_and_its_fillings(capsys: Any, model: str) -> None:
    out, _ = run(capsys, "a [MASK] b", "--model", model, "--max-tokens", "4", "--json")
    (found,) = json.loads(out)
    assert list(found) == ["text", "filled", "fillings", "finished"] and found["text"] == "a [MASK] b"
    assert found["filled"].startswith("a") and found["filled"].endswith(" b")


def test_the_same_seed_writes_the_same_and_options_reach_the_model(capsys: Any, model: str) -> None:
    def texts(*words: str) -> str:
        return run(capsys, "a [gMASK]", "--model", model, "--max-tokens", "9", "--temperature", "1", *words)[0]

    assert texts("--seed", "4") == texts("--seed", "4") != texts("--seed", "5")
    assert texts("--seed", "4", "--top-k", "1") == texts("--seed", "5", "--top-k", "1")


def test_a_model_may_compute_in_half_precision(capsys: Any, model: str) -> None:
    out, _ = run(capsys, "a [MASK]", "--model", model, "--max-tokens", "4", "--precision", "bf16")
    assert out.startswith("a")


# ---- files


def test_a_file_of_lines_becomes_a_file_of_json(capsys: Any, model: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one [MASK]\n\n中国[MASK]。\n", encoding="utf-8")
    out_file = tmp_path / "out.jsonl"
    words = ("--file", str(tmp_path / "in.txt"), "--model", model, "--max-tokens", "3", "--out", str(out_file))
    out, err = run(capsys, *words)
    rows = [json.loads(line) for line in out_file.read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in rows] == ["one [MASK]", "中国[MASK]。"]
    assert out == "" and err == f"2 texts in {out_file}\n"


def test_rows_of_json_keep_their_other_fields_and_may_bring_candidates(capsys: Any, model: str, tmp_path: Path) -> None:
    rows = [{"text": "it was [MASK]", "candidates": ["good"], "id": 7}, {"text": "so [MASK]"}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out, _ = run(capsys, "--file", str(tmp_path / "in.jsonl"), "--model", model, "--candidates", "bad", "--json")
    first, second = json.loads(out)
    assert first == {
        "id": 7,
        "text": "it was [MASK]",
        "filled": "it was good",
        "fillings": ["good"],
        "finished": [True],
    }
    assert second["filled"] == "so bad"


def test_lines_on_standard_input_are_filled(capsys: Any, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("it was [MASK]\n\nand [MASK]\n"))
    out, _ = run(capsys, "--model", model, "--candidates", "good")
    assert out.splitlines() == ["it was good", "", "1  [MASK]   good", "", "and good", "", "1  [MASK]   good"]


# ---- at the prompt


class Typed(io.StringIO):
    """Lines that somebody types on a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_a_text_one_is_asked_for_until_the_end(
    capsys: Any, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Typed("it was [MASK]\n" + "a" * 100 + "[MASK]\nand [MASK]\n"))
    out, err = run(capsys, "--model", model, "--candidates", "good")
    assert "it was good" in out and "and good" in out
    assert "Write a text with blanks ([MASK], [sMASK], [gMASK])" in err
    assert "glm: error: the text 'aaa" in err


def test_on_a_terminal_the_text_appears_as_it_is_written(
    capsys: Any, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    out, _ = run(capsys, "it was [MASK]!", "--model", model, "--candidates", "good")
    assert out.splitlines()[0] == "it was\033[1m good\033[22m!"


# ---- blanks


def test_a_blank_the_model_was_not_trained_on_is_refused_with_the_nearest(capsys: Any, plain_model: str) -> None:
    for mask in ("[sMASK]", "[gMASK]"):
        _, err = run(capsys, f"the {mask}", "--model", plain_model, code=2)
        nearest = "the nearest blank that it knows is [MASK]"
        assert err == f"glm: error: this model was not trained on {mask}; {nearest}\n"


def test_the_file_and_line_of_a_wrong_blank_are_told(capsys: Any, plain_model: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("the [MASK]\nthe [gMASK]\n")
    _, err = run(capsys, "--file", str(tmp_path / "in.txt"), "--model", plain_model, code=2)
    assert err.startswith(f"glm: error: {tmp_path / 'in.txt'}:2: this model was not trained on [gMASK]")


def test_a_text_without_a_blank_gets_the_longest_that_the_model_knows() -> None:
    assert str(cloze_of("tell me {more}", ALL_MASKS)) == "tell me {more}[gMASK]"
    assert str(cloze_of("tell me", ONLY_MASK)) == "tell me[MASK]"


def test_candidates_take_the_space_before_the_blank() -> None:
    assert cloze_of("it was [MASK]", ALL_MASKS, ["good", "bad"]).answers == (" good", " bad")
    assert cloze_of("中国[MASK]", ALL_MASKS, ["好"]).answers == ("好",)


# ---- refusals


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a [MASK]", "--file", "x"], "give either a text or --file, not both"),
        ([" "], "the text is empty; write one, with [MASK] where something is missing"),
        (["--file", "missing.txt"], "--file missing.txt: no such file"),
        (["a [MASK]", "--top-k", "3"], "--top-k 3 limits what is drawn"),
        (["a [MASK]", "--beam", "3"], "unknown argument '--beam'; did you mean '--beams'?"),
        (["a [MASK]", "--candidates", "x||y"], "candidate '' has no tokens in this vocabulary"),
        (["a" * 100 + "[MASK]"], "has 103 tokens and the model reads 64; shorten it"),
    ],
)
def test_what_cannot_be_done_is_one_line(capsys: Any, model: str, words: list[str], message: str) -> None:
    _, err = run(capsys, *words, "--model", model, code=2)
    assert message in err and err.count("\n") == 1


def test_a_row_without_a_text_is_told_with_its_line(capsys: Any, model: str, tmp_path: Path) -> None:
    for row, message in (
        ('{"txt": "a"}', 'wants "text": "…" with the text to fill'),
        ('{"text": "a [MASK]", "candidates": "b"}', '"candidates" is a list of texts'),
    ):
        (tmp_path / "in.jsonl").write_text('{"text": "a [MASK]"}\n' + row + "\n")
        _, err = run(capsys, "--file", str(tmp_path / "in.jsonl"), "--model", model, code=2)
        assert f"in.jsonl:2: {message}" in err


# ---- what the original reads

VOCABULARIES = {
    "bert": "bert-base-uncased-vocab.txt",
    "gpt2": "gpt2-vocab.json",
    "roberta": "roberta-vocab.json",
    "chinese": "cog-pretrain.model",
}


@needs_shared("golden", "pretrain", "interactive.json")
def test_prompts_are_read_as_the_originals_interactive_program_reads_them() -> None:
    """But for blanks that a model does not know: the original takes them for text, and writes nothing into them."""
    compared = 0
    for case in json.loads(shared("golden", "pretrain", "interactive.json").read_text())["contexts"]:
        masks = ALL_MASKS if case["task_mask"] else ONLY_MASK
        fix = {"fix_command_token": False} if case["tokenizer"] == "chinese" else {}
        tokenizer = load_tokenizer(
            shared("vocab", VOCABULARIES[case["tokenizer"]]),
            task_mask=case["task_mask"],
            **fix,  # type: ignore[arg-type]
            **({"lowercase": True} if case["tokenizer"] == "bert" else {}),  # type: ignore[arg-type]
        )
        try:
            cloze = cloze_of(case["prompt"], masks)
        except UsageError:
            assert not case["task_mask"] and ("[sMASK]" in case["prompt"] or "[gMASK]" in case["prompt"])
            continue
        laid = lay_out(cloze, tokenizer, room=64, max_length=64, masks=masks)
        assert list(laid.ids) == case["context_tokens"], case["prompt"]
        assert list(laid.blanks) == case["mask_positions"]
        compared += 1
    assert compared >= 18
