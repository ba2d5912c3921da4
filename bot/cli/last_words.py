"""What the program says when it breaks: tracebacks and warnings, without secrets or accounts.

Python prints these by itself from four places: the main thread, other threads, where nobody can
catch (destructors), and the log of libraries that nobody configured, asyncio's among them.
"""

import logging
import sys
import threading
from traceback import format_exception
from types import TracebackType

from bot.masking import masked


def mask_last_words() -> None:
    """Have whatever is printed of an exception that nobody caught masked first."""
    sys.excepthook = _main_thread
    threading.excepthook = _other_thread
    sys.unraisablehook = _nobody
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(MaskingFormatter())
    logging.lastResort = handler


class MaskingFormatter(logging.Formatter):
    """Formats a log record, its traceback included, and masks it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record as it may be shown."""
        return masked(super().format(record))


def _main_thread(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    _say("", kind, error, trace)


def _other_thread(told: threading.ExceptHookArgs) -> None:
    if not isinstance(told.exc_value, SystemExit):
        name = "a thread" if told.thread is None else told.thread.name
        _say(f"Exception in {name}:\n", told.exc_type, told.exc_value, told.exc_traceback)


def _nobody(told: "sys.UnraisableHookArgs") -> None:
    where = f"{told.err_msg or 'Exception ignored in'}: {told.object!r}\n"
    _say(where, told.exc_type, told.exc_value, told.exc_traceback)


def _say(
    where: str,
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    sys.stderr.write(masked(where + "".join(format_exception(kind, error, trace))))
