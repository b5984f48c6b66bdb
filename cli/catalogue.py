"""The base models, with what their vendors say today where a key is set."""

import providers
from cli.terminal import err
from errors import LuthierError
from providers import NamesShutdowns
from providers.catalogue import Base
from providers.catalogue import bases as catalogued
from providers.patience import ONCE
from settings import settings

ANSWER_SECONDS = 5.0


def as_of_today() -> list[Base]:
    """A vendor that can't be asked leaves the catalogue's own dates, and that is said."""
    known = dict(catalogued(settings().bases_file))
    for name in providers.HOMES:
        arguments = settings().provider_arguments(name)
        if not arguments.get("api_key"):
            continue
        try:
            vendor = providers.get(name, **arguments, patience=ONCE, timeout=ANSWER_SECONDS)
            told = vendor.shutdowns() if isinstance(vendor, NamesShutdowns) else {}
        except LuthierError as error:
            err.print(f"The dates are the catalogue's: {error.message}", markup=False)
            continue
        known |= {id: known[id].with_shutdown(day) for id, day in told.items() if id in known}
    return list(known.values())
