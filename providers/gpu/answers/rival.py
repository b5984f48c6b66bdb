"""Another model answers a job's holdout: `python -m providers.gpu answer JOB_DIR BASE_MODEL ADAPTER OUT`."""

from pathlib import Path

from providers.gpu import bases
from providers.gpu.answers.evaluation import Evaluator, Question
from providers.gpu.answers.speakers import speaker
from providers.gpu.jobs import JobFolder, messages_of, write_atomically
from providers.gpu.options import Options
from providers.gpu.training.scoring import Scorer
from records import Answer


def answer(job: JobFolder, base_model: str, adapter: Path, out: Path) -> None:
    """Write to `out` the job's answers with the other model's in place of the base model's.

    As many questions are answered in words as the job itself did. Losses a token of models with different
    tokenizers can't be compared, so there are none where the bases differ.
    """
    spec = job.read_spec()
    options = Options.model_validate(spec.recipe.options)
    limit = bases.row_limit(bases.find(spec.recipe.base_model), options)
    voice = speaker(base_model, str(adapter), job.path.parent.parent)
    voice.ready()
    asked = [Question.of(messages, voice.template, limit) for messages in messages_of(job.holdout)]
    questions = [question for question in asked if question]
    longest = max((len(row.tokens) for question in questions for row in question.rows), default=0)
    scorer = Scorer(voice.model.get_base_model(), options.share_prefixes, longest)
    answered = max((sum(row.trained) for question in questions for row in question.rows), default=1)
    evaluator = Evaluator(voice.model, scorer, voice, options, answered)
    theirs = evaluator.alone(questions)
    same_base = base_model == spec.recipe.base_model
    pairs = zip(job.read_answers(), *theirs, strict=True)
    lines = [
        ours.but(base=text if ours.tuned or ours.base else "", **_losses(ours, loss if same_base else None))
        for ours, loss, text in pairs
    ]
    write_atomically(out, "".join(line.model_dump_json() + "\n" for line in lines))


def _losses(ours: Answer, theirs: float | None) -> dict[str, float | None]:
    return {"base_loss": theirs, "tuned_loss": ours.tuned_loss if theirs is not None else None}
