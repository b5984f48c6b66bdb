from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from providers.gpu.template import Template, TokenRow
from providers.gpu.training import adapter, kernels
from providers.gpu.training.batching import pack
from providers.gpu.training.frozen import Frozen
from providers.gpu.training.scoring import FrozenHeadLosses, Scorer
from records import Message


def branching(parcels: list[list[Message]]) -> list[list[Message]]:
    """Rows that share more than the system message: a dialogue that goes on, two answers to one prompt."""
    longer = [
        *parcels[0],
        Message(role="user", content="and this one"),
        Message(role="assistant", content="west"),
    ]
    other = [*parcels[0][:2], Message(role="assistant", content="south or east")]
    return [*parcels[:6], longer, other, parcels[0]]


def rows_of(folder: Path, dialogues: list[list[Message]]) -> list[TokenRow]:
    template = Template(folder)
    return [row for messages in dialogues for row in template.rows(messages)]


def loss_and_gradients(
    model: Any, rows: list[TokenRow], shared: bool, budget: int
) -> tuple[float, torch.Tensor]:
    scorer = Scorer(model.get_base_model(), share=shared)
    assert scorer.shares == shared
    model.zero_grad()
    total = 0.0
    for batch in pack(rows, budget, shared):
        loss = scorer.losses(batch).sum()
        loss.backward()
        total += loss.item()
    return total, gradients_of(model)


def by_transformers(model: Any, rows: list[TokenRow]) -> tuple[float, torch.Tensor]:
    """The same by the model's own pass over the padded rows."""
    (batch,) = pack(rows, 10_000, shared=False)
    logits = model(batch.tokens, attention_mask=batch.attended).logits.flatten(0, 1)[batch.places]
    loss = functional.cross_entropy(logits, batch.targets, reduction="sum")
    model.zero_grad()
    loss.backward()
    return loss.item(), gradients_of(model)


def gradients_of(model: Any) -> torch.Tensor:
    return torch.cat([weight.grad.flatten() for weight in adapter.weights(model).values()])


def relative(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "kernels"])
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_the_prefix_tree_gives_loss_and_gradients_of_the_padded_batch(
    bases: Callable[[str], Path],
    with_adapter: Callable[[str], Any],
    parcels: list[list[Message]],
    kind: str,
    fast: bool,
) -> None:
    rows = rows_of(bases(kind), branching(parcels))
    loss, gradients = by_transformers(with_adapter(kind), rows)
    model = with_adapter(kind)
    if fast:
        kernels.speed_up(model)
    for budget in (10_000, 120):
        tree_loss, tree_gradients = loss_and_gradients(model, rows, shared=True, budget=budget)
        assert tree_loss == pytest.approx(loss, rel=1e-5)
        assert relative(tree_gradients, gradients) < 1e-5


@pytest.mark.parametrize("kind", ["llama", "qwen3_5_text", "mistral"])
def test_padded_rows_have_the_loss_and_gradients_of_the_model_s_own_pass(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any], parcels: list[list[Message]], kind: str
) -> None:
    rows = rows_of(bases(kind), parcels[:5])
    model = with_adapter(kind)
    loss, gradients = by_transformers(model, rows)
    for budget in (10_000, 1):
        padded_loss, padded_gradients = loss_and_gradients(model, rows, shared=False, budget=budget)
        assert padded_loss == pytest.approx(loss, rel=1e-5)
        assert relative(padded_gradients, gradients) < 1e-5


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("falcon", ""),
        ("phimoe", ""),
        ("gemma2", ""),
        ("mpt", "the base's attention doesn't take a mask and positions of its own"),
        ("mamba", "the base has layers of linear attention"),
        ("roberta", "the base's output head is more than a product"),
        ("recurrent_gemma", "the base has layers of linear attention"),
    ],
)
def test_any_architecture_learns_what_transformers_computes_in_the_form_that_it_allows(
    bases: Callable[[str], Path],
    with_adapter: Callable[[str], Any],
    parcels: list[list[Message]],
    kind: str,
    why: str,
) -> None:
    rows = rows_of(bases(kind), branching(parcels)[4:])
    loss, gradients = by_transformers(with_adapter(kind), rows)
    model = with_adapter(kind)
    kernels.speed_up(model)
    scorer = Scorer(model.get_base_model())
    assert scorer.why_not_shared == why
    total = 0.0
    for batch in pack(rows, 10_000, scorer.shares):
        losses = scorer.losses(batch).sum()
        losses.backward()
        total += losses.item()
    assert total == pytest.approx(loss, rel=1e-5)
    assert relative(gradients_of(model), gradients) < 1e-5


