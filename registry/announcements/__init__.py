"""What is said unasked, one announcement a file: `def name(session, asker, now, payload) -> Answer | None`."""
