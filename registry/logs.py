"""Logs of a server process: lines for people on a terminal, JSON elsewhere. Control characters are escaped."""

from __future__ import annotations

import logging
import sys

import structlog


def set_up() -> None:
    """Send everything that is logged to stderr, the libraries' warnings included."""
    terminal = sys.stderr.isatty()
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    drawn: list[structlog.types.Processor] = (
        # Plain: the pretty one prints the values of all variables, tokens among them.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *drawn]
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
