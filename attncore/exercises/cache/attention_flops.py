"""The arithmetic of one layer."""

import math

from attncore.cache import attention_flops
from attncore.exercises.exercise import case, code
from attncore.heads import mha_parameter_count

exercise = code(
    attention_flops,
    case("two tokens of width three", n=2, d_model=3),
    case("five tokens of width two", n=5, d_model=2),
    case("one token", n=1, d_model=64),
    case("GPT-2 small, 1,024 tokens", n=1024, d_model=768),
    case("a long sequence", n=100_000, d_model=4096),
)


@exercise.mistake("the output projection is forgotten")
def the_output_projection_is_forgotten(n, d_model):
    return 6 * n * d_model**2 + 4 * n**2 * d_model


@exercise.mistake("the weighted sum is forgotten")
def the_weighted_sum_is_forgotten(n, d_model):
    projections = 4 * 2 * n * d_model**2
    scores = 2 * n**2 * d_model
    return projections + scores


@exercise.mistake("the projections are forgotten")
def the_projections_are_forgotten(n, d_model):
    return 4 * n**2 * d_model


@exercise.mistake("only the projections are counted")
def only_the_projections_are_counted(n, d_model):
    return 8 * n * d_model**2


@exercise.mistake("one query instead of n queries")
def one_query_instead_of_n_queries(n, d_model):
    return 8 * n * d_model**2 + 4 * n * d_model


@exercise.mistake("the width is squared in the scores")
def the_width_is_squared_in_the_scores(n, d_model):
    return 8 * n * d_model**2 + 4 * n**2 * d_model**2


@exercise.mistake("the tokens are squared in the projections")
def the_tokens_are_squared_in_the_projections(n, d_model):
    return 8 * n**2 * d_model + 4 * n**2 * d_model


def counted_too(label, count):
    """A wrong solution that counts something else as well, or takes a part of it."""

    @exercise.mistake(label)
    def flops(n, d_model):
        return count(n, d_model, 8 * n * d_model**2, 4 * n**2 * d_model)


counted_too("the softmax is counted too", lambda n, m, projected, attended: projected + attended + 3 * n**2)
counted_too("the softmax is counted too", lambda n, m, projected, attended: projected + attended + 5 * n**2)
counted_too("the biases are counted too", lambda n, m, projected, attended: projected + attended + 4 * n * m)
counted_too("the backward pass is counted too", lambda n, m, projected, attended: 3 * (projected + attended))
counted_too("the feed-forward layer is counted too", lambda n, m, projected, attended: 3 * projected + attended)
counted_too("the tokens are squared in the projections", lambda n, m, projected, attended: n * projected + attended)
counted_too("the count for a single token", lambda n, m, projected, attended: (projected + attended) // n)
counted_too("a token's own score is left out too", lambda n, m, projected, attended: projected + 2 * n * (n - 1) * m)
counted_too(
    "the additions of the projections aren't counted", lambda n, m, projected, attended: projected // 2 + attended
)


def exactly(n, d_model, products):
    """All operations, where each product has one addition less than multiplications; `products` are widths of sums."""
    return 4 * n * d_model * (2 * d_model - 1) + sum(count * (2 * width - 1) for width, count in products)


@exercise.other_convention("a multiplication with its addition counted as one")
def a_multiplication_with_its_addition_counted_as_one(n, d_model):
    return 4 * n * d_model**2 + 2 * n**2 * d_model


@exercise.other_convention("hidden scores left out")
def hidden_scores_left_out(n, d_model):
    return 8 * n * d_model**2 + 4 * d_model * n * (n + 1) // 2


@exercise.other_convention("hidden scores left out, and a multiplication with its addition counted as one")
def hidden_scores_left_out_and_counted_as_one(n, d_model):
    return 4 * n * d_model**2 + d_model * n * (n + 1)


@exercise.other_convention("exact counts: the first product of a sum has no addition")
def exact_counts(n, d_model):
    return exactly(n, d_model, [(d_model, n * n), (n, n * d_model)])


@exercise.other_convention("exact counts, hidden scores left out")
def exact_counts_of_a_causal_mask(n, d_model):
    seen = n * (n + 1) // 2
    return exactly(n, d_model, [(d_model, seen)]) + d_model * (2 * seen - n)


@exercise.another_way
def two_for_each_weight_and_token(n, d_model):
    weights = mha_parameter_count(d_model, 1, bias=False)
    return n * (2 * weights + 4 * n * d_model)


@exercise.another_way
def product_by_product(n, d_model):
    projection, scores, weighted_sum = (n, d_model, d_model), (n, d_model, n), (n, n, d_model)
    return sum(2 * math.prod(sizes) for sizes in [projection] * 4 + [scores, weighted_sum])
