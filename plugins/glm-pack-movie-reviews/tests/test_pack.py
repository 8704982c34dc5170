from glm_core.testing import PackConformance


class TestPack(PackConformance):
    pack = "movie-reviews"
    data = {"movie-reviews": "tests/data"}
