from glm_core.training.watch import disconnected

NAMES = ["body.a.weight", "body.a.bias", "body.b.weight", "soft.table.weight", "soft.mlp.weight", "head.weight"]


def test_a_whole_part_is_named_once():
    assert disconnected(["soft.table.weight", "soft.mlp.weight"], NAMES) == ["soft"]


def test_a_single_parameter_is_named_in_full():
    assert disconnected(["body.a.bias", "body.b.weight"], NAMES) == ["body.a.bias", "body.b"]


def test_silence_everywhere_and_nowhere():
    assert disconnected(NAMES, NAMES) == ["the whole model"]
    assert disconnected([], NAMES) == []
