"""What every route works with, and who is asking: parameters of a route are typed `Shop` and `Signed`.

@router.get("/models/{key}")
def page(key: str, shop: Shop, account: Signed) -> Response: ...
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from registry import Registry
from registry.accounts import Account
from settings import Settings
from web.chatting import Chatting
from web.faults import Forbidden
from web.plans import Plans
from web.session import Door
from web.work import Work


@dataclass(frozen=True)
class Workshop:
    settings: Settings
    registry: Registry
    plans: Plans
    work: Work
    chatting: Chatting
    door: Door


def workshop(request: Request) -> Workshop:
    found: Workshop = request.app.state.workshop
    return found


Shop = Annotated[Workshop, Depends(workshop)]


def current_account(request: Request, shop: Shop) -> Account:
    """Who is signed in. Raises SignInNeeded, which becomes a way to /login."""
    return shop.door.signed_in(request)


def owner_account(account: Annotated[Account, Depends(current_account)]) -> Account:
    """Raises Forbidden for anyone else."""
    if not account.owner:
        raise Forbidden("Only the owner can do this.", "Ask the owner of this Luthier.")
    return account


def account_of_key(request: Request, shop: Shop) -> Account:
    """Whose API key came as `Authorization: Bearer …`. Raises BadKey."""
    return shop.door.key_holder(request)


Signed = Annotated[Account, Depends(current_account)]
Owner = Annotated[Account, Depends(owner_account)]
KeyHolder = Annotated[Account, Depends(account_of_key)]
