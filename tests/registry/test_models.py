from datetime import timedelta
from pathlib import Path

import pytest

from errors import InvalidData, NotConfigured, NotFound
from records import now


def test_an_added_model_is_found_by_id_digits_and_name(registry, make_model):
    model = registry.add_model(make_model())
    for key in (model.id, model.id[:-3], model.id.removeprefix("model-")[:6], "Ticket router"):
        assert registry.model(key) == model


def test_models_are_listed_newest_first(registry, make_model):
    moment = now()
    for name, age in {"old": 2, "new": 0, "middle": 1}.items():
        registry.add_model(make_model(name, created_at=moment - timedelta(days=age)))
    assert [model.display_name for model in registry.models()] == ["new", "middle", "old"]


def test_a_name_that_two_models_have_names_both(registry, make_model):
    ids = {registry.add_model(make_model("Router", dataset_id=dataset)).id for dataset in ("d-1", "d-2")}
    with pytest.raises(NotFound) as caught:
        registry.model("Router")
    assert all(id in caught.value.message for id in ids)


def test_an_unknown_model_is_not_found_with_a_hint(registry):
    with pytest.raises(NotFound, match="nobody") as caught:
        registry.model("nobody")
    assert "luthier models" in caught.value.hint


def test_publishing_again_renews_the_record_but_keeps_the_persons_name(registry, make_model):
    model = registry.add_model(make_model())
    registry.rename_model(model.id, "Support router v2")
    again = registry.add_model(model.but(artifact="/store/new.zip", created_at=now() + timedelta(days=1)))
    assert again.display_name == "Support router v2"
    assert again.created_at == model.created_at
    assert registry.model(model.id).artifact == "/store/new.zip"


def test_renaming_tidies_the_name_and_is_found_by_it(registry, make_model):
    model = registry.add_model(make_model())
    renamed = registry.rename_model(model.id, "  Support   router\tv2 ")
    assert renamed.display_name == "Support router v2"
    assert renamed.updated_at > model.updated_at
    assert registry.model("Support router v2") == renamed
    with pytest.raises(NotFound):
        registry.model("Ticket router")


@pytest.mark.parametrize("name", ["", "  \n ", "x" * 101, "bell\x07"])
def test_a_name_that_cannot_be_shown_is_refused(name, registry, make_model):
    model = registry.add_model(make_model())
    with pytest.raises(InvalidData, match="name"):
        registry.rename_model(model.id, name)
    assert registry.model(model.id) == model


def test_a_deleted_model_is_off_the_lists_and_its_artefact_is_gone(registry, make_model, tmp_path):
    artefact = tmp_path / "model.zip"
    artefact.write_bytes(b"zip")
    model = registry.add_model(make_model(artifact=str(artefact)))
    assert registry.delete_model("Ticket router") == model
    assert registry.models() == []
    assert not artefact.exists()
    with pytest.raises(NotFound):
        registry.model(model.id)


def test_a_model_without_artefact_or_with_a_lost_one_can_be_deleted(registry, make_model, tmp_path):
    registry.add_model(make_model("hosted"))
    registry.add_model(make_model("lost", artifact=str(tmp_path / "lost.zip")))
    registry.delete_model("hosted")
    registry.delete_model("lost")
    assert registry.models() == []


def test_an_artefact_that_another_model_uses_stays(registry, make_model, tmp_path):
    artefact = tmp_path / "model.zip"
    artefact.write_bytes(b"zip")
    for name in ("one", "two"):
        registry.add_model(make_model(name, artifact=str(artefact)))
    registry.delete_model("one")
    assert artefact.exists()
    registry.delete_model("two")
    assert not artefact.exists()


def test_a_model_whose_artefact_cannot_be_removed_stays_listed(registry, make_model):
    model = registry.add_model(make_model(artifact="abfs://container/model.zip"))
    with pytest.raises(NotConfigured):
        registry.delete_model(model.id)
    assert registry.models() == [model]


def test_a_deleted_model_that_is_published_again_is_listed_again(registry, make_model):
    model = registry.add_model(make_model())
    registry.delete_model(model.id)
    registry.add_model(model)
    assert registry.models() == [model]


def test_models_are_found_by_job_and_source(registry, make_dataset, make_model):
    dataset = registry.keep_dataset(make_dataset())
    model = registry.add_model(make_model(dataset_id=dataset.id, job_id="job-7"))
    registry.add_model(make_model("unrelated", dataset_id="dataset-other"))
    assert registry.models_with_source(dataset.report.files[0].uri) == [model]
    assert registry.models_with_source("elsewhere.csv") == []
    assert registry.model_of_job("job-7") == model
    assert registry.model_of_job("job-8") is None


def test_a_download_goes_to_a_folder_or_a_path(registry, make_model, tmp_path):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    published = registry.publish(adapter, "model-1", {})
    model = registry.add_model(make_model(artifact=published.uri))
    target = tmp_path / "out"
    target.mkdir()
    for path in (registry.download(model, target), registry.download(model, tmp_path / "new" / "mine.zip")):
        assert path.read_bytes() == Path(published.uri).read_bytes()
    assert path.name == "mine.zip"


def test_a_model_that_stays_with_its_vendor_has_a_reference_but_no_files(registry, make_model, tmp_path):
    model = make_model(reference="ft:gpt:1")
    assert registry.reference(model) == "ft:gpt:1"
    with pytest.raises(NotFound, match="stays with its provider"):
        registry.download(model, tmp_path)


def test_a_published_model_is_referred_to_by_its_unpacked_folder(registry, make_model, tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    model = make_model(artifact=registry.publish(tmp_path, "model-1", {}).uri)
    folder = Path(registry.reference(model))
    assert sorted(path.name for path in folder.iterdir()) == ["adapter_config.json", "luthier.json"]


def test_a_job_has_a_folder_of_its_own(registry):
    folder = registry.job_folder("job-1")
    assert folder.is_dir()
    assert folder == registry.home / "jobs" / "job-1"
