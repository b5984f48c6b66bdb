"""The automations of deployments/server.yaml on a server. One that an operator switched off stays off."""

from typing import TYPE_CHECKING, Any

from launch.changes import Change

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# what the server adds to what it was given
ADDED = {"id", "created", "updated", "account", "workspace", "owner_resource", "enabled", "tags"}


def make_automation(
    client: "SyncPrefectClient", entry: dict[str, Any], told: list[dict[str, Any]]
) -> Change | None:
    """`told` are the actions that reach people; an automation that only tells isn't made without any."""
    from prefect.events.schemas.automations import AutomationCore

    tell = entry.get("tell")
    acting = [_resolved(client, action) for action in entry.get("actions", [])]
    actions = [*acting, *([filled(action, tell) for action in told] if tell else [])]
    name = entry["name"]
    there = next(iter(client.read_automations_by_name(name)), None)
    if not actions:
        if there:
            client.delete_automation(there.id)
            return Change("automation", name, "removed", "LUTHIER_NOTIFY names no place")
        return None
    wanted = AutomationCore(
        name=name, description=entry["description"], trigger=entry["trigger"], actions=actions, enabled=True
    )
    if there is None:
        client.create_automation(wanted)
        return Change("automation", name, "created", entry["description"])
    if settled(there.model_dump(mode="json")) == settled(wanted.model_dump(mode="json")):
        return Change("automation", name, "unchanged")
    client.update_automation(there.id, wanted.model_copy(update={"enabled": there.enabled}))
    return Change("automation", name, "changed")


def _resolved(client: "SyncPrefectClient", action: dict[str, Any]) -> dict[str, Any]:
    """A deployment, given by its name, as the server wants it: by its id."""
    if "deployment" not in action:
        return action
    plain = {name: value for name, value in action.items() if name != "deployment"}
    there = client.read_deployment_by_name(action["deployment"])
    return {**plain, "source": "selected", "deployment_id": str(there.id)}


def filled(action: dict[str, Any], tell: dict[str, str]) -> dict[str, Any]:
    """The action with the sentence in the field that its kind reads."""
    if action["type"] == "call-webhook":
        payload = '{"subject": {{ (' + expression(tell["subject"]) + ') | tojson }}, "text": {{ ('
        return {**action, "payload": payload + expression(tell["body"]) + ") | tojson }}}"}
    return {**action, **tell}


def expression(template: str) -> str:
    """A template as an expression that can be made JSON of: texts and `{{ values }}` joined by ~."""
    parts = []
    for number, piece in enumerate(template.replace("}}", "{{").split("{{")):
        if number % 2:
            # a value that isn't there is empty, and fails nothing
            parts.append(f"({piece.strip()} | default(''))")
        elif piece:
            parts.append("'" + piece.replace("'", "\\'") + "'")
    return " ~ ".join(parts)


def settled(value: Any) -> Any:
    """Without what the server adds, sets in order."""
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items() if key not in ADDED and item is not None}
    if isinstance(value, list):
        return sorted((settled(item) for item in value), key=repr)
    return value
