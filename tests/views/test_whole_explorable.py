"""The whole Transformer: what it counts and says is true of the models it names, whatever is exchanged."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

import attncore
from attncore.experiments.transformer import apply_part, apply_part_backward
from attncore.heads import mha_parameter_count
from attncore.softmax import cross_entropy_backward
from attncore.training import named_arrays, start_gpt
from attncore.transformer import encoder_block, layer_norm
from attncore.views.depth import MASK, N_HEADS, NORM, curves_of, parts, size, small_model
from attncore.views.explorables.whole import LESSONS, MODELS, boxes, parameters, whole

NAMES = ["bert", "gpt2", "transformer", "llama3", "vit"]
EACH = pytest.mark.parametrize("name", NAMES)


made = cache(whole)


def call(function, *given):
    return script("whole").call(function, *given)


@EACH
def test_every_beginning_is_drawn_alike(name):
    assert_drawn_alike(made(name))


@pytest.mark.parametrize(
    ("name", "published"),
    [  # the sums of the released weights: BERT-base without its pooler, ViT-B/16 with a thousand classes
        ("bert", 108_891_648),
        ("gpt2", 124_439_808),
        ("llama3", 8_030_261_248),
        ("vit", 86_567_656),
    ],
)
def test_the_parameters_are_those_of_the_released_model(name, published):
    state = made(name).state
    assert sum(parameters(state).values()) == published
    assert call("parameters", state) == parameters(state)


@pytest.mark.parametrize("changes", [{"m": 64, "h": 4, "g": 4, "layers": 3}, {"m": 96, "n": 32, "c": 50}])
def test_the_parameters_are_those_of_the_courses_gpt(changes):
    state = made("gpt2").state | changes
    m, layers = state["m"], state["layers"]
    weights = start_gpt(np.random.default_rng(0), state["c"], state["n"], m, layers, 4 * m, np.float16)
    biases = layers * (mha_parameter_count(m, state["h"]) - mha_parameter_count(m, state["h"], bias=False))
    assert sum(call("parameters", state).values()) == sum(x.size for x in named_arrays(weights).values()) + biases


@EACH
@pytest.mark.parametrize(
    "changes",
    [{}, {"norm": "before"}, {"norm": "after"}, {"position": "rotary"}, {"position": "learned"}, {"back": True}],
    ids=str,
)
def test_every_part_can_be_looked_at(name, changes):
    state, svg = made(name).state | changes, made(name).svg
    assert call("boxes", state) == boxes(state)
    for box in boxes(state):
        drawn = call("picture", state | {"chosen": box})
        assert f'data-part="{box}"' in svg
        assert drawn[box].get("visibility") != "hidden"
        assert drawn["detail-title"]["text"]
        assert "undefined" not in str(drawn)
        assert "nan" not in str(drawn).lower()


@pytest.mark.parametrize(
    "change", [{"m": 512}, {"m": 4096}, {"h": 1}, {"h": 6}, {"mlp": "SwiGLU"}, {"cross": True}], ids=str
)
def test_what_is_exchanged_fits(change):
    state = call("changed", made("gpt2").state, change)
    assert state["m"] % state["h"] == state["h"] % state["g"] == 0
    assert call("picture", state)["heading"]["text"].startswith("GPT-2, changed")


def test_swiglu_costs_what_two_layers_cost():
    state = call("changed", made("llama3").state, {"mlp": "SwiGLU"})
    plain = call("changed", state, {"mlp": "GELU"})
    assert call("inBlock", state)["mlp"] == pytest.approx(call("inBlock", plain)["mlp"], rel=1e-3)


def test_a_model_that_was_left_comes_back_whole():
    state = call("changed", made("gpt2").state, {"m": 512, "position": "rotary", "mlp": "SwiGLU"})
    state |= MODELS["BERT"] | {"model": "BERT"}
    assert call("picture", state)["heading"]["text"] == "BERT: an encoder of 12 blocks"


def test_every_lesson_is_there():
    lessons = {path.stem for path in (Path(attncore.__file__).parent / "lessons").glob("*.py")}
    assert set(LESSONS.values()) <= lessons


@pytest.mark.parametrize(("where", "kind"), [("before", "pre-norm"), ("after", "post-norm")])
def test_the_run_is_that_of_the_courses_blocks(where, kind):
    x, blocks, W_out = small_model()
    stream = [x]
    for weights, forward, _, settings in parts(blocks):
        stream.append(apply_part(stream[-1], NORM, weights, forward, settings, kind))
    np.testing.assert_allclose(curves_of(where).sizes, [size(x) for x in stream], rtol=1e-10)
    read = layer_norm(stream[-1], *NORM) if where == "before" else stream[-1]
    targets = np.random.default_rng(1).integers(read.shape[-1], size=read.shape[:-1])
    d = handed = cross_entropy_backward(read @ W_out, targets) @ W_out.T
    if where == "before":  # through the final norm: that of x + 0, after the addition
        silent = (stream[-1], NORM, None, lambda x, _: 0 * x, lambda x, _, d: (0 * x, None), (), "post-norm", d)
        d = apply_part_backward(*silent)[0]
    gradients = [size(d)]
    for (weights, forward, backward, settings), x in zip(list(parts(blocks))[::-1], stream[-2::-1], strict=True):
        d = apply_part_backward(x, NORM, weights, forward, backward, settings, kind, d)[0]
        gradients.append(size(d))
    np.testing.assert_allclose(curves_of(where).gradients, np.array(gradients[::-1]) / size(handed), rtol=1e-10)


def test_the_learners_block_is_marked():
    def mine(*given):
        return encoder_block(*given)

    mine.__name__ = "encoder_block"
    right, wrong = whole(function=mine), whole(function=lambda x, *_: 2 * x)
    assert right.asked.told == "◇ is the size after block 1, norm before, as encoder_block computes it."
    assert right.state["theirs"] == pytest.approx(curves_of("before").sizes[2])
    assert "aren't the course's: size 2.04, not 1.33" in wrong.asked.told
    assert N_HEADS > 1 and not MASK.all(), "so that a function that ignores heads or mask is found out"
    for explorable in (right, wrong):
        assert_drawn_alike(explorable)


def test_what_is_no_architecture_is_named():
    with pytest.raises(ValueError, match='architecture is "rnn", expected one of bert, gpt2, transformer, llama3, vit'):
        whole("rnn")
