"""`luthier keys`: create, list and revoke API keys."""

from datetime import timedelta
from typing import Annotated

import typer

from cli import options
from cli.terminal import err, out, print_json, table
from cli.wiring import open_registry
from errors import NotFound
from records import now
from registry.accounts import Account
from registry.store import Registry

app = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)
AccountName = Annotated[
    str | None, typer.Option("--account", help="name, e-mail address or id; default: the owner's")
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="what will use the key")] = "command line",
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="until it expires; default: never")
    ] = None,
    account: AccountName = None,
    json: options.Json = False,
) -> None:
    """Make a key and print it: this once, as only its hash is kept."""
    registry = open_registry()
    whose = account_named(registry, account)
    made = registry.create_key(whose.id, name, now() + timedelta(days=days) if days else None)
    registry.audit(whose.id, "key.create", made.key.id, made.key.name)
    if json:
        print_json({"key": made.secret, "id": made.key.id, "name": made.key.name, "prefix": made.key.prefix})
        return
    err.print(f"The key '{made.key.name}' ({made.key.id}) is shown this once:", markup=False)
    out.print(made.secret, markup=False, soft_wrap=True)


@app.command("list")
def list_keys(account: AccountName = None, json: options.Json = False) -> None:
    """All keys by their prefix, the newest first."""
    registry = open_registry()
    found = registry.keys(account_named(registry, account).id)
    if json:
        print_json({"keys": found})
        return
    rows = [
        (
            key.id,
            key.name,
            f"{key.prefix}…",
            f"{key.created_at:%Y-%m-%d}",
            f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
            "revoked" if key.revoked_at else f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never",
        )
        for key in found
    ]
    table("API keys", "id", "name", "key", "created", "last used", "expires", rows=rows)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="id, prefix or name")],
    account: AccountName = None,
    json: options.Json = False,
) -> None:
    """Make a key useless, at once."""
    registry = open_registry()
    whose = account_named(registry, account)
    revoked = registry.revoke_key(whose.id, key)
    registry.audit(whose.id, "key.revoke", revoked.id, revoked.name)
    print_json({"revoked": revoked.id}) if json else err.print(f"Revoked {revoked.id}.", markup=False)


def account_named(registry: Registry, name: str | None) -> Account:
    """Raises NotFound."""
    owner = registry.owner()
    if not name:
        return owner
    for account in registry.accounts():
        if name in (account.id, account.name, account.email):
            return account
    raise NotFound(f"There is no account '{name}'.", "The profile page lists the users.")
