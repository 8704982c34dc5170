"""Take one pack through import, hooks, collect and validate: all of it, or a line that says why not."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from glm_core.errors import TemplateError
from glm_core.pack import Pack
from glm_core.packs_check import HOOKS, Wrong, check_hooks, check_offers
from glm_core.packs_import import HEAVY, describe, import_entry, nothing_left, own_files, place_of_function, short
from glm_core.toml_file import TomlError


def load_pack(pack: Pack, plugin: Any = None, *, trace: bool = False) -> Pack:
    """A found pack as "ok" with its offers, or as "broken" with the reason; one that is judged already as it is.

    plugin: the object with the hooks, where it is at hand and need not be imported. trace: tell every hook call.
    """
    if pack.status != "found":
        return pack
    started = time.perf_counter()
    heavy_before = {name for name in HEAVY if name in sys.modules}
    files = own_files(pack) if plugin is None else _files_of(plugin)
    folder: Path | None = None
    phase = "import"
    try:
        with nothing_left(pack):
            plugin = import_entry(pack) if plugin is None else plugin
            phase = "hooks"
            hooks = check_hooks(plugin, pack.entry)
            phase = "collect"
            raw = _collect(replace(pack, hooks=hooks), files, trace)
            phase = "validate"
            module = sys.modules.get(pack.module) if pack.source != "test" else None
            if not pack.is_toml:  # which lies anywhere, and brings no models
                folder = next((one.parent for one in _files_of(module or plugin)), None)
            offers = check_offers(raw, folder)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: whatever a pack does, the others load
        message, reason = _why(error, phase, files)
        return replace(pack, status="broken", files=files, message=f"{phase}: {message}", reason=reason)
    seconds = time.perf_counter() - started
    heavy = tuple(name for name in HEAVY if name in sys.modules and name not in heavy_before)
    return replace(pack, status="ok", seconds=seconds, heavy=heavy, files=files, folder=folder, hooks=hooks, **offers)


def _collect(pack: Pack, files: tuple[Path, ...], trace: bool) -> dict[str, Any]:
    """What the registering hooks give. A generator is run to its end here, so that it fails here."""
    raw: dict[str, Any] = {}
    for name in HOOKS:
        if name == "glm_record" or not getattr(pack.hooks.hook, name).get_hookimpls():
            continue
        try:
            raw[name] = call_hook(pack, name, trace=trace)
        except KeyboardInterrupt:
            raise
        except TomlError as error:
            raise _HookFailed(str(error), short(error)) from error
        except BaseException as error:
            raise _HookFailed(describe(error, files, f"in {name}()"), short(error)) from error
    return raw


class _HookFailed(Exception):
    """A hook raised; `args` are the whole line and the short reason."""


def call_hook(pack: Pack, hook: str, *, trace: bool = False, **arguments: Any) -> Any:
    """One hook of one pack. None counts as an answer; a generator is run to its end."""
    started = time.perf_counter()
    try:
        results = getattr(pack.hooks.hook, hook)(**arguments)
        found = results[0] if results else None
        return list(found) if isinstance(found, Iterator) else found
    finally:
        if trace:
            print(f"glm: {pack.name}.{hook}() {1000 * (time.perf_counter() - started):.1f} ms", file=sys.stderr)


def _why(error: BaseException, phase: str, files: tuple[Path, ...]) -> tuple[str, str]:
    """The message with its place, and the short reason."""
    if isinstance(error, _HookFailed):
        message, reason = error.args
        return message, reason or message
    if isinstance(error, Wrong):
        return f"{error} {place_of_function(error.culprit, files)}".rstrip(), str(error)
    if isinstance(error, TemplateError) and phase == "validate":
        return str(error), str(error).partition("\n")[0]
    message = describe(error, files)
    return message, short(error) or message


def _files_of(plugin: Any) -> tuple[Path, ...]:
    """The file of a module, or of an object's class."""
    module = plugin if hasattr(plugin, "__file__") else sys.modules.get(type(plugin).__module__)
    file = getattr(module, "__file__", None)
    return (Path(file),) if file else ()
