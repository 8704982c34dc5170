"""The testing kit for packs: the checks as tests, a toy tokenizer and a tiny backbone, a whole training in a second.

    from glm_core.testing import PackConformance

    class TestPack(PackConformance):
        pack = "emotion"
        data = {"emotion": "tests/data"}

The fixtures `tiny_backbone`, `toy_tokenizer`, `packs_only`, `no_network` and `golden_prompts` come as pytest plugin `glm`.
Names are resolved when they are first touched: pytest imports this package at its start, for the plugin.
"""

# ruff: noqa: F401  (the imports below are for editors and type checkers)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.checks.finding import Finding
    from glm_core.plugins import isolated_packs
    from glm_core.testing.conformance import (
        BackboneConformance,
        GlmCheckWarning,
        MetricConformance,
        PackConformance,
    )
    from glm_core.testing.kit import check_pack, check_task, run_task
    from glm_core.testing.tiny import tiny_backbone, toy_tokenizer

_HOME = {
    "BackboneConformance": "glm_core.testing.conformance",
    "Finding": "glm_core.checks.finding",
    "GlmCheckWarning": "glm_core.testing.conformance",
    "MetricConformance": "glm_core.testing.conformance",
    "PackConformance": "glm_core.testing.conformance",
    "check_pack": "glm_core.testing.kit",
    "check_task": "glm_core.testing.kit",
    "isolated_packs": "glm_core.plugins",
    "run_task": "glm_core.testing.kit",
    "tiny_backbone": "glm_core.testing.tiny",
    "toy_tokenizer": "glm_core.testing.tiny",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _HOME:
        from glm_core.errors import did_you_mean

        raise AttributeError(f"module 'glm_core.testing' has no attribute '{name}'{did_you_mean(name, __all__)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
