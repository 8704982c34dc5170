"""Filling the blanks of clozes: text in, text out, batches and their order in between."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

import torch

from glm_core.backbone import Chunk, Filled
from glm_core.errors import TemplateError, UsageError
from glm_core.generation_config import GenerationConfig
from glm_core.model.decoding import write
from glm_core.model.prefix_tree import PrefixTree
from glm_core.model.prompts import Marks, Prompt
from glm_core.model.reading import GLMReader
from glm_core.model.written_text import Transcript, fixed_texts
from glm_core.parts import BLANK, Blank
from glm_core.pvp import Cloze
from glm_core.tokens.encode import Laid, lay_out
from glm_core.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    from glm_core.model.glm_backbone import GLMBackbone

log = logging.getLogger(__name__)

Candidates = Sequence[str | tuple[str, ...]]
_NO_LIMIT = 10**9


@dataclass(frozen=True, eq=False)
class _Job:
    """A cloze on its way. limit: tokens that may be written into one of its blanks. spelled: candidates by their ids."""

    number: int
    cloze: Cloze
    laid: Laid
    prompt: Prompt
    limit: int
    spelled: dict[tuple[int, ...], str] | None


def fill(
    backbone: GLMBackbone,
    clozes: Sequence[Cloze],
    config: GenerationConfig,
    *,
    rng: Random | None = None,
    candidates: Sequence[Candidates | None] | None = None,
    watch: Callable[[Chunk], None] | None = None,
) -> list[Filled]:
    """Write the blanks of every cloze; the contract is `Backbone.fill`'s."""
    rng = Random(config.seed) if rng is None else rng
    if candidates is not None and len(candidates) != len(clozes):
        raise UsageError(f"there are {len(clozes)} texts and candidates for {len(candidates)}; give one list per text")
    jobs = [
        _job(backbone, number, cloze, config, rng.getrandbits(64), None if candidates is None else candidates[number])
        for number, cloze in enumerate(clozes)
    ]
    found: dict[int, Filled] = {}
    was_training = backbone.module.training
    backbone.module.eval()
    try:
        with torch.inference_mode():
            for batch in _batches(jobs, config):
                found.update(_fill_batch(backbone, batch, config, watch))
    finally:
        backbone.module.train(was_training)
    return [found[number] for number in range(len(clozes))]


def _fill_batch(
    backbone: GLMBackbone, jobs: Sequence[_Job], config: GenerationConfig, watch: Callable[[Chunk], None] | None
) -> dict[int, Filled]:
    tokenizer = backbone.tokenizer
    marks = marks_of(tokenizer, jobs[0].cloze.specials, config, n_rows=backbone.module.config.vocab_size)
    marks = replace(marks, banned=None if marks.banned is None else marks.banned.to(backbone.device))
    transcripts = [
        Transcript(job.number, fixed_texts(job.laid, job.cloze.given), tokenizer, config.stops, watch, job.spelled)
        for job in jobs
    ]

    def listen(row: int, blank: int, ids: Sequence[int], over: bool) -> None:
        transcripts[row].hear(blank, ids, over)

    config = replace(config, max_tokens=jobs[0].limit, min_tokens=min(config.min_tokens, jobs[0].limit))
    reader = GLMReader(backbone.module, pad=tokenizer.special.pad, memory=config.memory)
    written = write(reader, [job.prompt for job in jobs], marks, config, listen=listen if watch else None)
    return {
        job.number: replace(transcript.close(one.pieces, one.ended), cut=job.laid.cut)
        for job, transcript, one in zip(jobs, transcripts, written, strict=True)
    }


def marks_of(tokenizer: Tokenizer, specials: Sequence[str], config: GenerationConfig, *, n_rows: int) -> Marks:
    """What ends a blank, and what is never written: ids without a meaning, and special tokens.

    specials: special tokens that a text holds on purpose; they may be written, and do not end it.
    n_rows: rows of the model's token table.
    """
    special = tokenizer.special
    named = special.names()
    wanted = {id for id, names in named.items() if any(special.strings.get(name) in specials for name in names)}
    ends = {special.eop}
    if config.rules != "seq2seq" and special.eos not in wanted:
        ends.add(special.eos)
    banned = torch.zeros(n_rows, dtype=torch.bool)
    banned[tokenizer.vocab_size :] = True  # no text whatever the rules
    if config.rules == "own":
        banned[tokenizer.n_text_tokens :] = True
        banned[list(named)] = True
        banned[[*ends, *wanted]] = False
    stops = config.stops

    def holds_stop(ids: Sequence[int]) -> bool:
        text = tokenizer.decode(ids)
        return any(one in text for one in stops)

    return Marks(special.sop, ends, banned if bool(banned.any()) else None, holds_stop if stops else None)


