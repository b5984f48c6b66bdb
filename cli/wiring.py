"""Makes the parts that commands work with from the settings."""

from typing import TYPE_CHECKING

import providers
from providers import Provider
from settings import settings

if TYPE_CHECKING:
    from registry.store import Registry


def open_registry() -> "Registry":
    # the database library takes half of the start of a command; not all need it
    from registry.store import Registry

    return Registry(**settings().registry_arguments)


def provider_named(name: str) -> Provider:
    """Raises NotConfigured."""
    return providers.get(name, **settings().provider_arguments(name))
