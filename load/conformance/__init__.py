"""Do others get the same numbers? `python -m load.conformance` asks the peers, each in an environment of its own."""
