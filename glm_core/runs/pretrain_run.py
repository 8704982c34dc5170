"""A pretraining's folder: what was asked, whether it is the same as before, and its result.

run.json        what was asked: values and origins; can be given back as --config
manifest.json   what may change a number: versions, corpora, vocabulary, first weights, device
log.jsonl       one row per step and evaluation; curve.svg shows it
checkpoints/    resume points; removed when the run is done
bundle/model    the parameters with the best loss on held-out text, to be used as --model
bundle/last     those of the newest evaluation, to be looked at while the run goes on
result.json     written last: its presence means "done"
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy
import torch

from glm_core.config import TrainConfig, as_dict, defaults
from glm_core.errors import DataError, UsageError
from glm_core.pretrain_config import PretrainConfig
from glm_core.runs.run_dir import RunDir, read_json, write_json
from glm_core.tokens.corpus import CORPUS, Corpus, file_sha256
from glm_core.version import __version__

FORMAT = 1
KIND = "pretrain"
CURVE, BOARD = "curve.svg", "tensorboard"


@dataclass(frozen=True)
class PretrainAsked:
    """One pretraining, and how. model: words that name the model it begins with, as flags of the command."""

    corpora: tuple[str, ...]
    weights: tuple[float, ...] | None
    dev: tuple[str, ...]
    dev_share: float
    dev_rows: int
    model: tuple[str, ...]
    seed: int
    config: TrainConfig
    infilling: PretrainConfig
    origin: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self, out: str) -> dict[str, Any]:
        """The content of `run.json`. Its `config` table can be given back as `--config`."""
        told = {key: value for key, value in asdict(self).items() if key not in ("config", "infilling")}
        return {
            "format": FORMAT,
            "kind": KIND,
            "command": self.command(out),
            **told,
            "config": {**as_dict(self.infilling), **as_dict(self.config)},
        }

    def command(self, out: str) -> list[str]:
        """A command line that asks for the same."""
        words = ["glm", "pretrain", *self.corpora, *self.model, "--out", out, "--seed", str(self.seed)]
        if self.weights is not None:
            words += ["--weights", ",".join(map(str, self.weights))]
        for one in self.dev:
            words += ["--dev", one]
        words += ["--dev-share", str(self.dev_share)] if not self.dev else []
        words += ["--dev-rows", str(self.dev_rows)]
        for kind, config in ((PretrainConfig, self.infilling), (TrainConfig, self.config)):
            for key, value in as_dict(config).items():
                if value != defaults(kind)[key] or self.origin.get(key, "default") in ("file", "flags"):
                    words += _flag(key, value)
        return words


@dataclass(frozen=True)
class PretrainResult:
    """What a finished pretraining leaves in `result.json`.

    metrics: losses and perplexities of the kept parameters on held-out rows; before: of those it began with.
    training: what the trainer says: steps done, the best step, tokens, time.
    """

    run: Path
    seed: int
    n_parameters: int
    metrics: Mapping[str, float]
    before: Mapping[str, float]
    training: Mapping[str, Any]

    @property
    def model(self) -> Path:
        """The folder to be given as --model."""
        return best_model(RunDir(self.run))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; the folder's own name is left out, so that it can be moved."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "run"}
        return {"format": FORMAT, "kind": KIND, **told}


def best_model(run: RunDir) -> Path:
    """Where the parameters with the best loss lie."""
    return run.bundle / "model"


def last_model(run: RunDir) -> Path:
    """Where those of the newest evaluation lie."""
    return run.bundle / "last"


def read_pretrain_result(run: RunDir) -> PretrainResult:
    """The result of a finished pretraining. Raises DataError where there is none."""
    told = read_json(run.result)
    names = [one.name for one in fields(PretrainResult) if one.name != "run"]
    try:
        return PretrainResult(run=run.path, **{name: told[name] for name in names})
    except KeyError as error:
        raise DataError(f"is not a pretraining's result of this version (lacks {error})", file=run.result) from error


def make_pretrain_manifest(corpora: Sequence[str], dev: Sequence[str], corpus: Corpus, seed: int) -> dict[str, Any]:
    """All facts that are known before a model is loaded, as plain values."""
    hashes = {one: file_sha256(Path(one) / CORPUS) for one in (*corpora, *dev)}  # it holds the hashes of all shards
    return {
        "glm_core": __version__,
        "kind": KIND,
        "data": hashes,
        "tokens": corpus.n_tokens,
        "seed": seed,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "platform": platform.platform(),
        },
    }


@contextmanager
def claim_pretrain(
    run: RunDir, told: Mapping[str, Any], facts: Mapping[str, Any], *, overwrite: bool, first: bool
) -> Iterator[PretrainResult | None]:
    """Hold the run's folder; yields the result of a run that is done already.

    A folder of the same run is gone on with, and with `overwrite` a folder of another one is cleared. first: of several
    processes, the one that owns the folder. Raises UsageError where the folder holds something else, another run, or a
    process at work.
    """
    if not first:
        yield _done_already(run, told, facts, overwrite=overwrite)
        return
    run.make()
    try:
        with run.held():
            run.refuse_strangers()
            if overwrite and run.asked.is_file():
                run.clear()
                (run.path / CURVE).unlink(missing_ok=True)
                shutil.rmtree(run.path / BOARD, ignore_errors=True)
            yield _done_already(run, told, facts, overwrite=overwrite)
    finally:
        with suppress(OSError):
            run.path.rmdir()  # where nothing came of it


def remember(run: RunDir, told: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Write down what is asked and what is known, or raise UsageError where the folder's model was another one."""
    if run.manifest.is_file():
        before = read_json(run.manifest).get("model", {})
        for fact, what in (("tokenizer", "the vocabulary"), ("weights", "the model it began with")):
            if before.get(fact) != facts["model"][fact]:
                raise _another(run, f"{what} is another one now")
    else:
        write_json(run.manifest, facts)
    write_json(run.asked, told)
    run.error.unlink(missing_ok=True)


def finish(run: RunDir, result: PretrainResult) -> None:
    """Write `result.json`: from now on the run is done."""
    write_json(run.result, result.as_dict())
    shutil.rmtree(run.checkpoints, ignore_errors=True)


def _done_already(
    run: RunDir, told: Mapping[str, Any], facts: Mapping[str, Any], *, overwrite: bool
) -> PretrainResult | None:
    if overwrite or not run.asked.is_file():
        return None
    old = read_json(run.asked)
    difference = _first_difference(old, told)
    if difference is None and run.manifest.is_file():
        hashes = read_json(run.manifest).get("data", {})
        changed = [one for one, digest in facts["data"].items() if hashes.get(one) not in (None, digest)]
        difference = f"corpus {changed[0]} was built anew since" if changed else None
    if difference is not None:
        raise _another(run, difference)
    return read_pretrain_result(run) if run.state == "done" else None


def _first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    if old.get("kind") != KIND:
        return "it is no pretraining"
    pairs = [
        (key, old.get(key), new[key]) for key in ("corpora", "weights", "dev", "dev_share", "dev_rows", "model", "seed")
    ]
    pairs += [
        (key, old.get("config", {}).get(key), value) for key, value in new["config"].items() if key != "save_every"
    ]
    for key, before, now in pairs:
        now = list(now) if isinstance(now, tuple) else now
        if before != now:
            return f"--{key.replace('_', '-')} {before}, not {now}"
    return None


def _another(run: RunDir, difference: str) -> UsageError:
    return UsageError(f"{run.path}: holds another run: {difference}; give another --out, or --overwrite to replace it")


def _flag(key: str, value: Any) -> list[str]:
    flag = key.replace("_", "-")
    return [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
