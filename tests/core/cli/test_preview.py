"""`glm preview`: what a pattern makes of an example, without a model and, where a pack has samples, without data."""

from __future__ import annotations

import pytest

from glm_core.cli.main import main
from tests.fake_packs import Site, good, site

__all__ = ["site"]

ROW = '{"text": "Slow and long.", "label": "bad"}\n'


@pytest.mark.parametrize("place", ["samples", "samples/reviews"])
def test_without_data_the_packs_samples_are_shown(place: str, site: Site, capsys) -> None:
    site.install("films", good("reviews"))
    assert main(["preview", "films/reviews"]) == 2
    assert "--data is missing: the folder that holds train.jsonl" in capsys.readouterr().err
    (site.folder / place).mkdir(parents=True)
    (site.folder / place / "train.jsonl").write_text(ROW, encoding="utf-8")
    assert main(["preview", "films/reviews"]) == 0
    assert "Slow and long. It was⟦[MASK]⟧." in capsys.readouterr().out


def test_data_that_are_given_are_preferred_to_samples(site: Site, capsys) -> None:
    site.install("films", good("reviews"))
    for name, text in (("samples", "From the pack."), ("mine", "From here.")):
        (site.folder / name).mkdir()
        (site.folder / name / "train.jsonl").write_text(ROW.replace("Slow and long.", text), encoding="utf-8")
    assert main(["preview", "films/reviews", "--data", str(site.folder / "mine")]) == 0
    assert "From here." in capsys.readouterr().out


def test_markdown_has_the_pattern_one_text_and_the_words(site: Site, capsys) -> None:
    site.install("films", good("reviews"))
    (site.folder / "samples").mkdir()
    (site.folder / "samples" / "train.jsonl").write_text(ROW, encoding="utf-8")
    assert main(["preview", "films/reviews", "--markdown"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "**it-was**: `{text} It was [MASK].`",
        "",
        "> Slow and long. It was [MASK].",
        "",
        "bad: terrible · good: great (right: bad)",
    ]


def test_of_a_long_text_the_first_window_is_shown(tmp_path, capsys) -> None:
    (tmp_path / "notes.txt").write_text("one two three four five six seven eight")
    command = ["preview", "lm/text", "--data", str(tmp_path / "notes.txt"), "--max-length", "8", "--tokens"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "window 1 of 2" in shown and "7 tokens weighed in all" in shown
    assert "8 tokens, 3 of them text" in shown
