"""Every check of `glm check`, as tests."""

from glm_core.testing import PackConformance


class TestPack(PackConformance):
    pack = "headlines"
    data = {"headlines": "src/glm_pack_headlines/samples"}
