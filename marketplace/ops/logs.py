"""Logs: one line per event, with a request ID and no personal data (promise P21).

Query strings, bodies and form values never reach the log; tracebacks contain no local variables; details about a row
are cut from exceptions, and anything that looks like an email address or phone number is masked.
"""

import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import psycopg
import structlog
from django.db import DataError
from django.db import Error as DatabaseError
from structlog.types import EventDict, Processor, WrappedLogger

EMAIL = re.compile(r"[\w.+%-]+@[\w-]+\.[\w.-]+")
PHONE = re.compile(r"(?<![\w.-])\+?(?:1[ .-]?)?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}(?![\w-])")
MASKED_KEYS = ("event", "exception", "path")


def configure(options: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG; ``options`` is the LOGGING setting, ``{"level": ..., "json": ...}``."""
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso" if options["json"] else "%H:%M:%S", utc=options["json"]),
        write_out_exception,
        leave_out_path,
        mask_people,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *steps,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_standard_logging(options["level"], steps, as_json=options["json"]))


def _standard_logging(level: str, steps: list[Processor], *, as_json: bool) -> dict[str, Any]:
    last: Processor = structlog.processors.JSONRenderer() if as_json else in_one_line
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": steps,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"out": {"()": StandardError, "formatter": "line"}},
        "root": {"handlers": ["out"], "level": level},
        "loggers": {
            # RequestLogMiddleware logs these, in one line and by route.
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django.db.backends": {"level": "WARNING"},
            "celery": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "kombu.connection": {"level": "ERROR"},  # warns that pgmq:// has no host; its address is elsewhere
            "pgmq": {"level": "WARNING"},
        },
    }


class StandardError(logging.Handler):
    """Writes to the current standard error: servers and tests replace it after the settings are loaded."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:  # a log line that can't be written must not stop the work it reports
            self.handleError(record)


def in_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Format an event for a terminal: time, level from warning up, event, then the rest as name=value."""
    time, level, what = (event.pop(key, "") for key in ("timestamp", "level", "event"))
    event.pop("logger", None)
    trace = event.pop("exception", None)
    rest = "".join(f" {name}={value}" for name, value in event.items() if value is not None)
    loud = f"{level.upper()} " if level in ("warning", "error", "critical") else ""
    return f"{time} {loud}{what}{rest}" + (f"\n{trace}" if trace else "")


def write_out_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exception()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = "".join(_tell(error))
    return event


def _tell(error: BaseException) -> Iterator[str]:
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier:
        yield from _tell(earlier)
        yield "\nwhich led to:\n\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}: {what_it_says(error)}\n"


def what_it_says(error: BaseException) -> str:
    """Return the error's message; for a database error only the part without values: DETAIL quotes rows."""
    if isinstance(error, DataError | psycopg.DataError):
        return "the database refused a value"
    said = str(error)
    return said.partition("\n")[0] if isinstance(error, DatabaseError | psycopg.Error) else said


def leave_out_path(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop the path Django logs for a failed request: it may contain a key, and the request's line has the route."""
    if event.get("logger") == "django.request":
        event["event"] = str(event["event"]).partition(": ")[0]
    return event


def mask_people(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in MASKED_KEYS:
        if isinstance(text := event.get(key), str):
            event[key] = PHONE.sub("<phone>", EMAIL.sub("<email>", text))
    return event
