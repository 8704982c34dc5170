"""From a model's name or folder to the backbone that loads it."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from glm_core import ModelSource, hookimpl
from glm_core.backbone import Backbone
from glm_core.errors import PackError, UsageError
from glm_core.model_sources import load_backbone, locate_model
from glm_core.plugins import isolated_packs


class Fake(Backbone):
    """Remembers how it was loaded, and can do nothing else."""

    def __init__(self, **told: Any) -> None:
        self.told = told

    @classmethod
    def load(cls, where: Path, *, device: str = "auto", **options: Any) -> Fake:
        return cls(where=where, device=device, **options)

    def _cannot(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    encode = collate = weigh = loss = pool = save = _cannot


class Pack:
    @hookimpl
    def glm_backbones(self) -> dict[str, str]:
        return {
            "glm": "fake_backbones:Fake", "gone": "no_such_module:Fake", "raises": "fake_backbones:Missing",
            "wrong": "fake_backbones:Path",
        }  # fmt: skip

    @hookimpl
    def glm_models(self) -> dict[str, ModelSource]:
        return {
            "bundled": ModelSource("pack:core"),
            "large": ModelSource("", preset="large"),
            "remote": ModelSource("hub:owner/name", preset="2b"),
            "odd": ModelSource("pack:core", backbone="gone"),
        }


@pytest.fixture
def packs(monkeypatch: pytest.MonkeyPatch):
    module = types.ModuleType("fake_backbones")
    module.Fake, module.Path = Fake, Path  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_backbones", module)
    holder = types.ModuleType("pack")
    holder.__file__ = str(Path(__file__).parents[1] / "__init__.py")  # `pack:core` is the folder of these tests
    pack = Pack()
    holder.glm_backbones, holder.glm_models = pack.glm_backbones, pack.glm_models  # type: ignore[attr-defined]
    with isolated_packs(holder):
        yield


def test_a_model_of_a_pack_is_a_folder_inside_it(packs) -> None:
    loaded = load_backbone("bundled", device="cpu")
    assert loaded.told == {"where": Path(__file__).parent, "device": "cpu"}
    assert load_backbone("pack/bundled").told["where"] == Path(__file__).parent


def test_options_that_are_said_reach_the_backbone(packs, tmp_path) -> None:
    loaded = load_backbone(str(tmp_path), preset="large", vocab="./v", base=None)
    assert loaded.told == {"where": tmp_path, "device": "auto", "preset": "large", "vocab": "./v"}
    assert load_backbone(tmp_path, backbone="pack/glm").told["where"] == tmp_path


def test_a_folder_is_a_folder_and_a_name_is_a_name(packs, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert locate_model("./mine")[0] == Path("mine")
    with pytest.raises(UsageError, match=r"no model 'mine'\. A folder of this name is here: write \./mine"):
        locate_model("mine")
    with pytest.raises(UsageError, match=r"--model \./gone: does not exist; give a checkpoint's folder, or a name"):
        locate_model("./gone")


def test_a_preset_without_files_says_what_to_pass(packs) -> None:
    with pytest.raises(UsageError) as caught:
        load_backbone("large")
    assert str(caught.value) == (
        "'large' names a published checkpoint, and its files are not part of this package; "
        "pass them with --model ./folder --preset large"
    )


def test_a_model_on_a_hub_needs_the_extra(packs, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"model 'pack/remote' lies on a model hub; install glm-core\[hub\], or pass"):
        load_backbone("remote")


def test_a_model_on_a_hub_is_fetched_when_it_is_named_and_brings_its_preset(packs, monkeypatch, tmp_path) -> None:
    hub = types.ModuleType("huggingface_hub")
    asked = []

    def snapshot_download(repository: str) -> str:
        asked.append(repository)
        if len(asked) > 1:
            raise ConnectionError("no network\nat all")
        return str(tmp_path)

    hub.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert load_backbone("remote").told == {"where": tmp_path, "device": "auto", "preset": "2b"}
    assert asked == ["owner/name"]
    with pytest.raises(UsageError, match=r"could not be fetched \(no network\); pass its files with --model \./folder"):
        load_backbone("remote")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "gone",
            "backbone 'gone' of pack pack: no_such_module:Fake cannot be imported: ModuleNotFoundError: No module",
        ),
        ("raises", "fake_backbones:Missing cannot be imported: AttributeError"),
        ("wrong", "backbone 'wrong' of pack pack: fake_backbones:Path is not a Backbone"),
    ],
)
def test_a_backbone_that_is_not_one_is_a_pack_problem(name: str, message: str, packs, tmp_path) -> None:
    with pytest.raises(PackError, match=message):
        load_backbone(tmp_path, backbone=name)


def test_a_model_says_which_backbone_it_wants(packs) -> None:
    with pytest.raises(PackError, match="backbone 'gone'"):
        load_backbone("odd")
    assert load_backbone("odd", backbone="glm").told["where"] == Path(__file__).parent


def test_an_unknown_backbone_gets_the_nearest_name(packs, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"no backbone 'gml'\. Did you mean"):
        load_backbone(tmp_path, backbone="gml")
