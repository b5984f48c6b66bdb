"""The nouns that every part of Luthier shares. All else imports them from here, `from records import Job`.

Rows travel between steps as files; only these records travel as values.
"""

from records.chat import (
    Chance,
    ChatOptions,
    Message,
    Piece,
    Role,
    TokenChance,
    ToolCall,
    ToolRequest,
    ToolResult,
    Turn,
    Usage,
    Weighed,
)
from records.data import Dataset, Example, Kind, Letter, Row, Rows, Thread
from records.jobs import ENDED, NOT_TRAINED_ON, Event, Failure, Job, Progress, Recipe, Status
from records.preparation import Preparation, Redaction, Sensitive, Teacher
from records.record import Record, content_id, now
from records.report import Finding, Price, Quote, Report, Severity, TokenCount, TokenStatistics
from records.results import Answer, Evaluation, Outcome, TunedModel, Verdict
from records.sources import Drop, FileReport, Source
