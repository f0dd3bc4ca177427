"""The design questions: worked answers whose every figure comes from the functions of the course."""

import re
from pathlib import Path

import pytest

from attncore.app.cards import CardPanel as Shown
from attncore.authoring import bank
from attncore.exercises import Card, cards, find, lessons, read
from attncore.exercises.configurations import A100, DEEPSEEK_V3, H100, LLAMA_3_8B, LLAMA_3_70B, LOCAL
from attncore.exercises.interview import costs, designs
from attncore.exercises.interview.costs import (
    cache_of,
    expected_tokens,
    prefill_seconds,
    reading_speed,
    square_flops,
    step_seconds,
)

TEMPLATES = read(Path(designs.__file__).with_name("cards.toml"))
DESIGNS = [card for card in lessons["99_interview"] if isinstance(card, Card)]
NAMES = r"b?float\d\d|et al\., \d{4}"  # what may have digits and is no figure
each = pytest.mark.parametrize("card", DESIGNS, ids=lambda card: card.id)


def test_there_are_twelve_and_each_has_its_figures():
    assert len(DESIGNS) == 12 and {card.id for card in DESIGNS} == designs.figures.keys() == TEMPLATES.keys()
    assert {card.type for card in DESIGNS} == {"design"}
    assert {card.words["level"] for card in DESIGNS} == {"senior", "staff"}


@each
def test_a_design_is_whole(card):
    assert list(bank.card_problems(card)) == []
    assert "#" not in card.worked and "**" not in card.worked and card.worked.count("\n\n") >= 3


@each
def test_every_figure_is_filled_in(card):
    assert not {"{", "}"} & set("".join(texts(card.words)))


def texts(words):
    """All texts in a card's words."""
    if isinstance(words, str):
        return [words]
    return [text for part in (words.values() if isinstance(words, dict) else words) for text in texts(part)]


@each
def test_no_figure_is_typed(card):
    for key in ("answer", "worked"):
        written = re.sub(r"\{[^}]*\}", "", TEMPLATES[card.id][key])
        assert re.findall(r"\S*\d\S*", re.sub(NAMES, "", written)) == []


@each
def test_all_figures_are_used(card):
    template = str(TEMPLATES[card.id])
    unused = [name for name in designs.figures[card.id]() if not re.search(rf"\{{{name}[.:}}]", template)]
    assert unused == []


WITHOUT_CACHES = ("design-kernel-rollout", "design-training-memory")
COUNTS = {"kv_cache_bytes": costs, "attention_flops": costs, "kv_bytes_per_token": costs, "peak_floats": designs}


@pytest.mark.parametrize(
    "function, told",
    {
        "kv_cache_bytes": [
            card.id for card in DESIGNS if card.id not in ("design-kernel-rollout", "design-training-memory")
        ],
        "attention_flops": ["design-long-chat", "design-million-tokens", "design-training-memory", "design-agent"],
        "peak_floats": ["design-training-memory"],
        "kv_bytes_per_token": ["design-million-tokens", "design-cheaper-cache"],
    }.items(),
)
def test_the_worked_answers_follow_the_course_s_functions(monkeypatch, function, told):
    """Were a function of the course to count otherwise, the answers would say so."""
    before = {card.id: card.worked for card in cards("interview")}
    original = getattr(COUNTS[function], function)
    for module in (costs, designs):
        monkeypatch.setattr(module, function, lambda *a, **k: 3 * original(*a, **k), raising=False)
    after = {card.id: card.worked for card in cards("interview")}
    changed = {id for id in before if before[id] != after[id]}
    assert changed >= set(told) and "design-kernel-rollout" not in changed


def test_the_measured_difference_of_two_block_sizes_is_measured():
    figures = designs.kernel_rollout()
    assert 20 < figures["changed"] < 100 and figures["old"] in ("10^-7", "10^-8", "10^-6")


def test_a_card_says_where_its_figures_are_missing(monkeypatch):
    monkeypatch.delitem(designs.figures, "design-agent")
    (card,) = (card for card in cards("interview") if card.id == "design-agent")
    assert any("is not filled" in problem for problem in bank.card_problems(card))


def test_figures_of_no_card_are_told(monkeypatch):
    monkeypatch.setitem(designs.figures, "design-nothing", dict)
    with pytest.raises(ValueError, match="figures for design-nothing, which cards.toml does not ask"):
        list(cards("interview"))


def test_a_design_without_a_worked_answer_is_told():
    card = find("design-agent")
    bare = Card(card.id, words={**card.words, "worked": ""}, lesson=card.lesson)
    assert [p for p in bank.card_problems(bare)] == ["design-agent: the worked answer has 0 words, expected 150 to 350"]
    spoken = Card(card.id, words={**bare.words, "type": "concept"}, lesson=card.lesson)
    assert list(bank.card_problems(spoken)) == []


@each
def test_the_worked_answer_is_shown_below_the_model_answer(card):
    shown = Shown(card)
    assert "The same with its numbers" in shown.revealed() and card.worked[:40] in repr(shown)
    plain = Shown(find("why-scale"))
    assert "with its numbers" not in plain.revealed() + repr(plain)


# Costs, by hand


def test_a_cache_counts_whole_layers_windows_and_latents():
    assert cache_of(LLAMA_3_8B, 1) == 2 * 32 * 8 * 128 * 2
    assert cache_of(LLAMA_3_8B, 10, batch=3, bytes_per_value=1) == 30 * 2 * 32 * 8 * 128
    model = next(m for m in LOCAL if m.name == "Gemma 3 27B")
    layer = 2 * 16 * 128 * 2
    assert cache_of(model, 8192) == layer * (10 * 8192 + 52 * 1024)
    assert cache_of(model, 100) == layer * 62 * 100
    assert cache_of(DEEPSEEK_V3, 100) == 100 * 61 * (512 + 64) * 2


def test_scores_and_sums_are_half_of_the_square_under_a_causal_mask():
    assert square_flops(LLAMA_3_8B, 1000) == 32 * 4 * 1000**2 * 4096 / 2


def test_times_are_operations_over_operations_a_second_and_bytes_over_bytes_a_second():
    flops = 2 * LLAMA_3_8B.parameters * 1000 + square_flops(LLAMA_3_8B, 1000)
    assert prefill_seconds(LLAMA_3_8B, H100, 1000, reached=0.5) == pytest.approx(flops / 494.5e12)
    assert reading_speed(LLAMA_3_70B, A100, reached=1) == pytest.approx(312e12 / (2 * LLAMA_3_70B.parameters))
    assert step_seconds(10e9, 10.39e9, A100) == pytest.approx(0.01)


@pytest.mark.parametrize("accepted, proposed", [(0.5, 3), (0.8, 4), (0.9, 1)])
def test_expected_tokens_are_those_of_a_simulation_written_out(accepted, proposed):
    by_hand = sum(i * accepted**i * (1 - accepted) for i in range(proposed)) + proposed * accepted**proposed + 1
    assert expected_tokens(accepted, proposed) == pytest.approx(by_hand)
