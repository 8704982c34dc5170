"""T301 to T310: what the patterns make of the examples. Only T305 and T306 ask a vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median

from glm_core.checks.finding import Finding
from glm_core.checks.subject import Rendered, Subject, several
from glm_core.errors import GlmError, TemplateError, did_you_mean
from glm_core.examples import Example
from glm_core.packs_import import describe
from glm_core.parts import Blank, Part, Text
from glm_core.pvp import PVP, Cloze
from glm_core.tasks import Task
from glm_core.templates import Field

_ALMOST = re.compile(r"[\[<]\s*([sg]?)(?:mask|blank)\s*[\]>]", re.IGNORECASE)
_MASKS = ("[MASK]", "[sMASK]", "[gMASK]")
_SPACES = re.compile(r"  +")
_MUCH = 0.2  # of the examples cut: from here on a warning
_HALF = 0.5


def check_patterns(subject: Subject) -> Iterator[Finding]:
    """All of them but T309, which has a file of its own (`golden`). Without examples only what templates show."""
    for pvp in subject.task.pvps:
        yield from almost_blanks(subject, pvp)
    if not subject.readings:
        return
    yield from missing_fields(subject)
    for rendered in subject.rendered:
        if rendered.error is not None:
            yield from failures(subject, rendered)
        yield from blanks(subject, rendered)
        yield from spaces(subject, rendered)
    yield from unused_fields(subject)
    yield from same_patterns(subject)
    if subject.model.tokenizer is not None and subject.task.kind != "lm":  # whose texts are read in windows
        yield from lengths(subject)


def failures(subject: Subject, rendered: Rendered) -> Iterator[Finding]:
    """T301, T302, T304 or V401: the pattern or verbalizer failed on an example."""
    pvp, error, uid = rendered.pvp, rendered.error, rendered.failed.uid if rendered.failed is not None else ""
    places = subject.sources.pattern(subject.task, pvp)
    message = str(error)
    if isinstance(error, GlmError):
        if " has no words in " in message:
            yield subject.finding("V401", message, places)
        elif " has no field " in message:
            if pvp.template is None:  # a template's fields are looked up one by one
                yield subject.finding("T302", f"pattern '{pvp.name}': {message}", places)
        elif isinstance(error, TemplateError) and ("gave no blank" in message or " texts and " in message):
            yield subject.finding("T304", message, places)
        else:
            yield subject.finding("T301", message, places)
    elif error is not None:
        why = describe(error, subject.files)
        yield subject.finding("T301", f"pattern '{pvp.name}' fails on example {uid}: {why}", places)


def missing_fields(subject: Subject) -> Iterator[Finding]:
    """T302, for templates: a field without a default that no example has, or not every one."""
    known = list(dict.fromkeys(name for _, one in subject.examples() for name in one.fields))
    for pvp in subject.task.pvps:
        for name in _fields(pvp, bare=True):
            lack = [one.uid for _, one in subject.examples() if name not in one.fields]
            if not lack:
                continue
            if name not in known:
                message = f"examples have {', '.join(known) or 'no fields'}{did_you_mean(name, known)}"
                message = f"pattern '{pvp.name}' asks for '{name}'; {message}"
            else:
                message = (
                    f"pattern '{pvp.name}' asks for '{name}', which {len(lack)} of "
                    f'{several(subject.n_examples, "example")} lack (first: {lack[0]}); add |default="…" if that is meant'
                )
            yield subject.finding("T302", message, subject.sources.pattern(subject.task, pvp))


def unused_fields(subject: Subject) -> Iterator[Finding]:
    """T303. A task whose functions failed is passed over: who knows what they would have looked at."""
    if any(one.error is not None for one in subject.rendered):
        return
    used = fields_in_templates(subject.task) | fields_in_functions(subject)
    for name in dict.fromkeys(name for _, one in subject.examples() for name in one.fields):
        if name not in used:
            yield subject.finding("T303", f"field '{name}' is used by no pattern")


def blanks(subject: Subject, rendered: Rendered) -> Iterator[Finding]:
    """T304, for what a pattern makes: templates' own blanks the loader has counted."""
    pvp, kind = rendered.pvp, subject.task.kind
    places = subject.sources.pattern(subject.task, pvp)
    for _, example, cloze in rendered.clozes:
        for parts in cloze.texts or (cloze.parts,):
            n = sum(isinstance(one, Blank) for one in parts)
            wanted = len(example.target) if isinstance(example.target, tuple) else None
            wrong = ""
            if n > 1 and kind != "generation":
                wrong = f"kind '{kind}' has one blank; '{pvp.name}' has {n} on {example.uid}"
            elif wanted is not None and n != wanted:
                wrong = f"'{pvp.name}' has {several(n, 'blank')}, {example.uid} has {several(wanted, 'target')}"
            elif Blank("[gMASK]") in parts[:-1]:
                wrong = f"'[gMASK]' stands for the rest of a document; in '{pvp.name}' something follows it"
            if wrong:
                yield subject.finding("T304", wrong, places)
                return


