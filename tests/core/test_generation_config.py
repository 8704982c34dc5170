"""The options of writing a blank: what is refused, and how stop texts are written."""

from __future__ import annotations

from typing import Any

import pytest

from glm_core.errors import UsageError
from glm_core.generation_config import GenerationConfig


def test_as_it_stands_it_is_greedy() -> None:
    config = GenerationConfig()
    assert (config.temperature, config.beams, config.max_tokens, config.rules) == (0.0, 1, 256, "own")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_tokens": 0}, "--max-tokens is at least 1; got 0"),
        ({"beams": 0}, "--beams is at least 1; got 0"),
        ({"temperature": -1.0}, "--temperature is not negative; got -1.0"),
        ({"temperature": 1.0, "top_p": 0.0}, "--top-p is a share above 0, at most 1"),
        ({"repetition_penalty": 0.0}, "--repetition-penalty is above 0"),
        ({"min_tokens": 5, "max_tokens": 4}, "--min-tokens is at most --max-tokens 4; got 5"),
        ({"max_length": 4}, "--max-length is 0 or at least 8; got 4"),
        ({"top_k": 40}, "--top-k 40 limits what is drawn, and nothing is drawn without --temperature"),
        ({"top_p": 0.9}, "--top-p 0.9 limits what is drawn"),
        ({"stop": "a\\x"}, r"after \\ stands n, t, | or \\; got 'x'".replace("\\\\", "\\")),
    ],
)
def test_impossible_options_are_refused_with_their_flag(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        GenerationConfig(**values)
    assert message in str(caught.value)


def test_top_k_without_a_temperature_limits_the_candidates_of_beams() -> None:
    assert GenerationConfig(top_k=4, beams=2).top_k == 4


@pytest.mark.parametrize(
    ("stop", "texts"),
    [
        ("", ()),
        (".", (".",)),
        ("\\n|END", ("\n", "END")),
        ("a\\|b|\\\\|", ("a|b", "\\")),
        ("||", ()),
    ],
)
def test_several_stop_texts_are_separated_by_a_bar(stop: str, texts: tuple[str, ...]) -> None:
    assert GenerationConfig(stop=stop).stops == texts
