"""What is said: the messages of examples and of a chat with a model, tool calls among them."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from records.record import Record

Role = Literal["system", "user", "assistant"]


class Message(Record):
    """One message of an example or of a chat."""

    role: Role
    content: str
    weight: Literal[0, 1] | None = Field(
        None, description="0 leaves an assistant message out of the loss; none means 1"
    )

    @model_validator(mode="after")
    def only_assistants_are_weighted(self) -> Self:
        if self.weight is not None and self.role != "assistant":
            raise ValueError("only assistant messages carry a weight")
        return self


class ToolCall(Record):
    """A call that the model asks for, or a piece of one: pieces of the same index are joined."""

    index: int = 0
    id: str = ""
    name: str = ""
    arguments: str = Field("", description="JSON")


class ToolRequest(Message):
    """An assistant's message that asks for calls."""

    role: Literal["assistant"] = "assistant"
    calls: tuple[ToolCall, ...]


class ToolResult(Record):
    """What the call of that id gave."""

    role: Literal["tool"] = "tool"
    content: str
    call_id: str


# What a model is sent …
Turn = Message | ToolRequest | ToolResult


class ChatOptions(Record):
    """How an answer is sampled, in OpenAI's terms. Temperature 0 takes the likeliest token each time."""

    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(512, ge=1)
    stop: tuple[str, ...] = ()
    seed: int | None = None
    more: dict[str, Any] = Field({}, description="in OpenAI's words, for providers whose `chats_with` has it")


class Usage(Record):
    """What ends an answer: the tokens it took, and why it ended."""

    prompt_tokens: int
    completion_tokens: int
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"


class Chance(Record):
    """How likely the model held a token, before temperature, penalties and bias."""

    token: str
    logprob: float
    bytes: tuple[int, ...]


class TokenChance(Chance):
    """Of a token that was said, and of the likeliest in its place."""

    top_logprobs: tuple[Chance, ...] = ()


class Weighed(Record):
    """A piece of text with the chances of its tokens."""

    text: str
    tokens: tuple[TokenChance, ...]


# … and what it streams: text and calls, then the usage.
Piece = str | Weighed | ToolCall | Usage
