"""The loss over the steps as a picture: SVG, readable by every browser, written without a library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from glm_core.atomic import write_text
from glm_core.runs.pretrain_run import CURVE
from glm_core.runs.run_dir import RunDir, read_log

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 400, 56, 36, 150, 44
_COLORS = ("#b0b7c3", "#1f4e9c", "#2a8f5a", "#c26a10", "#9b3a9b", "#c0392b")
_POINTS = 300  # of one line: more than pixels tell

Line = Sequence[tuple[float, float]]


def write_curve(run: RunDir) -> None:
    """Draw `curve.svg` in the run's folder, from its log; nothing where no step is logged yet."""
    rows = read_log(run.log)
    lines = {"training": smoothed([(row["step"], row["loss"]) for row in rows if row.get("event") == "step"])}
    for row in rows:
        if row.get("event") == "evaluation":
            for name, value in row["metrics"].items():
                if name.endswith("loss"):
                    label = "held out" if name == "loss" else f"held out, {name.removesuffix('_loss')}"
                    lines.setdefault(label, []).append((row["step"], value))
    lines = {name: line for name, line in lines.items() if line}
    if lines:
        write_text(run.path / CURVE, draw_lines(lines, across="step", up="loss, nats per token"))


def smoothed(line: Iterable[tuple[float, float | None]], points: int = _POINTS) -> list[tuple[float, float]]:
    """Means of neighbours, so that a line has at most so many points; what is no number is passed over."""
    known = [(x, y) for x, y in line if y is not None]
    size = max(1, -(-len(known) // points))
    groups = [known[at : at + size] for at in range(0, len(known), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def draw_lines(lines: Mapping[str, Line], *, across: str, up: str) -> str:
    """Lines over common axes as the text of an SVG file. lines: points (x, y) by name; at least one point in all."""
    xs = [x for line in lines.values() for x, _ in line]
    ys = [y for line in lines.values() for _, y in line]
    low, high = min(ys), max(ys)
    room = (high - low) * 0.05 or 1.0
    low, high = low - room, high + room
    first, last = min(xs), max(max(xs), min(xs) + 1)
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + wide * (x - first) / (last - first), _TOP + tall * (high - y) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, _TOP - 14, up),
        _text(_LEFT + wide, _HEIGHT - 8, across, "end"),
    ]
    for k in range(5):
        y = low + (high - low) * k / 4
        height = place(first, y)[1]
        parts.append(f'<path d="M{_LEFT} {height:.1f}h{wide}" stroke="#e3e6ea"/>')
        parts.append(_text(_LEFT - 6, height + 4, f"{y:.2f}", "end"))
        x = first + (last - first) * k / 4
        parts.append(_text(place(x, low)[0], _HEIGHT - _BOTTOM + 18, f"{x:.0f}", "middle"))
    for number, (name, line) in enumerate(lines.items()):
        color = _COLORS[number % len(_COLORS)]
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        parts.append(f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="1.6"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{color}"/>' for x, y in _dots(line, place)]
        parts.append(f'<rect x="{_LEFT + wide + 12}" y="{_TOP + 20 * number}" width="10" height="10" fill="{color}"/>')
        parts.append(_text(_LEFT + wide + 27, _TOP + 20 * number + 9, name))
    return "\n".join([*parts, "</svg>", ""])


def _dots(line: Line, place: Any) -> list[tuple[float, float]]:
    """Points worth a mark of their own: those of a line with few."""
    return [place(*point) for point in line] if len(line) <= 40 else []


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
