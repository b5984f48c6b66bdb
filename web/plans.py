"""What the plans allow, from plans.toml or the operator's own file."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError

from errors import NotConfigured
from records import Record
from registry.accounts import Account

SHIPPED = Path(__file__).parent / "plans.toml"


class Plan(Record):
    """None means no limit."""

    name: str
    title: str
    models: int | None = Field(None, ge=0)
    premium_models: int | None = Field(None, ge=0)
    requests: int | None = Field(None, ge=0)
    upgrade: str = ""

    def limit(self, premium: bool) -> int | None:
        return self.premium_models if premium else self.models


class Plans(NamedTuple):
    window: timedelta
    by_name: dict[str, Plan]

    def plan(self, account: Account) -> Plan:
        """The strictest plan for one that the file doesn't know (any more)."""
        return self.by_name.get(account.plan) or next(iter(self.by_name.values()))


def read_plans(own_file: Path | None = None) -> Plans:
    """Raises NotConfigured for a file that can't be used."""
    path = (own_file or SHIPPED).expanduser()
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
        window = timedelta(hours=float(tables.pop("window_hours", 3)))
        plans = {name: Plan(name=name, **fields) for name, fields in tables.items()}
    except (OSError, tomllib.TOMLDecodeError, ValidationError, TypeError, ValueError) as error:
        raise NotConfigured(
            f"The plans file {path} can't be used: {str(error).splitlines()[0]}.",
            "Mend it, or unset LUTHIER_PLANS_FILE.",
        ) from error
    if not plans:
        raise NotConfigured(f"The plans file {path} names no plan.", "web/plans.toml shows how.")
    return Plans(window, plans)
