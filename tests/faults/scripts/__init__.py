"""What trains in these tests: scripts as a user writes them, each run as a process of its own."""
