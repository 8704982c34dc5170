"""`glm preview`: what the model will read, before any model is loaded."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.pvp import Cloze
    from glm_core.tasks import Task
    from glm_core.tokens.tokenizer import Tokenizer

HELP = "show how examples read with their blank: text, tokens, positions, mask, words, what is cut"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", help="a task's name, as in `glm tasks`")
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DIR",
        help="folder of the data set (repeatable; default: the samples that come with the pack)",
    )
    parser.add_argument("--split", help="which split (default: the first)")
    parser.add_argument("--pattern", help="one pattern by name or number (default: all)")
    parser.add_argument("-n", type=int, default=1, metavar="N", help="how many examples (default 1)")
    parser.add_argument("--uid", help="this example only")
    parser.add_argument("--tokens", action="store_true", help="the tokens with both rows of positions, and the mask")
    parser.add_argument("--model", default="tiny", help="whose vocabulary and length (default: tiny)")
    parser.add_argument("--vocab", metavar="DIR", help="folder of a published vocabulary, where the model has none")
    parser.add_argument("--max-length", type=int, default=None, help="tokens of a row (default: the task's advice)")
    parser.add_argument("--soft-tokens", type=int, default=0, help="soft vectors spread over the pattern's soft places")
    parser.add_argument("--soft-prefix", type=int, default=0, help="soft vectors in front of the text")
    parser.add_argument("--markdown", action="store_true", help="the patterns and what they make, for a README")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    from glm_core.cli.output import print_json
    from glm_core.errors import UsageError
    from glm_core.parts import Text
    from glm_core.plugins import find_task
    from glm_core.tokens.of_model import tokenizer_of

    offer = find_task(args.task)
    task = offer.value
    samples = None if args.data or task.processor.bundled else offer.pack.samples(task.name)
    data = task.processor.open(*([str(samples)] if samples else args.data))
    split = args.split or task.processor.splits[0].name
    examples = task.read(data, split, limit=None if args.uid else args.n)
    if args.uid:
        examples = [one for one in examples if one.uid == args.uid]
        if not examples:
            raise UsageError(f"split '{split}' of {task.name} has no example '{args.uid}'")
    pvps = [task.pvp(args.pattern)] if args.pattern is not None else list(task.pvps)
    if args.markdown:
        from glm_core.scaffold.markdown import as_markdown

        print("\n".join(as_markdown(task, task.cloze(one, pvp.name)) for one in examples for pvp in pvps), end="")
        return 0
    tokenizer, masks = tokenizer_of(args.model, vocab=args.vocab)
    length = args.max_length or task.recommended.get("max_length", 256)
    shown = []
    for example in examples:
        for pvp in pvps:
            cloze = task.cloze(example, pvp.name)
            whole = task.kind == "lm" and not any(isinstance(part, Text) for part in cloze.parts)
            describe = _describe_windows if whole else _describe
            shown.append(describe(task, cloze, tokenizer, masks, length, args))
    if args.json:
        print_json(shown)
        return 0
    for one in shown:
        _print(one, tokens=args.tokens)
    return 0


def _describe(
    task: Task,
    cloze: Cloze,
    tokenizer: Tokenizer,
    masks: frozenset[str],
    length: int,
    args: argparse.Namespace,
) -> dict[str, Any]:
    from dataclasses import replace

    from glm_core.tokens.encode import encode, lay_out
    from glm_core.tokens.picture import mask_picture, shown_tokens

    soft = {"soft_tokens": args.soft_tokens, "soft_prefix": args.soft_prefix}
    instance = encode(cloze, tokenizer, max_length=length, masks=masks, **soft)
    n_part_a = int((instance.row.branch == 0).sum())
    shown = []
    for parts in cloze.texts or (cloze.parts,):
        own = replace(cloze, parts=parts, texts=())
        room = n_part_a if not cloze.texts else length - max(len(answer) for answer in instance.answers)
        laid = lay_out(own, tokenizer, room=room, max_length=length, masks=masks, **soft)
        shown.append("".join(_shown(part, kept) for part, kept in zip(laid.parts, laid.kept, strict=True)))
    text = "\n".join(shown)
    flat = [one if isinstance(one, tuple) else (one,) for one in cloze.answers]
    words = [
        {
            "label": label,
            "answer": "".join(answer),
            "pieces": [tokenizer.token(token) for text in answer for token in tokenizer.encode(text).ids],
        }
        for answer, label in zip(flat, cloze.labels, strict=True)
    ]
    return {
        "task": task.name,
        "pattern": cloze.pattern,
        "uid": cloze.uid,
        "gold": cloze.gold,
        "text": text,
        "answers": words,
        "end": "read off together at [sop]" if instance.words is not None else "each answer is a branch",
        "part_a": n_part_a,
        "tokens_in_row": instance.n_tokens,
        "max_length": length,
        "cut": dict(instance.cut),
        "tokens": [vars(one) for one in shown_tokens(instance.row, tokenizer)],
        "mask": mask_picture(instance.row),
    }


def _describe_windows(
    task: Task,
    cloze: Cloze,
    tokenizer: Tokenizer,
    masks: frozenset[str],
    length: int,
    args: argparse.Namespace,
) -> dict[str, Any]:
    """A text that is read whole: its first window, and how many there are."""
    from dataclasses import replace

    from glm_core.tokens.picture import mask_picture, shown_tokens
    from glm_core.tokens.windows import encode_windows

    overlap = float(task.recommended.get("overlap", 0.5))
    rows = [one.row for one in encode_windows(cloze, tokenizer, max_length=length, overlap=overlap, masks=masks)]
    text = str(cloze.answers[0])
    n_read = int(rows[0].target_mask.sum()) + 1 if rows else 1  # tokens of the first window
    end = tokenizer.encode(text).offsets[:n_read][-1][1] if rows else len(text)
    told = _describe(task, replace(cloze, answers=(text[:end],)), tokenizer, masks, length + 2, args)
    weighed = sum(int(one.target_mask.sum()) for one in rows)
    told |= {"end": f"window 1 of {len(rows)}, {weighed} tokens weighed in all", "max_length": length}
    if rows:
        told |= {"part_a": int((rows[0].branch == 0).sum()), "tokens_in_row": len(rows[0])}
        told |= {"tokens": [vars(one) for one in shown_tokens(rows[0], tokenizer)], "mask": mask_picture(rows[0])}
    return told


def _shown(part: Any, kept: str) -> str:
    """What stayed of a text, a blank in its brackets, nothing for a soft place."""
    return kept or (f"⟦{part.mask}⟧" if hasattr(part, "mask") else "")


def _print(one: dict[str, Any], *, tokens: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{one['task']} · pattern {one['pattern']} · {one['uid']}", style="bold"))
    console.print(Text("  " + one["text"].replace("\n", "\n  ")))
    for word in one["answers"]:
        gold = word["label"] == one["gold"]
        mark = "→" if gold else " "
        pieces = " ".join(word["pieces"])
        line = f"  {mark} {word['label']}: {word['answer'].strip()!r}  [{pieces}]"
        console.print(Text(line, style="green" if gold else ""))
    cut = ", ".join(f"{field} {number}" for field, number in one["cut"].items()) or "nothing"
    console.print(
        Text(f"  {one['tokens_in_row']} tokens, {one['part_a']} of them text; {one['end']}; cut: {cut}", style="dim")
    )
    if tokens:
        table = Table(box=None, padding=(0, 1))
        for name in ("#", "token", "id", "where", "inside", "branch", "target"):
            table.add_column(name, justify="left" if name in ("token", "target") else "right")
        for token in one["tokens"]:
            values = (token["index"], token["piece"], token["id"], token["where"], token["inside"], token["branch"])
            style = "" if token["branch"] == 0 else "cyan"
            table.add_row(*(Text(str(value), style=style) for value in values), Text(token["target"], style=style))
        console.print(table)
        console.print(Text("  who may look (lines) at whom (columns):", style="dim"))
        for line in one["mask"]:
            console.print(Text("  " + line))
    console.print()
