"""What a run was asked to do: `run.json`, the command that asks for the same again, and whether two askings agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from glm_core.config import EvalConfig, TrainConfig, as_dict, defaults
from glm_core.generation_config import GenerationConfig

FORMAT = 1


@dataclass(frozen=True)
class Asked:
    """One task × one pattern × one seed, and how.

    task: full name. model, data: as they were given. model_options: what else was said about the model (`preset`, `vocab`).
    pool, head: of a classifier. train, tune: names of splits. origin: who set each option's value.
    generation: of a task that writes. pack: the path of the task's pack, where that is not installed.
    """

    task: str
    revision: int
    pattern: str
    method: str
    seed: int
    model: str
    data: tuple[str, ...]
    train: str
    tune: str
    config: TrainConfig
    evaluation: EvalConfig
    generation: GenerationConfig | None = None
    pool: str = "cls"
    head: str | None = None
    allow_final: bool = False
    model_options: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    pack: str = ""

    def as_dict(self, out: str) -> dict[str, Any]:
        """The content of `run.json`. Its `config` table can be given back as `--config`."""
        written = {} if self.generation is None else as_dict(self.generation)
        config = {**as_dict(self.evaluation), **as_dict(self.config)}
        # one name may have two defaults; where nobody set it, both stay what they are
        apart = {key for key, value in written.items() if config.get(key, value) != value}
        return {
            "format": FORMAT,
            "command": self.command(out),
            "task": self.task,
            "revision": self.revision,
            "pattern": self.pattern,
            "method": self.method,
            "pool": self.pool,
            "head": self.head,
            "seed": self.seed,
            "model": self.model,
            "model_options": dict(self.model_options),
            "data": list(self.data),
            "splits": {"train": self.train, "tune": self.tune},
            "allow_final": self.allow_final,
            "config": {key: value for key, value in {**written, **config}.items() if key not in apart},
            "evaluation": as_dict(self.evaluation),
            **({"generation": written} if written else {}),
            "origin": dict(self.origin),
        }

    def command(self, out: str) -> list[str]:
        """A command line that asks for the same, whatever the task recommends by then."""
        words = ["glm", *(("--pack", self.pack) if self.pack else ()), "finetune", self.task, "--model", self.model]
        for key, value in self.model_options.items():
            words += _flag(key, value)
        for one in self.data:
            words += ["--data", one]
        words += ["--out", out, "--seed", str(self.seed)]
        if self.method == "cloze":
            words += ["--pattern", self.pattern]
        else:
            words += ["--method", self.method, "--pool", self.pool, *(("--head", self.head) if self.head else ())]
        words += ["--train-split", self.train, "--split", self.tune]
        if self.allow_final:
            words.append("--allow-final")
        for key, value in as_dict(self.config).items():
            if value != defaults(TrainConfig)[key] or self.origin.get(key, "default") != "default":
                words += _flag(key, value)
        told = {"seed", *(one.name for one in fields(TrainConfig))}
        for options in (self.evaluation, self.generation):
            for key in sorted({one.name for one in fields(options)} - told) if options is not None else ():
                told.add(key)
                value = getattr(options, key)
                if value != defaults(type(options))[key] or self.origin.get(key, "default") != "default":
                    words += _flag(key, value)
        return words


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """The first thing that two `run.json` do not share, as words for a message: `--learning-rate 1e-05, not 2e-05`."""
    names = {"task": "task", "revision": "revision"}
    names |= {key: f"--{key}" for key in ("method", "pattern", "pool", "head", "seed", "model")}
    pairs: list[tuple[str, Any, Any]] = [(name, old.get(key), new[key]) for key, name in names.items()]
    for role, flag in (("train", "--train-split"), ("tune", "--split")):
        pairs.append((flag, _table(old, "splits").get(role), new["splits"][role]))
    for table in ("config", "evaluation", "generation"):
        pairs += [
            ("--" + key.replace("_", "-"), _table(old, table).get(key), value)
            for key, value in _table(new, table).items()
        ]
    for name, before, now in pairs:
        if before != now:
            return f"{name} {_shown(before)}, not {_shown(now)}"
    return None


def _table(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, Mapping) else {}


def _flag(key: str, value: Any) -> list[str]:
    flag = key.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", _shown(value)]


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
