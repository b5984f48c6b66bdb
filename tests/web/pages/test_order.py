"""What the form's fields mean, and those that can't be meant."""

from io import BytesIO

import pytest
from fastapi.testclient import TestClient

from errors import LuthierError
from records import Preparation, Redaction, Teacher
from registry import Registry
from web.faults import BadRequest
from web.pages.order import CLASSES, Order, treatment
from web.workshop import Workshop

GOOD = "Support assistant for an online shop: routes each message to one label"


def test_a_form_left_as_it_is_means_the_defaults() -> None:
    order = Order(redact=True, label="", epochs="", max_cost="", teacher_price_read="")  # type: ignore[arg-type]
    assert order.preparation(()) == Preparation()
    assert order.recipe("smollm2-135m", hosted=False).options == {}


def test_what_only_hosted_bases_know_is_asked_of_them_alone() -> None:
    order = Order(accept_retirement=True, max_cost=3)
    assert order.recipe("a", hosted=True).options == {"accept_retirement": True, "max_cost": 3.0}
    assert order.recipe("a", hosted=False).options == {}


def test_each_class_of_private_data_is_treated_as_chosen_and_shown_so_again() -> None:
    order = Order(private=["", "email:drop", "card:stop", "phone:leave"])
    found = order.preparation(()).redaction
    assert (found.drop, found.stop) == (("email",), ("card",))
    assert found.only == tuple(name for name in CLASSES if name != "phone")
    shown = {name: treatment(found, name) for name in CLASSES}
    assert {name: what for name, what in shown.items() if what} == {
        "email": "drop",
        "card": "stop",
        "phone": "leave",
    }
    assert not any(treatment(Redaction(), name) for name in CLASSES)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"private": [f"{name}:leave" for name in CLASSES]}, "Every class of private data"),
        ({"private": ["shoe_size:drop"]}, "no class of private data called 'shoe_size'"),
        ({"teacher_url": "http://127.0.0.1:1/v1"}, "an address and a model"),
        ({"teacher_model": "writer"}, "an address and a model"),
        (
            {"teacher_url": "http://127.0.0.1:1/v1", "teacher_model": "writer", "teacher_max_cost": 2.0},
            "needs its prices",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_in_words(fields: dict[str, object], why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        Order(**fields).preparation(())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [{"epochs": "1e3"}, {"learning_rate": "inf"}, {"holdout": "nan"}, {"kind": "poem"}, {"seed": "-1"}],
)
def test_a_value_that_cannot_be_is_named(client: TestClient, fields: dict[str, str]) -> None:
    told = client.post("/new", data={"use_case": GOOD, "uris": "/x", **fields})
    assert told.status_code == 400
    assert next(iter(fields)) in told.text


def test_a_teacher_is_for_the_owner_alone(client: TestClient, registry: Registry) -> None:
    """It would be sent a secret of the server, to an address that anyone may choose."""
    shop: Workshop = client.app.state.workshop  # type: ignore[attr-defined]
    robin = registry.add_account("Robin")
    upload = registry.keep_upload(robin.id, "help.md", BytesIO(b"# Help\n"))
    asked = Preparation(teacher=Teacher(url="http://127.0.0.1:1/v1", model="writer", key="OPENAI_API_KEY"))
    recipe = Order().recipe("smollm2-135m", hosted=False)
    with pytest.raises(LuthierError, match="Only the owner may name a teacher"):
        shop.work.start_preparation(robin, [upload.path], GOOD, recipe, asked)
    assert shop.work.start_preparation(registry.owner(), [upload.path], GOOD, recipe, asked)
