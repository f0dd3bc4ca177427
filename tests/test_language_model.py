"""A language model, run by the functions of this course or by a learner's, and its heads."""

from pathlib import Path

import numpy as np
import pytest
from gguf_files import as_f32, write_gguf
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_limits

from attncore.ablation import head_maps, replaced_heads
from attncore.cache import KVCache
from attncore.language_model import OURS, Parts, logits, new_ids, reader, text_loss, write
from attncore.long_context import sliding_window_mask
from attncore.masks import causal_mask
from attncore.positions import rotary_halves_order
from attncore.smollm2 import FILE, chat, load_model
from attncore.softmax import log_softmax
from attncore.threads import allowed_threads, blas
from attncore.tokenizer import encode
from attncore.transformer import generate

pytestmark = pytest.mark.filterwarnings("error")

LAYERS, HEADS, GROUPS, WIDTH = 3, 6, 2, 4
TOKENS = ["<|im_start|>", "<|im_end|>", *"abcdefg", "ab", "Ġ"]


@pytest.fixture(scope="module")
def reference():
    """What transformers says of the model, and of a tiny network."""
    with np.load(Path(__file__).parent / "vectors" / "smollm2.npz") as kept:
        return dict(kept)


@pytest.fixture(scope="module")
def model():
    try:
        return load_model()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def tiny(reference, tmp_path_factory):
    """A network of the same build with random weights, read from a file."""
    folder = tmp_path_factory.mktemp("tiny")
    weights = {name[5:]: as_f32(pairs(name, kept)) for name, kept in reference.items() if name.startswith("tiny ")}
    names = {"embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm"}
    names |= {"post_attention_layernorm": "ffn_norm", "self_attn.o_proj": "attn_output", "mlp.": "ffn_"}
    names |= {"self_attn.": "attn_", "_proj": "", "model.": "", "layers": "blk"}
    for theirs, ours in names.items():
        weights = {name.replace(theirs, ours): kept for name, kept in weights.items()}
    write_gguf(folder / FILE, tiny_metadata(), weights)
    return load_model(folder)


def tiny_metadata():
    sizes = {"block_count": LAYERS, "attention.head_count": HEADS, "attention.head_count_kv": GROUPS}
    spelled = {"tokens": TOKENS, "token_type": [3, 3] + [1] * 9, "merges": ["a b"], "eos_token_id": 1}
    metadata = {f"llama.{name}": value for name, value in (sizes | {"rope.freq_base": 100.0}).items()}
    return metadata | {f"tokenizer.ggml.{name}": value for name, value in spelled.items()}


def pairs(name, W):
    """The rows of queries and keys as llama.cpp keeps them: what rotates together stands together."""
    if not any(part in name for part in ("q_proj", "k_proj")):
        return W
    back = np.argsort(rotary_halves_order(WIDTH))
    return W.reshape(-1, WIDTH, W.shape[-1])[:, back].reshape(W.shape)


@pytest.fixture
def ids(reference):
    return reference["tiny_ids"].tolist()


def in_chunks(model, ids, lengths, parts=OURS):
    caches, begin, rows = [parts.KVCache() for _ in model.blocks], 0, []
    for length in lengths:
        rows.append(logits(model, ids[begin : begin + length], caches, parts))
        begin += length
    return np.concatenate(rows)


# The same numbers as transformers: with random weights always, with the trained ones where they are


def test_a_tiny_network_says_what_transformers_says(tiny, reference, ids):
    said = logits(tiny, ids)
    assert said.dtype == np.float32
    assert_allclose(said, reference["tiny_logits"], atol=1e-4)


def test_its_maps_are_those_of_transformers(tiny, reference, ids):
    maps, outputs = head_maps(tiny, ids)
    assert_allclose(maps, reference["tiny_maps"], atol=1e-5)
    assert outputs.shape == (LAYERS, HEADS, len(ids), WIDTH)


@pytest.mark.parametrize("lengths", [(1,) * 10, (3, 3, 3, 1), (9, 1), (1, 9)])
def test_chunks_of_any_length_are_one_pass(tiny, reference, ids, lengths):
    assert_allclose(in_chunks(tiny, ids, lengths), reference["tiny_logits"], atol=1e-4)


