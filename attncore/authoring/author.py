"""The authors' commands: `python course.py` lists them, and runs them."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import course

HOME = Path(course.__file__).parent
NBVAL = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=60"]
SPELLED = ["attncore", "benchmarks", "course.py", "docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
APART = ("tests/browser", "tests/proofs")  # each has a verb of its own
EVERYTHING = ["tests", "notebooks", "solutions", *(f"--ignore={folder}" for folder in APART)]
ONE_THREAD = {  # a worker: there is one for each core
    f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")
} | {"VECLIB_MAXIMUM_THREADS": "1"}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    parser = argparse.ArgumentParser(prog="course.py", description="The authors' commands.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in course.AUTHORS.items():
        verbs.add_parser(verb, help=text)
    chosen, rest = parser.parse_known_args(arguments)
    os.environ["ATTNCORE_PROGRESS"] = ":memory:"  # no attempt of a test or a rendering is kept
    commands = {
        "check": check,
        "test": test,
        "prove": prove,
        "test-browser": browser,
        "render": render,
        "judge-report": judge_report,
        "bench": bench,
    }
    return commands[chosen.verb](rest)


def run(*command: str, **environment: str) -> int:
    """Run this environment's Python in the course's folder; return its exit status."""
    return subprocess.run([sys.executable, *command], cwd=HOME, env=os.environ | environment).returncode


def check(names: list[str]) -> int:
    """Look at the exercises named; or at all of the course, its lint, format, types and spelling too."""
    from attncore.authoring.consistency import problems

    found = list(problems(names))
    for problem in found:
        print(problem)
    print(f"consistency: {len(found) or 'no'} problem{'' if len(found) == 1 else 's'}")
    if names:
        return int(bool(found))
    tools = [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["codespell_lib", *SPELLED]]
    statuses = [run("-m", *tool) for tool in tools]
    return int(bool(found) or any(statuses))


def test(rest: list[str]) -> int:
    return run("-m", "pytest", *NBVAL, "-n", "auto", "--dist", "loadscope", *(rest or EVERYTHING), **ONE_THREAD)


def prove(rest: list[str]) -> int:
    return run("-m", "pytest", "-n", "auto", *(rest or ["tests/proofs"]), **ONE_THREAD)


def browser(rest: list[str]) -> int:
    return run("-m", "pytest", "tests/browser", "-rs", *rest)


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
    return run("-m", "attncore.authoring.trust", *rest) or bench(["judge", "peer"])


def bench(rest: list[str]) -> int:
    names, options = [r for r in rest if r[0] != "-"], [r for r in rest if r[0] == "-"]
    scripts = [s for s in sorted((HOME / "benchmarks").glob("*.py")) if not names or s.stem in names]
    return max((run(str(script), *options) for script in scripts), default=2)


if __name__ == "__main__":
    sys.exit(main())
