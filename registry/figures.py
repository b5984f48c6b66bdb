"""What all jobs come to, by provider: how many in which status, tokens, money, waiting. For monitoring."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from records import now
from registry.database import Database
from registry.tables import jobs, submissions

MILLION = 1e6


@dataclass
class Figures:
    """Sums over the jobs of one provider; money in US dollars, times in seconds.

    `billed` is the vendor's own count of trained tokens at the price that was in force when the job began;
    `taken` jobs were accepted by the provider, `taken_after` is what they waited for that, added up;
    `oldest_queued` is how long the oldest job has been queued that still is.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    trained_tokens: float = 0.0
    estimated: float = 0.0
    billed: float = 0.0
    taken: int = 0
    taken_after: float = 0.0
    oldest_queued: float = 0.0


class Monitoring(Database):
    def figures(self) -> dict[str, Figures]:
        """By provider. Reads every job's record once."""
        query = select(
            jobs.c.provider, jobs.c.status, jobs.c.created_at, jobs.c.record, submissions.c.recorded_at
        ).outerjoin(submissions, submissions.c.job_id == jobs.c.id)
        moment, found = now(), dict[str, Figures]()
        with self.reading() as connection:
            for row in connection.execute(query):
                figures = found.setdefault(row.provider, Figures())
                figures.statuses[row.status] += 1
                if row.recorded_at:
                    figures.taken += 1
                    figures.taken_after += _seconds(row.created_at, row.recorded_at)
                if row.status == "queued":
                    figures.oldest_queued = max(figures.oldest_queued, _seconds(row.created_at, moment))
                _add_up(figures, json.loads(row.record))
        return found


def _add_up(figures: Figures, job: Mapping[str, Any]) -> None:
    metrics = (job.get("progress") or {}).get("metrics") or {}
    price = job.get("estimate") or {}
    # vendors count `trained_tokens`, the own trainer `tokens`
    tokens = metrics.get("trained_tokens", metrics.get("tokens", 0.0))
    figures.trained_tokens += tokens
    figures.estimated += price.get("usd", 0.0)
    figures.billed += tokens * price.get("per_million", 0.0) / MILLION


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
