"""What lies nearest."""

import math

import numpy as np

from attncore.exercises.drivers import looked_up
from attncore.exercises.exercise import case, code, usual
from attncore.real_model import most_similar


def long_and_short(rng, s):
    """Vectors whose lengths differ by far, so that a plain product finds the longest."""
    return rng.standard_normal((s.n, s.m)) * np.geomspace(0.01, 100, s.n)[:, None]


def unit_vectors(rng, s):
    drawn = rng.standard_normal((s.n, s.m))
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


exercise = code(
    most_similar,
    usual(count=lambda rng, s: s.n - 1),
    case("the one nearest", sizes={"n": 7}, count=1),
    case("all of them, in order", sizes={"n": 7}, count=7),
    case("vectors of very different lengths", sizes={"n": 8}, vectors=long_and_short, count=4),
    case(
        "a long vector to compare with", sizes={"n": 7}, vector=lambda rng, s: 1e3 * rng.standard_normal(s.m), count=3
    ),
    case("many vectors", sizes={"n": 400, "m": 4}, count=300),
    case("vectors of length 1", sizes={"n": 9}, vectors=unit_vectors, count=5),
    case(
        "the vector itself among them, and its opposite",
        vector=lambda rng, s: np.array([1.0, 2.0, -1.0]),
        vectors=lambda rng, s: np.array(
            [[1.0, 1.0, 1.0], [-1.0, -2.0, 1.0], [2.0, -1.0, 1.0], [1.0, 2.0, -1.0], [0.5, 3.0, 0.0]]
        ),
        count=4,
    ),
    case("texts looked up at these places", count=3, texts=lambda rng, s: ["a", "of", "the", "word", "words"]),
    drive=looked_up,
)


@exercise.mistake("a plain dot product")
def plain_dot_product(vector, vectors, count):
    return np.argsort(-(vectors @ vector))[:count]


@exercise.mistake("the farthest come first")
def farthest_first(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1)
    return np.argsort(cosines)[:count]


@exercise.mistake("the nearest by straight-line distance")
def nearest_by_straight_line_distance(vector, vectors, count):
    distances = np.linalg.norm(vectors - vector, axis=-1)
    return np.argsort(distances)[:count]


@exercise.mistake("count is ignored")
def count_ignored(vector, vectors, count):
    return most_similar(vector, vectors, len(vectors))


@exercise.mistake("cosines are returned instead of places")
def cosines_returned_instead_of_places(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1) / np.linalg.norm(vector)
    return np.sort(cosines)[::-1][:count]


@exercise.mistake("the vectors are returned instead of their places")
def the_vectors_instead_of_their_places(vector, vectors, count):
    return vectors[most_similar(vector, vectors, count)]


@exercise.mistake("opposite directions are taken for alike")
def opposite_directions_taken_for_alike(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1)
    return np.argsort(-np.abs(cosines))[:count]


@exercise.mistake("the places aren't in order of nearness")
def places_not_in_order_of_nearness(vector, vectors, count):
    return np.sort(most_similar(vector, vectors, count))


@exercise.mistake("divided by the squared length")
def divided_by_the_squared_length(vector, vectors, count):
    return np.argsort(-(vectors @ vector) / np.sum(vectors**2, axis=-1))[:count]


@exercise.mistake("floats instead of integers")
def floats_instead_of_integers(vector, vectors, count):
    return most_similar(vector, vectors, count).astype(float)


@exercise.mistake("ranks instead of places")
def ranks_instead_of_places(vector, vectors, count):
    return np.argsort(most_similar(vector, vectors, len(vectors)))[:count]


@exercise.mistake("only the nearest one")
def only_the_nearest_one(vector, vectors, count):
    return most_similar(vector, vectors, 1)[0]


@exercise.mistake("the nearest by straight-line distance")
def nearest_by_the_sum_of_absolute_differences(vector, vectors, count):
    return np.argsort(np.abs(vectors - vector).sum(axis=-1))[:count]


@exercise.mistake("lengths taken along the wrong axis")
def lengths_taken_along_the_wrong_axis(vector, vectors, count):
    return np.argsort(-(vectors / np.linalg.norm(vectors, axis=0)) @ vector)[:count]


@exercise.mistake("divided by the sum of absolute values")
def divided_by_the_sum_of_absolute_values(vector, vectors, count):
    return np.argsort(-(vectors @ vector) / np.abs(vectors).sum(axis=-1))[:count]


@exercise.mistake("the nearest one is skipped")
def nearest_one_skipped(vector, vectors, count):
    return most_similar(vector, vectors, count + 1)[1:]


@exercise.mistake("the nearest comes last")
def the_nearest_comes_last(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1)
    return np.argsort(cosines)[-count:]


@exercise.mistake("np.argpartition leaves them out of order")
def left_out_of_order_by_argpartition(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1)
    return np.argpartition(-cosines, count - 1)[:count]


@exercise.mistake("the mean of each vector is subtracted first")
def correlations_instead_of_cosines(vector, vectors, count):
    return most_similar(vector - vector.mean(), vectors - vectors.mean(axis=-1, keepdims=True), count)


@exercise.mistake("places counted from one")
def places_counted_from_one(vector, vectors, count):
    return most_similar(vector, vectors, count) + 1


@exercise.another_way
def both_made_length_one(vector, vectors, count):
    directions = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    cosines = directions @ (vector / np.linalg.norm(vector))
    return sorted(range(len(vectors)), key=lambda place: -cosines[place])[:count]


@exercise.another_way
def by_distance_on_the_sphere(vector, vectors, count):
    directions = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    distances = np.linalg.norm(directions - vector / np.linalg.norm(vector), axis=-1)
    return np.argsort(distances)[:count]


@exercise.another_way
def one_after_another(vector, vectors, count):
    def product(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    cosines = [product(other, vector.tolist()) / math.sqrt(product(other, other)) for other in vectors.tolist()]
    found = []
    for _ in range(count):
        found.append(cosines.index(max(cosines)))
        cosines[found[-1]] = -math.inf
    return found
