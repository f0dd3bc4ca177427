"""The time of a step, phase by phase."""

from attncore.exercises.exercise import Case, code
from attncore.serving import step_time


def timed(name, *phases, flops=100.0, read=10.0, promise=""):
    return Case(name, lambda: {"phases": list(phases), "flops_per_second": flops, "bytes_per_second": read}, promise)


exercise = code(
    step_time,
    timed("a phase that reads", (100.0, 50.0)),
    timed("a phase that computes", (800.0, 20.0)),
    timed("one of each", (800.0, 20.0), (100.0, 50.0)),
    timed("three phases", (300.0, 90.0), (900.0, 10.0), (50.0, 40.0), flops=150.0, read=20.0),
    timed("weights and cache of a decode step", (16e9 * 8, 16e9), (2e9, 34e9), flops=989e12, read=3.35e12),
    timed("weights and attention of a chunk", (16e9 * 512, 16e9), (4e12, 2e9), flops=989e12, read=3.35e12),
    timed("two that are equal", (100.0, 10.0), (100.0, 10.0)),
    timed("a phase that reads nothing", (70.0, 0.0), (30.0, 30.0)),
    timed("no phases", promise="A step without phases takes no time."),
)


def times(phases, flops_per_second, bytes_per_second):
    return [(flops / flops_per_second, read / bytes_per_second) for flops, read in phases]


@exercise.mistake("the largest of the sums, not the sum of the largest")
def largest_of_the_sums(phases, flops_per_second, bytes_per_second):
    each = times(phases, flops_per_second, bytes_per_second)
    return max(sum(computing for computing, _ in each), sum(reading for _, reading in each))


@exercise.mistake("the largest phase alone")
def largest_phase(phases, flops_per_second, bytes_per_second):
    return max((max(each) for each in times(phases, flops_per_second, bytes_per_second)), default=0)


@exercise.mistake("computing and reading one after the other")
def one_after_the_other(phases, flops_per_second, bytes_per_second):
    return sum(sum(each) for each in times(phases, flops_per_second, bytes_per_second))


@exercise.mistake("the quicker of the two counts")
def quicker_counts(phases, flops_per_second, bytes_per_second):
    return sum(min(each) for each in times(phases, flops_per_second, bytes_per_second))


@exercise.mistake("computing alone")
def computing_alone(phases, flops_per_second, bytes_per_second):
    return sum(computing for computing, _ in times(phases, flops_per_second, bytes_per_second))


@exercise.mistake("reading alone")
def reading_alone(phases, flops_per_second, bytes_per_second):
    return sum(reading for _, reading in times(phases, flops_per_second, bytes_per_second))


@exercise.mistake("the mean of the phases")
def mean_of_the_phases(phases, flops_per_second, bytes_per_second):
    return step_time(phases, flops_per_second, bytes_per_second) / max(len(phases), 1)


@exercise.mistake("flops and bytes swapped")
def swapped(phases, flops_per_second, bytes_per_second):
    return step_time([(read, flops) for flops, read in phases], flops_per_second, bytes_per_second)


@exercise.mistake("flops and bytes swapped")
def speeds_swapped(phases, flops_per_second, bytes_per_second):
    return step_time(phases, bytes_per_second, flops_per_second)


@exercise.mistake("multiplied by the speed instead of divided")
def multiplied(phases, flops_per_second, bytes_per_second):
    return sum(max(flops * flops_per_second, read * bytes_per_second) for flops, read in phases)


@exercise.mistake("milliseconds instead of seconds")
def milliseconds(phases, flops_per_second, bytes_per_second):
    return 1000 * step_time(phases, flops_per_second, bytes_per_second)


@exercise.mistake("bytes taken for bits")
def bits(phases, flops_per_second, bytes_per_second):
    return step_time([(flops, 8 * read) for flops, read in phases], flops_per_second, bytes_per_second)


@exercise.mistake("the first phase says what counts in all of them")
def first_phase_decides(phases, flops_per_second, bytes_per_second):
    each = times(phases, flops_per_second, bytes_per_second)
    slower = int(bool(each) and each[0][1] > each[0][0])
    return sum(pair[slower] for pair in each)


@exercise.mistake("the speed divided by the work")
def turned_over(phases, flops_per_second, bytes_per_second):
    return sum(
        max(flops_per_second / flops if flops else 0, bytes_per_second / read if read else 0) for flops, read in phases
    )


@exercise.another_way
def phase_by_phase(phases, flops_per_second, bytes_per_second):
    seconds = 0.0
    for flops, read in phases:
        is_compute_bound = flops / read > flops_per_second / bytes_per_second if read else True
        seconds += flops / flops_per_second if is_compute_bound else read / bytes_per_second
    return seconds
