"""The chat page of a model: saved conversations at the left, the dialogue, the composer."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from errors import LuthierError, Refused
from records import ChatOptions, Dataset, TunedModel
from registry.accounts import Account
from registry.conversations import ChatSettings, Conversation
from web.faults import BadRequest
from web.pages.cards import Card
from web.pages.dialogue import Asked, Lines, stream
from web.pages.listing import card_of
from web.pages.rendering import done, page
from web.workshop import Shop, Signed, Workshop

router = APIRouter(include_in_schema=False, prefix="/chat")
LABEL_TOKENS = 64
Text = Annotated[str, Form(max_length=200_000)]


@router.get("/{key}")
def show(
    request: Request,
    key: str,
    shop: Shop,
    account: Signed,
    conversation: Annotated[str, Query(max_length=80)] = "",
    compare: bool = False,
) -> Response:
    card, model = chattable(shop, account, key)
    current = shop.registry.conversation(account.id, conversation) if conversation else None
    dataset = dataset_of(shop, model)
    settings = current.settings if current else first_settings(dataset, compare)
    context: dict[str, Any] = {
        "account": account,
        "section": "models",
        "card": card,
        "model": model,
        "history": shop.registry.conversations(account.id, model.id),
        "current": current,
        "settings": settings,
        "system": settings.system if settings.system is not None else system_of(dataset),
        "turns": current.turns if current else (),
    }
    return page(request, "chat.html", context)


@router.get("/{key}/history")
def history(
    request: Request,
    key: str,
    shop: Shop,
    account: Signed,
    conversation: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    _, model = chattable(shop, account, key)
    found = shop.registry.conversations(account.id, model.id)
    current = next((one for one in found if one.id == conversation), None)
    return page(request, "_history.html", {"model": model, "history": found, "current": current})


@router.get("/{key}/last")
def last(
    request: Request,
    key: str,
    shop: Shop,
    account: Signed,
    conversation: Annotated[str, Query(max_length=80)],
) -> Response:
    """The last turn, as it was saved after a stop."""
    turns = shop.registry.conversation(account.id, conversation).turns
    if not turns or turns[-1].role == "user":
        return HTMLResponse("")
    return page(request, "_turn.html", {"turn": turns[-1], "last": True})


@router.post("/{key}/answer")
def answer(
    key: str,
    shop: Shop,
    account: Signed,
    text: Text = "",
    again: Annotated[bool, Form()] = False,
    conversation: Annotated[str, Form(max_length=80)] = "",
    system: Text = "",
    temperature: Annotated[str, Form(max_length=10)] = "0",
    max_tokens: Annotated[str, Form(max_length=10)] = "512",
    remember: Annotated[bool, Form()] = False,
    compare: Annotated[bool, Form()] = False,
) -> Response:
    """The answer as lines of JSON; what was said is saved whether or not the browser stays."""
    _, model = chattable(shop, account, key)
    text = text.strip()
    if not text and not again:
        raise BadRequest("The message is empty.", "Write something first.")
    learned = system_of(dataset_of(shop, model))
    try:
        options = ChatOptions(temperature=float(temperature), max_tokens=int(max_tokens))
    except (ValueError, ValidationError) as error:
        raise BadRequest(
            "The settings can't be used.", "Temperature is 0 to 2, length a number of tokens from 1."
        ) from error
    settings = ChatSettings(
        system=None if system == learned else system, options=options, remember=remember, compare=compare
    )
    asked = Asked(
        account, model, said(shop, account, model, conversation, text, again, settings), system, settings
    )
    return Lines(stream(shop, asked))


def said(
    shop: Workshop,
    account: Account,
    model: TunedModel,
    conversation_id: str,
    text: str,
    again: bool,
    settings: ChatSettings,
) -> Conversation:
    """The conversation with the message added, or without the answer that is to be given anew."""
    registry = shop.registry
    if again and not conversation_id:
        raise BadRequest("There is nothing to answer again.", "Write a message.")
    if conversation_id:
        current = registry.conversation(account.id, conversation_id)
        if current.model_id != model.id:
            raise BadRequest("That conversation is with another model.", "Start a new one.")
        registry.set_chat(account.id, current.id, settings)
    else:
        current = registry.start_conversation(account.id, model.id, text, settings)
    if again:
        registry.drop_answer(account.id, current.id)
    else:
        registry.add_turn(account.id, current.id, "user", text)
    return registry.conversation(account.id, current.id)


@router.post("/{key}/conversations/{conversation}/rename")
def rename(
    request: Request, key: str, conversation: str, title: Annotated[str, Form()], shop: Shop, account: Signed
) -> Response:
    found = shop.registry.rename_conversation(account.id, conversation, title)
    return line(request, found, current=chosen_in(request))


@router.post("/{key}/conversations/{conversation}/delete")
def delete(request: Request, key: str, conversation: str, shop: Shop, account: Signed) -> Response:
    found = shop.registry.delete_conversation(account.id, conversation)
    return done(request, "_history_gone.html", {"one": found}, f"/chat/{found.model_id}")


@router.post("/{key}/conversations/{conversation}/restore")
def restore(request: Request, key: str, conversation: str, shop: Shop, account: Signed) -> Response:
    found = shop.registry.restore_conversation(account.id, conversation)
    return line(request, found, current=chosen_in(request))


def line(request: Request, found: Conversation, current: str) -> Response:
    context = {"one": found, "chosen": found.id == current}
    return done(request, "_history_line.html", context, f"/chat/{found.model_id}?conversation={found.id}")


def chosen_in(request: Request) -> str:
    return request.headers.get("referer", "").partition("conversation=")[2].partition("&")[0]


def chattable(shop: Workshop, account: Account, key: str) -> tuple[Card, TunedModel]:
    """Raises NotFound, and Refused for a model that isn't ready."""
    entry = shop.work.card(account, key)
    if entry.model is None:
        raise Refused(f"'{entry.run.name}' is not ready for a chat.", "Its card shows how far it is.")
    return card_of(shop, entry), entry.model


def dataset_of(shop: Workshop, model: TunedModel) -> Dataset | None:
    try:
        return shop.registry.dataset(model.dataset_id)
    except LuthierError:
        return None


def system_of(dataset: Dataset | None) -> str:
    """The system message that the model learned with."""
    return dataset.system if dataset else ""


def first_settings(dataset: Dataset | None, compare: bool) -> ChatSettings:
    """A model that learned to label single texts is misled by the labels it gave before; its base, which
    doesn't know that a label is wanted, would go on and on."""
    if dataset is None or dataset.kind != "classify":
        return ChatSettings(compare=compare)
    return ChatSettings(compare=compare, remember=False, options=ChatOptions(max_tokens=LABEL_TOKENS))
