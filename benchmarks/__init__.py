"""How fast, how exact, how much memory: `python -m benchmarks` (see README.md beside this file)."""
