"""`python -m glm_core` is `glm`."""

from glm_core.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