def test_the_logits_are_those_of_transformers(model, reference):
    for i, prompt in enumerate(reference["prompts"].tolist()):
        said = logits(model, encode(model.tokenizer, prompt), keep=1)[0]
        assert_array_equal(np.argsort(-said)[:3], reference[f"best_{i}"][:3])
        assert_allclose(said[reference[f"best_{i}"]], reference[f"logits_{i}"], atol=2e-4)


def test_it_writes_what_transformers_writes(model, reference):
    for i in (0, 13):
        expected = reference[f"written_{i}"].tolist()[:12]
        written = list(new_ids(model, reference["prompts"][i].item(), len(expected), OURS, None, None, 0.0))
        assert written == [i for i in expected if i != model.end]


def test_a_text_surprises_it_as_it_surprises_transformers(model, reference):
    for i in (1,):
        prompt = reference["prompts"][i].item()
        assert text_loss(model, prompt) == pytest.approx(reference[f"loss_{i}"], abs=1e-4)
        half = len(reference[f"ids_{i}"]) // 2
        assert in_chunks(model, reference[f"ids_{i}"], [half, 1, 1])[-1] == pytest.approx(
            logits(model, reference[f"ids_{i}"][: half + 2])[-1], abs=5e-4
        )


def test_a_question_is_put_as_its_template_puts_it(reference):
    assert [chat(question) for question in reference["questions"].tolist()] == reference["chats"].tolist()
    assert chat("b", system="a").startswith("<|im_start|>system\na<|im_end|>\n<|im_start|>user\nb<|im_end|>")


# Writing


def test_text_comes_token_by_token(tiny):
    pieces = write(tiny, "abc", 5)
    first = next(pieces)
    assert first + "".join(pieces) == "".join(write(tiny, "abc", 5))
    assert len(list(new_ids(tiny, "abc", 5, OURS, None, None, 0.0))) <= 5


def test_what_is_drawn_is_the_seeds_alone(tiny):
    first, again, other = ("".join(write(tiny, "ab", 12, np.random.default_rng(s), 1.5)) for s in (1, 1, 2))
    assert first == again != other


def test_it_stops_where_a_turn_ends_and_does_not_say_so(tiny):
    draws = iter([5, 6, tiny.end, 7])
    parts = Parts(sample_token=lambda *given: next(draws))
    assert "".join(write(tiny, "a", 9, parts=parts)) == "de"


def test_the_courses_generate_writes_the_same(tiny):
    prompt = encode(tiny.tokenizer, "abcd")
    fresh = generate(lambda ids: logits(tiny, ids)[-1], prompt, 6, None, temperature=0)
    assert generate(reader(tiny), prompt, 6, None, temperature=0) == fresh


def test_a_reader_reads_nothing_twice(tiny, ids):
    seen = []
    parts = Parts(causal_mask=lambda q, k: seen.append((q, k)) or causal_mask(q, k))
    next_logits = reader(tiny, parts)
    next_logits(ids[:4])
    next_logits(ids[:5])
    assert_allclose(next_logits(ids[:8]), logits(tiny, ids[:8], keep=1)[0], atol=1e-4)
    assert seen == [(4, 4)] * LAYERS + [(1, 5)] * LAYERS + [(3, 8)] * LAYERS


# Loss


def test_the_loss_is_the_mean_surprise_at_what_comes_next(tiny):
    text = "abcabcgf"
    ids = encode(tiny.tokenizer, text)
    surprise = -log_softmax(logits(tiny, ids[:-1]))[np.arange(len(ids) - 1), ids[1:]]
    assert text_loss(tiny, text) == pytest.approx(surprise.mean(), abs=1e-4)
    assert text_loss(tiny, text, cached_from=2) == pytest.approx(surprise[2:].mean(), abs=1e-4)


# Parts of one's own


@pytest.mark.parametrize("name", Parts._fields)
def test_each_part_can_be_another(tiny, name):
    calls = []

    def mine(*given):
        calls.append(given)
        return getattr(OURS, name)(*given)

    parts = Parts(**{name: mine})
    assert "".join(write(tiny, "abc", 3, parts=parts)) == "".join(write(tiny, "abc", 3))
    assert calls
    assert text_loss(tiny, "abcd", parts) == text_loss(tiny, "abcd")


