"""A page in a real browser, and what is asked of it always: a silent console, and nothing for axe to find."""

from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page

SERIOUS = ("serious", "critical")


@dataclass
class Console:
    """Errors and warnings; a request that the test itself let fail is taken off by `forget`."""

    said: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(f"page error: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(f"{message.type}: {message.text} {message.location}")

    def forget(self, part: str) -> None:
        """What a test meant to cause."""
        assert any(part in text for text in self.said), (part, self.said)
        self.said = [text for text in self.said if part not in text]


def serious_faults(page: Page) -> list[str]:
    """What axe-core finds that keeps people out, as `rule: element`."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
        for found in violations
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]
