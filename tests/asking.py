"""Asks a Prefect server as its own client does: again, when its SQLite was locked for a moment."""

import time

import httpx

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)


class Patient(httpx.HTTPTransport):
    """Sends a request again that was answered with 503: the server has rolled it back."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for pause in PAUSES:
            answer = super().handle_request(request)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            answer.close()
            time.sleep(pause)
        return super().handle_request(request)


def asking(url: str = "") -> httpx.Client:
    return httpx.Client(base_url=url, timeout=60, transport=Patient())


CLIENT = asking()
