"""What is said of a request that has a wrong field."""

from pydantic import BaseModel, ValidationError, field_validator

from web.naming import wrong


class Form(BaseModel):
    kind: str

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind != "chat":
            raise ValueError("choose chat")
        return kind


def test_a_rule_of_ours_is_told_without_pydantic_s_words_in_front() -> None:
    given = {"kind": "song"}
    try:
        Form.model_validate(given)
    except ValidationError as error:
        assert wrong(error.errors(), given).message == "Invalid value for 'kind': choose chat."
    else:
        raise AssertionError("it was taken")
