"""A teacher behind any address that speaks OpenAI's chat completions: a vendor, vLLM, Ollama, llama.cpp."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import openai

from errors import NotConfigured, Refused, Unavailable
from providers.endless import within
from providers.openai.faults import PASSING, sentence
from providers.patience import PATIENT, Patience, retry_after
from providers.tokens import estimated
from records import Teacher

NO_KEY = "none"  # servers on one's own machine ask for no key, but the SDK does
TIMEOUT_SECONDS = 180.0


class Endpoint:
    """Asks one question at a time; made for several threads."""

    def __init__(self, teacher: Teacher, key: str, patience: Patience = PATIENT):
        self.teacher, self.patience = teacher, patience
        self.client = openai.OpenAI(
            api_key=key or NO_KEY,
            base_url=teacher.url,
            max_retries=0,
            timeout=openai.Timeout(TIMEOUT_SECONDS, connect=10.0),
            http_client=openai.DefaultHttpxClient(event_hooks={"response": [within(TIMEOUT_SECONDS)]}),
        )

    def ask(self, instruction: str, material: str) -> tuple[str, int, int]:
        """The answer, and the tokens read and written. After a passing fault it is asked again; raises
        Unavailable when that lasts, NotConfigured for a wrong address or key, Refused for anything else."""
        return self.patience(lambda: self._asked(instruction, material))

    def _asked(self, instruction: str, material: str) -> tuple[str, int, int]:
        # no temperature and no limit of tokens: some models refuse the one, some call the other differently
        with self._mapped():
            answer = self.client.chat.completions.create(
                model=self.teacher.model,
                messages=[{"role": "system", "content": instruction}, {"role": "user", "content": material}],
            )
            text = answer.choices[0].message.content or "" if answer.choices else ""
            read = answer.usage.prompt_tokens if answer.usage else estimated(instruction + material)
            written = answer.usage.completion_tokens if answer.usage else estimated(text)
        return text, read, written

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        where = f"The teacher at {self.teacher.url}"
        again = "What it answered so far is kept; run the same again."
        try:
            yield
        except openai.APIStatusError as error:
            said = sentence(error.message)
            if error.status_code in PASSING or error.status_code >= 500:
                wait = retry_after(error.response.headers)
                raise Unavailable(f"{where} is busy or faulty: {said}", again, retry_after=wait) from error
            if error.status_code == 401:
                hint = (
                    f"Set {self.teacher.key} in the environment, or name another variable by --teacher-key."
                )
                raise NotConfigured(f"{where} does not accept the key.", hint) from error
            if error.status_code == 404:
                hint = "Check the address, which mostly ends in /v1, and the model's name."
                raise NotConfigured(f"{where} knows no model '{self.teacher.model}': {said}", hint) from error
            raise Refused(f"{where} refuses: {said}", again) from error
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            raise Unavailable(f"{where} can't be reached.", "Check the address; is it running?") from error
        except (openai.APIError, ValueError, AttributeError, TypeError) as error:
            raise Unavailable(f"{where} answered what is no chat completion.", again) from error
