"""Numbers drawn anew: whatever is drawn, the answer is right, each mistake is named, and the words are whole."""

from dataclasses import replace

import numpy as np
import pytest

from attncore.authoring import consistency
from attncore.exercises import configurations, exercises, lessons
from attncore.exercises.configurations import CARDS, GROUPED, LATENT, LOCAL, GraphicsCard, Model
from attncore.exercises.figures import (
    Among,
    among,
    apart,
    binary,
    capital,
    decimal,
    numbered,
    one_of,
    part,
    placed,
    scientific,
    spelled,
    times,
)

DRILLS = [e for e in exercises if e.template]
MOST = 60  # draws of one drill that are tried
each = pytest.mark.parametrize("drill", DRILLS, ids=lambda e: e.id)


def some_of(draw):
    """Draws from all over, the same ones each time."""
    every = list(draw.every())
    return every if len(every) <= MOST else [every[i] for i in np.linspace(0, len(every) - 1, MOST, dtype=int)]


def test_enough_numbers_are_drawn_anew():
    asked = [e for e in exercises if e.kind == "numeric" and e.lesson != "00_start"]
    assert len(DRILLS) >= 70
    assert len(asked) - len(DRILLS) <= 6, "the others are about one published file or format, or the example of a page"


@each
def test_whatever_is_drawn_can_be_answered_and_each_mistake_is_named(drill):
    template = drill.template
    assert isinstance(template.draw, Among)
    for given in some_of(template.draw):
        drawn = replace(template, first=given).drawn(drill, None)
        assert list(consistency.drawn_problems(drawn, f"{drill.id} {given}")) == []


@each
def test_the_words_of_a_draw_are_whole(drill):
    for seed in range(5):
        drawn = drill.drawn(seed)
        for text in (drawn.title, drawn.words["question"], drawn.words["because"], *drawn.hints):
            assert not {"{", "}"} & set(text)
            assert "  " not in text and "Model(" not in text and "0x" not in text
        assert drawn.words["why"].keys() == drill.wrong.keys()
        assert list(consistency.words_problems(drawn)) == []


@each
def test_there_is_more_than_one_draw_and_a_seed_brings_the_same_again(drill):
    questions = {drill.drawn(seed).words["question"] for seed in range(40)}
    assert len(questions) >= 3
    assert drill.drawn(7).words == drill.drawn(7).words
    assert drill.drawn().words == drill.words and drill.drawn(7).drawn().words == drill.words


def test_what_is_asked_between_lessons_needs_no_cell():
    own = [e for e in lessons["99_interview"] if e.kind == "numeric"]
    assert len(own) >= 10 and all(e.template for e in own)
    assert not any(e.id in problem for e in own for problem in consistency.lesson_problems("99_interview"))


# The tables

COUNTED = {  # words, inner width, one table of words or two, and what norms of queries and keys or biases add a layer
    "Llama 2 7B": (32_000, 11_008, 2, 0),
    "Llama 2 13B": (32_000, 13_824, 2, 0),
    "Llama 2 70B": (32_000, 28_672, 2, 0),
    "Llama 3 8B": (128_256, 14_336, 2, 0),
    "Llama 3 70B": (128_256, 28_672, 2, 0),
    "Llama 3.1 405B": (128_256, 53_248, 2, 0),
    "Llama 3.2 1B": (128_256, 8192, 1, 0),
    "Llama 3.2 3B": (128_256, 8192, 1, 0),
    "SmolLM2-135M": (49_152, 1536, 1, 0),
    "SmolLM2-360M": (49_152, 2560, 1, 0),
    "Mistral 7B": (32_000, 14_336, 2, 0),
    "Phi-3-mini": (32_064, 8192, 2, 0),
    "Qwen2.5 7B": (152_064, 18_944, 2, (28 + 2 * 4) * 128),
    "Qwen3 0.6B": (151_936, 3072, 1, 2 * 128),
    "Qwen3 4B": (151_936, 9728, 1, 2 * 128),
    "Qwen3 8B": (151_936, 12_288, 2, 2 * 128),
    "Qwen3 32B": (151_936, 25_600, 2, 2 * 128),
}
MODELS = {model.name: model for model in vars(configurations).values() if isinstance(model, Model)}


