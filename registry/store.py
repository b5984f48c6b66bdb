"""The registry: one object over the database, the stored files and the place where artefacts are published.

    Registry("sqlite:////home/me/.luthier/luthier.db", home=Path("/home/me/.luthier"), store="s3://models")

Making one does nothing yet; the schema is created on first use. Threads may share it, processes make
their own.
"""

from pathlib import Path
from typing import Any

from errors import NotFound
from records import TunedModel
from registry import artifacts, files
from registry.accounts import Accounts
from registry.audit import Audit
from registry.batches import Batches
from registry.conversations import Conversations
from registry.figures import Monitoring
from registry.holding import Holding
from registry.jobs import Jobs
from registry.keys import Keys
from registry.submissions import Submissions
from registry.uploads import Uploads
from registry.usage import Usage
from registry.versions import Versions
from registry.waits import Waits


class Registry(
    Jobs,
    Submissions,
    Waits,
    Versions,
    Batches,
    Holding,
    Accounts,
    Keys,
    Usage,
    Uploads,
    Audit,
    Conversations,
    Monitoring,
):
    def publish(self, folder: Path, name: str, manifest: dict[str, Any]) -> artifacts.Published:
        """Publish a model's files to the store, see `artifacts.publish`."""
        return artifacts.publish(folder, name, self.store, manifest)

    def download(self, model: TunedModel, target: Path) -> Path:
        """Copy the zip to a folder or a path, all of it or nothing. Raises NotFound if the model has none."""
        path = target / f"{model.id}.zip" if target.is_dir() else target
        artifacts.fetch(_artifact(model), path)
        return path

    def reference(self, model: TunedModel) -> str:
        """What the provider chats with: a folder with the published files, or its own name for the model."""
        return str(self.unpacked(model)) if model.artifact else model.reference

    def unpacked(self, model: TunedModel) -> Path:
        """A local folder with the model's files. Raises NotFound for a model that can't be taken home."""
        return artifacts.unpack(_artifact(model), self.home / "cache" / "artifacts")

    def job_folder(self, job_id: str) -> Path:
        """Where the job's logs and work files are kept."""
        folder = self.home / "jobs" / artifacts.plain(job_id)
        with files.disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder


def _artifact(model: TunedModel) -> str:
    if not model.artifact:
        raise NotFound(
            f"The model '{model.display_name}' has no files: it stays with its provider.",
            "Chat with it through Luthier.",
        )
    return model.artifact
