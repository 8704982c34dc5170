"""Every check of `glm check`, as tests."""

from glm_core.testing import PackConformance


class TestPack(PackConformance):
    pack = "emotion"
    data = {"emotion": "src/glm_pack_emotion/samples"}
