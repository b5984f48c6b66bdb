"""OpenAI's training format, and what OpenAI would reject only after the upload."""

import re
from typing import Any

from providers.format import Format

# the fields of the messages in OpenAI's published API description
KEPT = ("role", "content", "name", "weight", "tool_calls", "tool_call_id", "refusal")
BESIDE = ("tools", "parallel_tool_calls")
# a job fails over them: "Example N message contains an invalid token"
RESERVED = re.compile(
    r"<\|(endoftext|endofprompt|fim_prefix|fim_middle|fim_suffix|im_start|im_end|im_sep)\|>"
)
LARGEST_BYTES = 8 * 1024**3  # the Uploads API's limit

NO_MESSAGES = "it has no messages"
NOT_LAST = "the last message is not from the assistant"
NO_WEIGHT = "every answer has weight 0, so there is nothing to learn"
EMPTY = "an assistant message says nothing and calls no tool"
TOKEN = "the text contains a reserved token such as <|endoftext|>"
NO_CALL = "a tool message does not name the call that it answers"
NO_TOOLS = "a tool is called, but the example does not describe its tools"


def line(example: dict[str, Any]) -> dict[str, Any]:
    """The same messages, with weights and tool calls, without our empty fields."""
    messages = [
        {key: message[key] for key in KEPT if message.get(key) is not None} for message in example["messages"]
    ]
    return {"messages": messages} | {key: example[key] for key in BESIDE if key in example}


def fault(example: dict[str, Any]) -> str:
    messages = example.get("messages")
    if not messages:
        return NO_MESSAGES
    answers = [message for message in messages if message.get("role") == "assistant"]
    if messages[-1].get("role") != "assistant":
        return NOT_LAST
    if all(message.get("weight") == 0 for message in answers):
        return NO_WEIGHT
    if any(not message.get("content") and not message.get("tool_calls") for message in answers):
        return EMPTY
    if any(message.get("role") == "tool" and not message.get("tool_call_id") for message in messages):
        return NO_CALL
    if any(message.get("tool_calls") for message in answers) and not example.get("tools"):
        return NO_TOOLS
    texts = (message.get("content") for message in messages)
    return TOKEN if any(isinstance(text, str) and RESERVED.search(text) for text in texts) else ""


FORMAT = Format("OpenAI", line, fault, LARGEST_BYTES)
