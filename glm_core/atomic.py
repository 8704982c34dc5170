"""Files and folders that are there whole or not at all.

Everything is written beside its place as `.NAME.draft-…`, flushed to the disk and renamed, last. A process that is
killed leaves a draft and never half a result; drafts nobody holds any more are removed at the next write to the place.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glm_core.errors import GlmError, RunError, UsageError

try:
    import fcntl
except ModuleNotFoundError:  # pragma: no cover  (Windows: a living draft looks like a dead one, so none is removed)
    fcntl = None  # type: ignore[assignment]

_REMEDY = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "the disk quota is used up; free some space or write elsewhere",
    errno.EFBIG: "the file is larger than is allowed here; raise the limit or write elsewhere",
    errno.EROFS: "the file system is read-only; write elsewhere",
    errno.EACCES: "permission denied; change the permissions or write elsewhere",
    errno.EPERM: "the operation is not permitted; change the permissions or write elsewhere",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ENOTDIR: "a part of the path is a file; write elsewhere",
    errno.EEXIST: "a part of the path is a file; write elsewhere",
    errno.EBUSY: "it is a mount point or in use; write into a folder below it",
    errno.EIO: "the disk reports an error; write elsewhere",
}
_RUN_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # what was asked for is fine: exit code 1
_NAMELESS = (*_RUN_TROUBLE, errno.EROFS)  # what a write to an open file can say, without a name


@contextmanager
def write_folder(path: str | Path, *, replace: bool = True) -> Iterator[Path]:
    """Fill the draft that is yielded; it becomes `path` when the block ends without an error.

    An existing folder is replaced: it is moved aside, and removed only after the draft has taken its place. After an
    error the draft is removed and `path` is as it was. Raises UsageError where `path` is a file, or is not empty and
    `replace` is off; GlmError in one line where the disk is full, read-only or out of reach.
    """
    place = _place(path)
    if place.exists() and not place.is_dir():
        raise UsageError(f"{path}: is a file, and a folder is to be written there; choose another name")
    if not replace and place.is_dir() and any(place.iterdir()):
        raise UsageError(f"{path}: is there already and not empty; choose another folder or remove it")
    with _explained(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        draft, lock = _new_draft(place)
    try:
        with _explained(path, within=draft):
            yield draft
        with _explained(path):
            _flush_tree(draft)
            _put_folder(draft, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        _release(lock)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all; an existing one is replaced. Raises as `write_folder` does."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all; an existing one is replaced. Raises as `write_folder` does."""
    place = _place(path)
    if place.is_dir():
        raise UsageError(f"{path}: is a folder, and a file is to be written there; choose another name")
    with _explained(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        draft = place.with_name(f".{place.name}.draft-{secrets.token_hex(4)}")
        lock = None
        try:
            with draft.open("xb") as file:
                lock = _hold(draft)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(place)
            _flush(place.parent)
        finally:
            with suppress(OSError):
                draft.unlink()
            _release(lock)


def _place(path: str | Path) -> Path:
    """Where a path really leads, so that a link to a folder stays a link."""
    place = Path(os.path.realpath(path))
    if not place.name:
        raise UsageError(f"{path}: cannot be written over; name a folder below it")
    return place


def _new_draft(place: Path) -> tuple[Path, int | None]:
    """A fresh, empty, held folder beside `place`."""
    while True:
        draft = place.with_name(f".{place.name}.draft-{secrets.token_hex(4)}")
        draft.mkdir()
        lock = _hold(draft)
        if lock is not None or fcntl is None:
            return draft, lock
        if draft.exists():  # this file system has no locks; a sweeper elsewhere would not get one either
            return draft, None


def _put_folder(draft: Path, place: Path) -> None:
    """Rename the draft to its place, moving a folder that stands there aside first."""
    old, lock = None, None
    if place.exists():
        old = place.with_name(f".{place.name}.old-{secrets.token_hex(4)}")
        lock = _hold(place)
        place.rename(old)
    try:
        draft.rename(place)
    except OSError:
        if old is not None:
            old.rename(place)
        _release(lock)
        raise
    _flush(place.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    _release(lock)


def _sweep(place: Path) -> None:
    """Remove what killed processes left beside `place`; a folder moved aside and never replaced is put back."""
    for kind in ("old", "draft"):
        for left in sorted(place.parent.glob(_literal(f".{place.name}.{kind}-") + "*")):
            lock = _hold(left)
            if lock is None:
                continue
            with suppress(OSError):
                if kind == "old" and not place.exists():
                    left.rename(place)
                elif left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()
            _release(lock)


def _literal(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _hold(path: Path) -> int | None:
    """A lock on a file or folder that ends with this process, or None where somebody else holds it."""
    if fcntl is None:
        return None
    descriptor = None
    try:
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except OSError:
        pass
    _release(descriptor)
    return None


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _flush_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            _flush(Path(root, name))
        _flush(Path(root))


def _flush(path: Path) -> None:
    """Ask the disk to keep what was written; folders cannot be opened everywhere."""
    if path.is_dir() and os.name == "nt":  # pragma: no cover
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a device or a pipe has nothing to flush
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: str | Path, *, within: Path | None = None) -> Iterator[None]:
    """Trouble with the disk becomes one line that names the path and the remedy; other errors pass.

    within: trouble with a named file elsewhere passes too (the block reads other files).
    """
    try:
        yield
    except GlmError:
        raise
    except Exception as error:
        code = _disk_trouble(error, within)
        if code is None:
            raise
        kind = RunError if code in _RUN_TROUBLE else UsageError
        raise kind(f"{path}: cannot be written: {_REMEDY[code]}") from error


def _disk_trouble(error: BaseException | None, within: Path | None) -> int | None:
    """The errno behind an error. Libraries wrap it: in a cause, a context, or as '(os error 28)' in their message."""
    while error is not None:
        if isinstance(error, OSError):
            code, name = error.errno, error.filename
            here = _here(name, within) if isinstance(name, (str, bytes, os.PathLike)) else code in _NAMELESS
            if within is None or here:
                return code if code in _REMEDY else None
        elif named := re.search(r"os error (\d+)", str(error)):
            return int(named[1]) if int(named[1]) in _REMEDY else None
        error = error.__cause__ or error.__context__
    return None


def _here(name: str | bytes | os.PathLike[str], within: Path | None) -> bool:
    return within is not None and Path(os.fsdecode(name)).is_relative_to(within)
