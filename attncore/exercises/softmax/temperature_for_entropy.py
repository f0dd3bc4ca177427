"""The temperature for a given entropy."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.softmax import temperature_for_entropy

ANY_SIZE = "The scores may be of any size, and T grows with them."
RAISES = "Raises ValueError, with the range, where no temperature reaches the given bits."

exercise = code(
    temperature_for_entropy,
    case("three scores, one bit", scores=lambda rng, s: np.array([1.0, 2, 4]), bits=1.0),
    case("almost certain", scores=lambda rng, s: np.array([1.0, 2, 4]), bits=0.05),
    case("almost equal", scores=lambda rng, s: np.array([1.0, 2, 4, 0]), bits=1.99),
    case("eight scores, two bits", sizes={"k": 8}, bits=2.0),
    case("two equal scores on top", scores=lambda rng, s: np.array([3.0, 3, 1, 0]), bits=1.2),
    case("a common shift of ten thousand", scores=lambda rng, s: np.array([10001.0, 10002, 10004]), bits=1.0),
    case("float32", sizes={"k": 8}, bits=1.5, dtype=np.float32),
    case("scores in the thousands", scores=lambda rng, s: np.array([1e3, 2e3, 4e3]), bits=0.9, promise=ANY_SIZE),
    case("scores of a millionth", scores=lambda rng, s: np.array([1e-6, 2e-6, 4e-6]), bits=0.9, promise=ANY_SIZE),
    case("more bits than three scores can have", scores=lambda rng, s: np.array([1.0, 2, 4]), bits=1.7, promise=RAISES),
    case("fewer bits than a tie leaves", scores=lambda rng, s: np.array([4.0, 4, 1]), bits=0.5, promise=RAISES),
    tolerance=1e-3,
)


def within_a_bracket(coldest, hottest):
    """A search that looks only between two temperatures, and ends at one of them where the answer lies outside."""

    def search(scores, bits):
        return float(np.clip(temperature_for_entropy(scores, bits), coldest, hottest))

    return search


exercise.mistake("no temperature above 1,000 is tried")(within_a_bracket(1e-3, 1e3))
exercise.mistake("no temperature above 100 is tried")(within_a_bracket(1e-2, 1e2))


@exercise.mistake("entropy in nats")
def entropy_in_nats(scores, bits):
    return temperature_for_entropy(scores, min(bits / math.log(2), math.log2(len(scores)) - 1e-9))


@exercise.mistake("one over the temperature")
def one_over_the_temperature(scores, bits):
    return 1 / temperature_for_entropy(scores, bits)


@exercise.mistake("perplexity instead of bits")
def perplexity_instead_of_bits(scores, bits):
    lowest = math.log2(np.sum(scores == scores.max()))
    return temperature_for_entropy(
        scores, min(max(math.log2(max(bits, 1e-9)), lowest + 1e-6), math.log2(len(scores)) - 1e-9)
    )


@exercise.mistake("entropy as a share of the largest")
def entropy_as_a_share_of_the_largest(scores, bits):
    lowest, highest = math.log2(np.sum(scores == scores.max())), math.log2(len(scores))
    return temperature_for_entropy(scores, min(max(bits * highest, lowest + 1e-9), highest - 1e-9))


@exercise.another_way
def search_in_the_open(scores, bits):
    scores = np.asarray(scores, dtype=float) - np.max(scores)
    low, high = 1e-6, 1e9
    while high / low > 1 + 1e-9:
        middle = math.sqrt(low * high)
        p = np.exp(scores / middle)
        p = p / p.sum()
        p = p[p > 0]
        if -(p * np.log2(p)).sum() < bits:
            low = middle
        else:
            high = middle
    return low
