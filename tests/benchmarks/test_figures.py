"""Lengths, pairs, and the tables: numbers by hand."""

import pytest
import torch

from benchmarks.evaluation import compare_scores, naive_batches
from benchmarks.jobs import JOBS, SIZES, make_instances, pick_jobs
from benchmarks.lengths import TASKS, read_lengths
from benchmarks.machine import PeakMemory, flops_per_answer_token, flops_per_token
from benchmarks.pairs import Compared, Side, Spent, geometric_mean, measure_pairs
from benchmarks.report import NOT_EXACT, Table, comparison_table


@pytest.mark.parametrize("task", TASKS)
def test_the_sample_holds_lengths_that_fit(task):
    for split, fewest in (("dev", 44), ("train", 32)):
        sample = read_lengths(task, split)
        assert len(sample) >= fewest
        assert all(one.part_a + max(one.answers) <= TASKS[task][2] for one in sample)
        assert all(min(one.answers) >= 2 for one in sample)  # a token and [eop]


def test_made_examples_have_the_lengths_of_the_sample():
    for job in JOBS:
        instances = make_instances(job, split="dev", n=70, vocab_size=2048)
        for one, (part_a, answers) in zip(instances, read_lengths(job.task, "dev"), strict=False):
            branches = [int((one.row.branch == k).sum()) for k in range(int(one.row.branch.max()) + 1)]
            assert branches == [part_a, *((1,) if job.mode == "single" else answers)]
            assert len(one.labels) == len(answers)


def test_columns_are_picked_by_task_or_by_task_and_mode():
    assert [job.name for job in pick_jobs(JOBS, "rte-multi,copa")] == ["RTE multi", "COPA"]
    assert [job.name for job in pick_jobs(JOBS, "cb")] == ["CB single", "CB multi"]
    with pytest.raises(ValueError, match="unknown task 'sst'"):
        pick_jobs(JOBS, "sst")


def test_a_ratio_is_the_median_over_pairs():
    ours = tuple(Spent(cpu, 2 * cpu) for cpu in (1.0, 2.0, 1.0))
    other = tuple(Spent(cpu, cpu) for cpu in (8.0, 10.0, 6.0))
    compared = Compared(ours, other)
    assert compared.ratios == [8.0, 5.0, 6.0]
    assert compared.ratio == 6.0
    assert compared.spread == (5.0, 8.0)
    assert compared.wall_ratio == 3.0
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


def test_pairs_are_measured_in_turns():
    order = []
    ours = Side("ours", lambda: order.append("ours"), 4)
    other = Side("naive", lambda: order.append("naive"), 2)
    compared = measure_pairs(ours, other, pairs=3)
    assert order == ["naive", "ours"] * 3
    assert len(compared.ours) == 3


def test_exactness_is_relative_to_the_largest_score_and_counts_decisions():
    naive = [torch.tensor([-10.0, -20.0]), torch.tensor([-5.0, -4.0])]
    ours = [torch.tensor([-10.0, -20.5]), torch.tensor([-4.0, -4.5])]
    found = compare_scores(ours, naive, words=False)
    assert (found.error, found.decisions, found.n) == (0.05, 1, 2)
    shifted = [one - 3.0 for one in naive]
    assert compare_scores(shifted, naive, words=True).error == 0.0


def test_naive_batches_are_of_sixteen_examples_or_of_so_many_rows():
    multi = make_instances(pick_jobs(JOBS, "cb-multi")[0], split="dev", n=20, vocab_size=2048)
    assert [len(part) for part in naive_batches(multi)] == [16, 4]
    assert [len(part) for part in naive_batches(multi, rows=12)] == [4] * 5
    record = make_instances(pick_jobs(JOBS, "record")[0], split="dev", n=4, vocab_size=2048)
    assert [len(part) for part in naive_batches(record)] == [2, 2]


def test_useful_flops_are_those_of_the_published_size():
    assert flops_per_token(SIZES["base"]) == 2 * 84_934_656
    assert flops_per_answer_token(SIZES["base"]) == 2 * 768 * 30592


def test_peak_memory_sees_what_is_held_for_a_moment():
    with PeakMemory() as peak:
        torch.ones(32 * 2**20, dtype=torch.uint8)
    assert peak.mib >= 20


def _column(*, exact: bool) -> dict:
    return {
        "name": "COPA",
        "other_ms": 2000.0,
        "ours_ms": 100.0,
        "ratio": 20.0,
        "spread": [19.0, 21.0],
        "wall_ratio": 20.0,
        "tokens_per_second": 440.0,
        "share_of_peak": 0.8,
        "error": 2e-7,
        "exact": exact,
        "original_ms": 2059,
    }


def test_a_ratio_is_printed_only_where_the_scores_agree():
    good = comparison_table("t", [_column(exact=True), _column(exact=True)], other="naive")
    assert good.rows[0][:5] == ("COPA", "2000", "100.0", "20.0", "19.0 to 21.0")
    assert good.note == "Geometric mean of 2 ratios: 20.0."
    bad = comparison_table("t", [_column(exact=False)], other="naive")
    assert bad.rows[0][3:6] == (NOT_EXACT, "", "")
    assert bad.note == "No ratio: not exact."


def test_tables_are_markdown():
    assert Table("T", ("", "a"), [("x", "1")], "n").markdown() == "### T\n\n|  | a |\n| --- | ---: |\n| x | 1 |\n\nn\n"