@pytest.mark.parametrize("name", COUNTED)
def test_the_parameters_of_a_model_are_those_of_its_matrices(name):
    model, (words, inner, tables, more) = MODELS[name], COUNTED[name]
    heads = model.width * model.head_width * (2 * model.heads + 2 * model.kv_heads)
    layer = heads + 3 * model.width * inner + 2 * model.width + more
    assert tables * words * model.width + model.layers * layer + model.width == model.parameters


@pytest.mark.parametrize(
    "width, layers, positions", [(768, 12, 1024), (1024, 24, 1024), (1280, 36, 1024), (1600, 48, 1024)]
)
def test_so_are_those_of_gpt_2(width, layers, positions):
    (model,) = (m for m in configurations.GPT_2 if m.layers == layers)
    block = 12 * width**2 + 13 * width
    assert (50_257 + positions) * width + layers * block + 2 * width == model.parameters
    assert (model.width, model.heads * model.head_width) == (width, width)


@pytest.mark.parametrize(
    "name, segments, pooler",
    [("BERT-base", 2, 1), ("BERT-large", 2, 1), ("all-MiniLM-L6-v2", 2, 1), ("DistilBERT", 0, 0)],
)
def test_so_are_those_of_the_encoders(name, segments, pooler):
    model = MODELS[name]
    m = model.width
    tables = (30_522 + 512 + segments + 2) * m
    assert tables + model.layers * (12 * m**2 + 13 * m) + pooler * (m**2 + m) == model.parameters


def test_models_and_cards_are_what_their_groups_say():
    assert all(model.group > 1 and not model.latent for model in GROUPED)
    assert all(0 < model.local < model.layers and model.window for model in LOCAL)
    assert all(model.latent and model.rotated and 0 < model.active < model.parameters for model in LATENT)
    assert (
        len({card.name for card in CARDS})
        == len(CARDS)
        == len({card for card in vars(configurations).values() if isinstance(card, GraphicsCard)})
    )
    assert all(50 < card.tflops / card.bandwidth < 500 for card in CARDS), "units mixed up"
    assert {card.a for card in CARDS} >= {"an A100", "a T4", "an H100", "a B200", "an RTX 4090", "an MI300X"}
    assert configurations.A100.A == "An A100"


# Figures as one writes them


def test_numbers_in_words():
    assert [spelled(n) for n in (0, 12, 20, 64)] == ["zero", "twelve", "twenty", "sixty-four"]
    assert [placed(n) for n in (1, 3, 8, 12, 20, 32)] == [
        "first",
        "third",
        "eighth",
        "twelfth",
        "twentieth",
        "thirty-second",
    ]
    assert [numbered(n) for n in (1, 11, 22, 33, 113)] == ["1st", "11th", "22nd", "33rd", "113th"]
    assert [part(n) for n in (2, 4, 16)] == ["half", "quarter", "sixteenth"]
    assert [times(r) for r in (2, 4, 2.34, 400)] == ["twice", "four times", "2.34 times", "400 times"]
    assert [capital("an A100"), capital("")] == ["An A100", ""]


def test_numbers_with_their_units():
    assert [binary(n) for n in (12, 2**19, 7_027_200_000, 2**41)] == ["12 bytes", "512 KiB", "6.54 GiB", "2 TiB"]
    assert [decimal(n) for n in (13.5e9, 887e6, 4.2e15)] == ["13.5 GB", "887 MB", "4,200 TB"]
    assert [scientific(3.68e-6, 2), scientific(4.07e-11, 1)] == ["3.7e-6", "4e-11"]


def test_a_draw_takes_what_fits_and_nothing_else():
    draw = among(lambda low, high: low < high, low=(1, 2, 3), high=(2, 3))
    drawn = [draw(np.random.default_rng(seed)) for seed in range(50)]
    assert all(given["low"] < given["high"] for given in drawn)
    assert all(given in drawn for given in draw.every()) and len(list(draw.every())) == 3
    assert type(one_of(np.random.default_rng(0), (2**70,))) is int


def test_functions_that_come_too_near_are_not_apart():
    assert apart(lambda n: n, lambda n: 1.05 * n)(n=10)
    assert not apart(lambda n: n, lambda n: 1.01 * n)(n=10)
    assert not apart(lambda n: n, lambda n: 5, by=0)(n=5)
