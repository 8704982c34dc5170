"""A finished run as a function, and on other splits."""

from dataclasses import replace

import pytest

from glm_core.config import EvalConfig, TrainConfig
from glm_core.errors import DataError, TemplateError, UsageError
from glm_core.plugins import isolated_packs
from glm_core.pvp import PVP
from glm_core.runs.evaluate_run import evaluate_run
from glm_core.runs.finetune import finetune
from glm_core.runs.predictor import Predictor, predict
from glm_core.runs.run_dir import RunDir, read_json
from tests.core.runs.fakes import IT_WAS, ReviewsPack, ToyBackbone, reviews_task, write_reviews

CONFIG = TrainConfig(epochs=2, batch_size=4, learning_rate=0.02, warmup=0.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A data folder, a finished run and the pack it was made with."""
    folder = tmp_path_factory.mktemp("trained")
    data, pack = write_reviews(folder / "data", train=16, dev=8), ReviewsPack()
    with isolated_packs(films=pack):
        finetune(pack.task, ToyBackbone, data, folder / "run", config=CONFIG, model="toy", progress=False)
    return data, folder / "run", pack


@pytest.fixture
def run(trained):
    """The run's folder, with its pack loaded."""
    with isolated_packs(films=trained[2]):
        yield trained[1]


def stopped(trained, out):
    class Stops(ToyBackbone):
        def weigh(self, batch):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(trained[2].task, Stops, trained[0], out, config=CONFIG, model="toy", progress=False)


def test_rows_of_fields_are_answered_in_their_order(run):
    found = predict(run, [{"review": "a lovely film"}, {"review": "a dull film", "uid": "mine"}])
    assert [one.example.uid for one in found] == ["row 0", "mine"]
    assert {one.label for one in found} <= {"good", "bad"}
    assert all(set(one.scores) == {"good", "bad"} for one in found)


def test_the_predictor_says_what_the_run_said(run, trained):
    stored = RunDir(run).read_predictions("dev")
    predictor = Predictor.load(run)
    again = predictor([dict(one.example.fields) for one in stored])
    assert [one.label for one in again] == [one.label for one in stored]
    assert [one.scores for one in again] == [pytest.approx(one.scores) for one in stored]


def test_a_bundle_is_enough(run, tmp_path):
    import shutil

    shutil.copytree(run / "bundle", tmp_path / "bundle")
    rows = [{"review": "a fresh film"}]
    assert Predictor.load(tmp_path / "bundle")(rows) == Predictor.load(run)(rows)


def test_a_missing_field_is_named(run):
    with pytest.raises(TemplateError, match=r"example row 1 has no field 'review' \(it has text\)"):
        predict(run, [{"review": "fine"}, {"text": "a dull film"}])


def test_a_field_that_is_no_text_is_named(run):
    with pytest.raises(DataError, match="row 1: field 'review' is int, wanted text"):
        predict(run, [{"review": "fine"}, {"review": 3}])


def test_a_row_may_bring_its_own_choices():
    pvp = PVP("choose", "{review} so [MASK]")
    predictor = Predictor(reviews_task(pvps=(pvp,)), ToyBackbone())
    (found,) = predictor([{"review": "it rained", "choices": ["we got wet", "we stayed"]}])
    assert found.text in ("we got wet", "we stayed")
    with pytest.raises(DataError, match="row 0: 'choices' is a list of texts"):
        predictor([{"review": "it rained", "choices": "we got wet"}])


def test_a_file_in_the_data_sets_format_needs_no_labels(run, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"review": "a moving film"}\n\n{"review": "weak", "label": "bad"}\n')
    examples = Predictor.load(run).read(path)
    assert [(one.uid, one.label) for one in examples] == [("predict-0", None), ("predict-1", "bad")]


def test_a_row_without_a_field_is_named_by_file_and_line(run, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"review": "a moving film"}\n{"text": "weak"}\n')
    with pytest.raises(DataError, match=r"in\.jsonl:2: no field 'review' \(this row has text\)"):
        Predictor.load(run).read(path)


def test_a_file_that_is_not_there_is_a_usage_error(run, tmp_path):
    predictor = Predictor.load(run)
    with pytest.raises(UsageError, match="there is no such file"):
        predictor.read(tmp_path / "nothing.jsonl")
    with pytest.raises(UsageError, match="is a folder; give a file"):
        predictor.read(tmp_path)


def test_a_run_that_is_not_finished_says_how_to_go_on(trained, tmp_path):
    stopped(trained, tmp_path / "run")
    with pytest.raises(UsageError, match=r"is not finished \(stopped\); go on with: glm finetune .*--model toy"):
        Predictor.load(tmp_path / "run")


def test_a_folder_that_is_no_run_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="holds no run"):
        Predictor.load(tmp_path)
    with pytest.raises(UsageError, match="there is no such run"):
        Predictor.load(tmp_path / "nowhere")


