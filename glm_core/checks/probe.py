"""Import one pack in a process of its own and tell what that did: heavy modules, files, sockets (P103, P109).

`look_into(pack)` starts `python -m glm_core.checks.probe` and reads its answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path

from glm_core.checks.watch import Seen, Watch
from glm_core.pack import Pack

_SECONDS = 120
_MARK = "glm-probe:"


def look_into(pack: Pack) -> tuple[Seen, ...]:
    """What importing a pack and calling its registering hooks did. Nothing where the process found no end or no module."""
    told = {
        "name": pack.name,
        "entry": pack.entry,
        "root": None if pack.root is None else str(pack.root),
        "source": pack.source,
        "path": [os.path.abspath(one) for one in sys.path],  # noqa: PTH100  ("" is the working directory)
    }
    home = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": home, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "glm_core.checks.probe"],
            input=json.dumps(told),
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ()
    answers = [line.removeprefix(_MARK) for line in done.stdout.splitlines() if line.startswith(_MARK)]
    return tuple(Seen(**one) for one in json.loads(answers[-1])) if answers else ()


def main() -> None:
    """Read the pack from standard input, import it, print what was seen."""
    told = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.path[:] = told["path"]
    root = told["root"] and Path(told["root"])
    pack = Pack(told["name"], source=told["source"], entry=told["entry"], root=root)
    with redirect_stdout(sys.stderr):
        seen = list(_watched(pack))
    print(f"\n{_MARK}{json.dumps([asdict(one) for one in seen])}", file=answer, flush=True)


def _watched(pack: Pack) -> Iterator[Seen]:
    from glm_core.packs_check import HOOKS, check_hooks
    from glm_core.packs_import import import_entry, own_files
    from glm_core.packs_load import call_hook

    stage = f"importing {pack.module}"
    with Watch(own_files(pack), "import", "read", "write", "network", stage=stage) as watch:
        try:
            hooks = check_hooks(import_entry(pack), pack.entry)
            for name in HOOKS:
                if name != "glm_record" and getattr(hooks.hook, name).get_hookimpls():
                    watch.stage = f"{name}()"
                    call_hook(Pack(pack.name, hooks=hooks), name)
        except BaseException as error:  # why it does not load is the loader's to say; what was seen until then counts
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
    for one in watch.seen:
        if one.kind != "import" or one.what in sys.modules:  # an optional library that is not there brought nothing in
            yield one


if __name__ == "__main__":
    main()
