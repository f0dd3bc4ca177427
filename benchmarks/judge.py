"""How fast the judge is: the time of a verdict, the answer's own time aside.

For every code exercise, the reference and each labelled wrong solution are judged; what the answer's own calls take is
measured in the same run and taken off.
"""

from statistics import quantiles
from time import perf_counter

from attncore.exercises import exercises
from attncore.grading import judge
from attncore.grading.run import call, quietly
from attncore.grading.trial import trial


def milliseconds(work, repeats: int = 5) -> float:
    """The shortest of several runs."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return 1000 * min(times)


def own_time(exercise, function) -> float:
    """Twice through all cases, as the judge calls it."""

    def calls():
        with quietly():
            for given in trial(exercise).arguments * 2:
                call(function, exercise.signature, given)

    return milliseconds(calls)


def main() -> None:
    right, wrong = [], []
    for exercise in exercises:
        if exercise.kind == "code":
            judge(exercise, exercise.reference)  # what is kept for later answers is not counted
            for times, functions in ((right, [exercise.reference]), (wrong, exercise.wrong.values())):
                for function in functions:
                    whole = milliseconds(lambda f=function, e=exercise: judge(e, f))
                    times.append(max(whole - own_time(exercise, function), 0.0))
    for name, times in (("a right answer is told so", right), ("a wrong answer is named", wrong)):
        half, top = quantiles(times, n=2)[0], quantiles(times, n=20)[-1]
        print(f"{name}: median {half:.1f} ms, p95 {top:.1f} ms, n = {len(times)}")


if __name__ == "__main__":
    main()
