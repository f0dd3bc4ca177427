"""Exercise by exercise: words, solutions, mistakes and their messages. Each label is judged once for all of it."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from attncore.authoring import consistency, trust
from attncore.exercises import Code, exercises
from attncore.grading import judge

FUNCTIONS = [e for e in exercises if isinstance(e, Code)]
VALUES = [e for e in exercises if e.kind in ("numeric", "predict")]
ROLES = ["head", "why", "case", "input", "where", "next"]


def each(exercises):
    return pytest.mark.parametrize("exercise", exercises, ids=lambda e: e.id)


@each(exercises)
def test_the_words_of_an_exercise_are_whole(exercise):
    assert list(consistency.words_problems(exercise)) == []


@each(FUNCTIONS)
def test_right_passes_and_every_wrong_solution_is_named(exercise):
    assert list(consistency.judged_problems(exercise)) == []


@each(FUNCTIONS)
def test_an_edge_quotes_the_prompt_and_a_promised_error_is_tried(exercise):
    assert list(consistency.promise_problems(exercise)) == []


@each(trust.CODE)
def test_what_is_asked_is_defined_one_number_at_a_time(exercise):
    assert list(consistency.definition_problems(exercise)) == []


@each(VALUES)
def test_a_value_is_accepted_and_every_wrong_one_named(exercise):
    assert list(consistency.value_problems(exercise)) == []


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


def as_heard(role, text):
    """Code is set as code, without the marks."""
    return (text if role == "input" else text.replace("`", "")).strip()


@each(trust.CODE)
def test_the_ear_hears_what_the_eye_reads_in_the_same_order(exercise):
    own = [judge(exercise, answer) for answer in (exercise.reference, lambda *a, **k: None)]
    for report in [*own, *trust.label_verdicts(exercise).values()]:
        heard = Read(report._repr_html_())
        assert [line.strip() for line in heard.said] == [as_heard(role, text) for role, text in report.lines]
        assert "status" in heard.roles
        assert report.message == "\n".join(text for _, text in report.lines)


@each(trust.CODE)
def test_the_verdict_comes_first_then_why_then_the_smallest_case(exercise):
    for label, report in trust.label_verdicts(exercise).items():
        roles = [role for role, _ in report.lines]
        head = f"{exercise.id}: {label}." if report.outcome != "edge" else f"{exercise.id}: right. "
        assert report.lines[0][1].startswith(head)
        assert roles == sorted(roles, key=ROLES.index)
        assert {"why", "case", "input", "where"} <= set(roles)


@each(trust.CODE)
def test_a_reason_is_one_sentence_without_our_jargon(exercise):
    assert list(consistency.reason_problems(exercise)) == []


def test_a_bad_reason_is_noticed():
    softmax = next(e for e in trust.CODE if e.id == "softmax")
    label = next(iter(softmax.wrong))
    for why, said in {
        "no capital.": "is no sentence",
        "No stop": "is no sentence",
        f"This is {label}.": "repeats it",
        "The stub is wrong.": 'our word "stub"',
        "Too long " + 50 * "very " + "long.": "at most 45",
    }.items():
        spoiled = replace(softmax, words=softmax.words | {"why": softmax.words["why"] | {label: why}})
        assert [said in problem for problem in consistency.reason_problems(spoiled)] == [True]
