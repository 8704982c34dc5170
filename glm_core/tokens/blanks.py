"""A sample and the decisions about its blanks become a row, and a row becomes the sample again. Nothing is drawn here.

    sample    [CLS] the pond froze over last night [EOS]          spans, in the order written: (5, 7), (2, 3)
    Part A    [CLS] the [MASK] froze over [MASK] [EOS]
    Part B    [sop] last night  [sop] pond                        targets: last night [eop]  pond [eop]

Source: arXiv 2103.10360, section 2.1; `make_block_data` and `make_masked_data` of THUDM/GLM's `blocklm_utils.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from glm_core.tokens.packing import Sample
from glm_core.tokens.row import Row, Span, build_row
from glm_core.tokens.spans import Stretch
from glm_core.tokens.special import SpecialTokens


def blank_out(
    ids: Sequence[int],
    spans: Sequence[Stretch],
    *,
    masks: Sequence[int],
    sops: Sequence[int],
    eop: int,
    bias: int = 0,
    one_position: int | None = None,
    constant_block_position: bool = False,
    hidden_written: Sequence[bool] = (),
    hidden_context: Sequence[int] = (),
    decoder_block: int = 0,
) -> Row:
    """The row in which these spans are blanks, written in this order as one branch; each ends in [eop].

    masks, sops: the ids that stand for a span in Part A and before it in Part B, one each per span.
    bias: where positions begin. one_position: the position of all of Part B (sentinels tell the blanks apart).
    constant_block_position: block position 1 all over Part B.
    hidden_written: for every token of every span, in order of writing, whether it is read as [dBLOCK]; the targets stay.
    hidden_context: indices in Part A that are read as [dBLOCK]; `targets` keeps what stood there, unscored.
    decoder_block: the id of [dBLOCK], where anything is hidden.
    """
    part_a: list[int] = []
    at = [0] * len(spans)
    done = 0
    for j in sorted(range(len(spans)), key=lambda j: spans[j][0]):
        start, end = spans[j]
        part_a += ids[done:start]
        at[j] = len(part_a)
        part_a.append(masks[j])
        done = end
    part_a += ids[done:]
    branch = [Span(at[j], [*ids[start:end], eop]) for j, (start, end) in enumerate(spans)]
    row = build_row(part_a, [branch] if branch else [], sop=sops[0] if sops else 0)
    n = len(part_a)
    where, inside = row.positions
    if len(set(sops)) > 1:
        row.ids[np.flatnonzero(inside == 1)] = sops
    if any(hidden_written):
        read = n + np.flatnonzero(inside[n:] > 1)
        row.ids[read[np.asarray(hidden_written, dtype=bool)]] = decoder_block
    if hidden_context:
        row.targets[hidden_context] = row.ids[hidden_context]
        row.ids[hidden_context] = decoder_block
    where += bias
    if one_position is not None:
        where[n:] = one_position
    if constant_block_position:
        inside[n:] = 1
    return row


def continue_sample(
    sample: Sample, n_written: int, *, mask: int, sop: int, constant_block_position: bool = False
) -> Row:
    """The row that writes the last tokens of a sample after a mask, end tokens and further documents among them.

    There is no [eop]. Here, and only here, prompts are read and not learned.
    """
    cut = len(sample) - n_written
    row = build_row([*sample.ids[:cut], mask], [[Span(cut, sample.ids[cut:])]], sop=sop)
    row.target_mask[cut + 1 :] = sample.counts[cut:]
    if constant_block_position:
        row.positions[1, cut + 1 :] = 1
    return row


def mask_out(sample: Sample, spans: Iterable[Stretch], *, mask: int) -> Row:
    """BERT's row: every token of the spans is a mask, told at its own place; positions are 0, 1, 2, … and no Part B.

    Prompts are not learned.
    """
    row = build_row(sample.ids, [], sop=0)
    row.targets[:] = row.ids
    for start, end in spans:
        row.ids[start:end] = mask
        row.target_mask[start:end] = sample.counts[start:end]
    return row


def context_candidates(n_part_a: int, blanks: Iterable[int], reach: int) -> list[int]:
    """The tokens of Part A at most `reach` from a blank, in order.

    As in the original the last `reach` tokens are among them, beside a blank or not. blanks: ascending.
    """
    found: set[int] = set()
    start = 0
    for end in [*blanks, n_part_a]:
        if start:
            found.update(range(start, min(end, start + reach)))
        found.update(range(max(start, end - reach), end))
        start = end + 1
    return sorted(found)


def reconstruct(row: Row, special: SpecialTokens, *, segment: int = 0) -> list[int]:
    """The sample a row was made from: every written span back in its blank, hidden tokens uncovered.

    segment: which sample, where several short ones share the row. With sentinels, blanks are told apart by their
    mask. Raises ValueError where blanks and spans do not fit together.
    """
    mine = row.segment == segment
    branch, targets = row.branch[mine], row.targets[mine]
    ids, where = row.ids[mine], row.positions[0, mine]
    n = int((branch == 0).sum())
    part_a = ids[:n].tolist()
    hiders = {special.mask, special.sentence_mask, special.document_mask, special.decoder_block}
    whole = [target if id in hiders else id for id, target in zip(part_a, targets[:n].tolist(), strict=True)]
    pieces = [[id] for id in whole]
    sentinels = {sop: mask for mask, sop in special.sentinels}
    sops = {special.sop, *sentinels}
    starts = [i for i in range(n, len(ids)) if int(ids[i]) in sops]
    for start, end in pairwise([*starts, len(ids)]):
        at = int(where[start] - where[0])
        if at >= n:  # sentinels: one position for all of Part B
            at = part_a.index(sentinels.get(int(ids[start]), special.mask))
        if not 0 <= at < n or part_a[at] not in hiders | set(sentinels.values()):
            raise ValueError(f"the span at {start} belongs to no blank of Part A")
        written = targets[start:end].tolist()
        pieces[at] = written[:-1] if written[-1] == special.eop else written
    return [id for piece in pieces for id in piece]