@pytest.mark.parametrize("shared", [True, False], ids=["tree", "padded"])
def test_behind_the_last_attention_only_the_places_asked_for_are_computed(
    bases: Callable[[str], Path],
    with_adapter: Callable[[str], Any],
    parcels: list[list[Message]],
    shared: bool,
) -> None:
    model = with_adapter("llama")
    kernels.speed_up(model)
    scorer = Scorer(model.get_base_model(), share=shared)
    seen: list[int] = []
    narrow = scorer.decoder.layers[-1].mlp.down_proj
    narrow.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-2]))
    (batch,) = pack(rows_of(bases("llama"), branching(parcels)), 10_000, shared)
    scorer.losses(batch)
    assert seen == [len(set(batch.places.tolist()))]
    model(batch.tokens)
    assert seen[1:] == [batch.tokens.shape[1]], "whoever else asks the model has all of it"


def test_a_last_layer_that_mixes_tokens_computes_them_all(with_adapter: Callable[[str], Any]) -> None:
    model = with_adapter("llama").get_base_model()
    assert Scorer(model).last
    mlp = model.get_decoder().layers[-1].mlp
    plain = mlp.forward
    mlp.forward = lambda x: plain(x) + x.mean(1, keepdim=True)
    assert not Scorer(model).last


def test_where_activations_are_recomputed_the_last_layer_is_computed_whole(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any], parcels: list[list[Message]]
) -> None:
    rows = rows_of(bases("llama"), parcels[:5])
    model = with_adapter("llama")
    loss, gradients = loss_and_gradients(model, rows, shared=True, budget=10_000)
    model.train()
    model.enable_input_require_grads()
    model.get_base_model().gradient_checkpointing_enable({"use_reentrant": False})
    again_loss, again_gradients = loss_and_gradients(model, rows, shared=True, budget=10_000)
    assert again_loss == pytest.approx(loss, rel=1e-6)
    assert relative(again_gradients, gradients) < 1e-6


def test_linear_attention_is_not_packed_and_says_why(with_adapter: Callable[[str], Any]) -> None:
    scorer = Scorer(with_adapter("qwen3_5_text").get_base_model())
    assert scorer.why_not_shared == "the base has layers of linear attention"


def test_a_sliding_window_is_packed_only_while_rows_fit_into_it(with_adapter: Callable[[str], Any]) -> None:
    model = with_adapter("mistral").get_base_model()
    assert Scorer(model, longest=8).shares
    assert "sliding window of 8" in Scorer(model, longest=9).why_not_shared


def test_attention_that_ignores_the_mask_is_found_out(with_adapter: Callable[[str], Any]) -> None:
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    def deaf(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **others: Any) -> Any:
        return sdpa_attention_forward(module, query, key, value, None, is_causal=True, **others)

    AttentionInterface.register("deaf", deaf)
    model = with_adapter("llama").get_base_model()
    model.set_attn_implementation("deaf")
    assert "doesn't take a mask" in Scorer(model).why_not_shared


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_what_bfloat16_rounds_away_is_no_other_architecture(
    kind: str, with_adapter: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounded_otherwise(self: Frozen, x: torch.Tensor) -> torch.Tensor:
        """As by a kernel that sums in another order: each logit is off by its last digit."""
        last_digit = torch.full((len(self.weight),), 2**-8).mul_(torch.arange(len(self.weight)) % 2)
        return functional.linear(x, self.weight) * (1 - last_digit)

    model = with_adapter(kind).get_base_model().to(torch.bfloat16)
    monkeypatch.setattr(Frozen, "forward", rounded_otherwise)
    scorer = Scorer(model)
    assert scorer.shares and scorer._head_is_plain


def test_losses_are_the_same_with_and_without_gradients(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any], parcels: list[list[Message]]
) -> None:
    scorer = Scorer(with_adapter("llama").get_base_model())
    (batch,) = pack(rows_of(bases("llama"), parcels[:3]), 10_000, shared=True)
    with torch.inference_mode():
        losses = scorer.losses(batch)
    assert losses.shape == batch.targets.shape
    torch.testing.assert_close(scorer.losses(batch).detach(), losses.clone())


def test_losses_behind_the_frozen_head_are_cross_entropies() -> None:
    torch.manual_seed(1)
    weight, bias, targets = torch.randn(50, 8), torch.randn(50), torch.randint(50, (40,))
    hidden = torch.randn(40, 8, requires_grad=True)
    reference = hidden.detach().clone().requires_grad_()
    losses = FrozenHeadLosses.apply(hidden, Frozen(weight, bias), targets)
    expected = functional.cross_entropy(functional.linear(reference, weight, bias), targets, reduction="none")
    shares = torch.rand(40)
    (losses * shares).sum().backward()
    (expected * shares).sum().backward()
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(hidden.grad, reference.grad)


def test_capped_logits_go_through_the_whole_model(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any], parcels: list[list[Message]]
) -> None:
    model = with_adapter("gemma2")
    assert model.config.final_logit_softcapping
    rows = rows_of(bases("gemma2"), parcels[:3])
    scorer = Scorer(model.get_base_model(), share=False)
    (batch,) = pack(rows, 10_000, shared=False)
    logits = model(batch.tokens, attention_mask=batch.attended).logits.flatten(0, 1)[batch.places]
    expected = functional.cross_entropy(logits, batch.targets, reduction="sum")
    assert scorer.losses(batch).sum().item() == pytest.approx(expected.item(), rel=1e-5)
