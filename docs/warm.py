"""A Python that has loaded everything once, and runs each command in a fork of itself: as good as new, without the wait.

    python docs/warm.py        one JSON object per line on standard input: {"argv", "cwd", "env", "out"}

argv is what stands after `glm`, or `["-", CODE]`: a script. What the command says on either stream goes to the file
`out`; its exit code is the answer, one JSON line on standard output.
"""

from __future__ import annotations

import json
import os
import sys


def serve() -> None:
    """Answer until standard input ends."""
    import torch._dynamo  # noqa: F401  (an optimizer asks for it, and for much that it brings along)

    import glm_core.cli.main
    import glm_core.model.glm_backbone
    import glm_core.runs.evaluate_run
    import glm_core.runs.finetune
    import glm_core.runs.predictor  # noqa: F401

    for line in sys.stdin:
        job = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _work(job)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


def _work(job: dict) -> None:
    """Run one job in this process, which ends with it."""
    code = 1
    try:
        place = os.open(job["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(place, 1)
        os.dup2(place, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(job["cwd"])
        os.environ.clear()
        os.environ.update(job["env"])
        sys.path[:0] = [one for one in job["env"]["PYTHONPATH"].split(os.pathsep) if one not in sys.path]
        code = _script(job["argv"][1]) if job["argv"][0] == "-" else _glm(job["argv"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _glm(argv: list[str]) -> int:
    from glm_core.cli.main import main

    return main(argv)


def _script(code: str) -> int:
    import traceback

    sys.path.insert(0, "")
    try:
        exec(compile(code, "example.py", "exec"), {"__name__": "__main__"})
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve()
