"""A finished run as a function: new text in, predictions out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from glm_core.backbone import Backbone
from glm_core.config import EvalConfig
from glm_core.errors import DataError, UsageError
from glm_core.examples import Example, Prediction, Split
from glm_core.generation_config import GenerationConfig
from glm_core.runs.bundle import load_bundle
from glm_core.runs.evaluate import evaluate
from glm_core.runs.questions import Progress
from glm_core.tasks import Task


class Predictor:
    """A trained model with its task and pattern, kept loaded. `predictor([{"premise": …, "hypothesis": …}])`"""

    def __init__(
        self,
        task: Task,
        backbone: Backbone,
        *,
        pattern: str | int = 0,
        evaluation: EvalConfig | None = None,
        generation: GenerationConfig | None = None,
    ) -> None:
        self.task = task
        self.backbone = backbone
        self.pattern = pattern
        self.evaluation = evaluation or EvalConfig()
        self.generation = generation

    @classmethod
    def load(
        cls,
        where: str | Path,
        *,
        device: str = "auto",
        task: Task | None = None,
        load: Callable[..., Backbone] | None = None,
    ) -> Predictor:
        """The predictor of a run's folder or its bundle.

        task: where no pack offers it. load: `load(folder, device=…)` for a backbone that no pack offers.
        Raises UsageError where the run is not finished, or its pack or vocabulary is not that of the run.
        """
        found = load_bundle(where, device=device, task=task, load=load)
        return cls(
            found.task,
            found.backbone,
            pattern=found.pattern,
            evaluation=found.evaluation,
            generation=found.generation,
        )

    def __call__(self, rows: Iterable[Mapping[str, Any]]) -> list[Prediction]:
        """The predictions for rows of fields, in their order.

        A row may also give `uid`, `choices` (a list) where answers differ from example to example, and `target`, the text
        that a task of kind lm weighs.
        Raises DataError that names the row for a field that the pattern misses or that is no text.
        """
        return self.predict([self._example(row, number) for number, row in enumerate(rows)])

    def predict(self, examples: Sequence[Example], *, progress: Progress | None = None) -> list[Prediction]:
        """The predictions for examples, in their order."""
        return evaluate(
            self.task,
            self.backbone,
            examples,
            pattern=self.pattern,
            config=self.evaluation,
            generation=self.generation,
            progress=progress,
        )

    def read(self, file: str | Path) -> list[Example]:
        """The examples of a file in the data set's own format; labels may be missing.

        Raises UsageError where there is no such file, DataError with file and line for a row that cannot be read.
        """
        file = Path(file)
        if not file.is_file():
            what = "is a folder; give a file" if file.is_dir() else "there is no such file"
            raise UsageError(f"{file}: {what} in the format of the data set that {self.task.name} reads")
        split = Split("predict", "final", (file.name,), labelled=False)
        return self.task.read(self.task.processor.open(str(file.parent)), split)

    @staticmethod
    def _example(row: Mapping[str, Any], number: int) -> Example:
        special = ("uid", "choices", "target")
        fields = {key: value for key, value in row.items() if key not in special}
        for name, value in fields.items():
            if not isinstance(value, str):
                raise DataError(f"row {number}: field '{name}' is {type(value).__name__}, wanted text")
        choices = row.get("choices", ())
        if isinstance(choices, str) or not all(isinstance(one, str) for one in choices):
            raise DataError(f"row {number}: 'choices' is a list of texts")
        target = row.get("target")
        if not isinstance(target, str | None):
            raise DataError(f"row {number}: 'target' is {type(target).__name__}, wanted text")
        return Example(str(row.get("uid", f"row {number}")), fields, choices=tuple(choices), target=target)


def predict(run: str | Path, rows: Iterable[Mapping[str, Any]], *, device: str = "auto") -> list[Prediction]:
    """What a finished run says about rows of fields. `Predictor.load` keeps the model for further calls."""
    return Predictor.load(run, device=device)(rows)
