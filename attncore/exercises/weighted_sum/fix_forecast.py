"""A temperature between the stations, and how far they disagree there."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped


def bells(at, stations, width):
    distance = (at[:, None] - stations) / width
    exponent = -0.5 * distance**2
    return np.exp(exponent - exponent.max(axis=1, keepdims=True))


def shares(heights):
    total = heights.sum(axis=1, keepdims=True)
    return heights / total


def shares_(heights):
    total = heights.sum(axis=0)
    return heights / total


@shaped("(q),(k),(k)->(q),(q)", returns="level, spread", axes={"q": "place", "k": "station"})
def fix_forecast(at, stations, readings, width):
    """Say how warm it is at each place asked for, and how far the readings disagree there.

    Places and stations are positions on a line. The level is the mean of the readings, near stations weighing more, by
    a Gaussian bell with `width` as its standard deviation; the spread is the standard deviation of the readings under
    the same weights. The answer for one place doesn't depend on the others. A place far from every
    station gets a level, too.
    """
    weights = shares(bells(at, stations, width))
    level = weights @ readings
    squared = weights @ readings**2
    variance = np.maximum(squared - level**2, 0)
    return level, np.sqrt(variance)


exercise = code(
    fix_forecast,
    usual(width=1.0),
    case(
        "one place",
        at=np.array([1.2]),
        stations=np.array([0.0, 1, 3]),
        readings=np.array([20.4, 19.8, 21.1]),
        width=1.0,
    ),
    case(
        "two places",
        at=np.array([1.2, 2.5]),
        stations=np.array([0.0, 1, 3]),
        readings=np.array([20.4, 19.8, 21.1]),
        width=1.0,
    ),
    case(
        "far away",
        promise="A place far from every station gets a level, too.",
        at=np.array([90.0, 0.5]),
        stations=np.array([0.0, 1, 3]),
        readings=np.array([20.4, 19.8, 21.1]),
        width=1.0,
    ),
    case("a narrow bell", sizes={"q": 2}, width=0.2),
    case(
        "at the stations themselves",
        at=np.arange(4.0),
        stations=np.arange(4.0),
        readings=np.array([3.0, 5, 4, 8]),
        width=0.7,
    ),
    bug="normalized over the places",
)


def forecast(at, stations, readings, width, share):
    weights = share(bells(at, stations, width))
    level = weights @ readings
    return level, np.sqrt(np.maximum(weights @ readings**2 - level**2, 0))


@exercise.mistake("normalized over the places")
def normalized_over_the_places(at, stations, readings, width):
    weights = shares_(bells(at, stations, width))
    level = weights @ readings
    squared = weights @ readings**2
    variance = np.maximum(squared - level**2, 0)
    return level, np.sqrt(variance)


@exercise.mistake("total without keepdims")
def total_without_keepdims(at, stations, readings, width):
    return forecast(at, stations, readings, width, lambda heights: heights / heights.sum(axis=1))


@exercise.mistake("one total for all places")
def one_total(at, stations, readings, width):
    return forecast(at, stations, readings, width, lambda heights: heights / heights.sum())


@exercise.mistake("divided by the largest height")
def divided_by_the_largest(at, stations, readings, width):
    return forecast(at, stations, readings, width, lambda heights: heights / heights.max(axis=1, keepdims=True))


@exercise.mistake("divided by the number of stations")
def divided_by_the_number(at, stations, readings, width):
    return forecast(at, stations, readings, width, lambda heights: heights / heights.shape[1])


@exercise.another_way
def place_by_place(at, stations, readings, width):
    rows = []
    for place in at:
        height = bells(np.array([place]), stations, width)[0]
        level = (height * readings).sum() / height.sum()
        rows.append((level, np.sqrt((height * (readings - level) ** 2).sum() / height.sum())))
    return np.array(rows).T[0], np.array(rows).T[1]
