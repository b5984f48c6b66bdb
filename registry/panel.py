"""What the models panel lists: an account's runs with their jobs and models, searched and cut to a page."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select

from records import ENDED, Job, Status, TunedModel
from registry.database import Database
from registry.runs import Run
from registry.tables import jobs, models, runs


class Entry(NamedTuple):
    run: Run
    job: Job | None
    model: TunedModel | None


class Page(NamedTuple):
    """`total` counts what fits the search, `running` how many of these have not ended."""

    entries: list[Entry]
    total: int
    running: int


class _Row(NamedTuple):
    run: Run
    name: str | None
    model_record: str | None

    @property
    def status(self) -> Status:
        return "succeeded" if self.model_record else self.run.status

    @property
    def described(self) -> str:
        """What a search looks through."""
        run = self.run
        about = run.use_case or (self.model.description if self.model else "")
        ids = (run.id, run.job_id or "", self.model.id if self.model else "")
        return "\n".join((self.name or run.name, about, run.base_model, *ids)).casefold()

    @property
    def model(self) -> TunedModel | None:
        return TunedModel.model_validate_json(self.model_record) if self.model_record else None


class Panel(Database):
    def panel(
        self,
        account_id: str,
        search: str = "",
        status: Status | None = None,
        provider: str | None = None,
        offset: int = 0,
        limit: int = 40,
    ) -> Page:
        """The newest first. A search fits names, use cases, base models and ids that hold all of its words."""
        words = search.casefold().split()
        found = [
            row
            for row in self._rows(account_id)
            if (not status or row.status == status)
            and (not provider or row.run.provider == provider)
            and (not words or all(word in row.described for word in words))
        ]
        running = sum(row.status not in ENDED for row in found)
        return Page(self._entries(found[offset : offset + limit]), len(found), running)

    def panel_entry(self, account_id: str, key: str) -> Entry | None:
        """By the id of the run, its job or its model; none for another account's."""
        columns = runs.c
        rows = self._rows(account_id, or_(columns.id == key, columns.job_id == key, models.c.id == key))
        return self._entries(rows[:1])[0] if rows else None

    def _rows(self, account_id: str, *which: ColumnElement[bool]) -> list[_Row]:
        """Two runs that found the same job are one; one whose model was deleted is none."""
        shown = and_(models.c.job_id == runs.c.job_id, models.c.deleted_at.is_(None))
        query = (
            select(runs.c.record, models.c.display_name, models.c.record.label("model"))
            .select_from(runs.outerjoin(models, shown))
            .where(runs.c.account == account_id, runs.c.flow == "fine_tune", runs.c.deleted_at.is_(None))
            .where(*which)
            .order_by(runs.c.created_at.desc(), runs.c.id)
        )
        with self.reading() as connection:
            read = [
                _Row(Run.model_validate_json(record), name, model)
                for record, name, model in connection.execute(query)
            ]
        seen: set[str] = set()
        kept = []
        for row in read:
            known = row.run.job_id or row.run.id
            if known in seen or (row.run.status == "succeeded" and not row.model_record):
                continue
            seen.add(known)
            kept.append(row)
        return kept

    def _entries(self, rows: list[_Row]) -> list[Entry]:
        ids = [row.run.job_id for row in rows if row.run.job_id]
        with self.reading() as connection:
            query = select(jobs.c.record).where(jobs.c.id.in_(ids))
            found = [Job.model_validate_json(text) for text in connection.execute(query).scalars()]
        by_id = {job.id: job for job in found}
        return [Entry(row.run, by_id.get(row.run.job_id or ""), row.model) for row in rows]
