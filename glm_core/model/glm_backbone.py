"""GLM as a backbone: tokenizer, network and scores behind the verbs that tasks and trainer know.

Q clozes, C answers of T tokens, M scored places, D hidden size, V vocabulary.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glm_core.backbone import Backbone, Chunk, Filled, Weighed
from glm_core.config import TrainConfig
from glm_core.errors import UsageError
from glm_core.generation_config import GenerationConfig
from glm_core.model.batch import Batch, collate
from glm_core.model.masks import FlexMask, RowMasks, branch_mask, row_mask
from glm_core.model.scores import answer_scores, choice_loss, label_scores, table, token_log_probs, token_loss
from glm_core.model.soft_prompt import SoftPrompt
from glm_core.model.transformer import GLM
from glm_core.parts import Blank, Soft, place_soft
from glm_core.pvp import Cloze
from glm_core.tokens.encode import Instance, encode
from glm_core.tokens.tokenizer import Tokenizer

log = logging.getLogger(__name__)

ALL_MASKS = frozenset(("[MASK]", "[sMASK]", "[gMASK]"))

# Scored places whose logits over the whole vocabulary are held at once: 512 x 30592 floats are 60 MB.
PLACES_AT_ONCE = 512


class GLMBackbone(Backbone):
    """A GLM with its tokenizer. Answers share one Part A: one row per cloze, whatever the number of answers."""

    module: GLM

    def __init__(
        self,
        module: GLM,
        tokenizer: Tokenizer,
        *,
        masks: frozenset[str] = ALL_MASKS,
        soft_tokens: int = 0,
        soft_prefix: int = 0,
        preset: str | None = None,
    ) -> None:
        if module.config.vocab_size < tokenizer.n_tokens:
            raise UsageError(
                f"the vocabulary has {tokenizer.n_tokens} ids, the model's token table {module.config.vocab_size} rows; "
                "they do not belong together (see --vocab), or convert with --stretch-vocab"
            )
        self.module = module
        self.tokenizer = tokenizer
        self.masks = masks
        self.soft_tokens = soft_tokens
        self.soft_prefix = soft_prefix
        self.preset = preset
        self.heads: dict[str, Tensor] = {}  # a classifier's, as found in the checkpoint
        self._told: set[str] = set()

    @property
    def device(self) -> torch.device:
        return self.module.word_embeddings.weight.device

    def prepare(self, config: TrainConfig, sample: Cloze) -> None:
        """Dropout, soft vectors for the pattern's soft places, and what is frozen. Seeds are the caller's concern."""
        self.module.set_dropout(config.dropout)
        self.module.gradient_checkpointing = config.activation_checkpointing
        if config.soft_tokens or config.soft_prefix:
            self.soft_tokens, self.soft_prefix = config.soft_tokens, config.soft_prefix
        try:
            first = sample.texts[0] if sample.texts else sample.parts
            parts = place_soft(first, tokens=self.soft_tokens, prefix=self.soft_prefix)
        except ValueError as error:
            raise UsageError(f"--soft-tokens {self.soft_tokens}: {error}") from error
        places = [one for one in parts if isinstance(one, Soft) and one.n]
        n_soft = sum(one.n for one in places)
        if n_soft and self.module.prompt_spell is None:
            prompt = SoftPrompt(n_soft, self.module.config.hidden_size, config.soft_encoder)
            self._start(prompt, places)
            self.module.prompt_spell = prompt.to(self.device)
        if config.freeze == "body":
            for name, parameter in self.module.named_parameters():
                parameter.requires_grad_(name.startswith("prompt_spell."))

    def _start(self, prompt: SoftPrompt, places: Sequence[Soft]) -> None:
        """Places that name words start from their embeddings; a shorter text is repeated."""
        at = 0
        for one in places:
            ids = self.tokenizer.encode(one.start).ids if one.start else []
            with torch.no_grad():
                for offset in range(one.n if ids else 0):
                    word = self.module.word_embeddings.weight[ids[offset % len(ids)]]
                    prompt.spell_embeddings.weight[at + offset] = word
            at += one.n

    def encode(self, cloze: Cloze, *, max_length: int) -> Instance:
        longest = self.module.config.max_positions
        if max_length > longest:
            self._tell(f"rows are limited to the model's {longest} positions (--max-length {max_length} was asked for)")
            max_length = longest
        for part in chain(cloze.parts, *cloze.texts):
            if isinstance(part, Blank) and part.mask not in self.masks:
                self._tell(f"this model was not trained on {part.mask}; [MASK] stands in its place")
        return encode(
            cloze,
            self.tokenizer,
            max_length=max_length,
            masks=self.masks,
            soft_tokens=self.soft_tokens,
            soft_prefix=self.soft_prefix,
        )

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            log.warning(message)

    def collate(self, instances: Sequence[Instance]) -> Batch:
        return collate(instances, pad=self.tokenizer.special.pad)

    def states(self, batch: Batch, at: Tensor) -> Tensor:
        """What the network makes of some tokens, after the last layer norm. at: (K,) index into R·L  ->  (K, D)

        On a CPU rows lie end to end, so that padding costs nothing.
        """
        real = batch.segment >= 0
        if batch.ids.is_cpu and not bool(real.all()):
            lengths = real.sum(1).tolist()  # padding stands at the end of its row
            rows = zip(batch.branch.split(1), batch.segment.split(1), lengths, strict=True)
            masks = RowMasks([branch_mask(branch[:, :n], segment[:, :n]) for branch, segment, n in rows])
            positions = batch.positions.transpose(1, 2)[real].T[None]  # (1, 2, L)
            states = self._states(batch.ids[real][None], positions, masks)
            at = (real.flatten().cumsum(0) - 1)[at]
        else:
            dropout = self.module.attention_dropout if self.module.training else 0.0
            states = self._states(batch.ids, batch.positions, row_mask(batch.branch, batch.segment, dropout=dropout))
        return states.flatten(0, 1)[at]

    def _states(self, ids: Tensor, positions: Tensor, mask: Tensor | RowMasks | FlexMask) -> Tensor:
        if not self.module.config.block_positions:
            positions = positions[:, 0]
        return self.module(ids, positions, mask, keep=False)[0]

    def weigh(self, batch: Batch) -> Weighed:
        was_training = self.module.training
        self.module.eval()
        try:
            with torch.inference_mode():
                states = self.states(batch, batch.places)  # (M, D)
                return self._weigh(states, batch)
        finally:
            self.module.train(was_training)

    def _weigh(self, states: Tensor, batch: Batch) -> Weighed:
        found, first_choice = [], []
        for at in range(0, len(states), PLACES_AT_ONCE):
            here = slice(at, at + PLACES_AT_ONCE)
            logits = self.module.logits(states[here]).float()
            if batch.words is not None:
                words = batch.words[batch.cloze[here]].clamp(min=0)
                found.append(logits.gather(1, words) - logits.logsumexp(1, keepdim=True))
            else:
                words = batch.targets[here][:, None]
                found.append(token_log_probs(logits, words[:, 0]))
            if batch.asks_greedy:
                first_choice.append(words == logits.argmax(1, keepdim=True))
        values = torch.cat(found)
        if batch.words is not None:
            there = batch.words >= 0
            greedy = torch.cat(first_choice) & there if first_choice else None
            return Weighed(values.masked_fill(~there, 0.0)[:, :, None], there[:, :, None], greedy)
        shape = (batch.n_clozes, batch.label_of.shape[1], int(batch.nth.max()) + 1)
        where = (batch.cloze, batch.answer, batch.nth)
        mask = table(torch.ones_like(values), *where, shape).bool()
        greedy = None
        if first_choice:
            missed = table((~torch.cat(first_choice)[:, 0]).to(values.dtype), *where, shape)
            greedy = (missed.sum(-1) == 0) & mask.any(-1)
        return Weighed(table(values, *where, shape), mask, greedy)

    def loss(
        self, batch: Batch, *, objective: str = "choice", smoothing: float = 0.0, length_penalty: float = 0.0
    ) -> Tensor:
        states = self.states(batch, batch.places)  # (M, D)
        if batch.words is not None:
            scores = self._word_scores(
                states, batch.words, whole_vocabulary=objective not in ("choice", "hinge", "distill")
            )
            scores = scores.masked_fill(batch.words < 0, 0.0)
        else:
            if objective == "lm":
                return self._token_mean(states, batch, smoothing)
            values = -token_loss(self.module.logits(states), batch.targets, smoothing)
            shape = (batch.n_clozes, batch.label_of.shape[1], int(batch.nth.max()) + 1)
            where = (batch.cloze, batch.answer, batch.nth)
            mask = table(torch.ones_like(values), *where, shape)
            scores = answer_scores(table(values, *where, shape), mask, length_penalty)
        labels, there = label_scores(scores, batch.label_of, batch.combine)
        objective = "generative" if objective == "lm" else objective
        return choice_loss(labels, there, batch.gold, objective=objective, soft_gold=batch.soft_gold)

    def _word_scores(self, states: Tensor, words: Tensor, *, whole_vocabulary: bool) -> Tensor:
        """Scores of one-token answers at [sop]: (Q, D), (Q, C) -> (Q, C).

        A softmax over labels is the same over logits as over log-probabilities, so only the words' own rows of the token
        table are needed, unless the objective looks at the log-probabilities themselves.
        """
        if not whole_vocabulary:
            rows = F.embedding(words.clamp(min=0), self.module.word_embeddings.weight)  # (Q, C, D)
            return torch.einsum("qd,qcd->qc", states, rows.to(states.dtype)).float()
        logits = self.module.logits(states).float()
        return logits.gather(1, words.clamp(min=0)) - logits.logsumexp(1, keepdim=True)

    def _token_mean(self, states: Tensor, batch: Batch, smoothing: float) -> Tensor:
        """Mean cross-entropy of the gold answers' tokens, each token counting alike."""
        gold = self._gold_places(batch)
        losses = token_loss(self.module.logits(states[gold]), batch.targets[gold], smoothing)
        return losses.sum() / max(len(losses), 1)

    def _gold_places(self, batch: Batch) -> Tensor:
        return batch.label_of[batch.cloze, batch.answer] == batch.gold[batch.cloze]

    def loss_weight(self, batch: Batch, objective: str) -> float:
        if objective == "lm" and batch.words is None:
            return float(self._gold_places(batch).sum())
        return float(batch.n_clozes)

    def pool(self, batch: Batch, at: str = "cls") -> Tensor:
        column = {"cls": 0, "sop": 1, "last": 2}[at]
        return self.states(batch, batch.ends[:, column])

    def fill(
        self,
        clozes: Sequence[Cloze],
        config: GenerationConfig,
        *,
        rng: Random | None = None,
        candidates: Sequence[Sequence[str | tuple[str, ...]] | None] | None = None,
        watch: Callable[[Chunk], None] | None = None,
    ) -> list[Filled]:
        from glm_core.model.fill import fill

        return fill(self, clozes, config, rng=rng, candidates=candidates, watch=watch)

    def save(self, where: Path) -> None:
        from glm_core.model.glm_files import save_glm

        save_glm(self, where)

    @classmethod
    def load(cls, where: Path, *, device: str = "auto", **options: Any) -> GLMBackbone:
        from glm_core.model.glm_files import load_glm

        return load_glm(where, device=device, **options)[0]
