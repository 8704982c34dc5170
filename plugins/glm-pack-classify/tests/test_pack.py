"""Every check of `glm check`, as tests."""

from glm_core.testing import PackConformance

TASKS = (
    *("mnli", "mnli-mm", "yahoo", "yelp-polarity", "yelp-full", "xstance", "xstance-de", "xstance-fr"),
    *("race", "squad-cloze"),
)


class TestPack(PackConformance):
    pack = "classify"
    data = dict.fromkeys(TASKS, "src/glm_pack_classify/samples")
