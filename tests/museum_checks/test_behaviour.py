"""Tasks and backbones that misbehave are found by exactly their code; the model has two layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glm_core.backbone import Backbone
from glm_core.checks.subject import Model
from glm_core.testing import tiny_backbone
from tests.museum_checks.museum import SOUND, Exhibit, examine, line_of, rows, weighs


def changed(backbone: Backbone, weigh: Callable[[Any, Any], Any]) -> Backbone:
    """The backbone with another `weigh`: what it finds goes through this function, with the batch."""
    plain = backbone.weigh
    backbone.weigh = lambda batch: weigh(plain(batch), batch)  # type: ignore[method-assign]
    return backbone


def sees_the_batch() -> Backbone:
    return changed(
        tiny_backbone(),
        lambda found, batch: found._replace(log_probs=found.log_probs * (1 + 0.01 * (batch.n_clozes - 1))),
    )


def sees_other_answers() -> Backbone:
    return changed(
        tiny_backbone(),
        lambda found, batch: found._replace(log_probs=found.log_probs * (1 + 0.01 * batch.label_of.shape[1])),
    )


RANDOM = {
    '"{text} It was [MASK].", WORDS)': "pattern, WORDS)",
    "WORDS = {": "CALLS = []\n\n\ndef pattern(ex):\n    CALLS.append(ex)\n"
    '    return [shortenable(ex["text"]), " It was", " so" * (len(CALLS) % 7), " ", BLANK, "."]\n\n\nWORDS = {',
}

EXHIBITS: dict[str, tuple[Exhibit, Model]] = {
    "V407": (
        Exhibit(
            "V407",
            "with empty fields the model gives 'a' 1.00 (pattern 'it-was')",
            change={
                'poor", "good": "fine"': 'a", "good": "extraordinarily"',
                '            PVP("all", "All in all it was [MASK]: {text}", WORDS),\n': "",
                "MORE = {}": 'MORE = {"recommended": {"length_penalty": 0.0}}',
            },
            at='PVP("it-was"',
        ),
        weighs(),
    ),
    "B601": (Exhibit("B601", "batch 1 and 4 differ by ", at='PVP("it-was"'), weighs(sees_the_batch)),
    "B602": (Exhibit("B602", "answer 'poor' of train-0: -", at='PVP("it-was"'), weighs(sees_other_answers)),
    "B603": (Exhibit("B603", "weights differ after step 4", RANDOM, at='PVP("it-was"'), weighs()),
    "B604": (
        Exhibit(
            "B604",
            "test has no labels but accuracy was reported (first: test-0 is 'bad')",
            data={"test.jsonl": rows("test")},
            at='Split("test"',
        ),
        weighs(),
    ),
    "B604-no-predictions": (
        Exhibit(
            "B604",
            "test: no predictions: example test-0: pattern 'it-was' has no answers to choose from",
            change={
                "WORDS)": "words)",
                "WORDS = {": 'def words(ex):\n    return [("bad", "poor"), ("good", "fine")] if ex.label else []\n\n\n_ = {',
                "    def write(": "    def submission(",
            },
            at='Split("test"',
        ),
        weighs(),
    ),
}


@pytest.mark.parametrize("name", EXHIBITS)
def test_what_misbehaves_is_found_by_exactly_its_code(name: str, tmp_path: Path) -> None:
    exhibit, model = EXHIBITS[name]
    source = exhibit.source()
    report = examine(tmp_path, source, exhibit.data, model)

    assert not report.errors
    assert set(report.codes) == {exhibit.code}, "\n".join(map(str, report.findings))
    finding = report.findings[0]
    assert finding.message.startswith(exhibit.message)
    assert finding.place is not None and finding.place.line == line_of(source, exhibit.at)


def test_a_mark_silences_behaviour_at_its_line(tmp_path: Path) -> None:
    source = SOUND.replace("labelled=False),", "labelled=False),  # glm: ignore B604")
    report = examine(tmp_path, source, {"test.jsonl": rows("test")}, weighs())
    assert report.codes == () and [one.code for one in report.silenced] == ["B604"]


def test_a_pattern_that_fails_is_not_run_on_a_model(tmp_path: Path) -> None:
    source = SOUND.replace("{text} It was", "{txt} It was")

    def never() -> Backbone:
        raise AssertionError("loaded")

    assert examine(tmp_path, source, {}, weighs(never)).codes == ("T302",)
