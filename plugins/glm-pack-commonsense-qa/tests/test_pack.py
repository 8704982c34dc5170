"""Every check of `glm check`, as tests."""

from glm_core.testing import PackConformance


class TestPack(PackConformance):
    pack = "commonsense-qa"
    data = {"commonsense-qa": "src/glm_pack_commonsense_qa/samples"}
