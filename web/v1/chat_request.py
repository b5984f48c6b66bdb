"""What a chat request may hold, and what becomes of it: turns and options for whatever answers."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from records import ChatOptions, Message, ToolCall, ToolRequest, ToolResult, Turn
from web.faults import BadRequest
from web.v1.shapes import Asked, Body, unsupported

MAX_TOKENS = 512
LONGEST_ANSWER = 32_768
MOST_TOOLS = 128
MOST_CHOICES = 16
LEAST_TOP_P = 1e-6  # what 0 is taken for: the likeliest token alone
TokenId = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]
FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]


class TextPart(Body):
    type: Literal["text"]
    text: str


class NamedFunction(Body):
    name: FunctionName


class CalledFunction(NamedFunction):
    arguments: str


class Call(Body):
    id: str = Field(min_length=1, max_length=128)
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(Body):
    """An answer can be given back with all the fields that OpenAI's SDKs show of it."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = Field(None, max_length=MOST_TOOLS)
    tool_call_id: str | None = Field(None, max_length=128)
    annotations: list[Any] | None = None
    audio: None = None
    function_call: None = None

    def turn(self, place: int) -> Turn:
        """Raises BadRequest for a message without what its role needs."""
        text = self.content
        if isinstance(text, list):
            text = "".join(part.text for part in text)
        if self.role == "tool":
            if not self.tool_call_id:
                raise missing(f"messages[{place}].tool_call_id")
            return ToolResult(content=text or "", call_id=self.tool_call_id)
        if self.role == "assistant" and self.tool_calls:
            calls = tuple(
                ToolCall(index=at, id=call.id, name=call.function.name, arguments=call.function.arguments)
                for at, call in enumerate(self.tool_calls)
            )
            return ToolRequest(content=text or "", calls=calls)
        if text is None:
            raise missing(f"messages[{place}].content")
        return Message(role="system" if self.role == "developer" else self.role, content=text)


def missing(param: str) -> BadRequest:
    return BadRequest(
        f"Missing required parameter: '{param}'.", param=param, why="missing_required_parameter"
    )


class Function(NamedFunction):
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Body):
    type: Literal["function"]
    function: Function


class ToolChoice(Body):
    type: Literal["function"]
    function: NamedFunction


class JsonSchema(Body):
    name: FunctionName
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None


class ResponseFormat(Body):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(Body):
    include_usage: bool | None = False
    include_obfuscation: bool | None = None


class ChatRequest(Asked):
    """Parameters from `tools` on are passed on where the model's back end has them, and refused by name
    elsewhere; those from `store` to `function_call` can be given as they are by default. `user`, `metadata`,
    `safety_identifier` and `prompt_cache_key` change nothing."""

    model: str = Field(min_length=1, max_length=128)
    messages: list[ChatMessage] = Field(min_length=1, max_length=2000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=LONGEST_ANSWER)
    max_completion_tokens: int | None = Field(None, ge=1, le=LONGEST_ANSWER)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    seed: int | None = Field(None, ge=-(2**63), le=2**63 - 1)
    user: str | None = None
    metadata: dict[str, str] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    store: bool | None = None
    service_tier: str | None = None
    modalities: list[str] | None = None
    audio: Any = None
    prediction: Any = None
    reasoning_effort: Any = None
    verbosity: Any = None
    web_search_options: Any = None
    functions: Any = None
    function_call: Any = None
    n: int | None = Field(None, ge=1, le=MOST_CHOICES)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    tools: list[Tool] | None = Field(None, max_length=MOST_TOOLS)
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[TokenId, Annotated[float, Field(ge=-100, le=100)]] | None = None


# what no back end of ours does, and what some do: each with the values that ask for nothing
NEVER: Mapping[str, tuple[Any, ...]] = {
    "store": (None, False),
    "service_tier": (None, "auto", "default"),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "reasoning_effort": (None,),
    "verbosity": (None,),
    "web_search_options": (None,),
    "functions": (None,),
    "function_call": (None,),
}
SOMETIMES: Mapping[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "parallel_tool_calls": (None, True),
    "response_format": (None, ResponseFormat(type="text")),
    "frequency_penalty": (None, 0),
    "presence_penalty": (None, 0),
    "logit_bias": (None, {}),
}


def turns_of(body: ChatRequest, chats_with: frozenset[str]) -> list[Turn]:
    """The dialogue. Raises BadRequest for one that can't be answered, or not by this back end."""
    turns = [message.turn(place) for place, message in enumerate(body.messages)]
    if "tools" not in chats_with and any(isinstance(turn, ToolRequest | ToolResult) for turn in turns):
        raise refused("messages", "messages of tools", "Send plain messages.")
    if all(turn.role == "system" for turn in turns):
        raise BadRequest("There is nothing to answer.", "Add a user message.", param="messages")
    return turns


def options_of(body: ChatRequest, chats_with: frozenset[str], temperature: float) -> ChatOptions:
    """`temperature` is the one that is taken where none is given. Raises BadRequest, the parameter named."""
    for name, values in NEVER.items():
        if getattr(body, name) not in values:
            raise unsupported(name, f"'{name}' is not supported with this value.", "Leave it out.")
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    return ChatOptions(
        temperature=temperature if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else max(body.top_p, LEAST_TOP_P),
        max_tokens=body.max_completion_tokens or body.max_tokens or MAX_TOKENS,
        stop=tuple(stop for stop in stops if stop),
        seed=body.seed,
        more=_more(body, chats_with),
    )


def _more(body: ChatRequest, chats_with: frozenset[str]) -> dict[str, Any]:
    asked = {
        name: value for name, values in SOMETIMES.items() if (value := getattr(body, name)) not in values
    }
    if asked.get("tool_choice") and "tools" not in asked:
        raise BadRequest("'tool_choice' needs tools.", "Give `tools` too.", param="tool_choice")
    if body.tools and body.tool_choice == "none":
        asked["tool_choice"] = "none"
    if "top_logprobs" in asked and not body.logprobs:
        raise BadRequest(
            "'top_logprobs' needs logprobs.", "Give `logprobs` = true too.", param="top_logprobs"
        )
    wanted = body.response_format
    if wanted and wanted.type == "json_schema" and wanted.json_schema is None:
        raise missing("response_format.json_schema")
    for name in asked:
        if name not in chats_with:
            raise refused(name, f"'{name}'", "Leave it out, or ask a model that answers elsewhere.")
    # several answers are several requests to the back end
    asked.pop("n", None)
    whole = body.model_dump(include=set(asked), exclude_none=True, by_alias=True)
    return {name: whole[name] for name in asked}


def refused(param: str, what: str, hint: str) -> BadRequest:
    return unsupported(param, f"The back end of this model does not take {what}.", hint)