def same_patterns(subject: Subject) -> Iterator[Finding]:
    """T307."""
    seen: dict[tuple[object, ...], PVP] = {}
    for rendered in subject.rendered:
        if rendered.error is not None or not rendered.clozes:
            continue
        made = tuple((str(cloze), cloze.answers, cloze.labels) for _, _, cloze in rendered.clozes)
        first = seen.setdefault(made, rendered.pvp)
        if first is not rendered.pvp:
            message = f"'{first.name}' and '{rendered.pvp.name}' give the same text on every sample"
            yield subject.finding("T307", message, subject.sources.pattern(subject.task, rendered.pvp))


def spaces(subject: Subject, rendered: Rendered) -> Iterator[Finding]:
    """T308."""
    found = [(example, at) for _, example, cloze in rendered.clozes if (at := _odd_space(cloze)) is not None]
    if found:
        example, (column, what) = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        message = f"'{rendered.pvp.name}': {what} at column {column} of {example.uid}{more}"
        yield subject.finding("T308", message, subject.sources.pattern(subject.task, rendered.pvp))


def almost_blanks(subject: Subject, pvp: PVP) -> Iterator[Finding]:
    """T310: in a template's words; in what a function writes itself on every sample."""
    if pvp.template is not None:
        written = {text for node in pvp.template.nodes if isinstance(node, str) for text in _near_masks(node)}
    else:
        clozes = [cloze for one in subject.rendered if one.pvp is pvp for _, _, cloze in one.clozes]
        each = [{text for part in _words(cloze) for text in _near_masks(part, exact=True)} for cloze in clozes]
        written = set.intersection(*each) if each else set()
    for text in sorted(written):
        meant = "BLANK" if text in _MASKS else f"[{(_ALMOST.match(text) or ['', ''])[1].lower()}MASK]"
        message = f"'{text}' is plain text; did you mean {meant}?"
        yield subject.finding("T310", message, subject.sources.pattern(subject.task, pvp))


def lengths(subject: Subject) -> Iterator[Finding]:
    """T305 and T306."""
    from glm_core.tokens.encode import encode

    tokenizer, room = subject.model.tokenizer, subject.max_length
    assert tokenizer is not None
    worst: dict[str, tuple[float, str, PVP, float]] = {}
    for rendered in subject.rendered:
        pvp = rendered.pvp
        places = subject.sources.pattern(subject.task, pvp)
        fixed: list[int] = []
        cut: dict[str, list[Mapping[str, int]]] = {}
        for split, _, cloze in rendered.clozes:
            fixed.append(sum(len(tokenizer.encode(text, specials=cloze.specials)) for text in _words(cloze)))
            try:
                instance = encode(cloze, tokenizer, max_length=room, masks=subject.model.masks)
            except TemplateError as error:
                yield subject.finding("T305", str(error), places, level="error")
                fixed = []
                break
            cut.setdefault(split, []).append(instance.cut)
        if fixed and median(fixed) > _HALF * room:
            message = f"'{pvp.name}' spends {median(fixed):.0f} of {room} tokens on fixed words"
            yield subject.finding("T305", message, places)
        for split, each in cut.items():
            for name in sorted({name for one in each for name in one}):
                lost = [one[name] for one in each if one.get(name)]
                share = len(lost) / len(each)
                if share > worst.get(name, (0.0,))[0]:
                    worst[name] = (share, split, pvp, median(lost))
    for name, (share, split, pvp, lost_tokens) in worst.items():
        message = (
            f"'{name}' is cut in {share:.0%} of {split} (median {lost_tokens:.0f} tokens; pattern '{pvp.name}', "
            f"{room} tokens)".replace("%", " %", 1)
        )
        level = "warning" if share > _MUCH else "information"
        yield subject.finding("T306", message, subject.sources.pattern(subject.task, pvp), level=level)


