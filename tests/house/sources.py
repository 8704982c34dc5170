"""The project's own modules and what each imports, read from their syntax trees without importing any."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Import:
    """`module` imports `target` (and takes `name` from it). at_top: when the module itself is imported."""

    module: str
    target: str
    name: str
    line: int
    at_top: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}{'.' + self.name if self.name else ''}"


@lru_cache
def modules(package: str) -> dict[str, ast.Module]:
    """Every module of a package with its tree."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(package: str) -> Iterator[Import]:
    """Every import of a package but those for type checkers only."""
    for name, tree in modules(package).items():
        yield from _in(tree, name, at_top=True)


def _in(node: ast.AST, module: str, *, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _in(other, module, at_top=at_top)
            continue
        if isinstance(child, ast.Import):
            yield from (Import(module, one.name, "", child.lineno, at_top) for one in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module}:{child.lineno} imports by dots; write the module's whole name"
            yield from (Import(module, child.module or "", one.name, child.lineno, at_top) for one in child.names)
        inner = at_top and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _in(child, module, at_top=inner)