def test_a_part_that_is_wrong_is_seen(tiny, ids):
    strict = Parts(causal_mask=lambda q, k: causal_mask(q, k) & ~np.eye(q, k, k - q, dtype=bool))
    assert not np.allclose(logits(tiny, ids, parts=strict), logits(tiny, ids), atol=0.1)


def test_parts_may_compute_in_float64_and_return_lists(tiny, ids):
    def slow(part):
        return lambda x, *given: np.asarray(part(np.asarray(x, np.float64), *given)).tolist()

    for name in ("rms_norm", "swiglu", "merge_heads"):
        said = logits(tiny, ids, parts=Parts(**{name: slow(getattr(OURS, name))}))
        assert said.dtype == np.float32
        assert_allclose(said, logits(tiny, ids), atol=1e-4)


def test_a_cache_that_forgets_is_right_at_first_and_wrong_with_the_next_chunk(tiny, ids):
    class Forgetful(KVCache):
        def append(self, key, value):
            self.key, self.value = key, value

    parts = Parts(KVCache=Forgetful)
    assert_allclose(logits(tiny, ids, parts=parts), logits(tiny, ids), atol=1e-4)
    assert not np.allclose(in_chunks(tiny, ids, (5, 5), parts)[5:], logits(tiny, ids)[5:], atol=0.1)


def test_a_window_is_a_mask_of_ones_own(tiny, ids):
    whole = Parts(causal_mask=lambda q, k: sliding_window_mask(k, len(ids))[-q:])
    assert_array_equal(logits(tiny, ids, parts=whole), logits(tiny, ids))


# Heads


def test_heads_that_bring_what_they_bring_change_nothing(tiny, ids):
    _, outputs = head_maps(tiny, ids)
    same = {(layer, head): outputs[layer, head] for layer in range(LAYERS) for head in range(HEADS)}
    assert_allclose(logits(tiny, ids, attend=replaced_heads(same)), logits(tiny, ids), atol=1e-4)


def test_a_head_that_is_left_out_is_that_of_weights_of_zero(tiny, ids):
    layer, head = 1, 4
    W_output = tiny.blocks[layer].W_output.copy()
    W_output[head * WIDTH : (head + 1) * WIDTH] = 0
    blocks = list(tiny.blocks)
    blocks[layer] = blocks[layer]._replace(W_output=W_output)
    expected = logits(tiny._replace(blocks=tuple(blocks)), ids)
    assert not np.allclose(expected, logits(tiny, ids), atol=0.1)
    assert_allclose(logits(tiny, ids, attend=replaced_heads({(layer, head): 0})), expected, atol=1e-4)


def test_a_mean_in_a_heads_place_is_the_same_at_every_token(tiny, ids):
    mean = np.arange(WIDTH, dtype=np.float32)
    attend = replaced_heads({(0, 2): mean})
    query = np.ones((HEADS, 3, WIDTH), np.float32)
    heads = attend(0, query, query[:GROUPS], query[:GROUPS], None)
    assert_array_equal(heads[2], [mean] * 3)
    assert_array_equal(heads[[0, 1, 3, 4, 5]], np.ones((5, 3, WIDTH)))
    assert_array_equal(attend(1, query, query[:GROUPS], query[:GROUPS], None), query)


# Threads


@pytest.mark.skipif(not blas().info(), reason="a BLAS that threadpoolctl does not know")
def test_blas_is_held_to_one_thread_where_no_other_number_is_asked_for(tiny, ids):
    for threads in (1, 2):
        seen = []
        parts = Parts(swiglu=lambda *given: seen.append(allowed_threads()) or OURS.swiglu(*given))  # noqa: B023
        with threadpool_limits(2):
            logits(tiny._replace(threads=threads), ids, parts=parts)
        assert set(seen) == {threads}
    assert tiny.threads == 1


# The file


def test_a_missing_model_is_one_sentence_that_says_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        load_model(tmp_path)
    assert str(error.value) == f"There is no {FILE} in {tmp_path}; get the model with: attncore get-model smollm2"
