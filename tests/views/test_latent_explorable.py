"""Latent attention in two forms: what is counted is what the course's functions keep, read and multiply."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.shared_heads import LatentWeights, kv_bytes_per_token, latent_attention, latent_attention_absorbed
from attncore.views.explorables.latent import PLACES, bytes_of, intensity, latent, names, passing

SIZES = [(128, 128, 512, 64), (1, 16, 1024, 128), (16, 64, 64, 16), (8, 256, 512, 32)]
EACH = pytest.mark.parametrize("sizes", SIZES, ids=str)


def call(function, *given):
    return script("latent").call(function, *given)


@EACH
def test_other_sizes_are_drawn_alike(sizes):
    assert_drawn_alike(latent(*sizes))


@EACH
def test_what_is_cached_is_the_courses_count(sizes):
    h, d, z, r = sizes
    state = latent(*sizes).state
    cached, read = call("bytes", state).values()
    assert cached == {
        "MHA": kv_bytes_per_token("mha", 1, h, d),
        "GQA": kv_bytes_per_token("gqa", 1, h, d, min(8, h)),
        "MLA": kv_bytes_per_token("mla", 1, h, d, 1, z, r),
    }
    assert cached | read == bytes_of(state)
    assert call("intensity", state) == pytest.approx(intensity(state, bytes_of(state)))
    assert call("passing", state) == passing(state)


def test_the_sizes_at_the_beginning_are_the_lessons():
    state = latent().state
    assert bytes_of(state)["unpacked"] == 2 * (128 * (128 + 128) + 64)
    assert intensity(state, bytes_of(state))["absorbed"] == pytest.approx(242, abs=0.5)  # FLOPs a byte in decode


@EACH
def test_every_box_can_be_looked_at(sizes):
    explorable = latent(*sizes)
    said = {tuple(value) for value in names(explorable.state).values()}
    assert said == {tuple(value) for value in call("boxes", explorable.state).values()}
    for box in names(explorable.state):
        drawn = call("picture", explorable.state | {"chosen": box})
        shown = {side for side in PLACES if drawn[f"{side}-lit"]["visibility"] == "visible"}
        assert shown == {side for side in PLACES if box in PLACES[side]} != set()
        assert drawn["told-0"]["text"]
        assert "undefined" not in str(drawn)


def test_the_boxes_have_the_shapes_of_the_courses_weights(rng):
    h, d, z, r, m, n = 4, 3, 5, 2, 8, 6
    shapes = (m, h * d), (m, h * r), (m, z), (m, r), (z, h * d), (z, h * d), (h * d, m)
    weights = LatentWeights(*(rng.standard_normal(shape) for shape in shapes))
    said = names({"h": h, "d": d, "z": z, "r": r})
    assert said["up-key"][1] == str(weights.W_up_key.shape)
    assert said["up-value"][1] == str(weights.W_up_value.shape)
    assert said["output"][1].replace("m", str(m)) == str(weights.W_output.shape)
    x = rng.standard_normal((n, m))
    np.testing.assert_allclose(
        latent_attention(x, weights, h), latent_attention_absorbed(x, weights, h), err_msg="the same numbers, it says"
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"n_heads": 3}, "n_heads is 3"),
        ({"d_rope": 5}, "d_rope is 5, expected an even"),
        ({"d_latent": 0}, "d_latent is 0"),
    ],
)
def test_sizes_that_do_not_fit_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        latent(**given)
