"""What a learner reads: one sentence first, then the smallest failing case; the same for the eye and the ear."""

import re
from html.parser import HTMLParser

import pytest
from contrast import contrast

from attncore.exercises import exercises
from attncore.grading import judge
from attncore.grading.report import STYLES, TONES

CODE = [exercise for exercise in exercises if exercise.kind == "code"]
THEMES = {"light": ("#ffffff", "#212121"), "dark": ("#111111", "#ffffff")}  # JupyterLab's page and text
JARGON = re.compile(r"\b(label|mutant|trial|oracle|reference|kwargs|ndarray|callable|stub)\b", re.IGNORECASE)


class Read(HTMLParser):
    """What a screen reader says, in order: the text of each block, without what is hidden from it."""

    def __init__(self, html: str):
        super().__init__()
        self.said, self.hidden, self.roles = [], 0, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.roles += [attributes["role"]] if "role" in attributes else []
        self.hidden += attributes.get("aria-hidden") == "true" or bool(self.hidden)
        if tag in ("p", "pre"):
            self.said.append("")

    def handle_endtag(self, tag):
        self.hidden -= bool(self.hidden)

    def handle_data(self, data):
        if not self.hidden and self.said:
            self.said[-1] += data


def reports(exercise):
    return [
        judge(exercise, function) for function in (exercise.reference, lambda *a, **k: None, *exercise.wrong.values())
    ]


@pytest.mark.parametrize("exercise", CODE, ids=lambda e: e.id)
def test_the_ear_hears_what_the_eye_reads_in_the_same_order(exercise):
    for report in reports(exercise):
        heard = Read(report._repr_html_())
        assert [line.strip() for line in heard.said] == [text.strip() for _, text in report.lines]
        assert "status" in heard.roles
        assert report.message == "\n".join(text for _, text in report.lines)


@pytest.mark.parametrize("exercise", CODE, ids=lambda e: e.id)
def test_the_mistake_comes_first_then_why_then_the_smallest_case(exercise):
    order = ["head", "why", "case", "input", "where", "next"]
    for label, function in exercise.wrong.items():
        report = judge(exercise, function)
        roles = [role for role, _ in report.lines]
        assert report.lines[0] == ("head", f"{exercise.id}: {label}.")
        assert roles == sorted(roles, key=order.index)
        assert {"why", "case", "input", "where"} <= set(roles)


@pytest.mark.parametrize("exercise", CODE, ids=lambda e: e.id)
def test_a_reason_is_one_sentence_without_our_jargon(exercise):
    for label in (*exercise.wrong, *exercise.conventions):
        why = exercise.why(label)
        assert re.fullmatch(r"[A-Z`\"(0-9[].*[.?]", why), why
        assert len(why.split()) <= 45, why
        assert not JARGON.search(f"{label} {why}"), why
        assert label not in why.lower(), why


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("outcome", TONES)
def test_a_panel_reads_in_both_themes(theme, outcome):
    page, text = THEMES[theme]
    assert contrast(page, text) >= 7
    assert contrast(page, TONES[outcome]) >= 3
    alpha = float(re.search(r"rgba\(128,128,128,(\.\d+)\)", STYLES["input"])[1])
    shaded = "#" + "".join(f"{round(int(page[i : i + 2], 16) * (1 - alpha) + 128 * alpha):02x}" for i in (1, 3, 5))
    assert contrast(shaded, text) >= 7
