import openai
import pytest

from errors import NotFound, Refused


@pytest.fixture
def sdk(served, owner):
    return openai.OpenAI(base_url=f"{served}/v1", api_key=owner.key, max_retries=0)


def test_models_are_listed_retrieved_and_deleted_by_the_sdk(sdk, owner, finish):
    entries = [finish(owner.account, name) for name in ("Shelves", "Drawers")]
    assert [model.id for model in sdk.models.list()] == [entry.model.id for entry in entries[::-1]]
    model = sdk.models.retrieve(entries[0].model.id)
    assert (model.object, model.shutdown_date, model.root) == (
        "model",
        "2099-01-08",
        entries[0].model.base_model,
    )
    assert sdk.models.delete(model.id).deleted
    assert [model.id for model in sdk.models.list()] == [entries[1].model.id]
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.models.retrieve(model.id)
    assert caught.value.code == "model_not_found"


def test_another_accounts_model_can_be_neither_seen_nor_deleted(client, owner, person, finish):
    entry, robin = finish(owner.account), person()
    assert client.get("/v1/models", headers=robin.headers).json()["data"] == []
    for method in ("GET", "DELETE"):
        answer = client.request(method, f"/v1/models/{entry.model.id}", headers=robin.headers)
        assert answer.status_code == 404
    assert client.get(f"/v1/models/{entry.model.id}", headers=owner.headers).status_code == 200


def test_two_accounts_may_have_the_same_model_and_one_deletes_its_own_only(client, owner, person, finish):
    robin = person()
    finish(owner.account)
    entry = finish(robin.account)
    assert client.delete(f"/v1/models/{entry.model.id}", headers=robin.headers).status_code == 200
    assert client.get("/v1/models", headers=robin.headers).json()["data"] == []
    assert client.get(f"/v1/models/{entry.model.id}", headers=owner.headers).status_code == 200


def test_a_deletion_can_be_taken_back_while_the_plan_has_room(shop, person, finish):
    robin = person(plan="small").account
    first = finish(robin, "Shelves")
    shop.work.delete(robin, first.model.id)
    with pytest.raises(NotFound):
        shop.work.card(robin, first.model.id)
    assert shop.work.restore(robin, first.run.id).model == first.model
    shop.work.delete(robin, first.model.id)
    finish(robin, "Drawers")
    with pytest.raises(Refused, match="holds 1 models"):
        shop.work.restore(robin, first.run.id)
