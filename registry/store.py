"""The registry: one object over the database, the stored files and the place where artefacts are published.

    Registry("sqlite:////home/me/.luthier/luthier.db", home=Path("/home/me/.luthier"), store="s3://models")

Making one does nothing yet; the schema is created on first use. Threads may share it, processes make
their own.
"""

from pathlib import Path
from typing import Any

from errors import NotFound
from records import TunedModel
from registry import artifacts
from registry.jobs import Jobs
from registry.models import Models
from registry.submissions import Submissions


class Registry(Jobs, Submissions, Models):
    def publish(self, folder: Path, name: str, manifest: dict[str, Any]) -> artifacts.Published:
        """Publish a model's files to the store, see `artifacts.publish`."""
        return artifacts.publish(folder, name, self.store, manifest)

    def unpacked(self, model: TunedModel) -> Path:
        """A local folder with the model's files. Raises NotFound for a model that can't be taken home."""
        if not model.artifact:
            raise NotFound(
                f"The model '{model.display_name}' has no files: it stays with its provider.",
                "Chat with it through Luthier.",
            )
        return artifacts.unpack(model.artifact, self.home / "cache" / "artifacts")
