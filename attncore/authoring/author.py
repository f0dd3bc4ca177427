"""The authors' commands: test, test-browser, check, render, judge-report, bench. `python course.py` runs them."""

import argparse
import os
import subprocess
import sys

from attncore.app.workbook import COURSE

NBVAL = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=60"]
EVERYTHING = ["tests", "notebooks", "solutions", "--ignore=tests/browser"]  # that has a verb of its own
VERBS = {
    "test": "run every test and every notebook; or those named",
    "test-browser": "drive a real JupyterLab in headless Chromium",
    "check": "the course's consistency, lint, format, types",
    "render": "write notebooks/ and solutions/; or those of the lessons named",
    "judge-report": "how far the judge can be trusted: what it is shown, and what it says",
    "bench": "measure what is fast; or only what is named, such as judge",
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    parser = argparse.ArgumentParser(prog="course.py", description="The authors' commands.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in VERBS.items():
        verbs.add_parser(verb, help=text)
    chosen, rest = parser.parse_known_args(arguments)
    os.environ["ATTNCORE_PROGRESS"] = ":memory:"  # no attempt of a test or a rendering is kept
    commands = {"test": test, "test-browser": browser, "check": check, "render": render}
    return (commands | {"judge-report": judge_report, "bench": bench})[chosen.verb](rest)


def run(module: str, *arguments: str) -> int:
    """Run a module of this environment in the course's folder; return its exit status."""
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=COURSE).returncode


def test(rest: list[str]) -> int:
    return run("pytest", *NBVAL, "-n", "2", "--dist", "loadscope", *(rest or EVERYTHING))


def browser(rest: list[str]) -> int:
    return run("pytest", "tests/browser", "-rs", *rest)


def check(_rest: list[str]) -> int:
    from attncore.authoring.consistency import problems

    found = list(problems())
    for problem in found:
        print(problem)
    print(f"consistency: {len(found) or 'no'} problem{'' if len(found) == 1 else 's'}")
    statuses = [run("ruff", "check", "."), run("ruff", "format", "--check", "."), run("mypy")]
    return int(bool(found) or any(statuses))


def render(rest: list[str]) -> int:
    from attncore.authoring.render import render_course
    from attncore.exercises import LESSONS

    unknown = set(rest) - set(LESSONS)
    if unknown:
        print(f"There is no lesson {', '.join(sorted(unknown))}; there are {', '.join(LESSONS)}.", file=sys.stderr)
        return 2
    render_course(tuple(rest) or LESSONS)
    return 0


def judge_report(rest: list[str]) -> int:
    """What the judge says of thousands of answers, how fast it is, and a peer beside it."""
    script = COURSE / "tests" / "judge" / "report.py"
    status = subprocess.run([sys.executable, script, *rest], cwd=COURSE).returncode
    return status or bench(["judge", "peer"])


def bench(rest: list[str]) -> int:
    names, options = [r for r in rest if r[0] != "-"], [r for r in rest if r[0] == "-"]
    scripts = [s for s in sorted((COURSE / "benchmarks").glob("*.py")) if not names or s.stem in names]
    return max((subprocess.run([sys.executable, s, *options], cwd=COURSE).returncode for s in scripts), default=2)


if __name__ == "__main__":
    sys.exit(main())
