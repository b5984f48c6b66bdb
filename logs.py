"""Log lines for programs: one JSON object a line, with the job and the run that it is about.

Prefect takes the class too, by the name of it in PREFECT_LOGGING_FORMATTERS_JSON_CLASS.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

# what Prefect adds to the records of its own loggers
FROM_PREFECT = ("flow_run_id", "flow_run_name", "task_run_name")

# what makes words bold or red on a terminal
STYLE = re.compile(r"\x1b\[[0-9;]*m")

_about: dict[str, str] = {}


def about(**ids: str) -> None:
    """From now on this process's lines are about that `job` or `run`; an empty id: about none.

    Not for a server, whose threads work for many: there a line says it by `extra={"job": …}`.
    """
    _about.update(ids)


class JsonLines(logging.Formatter):
    """Fields: time (ISO 8601, UTC), level, logger, message; job and run where known; error: its stack."""

    def __init__(self, *_: object) -> None:
        # Prefect's configuration gives a format of its own kind, which has no meaning here
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        ids: dict[str, Any] = _about | {name: getattr(record, name, None) for name in FROM_PREFECT}
        ids |= {name: getattr(record, name) for name in ("job", "run") if hasattr(record, name)}
        line |= {name: str(value) for name, value in ids.items() if value}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def on_stderr(log_format: str, text: str) -> logging.Handler:
    """A handler that writes JSON if the format is `json`, else lines of that `text` format."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if log_format == "json" else logging.Formatter(text))
    return handler


class Lines:
    """A text file whose every line becomes a record, for a console that people would read otherwise."""

    def __init__(self, logger: str, handler: logging.Handler):
        self.logger, self.handler = logger, handler
        self.encoding = "utf-8"

    def write(self, text: str) -> int:
        for line in filter(str.strip, STYLE.sub("", text).splitlines()):
            self.handler.handle(logging.LogRecord(self.logger, logging.INFO, "", 0, line.strip(), (), None))
        return len(text)

    def flush(self) -> None:
        self.handler.flush()

    def isatty(self) -> bool:
        return False
