from records import Job, Recipe
from tasks.caching import asked_for


def job(**fields: object) -> Job:
    return Job(id="job-1", name="One", provider="gpu", dataset_id="ds-1", recipe=Recipe(), **fields)


def test_what_happens_to_a_job_meanwhile_does_not_make_its_finished_steps_run_again() -> None:
    assert asked_for(None, {"job": job()}) == asked_for(None, {"job": job(status="failed", remote_id="r")})


def test_another_job_or_recipe_is_another_question() -> None:
    asked = asked_for(None, {"job": job(), "recipe": Recipe()})
    assert asked != asked_for(None, {"job": job().but(id="job-2"), "recipe": Recipe()})
    assert asked != asked_for(None, {"job": job(), "recipe": Recipe(epochs=2)})
