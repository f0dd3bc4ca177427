"""Lesson 20: a sentence as one vector, and what lies near it."""

import math

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Lesson, case, cases
from attncore.masks import padding_mask
from attncore.real_model import most_similar, sentence_vectors

lesson = Lesson("20_real_model")


def lengths(*of_each):
    """A mask for texts of these lengths, padded behind."""
    return lambda rng, s: padding_mask(of_each, s.n)[:, 0]


def one_long_one_shorter(rng, s):
    return padding_mask([s.n, s.n - 1], s.n)[:, 0]


vectors_exercise = lesson.code(
    sentence_vectors,
    cases(
        sentence_vectors,
        case(sentence_vectors, "two tokens, then one of padding", small=True, mask=lengths(2, 2)),
        case(sentence_vectors, "no padding at all", sizes={"b": 3}, stage="texts of one length", mask=lengths(5, 5, 5)),
        case(sentence_vectors, "four texts, four lengths", sizes={"b": 4, "n": 7}, mask=lengths(7, 3, 4, 5)),
        case(sentence_vectors, "a text of one token", stage="a text of one token", mask=lengths(1, 4)),
        case(sentence_vectors, "a single text", sizes={"b": 1}, mask=lengths(4)),
        case(
            sentence_vectors,
            "padding in front",
            sizes={"b": 3},
            stage="padding in front",
            mask=lambda rng, s: padding_mask([4, 5, 3], s.n)[:, 0, ::-1],
        ),
        case(
            sentence_vectors,
            "large numbers in the padding",
            stage="large numbers in the padding",
            x=lambda rng, s: np.where(np.arange(s.n)[:, None] < 3, 1, 1e4) * rng.standard_normal((s.b, s.n, s.m)),
            mask=lengths(3, 3),
        ),
        case(sentence_vectors, "numbers in the thousands", magnitude=3e3, mask=lengths(4, 5)),
        mask=one_long_one_shorter,
    ),
)


@vectors_exercise.mistake
def padding_averaged_in(x, mask):
    mean = x.mean(axis=1)
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


@vectors_exercise.mistake
def only_the_first_token(x, mask):
    return x[:, 0] / np.linalg.norm(x[:, 0], axis=-1, keepdims=True)


@vectors_exercise.mistake
def only_the_last_token(x, mask):
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=-1)
    token = x[np.arange(len(x)), last]
    return token / np.linalg.norm(token, axis=-1, keepdims=True)


@vectors_exercise.mistake
def last_row_even_where_it_is_padding(x, mask):
    return x[:, -1] / np.linalg.norm(x[:, -1], axis=-1, keepdims=True)


@vectors_exercise.mistake
def plain_mean_of_every_row(x, mask):
    return x.mean(axis=1)


@vectors_exercise.mistake
def largest_value_with_the_padding_in_it(x, mask):
    return x.max(axis=1) / np.linalg.norm(x.max(axis=1), axis=-1, keepdims=True)


@vectors_exercise.mistake
def length_not_made_one(x, mask):
    return (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)


@vectors_exercise.mistake
def divided_by_the_padded_length(x, mask):
    return (x * mask[..., None]).sum(axis=1) / x.shape[1]


@vectors_exercise.mistake
def sum_instead_of_a_direction(x, mask):
    return (x * mask[..., None]).sum(axis=1)


@vectors_exercise.mistake
def largest_value_instead_of_the_mean(x, mask):
    largest = np.where(mask[..., None], x, -np.inf).max(axis=1)
    return largest / np.linalg.norm(largest, axis=-1, keepdims=True)


@vectors_exercise.mistake
def each_token_made_length_one_before_the_mean(x, mask):
    return sentence_vectors(x / np.linalg.norm(x, axis=-1, keepdims=True), mask)


@vectors_exercise.mistake
def tokens_made_length_one_instead_of_their_mean(x, mask):
    directions = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return length_not_made_one(directions, mask)


@vectors_exercise.mistake
def mask_upside_down(x, mask):
    return sentence_vectors(x, ~mask)


@vectors_exercise.mistake
def one_length_for_the_whole_batch(x, mask):
    total = (x * mask[..., None]).sum(axis=1)
    mean = total / mask.sum(axis=1, keepdims=True)
    return mean / np.linalg.norm(mean)


@vectors_exercise.mistake
def divided_by_the_squared_length(x, mask):
    mean = length_not_made_one(x, mask)
    return mean / np.sum(mean**2, axis=-1, keepdims=True)


@vectors_exercise.mistake
def first_and_last_token_left_out(x, mask):
    before, behind = np.cumsum(mask, axis=1), np.cumsum(mask[:, ::-1], axis=1)[:, ::-1]
    return sentence_vectors(x, mask & (before > 1) & (behind > 1))


