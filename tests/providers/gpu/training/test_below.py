from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from providers.gpu.template import Template, TokenRow
from providers.gpu.training import adapter, frozen, scoring
from providers.gpu.training.batching import pack
from providers.gpu.training.below import below
from providers.gpu.training.scoring import Scorer
from records import Message

Load = Callable[..., Any]


@pytest.fixture
def rows(bases: Callable[[str], Path], parcels: list[list[Message]]) -> list[TokenRow]:
    template = Template(bases("llama"))
    return [row for messages in parcels for row in template.rows(messages)]


def tokens(rows: list[TokenRow]) -> int:
    return sum(len(row.tokens) for row in rows)


def loss_and_gradients(scorer: Scorer, model: Any, rows: list[TokenRow]) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    total = 0.0
    for batch in pack(rows, 200, scorer.shares):
        loss = scorer.losses(batch).sum()
        loss.backward()
        total += loss.item()
    return total, torch.cat([weight.grad.flatten() for weight in adapter.weights(model).values()])


def reads_of_the_lowest_layer(scorer: Scorer) -> list[int]:
    """Grows by one whenever the lowest layer computes."""
    reads: list[int] = []
    scorer.decoder.layers[0].register_forward_pre_hook(lambda *_: reads.append(1))
    return reads


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_what_is_known_gives_the_same_loss_and_gradients(
    with_adapter: Load, rows: list[TokenRow], kind: str
) -> None:
    model = with_adapter(kind, 0.5)
    scorer = Scorer(model.get_base_model())
    loss, gradients = loss_and_gradients(scorer, model, rows)
    with scorer.reading_once(rows, tokens(rows), 1000, lambda: None):
        assert scorer.below
        reads = reads_of_the_lowest_layer(scorer)
        known_loss, known_gradients = loss_and_gradients(scorer, model, rows)
        assert not reads
    assert known_loss == pytest.approx(loss, rel=1e-5)
    assert float((known_gradients - gradients).norm()) < 1e-5 * float(gradients.norm())


def test_rows_that_are_not_known_are_computed(with_adapter: Load, rows: list[TokenRow]) -> None:
    model = with_adapter("llama", 0.5)
    scorer = Scorer(model.get_base_model())
    loss, _ = loss_and_gradients(scorer, model, rows)
    with scorer.reading_once(rows[:3], tokens(rows[:3]), 1000, lambda: None):
        reads = reads_of_the_lowest_layer(scorer)
        assert loss_and_gradients(scorer, model, rows)[0] == pytest.approx(loss, rel=1e-5)
        assert reads


def test_where_all_layers_are_trained_nothing_lies_below(with_adapter: Load, rows: list[TokenRow]) -> None:
    scorer = Scorer(with_adapter("llama").get_base_model())
    with scorer.reading_once(rows, tokens(rows), 1000, lambda: None):
        assert scorer.below is None


def test_nothing_is_kept_that_takes_too_much_room(
    with_adapter: Load, rows: list[TokenRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    # float32, 32 numbers a token
    room = tokens(rows) * 32 * 4 / frozen.SHARE
    scorer = Scorer(with_adapter("llama", 0.5).get_base_model())
    for memory, kept in ((room, True), (room - 8, False)):
        monkeypatch.setattr(scoring, "whole_memory", lambda memory=memory: memory)
        with scorer.reading_once(rows, tokens(rows), 1000, lambda: None):
            assert bool(scorer.below) == kept


def test_where_memory_runs_out_while_reading_the_steps_read_themselves(
    with_adapter: Load, rows: list[TokenRow]
) -> None:
    model = with_adapter("llama", 0.5)
    scorer = Scorer(model.get_base_model())
    loss, _ = loss_and_gradients(scorer, model, rows)

    def full() -> None:
        raise torch.OutOfMemoryError("out of memory")

    with scorer.reading_once(rows, tokens(rows), 1000, full):
        assert scorer.below is None
        assert loss_and_gradients(scorer, model, rows)[0] == pytest.approx(loss, rel=1e-6)


def test_a_decoder_that_its_parts_don_t_add_up_to_is_found_out(
    with_adapter: Load, rows: list[TokenRow]
) -> None:
    scorer = Scorer(with_adapter("llama", 0.5).get_base_model())
    decoder = scorer.decoder
    plain = type(decoder).forward

    class Doubling(type(decoder)):  # type: ignore[misc]
        """Changes what goes into its layers, be it looked up or given."""

        def forward(self, input_ids: Any = None, inputs_embeds: Any = None, **others: Any) -> Any:
            states = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
            return plain(self, inputs_embeds=2 * states, **others)

    decoder.__class__ = Doubling
    assert below(decoder)
    with scorer.reading_once(rows, tokens(rows), 1000, lambda: None):
        assert scorer.below is None


@pytest.mark.parametrize("kind", ["qwen3_5_text", "gemma2"])
def test_layers_of_several_kinds_and_reshaped_logits_are_read_whole(
    with_adapter: Load, rows: list[TokenRow], kind: str
) -> None:
    scorer = Scorer(with_adapter(kind, 0.5).get_base_model())
    with scorer.reading_once(rows, tokens(rows), 1000, lambda: None):
        assert scorer.below is None
