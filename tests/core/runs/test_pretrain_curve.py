"""The picture of a loss: places made by hand, and a file that is XML."""

import xml.etree.ElementTree as ElementTree

from glm_core.runs.pretrain_curve import draw_lines, smoothed, write_curve
from glm_core.runs.run_dir import RunDir

SVG = "{http://www.w3.org/2000/svg}"


def test_the_first_and_last_points_stand_at_the_edges():
    picture = ElementTree.fromstring(draw_lines({"a<b": [(0, 2.0), (10, 1.0)]}, across="step", up="loss"))
    (line,) = picture.iter(f"{SVG}polyline")
    # 514 wide and 320 tall from (56, 36); the range 1 to 2 has a twentieth of room above and below
    assert line.get("points") == "56.0,50.5 570.0,341.5"
    assert "a<b" in [one.text for one in picture.iter(f"{SVG}text")]


def test_one_point_makes_a_picture_too():
    assert "<circle" in draw_lines({"loss": [(3, 5.0)]}, across="step", up="loss")


def test_neighbours_are_averaged_and_what_is_no_number_is_passed_over():
    assert smoothed([(1, 1.0), (2, 3.0), (3, None), (4, 5.0)], points=2) == [(2, 2.0), (4, 5.0)]
    assert smoothed([(1, 1.0), (2, 3.0)]) == [(1, 1.0), (2, 3.0)]


def test_the_log_becomes_lines_by_name(tmp_path):
    run = RunDir(tmp_path)
    write_curve(run)
    assert not (tmp_path / "curve.svg").exists()
    record = run.recorder()
    for step in (1, 2):
        record({"event": "step", "step": step, "loss": 5.0 / step})
    record({"event": "evaluation", "step": 2, "metrics": {"loss": 3.0, "perplexity": 20.0, "token_loss": 2.0}})
    write_curve(run)
    words = [one.text for one in ElementTree.parse(tmp_path / "curve.svg").iter(f"{SVG}text")]
    assert [one for one in words if one in ("training", "held out", "held out, token")] == words[-3:]
