"""A language model that writes into a cell: on whose functions, recorded or live, and what is said of a wrong one."""

import numpy as np
import pytest

from attncore.app import writing
from attncore.app.writing import Written, shown_symptoms, written
from attncore.exercises import find
from attncore.language_model import OURS, Parts
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.recorded import recorded_mistakes
from attncore.smollm2 import chat

SETTINGS = (12, 0.0, None, None, 0)
FACT = "The capital of France is"


def restarted(x, positions, base=10000.0):
    return apply_rotary(x, np.asarray(positions) - np.min(positions), base)


def unrotated(x, positions, base=10000.0):
    return x


def broken(x, positions, base=10000.0):
    raise RuntimeError("no angle")


@pytest.fixture
def absent(monkeypatch):
    monkeypatch.setattr(writing, "model_here", lambda: None)


@pytest.fixture
def live():
    if writing.model_here() is None:
        pytest.skip("attncore get-model smollm2")


def whole(shown):
    list(shown.grow())
    return repr(shown)


def test_without_the_model_it_shows_what_was_recorded_and_how_to_get_the_model(absent):
    said = whole(written(FACT, *SETTINGS))
    assert said.startswith(f"{FACT} ▸ Paris.")
    assert "attncore get-model smollm2" in said
    assert whole(written(FACT, *SETTINGS, **OURS._asdict())) == said


def test_without_the_model_another_prompt_is_a_sentence(absent):
    assert "wasn't recorded" in written("Hello there", *SETTINGS).message


def test_without_the_model_a_mistake_is_looked_up_by_its_name(absent):
    assert whole(written(FACT, *SETTINGS, apply_rotary=restarted)) != whole(written(FACT, *SETTINGS))
    said = shown_symptoms(apply_rotary=restarted).message
    assert said.startswith("apply_rotary, positions restart at zero: late")
    assert "3.02" in said and "4.01" in said
    assert "late" not in shown_symptoms(apply_rotary=apply_rotary).message


def test_without_the_model_an_error_and_a_nameless_mistake_are_sentences(absent):
    assert "isn't right" in shown_symptoms(apply_rotary=broken).message
    transposed = shown_symptoms(causal_mask=lambda n, k=None: causal_mask(n, k).T)
    assert "error" in transposed.message or "isn't right" in transposed.message
    both = shown_symptoms(apply_rotary=unrotated, rms_norm=lambda x, gain, eps=1e-5: x)
    assert "one at a time" in both.message or "wasn't recorded" in both.message


def test_a_part_that_the_model_lacks_is_named():
    with pytest.raises(ValueError, match="no part rotary; its parts are split_heads"):
        written(FACT, *SETTINGS, rotary=unrotated)


def test_an_error_in_a_learners_function_ends_the_text_with_a_sentence():
    def pieces():
        yield "a"
        raise RuntimeError("no angle")

    shown = Written("b", pieces())
    assert whole(shown) == "b ▸a\n\nHere it ends in RuntimeError: no angle"


def test_a_text_is_text_and_no_html():
    shown = Written("<b>", ["<script>"])
    list(shown.grow())
    assert "<script>" not in shown._repr_html_() and "<b>" not in shown._repr_html_()


def test_with_the_model_it_writes_any_prompt_on_any_parts(live):
    assert "tokens, " in whole(written("Hello there", *SETTINGS))
    said = whole(written(FACT, *SETTINGS))
    assert said.startswith(f"{FACT} ▸ Paris.")
    assert whole(written(FACT, *SETTINGS, apply_rotary=restarted)) != said
    assert "Here it ends in RuntimeError: no angle" in whole(written(FACT, *SETTINGS, apply_rotary=broken))


def test_with_the_model_the_symptoms_are_measured(live):
    said = shown_symptoms(apply_rotary=restarted).message
    assert said.startswith("apply_rotary: late") and "4.01" in said


def test_what_was_recorded_of_mistakes_goes_by_the_names_that_they_have_now():
    recorded = recorded_mistakes()[1:]
    known = [m for m in recorded if m.label in {*find(m.part).wrong, *find(m.part).conventions}]
    assert len(known) > 0.95 * len(recorded)


def test_every_part_of_the_model_is_an_exercise():
    assert all(find(name).reference is getattr(OURS, name) for name in Parts._fields)


def test_the_question_of_the_lesson_is_among_what_was_recorded(absent):
    assert "▸The sea" in whole(written(chat("Write two sentences about the sea."), 40, 0.7, None, None, 0))
