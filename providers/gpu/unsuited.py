"""Bases that can't be trained, and why, in a person's terms."""

from typing import TYPE_CHECKING, Any

from errors import NotConfigured

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from providers.gpu.bases import Base

AS_SAVED = "Give a folder as `save_pretrained` writes it: config.json, safetensors and tokenizer files."


def unreachable(base: "Base", error: Exception) -> NotConfigured:
    words = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    # the whole of a KeyError is the name of a key
    words = words if words and not isinstance(error, KeyError) else repr(error)
    if base.path:
        return NotConfigured(f"The base model in {base.path} can't be loaded: {words}.", AS_SAVED)
    return NotConfigured(
        f"The base model {base.id} is not on this machine and can't be fetched from the hub: {words}.",
        f"Check the id and the network, log in with `hf auth login` if the model is gated, "
        f"or fetch it where there is a network (`hf download {base.id}`) and give its folder.",
    )


def must_be_causal(base: "Base", stored: dict[str, Any]) -> None:
    """Raises NotConfigured for an architecture that doesn't write on from left to right, or is unknown."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    kind = stored["model_type"]
    if kind in CAUSAL:
        return
    if "auto_map" in stored:
        raise NotConfigured(
            f"The base model {base.id} ({kind}) brings its own Python code, which Luthier doesn't run.",
            "Choose a base model that transformers knows by itself.",
        )
    raise NotConfigured(
        f"The base model {base.id} is a {kind}, which transformers doesn't know as a causal language model.",
        "Choose one that writes on from left to right, as all current chat models do; "
        "a very new one may need a newer transformers.",
    )


def must_be_whole(base: "Base", model: "PreTrainedModel", report: dict[str, Any]) -> None:
    """Raises NotConfigured where transformers, by its report, did not find every weight, and where the
    architecture can't answer."""
    from providers.gpu.answers.past import past_name

    # transformers would make up random numbers for them
    other = [name for name, *_ in report["mismatched_keys"]]
    if missing := sorted({*report["missing_keys"], *other}):
        raise NotConfigured(
            f"The files of the base model {base.id} lack weights that its config.json tells of, "
            f"or have them in another size: {_some(missing)}.",
            "Fetch the model again, whole, and with its own config.json.",
        )
    if not past_name(model):
        raise NotConfigured(
            f"The architecture {model.config.model_type} of {base.id} keeps no past of what it has read, "
            "from which Luthier's answers go on.",
            "Choose another base model.",
        )


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
