"""Training scripts to read and to run, and the demo that a newcomer starts with `make demo`."""
