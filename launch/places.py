"""Where people are told: LUTHIER_NOTIFY as actions of automations, with the blocks that those need."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from errors import NotConfigured
from launch.changes import Change
from settings import settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

SLACK = ("hooks.slack.com", "hooks.slack-gov.com")


def places(client: "SyncPrefectClient") -> tuple[list[dict[str, Any]], list[Change]]:
    """An action for each place, and what was done to the blocks behind them.

    Raises NotConfigured for a block that the server doesn't have.
    """
    actions, changes = [], []
    for number, place in enumerate(settings().notify, 1):
        if "://" in place:
            change, slug, block_id = _block_for(place, f"luthier-notify-{number}")
            changes.append(change)
        else:
            slug, block_id = place.partition("/")[0], _block_named(client, place)
        kind = "call-webhook" if slug == "webhook" else "send-notification"
        actions.append({"type": kind, "block_document_id": str(block_id)})
    return actions, changes


def _block_for(url: str, name: str) -> tuple[Change, str, Any]:
    """A block that keeps the address, as a secret. Raises NotConfigured for one that nothing can send to."""
    from prefect.blocks.notifications import SlackWebhook
    from prefect.blocks.webhook import Webhook

    plain = urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname not in SLACK
    # Prefect has no block for mail; Slack's hands any address to Apprise, which sends to it
    kind: Any = Webhook if plain else SlackWebhook
    slug = "webhook" if plain else "slack-webhook"
    try:
        kept = kind.load(name)
    except ValueError:
        kept = None
    if kept and kept.url.get_secret_value() == url:
        return Change("block", f"{slug}/{name}", "unchanged"), slug, kept._block_document_id
    # a webhook in the own network is what an operator asked for, so private addresses are fine
    block = kind(url=url, allow_private_urls=True)
    if not plain and not block._apprise_client:
        raise NotConfigured(
            f"LUTHIER_NOTIFY names an address that nothing can send to: {urlsplit(url).scheme}://…",
            "https://… is a webhook, https://hooks.slack.com/services/A/B/C is Slack, and "
            "mailto://user:password@server?to=ops@example.org mail (mailtos:// with TLS).",
        )
    block_id = block.save(name, overwrite=True)
    return Change("block", f"{slug}/{name}", "changed" if kept else "created"), slug, block_id


def _block_named(client: "SyncPrefectClient", place: str) -> Any:
    from prefect.exceptions import ObjectNotFound

    slug, _, name = place.partition("/")
    try:
        return client.read_block_document_by_name(name, slug).id
    except ObjectNotFound as error:
        raise NotConfigured(
            f"LUTHIER_NOTIFY names the block '{place}', which the server doesn't have.",
            "Make it on the server's page Blocks, or name TYPE/NAME of one that is there; "
            "a webhook can also be given by its address.",
        ) from error
