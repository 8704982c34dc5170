"""Nothing that a user wrote is run, unpickled or handed to a shell."""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import modules

FORBIDDEN = {"eval", "exec", "exit", "quit", "compile", "__import__", "breakpoint"}
FORBIDDEN_METHODS = {
    ("os", "system"), ("os", "popen"), ("os", "_exit"), ("pickle", "load"), ("pickle", "loads"), ("yaml", "load"),
    ("shelve", "open"), ("marshal", "loads"), ("subprocess", "getoutput"),
}  # fmt: skip


@pytest.mark.parametrize("package", ["glm_core", "glm_tasks"])
def test_nothing_is_evaluated_unpickled_or_exited(package: str) -> None:
    wrong = []
    for name, tree in modules(package).items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            if isinstance(called, ast.Name) and called.id in FORBIDDEN:
                wrong.append(f"{name}:{node.lineno} calls {called.id}()")
            if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                if (called.value.id, called.attr) in FORBIDDEN_METHODS:
                    wrong.append(f"{name}:{node.lineno} calls {called.value.id}.{called.attr}()")
                if (called.value.id, called.attr) == ("torch", "load") and not _weights_only(node):
                    wrong.append(f"{name}:{node.lineno} calls torch.load() without weights_only=True")
            for keyword in node.keywords:
                if keyword.arg in ("shell", "trust_remote_code", "allow_pickle") and not _is(keyword.value, False):
                    wrong.append(f"{name}:{node.lineno} says {keyword.arg}=")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", ["glm_core", "glm_tasks"])
def test_no_error_is_caught_without_a_name(package: str) -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in modules(package).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert not wrong, "\n".join(wrong)


def _weights_only(call: ast.Call) -> bool:
    return any(one.arg == "weights_only" and _is(one.value, True) for one in call.keywords)


def _is(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
