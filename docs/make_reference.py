"""Write the parts of the documents that follow from the code: flags, options, public names, hooks, models, files.

    python docs/make_reference.py            writes them
    python docs/make_reference.py --check    says which are out of date, and ends with 1 where one is

Such a part stands between `<!-- made: NAME -->` and `<!-- end: NAME -->`; what stands around it is written by hand.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

_PART = re.compile(r"(<!-- made: ([\w-]+) -->\n)(.*?)(<!-- end: \2 -->)", re.DOTALL)
_WIDE = 100  # characters of a signature on one line

# Public names in the order in which an example meets them; a name that stands nowhere here is an error.
GROUPS = {
    "Reading data": "Example Split DataDir DataProcessor JsonlProcessor TsvProcessor DataError Task",
    "Patterns": "PVP Edges Cloze Template TemplateError Part Text shortenable soft BLANK SENTENCE_BLANK DOCUMENT_BLANK "
    "SPLIT lowercase_first uppercase_first strip_final_punctuation straighten_quotes",
    "Packs": "hookimpl toml_pack ModelSource PackError get_task list_tasks list_packs",
    "Options": "TrainConfig EvalConfig GenerationConfig PretrainConfig ModelConfig",
    "Doing": "load_backbone finetune evaluate predict pretrain Predictor Prediction Answer Filled Result Summary Trainer",
    "Numbers": "Tokenizer load_tokenizer Row unpack Instance Batch Weighed GLM Backbone Classifier",
    "Modules": "metrics presets testing",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where something is out of date")
    check = parser.parse_args().check
    old = outdated()
    for path, text in old.items():
        print(f"{path.relative_to(ROOT)} {'is out of date' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return 1 if old and check else 0


def outdated() -> dict[Path, str]:
    """The documents that say something else than the code, with what they ought to say."""
    found = {}
    for path in sorted([*DOCS.rglob("*.md"), ROOT / "README.md"]):
        before = path.read_text(encoding="utf-8")
        after = _PART.sub(lambda part: f"{part[1]}\n{MAKERS[part[2]]().strip()}\n\n{part[4]}", before)
        if after != before:
            found[path] = after
    return found


# ---- commands


def parsers() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Every command of the core: name, line of help, parser."""
    from glm_core.cli.flags import Parser
    from glm_core.cli.main import COMMANDS

    for name, line in COMMANDS.items():
        module = importlib.import_module(f"glm_core.cli.{name.replace('-', '_')}")
        parser = Parser(prog=f"glm {name}", description=(module.__doc__ or "").strip())
        module.add_arguments(parser)
        yield name, line, parser


def commands() -> str:
    """One section per command: what it is for, and a table of its arguments and flags."""
    from glm_core.cli.main import COMMANDS

    lines = ["| command | |", "| --- | --- |"]
    lines += [f"| [`glm {name}`](#glm-{name}) | {line} |" for name, line in COMMANDS.items()]
    for name, _, parser in parsers():
        lines += ["", f"## `glm {name}`", "", _prose(parser.description or "")]
        for group in parser._action_groups:
            actions = [one for one in group._group_actions if one.dest != "help"]
            if actions:
                title = group.title if group.description else ""
                head = "| | |" if not title else f"| {title}: {group.description} | |"
                lines += ["", head, "| --- | --- |", *map(_action, actions)]
    return "\n".join(lines)


def _action(action: argparse.Action) -> str:
    metavar = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else None)
    shown = metavar if isinstance(metavar, str) else action.dest.upper()
    if not action.option_strings:
        name = {"?": f"[{shown}]", "*": f"[{shown} …]", "+": f"{shown} …"}.get(str(action.nargs), shown)
    else:
        name = ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {shown}")
        if isinstance(action, argparse.BooleanOptionalAction):
            name = ", ".join(action.option_strings)
    needed = " (required)" if action.required and action.option_strings else ""
    return f"| `{_cell(name)}` | {_cell((action.help or '').replace('%%', '%'))}{needed} |"


# ---- options


