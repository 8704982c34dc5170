"""Scores, losses, gradients, soft prompts and heads of recorded tiny models; packed answers against one row per answer."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from glm_core.config import ModelConfig, TrainConfig
from glm_core.model.batch import Batch
from glm_core.model.classifier import Classifier
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.scores import answer_scores
from glm_core.model.soft_prompt import SoftPrompt
from glm_core.tokens.encode import Instance
from glm_core.tokens.row import join
from tests.reference.classic import Classic, backbone_of, batch_of, instance_of
from tests.shared_files import needs_shared, shared

NEED = needs_shared("golden", "model", "a", "downstream.npz")
LETTERS = ["a", "b"]


def recorded(letter: str, name: str) -> dict[str, np.ndarray]:
    with np.load(shared("golden", "model", letter, f"{name}.npz")) as found:
        return {key: found[key] for key in found.files}


def backbone(letter: str) -> GLMBackbone:
    arch = json.loads(shared("golden", "model", letter, "arch.json").read_text())
    config = ModelConfig(
        n_layers=arch["num_layers"],
        hidden_size=arch["hidden_size"],
        n_heads=arch["num_attention_heads"],
        vocab_size=arch["vocab_size"],
        max_positions=arch["max_sequence_length"],
    )
    return backbone_of(config, load_file(shared("golden", "model", letter, "hf_safetensors", "model.safetensors")))


def answers_of(z: dict[str, np.ndarray], prefix: str, q: int) -> list[Classic]:
    return [
        Classic(
            z[prefix + "input_ids"][q, c],
            z[prefix + "position_ids"][q, c],
            int(z[prefix + "attention_mask"][q, c]),
            z[prefix + "target_ids"][q, c],
            z[prefix + "logit_mask"][q, c],
            z["prompt_pos"][q, c].tolist() if "prompt_pos" in z else (),
        )
        for c in range(z[prefix + "input_ids"].shape[1])
    ]


def cloze_instances(z: dict[str, np.ndarray], gold: list[int] | None = None) -> list[Instance]:
    found = []
    for q in range(len(z["cloze.input_ids"])):
        found.append(instance_of(answers_of(z, "cloze.", q), gold=None if gold is None else gold[q], uid=str(q)))
    return found


def word_instances(z: dict[str, np.ndarray]) -> list[Instance]:
    found = []
    for q in range(len(z["single.input_ids"])):
        one = Classic(
            z["single.input_ids"][q],
            z["single.position_ids"][q],
            int(z["single.attention_mask"][q]),
            np.zeros_like(z["single.input_ids"][q]),
            z["single.logit_mask"][q],
        )
        gold = int(z["finetune.single_labels"][q])
        found.append(instance_of([one], words=z["single.target_ids"][q].tolist(), gold=gold))
    return found


def close(got: torch.Tensor, want: np.ndarray, atol: float = 3e-5) -> None:
    torch.testing.assert_close(got.double(), torch.as_tensor(want).double(), atol=atol, rtol=1e-5)


@NEED
@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("penalty", [0.0, 1.0, 0.6])
def test_packed_answers_score_as_the_originals_rows(letter, penalty):
    z = recorded(letter, "downstream")
    model = backbone(letter)
    weighed = model.weigh(batch_of(cloze_instances(z)))
    got = answer_scores(weighed.log_probs, weighed.mask, penalty)
    close(got, z[f"cloze.scores.length_penalty_{penalty}"])
    close(got, z[f"fast.scores.length_penalty_{penalty}"])


@NEED
@pytest.mark.parametrize("letter", LETTERS)
def test_words_read_off_at_sop_score_as_the_original(letter):
    z = recorded(letter, "downstream")
    model = backbone(letter)
    batch = batch_of(word_instances(z))
    close(model.weigh(batch).log_probs[:, :, 0], z["single.scores.take_softmax_True"])
    states = model.states(batch, batch.places)
    close(model._word_scores(states, batch.words, whole_vocabulary=False), z["single.scores.take_softmax_False"])
    close(model.loss(batch, objective="decoupled"), z["finetune.loss.adapet_single"], 1e-4)


@NEED
@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("cross_entropy", "choice"), ("hinge", "hinge"), ("generative", "generative"), ("mix", "mixed")],
)
def test_losses_are_those_of_the_original(letter, theirs, ours):
    z = recorded(letter, "downstream")
    gold = z["finetune.labels"].tolist()
    model = backbone(letter)
    got = model.loss(batch_of(cloze_instances(z, gold)), objective=ours)
    close(got, z[f"finetune.loss.{theirs}.masked_choices_False"], 1e-4)
    fewer = []
    for q in range(len(gold)):
        kept = [one for one, there in zip(answers_of(z, "cloze.", q), z["finetune.loss_mask"][q], strict=True) if there]
        fewer.append(instance_of(kept, gold=gold[q]))
    close(model.loss(batch_of(fewer), objective=ours), z[f"finetune.loss.{theirs}.masked_choices_True"], 1e-4)


@NEED
@pytest.mark.parametrize("letter", LETTERS)
def test_token_loss_and_gradients_are_those_of_the_original(letter):
    z, batch = recorded(letter, "loss"), recorded(letter, "forward")
    model = backbone(letter)
    rows = range(len(batch["input_ids"]))
    instances = []
    for q in rows:
        one = Classic(
            batch["input_ids"][q],
            batch["position_ids"][q],
            int(batch["sep"][q]),
            batch["labels"][q],
            batch["loss_mask"][q],
        )
        if batch["loss_mask"][q][: one.sep].any():
            pytest.skip("scores inside Part A: not a cloze")
        instances.append(instance_of([one], gold=0))
    made = batch_of(instances)
    loss = model.loss(made, objective="lm")
    close(loss, z["loss"])
    close(model.loss(made, objective="lm", smoothing=0.1), z["label_smoothing_0.1.loss"])
    loss.backward()
    compared = 0
    for name, parameter in model.module.named_parameters():
        if f"gradnorm.{name}" in z:
            close(parameter.grad.norm(), z[f"gradnorm.{name}"], 1e-4)
            compared += 1
        if f"grad.{name}" in z:
            close(parameter.grad, z[f"grad.{name}"])
    assert compared == len(list(model.module.parameters()))


@needs_shared("golden", "model", "a", "ptuning.npz")
@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("encoder", ["lstm", "mlp", "none"])
def test_soft_prompts_score_as_the_original(letter, encoder):
    z = recorded(letter, "ptuning")
    model = backbone(letter)
    prefix = f"{encoder}.prompt_spell."
    tensors = {key[len(encoder) + 1 :]: torch.tensor(value) for key, value in z.items() if key.startswith(prefix)}
    if encoder == "none":
        tensors = {key: value for key, value in tensors.items() if "spell_embeddings" in key}
    model.module.prompt_spell = SoftPrompt.from_tensors(tensors)
    model.module.eval()
    close(model.module.prompt_spell(), z[f"{encoder}.prompt_embeds"][0])
    batch = batch_of([instance_of(answers_of(z, "", q)) for q in range(len(z["input_ids"]))])
    assert batch.has_soft
    weighed = model.weigh(batch)
    close(answer_scores(weighed.log_probs, weighed.mask), z[f"{encoder}.scores"])


@NEED
@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("theirs", ["cls", "start", "pad"])
def test_the_head_reads_the_pooled_state_as_the_original(letter, theirs):
    z = recorded(letter, "downstream")
    model = backbone(letter)
    at = {"cls": "cls", "start": "sop", "pad": "last"}[theirs]
    head = Classifier(model, ("0", "1", "2"), pool=at)
    names = ("pool_layer.weight", "pool_layer.bias", "multichoice_head.weight", "multichoice_head.bias")
    head.module.head.load_state_dict({name: torch.tensor(z[f"cls3.{name}"]) for name in names})
    head.module.eval()
    pooled = model.pool(batch_of(word_instances(z)), at)
    close(head.module.head(pooled), z[f"cls3.logits.pool_{theirs}"])


def random_backbone(seed: int = 3, dtype: torch.dtype = torch.float32) -> GLMBackbone:
    torch.manual_seed(seed)
    made = backbone_of(ModelConfig(n_layers=3, hidden_size=32, n_heads=4, vocab_size=128, max_positions=64))
    for parameter in made.module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    made.module.to(dtype)
    return made


def random_clozes(rng: np.random.Generator, n: int) -> list[list[Classic]]:
    found = []
    for _ in range(n):
        size = int(rng.integers(5, 30))
        part_a, blank = rng.integers(1, 128, size), int(rng.integers(1, size - 1))
        answers = []
        for _ in range(int(rng.integers(2, 7))):
            goal = rng.integers(1, 128, int(rng.integers(1, 7)))
            ids = np.concatenate([part_a, [7], goal[:-1]])
            where = np.concatenate([np.arange(size), np.full(len(goal), blank)])
            inside = np.concatenate([np.zeros(size, int), np.arange(1, len(goal) + 1)])
            targets = np.concatenate([np.zeros(size, int), goal])
            mask = np.concatenate([np.zeros(size, int), np.ones(len(goal), int)])
            answers.append(Classic(ids, np.stack([where, inside]), size, targets, mask))
        found.append(answers)
    return found


def test_packed_answers_equal_one_row_per_answer_with_their_gradients():
    clozes = random_clozes(np.random.default_rng(0), 12)
    model = random_backbone()
    weighed = model.weigh(batch_of([instance_of(one) for one in clozes]))
    packed = answer_scores(weighed.log_probs, weighed.mask)
    alone = torch.zeros_like(packed)
    for q, answers in enumerate(clozes):
        for c, answer in enumerate(answers):
            single = model.weigh(batch_of([instance_of([answer])]))
            alone[q, c] = answer_scores(single.log_probs, single.mask)[0, 0]
    torch.testing.assert_close(packed, alone, rtol=1e-5, atol=1e-5)

    def gradients(batches: list[Batch]) -> dict[str, torch.Tensor]:
        model.module.zero_grad()
        for batch in batches:
            # the sum of all answers' scores: every answer takes part
            (model.loss(batch, objective="lm") * model.loss_weight(batch, "lm")).backward()
        return {name: one.grad.clone() for name, one in model.module.named_parameters()}

    together = gradients([batch_of([gold_everywhere(instance_of(one)) for one in clozes])])
    apart = gradients([batch_of([instance_of([answer], gold=0)]) for one in clozes for answer in one])
    for name, gradient in together.items():
        scale = apart[name].abs().max()
        assert (gradient - apart[name]).abs().max() <= 1e-5 * max(1.0, scale.item()), name


def gold_everywhere(instance: Instance) -> Instance:
    """All answers share the one label that is gold, so that each takes part in the loss."""
    import dataclasses

    return dataclasses.replace(instance, labels=("0",) * len(instance.labels), gold=0)


def test_the_batch_does_not_change_a_score():
    clozes = random_clozes(np.random.default_rng(1), 8)
    model = random_backbone()
    instances = [instance_of(one) for one in clozes]
    whole = model.weigh(batch_of(instances))
    scores = answer_scores(whole.log_probs, whole.mask)
    for size in (1, 3):
        for at in range(0, len(instances), size):
            part = model.weigh(batch_of(instances[at : at + size]))
            got = answer_scores(part.log_probs, part.mask)
            torch.testing.assert_close(got, scores[at : at + size, : got.shape[1]], rtol=1e-5, atol=1e-5)


def test_instances_joined_in_a_row_do_not_see_each_other():
    clozes = random_clozes(np.random.default_rng(2), 2)
    model = random_backbone()
    alone = [model.weigh(batch_of([instance_of(one)])) for one in clozes]
    first, second = (instance_of(one) for one in clozes)
    row = join([first.row, second.row])
    from glm_core.model.masks import branch_mask

    ids, positions = torch.tensor(row.ids)[None], torch.tensor(row.positions)[None]
    mask = branch_mask(torch.tensor(row.branch)[None], torch.tensor(row.segment)[None])
    with torch.no_grad():
        states, _ = model.module(ids, positions, mask)
        logits = model.module.logits(states)[0].log_softmax(-1)
    at = 0
    for one, weighed in zip((first, second), alone, strict=True):
        scored = np.flatnonzero(one.row.target_mask)
        got = logits[at + scored, one.row.targets[scored]]
        torch.testing.assert_close(got, weighed.log_probs[weighed.mask], rtol=1e-5, atol=1e-5)
        at += len(one.row)


def test_words_need_only_their_own_rows_of_the_vocabulary():
    """The loss over label words equals that over the whole vocabulary's log-probabilities, gradients too."""
    rng = np.random.default_rng(3)
    clozes = random_clozes(rng, 4)
    model = random_backbone()
    words = [5, 9, 77]
    read_off = []
    for answers in clozes:
        one = answers[0]
        row = Classic(
            np.concatenate([one.ids[: one.sep], [7]]),
            one.positions[:, : one.sep + 1],
            one.sep,
            np.zeros(one.sep + 1, int),
            np.concatenate([np.zeros(one.sep, int), [1]]),
        )
        read_off.append(instance_of([row], words=words, gold=int(rng.integers(0, 3))))
    batch = batch_of(read_off)
    fast = model.loss(batch)
    gradient = torch.autograd.grad(fast, model.module.word_embeddings.weight)[0]
    states = model.states(batch, batch.places)
    full = model.module.logits(states).log_softmax(-1)[:, words]
    slow = torch.nn.functional.cross_entropy(full, batch.gold)
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(gradient, torch.autograd.grad(slow, model.module.word_embeddings.weight)[0])


