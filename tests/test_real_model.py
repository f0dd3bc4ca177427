"""A trained network, run by the functions of this course."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncore.dot_product import attention_weights
from attncore.real_model import (
    N_HEADS,
    N_LAYERS,
    Model,
    attention_maps,
    bert_block,
    embed_tokens,
    encode,
    load_model,
    tokenize,
)
from attncore.recorded import RECORDED, recorded_head, recorded_maps, recorded_vectors

CAT = "The cat sat on the mat"
TIRED = "The animal didn't cross the street because it was too tired"
WIDE = "The animal didn't cross the street because it was too wide"
TIRED_IN_FULL = "The animal did not cross the street because it was too tired."
CROSSED_TIRED = "The street was not crossed by the animal because it was too tired"
CROSSED_WIDE = "The street was not crossed by the animal because it was too wide"


@pytest.fixture(scope="module")
def reference():
    """What the model's own package says, and transformers of a tiny network."""
    with np.load(Path(__file__).parent / "vectors" / "minilm.npz") as kept:
        return dict(kept)


@pytest.fixture(scope="module")
def model():
    try:
        return load_model()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def tiny(reference):
    """A network of the same build with random weights."""
    weights = {name[5:]: kept for name, kept in reference.items() if name.startswith("tiny ")}
    return Model({token: row for row, token in enumerate(reference["tiny_vocabulary"].tolist())}, weights)


# The same numbers as transformers: with random weights always, with the trained ones where they are


def test_a_tiny_network_says_what_transformers_says(tiny, reference):
    assert_allclose(encode(tiny, ["The cats sat.", "Cat sat"]), reference["tiny_vectors"], atol=1e-5)


def test_the_maps_of_a_tiny_network_are_those_of_transformers(tiny, reference):
    tokens, maps = attention_maps(tiny, "The cats sat.")
    assert tokens == ["[CLS]", "the", "cat", "##s", "sat", ".", "[SEP]"]
    assert maps.dtype == np.float32
    assert_allclose(maps, reference["tiny_maps"], atol=1e-5)


def test_each_weight_counts(tiny, rng):
    """So that the two tests above notice one that is left out."""
    before = encode(tiny, ["The cats sat."])
    for name, weight in tiny.weights.items():
        noise = 0.1 * rng.standard_normal(weight.shape, np.float32)
        after = encode(Model(tiny.vocabulary, tiny.weights | {name: weight + noise}), ["The cats sat."])
        unseen = name.endswith("self.key.bias")  # adds the same to all scores of a query: softmax takes it away
        assert np.allclose(after, before, atol=1e-5 if unseen else 1e-4) == unseen, name


def test_the_tokens_are_those_of_the_package(model, reference):
    ids = np.split(reference["ids"], np.cumsum(reference["lengths"])[:-1])
    for text, expected in zip(reference["texts"].tolist(), ids, strict=True):
        assert [model.vocabulary[token] for token in tokenize(model, text)] == expected.tolist(), text


def test_the_vectors_are_those_of_the_package(model, reference):
    vectors = encode(model, reference["texts"].tolist())
    assert vectors.dtype == np.float32
    assert_allclose(vectors, reference["vectors"], atol=1e-5)


@pytest.mark.parametrize(("text", "maps"), [(CAT, "maps_0"), (TIRED, "maps_1")])
def test_the_maps_are_those_of_the_package(model, reference, text, maps):
    assert_allclose(attention_maps(model, text)[1], reference[maps], atol=1e-5)


# Words and tokens


PIECES = ("the", "cat", "c", "##at", "##a", "##t", "##s", "sat", ".", "$")
SPELLER = Model({token: row for row, token in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *PIECES))}, {})


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The CAT", "the cat"),
        ("cats, the .", "cat ##s [UNK] the ."),
        ("the\tcat\nsat\u00a0the", "the cat sat the"),
        ("cát\u200b ca\u0301t", "cat cat"),
        ("cat$the", "cat $ the"),
        ("the中cat", "the [UNK] cat"),
        ("cats catat", "cat ##s cat ##at"),  # the longest pieces, not the most
        ("catsit sat", "[UNK] sat"),
        ("[PAD] [pad]", "[PAD] [UNK] [UNK] [UNK]"),
        ("cat" + "s" * 97, "cat" + " ##s" * 97),
        ("cat" + "s" * 98, "[UNK]"),
        (" \n\t", ""),
        ("", ""),
    ],
)
def test_words_are_cut_into_pieces(text, tokens):
    assert tokenize(SPELLER, text) == ["[CLS]", *tokens.split(), "[SEP]"]