def _options(kind: type) -> str:
    hints = typing.get_type_hints(kind)
    lines = ["| option | type | default | |", "| --- | --- | --- | --- |"]
    for one in dataclasses.fields(kind):
        lines.append(
            f"| `{one.name}` | {_cell(_type(hints[one.name]))} | `{one.default}` | {_cell(one.metadata.get('help', ''))} |"
        )
    return "\n".join(lines)


def _type(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return " ".join(f"`{one}`" for one in typing.get_args(hint))
    return {int: "whole number", float: "number", bool: "true or false", str: "text"}.get(hint, str(hint))


CONFIGS = {
    "TrainConfig": "config",
    "EvalConfig": "config",
    "ModelConfig": "config",
    "GenerationConfig": "generation_config",
    "PretrainConfig": "pretrain_config",
}


def _config(name: str) -> Callable[[], str]:
    return lambda: _options(getattr(importlib.import_module(f"glm_core.{CONFIGS[name]}"), name))


# ---- public names


def public_api() -> str:
    """Every public name with its signature and docstring."""
    import glm_core

    grouped = [name for names in GROUPS.values() for name in names.split()]
    missing = [name for name in glm_core.__all__ if name not in grouped]
    if missing:
        raise SystemExit(f"docs/make_reference.py: GROUPS lacks the public names {', '.join(missing)}")
    lines = []
    for title, names in GROUPS.items():
        lines += [f"## {title}", ""]
        for name in names.split():
            if name in glm_core.__all__:
                lines += [_described(name, getattr(glm_core, name)), ""]
    return "\n".join(lines)


def _described(name: str, value: Any) -> str:
    head = f"### `{name}`\n\n"
    if inspect.ismodule(value):
        return head + _module(value)
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        doc = "" if isinstance(value, type) else (inspect.getdoc(value) or "") if name == "hookimpl" else ""
        shown = "glm_core.parts.Part" if name == "Part" else repr(value)
        return f"{head}{_OTHERS.get(name) or f'`{shown}`'}{doc and chr(10) + doc}"
    keyword = "class" if inspect.isclass(value) else "def"
    text = f"{keyword} {name}{_signature(value)}"
    doc = inspect.cleandoc(value.__doc__ or "")
    if inspect.isclass(value) and doc.startswith(f"{name}("):  # a dataclass's own
        doc = ""
    body = f'"""{doc}"""' if "\n" not in doc else f'"""{doc}\n"""'
    block = "```py\n" + text + "\n" + "\n".join(f"    {line}".rstrip() for line in body.splitlines()) + "\n```"
    return head + block + (_methods(value) if inspect.isclass(value) else "")


_OTHERS = {
    "hookimpl": "Marks a function of a pack as one that `glm` calls: `@hookimpl`. See [Hooks](hooks.md).",
    "Part": "`Text | Blank | Border | Soft`: one piece of a pattern. `BLANK`, `SENTENCE_BLANK`, `DOCUMENT_BLANK`, `SPLIT`, "
    "`soft()` and `shortenable()` make them; plain strings are fixed words.",
    "BLANK": "`[MASK]`: a blank of a few words.",
    "SENTENCE_BLANK": "`[sMASK]`: a blank of whole sentences.",
    "DOCUMENT_BLANK": "`[gMASK]`: a blank at the end, for long text.",
    "SPLIT": "The border between the first and the second segment; prints nothing.",
}


def _signature(value: Any) -> str:
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    if inspect.isclass(value) and issubclass(value, Exception):
        return f"({value.__mro__[1].__name__}):"
    parameters = [_parameter(one) for one in found.parameters.values()]
    stars = [index for index, one in enumerate(found.parameters.values()) if one.kind is one.KEYWORD_ONLY]
    if stars and not any(one.kind is one.VAR_POSITIONAL for one in found.parameters.values()):
        parameters.insert(stars[0], "*")
    returns = found.return_annotation
    after = "" if inspect.isclass(value) or returns is inspect.Signature.empty else f" -> {_annotation(returns)}"
    if not parameters and inspect.isclass(value):
        return ":"
    line = f"({', '.join(parameters)}){after}:"
    return line if len(line) <= _WIDE else "(\n" + "".join(f"    {one},\n" for one in parameters) + f"){after}:"


def _parameter(one: inspect.Parameter) -> str:
    stars = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
    name = stars + one.name
    typed = "" if one.annotation is one.empty else f": {_annotation(one.annotation)}"
    if one.default is one.empty:
        return name + typed
    default = "{}" if "factory" in repr(one.default) else re.sub(r"'([^'\"]*)'", r'"\1"', repr(one.default))
    return f"{name}{typed} = {default}" if typed else f"{name}={default}"


def _annotation(value: Any) -> str:
    return value if isinstance(value, str) else getattr(value, "__name__", str(value))


def _methods(value: type) -> str:
    lines = []
    for name, member in vars(value).items():
        if name.startswith("_") and name != "__call__":
            continue
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        inner = function.fget if isinstance(function, property) else getattr(function, "func", function)
        doc = inspect.cleandoc(getattr(inner, "__doc__", None) or "").partition("\n\n")[0].replace("\n", " ")
        if not doc or not callable(inner) or inspect.isclass(inner):
            continue
        called = "" if isinstance(member, property) or hasattr(member, "func") else "()"
        lines.append(f"- `.{name}{called}`: {doc}" if name != "__call__" else f"- calling it: {doc}")
    return "\n\n" + "\n".join(lines) if lines else ""


def _module(module: Any) -> str:
    doc = inspect.cleandoc(module.__doc__ or "")
    lines = [doc, ""]
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        first = inspect.cleandoc(value.__doc__ or "").partition("\n")[0]
        lines.append(f"- `{name}`: {first}")
    return "\n".join(lines).rstrip()


# ---- hooks, models, files


def hooks() -> str:
    """The five hooks as their specification says them."""
    from glm_core import hookspecs

    lines = []
    for name, value in vars(hookspecs).items():
        if name.startswith("glm_"):
            doc = inspect.cleandoc(value.__doc__ or "")
            lines += ["```py", f"def {name}{inspect.signature(value)}:".replace("'", ""), f'    """{doc}"""', "```", ""]
    return "\n".join(lines)


def models() -> str:
    """The published checkpoints."""
    from glm_core.presets import PRESETS

    lines = ["| name | parameters | layers x width | positions | vocabulary files | blanks | also called |"]
    lines.append("| --- | ---: | --- | ---: | --- | --- | --- |")
    for one in PRESETS:
        size = f"{one.config.n_layers} x {one.config.hidden_size}"
        masks = " ".join(f"`{mask}`" for mask in ("[MASK]", "[sMASK]", "[gMASK]") if mask in one.masks)
        files = " ".join(f"`{name}`" for name in one.vocabulary_files)
        names = ", ".join(f"`{name}`" for name in (*one.aliases, one.hub) if name)
        count = f"{one.n_parameters() / 1e6:,.1f} M"
        lines.append(f"| `{one.name}` | {count} | {size} | {one.config.max_positions} | {files} | {masks} | {names} |")
    return "\n".join(lines)


def files() -> str:
    """Every module of the core by floor and room, with the first sentence of its docstring."""
    from tests.house.test_floors import FLOOR, room_of

    names = {1: "Words", 2: "Contracts", 3: "Tokens", 4: "Model and training", 5: "Runs", 6: "Hands"}
    floors: dict[int, list[str]] = {number: [] for number in names}
    for path in sorted((ROOT / "glm_core").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if doc:
            first = " ".join(doc.partition("\n\n")[0].split())
            floors[FLOOR[room_of(name)]].append(f"| `{path.relative_to(ROOT / 'glm_core')}` | {_cell(_prose(first))} |")
    lines = []
    for number, title in sorted(names.items(), reverse=True):
        lines += [f"## Floor {number}: {title}", "", "| file | |", "| --- | --- |", *floors[number], ""]
    return "\n".join(lines)


def _prose(text: str) -> str:
    """Text for Markdown: what would be taken for a tag or a link is not."""
    return re.sub(r"(?<!`)\[(MASK|sMASK|gMASK|sop|eop)\](?!`)", r"\\[\1\\]", text.replace("<|", "&lt;|"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


MAKERS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "public-api": public_api,
    "hooks": hooks,
    "models": models,
    "files": files,
    **{f"options-{name}": _config(name) for name in CONFIGS},
}

if __name__ == "__main__":
    sys.exit(main())
