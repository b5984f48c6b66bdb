"""One base model in memory, and the adapters that are put on it in turn."""

import threading
import warnings
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any

from errors import NotConfigured
from providers.gpu import bases, device
from providers.gpu.answers.generation import Speaker
from providers.gpu.options import Options
from providers.gpu.template import Template
from records import content_id

MOST_ADAPTERS = 8  # on the base at the same time; the one that was longest unused goes
_loading = threading.Lock()


def speaker(base_model: str, reference: str, home: Path) -> Speaker:
    """The model for a chat. `reference` is an adapter's folder, or the base itself.

    Raises NotConfigured if the base or the folder is missing.
    """
    if reference != base_model and not (Path(reference) / "adapter_config.json").exists():
        raise NotConfigured(
            f"The adapter folder {reference} is gone.",
            "Fetch the model's artefact again (`luthier models download`), or train it again.",
        )
    with _loading:
        base = _loaded(base_model, home)
        return base.plain() if reference == base_model else base.adapted(Path(reference))


@lru_cache(1)
def _loaded(base_model: str, home: Path) -> "LoadedBase":
    return LoadedBase(base_model, home)


class LoadedBase:
    """The base is loaded once; a speaker puts its own adapter in place before each forward pass."""

    def __init__(self, base_model: str, home: Path):
        base = bases.find(base_model)
        settings = bases.config(base)
        place = device.choose(Options(), settings.get("dtype") or settings.get("torch_dtype"))
        device.settle(place)
        self.model: Any = bases.load(base, place)
        self.folder = bases.tokenizer_folder(base, home / "cache")
        self.in_place = ""
        self.speakers: OrderedDict[str, Speaker] = OrderedDict()

    def plain(self) -> Speaker:
        if "" not in self.speakers:
            self.speakers[""] = Speaker(self.model, Template(self.folder), lambda: self._put(""))
        return self.speakers[""]

    def adapted(self, folder: Path) -> Speaker:
        # trained again into the same folder, it is another adapter
        stamp = (folder / "adapter_config.json").stat().st_mtime_ns
        name = content_id("adapter", str(folder), stamp)
        if name not in self.speakers:
            self._make_room()
            self._add(folder, name)
            self.speakers[name] = Speaker(self.model, Template(folder), lambda: self._put(name))
        self.speakers.move_to_end(name)
        return self.speakers[name]

    def _add(self, folder: Path, name: str) -> None:
        from peft import PeftModel

        with warnings.catch_warnings():
            # what peft calls by an old name is said to whoever chats in a terminal
            warnings.simplefilter("ignore", FutureWarning)
            if isinstance(self.model, PeftModel):
                self.model.load_adapter(str(folder), adapter_name=name)
            else:
                self.model = PeftModel.from_pretrained(self.model, str(folder), adapter_name=name)
        self.model.eval()
        self.in_place = "?"

    def _make_room(self) -> None:
        names = [name for name in self.speakers if name]
        for name in names[: max(0, len(names) - MOST_ADAPTERS + 1)]:
            del self.speakers[name]
            self.model.delete_adapter(name)
            self.in_place = "?"

    def _put(self, name: str) -> None:
        if name == self.in_place:
            return
        if name:
            self.model.base_model.enable_adapter_layers()
            self.model.set_adapter(name, inference_mode=True)
        elif hasattr(self.model, "peft_config"):
            self.model.base_model.disable_adapter_layers()
        self.in_place = name