@vectors_exercise.another_way
def a_sum_is_enough(x, mask):
    total = (x * mask[..., None]).sum(axis=1)
    return total / np.linalg.norm(total, axis=-1, keepdims=True)


@vectors_exercise.another_way
def attention_with_a_query_of_zeros(x, mask):
    nothing_asked = np.zeros_like(x[:, :1])
    mean = scaled_dot_product_attention(nothing_asked, x, x, mask[:, None])[:, 0]
    return mean / np.sqrt(np.einsum("bm,bm->b", mean, mean))[:, None]


@vectors_exercise.another_way
def text_by_text(x, mask):
    vectors = []
    for tokens, kept in zip(x, mask, strict=True):
        mean = tokens[kept].mean(axis=0)
        vectors.append(mean / np.linalg.norm(mean))
    return np.stack(vectors)


@vectors_exercise.another_way
def number_by_number(x, mask):
    vectors = []
    for tokens, kept in zip(x.tolist(), mask.tolist(), strict=True):
        text = [token for token, is_text in zip(tokens, kept, strict=True) if is_text]
        mean = [sum(column) / len(text) for column in zip(*text, strict=True)]
        length = math.sqrt(sum(number * number for number in mean))
        vectors.append([number / length for number in mean])
    return vectors


def long_and_short(rng, s):
    """Vectors whose lengths differ by far, so that a plain product finds the longest."""
    return rng.standard_normal((s.n, s.m)) * np.geomspace(0.01, 100, s.n)[:, None]


def unit_vectors(rng, s):
    drawn = rng.standard_normal((s.n, s.m))
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


similar_exercise = lesson.code(
    most_similar,
    cases(
        most_similar,
        case(most_similar, "the one nearest", sizes={"n": 7}, count=1),
        case(most_similar, "all of them, in order", sizes={"n": 7}, stage="all of them", count=7),
        case(
            most_similar,
            "vectors of very different lengths",
            sizes={"n": 8},
            stage="vectors of different lengths",
            vectors=long_and_short,
            count=4,
        ),
        case(
            most_similar,
            "a long vector to compare with",
            sizes={"n": 7},
            stage="a long vector to compare with",
            vector=lambda rng, s: 1e3 * rng.standard_normal(s.m),
            count=3,
        ),
        case(most_similar, "many vectors", sizes={"n": 400, "m": 4}, stage="many vectors", count=300),
        case(most_similar, "vectors of length 1", sizes={"n": 9}, vectors=unit_vectors, count=5),
        case(
            most_similar,
            "the vector itself among them, and its opposite",
            stage="the opposite direction",
            vector=lambda rng, s: np.array([1.0, 2.0, -1.0]),
            vectors=lambda rng, s: np.array(
                [[1.0, 1.0, 1.0], [-1.0, -2.0, 1.0], [2.0, -1.0, 1.0], [1.0, 2.0, -1.0], [0.5, 3.0, 0.0]]
            ),
            count=4,
        ),
        count=lambda rng, s: s.n - 1,
    ),
)


@similar_exercise.mistake
def plain_dot_product(vector, vectors, count):
    return np.argsort(-(vectors @ vector))[:count]


@similar_exercise.mistake
def farthest_first(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1)
    return np.argsort(cosines)[:count]


@similar_exercise.mistake
def nearest_by_straight_line_distance(vector, vectors, count):
    distances = np.linalg.norm(vectors - vector, axis=-1)
    return np.argsort(distances)[:count]


@similar_exercise.mistake
def count_ignored(vector, vectors, count):
    return most_similar(vector, vectors, len(vectors))


@similar_exercise.mistake
def cosines_returned_instead_of_places(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1) / np.linalg.norm(vector)
    return np.sort(cosines)[::-1][:count]


@similar_exercise.mistake
def the_vectors_instead_of_their_places(vector, vectors, count):
    return vectors[most_similar(vector, vectors, count)]


@similar_exercise.mistake
def opposite_directions_taken_for_alike(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1)
    return np.argsort(-np.abs(cosines))[:count]


@similar_exercise.mistake
def places_not_in_order_of_nearness(vector, vectors, count):
    return np.sort(most_similar(vector, vectors, count))


@similar_exercise.mistake
def divided_by_the_squared_length(vector, vectors, count):
    return np.argsort(-(vectors @ vector) / np.sum(vectors**2, axis=-1))[:count]


@similar_exercise.mistake
def nearest_one_skipped(vector, vectors, count):
    return most_similar(vector, vectors, count + 1)[1:]


