"""What a person types: one file a command, with `add_arguments(parser)` and `run(args) -> exit status`."""