def fields_in_templates(task: Task, *, bare: bool = False) -> set[str]:
    """Names of the fields in a task's templates. bare: only those that somewhere have no default."""
    return {name for pvp in task.pvps for name in _fields(pvp, bare=bare)}


def fields_in_functions(subject: Subject) -> set[str]:
    """Fields that patterns, verbalizers and segments which are functions looked at, tried on some examples."""
    used: set[str] = set()
    for _, example in subject.samples(20):
        watched = replace(example, fields=_Watched(example.fields, used))
        functions = [one for pvp in subject.task.pvps for one in (pvp.pattern, pvp.verbalizer) if callable(one)]
        for function in (*functions, *([subject.task.segments] if subject.task.segments is not None else [])):
            _try(function, watched)
    return used


class _Watched(Mapping[str, str]):
    """The fields of an example, remembering which of them were looked at."""

    def __init__(self, fields: Mapping[str, str], used: set[str]) -> None:
        self._fields = fields
        self._used = used

    def __getitem__(self, name: str) -> str:
        self._used.add(name)
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def _try(function: object, example: Example) -> None:
    try:
        made = function(example)  # type: ignore[operator]
        if isinstance(made, Iterator):
            list(made)
    except Exception:  # its failure is told by `failures`
        return


def _fields(pvp: PVP, *, bare: bool) -> tuple[str, ...]:
    nodes = pvp.template.nodes if pvp.template is not None else ()
    found = [one for one in nodes if isinstance(one, Field) and not (bare and one.default is not None)]
    return tuple(dict.fromkeys(one.name for one in found))


def _words(cloze: Cloze) -> list[str]:
    """The fixed words of a pattern: text that is never cut and is no field's. Of several texts, those of the longest."""
    each = [
        [one.text for one in parts if isinstance(one, Text) and one.cut is None and not one.field]
        for parts in cloze.texts or (cloze.parts,)
    ]
    return max(each, key=lambda texts: sum(map(len, texts)))


def _near_masks(text: str, *, exact: bool = False) -> Iterator[str]:
    """What looks like a mask in plain words. exact: a mask itself counts too, because in a function it is one by mistake."""
    for found in _ALMOST.finditer(text):
        if found[0] not in _MASKS or exact:
            yield found[0]


def _odd_space(cloze: Cloze) -> tuple[int, str] | None:
    """(column, what) of the first double space where parts meet, or of a space at the end. A field's own do not count."""
    for parts in cloze.texts or (cloze.parts,):
        text, own = "", []  # own: stretches of text that are a field's own
        for part in parts:
            shown = _shown(part)
            if isinstance(part, Text) and (part.cut is not None or part.field):
                own.append((len(text) + 1, len(text) + len(shown)))  # the space before a field is the pattern's
            text += shown
        for run in _SPACES.finditer(text):
            if not any(start <= run.start() and run.end() <= end for start, end in own):
                return run.start() + 1, "two spaces"
        if (
            parts
            and isinstance(parts[-1], Text)
            and not parts[-1].field
            and parts[-1].cut is None
            and text != text.rstrip()
        ):
            return len(text.rstrip()) + 1, "a space at the end"
    return None


def _shown(part: Part) -> str:
    return part.text if isinstance(part, Text) else part.mask if isinstance(part, Blank) else ""
