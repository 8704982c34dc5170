"""Contract tests to inherit: every check of a pack as a test, and the same for a metric and for a backbone."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from glm_core.checks.metrics import check_metrics, predictions_of
from glm_core.checks.pages import pages
from glm_core.checks.sources import Sources
from glm_core.checks.subject import Model, Subject
from glm_core.data import DataDir
from glm_core.examples import Example, Prediction, Split
from glm_core.pvp import PVP, Cloze
from glm_core.tasks import DataProcessor, Metric, Task
from glm_core.testing.kit import Folder, pack_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_core.backbone import Backbone
    from glm_core.checks.run import Report

_LENGTH = 128
_CLOSE = 1e-4


class GlmCheckWarning(UserWarning):
    """A warning of a check, when the checks run as tests."""


class Offline:
    """Tests of a class that inherits this use no network; the fixture is the pytest plugin `glm`'s."""

    @pytest.fixture(autouse=True)
    def _offline(self, no_network: None) -> None:
        """Refuse the network."""


class PackConformance(Offline):
    """Every check of PACKS 11 as a test: an error fails, a warning is a pytest warning.

    pack: its name, its path (`"."`), or its module. data: the folder of each task, from the project's folder or the test's.
    model: whose vocabulary and weights; by default the vocabulary of `tiny` and a backbone with random weights.
    """

    pack: ClassVar[Any] = ""
    data: ClassVar[Mapping[str, Folder]] = {}
    model: ClassVar[str | Model | None] = None
    _report: ClassVar[Report]

    @pytest.fixture
    def report(self, request: pytest.FixtureRequest) -> Report:
        """What all checks found; looked for once per class."""
        known = type(self)
        if "_report" not in vars(known):
            places = (Path.cwd(), request.config.rootpath, request.path.parent)
            data = {name: _found(folder, places) for name, folder in self.data.items()}
            known._report = pack_report(self.pack, data, model=self.model)
        return known._report

    def test_everything_could_be_checked(self, report: Report) -> None:
        assert not report.errors, "\n".join(map(str, report.errors))

    @pytest.mark.parametrize("code", list(pages()))
    def test_check(self, code: str, report: Report) -> None:
        found = [one for one in report.findings if one.code == code]
        for one in found:
            if one.level == "warning":
                warnings.warn(str(one), GlmCheckWarning, stacklevel=1)
        wrong = [str(one) for one in found if one.level == "error"]
        assert not wrong, "\n".join((*wrong, f"(glm check --explain {code})"))


class MetricConformance(Offline):
    """What is asked of a metric: set `metric`; `labels` and `grouped` if it wants others; or override `predictions`."""

    metric: ClassVar[Metric]
    labels: ClassVar[tuple[str, ...]] = ("0", "1")
    grouped: ClassVar[bool] = True

    def predictions(self) -> Sequence[Sequence[Prediction]]:
        """The same examples answered in several ways, the first time all right."""
        return predictions_of(_stand_in(self._function(), self.labels), self.examples())

    def examples(self) -> list[Example]:
        """Thirty examples with labels, targets and, if `grouped`, groups of three."""
        return [
            Example(
                f"test-{n}",
                {"text": f"text {n}"},
                label=self.labels[n * 7 % 10 % len(self.labels)],
                target=f"the answer {n}",
                group=f"group-{n // 3}" if self.grouped else None,
                meta={"idx": n},
            )
            for n in range(30)
        ]

    def test_it_knows_its_direction_and_gives_numbers_whatever_the_input_and_its_order(self) -> None:
        metric = self._function()
        task = _stand_in(metric, self.labels)
        found = list(check_metrics(Subject(task, task.name, Sources(())), self.predictions()))
        assert not found, "\n".join(map(str, found))

    def _function(self) -> Metric:
        return type(self).metric  # read from the class: from an instance a function would be bound to it


