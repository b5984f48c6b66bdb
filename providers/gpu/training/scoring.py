"""Loss of trained tokens under a causal language model, at as little cost as the architecture allows."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from providers.gpu.device import is_out_of_memory, whole_memory
from providers.gpu.template import TokenRow
from providers.gpu.training import frozen
from providers.gpu.training.attention import stretches, takes_trees
from providers.gpu.training.batching import Batch, pack
from providers.gpu.training.below import Below, below, going_on, state_bytes
from providers.gpu.training.frozen import Frozen
from providers.gpu.training.last import after_attention, computed_at

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

# Three rows that begin alike.
PROBE = [
    TokenRow([7, 5, 3, *tail], [False] * 3 + [True] * len(tail)) for tail in ([11, 13], [17, 2, 19], [6])
]
CHUNK_BYTES = 64 * 2**20  # of float32 logits held at once
# Under these names architectures scale or cap their logits, which leaves their order as it is.
RESHAPED_LOGITS = (
    *("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap"),
    *("logit_scale", "logits_scaling", "lm_head_multiplier"),
)
# How far from each other are numbers that should be the same: bfloat16 keeps eight binary digits.
ALIKE = {torch.float32: 1e-3, torch.bfloat16: 0.03}
# What a model says that can't take what it is given.
MISFITS = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError)


class Scorer:
    """Reads batches with a model (an adapter may sit inside it) and scores their trained tokens."""

    def __init__(self, model: "PreTrainedModel", share: bool = True, longest: int = 0):
        self.model = model
        self.decoder = model.get_decoder()
        head = model.get_output_embeddings()
        self.head = Frozen(head.weight.detach(), head.bias)
        self.config = model.config.get_text_config()
        self.device = str(model.device)
        self.below: Below | None = None
        self._head_is_plain, self._head_keeps_order = self._about_head()
        self.last = self._last()
        if self._head_is_plain:
            frozen.pack([self.head])
        self.why_not_shared = "switched off" if not share else self._why_not_shared(longest)

    @property
    def shares(self) -> bool:
        return not self.why_not_shared

    def _why_not_shared(self, longest: int) -> str:
        """Why attention can't follow a prefix tree; empty if it can."""
        window = getattr(self.config, "sliding_window", None)
        unstated = "sliding_attention" if window else "full_attention"
        kinds = set(getattr(self.config, "layer_types", None) or [unstated])
        if other := kinds - {"full_attention", "sliding_attention"}:
            return f"the base has layers of {', '.join(sorted(other)).replace('_', ' ')}"
        if window and "sliding_attention" in kinds and longest > window:
            return f"rows are longer than the base's sliding window of {window} tokens"
        if not self._head_keeps_order:
            return "the base's output head is more than a product"
        takes_positions = "position_ids" in inspect.signature(self.decoder.forward).parameters
        if takes_positions and self._obeys_tree():
            return ""
        return "the base's attention doesn't take a mask and positions of its own"

    @torch.inference_mode()
    def _about_head(self) -> tuple[bool, bool]:
        """Whether the decoder's states, times the head, are the model's logits, and whether the likeliest
        token is the same at least. Architectures may scale, cap or transform between the two."""
        batch = pack(PROBE, 1000, shared=False)[0].to(self.device)
        inputs = self._inputs(batch)
        try:
            plain = self.model(**inputs).logits.flatten(0, 1)[batch.places].float()
            states = self.decoder(**inputs).last_hidden_state.flatten(0, 1)[batch.places]
            alike = ALIKE[self.head.weight.dtype]
            made = self.head.forward(states).float()
            off = (made - plain).norm()
        except MISFITS:
            return False, False
        likeliest = plain.gather(1, made.argmax(-1, keepdim=True))[:, 0]
        same_order = bool((likeliest >= plain.amax(-1) - alike * plain.abs().amax(-1)).all())
        named = any(getattr(self.config, name, None) for name in RESHAPED_LOGITS)
        return not named and bool(off <= alike * plain.norm()), same_order

    @torch.inference_mode()
    def _obeys_tree(self) -> bool:
        """Whether three short rows in a tree give the hidden states that they give one by one."""
        try:
            together = torch.cat([self._hidden(batch) for batch in pack(PROBE, 1000, shared=True)])
            alone = torch.cat([self._hidden(pack([row], 1000, shared=True)[0]) for row in sorted(PROBE)])
        except MISFITS:
            return False
        # over all layers bfloat16 adds up to a hundredth or more; a mask that is ignored to about one
        alike = 0.1 if together.dtype == torch.bfloat16 else ALIKE[torch.float32]
        return bool((together - alone).norm() < alike * alone.norm())

    @torch.inference_mode()
    def _last(self) -> list[torch.nn.Module]:
        """Modules that need compute only what is asked for; none where that gives other states."""
        modules = after_attention(self.decoder)
        batch = pack(PROBE, 1000, shared=False)[0].to(self.device)
        inputs, places = self._inputs(batch), batch.places.unique()
        try:
            plain = self.decoder(**inputs).last_hidden_state
            with computed_at(modules, places):
                partly = self.decoder(**inputs).last_hidden_state
        except MISFITS:
            return []
        off = (partly - plain).flatten(0, 1)[places].norm()
        return modules if off <= 0.01 * plain.flatten(0, 1)[places].norm() else []

    def _hidden(
        self, batch: Batch, also: torch.Tensor | None = None, cache: "DynamicCache | None" = None
    ) -> torch.Tensor:
        """(T, hidden size): the states from which the trained tokens are predicted, then those at `also`.

        `cache` takes the keys and values of all tokens.
        """
        places = batch.places if also is None else torch.cat([batch.places, also])
        batch, places = batch.to(self.device), places.to(self.device)
        inputs = self._inputs(batch)
        if cache is not None:
            inputs |= {"past_key_values": cache, "use_cache": True}
        known = self.below.states(batch) if self.below and cache is None else None
        # in this mode activations may be recomputed on the way back, and would be those of all places
        last = [] if self.decoder.training else self.last
        with computed_at(last, places.unique()):
            if self.below and known is not None:
                states = self.below.upper(**going_on(inputs, known)).last_hidden_state
            else:
                states = self.decoder(**inputs).last_hidden_state
        # not indexing: its gradient adds up repeated places in any order, this one in theirs
        return states.reshape(-1, states.shape[-1]).index_select(0, places)

    def _inputs(self, batch: Batch) -> dict[str, Any]:
        mask = batch.mask(self.model.dtype)
        inputs = {"input_ids": batch.tokens, "attention_mask": mask, "use_cache": False}
        if batch.ends is None:
            # padded rows count from 0 as every model does by itself
            return inputs
        tree = {"tree": stretches(batch.ends, self.model.dtype)} if takes_trees(self.model) else {}
        return {**inputs, **tree, "position_ids": batch.positions}

    @contextmanager
    def reading_once(
        self, rows: Iterable[TokenRow], tokens: int, budget: int, check: Callable[[], None]
    ) -> Iterator[None]:
        """Within it, what the layers below the adapter make of these rows of so many tokens is known.

        It is computed in an order that the rows decide alone, so that a resumed run finds the same digits.
        Not done where there is no such layer, too little room, or a GPU, on which nothing was measured.
        """
        size = state_bytes(tokens, self.config.hidden_size, self.model.dtype)
        fitting = self.device == "cpu" and size <= frozen.SHARE * whole_memory()
        parts = below(self.decoder) if fitting and self.shares and self._head_is_plain else None
        if parts and parts.is_whole(self.decoder, self._inputs(pack(PROBE, 1000, shared=True)[0])):
            try:
                for batch in pack(list(rows), budget, shared=True):
                    check()
                    parts.read(batch, self._inputs(batch))
                self.below = parts
            except RuntimeError as error:
                # then the steps read the rows themselves, fewer at once if need be
                if not is_out_of_memory(error):
                    raise
        try:
            yield
        finally:
            self.below = None

    def losses(self, batch: Batch) -> torch.Tensor:
        """(T,): loss of each trained token in nats, differentiable where gradients are made."""
        if not self._head_is_plain:
            return self._reshaped_losses(batch)
        hidden, targets = self._hidden(batch), batch.targets.to(self.device)
        if hidden.requires_grad:
            return FrozenHeadLosses.apply(hidden, self.head, targets)
        return self._scored(hidden, targets)

    @torch.inference_mode()
    def read(self, batch: Batch, ends: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, "DynamicCache"]:
        """Losses as above, the states at the places `ends`, and the keys and values of the tree's tokens."""
        from transformers import DynamicCache

        cache = DynamicCache()
        hidden = self._hidden(batch, ends, cache)
        states, targets = hidden[len(batch.places) :], batch.targets.to(self.device)
        plain = self._head_is_plain
        losses = self._scored(hidden[: len(targets)], targets) if plain else self._reshaped_losses(batch)
        return losses, states, cache

    def _scored(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        size = _chunk(self.head.weight)
        parts = zip(hidden.split(size), targets.split(size), strict=True)
        return torch.cat(
            [functional.cross_entropy(self.head.forward(h).float(), t, reduction="none") for h, t in parts]
        )

    def _reshaped_losses(self, batch: Batch) -> torch.Tensor:
        """For architectures that scale or cap the logits after the head: through the whole model."""
        batch = batch.to(self.device)
        logits = self.model(**self._inputs(batch)).logits
        chosen = logits.reshape(-1, logits.shape[-1])[batch.places].float()
        return functional.cross_entropy(chosen, batch.targets, reduction="none")


def _chunk(weight: torch.Tensor) -> int:
    return max(16, CHUNK_BYTES // (4 * weight.shape[0]))


class FrozenHeadLosses(torch.autograd.Function):
    """(T,): cross entropies behind a frozen output head.

    The gradient of the hidden states is made together with the losses, chunk by chunk, so that the logits
    of all tokens never exist at once and the head's product is not computed again.
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, head: Frozen, targets: torch.Tensor) -> torch.Tensor:
        losses = hidden.new_empty(len(hidden), dtype=torch.float32)
        gradient = torch.empty_like(hidden)
        size = _chunk(head.weight)
        for part, wanted, lost, slot in zip(
            hidden.split(size), targets.split(size), losses.split(size), gradient.split(size), strict=True
        ):
            logits = head.forward(part).float()
            logged = torch.log_softmax(logits, -1)
            chosen = wanted[:, None]
            lost.copy_(logged.gather(1, chosen)[:, 0].neg_())
            probabilities = logged.exp_()
            probabilities.scatter_add_(1, chosen, probabilities.new_full(chosen.shape, -1.0))
            slot.copy_(head.backward(probabilities.to(hidden.dtype)))
        ctx.save_for_backward(gradient)
        return losses

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * outputs[0][:, None].to(gradient.dtype), None, None
