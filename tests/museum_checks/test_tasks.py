"""Each broken task is found by exactly its code, at its line, and an ignore mark on that line silences it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from glm_core.checks.pages import page
from tests.museum_checks.exhibits import EXHIBITS
from tests.museum_checks.museum import examine, line_of, reads


@pytest.mark.parametrize("name", EXHIBITS)
def test_a_broken_task_is_found_by_exactly_its_code(name: str, tmp_path: Path) -> None:
    exhibit = EXHIBITS[name]
    source = exhibit.source()
    report = examine(tmp_path, source, exhibit.data, reads())

    assert not report.errors
    assert report.codes == (exhibit.code,), "\n".join(map(str, report.findings))
    (finding,) = report.findings
    assert re.sub(r"exhibit\d+\.py", "HERE", finding.message) == exhibit.message
    assert finding.level == (exhibit.level or page(exhibit.code).level)

    if exhibit.at:
        assert finding.place is not None
        assert finding.place.line == line_of(source, exhibit.at)
        lines = source.splitlines()
        lines[finding.place.line - 1] += f"  # glm: ignore {exhibit.code}"
        report = examine(tmp_path, "\n".join(lines) + "\n", exhibit.data, reads())
        assert report.codes == () and [one.code for one in report.silenced] == [exhibit.code]
