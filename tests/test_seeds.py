"""What the course was asked to cover: each row has its place in a lesson, and exercises where something can be run."""

import re

import pytest

from attncore.authoring.render import lesson_cells
from attncore.exercises import LESSONS, find

# (what was asked for, [(lesson, heading, a word that stands under it)], exercises)
ROWS = [
    (
        "attention weighs the input by relevance; a weighted sum gives the context vector",
        [("01", "Soft lookup", "weighted"), ("02", "Why the exponential", "softmax")],
        ["weighted_sum", "context-by-hand", "what-is-attention"],
    ),
    ("weights times inputs, never added up", [("01", "The prince asks again", "too short")], ["fix_weighted_sum"]),
    (
        "a query's dot product with all keys, softmax, weights that sum to one",
        [("04", "One query, by hand", "dot product"), ("04", "The function in three steps", "softmax")],
        ["scaled_dot_product_attention"],
    ),
    (
        '"also known as scaled", though their code has no scale',
        [("04", "The function in three steps", "two different things")],
        ["fix_attention", "dot-or-scaled"],
    ),
    ("a softmax that overflows", [("02", "Overflow", "float16")], ["fix_softmax", "overflow-float16"]),
    (
        "additive attention",
        [("03", "A small network compares", "additive")],
        ["additive_scores", "what-the-tanh-is-for"],
    ),
    (
        "global and local attention",
        [
            ("03", "Global looks everywhere, local through a window", "Bahdanau's is global"),
            ("15", "See only the recent past", "Luong's local attention"),
        ],
        ["local_weights", "global-or-local", "sliding_window_mask"],
    ),
    (
        "self-attention against attention from decoder to encoder",
        [
            ("05", "Another text asks", "cross-attention"),
            ("09", "Two texts: who asks, and who answers", "memory"),
        ],
        ["self_attention", "cross_attention", "influence", "self-or-cross"],
    ),
    (
        "self-attention and multi-head code that returns its input",
        [("05", "Who reaches whom", "Attention"), ("07", "Cut the width into heads", "round trip")],
        ["self_attention", "multi_head_attention"],
    ),
    (
        "multi-head: subspaces in parallel, syntax and semantics",
        [
            ("07", "Do heads specialize?", "heads"),
            ("19", "What a head writes", "head"),
            ("20", "What single heads do", "head"),
        ],
        ["multi_head_attention", "head_importance", "why-many-heads"],
    ),
    (
        "long-range dependencies, the bottleneck of sequence-to-sequence models, order",
        [
            ("01", "Why one vector isn't enough", "vector"),
            ("03", "One vector for the whole sentence", "longer"),
            ("05", "How long is the path", "layers"),
            ("08", "Two words that are one", "order"),
            ("15", "Who still finds the needle?", "needle"),
        ],
        ["influence", "path_length", "why-not-one-vector", "why-positions"],
    ),
    (
        'translation: "cat" and "gato"',
        [("03", "A dictionary as a matrix", "Spanish word")],
        ["general_scores", "align"],
    ),
    (
        '"the" matters less than "cat" and "mat"',
        [("20", 'Is "the" ignored?', "share")],
        ["is-the-ignored", "share-of-the"],
    ),
    (
        "image recognition, regions, patches, detection and segmentation",
        [("10", "Patches", "patch"), ("10", "Which region is it?", "Detection")],
        ["patchify", "embed_patches", "detection-and-segmentation"],
    ),
    (
        "BERT and GPT; the Transformer's encoder and decoder",
        [("09", "One block, three masks", "BERT"), ("09", "BERT fills in the blanks", "15%")],
        ["encoder_block", "decoder_block", "mask_for", "corrupt_tokens"],
    ),
    (
        "summarisation, question answering, sentiment",
        [
            ("09", "Which family for which task", "sentiment"),
            ("20", "What a cosine can't tell you", "question"),
        ],
        ["which-family-for-which-task", "most_similar"],
    ),
    (
        "interpretability through weights",
        [("19", "What follows, and what doesn't", "follow"), ("19", "Two maps, one prediction", "at random")],
        ["attention_rollout", "permutation_effect", "ablation_effect", "is-attention-explanation"],
    ),
]


def under(lesson: str, heading: str) -> str:
    """All prose from a heading of a lesson to the next heading of its rank."""
    name = next(full for full in LESSONS if full.startswith(lesson))
    prose = "\n".join(cell.source for cell in lesson_cells(name) if cell.cell_type == "markdown")
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", prose, re.MULTILINE | re.DOTALL)
    assert found, f'{name} has no heading "{heading}"'
    return " ".join(found[1].split())


@pytest.mark.parametrize(("asked", "places", "runs"), ROWS, ids=[row[0] for row in ROWS])
def test_what_was_asked_for_has_its_place(asked, places, runs):
    for lesson, heading, word in places:
        assert word.lower() in under(lesson, heading).lower(), (lesson, heading)
    assert all(find(id) for id in runs)


def test_every_level_is_asked_at_in_every_lesson():
    """Basic, intermediate and advanced: what an interview for a senior or a staff engineer asks."""
    from attncore.exercises import lessons

    for name, lesson in lessons.items():
        if name == "99_interview":  # it draws from the others
            continue
        levels = {exercise.words["level"] for exercise in lesson}
        if name != "99_interview":
            assert levels >= ({"basic"} if name == "00_start" else {"basic", "intermediate"}), name
        assert name == "00_start" or levels & {"senior", "staff"}, name


def test_every_answer_to_a_question_has_key_points():
    from attncore.exercises import exercises

    for exercise in exercises:
        if exercise.kind == "explain":
            assert len(exercise.words["points"]) >= 2 and exercise.words["answer"]
