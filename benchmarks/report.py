"""The tables: what was measured as rows for a terminal and for Markdown, and as plain values for JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.encoding import Encoding
from benchmarks.evaluation import TOLERANCE, Evaluation
from benchmarks.pairs import geometric_mean, median_ms
from benchmarks.startup import Startup
from benchmarks.training import TOLERANCE as GRADIENT_TOLERANCE, Training

ORIGINAL = json.loads(Path(__file__).with_name("original.json").read_text(encoding="utf-8"))
NOT_EXACT = "not exact"


class Table(NamedTuple):
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", "| " + " | ".join(self.columns) + " |"]
        lines.append("|" + "|".join(" --- " if index == 0 else " ---: " for index in range(len(self.columns))) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join([*lines, "", self.note, ""] if self.note else [*lines, ""])


def evaluation_values(one: Evaluation, *, peak: float, dtype: str, size: str) -> dict[str, Any]:
    """A column as plain values. peak: best rate of multiplication in this run, GFLOP/s per thread."""
    return {
        **_values(one, peak=peak),
        "exact": one.exactness.error <= TOLERANCE[dtype],
        "error": one.exactness.error,
        "other_decisions": one.exactness.decisions,
        "compared_examples": one.exactness.n,
        "processed_per_real_token": one.counters["tokens"] / one.real_tokens,
        "logit_rows": one.counters["logit_rows"],
        "answer_tokens": one.answer_tokens,
        "part_a_passes_per_example": one.counters["rows"] / one.examples,
        "masks_per_row": one.counters["masks"] / one.counters["rows"],
        "batches": one.counters["batches"],
        "original_ms": ORIGINAL["eval"].get(one.job.name) if size == "base" else None,
    }


def training_values(one: Training, *, peak: float, size: str) -> dict[str, Any]:
    return {
        **_values(one, peak=peak),
        "exact": one.error <= GRADIENT_TOLERANCE,
        "error": one.error,
        "original_ms": ORIGINAL["train"].get(one.job.name) if size == "base" else None,
    }


def _values(one: Evaluation | Training, *, peak: float) -> dict[str, Any]:
    ours = median_ms(one.compared.ours)
    return {
        "name": one.job.name,
        "ours_ms": ours,
        "other_ms": median_ms(one.compared.other),
        "ratio": one.compared.ratio,
        "spread": list(one.compared.spread),
        "wall_ratio": one.compared.wall_ratio,
        "pairs": [[mine.cpu, its.cpu] for mine, its in zip(one.compared.ours, one.compared.other, strict=True)],
        "tokens_per_second": 1e3 * one.real_tokens / one.examples / ours,
        "share_of_peak": one.flops / (ours / 1e3) / (peak * 1e9),
        "examples": one.examples,
    }


def comparison_table(title: str, columns: Sequence[Mapping[str, Any]], *, other: str) -> Table:
    """Ratios stand only where the exactness check of the same run passed."""
    rows = []
    for one in columns:
        low, high = one["spread"]
        exact = one["exact"]
        rows.append(
            (
                one["name"],
                f"{one['other_ms']:.0f}",
                f"{one['ours_ms']:.1f}",
                f"{one['ratio']:.1f}" if exact else NOT_EXACT,
                f"{low:.1f} to {high:.1f}" if exact else "",
                f"{one['wall_ratio']:.1f}" if exact else "",
                f"{one['tokens_per_second']:.0f}",
                f"{100 * one['share_of_peak']:.0f} %",
                f"{one['error']:.0e}",
                "" if not one["original_ms"] else f"{one['other_ms'] / one['original_ms']:.2f}",
            )
        )
    head = ("", f"{other}, ms", "ours, ms", "ratio", "spread", "wall", "tokens/s", "of peak", "error", "of original")
    exact = [one["ratio"] for one in columns if one["exact"]]
    note = f"Geometric mean of {len(exact)} ratios: {geometric_mean(exact):.1f}." if exact else "No ratio: not exact."
    return Table(title, head, rows, note)


def counter_table(columns: Sequence[Mapping[str, Any]]) -> Table:
    head = ("", "processed/real tokens", "logit rows", "answer tokens", "passes per Part A", "masks per row", "batches")
    rows = [
        (
            one["name"],
            f"{one['processed_per_real_token']:.3f}",
            str(one["logit_rows"]),
            str(one["answer_tokens"]),
            f"{one['part_a_passes_per_example']:.2f}",
            f"{one['masks_per_row']:.0f}",
            str(one["batches"]),
        )
        for one in columns
    ]
    return Table("Counters of our side", head, rows)


def memory_table(found: Sequence[Mapping[str, Any]]) -> Table:
    head = ("", "side", "MiB above the model", "times ours")
    ours = {(one["what"], one["job"]): one["mib"] for one in found if one["side"] == "ours"}
    rows = [
        (
            f"{one['what']} {one['job']}",
            one["side"],
            f"{one['mib']:.0f}",
            f"{one['mib'] / ours[one['what'], one['job']]:.1f}",
        )
        for one in found
    ]
    return Table(
        "Peak memory", head, rows, "Each side in a process of its own: batches of 16 examples, training steps of 4."
    )


def encoding_table(found: Sequence[Encoding]) -> Table:
    head = ("", "render, µs", "encode, µs", "collate, µs", "tokens", "examples/s")
    rows = [
        (
            one.name,
            f"{one.render:.0f}",
            f"{one.encode:.0f}",
            f"{one.collate:.0f}",
            f"{one.tokens:.0f}",
            f"{one.per_second:.0f}",
        )
        for one in found
    ]
    return Table("From text to tensors", head, rows)


def startup_table(found: Sequence[Startup]) -> Table:
    head = ("", "CPU s", "wall s", "loads")
    rows = [(one.name, f"{one.cpu:.2f}", f"{one.wall:.2f}", ", ".join(one.loaded) or "–") for one in found]
    return Table("Start", head, rows)
