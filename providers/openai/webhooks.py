"""What OpenAI tells by itself: signed notices, after the Standard Webhooks scheme, that a job has ended."""

import json
from collections.abc import Mapping

import openai

from errors import InvalidData, NotConfigured, Refused
from providers import Notice

JOB_EVENTS = "fine_tuning.job."


def opened(body: bytes, headers: Mapping[str, str], secret: str) -> Notice:
    """A notice whose signature fits, and which was sent in the last five minutes.

    Raises Refused for a wrong signature, InvalidData for one that is too old or can't be read.
    """
    if not secret:
        raise NotConfigured(
            "There is no secret to check OpenAI's webhooks with.",
            "Set LUTHIER_OPENAI_WEBHOOK_SECRET to what OpenAI showed when the webhook was made (whsec_…).",
        )
    try:
        # nothing is asked of OpenAI, so no key is needed
        openai.OpenAI(api_key="none").webhooks.verify_signature(body, headers, secret=secret)
        event = json.loads(body)
        told, job = str(event["type"]), event["data"]["id"]
    except openai.InvalidWebhookSignatureError as error:
        if "timestamp" in str(error):
            raise InvalidData(
                f"The notice is not of now: {error}.", "Set the clock of this machine."
            ) from error
        raise Refused("The signature is not OpenAI's.", "Check LUTHIER_OPENAI_WEBHOOK_SECRET.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidData(f"The notice can't be read: {error}.", "") from error
    return Notice(headers["webhook-id"], str(job) if told.startswith(JOB_EVENTS) else None)