def test_a_long_text_is_cut_off_before_its_end_mark():
    assert tokenize(SPELLER, "cat " * 254) == ["[CLS]", *["cat"] * 254, "[SEP]"]
    assert tokenize(SPELLER, "cat " * 254 + "sat") == tokenize(SPELLER, "cat " * 254)


# Vectors


def test_padding_changes_nothing(tiny):
    texts = ["cat", "the cats sat", "", "sat.", "the cat", "cat.", "the", "sat sat", "cats", "the cats"]
    alone = np.concatenate([encode(tiny, [text]) for text in texts])
    assert_allclose(encode(tiny, texts), alone, atol=1e-6)
    assert_allclose(np.linalg.norm(alone, axis=-1), 1, atol=1e-6)


def test_no_text_gives_no_vector(tiny):
    assert encode(tiny, []).shape == (0, 24)


def test_a_single_string_is_told_from_a_list(tiny):
    with pytest.raises(ValueError, match="encode: texts is one string, expected a list of strings"):
        encode(tiny, "The cat sat")


def test_without_positions_the_order_of_the_words_would_not_matter(tiny):
    def run(model, tokens):
        x = embed_tokens(model, [tokens])
        for layer in range(N_LAYERS):
            x = bert_block(model, layer, x)
        return x[0]

    name = "embeddings.position_embeddings.weight"
    nowhere = Model(tiny.vocabulary, tiny.weights | {name: np.zeros_like(tiny.weights[name])})
    assert_allclose(run(nowhere, ["the", "cat", "sat"]), run(nowhere, ["sat", "cat", "the"])[::-1], atol=1e-5)
    assert not np.allclose(run(tiny, ["the", "cat", "sat"]), run(tiny, ["sat", "cat", "the"])[::-1], atol=1e-2)


# The files


def write_model(folder, model):
    """The two files, written as the safetensors format says."""
    folder.mkdir(exist_ok=True)
    header, numbers = {"__metadata__": {"format": "pt"}}, b""
    for name, array in model.weights.items():
        own = array.astype("<f4").tobytes()
        offsets = [len(numbers), len(numbers) + len(own)]
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": offsets}
        numbers += own
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + numbers)
    (folder / "vocab.txt").write_text("\n".join(model.vocabulary) + "\n", encoding="utf-8")


def test_a_model_is_read_back(tiny, tmp_path):
    write_model(tmp_path, tiny)
    vocabulary, weights = load_model(tmp_path)
    assert vocabulary == tiny.vocabulary
    assert weights.keys() == tiny.weights.keys()
    for name in weights:
        assert_array_equal(weights[name], tiny.weights[name])


@pytest.mark.parametrize("missing", ["model.safetensors", "vocab.txt"])
def test_a_missing_file_is_one_sentence_that_says_how_to_get_it(tiny, tmp_path, missing):
    write_model(tmp_path, tiny)
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError) as error:
        load_model(tmp_path)
    assert str(error.value) == f"There is no {missing} in {tmp_path}; get the model with: attncore get-model minilm"


# What ships with the course


def recorded_map(text, layer, head):
    recorded = recorded_maps()[text]
    return recorded.tokens, recorded.maps[layer, head]


def share(text, layer, head, query, key):
    """How much of its attention one word gives another."""
    tokens, weights = recorded_map(text, layer, head)
    return weights[tokens.index(query), tokens.index(key)]


def test_the_recorded_set_is_small():
    assert RECORDED.stat().st_size < 500_000


def test_recorded_maps_are_maps():
    assert {CAT, TIRED, WIDE, TIRED_IN_FULL, CROSSED_TIRED, CROSSED_WIDE} == set(recorded_maps())
    for tokens, maps, lengths in recorded_maps().values():
        assert maps.shape == (N_LAYERS, N_HEADS, len(tokens), len(tokens))
        assert tokens[0] == "[CLS]" and tokens[-1] == "[SEP]"
        assert_allclose(maps.sum(axis=-1), 1, atol=2e-3)
        assert lengths.shape == maps.shape[:3]


def test_recorded_maps_are_those_of_the_package(reference):
    for text, maps in [(CAT, "maps_0"), (TIRED, "maps_1")]:
        assert_allclose(recorded_maps()[text][1], reference[maps], rtol=1e-3, atol=1e-5)


