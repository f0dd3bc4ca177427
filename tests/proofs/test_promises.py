"""The judge before thousands of answers; `python course.py judge-report` prints what it says of them."""

import subprocess
import sys

from packing import ROOT


def test_the_judge_keeps_its_promises():
    report = subprocess.run([sys.executable, ROOT / "tests/judge/report.py"], capture_output=True, text=True)
    assert report.returncode == 0, report.stdout + report.stderr
