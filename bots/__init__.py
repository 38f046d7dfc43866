"""The keepers' commands, one a file: `python -m bots.executor`, or `ape run keeper executor`."""
