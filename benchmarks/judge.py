"""How fast the judge is: the time of a verdict, the answer's own time aside.

For every code exercise, the reference and each labeled wrong solution are judged; what the answer's own calls take is
measured in the same run and taken off.
"""

import sys
from statistics import quantiles
from time import perf_counter

from attncore.authoring.readme import write_between
from attncore.exercises import exercises
from attncore.grading import judge
from attncore.grading.run import call, quietly
from attncore.grading.trial import trial


def milliseconds(work, repeats: int = 3) -> float:
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
    told = (
        f"A right answer is told so within {p95(right):.1f} ms (p95 over {len(right)} exercises), a wrong one named\n"
        f"within {p95(wrong):.1f} ms (p95 over {len(wrong)} labeled mistakes), the answer's own time aside."
    )
    print(told)
    if "--readme" in sys.argv:
        write_between("bench-judge", told)


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


if __name__ == "__main__":
    main()
