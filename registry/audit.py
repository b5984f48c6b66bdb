"""Who changed what, a line a change, never rewritten."""

from datetime import datetime

from sqlalchemy import select

from records import Record, now
from registry.database import Database
from registry.tables import audit


class AuditLine(Record):
    at: datetime
    account: str
    action: str
    target: str
    detail: str = ""


class Audit(Database):
    def audit(self, account_id: str, action: str, target: str, detail: str = "") -> None:
        line = AuditLine(at=now(), account=account_id, action=action, target=target, detail=detail)
        with self.writing() as connection:
            connection.execute(audit.insert().values(**dict(line)))

    def audit_lines(self, account_id: str | None = None, limit: int = 200) -> list[AuditLine]:
        """The newest first, of one account or of all."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if account_id:
            query = query.where(audit.c.account == account_id)
        with self.reading() as connection:
            rows = connection.execute(query).mappings()
            return [AuditLine(**{name: row[name] for name in AuditLine.model_fields}) for row in rows]
