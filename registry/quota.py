"""What counts against an account's plan, and whether there is room for one more."""

from sqlalchemy import Connection, func, or_, select

from errors import Refused
from records import Status
from registry.tables import accounts, models, runs

# runs that made no model and hold no place
LOST: tuple[Status, ...] = ("failed", "cancelled")


def check_room(
    connection: Connection, account_id: str, run_id: str, premium: bool, limit: int | None
) -> None:
    """Raises Refused if the account has `limit` models of the class besides this run's.

    The account's row is locked until the transaction ends: of two that ask at once for the last place, one
    gets it.
    """
    if limit is None:
        return
    connection.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update())
    if counted(connection, account_id, premium, besides=run_id) < limit:
        return
    kind = "premium models" if premium else "models"
    if not limit:
        raise Refused(f"Your plan holds no {kind}.", "Upgrade the plan, or choose another base model.")
    raise Refused(
        f"Your plan holds {limit} {kind}, and you have {limit}.",
        "Upgrade the plan, or delete a model that is no longer needed.",
    )


def counted(connection: Connection, account_id: str, premium: bool, besides: str = "") -> int:
    """Models and those in the making, no deleted or failed ones; two runs of the same job are one model."""
    shown = select(models.c.job_id).where(models.c.deleted_at.is_(None))
    columns = runs.c
    query = select(func.count(func.distinct(func.coalesce(columns.job_id, columns.id)))).where(
        columns.account == account_id,
        columns.flow == "fine_tune",
        columns.premium == premium,
        columns.deleted_at.is_(None),
        columns.id != besides,
        columns.status.not_in(LOST),
        or_(columns.status != "succeeded", columns.job_id.in_(shown)),
    )
    return int(connection.execute(query).scalar_one())
