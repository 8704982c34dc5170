"""A pack, its data and a model on disk; `glm` runs in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from glm_core.cli.main import main
from glm_core.plugins import isolated_packs
from tests.core.runs.fakes import ReviewsPack, ToyBackbone, write_reviews


@dataclass(frozen=True)
class Told:
    """What a command said."""

    code: int
    out: str
    err: str


Glm = Callable[..., Told]


@pytest.fixture
def glm(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Glm]:
    """`glm("finetune", "reviews", …)`, in a folder with `data/` and `model/`."""
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path / "data", train=16, dev=8)
    ToyBackbone().save(tmp_path / "model")

    def call(*words: str) -> Told:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    with isolated_packs(films=ReviewsPack()):
        yield call


TRAIN = (
    *("finetune", "reviews", "--model", "./model", "--backbone", "toy", "--data", "data"),
    *("--epochs", "2", "--batch-size", "4", "--learning-rate", "0.02", "--warmup", "0"),
)


@pytest.fixture
def trained(glm: Glm) -> Glm:
    """The same, with a finished run in `run/`."""
    assert glm(*TRAIN, "--out", "run").code == 0
    return glm
