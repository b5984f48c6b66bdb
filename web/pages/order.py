"""What the form of a new model asks for, and the recipe and preparation that it means."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from records import Preparation, Recipe, Redaction, Sensitive, Teacher
from web.faults import BadRequest

Line = Annotated[str, Field(max_length=500)]
Text = Annotated[str, Field(max_length=8000)]
CLASSES: tuple[Sensitive, ...] = get_args(Sensitive)
ACCEPTS, MAX_COST = "accept_retirement", "max_cost"  # options of every hosted provider
# what can be done with private data; the rest is replaced by a placeholder
LEAVE, DROP, STOP = "leave", "drop", "stop"


class Order(BaseModel):
    """The fields as a browser sends them. `files` and `held` are ids of uploads; `private` holds one of
    `CLASS:leave`, `CLASS:drop`, `CLASS:stop` for each class that is not replaced."""

    model_config = ConfigDict(allow_inf_nan=False)

    use_case: str = Field("", max_length=4000)
    base_model: Line = ""
    other_base: Line = ""
    files: list[Line] = []
    uris: Text = ""
    held: list[Line] = []
    held_uris: Text = ""
    kind: Literal["auto", "chat", "classify", "style", "reference"] = "auto"
    label: Line = ""
    holdout: float = Field(0.1, ge=0, le=0.5)
    near_duplicates: float = Field(0.85, ge=0.5, le=1)
    assistant: Line = ""
    redact: bool = False
    allow: Text = ""
    private: list[Line] = []
    teacher_url: Line = ""
    teacher_model: Line = ""
    teacher_key: Line = ""
    teacher_max_calls: int = Field(500, ge=1)
    teacher_max_cost: float | None = Field(None, gt=0)
    teacher_price_read: float | None = Field(None, ge=0)
    teacher_price_written: float | None = Field(None, ge=0)
    epochs: int | None = Field(None, ge=1, le=50)
    learning_rate: float | None = Field(None, gt=0)
    rank: int | None = Field(None, ge=1, le=512)
    seed: int = Field(17, ge=0, le=2**31 - 1)
    max_cost: float | None = Field(None, gt=0)
    accept_retirement: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_the_empty(cls, given: Any) -> Any:
        """A field that was left empty counts as none."""
        return {name: value for name, value in dict(given).items() if value != ""}

    def recipe(self, base_model: str, hosted: bool) -> Recipe:
        options: dict[str, Any] = {}
        if hosted and self.accept_retirement:
            options[ACCEPTS] = True
        if hosted and self.max_cost is not None:
            options[MAX_COST] = self.max_cost
        return Recipe(
            base_model=base_model,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            rank=self.rank,
            seed=self.seed,
            options=options,
        )

    def preparation(self, held: tuple[str, ...]) -> Preparation:
        """`held` are paths and URIs. Raises BadRequest."""
        return Preparation(
            kind=self.kind,
            label=self.label.strip() or None,
            holdout=self.holdout,
            held=held,
            near_duplicates=self.near_duplicates,
            redact=self.redact,
            redaction=self._redaction(),
            assistant=self.assistant.strip() or None,
            teacher=self._teacher(),
            seed=self.seed,
        )

    def _redaction(self) -> Redaction:
        chosen = dict(one.split(":", 1) for one in self.private if ":" in one)
        if unknown := chosen.keys() - set(CLASSES):
            raise BadRequest(f"There is no class of private data called '{min(unknown)}'.")
        left = {name for name, what in chosen.items() if what == LEAVE}
        if left == set(CLASSES):
            raise BadRequest("Every class of private data would be left as it is.", "Turn the replacing off.")
        return Redaction(
            only=tuple(name for name in CLASSES if name not in left) if left else (),
            drop=tuple(name for name in CLASSES if chosen.get(name) == DROP),
            stop=tuple(name for name in CLASSES if chosen.get(name) == STOP),
            allow=tuple(lines(self.allow)),
        )

    def _teacher(self) -> Teacher | None:
        url, model = self.teacher_url.strip(), self.teacher_model.strip()
        if not url and not model:
            return None
        if not url or not model:
            raise BadRequest("A teacher needs an address and a model.", "Give both, or neither.")
        prices = (self.teacher_price_read, self.teacher_price_written)
        given: dict[str, Any] = {"max_calls": self.teacher_max_calls, "max_cost": self.teacher_max_cost}
        if self.teacher_key.strip():
            given["key"] = self.teacher_key.strip()
        if None not in prices:
            given["price"] = prices
        if self.teacher_max_cost is not None and "price" not in given:
            raise BadRequest("A limit of the teacher's cost needs its prices.", "Give both prices too.")
        try:
            return Teacher(url=url, model=model, **given)
        except ValidationError as error:
            raise BadRequest(f"The teacher can't be used: {error.errors()[0]['msg']}.") from error


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def treatment(redaction: Redaction, name: Sensitive) -> str:
    """How the form shows what becomes of a class; empty: it is replaced."""
    if redaction.only and name not in redaction.only:
        return LEAVE
    return DROP if name in redaction.drop else STOP if name in redaction.stop else ""
