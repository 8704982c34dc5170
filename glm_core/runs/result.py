"""What a finished run leaves in `result.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from glm_core.errors import DataError
from glm_core.runs.health import Health
from glm_core.runs.run_dir import RunDir, read_json, write_json

FORMAT = 1


@dataclass(frozen=True)
class Result:
    """One task × one pattern × one seed, trained and measured on the split it was chosen on.

    metric: the first of the task's metrics, which chose the parameters that were kept.
    metrics, before, majority: after training, before it, and of always answering the most frequent gold label.
    training: what the trainer says: steps done, the best step, losses, time.
    chosen_on_final: the split is meant for the final evaluation, so these numbers are too good.
    """

    run: Path
    task: str
    pattern: str
    method: str
    seed: int
    split: str
    metric: str
    metrics: Mapping[str, float]
    before: Mapping[str, float]
    majority: Mapping[str, float]
    health: Health
    training: Mapping[str, Any] = field(default_factory=dict)
    chosen_on_final: bool = False

    @property
    def score(self) -> float:
        """The metric that chose the parameters."""
        return self.metrics[self.metric]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; the folder's own name is left out, so that it can be moved."""
        told = {key: value for key, value in asdict(self).items() if key != "run"}
        return {"format": FORMAT, **told}


def write_result(run: RunDir, result: Result) -> None:
    """Write `result.json`: from now on the run is done."""
    write_json(run.result, result.as_dict())


def read_result(run: RunDir) -> Result:
    """The result of a finished run. Raises DataError where there is none, or it is no result."""
    told = read_json(run.result)
    names = {one.name for one in fields(Result)} - {"run"}
    health_names = {one.name for one in fields(Health)}
    try:
        health = Health(**{key: value for key, value in told["health"].items() if key in health_names})
        return Result(run=run.path, **{**{key: told[key] for key in names if key in told}, "health": health})
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"is not a result of this version of glm-core ({error})", file=run.result) from error
