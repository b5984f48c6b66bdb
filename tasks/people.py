"""What people are told by events; automations bring it to webhook, Slack or mail."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from prefect.events import emit_event


def tell(
    event: str,
    resource: str,
    name: str,
    title: str,
    message: str,
    hint: str,
    details: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """`event` is like luthier.model.retiring, `resource` the id of what it is about."""
    emit_event(
        event=event,
        resource={"prefect.resource.id": f"luthier.{resource}", "prefect.resource.name": name},
        payload={"title": title, "message": message, "hint": hint, **details},
    )