def test_a_prompt_that_changed_since_is_refused(trained):
    changed = ReviewsPack(pvps=(replace(IT_WAS, pattern="{review} It is [MASK]."),))
    with isolated_packs(films=changed), pytest.raises(UsageError, match="pattern 'it-was' has another text"):
        Predictor.load(trained[1])
    with isolated_packs(films=ReviewsPack(revision=2)), pytest.raises(UsageError, match="here it is revision 2"):
        Predictor.load(trained[1])
    renamed = ReviewsPack(pvps=(replace(IT_WAS, name="it-is"),))
    with isolated_packs(films=renamed), pytest.raises(UsageError, match="has no pattern 'it-was' any more"):
        Predictor.load(trained[1])


def test_another_vocabulary_is_refused(run):
    class Other(ToyBackbone):
        @classmethod
        def load(cls, where, *, device="auto", **options):
            made = super().load(where)
            made.tokenizer.fingerprint = "another"
            return made

    with pytest.raises(UsageError, match="is not the one the run was made with"):
        Predictor.load(run, load=Other.load)


def test_a_task_and_a_model_of_ones_own_are_given_by_hand(tmp_path):
    data, task = write_reviews(tmp_path / "data"), reviews_task()
    with isolated_packs():
        finetune(task, ToyBackbone, data, tmp_path / "run", config=CONFIG, progress=False)
        with pytest.raises(UsageError, match="no task 'reviews'"):
            Predictor.load(tmp_path / "run")
        with pytest.raises(UsageError, match="its backbone is offered by no pack; give `load`"):
            Predictor.load(tmp_path / "run", task=task)
        predictor = Predictor.load(tmp_path / "run", task=task, load=ToyBackbone.load)
        assert predictor([{"review": "fresh"}])[0].label in ("good", "bad")


def test_a_damaged_bundle_is_a_data_error(run, tmp_path):
    (tmp_path / "bundle.json").write_text('{"format": 1}')
    with pytest.raises(DataError, match=r"bundle\.json: is not a bundle of this version"):
        Predictor.load(tmp_path)


def test_an_unlabelled_split_gives_predictions_and_no_metric(run):
    predictions, told = evaluate_run(run, "test", progress=False)
    assert len(predictions) == 5
    assert told["metrics"] == {} and told["majority"] == {}
    assert (told["health"]["n"], told["health"]["unlabelled"]) == (5, 5)
    assert RunDir(run).read_predictions("test") == predictions
    assert read_json(RunDir(run).evaluation("test"))["role"] == "final"


def test_a_labelled_split_is_measured(run):
    predictions, told = evaluate_run(run, "gold", progress=False)
    right = sum(one.label == one.example.label for one in predictions)
    assert told["metrics"]["accuracy"] == right / 4
    assert told["health"]["steps"] == 8
    assert "gold.jsonl" in told["data"]


def test_by_default_the_split_is_the_one_the_run_was_chosen_on(run):
    stored = RunDir(run).read_predictions("dev")
    predictions, told = evaluate_run(run, progress=False, config=EvalConfig(batch_tokens=1))
    assert told["split"] == "dev"
    assert [one.label for one in predictions] == [one.label for one in stored]
    assert told["metrics"] == pytest.approx(read_json(RunDir(run).result)["metrics"])


def test_predictions_under_other_options_are_not_kept(run):
    before = RunDir(run).predictions("dev").read_bytes()
    _, told = evaluate_run(run, progress=False, config=EvalConfig(length_penalty=1.0))
    assert not told["kept"]
    assert RunDir(run).predictions("dev").read_bytes() == before


def test_predictions_on_other_contents_of_the_tuning_split_are_not_kept(run, tmp_path):
    before = RunDir(run).predictions("dev").read_bytes()
    _, told = evaluate_run(run, data=[write_reviews(tmp_path / "elsewhere", dev=3)], progress=False)
    assert not told["kept"] and told["health"]["n"] == 3
    assert RunDir(run).predictions("dev").read_bytes() == before


def test_other_data_are_read_where_they_are_given(run, tmp_path):
    _, told = evaluate_run(run, "gold", data=[write_reviews(tmp_path / "elsewhere", dev=3)], progress=False)
    assert told["health"]["n"] == 4


def test_another_task_with_the_same_prompts_is_kept_apart(run):
    other = reviews_task(name="films-of-now")
    _, told = evaluate_run(run, "gold", other=other, progress=False)
    assert told["task"] == "films-of-now"
    assert RunDir(run).predictions("films-of-now.gold").is_file()
    with pytest.raises(UsageError, match="has no pattern 'it-was'"):
        evaluate_run(run, "gold", other=replace(other, pvps=(replace(IT_WAS, name="x"),)), progress=False)


def test_a_bundle_alone_has_no_place_for_predictions(run):
    with pytest.raises(UsageError, match="is a bundle; give the run's own folder"):
        evaluate_run(run / "bundle", "test", progress=False)