def test_the_recorded_head_makes_its_recorded_map():
    head, read = recorded_head()
    for text, x in read.items():
        weights = attention_weights(x @ head.W_query + head.b_query, x @ head.W_key + head.b_key)
        assert_allclose(weights, recorded_map(text, 3, 1)[1], atol=0.01)
        lengths = np.linalg.norm((x @ head.W_value + head.b_value) @ head.W_output, axis=-1)
        assert_allclose(lengths, recorded_maps()[text].lengths[3, 1], rtol=0.01)


def test_recorded_vectors_are_those_of_the_package(reference):
    assert_allclose(recorded_vectors()[CAT], reference["vectors"][0], atol=1e-4)


def test_the_model_says_what_is_recorded(model):
    for text, (tokens, maps, _) in recorded_maps().items():
        said = attention_maps(model, text)
        assert said[0] == tokens
        assert_allclose(said[1], maps, rtol=1e-3, atol=1e-5)
    assert_allclose(encode(model, list(recorded_vectors())), list(recorded_vectors().values()), atol=1e-4)


def test_texts_that_mean_alike_have_vectors_that_look_alike():
    texts, vectors = zip(*recorded_vectors().items(), strict=True)
    likeness = np.stack(vectors) @ np.stack(vectors).T
    assert_allclose(np.diag(likeness), 1, atol=1e-3)
    nearest = dict(zip(texts, np.array(texts)[np.argmax(likeness - 2 * np.eye(len(texts)), axis=-1)], strict=True))
    assert nearest[CAT] == "A kitten rested on the rug"
    assert nearest["Why are the attention scores divided by the square root of the width?"] == (
        "What is the scaling factor in attention good for?"
    )
    assert nearest["What does a key-value cache store?"] == "Why is generating text faster when earlier keys are kept?"


def test_who_bites_whom_is_nearly_lost_in_the_mean():
    vectors = recorded_vectors()
    assert vectors["The dog bites the man"] @ vectors["The man bites the dog"] == pytest.approx(0.97, abs=0.005)


# What its heads do


@pytest.mark.parametrize("text", list(recorded_maps()))
def test_layer_0_head_2_looks_at_the_previous_token(text):
    _, weights = recorded_map(text, 0, 2)
    words = np.arange(1, len(weights) - 1)
    assert weights[words, words - 1].min() > 0.998
    assert weights[words, words - 1].mean() == pytest.approx(0.9999, abs=2e-4)


@pytest.mark.parametrize(
    ("text", "animal", "street"),
    [
        (TIRED_IN_FULL, 0.69, 0.05),
        (TIRED, 0.64, 0.05),
        (WIDE, 0.27, 0.13),  # weaker, and still not the street
        (CROSSED_TIRED, 0.13, 0.63),  # the subject, though streets do not tire
        (CROSSED_WIDE, 0.05, 0.65),
    ],
)
def test_layer_3_head_1_ties_it_to_the_subject_rather_than_to_the_meaning(text, animal, street):
    assert share(text, 3, 1, "it", "animal") == pytest.approx(animal, abs=0.006)
    assert share(text, 3, 1, "it", "street") == pytest.approx(street, abs=0.006)


def test_a_large_weight_alone_says_little():
    """In layer 5 head 11 "it" has it for the animal too, and so have most tokens; in layer 3 head 1 few have."""
    assert share(TIRED, 5, 11, "it", "animal") > share(TIRED, 3, 1, "it", "animal")
    for layer, head, expected in [(3, 1, 0.09), (5, 11, 0.36)]:
        tokens, weights = recorded_map(TIRED, layer, head)
        others = [row for row, token in enumerate(tokens) if token not in ("it", "animal")]
        assert weights[others, tokens.index("animal")].mean() == pytest.approx(expected, abs=0.006)


def test_the_words_of_the_cat_attend_to_cls_most_and_to_the_as_much_as_to_on():
    _, maps, _ = recorded_maps()[CAT]
    cls, the, cat, sat, on, the_again, mat, sep = maps[:, :, 1:-1].mean(axis=(0, 1, 2))
    assert cls == pytest.approx(0.53, abs=0.006)
    assert cat > mat > sat > the > the_again > on
    assert the + the_again > 0.25 * (1 - cls - sep)  # two of six words: an equal share would be a third