def test_preparing_for_training_sets_dropout_and_freezes_what_is_asked():
    from glm_core.parts import BLANK, Text, soft
    from glm_core.pvp import Cloze

    model = random_backbone()
    sample = Cloze("x", (soft(), Text("a"), BLANK, soft()))
    model.prepare(TrainConfig(dropout=0.3, soft_tokens=3, soft_prefix=2, freeze="body"), sample)
    assert model.module.prompt_spell.spell_embeddings.weight.shape == (5, 32)
    trained = [name for name, one in model.module.named_parameters() if one.requires_grad]
    assert trained
    assert all(name.startswith("prompt_spell.") for name in trained)
    assert model.module.transformer.embedding_dropout.p == 0.3


def test_an_answer_is_greedy_when_each_of_its_tokens_is_the_first_choice():
    import dataclasses

    model = random_backbone()
    (answers,) = random_clozes(np.random.default_rng(5), 1)
    one = answers[0]
    goal: list[int] = []
    for _ in range(3):  # write greedily, one token at a time, by the slow way
        goal.append(1)
        row = row_with(one, goal)
        batch = batch_of([instance_of([row], gold=0)])
        logits = model.module.logits(model.states(batch, batch.places))
        goal[-1] = int(logits[-1].argmax())
    other = [*goal[:2], (goal[2] + 1) % 128]
    instance = dataclasses.replace(instance_of([row_with(one, goal), row_with(one, other)]), asks_greedy=True)
    assert model.weigh(batch_of([instance])).greedy.tolist() == [[True, False]]
    assert model.weigh(batch_of([dataclasses.replace(instance, asks_greedy=False)])).greedy is None


def row_with(one: Classic, goal: list[int]) -> Classic:
    """The same text with another answer."""
    size, n = one.sep, len(goal)
    ids = np.concatenate([one.ids[:size], [7], goal[:-1]]).astype(int)
    blank = int(one.positions[0, size])
    where = np.concatenate([np.arange(size), np.full(n, blank)])
    inside = np.concatenate([np.zeros(size, int), np.arange(1, n + 1)])
    targets = np.concatenate([np.zeros(size, int), goal])
    mask = np.concatenate([np.zeros(size, int), np.ones(n, int)])
    return Classic(ids, np.stack([where, inside]), size, targets, mask)
