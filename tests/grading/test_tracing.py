"""A time limit leaves no trace: after a check, and during one, profilers and debuggers work, and no TimeUp is left."""

import subprocess
import sys
from textwrap import dedent

import pytest

COMMON = """
import cProfile, sys
sys.setswitchinterval(1e-5)  # so that threads meet at every place
from attncore.grading.run import TimeUp, within

def right():
    return sum(range(100))

def endless():
    while True:
        pass

def stubborn():
    for _ in range(40):
        try:
            while True:
                pass
        except BaseException:
            pass

def limited(work, seconds):
    try:
        return within(seconds, work)
    except TimeUp:
        return "stopped"

def traced(work):
    seen = []
    def trace(frame, event, argument):
        seen.append(event)
        return trace
    sys.settrace(trace)
    try:
        work()
        still = sys.gettrace() is trace
    finally:
        sys.settrace(None)
    assert still, "the trace function was switched off"
    assert {"call", "line", "return"} <= set(seen), seen
"""

SCRIPTS = {
    "afterwards": """
        for work, seconds in ((right, 5), (endless, 0.05), (stubborn, 0.01)):
            limited(work, seconds)
            traced(right)
            profile = cProfile.Profile()
            profile.runcall(right)
            assert profile.getstats()
    """,
    "during": """
        for seconds in (0.001, 0.0003, 0.0001) * 20:
            traced(lambda: limited(endless, seconds))
            traced(lambda: limited(right, seconds))
    """,
    "profiled": """
        for seconds in (0.001, 0.0003, 0.0001) * 10:
            profile = cProfile.Profile()
            profile.enable()
            limited(endless, seconds)
            right()
            profile.disable()
            assert any("right" in str(row.code) for row in profile.getstats())
    """,
    "nothing left": """
        def lasting(n):
            return lambda: sum(i * i for i in range(n))

        stopped = 0
        for n in range(400):
            work = endless if n % 20 == 0 else lasting(n * 20)  # which ends at about the time when it would be stopped
            stopped += limited(work, 0.0001 + n % 7 * 0.00005) == "stopped"
            for _ in range(50):
                right()
        assert stopped >= 20
    """,
    "judge": """
        from attncore.grading import judge

        assert judge("weighted_sum", lambda weights, values: weights @ values).outcome == "right"
        traced(right)
        cProfile.run("right()")
    """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_time_limit_leaves_no_trace(name):
    script = COMMON + dedent(SCRIPTS[name])
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
