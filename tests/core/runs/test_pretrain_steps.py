"""Steps of pretraining: functions of their number, shared by processes, made ahead."""

import time

import numpy as np
import pytest

from glm_core.errors import UsageError
from glm_core.runs.pretrain_steps import AHEAD, PretrainSteps, held_out
from glm_core.tokens import load_tokenizer
from glm_core.tokens.corpus import Corpus
from glm_core.tokens.pretraining import RowMaker
from glm_core.training.batching import Steps
from tests.core.runs.small_corpus import INFILLING, write_corpus


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = write_corpus(tmp_path_factory.mktemp("small"))
    return RowMaker(Corpus(folder / "corpus"), INFILLING, load_tokenizer(folder / "vocab"), seed=7)


def steps(rows, **told):
    return PretrainSteps(rows, **{"batch_size": 4, "micro_batch_tokens": 8192, "steps_per_epoch": 9, **told})


def uids(groups):
    return sorted(one.uid for group in groups for one in group)


def arrays(groups):
    return [one.row.ids.tolist() for group in groups for one in group]


def test_a_step_holds_the_next_rows_by_number_whatever_came_before(rows):
    with steps(rows) as found:
        assert isinstance(found, Steps)
        third = found.at(3)
        assert uids(third) == ["row-12", "row-13", "row-14", "row-15"]
        assert arrays(found.at(4)) != arrays(third)
        assert arrays(found.at(3)) == arrays(third)
    by_number = {one.uid: one.row for group in third for one in group}
    assert np.array_equal(by_number["row-13"].ids, rows[13].ids)


def test_the_shares_of_two_processes_make_up_the_step(rows):
    with steps(rows) as found:
        whole = uids(found.at(5))
        mine, other = uids(found.at(5, rank=0, world_size=2)), uids(found.at(5, rank=1, world_size=2))
    assert sorted(mine + other) == whole and len(mine) == len(other) == 2


def test_a_batch_that_processes_cannot_share_is_refused(rows):
    with steps(rows) as found, pytest.raises(UsageError, match="a batch of 4 cannot be shared by 3 processes"):
        found.at(0, world_size=3)


def test_processes_make_the_same_rows_as_a_thread(rows):
    with steps(rows) as thread, steps(rows, processes=1) as process:
        for step in (0, 1, 6):
            assert arrays(process.at(step)) == arrays(thread.at(step))


def test_a_negative_number_of_processes_is_refused(rows):
    with pytest.raises(UsageError, match="--processes is 0 or more; got -1"):
        steps(rows, processes=-1)


def test_micro_batches_keep_their_budget_of_tokens(rows):
    with steps(rows, batch_size=8, micro_batch_tokens=100) as found:
        groups = found.at(0)
    assert sum(map(len, groups)) == 8
    assert all(len(group) == 1 or len(group) * max(one.n_tokens for one in group) <= 100 for group in groups)


class Watched:
    """Rows that remember which ones were asked for."""

    def __init__(self, rows):
        self.rows, self.asked = rows, []

    def __getitem__(self, number):
        self.asked.append(number)
        if number == 99:
            raise OSError("the disk has gone")
        return self.rows[number]


def test_the_next_steps_are_made_while_one_is_learnt_from(rows):
    watched = Watched(rows)
    with steps(watched) as found:
        found.at(0)
        deadline = time.monotonic() + 20
        while len(watched.asked) < 4 * (AHEAD + 1) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert watched.asked == list(range(4 * (AHEAD + 1)))
        found.at(1)
    assert len(watched.asked) == len(set(watched.asked))  # nothing is made twice


def test_what_goes_wrong_while_rows_are_made_is_told_at_their_step(rows):
    with steps(Watched(rows)) as found:
        found.at(23)  # makes step 24 too, which fails; nobody has asked for it yet
        with pytest.raises(OSError, match="the disk has gone"):
            found.at(24)


def test_a_row_is_a_question_with_one_answer(rows):
    level, instance = held_out(rows, 3)[2]
    assert (instance.uid, instance.labels, instance.gold, instance.words) == ("dev-2", ("0",), 0, None)
    assert level == rows.leveled(2)[0]
    assert instance.n_tokens == len(rows[2])
