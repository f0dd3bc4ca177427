"""Count the parameters."""

from attncore.exercises.exercise import case, code
from attncore.heads import mha_parameter_count

exercise = code(
    mha_parameter_count,
    case("a small layer", d_model=8, n_heads=2),
    case("BERT-base", d_model=768, n_heads=12),
    case("no bias", d_model=512, n_heads=8, bias=False),
    case("one head", d_model=512, n_heads=1),
    case("sixteen heads", d_model=512, n_heads=16, bias=True),
    case(
        "three heads for a width of eight",
        d_model=8,
        n_heads=3,
        promise="Raises ValueError where the heads do not divide the width.",
    ),
)


@exercise.mistake("the biases are forgotten")
def the_biases_are_forgotten(d_model, n_heads, bias=True):
    return 4 * d_model**2


@exercise.mistake("the output projection is forgotten")
def the_output_projection_is_forgotten(d_model, n_heads, bias=True):
    return 3 * (d_model**2 + d_model * bias)


@exercise.mistake("multiplied by the heads")
def multiplied_by_the_heads(d_model, n_heads, bias=True):
    return n_heads * mha_parameter_count(d_model, n_heads, bias)


@exercise.mistake("divided by the heads")
def divided_by_the_heads(d_model, n_heads, bias=True):
    return mha_parameter_count(d_model, n_heads, bias) // n_heads


@exercise.mistake("one bias for all four projections")
def one_bias_for_all_four_projections(d_model, n_heads, bias=True):
    return 4 * d_model**2 + d_model * bias


@exercise.mistake("the bias is always counted")
def the_bias_is_always_counted(d_model, n_heads, bias=True):
    return 4 * (d_model**2 + d_model)


@exercise.mistake("no bias on the output projection")
def no_bias_on_the_output_projection(d_model, n_heads, bias=True):
    return 4 * d_model**2 + 3 * d_model * bias


@exercise.another_way
def head_by_head(d_model, n_heads, bias=True):
    width = d_model // n_heads
    into_heads = 3 * n_heads * (d_model * width + width * bias)
    return into_heads + n_heads * width * d_model + d_model * bias