def _job(
    backbone: GLMBackbone,
    number: int,
    cloze: Cloze,
    config: GenerationConfig,
    seed: int,
    candidates: Candidates | None,
) -> _Job:
    if cloze.texts:
        raise UsageError(f"example {cloze.uid} has a text for each answer; only one text can be written")
    tokenizer, positions = backbone.tokenizer, backbone.module.config.max_positions
    cloze = _with_known_blanks(backbone, cloze)
    given = tokenizer.encode(cloze.given, specials=cloze.specials).ids if cloze.given else []
    n_blanks = sum(isinstance(part, Blank) for part in cloze.parts)
    tree = spelled = None
    if candidates is not None:
        tree, spelled = _tree(cloze, candidates, tokenizer, n_blanks)
    limit = config.max_tokens if tree is None else max(config.max_tokens, tree.depth)
    most = positions - 1 - len(given)  # [sop] has inside position 1, and the last position is `positions`
    if limit > most:
        backbone._tell(
            f"the model has positions for {most} tokens of a blank; no more are written (--max-tokens {limit})"
        )
        limit = most
    laid = _lay_out(backbone, cloze, config, spare=limit + len(given))
    joint = any(isinstance(one, tuple) for one in candidates or ())
    return _Job(number, cloze, laid, Prompt(laid.ids, laid.blanks, given, seed, tree, joint), limit, spelled)


def _with_known_blanks(backbone: GLMBackbone, cloze: Cloze) -> Cloze:
    """Blanks that the model was not trained on become [MASK], with a warning. The text then ends like one with [MASK]."""
    unknown = {part.mask for part in cloze.parts if isinstance(part, Blank)} - backbone.masks
    for mask in sorted(unknown):
        backbone._tell(f"this model was not trained on {mask}; [MASK] stands in its place")
    if not unknown:
        return cloze
    parts = (BLANK if isinstance(part, Blank) and part.mask in unknown else part for part in cloze.parts)
    return replace(cloze, parts=tuple(parts))


def _lay_out(backbone: GLMBackbone, cloze: Cloze, config: GenerationConfig, *, spare: int) -> Laid:
    """Part A, shortened where it may be. spare: tokens that `max_length` has to hold beside it."""
    positions = backbone.module.config.max_positions
    room = min(positions, config.max_length - spare) if config.max_length else positions
    if room < 3:
        raise UsageError(
            f"--max-length {config.max_length} holds the text and what is written; --max-tokens {spare} leave no room for "
            "a text"
        )

    def laid_in(room: int) -> Laid:
        return lay_out(
            cloze,
            backbone.tokenizer,
            room=room,
            max_length=config.max_length or positions,
            masks=backbone.masks,
            soft_tokens=backbone.soft_tokens,
            soft_prefix=backbone.soft_prefix,
        )

    try:
        return laid_in(room)
    except TemplateError as error:
        if cloze.pattern:
            raise
        length = len(laid_in(_NO_LIMIT).ids)  # a text of the user's own: nothing in it may be cut
        if length <= room:
            raise
        what = (
            f"the model reads {positions}" if room == positions else f"--max-length {config.max_length} leaves {room}"
        )
        raise UsageError(f"the text '{_beginning(cloze)}' has {length} tokens and {what}; shorten it") from error


def _beginning(cloze: Cloze) -> str:
    text = " ".join(str(cloze).split())
    return text if len(text) <= 40 else text[:39] + "…"


def _tree(
    cloze: Cloze, candidates: Candidates, tokenizer: Tokenizer, n_blanks: int
) -> tuple[PrefixTree, dict[tuple[int, ...], str]]:
    """The candidates of a text, and how each of their fillings is spelled."""
    if not candidates:
        raise UsageError(
            f"example {cloze.uid} has an empty list of candidates; give None where anything may be written"
        )
    joint = any(isinstance(one, tuple) for one in candidates)
    sequences: list[list[int]] = []
    spelled: dict[tuple[int, ...], str] = {}
    for one in candidates:
        fillings = one if isinstance(one, tuple) else (one,)
        if joint and len(fillings) != n_blanks:
            raise UsageError(f"candidate {one!r} has {len(fillings)} fillings for {n_blanks} blanks")
        sequences.append([])
        for filling in fillings:
            ids = tokenizer.encode(filling, specials=cloze.specials).ids
            if not ids:
                raise UsageError(f"candidate {one!r} has no tokens in this vocabulary")
            sequences[-1] += [*ids, tokenizer.special.eop]
            spelled.setdefault(tuple(ids), filling)
    return PrefixTree(sequences), spelled


def _batches(jobs: Sequence[_Job], config: GenerationConfig) -> Iterator[list[_Job]]:
    """Texts of about the same length together, as many as `batch_tokens` hold."""

    def group(job: _Job) -> tuple[tuple[str, ...], int]:
        return job.cloze.specials, job.limit

    batch: list[_Job] = []
    for job in sorted(jobs, key=lambda job: (*group(job), len(job.prompt.ids), job.number)):
        size = (len(job.prompt.ids) + job.limit) * config.beams
        if batch and (group(job) != group(batch[0]) or size * (len(batch) + 1) > config.batch_tokens):
            yield batch
            batch = []
        batch.append(job)
    if batch:
        yield batch
