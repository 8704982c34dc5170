"""Parameters that are trained and never get a gradient: most often a soft prompt that is not connected."""

from __future__ import annotations

from collections.abc import Collection, Iterable

WATCHED_STEPS = 10


def disconnected(silent: Collection[str], trained: Iterable[str]) -> list[str]:
    """The largest parts of a model in which no trained parameter has a gradient: ["soft_prompt", "head.bias"].

    silent, trained: names of parameters; a part is a prefix that ends before a dot.
    """
    alive = {prefix for name in trained if name not in silent for prefix in _prefixes(name)}
    if not alive:
        return ["the whole model"] if silent else []
    parts = (next(prefix for prefix in _prefixes(name) if prefix not in alive) for name in silent)
    return list(dict.fromkeys(parts))


def _prefixes(name: str) -> list[str]:
    """ "a.b.c" -> ["a", "a.b", "a.b.c"]"""
    pieces = name.split(".")
    return [".".join(pieces[: k + 1]) for k in range(len(pieces))]
