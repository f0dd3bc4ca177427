"""How many steps between the two ends."""

import math

from attncore.exercises.exercise import case, code
from attncore.self_attention import path_length

exercise = code(
    path_length,
    *(
        case(f"{kind}, {n} tokens", architecture=kind, n=n)
        for n in (7, 8, 100)
        for kind in ("recurrent", "convolutional", "attention")
    ),
    case("convolutional, kernel of five", architecture="convolutional", n=12, kernel=5),
    case("convolutional, kernel of two", architecture="convolutional", n=12, kernel=2),
    case("convolutional, kernel wider than the text", architecture="convolutional", n=5, kernel=9),
    case(
        "an unknown architecture", architecture="spiking", n=8, promise="Raises ValueError for any other architecture."
    ),
)


@exercise.mistake("tokens counted instead of steps")
def tokens_counted_instead_of_steps(architecture, n, kernel=3):
    return n if architecture == "recurrent" else path_length(architecture, n, kernel)


@exercise.mistake("kernel instead of kernel minus one")
def kernel_instead_of_kernel_minus_one(architecture, n, kernel=3):
    return math.ceil((n - 1) / kernel) if architecture == "convolutional" else path_length(architecture, n, kernel)


@exercise.mistake("windows laid end to end")
def windows_laid_end_to_end(architecture, n, kernel=3):
    return math.ceil(n / kernel) if architecture == "convolutional" else path_length(architecture, n, kernel)


@exercise.mistake("half a kernel a layer")
def half_a_kernel_a_layer(architecture, n, kernel=3):
    one_way = max(1, kernel // 2)
    return math.ceil((n - 1) / one_way) if architecture == "convolutional" else path_length(architecture, n, kernel)


@exercise.mistake("rounded down")
def rounded_down(architecture, n, kernel=3):
    return (n - 1) // (kernel - 1) if architecture == "convolutional" else path_length(architecture, n, kernel)


@exercise.mistake("dilated kernels instead of plain ones")
def dilated_kernels(architecture, n, kernel=3):
    return math.ceil(math.log(n, kernel)) if architecture == "convolutional" else path_length(architecture, n, kernel)


@exercise.mistake("kernel always three")
def kernel_always_three(architecture, n, kernel=3):
    return path_length(architecture, n)


@exercise.mistake("attention counted in pairs of tokens")
def attention_counted_in_pairs(architecture, n, kernel=3):
    return n * n if architecture == "attention" else path_length(architecture, n, kernel)


@exercise.mistake("attention takes no step")
def attention_without_a_step(architecture, n, kernel=3):
    return 0 if architecture == "attention" else path_length(architecture, n, kernel)


@exercise.another_way
def grow_the_span(architecture, n, kernel=3):
    reach = {"recurrent": 1, "convolutional": kernel - 1, "attention": n}[architecture]
    steps, spanned = 0, 1
    while spanned < n:
        steps, spanned = steps + 1, spanned + reach
    return steps
