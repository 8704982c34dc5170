"""The kit's functions: the toy model, the checks as lists, a training in a second."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from glm_core import Task, get_task, hookimpl
from glm_core.errors import DataError, PackError, UsageError
from glm_core.testing import check_pack, check_task, isolated_packs, run_task, tiny_backbone, toy_tokenizer
from glm_core.tokens import load_tokenizer
from tests.core.runs.fakes import reviews_task, write_reviews
from tests.fake_packs import Site, good, site
from tests.house.sources import ROOT
from tests.museum_checks.museum import SOUND, sound_data, write_data

__all__ = ["site"]


def test_a_character_is_a_token_of_the_toy_tokenizer_and_it_can_be_saved(tmp_path: Path) -> None:
    toy = toy_tokenizer()
    assert [toy.token(id) for id in toy.encode("It was.").ids] == ["I", "t", "▁", "w", "a", "s", "."]
    assert len(toy.encode("é")) == 2 and toy.special.unk not in toy.encode("欣喜若狂\x00").ids
    assert toy.special.sentence_mask is not None and toy.special.document_mask is not None
    assert toy.decode(toy.encode("It was é.").ids) == "It was é."
    toy.save(tmp_path / "toy")
    assert load_tokenizer(tmp_path / "toy").fingerprint == toy.fingerprint
    assert toy_tokenizer() is toy


def test_the_tiny_backbone_is_small_and_the_same_for_the_same_seed() -> None:
    import torch

    one, same, other = tiny_backbone(), tiny_backbone(), tiny_backbone(seed=2)
    assert one.module.config.n_layers == 2 and one.module.config.hidden_size == 32
    weights = [list(each.module.parameters()) for each in (one, same, other)]
    assert all(torch.equal(a, b) for a, b in zip(weights[0], weights[1], strict=True))
    assert not torch.equal(weights[0][0], weights[2][0])
    assert next(one.module.parameters()).device.type == "cpu"


def test_a_task_is_trained_and_measured(tmp_path: Path) -> None:
    result = run_task("demo/sentiment", steps=30, out=tmp_path / "run")
    assert result.training["steps"] == 30 and result.metrics.keys() == {"accuracy"}
    assert (tmp_path / "run" / "result.json").is_file()
    losses = run_task("demo/sentiment", steps=6, eval_every=0.1).training["losses"]
    assert losses[-1] < losses[0]


def test_a_task_of_ones_own_with_its_data(tmp_path: Path) -> None:
    write_reviews(tmp_path, train=16, dev=8)
    result = run_task(reviews_task(), tmp_path, steps=2)
    assert result.task.endswith("reviews") and result.split == "dev"


def test_check_task_lists_findings(tmp_path: Path) -> None:
    task = get_task("demo/sentiment")
    assert check_task(task) == []
    from dataclasses import replace

    pvp = replace(task.pvps[0], pattern="{txt} It was [MASK].")
    (found,) = check_task(replace(task, pvps=(pvp,)))
    assert found.code == "T302" and "did you mean 'text'" in found.message
    (found,) = check_task(replace(task, pvps=(replace(pvp, pattern="{text It was [MASK]."),)))
    assert found.code == "T301" and found.level == "error"
    with pytest.raises(DataError, match="does not exist"):
        check_task(task, tmp_path / "nowhere")
    with pytest.raises(PackError, match="has no metric"):
        check_task(replace(task, metrics={}))


def test_check_pack_takes_a_name_a_module_a_path_or_an_object(site: Site, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", sound_data())
    source = SOUND.replace("{text} It was", "{txt} It was")
    site.install("films", source, requires=("glm-core>=1.0,<2",))
    import glm_pack_films

    (tmp_path / "films.py").write_text(source)
    for given in ("films", glm_pack_films, str(tmp_path / "films.py")):
        found = check_pack(given, {"reviews": data})
        assert [one.code for one in found if one.level == "error"] == ["T302"], given

    class Pack:
        @hookimpl
        def glm_tasks(self) -> list[Task]:
            return list(glm_pack_films.glm_tasks())

    assert "T302" in [one.code for one in check_pack(Pack(), {"reviews": [data]})]


def test_a_module_that_is_not_installed_as_a_pack_is_one_all_the_same(site: Site) -> None:
    file = site.install("m", good("reviews").replace("terrible", "poor").replace("great", "fine"))
    for metadata in site.folder.glob("*.dist-info/entry_points.txt"):
        metadata.unlink()
    import glm_pack_m

    assert glm_pack_m.__file__ == str(file)
    assert check_pack(glm_pack_m) == []
    file.write_text("x = 1\n")


def test_names_that_are_none() -> None:
    with pytest.raises(UsageError, match="no pack 'dmo'; did you mean 'demo'"):
        check_pack("dmo")
    with pytest.raises(UsageError, match="data names 'sentimnt'; pack demo has sentiment, follows; did you mean"):
        check_pack("demo", {"sentimnt": "data"})


def test_isolated_packs_are_the_loaders_own() -> None:
    from glm_core import plugins

    assert isolated_packs is plugins.isolated_packs


def test_pytest_starts_without_the_rest_of_the_house() -> None:
    code = (
        "import glm_core.testing.plugin, sys\n"
        "print(*(one for one in sys.modules if one.startswith('glm_core.') or one in ('torch', 'numpy')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"glm_core.version", "glm_core.testing", "glm_core.testing.plugin"}


def test_an_unknown_name_of_the_kit_gets_the_nearest_one() -> None:
    import glm_core.testing

    with pytest.raises(AttributeError, match="has no attribute 'run_tsk'; did you mean 'run_task'"):
        _ = glm_core.testing.run_tsk
    assert set(dir(glm_core.testing)) == set(glm_core.testing.__all__)
    assert all(getattr(glm_core.testing, name).__doc__ for name in glm_core.testing.__all__)
