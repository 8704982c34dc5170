import os
import subprocess
import sys
from pathlib import Path

import pytest

from glm_core.atomic import write_bytes, write_folder, write_text
from glm_core.errors import GlmError, RunError, UsageError


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole_and_leaves_no_draft(tmp_path):
    with write_folder(tmp_path / "deep" / "run") as draft:
        (draft / "inner").mkdir()
        (draft / "inner" / "a.txt").write_text("1")
        assert not (tmp_path / "deep" / "run").exists()
    assert (tmp_path / "deep" / "run" / "inner" / "a.txt").read_text() == "1"
    assert _names(tmp_path / "deep") == ["run"]


def test_an_existing_folder_is_replaced_as_a_whole(tmp_path):
    place = tmp_path / "run"
    for name in ("old", "new"):
        with write_folder(place) as draft:
            (draft / name).write_text(name)
    assert _names(place) == ["new"] and _names(tmp_path) == ["run"]


def test_an_error_leaves_the_old_folder_and_no_draft(tmp_path):
    place = tmp_path / "run"
    with write_folder(place) as draft:
        (draft / "kept").write_text("1")
    with pytest.raises(ZeroDivisionError), write_folder(place) as draft:
        (draft / "half").write_text("1")
        raise ZeroDivisionError
    assert _names(place) == ["kept"] and _names(tmp_path) == ["run"]


def test_a_folder_that_is_not_empty_can_be_protected(tmp_path):
    place = tmp_path / "run"
    place.mkdir()
    with write_folder(place, replace=False) as draft:
        (draft / "a").write_text("1")
    with pytest.raises(UsageError, match="not empty"), write_folder(place, replace=False):
        pass


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with write_folder(tmp_path / "link") as draft:
        (draft / "a").write_text("1")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / "a").exists()


def test_the_draft_of_a_killed_process_is_removed_at_the_next_write_and_a_living_one_is_not(tmp_path):
    place = tmp_path / "run[1]"
    script = (
        "import os, signal, sys\nfrom glm_core.atomic import write_folder\n"
        "with write_folder(sys.argv[1]) as draft:\n"
        "    (draft / 'half').write_text('x')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(place)], cwd=Path(__file__).parents[2], check=False)
    (left,) = _names(tmp_path)
    assert left.startswith(".run[1].draft-")
    with write_folder(place) as living:
        (living / "mine").write_text("1")
        assert not (tmp_path / left).exists()
        with write_folder(place) as second:
            (second / "other").write_text("1")
        assert living.exists()
    assert _names(place) == ["mine"] and _names(tmp_path) == ["run[1]"]


def test_a_folder_that_was_moved_aside_and_never_replaced_is_put_back(tmp_path):
    (tmp_path / ".run.old-01234567").mkdir()
    (tmp_path / ".run.old-01234567" / "kept").write_text("1")
    with pytest.raises(ZeroDivisionError), write_folder(tmp_path / "run"):
        raise ZeroDivisionError
    assert _names(tmp_path / "run") == ["kept"]


def test_a_file_is_replaced_whole(tmp_path):
    write_text(tmp_path / "deep" / "a.json", "é")
    write_bytes(tmp_path / "deep" / "a.json", b"\x00")
    assert (tmp_path / "deep" / "a.json").read_bytes() == b"\x00"
    assert _names(tmp_path / "deep") == ["a.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_one_line_that_names_the_path_and_nothing_is_left(tmp_path):
    place = tmp_path / "run"
    message = "run: cannot be written: the disk is full; free some space"
    with pytest.raises(RunError, match=message) as caught, write_folder(place) as draft:
        (draft / "half").write_text("1")
        (draft / "full").symlink_to("/dev/full")
        (draft / "full").write_text("1")
    assert "\n" not in str(caught.value) and caught.value.exit_code == 1
    assert _names(tmp_path) == []


def test_a_full_disk_is_recognised_behind_the_error_of_a_library(tmp_path):
    with pytest.raises(RunError, match="disk is full"), write_folder(tmp_path / "run"):
        raise RuntimeError("SafetensorError: I/O error: No space left on device (os error 28)")
    with pytest.raises(RunError, match="disk is full"), write_folder(tmp_path / "run"):
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            raise RuntimeError("the file writer failed")  # noqa: B904


def test_trouble_with_another_file_is_not_blamed_on_the_folder(tmp_path):
    with pytest.raises(PermissionError), write_folder(tmp_path / "run"):
        raise PermissionError(13, "Permission denied", str(tmp_path / "source.txt"))
    with pytest.raises(UsageError, match="permission denied"), write_folder(tmp_path / "run") as draft:
        raise PermissionError(13, "Permission denied", str(draft / "a.txt"))


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"), write_folder(tmp_path / "file"):
        pass
    with pytest.raises(GlmError, match="part of the path is a file"), write_folder(tmp_path / "file" / "run"):
        pass
    with pytest.raises(GlmError, match="part of the path is a file"):
        write_text(tmp_path / "file" / "a.txt", "")
    with pytest.raises(UsageError, match="is a folder"):
        write_text(tmp_path, "")
    with pytest.raises(UsageError, match="name a folder below"), write_folder(os.sep):
        pass
