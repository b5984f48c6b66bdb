"""A vendor on this machine, to try Luthier without an account: `python -m tests.vendors openai|gemini`.

Prints what to export for `luthier`, then serves until Ctrl-C. docs/providers.md tells more.
"""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.vendors.credentials import service_account
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.life import Pace
from tests.vendors.loopback import CONTROL, Loopback
from tests.vendors.openai_vendor import OpenAIVendor
from tests.vendors.storage import StorageFront, storage

BUCKET = "luthier-staging"
# bases that do not end while they are tried, and a job that goes on while one looks
TRIAL = {"LUTHIER_BASES_FILE": str(Path(__file__).with_name("bases.toml")), "LUTHIER_POLL_SECONDS": "2"}


def main() -> None:
    asked = arguments()
    # the storage is a process of its own, and must not outlive this one
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    pace = Pace(asked.polls, asked.seconds)
    with ExitStack() as stack:
        if asked.vendor == "openai":
            vendor: Loopback = stack.enter_context(OpenAIVendor(asked.port, pace))
            fronts = [vendor]
            exports = {"OPENAI_BASE_URL": f"{vendor.url}/v1", "OPENAI_API_KEY": "sk-loopback"}
        else:
            files = stack.enter_context(storage(BUCKET))
            vendor = stack.enter_context(GeminiVendor(files, asked.port, pace))
            front = stack.enter_context(StorageFront(files))
            fronts = [vendor, front]
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            exports = google(vendor.url, front.url, folder)
        for each in fronts if asked.faults else []:
            each.chaos = (Random(asked.seed), asked.faults)
        for name, value in {**exports, **TRIAL}.items():
            print(f"export {name}={value}")
        print(f"# control it at {vendor.url}{CONTROL}".replace("\n", "\n# ").rstrip("# \n"), flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


def google(url: str, files: str, folder: Path) -> dict[str, str]:
    return {
        "GOOGLE_CLOUD_PROJECT": "loopback",
        "GOOGLE_CLOUD_LOCATION": "us-central1",
        "LUTHIER_GOOGLE_BUCKET": BUCKET,
        "GOOGLE_APPLICATION_CREDENTIALS": str(service_account(folder, url)),
        "GOOGLE_VERTEX_BASE_URL": url,
        "STORAGE_EMULATOR_HOST": files,
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.vendors", description=__doc__)
    parser.add_argument("vendor", choices=["openai", "gemini"])
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--polls", type=int, default=1, help="polls until a job takes its next step")
    parser.add_argument("--seconds", type=float, help="let a job last so long, however often it is asked for")
    parser.add_argument("--faults", type=float, default=0, help="share of requests that meet a fault, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    return parser.parse_args()


if __name__ == "__main__":
    main()
