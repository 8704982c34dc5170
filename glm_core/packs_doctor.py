"""What may be wrong with the packs of an environment, and what to do: `glm packs doctor`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from glm_core.errors import UsageError
from glm_core.pack import Pack
from glm_core.packs_find import is_pin, read_project, twice_on_the_path


@dataclass(frozen=True)
class Finding:
    """One thing to mend (error) or to know (warning)."""

    level: Literal["error", "warning"]
    pack: str
    message: str


def examine(packs: Iterable[Pack]) -> list[Finding]:
    """Packs that did not load, heavy imports, stale metadata of editable installs, pins, duplicates on the path."""
    packs = list(packs)
    findings = [one for pack in packs for one in _examine(pack)]
    findings += _stale(packs)
    findings += [Finding("warning", "", line) for line in twice_on_the_path()]
    return sorted(findings, key=lambda one: (one.level != "error", one.pack))


def _examine(pack: Pack) -> Iterator[Finding]:
    if pack.status not in ("ok", "disabled"):
        yield Finding("error", pack.name, f"{pack.status}: {pack.message}")
    if pack.heavy:
        milliseconds = f"{1000 * pack.seconds:.0f} ms"
        yield Finding(
            "warning",
            pack.name,
            f"importing it brings in {', '.join(pack.heavy)} ({milliseconds}); import them inside the functions that "
            "need them",
        )
    if pack.source == "built-in":
        return
    pins = [one for one in pack.requires if is_pin(one)]
    if not pins and pack.requires:
        yield Finding("warning", pack.name, "does not require glm-core; write glm-core>=1.0,<2")
    for pin in pins:
        if not (re.search(r">=|==|~=", pin) and re.search(r"<|==|~=", pin)):
            yield Finding("warning", pack.name, f"'{pin}' has not both bounds; write glm-core>=1.0,<2")


def _stale(packs: list[Pack]) -> Iterator[Finding]:
    """Entry points are read at installation: those of an editable install may have changed since."""
    installed = [pack for pack in packs if pack.source in ("editable", "built-in") and pack.root is not None]
    for root in dict.fromkeys(pack.root for pack in installed if pack.root is not None):
        mine = [pack for pack in installed if pack.root == root]
        try:
            project = read_project(root) if root.is_dir() else None
        except UsageError as error:
            yield Finding("warning", mine[0].name, str(error))
            continue
        now = dict(project.entries) if project else {}
        if now != {pack.name: pack.entry for pack in mine}:
            yield Finding(
                "warning", mine[0].name, f"entry points changed since it was installed; run pip install -e {root} again"
            )