class BackboneConformance(Offline):
    """What is asked of a backbone: override `make`, which loads a fresh one on the CPU each time."""

    options: ClassVar[Mapping[str, Any]] = {}
    """What `load` wants besides the folder."""

    def make(self) -> Backbone:
        """A backbone, small enough for a test."""
        raise NotImplementedError("override make()")

    def clozes(self) -> list[Cloze]:
        """Texts of different lengths with two or three answers each, of different lengths too."""
        words = {"bad": "bad", "good": "very good", "fair": "so so"}
        pvp = PVP("it-was", "{text} It was [MASK].", words)
        labels = list(words)
        return [
            pvp.cloze(Example(f"test-{n}", {"text": "A film. " * n + "The end."}, label=labels[n % 3]))
            for n in range(5)
        ]

    def test_an_instance_tells_its_name_length_labels_and_cuts(self) -> None:
        backbone = self.make()
        for cloze in self.clozes():
            instance = backbone.encode(cloze, max_length=_LENGTH)
            assert instance.uid == cloze.uid and instance.n_tokens > 0
            assert tuple(instance.labels) == cloze.labels
            assert instance.gold == cloze.label_names.index(str(cloze.gold)) and not any(instance.cut.values())

    def test_a_batch_knows_how_many_clozes_and_tokens_it_holds(self) -> None:
        backbone, clozes = self.make(), self.clozes()
        instances = [backbone.encode(one, max_length=_LENGTH) for one in clozes]
        batch = backbone.collate(instances).to("cpu")
        assert batch.n_clozes == len(clozes)
        assert batch.n_tokens >= max(one.n_tokens for one in instances)

    def test_log_probabilities_are_negative_numbers_where_there_are_tokens(self) -> None:
        backbone, clozes = self.make(), self.clozes()
        weighed = backbone.weigh(backbone.collate([backbone.encode(one, max_length=_LENGTH) for one in clozes]))
        assert weighed.log_probs.shape == weighed.mask.shape and weighed.mask.dtype.is_floating_point is False
        assert weighed.mask.shape[:2] == (len(clozes), 3) and bool(weighed.mask.any(-1).all())
        assert bool((weighed.log_probs[weighed.mask] <= 0).all()) and not weighed.log_probs.requires_grad
        assert bool((weighed.log_probs[~weighed.mask] == 0).all())

    def test_neither_the_batch_nor_the_other_answers_change_a_score(self) -> None:
        from glm_core.checks.behaviour import batch_size, packed
        from glm_core.checks.subject import Rendered

        backbone, clozes = self.make(), self.clozes()
        task = _stand_in(_nothing, ("bad", "good", "fair"))
        subject = Subject(task, "clozes", Sources(()))
        rendered = Rendered(task.pvps[0], ())
        found = [*batch_size(subject, backbone, rendered, clozes), *packed(subject, backbone, rendered, clozes)]
        assert not found, "\n".join(map(str, found))

    def test_the_loss_is_one_number_with_a_gradient_and_training_lowers_it(self) -> None:
        import torch

        backbone = self.make()
        batch = backbone.collate([backbone.encode(one, max_length=_LENGTH) for one in self.clozes()])
        optimizer = torch.optim.Adam([one for one in backbone.module.parameters() if one.requires_grad], lr=1e-2)
        losses = []
        for _ in range(15):
            loss = backbone.loss(batch, objective="choice")
            assert loss.shape == () and loss.requires_grad
            losses.append(float(loss.detach()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert losses[-1] < losses[0]

    def test_one_state_per_cloze_at_each_place(self) -> None:
        backbone, clozes = self.make(), self.clozes()
        batch = backbone.collate([backbone.encode(one, max_length=_LENGTH) for one in clozes])
        shapes = {tuple(backbone.pool(batch, at).shape) for at in ("cls", "sop", "last")}
        assert len(shapes) == 1 and shapes.pop()[0] == len(clozes)

    def test_what_is_saved_loads_and_says_the_same(self, tmp_path: Path) -> None:
        from glm_core.checks.weighing import weigh, worth

        backbone, clozes = self.make(), self.clozes()
        backbone.save(tmp_path / "model")
        again = type(backbone).load(tmp_path / "model", device="cpu", **self.options)
        for one, other in zip(*(weigh(each, clozes, max_length=_LENGTH) for each in (backbone, again)), strict=True):
            assert [worth(a) for a in one] == pytest.approx([worth(a) for a in other], abs=_CLOSE)


class _NoFiles(DataProcessor):
    """The reader of a task that is only there to hold a metric."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        return iter(())


def _nothing(predictions: Sequence[Prediction]) -> float:
    return 0.0


def _stand_in(metric: Metric, labels: tuple[str, ...]) -> Task:
    name = getattr(metric, "__name__", type(metric).__name__)
    words = {label: f"word {label}" for label in labels}
    return Task("stand-in", _NoFiles(labels), (PVP("it-was", "{text} It was [MASK].", words),), {name: metric})


def _found(folder: Folder, places: Sequence[Path]) -> Folder:
    """A data folder where it lies: from the working directory, the project's folder or the test's own."""
    if not isinstance(folder, str | Path):
        return tuple(str(_found(one, places)) for one in folder)
    return next((place / folder for place in places if (place / folder).is_dir()), Path(folder))
