"""The small language model that ships with the course."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncore.backpropagation import gpt_backward
from attncore.softmax import cross_entropy
from attncore.tiny_gpt import CHARACTERS, CONTEXT, KEPT, N_HEADS, decode, encode, held_out, load
from attncore.training import named_arrays, train
from attncore.transformer import generate, gpt_logits, next_token_targets

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def gpt():
    return load()


def pieces(text):
    """A text cut into pieces as long as the model reads, and what follows each character."""
    ids = np.array(encode(text))
    windows = np.lib.stride_tricks.sliding_window_view(ids, CONTEXT + 1)[::CONTEXT]
    return next_token_targets(windows)


def write(gpt, prompt, n_new, seed, temperature):
    rng = np.random.default_rng(seed)
    ids = generate(lambda ids: gpt_logits(ids[-CONTEXT:], gpt, N_HEADS)[-1], encode(prompt), n_new, rng, temperature)
    return decode(ids)


def test_the_file_is_small_and_its_numbers_are_float32_once_read(gpt):
    assert KEPT.stat().st_size < 400_000
    assert {array.dtype for array in named_arrays(gpt).values()} == {np.dtype(np.float32)}
    assert gpt.token_embedding.shape[0] == len(CHARACTERS)
    assert len(gpt.position_embedding) == CONTEXT


def test_a_text_comes_back_in_small_letters():
    assert encode("A cat.") == [CHARACTERS.index(character) for character in "a cat."]
    assert decode(encode("'Off with her HEAD!'\n")) == "'off with her head!'\n"
    assert decode(encode(held_out())) == held_out()
    assert encode("") == []
    assert decode(np.array(encode("alice"))) == "alice"


def test_a_character_that_it_does_not_know():
    with pytest.raises(ValueError) as error:
        encode("Chapter 7")
    assert str(error.value) == f"encode: the model doesn't know '7', it knows {CHARACTERS!r}"


def test_it_predicts_what_it_has_never_seen_the_better_the_more_it_has_read(gpt):
    ids, targets = pieces(held_out())
    assert ids.shape == (93, CONTEXT)
    logits = gpt_logits(ids, gpt, N_HEADS)
    assert logits.dtype == np.float32
    assert cross_entropy(logits, targets) < 1.45  # nats per character
    assert cross_entropy(logits[:, 32:], targets[:, 32:]) < 1.4
    assert cross_entropy(logits[:, :4], targets[:, :4]) > 1.8
    shares = np.bincount(targets.ravel(), minlength=len(CHARACTERS)) / targets.size
    assert cross_entropy(logits, targets) < -np.sum(shares * np.log(np.maximum(shares, 1e-9))) - 1


def test_what_it_writes_is_its_seeds_alone(gpt):
    first, again, other = (write(gpt, "Alice ", 60, seed, temperature=0.8) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 60
    assert write(gpt, "Alice ", 20, 1, temperature=0) == write(gpt, "Alice ", 20, 2, temperature=0)


def test_it_writes_words(gpt):
    written = re.findall("[a-z]+", write(gpt, "said the queen, ", 300, 1, temperature=0.5))
    known = set(re.findall("[a-z]+", held_out()))
    assert np.mean([word in known for word in written[:-1]]) > 0.5  # of the six pages' few hundred


def test_it_can_be_trained_further_and_loaded_anew(gpt):
    text = next_token_targets(encode("the cat sat on the mat. the cat sat on the mat."))
    losses = train(gpt, lambda *batch: gpt_backward(*batch, gpt, N_HEADS), [text] * 5, rate=1e-3)
    assert losses[-1] < losses[0]
    assert not np.array_equal(gpt.gain, load().gain)
    for array, again in zip(named_arrays(load()).values(), named_arrays(load()).values(), strict=True):
        assert_array_equal(array, again)


def test_it_knows_no_future(gpt):
    ids = encode(held_out()[:CONTEXT])
    assert_allclose(gpt_logits(ids[:20], gpt, N_HEADS), gpt_logits(ids, gpt, N_HEADS)[:20], rtol=1e-3, atol=1e-3)
