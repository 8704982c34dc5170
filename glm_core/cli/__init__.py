"""The command line: each command is a module with `add_arguments(parser)` and `run(args)`."""