@similar_exercise.another_way
def both_made_length_one(vector, vectors, count):
    directions = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    cosines = directions @ (vector / np.linalg.norm(vector))
    return sorted(range(len(vectors)), key=lambda place: -cosines[place])[:count]


@similar_exercise.another_way
def by_distance_on_the_sphere(vector, vectors, count):
    directions = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    distances = np.linalg.norm(directions - vector / np.linalg.norm(vector), axis=-1)
    return np.argsort(distances)[:count]


@similar_exercise.another_way
def one_after_another(vector, vectors, count):
    def product(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    cosines = [product(other, vector.tolist()) / math.sqrt(product(other, other)) for other in vectors.tolist()]
    found = []
    for _ in range(count):
        found.append(cosines.index(max(cosines)))
        cosines[found[-1]] = -math.inf
    return found


lesson.debug("fix_sentence_vectors", vectors_exercise, padding_averaged_in)
lesson.debug("fix_vectors_of_a_batch", vectors_exercise, one_length_for_the_whole_batch)
lesson.debug("fix_most_similar", similar_exercise, plain_dot_product)

WORDS, POSITIONS, WIDTH, INNER, LAYERS = 30_522, 512, 384, 1_536, 6
EMBEDDINGS = (WORDS + POSITIONS + 2 + 2) * WIDTH  # two kinds of text; gain and bias of a norm
ATTENTION = 4 * (WIDTH * WIDTH + WIDTH)
FEED_FORWARD = WIDTH * INNER + INNER + INNER * WIDTH + WIDTH
BLOCKS = LAYERS * (ATTENTION + FEED_FORWARD + 4 * WIDTH)
POOLER = WIDTH * WIDTH + WIDTH

lesson.numeric(
    "minilm-parameters",
    lambda: EMBEDDINGS + BLOCKS,
    embeddings_forgotten=lambda: BLOCKS,
    one_block_only=lambda: EMBEDDINGS + BLOCKS // LAYERS,
    feed_forward_forgotten=lambda: EMBEDDINGS + BLOCKS - LAYERS * FEED_FORWARD,
    output_projection_forgotten=lambda: EMBEDDINGS + BLOCKS - LAYERS * ATTENTION // 4,
    projections_counted_for_each_head=lambda: EMBEDDINGS + BLOCKS + 11 * LAYERS * ATTENTION,
)
lesson.numeric(
    "minilm-embedding-share",
    lambda: WORDS * WIDTH / (EMBEDDINGS + BLOCKS + POOLER),
    compared_with_the_rest=lambda: WORDS * WIDTH / (EMBEDDINGS + BLOCKS + POOLER - WORDS * WIDTH),
    share_of_the_blocks=lambda: BLOCKS / (EMBEDDINGS + BLOCKS + POOLER),
)
lesson.numeric(
    "minilm-bytes",
    lambda: 4 * (EMBEDDINGS + BLOCKS + POOLER),
    float16=lambda: 2 * (EMBEDDINGS + BLOCKS + POOLER),
    bits=lambda: 32 * (EMBEDDINGS + BLOCKS + POOLER),
    one_byte_a_number=lambda: EMBEDDINGS + BLOCKS + POOLER,
)
lesson.numeric(
    "cross-encoder-runs",
    lambda: 10_000 + 100 + 100 * 50,
    tolerance=0,
    every_pair_read_together=lambda: 100 * 10_000,
    documents_not_read=lambda: 100 + 100 * 50,
    candidates_of_one_query=lambda: 10_000 + 100 + 50,
    queries_not_read=lambda: 10_000 + 100 * 50,
)
lesson.predict(
    "all-maps-shape",
    lambda: (6, 12, 15, 15),
    tokens_left_out=lambda: (6, 12, 13, 13),
    heads_before_layers=lambda: (12, 6, 15, 15),
    one_map_a_layer=lambda: (6, 15, 15),
)
lesson.predict(
    "shifted-key-bias",
    lambda: "they stay the same",
    each_key_scores_more=lambda: "they become sharper",
    the_bias_draws_attention=lambda: "they move to other keys",
)
lesson.predict(
    "share-of-the",
    lambda: "between 25 and 30 %",
    as_the_textbooks_say=lambda: "less than 10 %",
    frequent_words_win=lambda: "more than 40 %",
)
lesson.predict(
    "who-bites-whom",
    lambda: "about 0.97",
    the_order_decides=lambda: "about 0.3",
    half_of_it_differs=lambda: "about 0.6",
)
lesson.explain(
    "is-the-ignored",
    "what-the-mean-loses",
    "bi-or-cross-encoder",
    "why-post-norm-here",
    "numpy-is-enough",
    "trust-a-reimplementation",
)
