"""Imports go down the floors or sideways inside a room, never up."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.sources import Import, imports, modules

FLOORS = {
    1: "atomic config data errors examples generation_config metrics parts presets pretrain_config pvp templates toml_file "
    "toml_table version",
    2: "backbone hookspecs model_sources pack packs_check packs_doctor packs_find packs_import packs_load plugins tasks "
    "toml_data toml_processor toml_schema tomlpack",
    3: "tokens",
    4: "model training",
    5: "runs",
    6: "checks cli scaffold testing __init__ __main__",
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms.split()}

# Libraries that may stand at the top of a module, by floor; the standard library is free everywhere.
LIBRARIES = {
    1: set(),
    2: {"pluggy"},
    3: {"numpy"},
    4: {"numpy", "torch", "safetensors"},
    5: {"numpy", "torch"},
    6: set(),
}
THIRD_PARTY = {
    "numpy", "torch", "sklearn", "scipy", "pandas", "tokenizers", "sentencepiece", "safetensors", "deepspeed", "rich",
    "jsonlines", "pluggy", "packaging", "transformers", "datasets", "huggingface_hub", "unidecode", "tomli", "matplotlib",
}  # fmt: skip


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def inside() -> Iterator[tuple[Import, str, str]]:
    """Imports of the house itself: the import, the room it stands in, the room it reaches."""
    for one in imports("glm_core"):
        if one.target.split(".")[0] != "glm_core":
            continue
        whole = f"{one.target}.{one.name}" if f"{one.target}.{one.name}" in modules("glm_core") else one.target
        yield one, room_of(one.module), room_of(whole)


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(name) for name in modules("glm_core")}
    assert rooms <= set(FLOOR), f"rooms without a floor: {sorted(rooms - set(FLOOR))}"


def test_imports_only_go_down() -> None:
    wrong = [str(one) for one, room, other in inside() if FLOOR[other] > FLOOR[room]]
    assert not wrong, "\n".join(wrong)


def test_model_and_training_are_neighbours_that_never_meet() -> None:
    wrong = [str(one) for one, room, other in inside() if {room, other} == {"model", "training"}]
    assert not wrong, "\n".join(wrong)


def test_hands_reach_down_to_numbers_only_inside_functions() -> None:
    wrong = [str(one) for one, room, other in inside() if FLOOR[room] == 6 and FLOOR[other] in (3, 4, 5) and one.at_top]
    assert not wrong, "\n".join(wrong)


def test_the_core_never_imports_a_pack() -> None:
    wrong = [str(one) for one in imports("glm_core") if one.target.split(".")[0] in ("glm_tasks", "plugins", "tests")]
    assert not wrong, "\n".join(wrong)


def test_libraries_stand_at_the_top_only_where_their_floor_allows() -> None:
    wrong = []
    for one in imports("glm_core"):
        library = one.target.split(".")[0]
        if one.at_top and library in THIRD_PARTY and library not in LIBRARIES[FLOOR[room_of(one.module)]]:
            wrong.append(str(one))
    assert not wrong, "\n".join(wrong)


def test_below_the_waterline_nothing_imports_torch_at_all() -> None:
    wrong = [
        str(one) for one in imports("glm_core") if one.target.startswith("torch") and FLOOR[room_of(one.module)] < 4
    ]
    assert not wrong, "\n".join(wrong)


def test_built_in_packs_import_only_the_public_face() -> None:
    import glm_core

    wrong = []
    for one in imports("glm_tasks"):
        top = one.target.split(".")[0]
        public = one.target in ("glm_core.metrics", "glm_core.presets") or (
            one.target == "glm_core" and one.name in glm_core.__all__
        )
        if top == "glm_core" and not public:
            wrong.append(str(one))
        if one.at_top and top in THIRD_PARTY:
            wrong.append(f"{one} at its top")
        if top == "glm_tasks" and one.target.split(".")[1:2] != one.module.split(".")[1:2]:
            wrong.append(f"{one}, which is another pack")
    assert not wrong, "\n".join(wrong)


def test_the_core_compares_no_name_with_that_of_a_task() -> None:
    from glm_core import list_tasks

    names = {part for name in list_tasks() for part in (name, name.partition("/")[2])}
    names -= {"text", "files"}  # tasks of the packs lm and seq2seq, called like ordinary words of the core
    wrong = []
    for module, tree in modules("glm_core").items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Compare, ast.MatchValue)):
                found = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)} & names
                if found:
                    wrong.append(f"{module}:{node.lineno} compares with {found}")
    assert not wrong, "\n".join(wrong)
