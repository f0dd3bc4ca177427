"""Paging, prefixes, speculation, trees, codes: each equal to the plain computation."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.dot_product import scaled_dot_product_attention
from attncore.masks import causal_mask
from attncore.serving import (
    BlockTable,
    dequantize,
    expected_tokens,
    paged_attention,
    prefix_hashes,
    quantize,
    speculative_accept,
    step_time,
    tree_mask,
)

pytestmark = pytest.mark.filterwarnings("error")

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from("abc"), st.integers(1, 5)),
        st.tuples(st.just("fork"), st.sampled_from("abc"), st.sampled_from("def")),
        st.tuples(st.just("free"), st.sampled_from("abcdef")),
    ),
    max_size=30,
)


@given(STEPS, st.integers(1, 4))
def test_whatever_is_appended_forked_and_freed_every_request_reads_its_own_tokens(steps, block):
    table, pool, texts = BlockTable(6, block), {}, {}
    for word, request, *more in steps:
        if word == "append":
            before = dict(enumerate(table.slots(request))) if request in texts else {}
            free = table.n_free
            try:
                table.append(request, *more)
            except MemoryError:
                assert table.n_free == free and (
                    request not in texts or dict(enumerate(table.slots(request))) == before
                )
                continue
            pool |= {now: pool[before[i]] for i, now in enumerate(table.slots(request)) if i in before}
            for i, slot in enumerate(table.slots(request)):
                if i not in before:
                    pool[slot] = (request, i, len(texts.get(request, [])))
                    texts.setdefault(request, []).append(pool[slot])
        elif request in texts and word == "fork" and more[0] not in texts:
            table.fork(request, more[0])
            texts[more[0]] = list(texts[request])
        elif request in texts and word == "free":
            table.free(request)
            del texts[request]
        for name, text in texts.items():
            assert [pool[slot] for slot in table.slots(name)] == text
        used = {slot // block for name in texts for slot in table.slots(name)}
        assert table.n_free == 6 - len(used)


def test_the_waste_is_less_than_a_block_a_request():
    table = BlockTable(100, 16)
    for request in range(1, 30):
        table.append(request, request)
    assert 100 - table.n_free == sum(-(-n // 16) for n in range(1, 30))


def test_a_copy_is_one_block_however_long_the_request():
    table = BlockTable(10, 4)
    table.append("a", 18)
    table.fork("a", "b")
    assert table.n_free == 5
    before = table.slots("b")
    table.append("b")
    assert table.n_free == 4 and table.slots("b")[:16] == before[:16]
    assert not set(table.slots("b")[16:]) & set(before)
    kept = table.slots("a")
    table.append("a")
    assert table.n_free == 4 and table.slots("a")[:18] == kept, "nobody else holds it any more"


def test_an_append_of_nothing_copies_nothing():
    table = BlockTable(2, 2)
    table.append("a", 3)
    table.fork("a", "b")
    table.append("b", 0)
    assert table.n_free == 0 and table.slots("a") == table.slots("b")


def test_a_copy_needs_a_name_of_its_own():
    table = BlockTable(3, 2)
    table.append("a", 3)
    with pytest.raises(ValueError, match="there is a request 'a' already"):
        table.fork("a", "a")
    assert table.n_free == 1


def test_a_request_that_is_not_there():
    table = BlockTable(3, 2)
    for call in (lambda: table.slots("a"), lambda: table.free("a"), lambda: table.fork("a", "b")):
        with pytest.raises(KeyError):
            call()
    assert table.n_free == 3


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
@pytest.mark.parametrize("n_query", [1, 3, 7])
def test_paged_is_contiguous(rng, leading, n_query):
    slots = np.array([9, 0, 4, 5, 2, 11, 7])
    query = rng.standard_normal((*leading, n_query, 4))
    keys, values = rng.standard_normal((*leading, 12, 4)), rng.standard_normal((*leading, 12, 5))
    whole = keys[..., slots, :], values[..., slots, :]
    expected = scaled_dot_product_attention(query, *whole, causal_mask(n_query, 7))
    assert_allclose(paged_attention(query, keys, values, slots), expected, atol=1e-12)


def test_what_nobody_holds_is_never_read(rng):
    query, slots = rng.standard_normal((2, 4)), [3, 1]
    keys, values = np.full((5, 4), np.nan), np.full((5, 3), np.nan)
    keys[slots], values[slots] = rng.standard_normal((2, 4)), rng.standard_normal((2, 3))
    assert np.isfinite(paged_attention(query, keys, values, slots)).all()


@pytest.mark.parametrize("slots", [[0, 5], [-1, 2]])
def test_a_slot_outside_the_pool(rng, slots):
    with pytest.raises(ValueError, match="paged_attention: slots are .* expected 0 to 4"):
        paged_attention(np.ones((1, 2)), np.ones((5, 2)), np.ones((5, 2)), slots)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_hashes_are_equal_exactly_where_the_prefixes_are(one, two):
    for block in (1, 2, 3):
        first, second = prefix_hashes(one, block), prefix_hashes(two, block)
        assert len(first) == len(one) // block
        same = [a == b for a, b in zip(first, second, strict=False)]
        prefixes = zip(loops.prefix_hashes(one, block), loops.prefix_hashes(two, block), strict=False)
        assert same == [a == b for a, b in prefixes]


def distribution(draft_probs, target_probs):
    """How likely each pair of tokens is, over all drafts of one token: by enumeration."""
    c = len(draft_probs[0])
    found = Counter()
    for draft in product(range(c), repeat=len(draft_probs)):
        p = np.prod([row[token] for row, token in zip(draft_probs, draft, strict=True)])
        if p:
            for kept, share in loops.kept_probabilities(draft, draft_probs, target_probs).items():
                found[kept] += p * share
    return found


@given(st.integers(0, 10_000))
def test_speculation_is_the_target_by_enumeration(seed):
    """Each draft of two tokens: the first token kept has the target's probabilities, and so has each that follows."""
    rng = np.random.default_rng(seed)
    draft_probs, target_probs = rng.dirichlet(np.ones(3), 2), rng.dirichlet(np.ones(3), 3)
    kept = distribution(draft_probs.tolist(), target_probs.tolist())
    assert sum(kept.values()) == pytest.approx(1)
    for place in range(3):
        reached = sum(p for tokens, p in kept.items() if len(tokens) > place)
        for token in range(3):
            p = sum(p for tokens, p in kept.items() if len(tokens) > place and tokens[place] == token)
            assert p == pytest.approx(reached * target_probs[place][token])


def test_what_is_drawn_is_what_was_enumerated():
    rng = np.random.default_rng(18)
    draft, q = [0, 1], np.array([[0.6, 0.4, 0.0], [0.1, 0.6, 0.3]])
    p = np.array([[0.3, 0.5, 0.2], [0.4, 0.3, 0.3], [0.2, 0.2, 0.6]])
    expected = loops.kept_probabilities(draft, q.tolist(), p.tolist())
    n = 20_000
    for accept in (speculative_accept, loops.speculative_accept):
        counts = Counter(tuple(accept(draft, q, p, rng)) for _ in range(n))
        assert counts.keys() <= expected.keys()
        for kept, share in expected.items():
            assert abs(counts[kept] / n - share) < 6 * np.sqrt(share * (1 - share) / n) + 1e-12


def test_equal_models_accept_everything():
    p = np.full((4, 5), 0.2, np.float32)
    assert all(len(speculative_accept([0, 1, 2], p[:3], p, np.random.default_rng(i))) == 4 for i in range(50))


@given(st.floats(0, 1), st.integers(0, 9))
def test_expected_tokens_are_their_definition(acceptance, n_draft):
    assert expected_tokens(acceptance, n_draft) == pytest.approx(loops.expected_tokens(acceptance, n_draft), rel=1e-6)


def test_expected_tokens_are_those_of_speculation():
    """Where each place is accepted with the same probability, the lengths add up to the formula."""
    q, p = [[0.5, 0.5]] * 3, [[0.8, 0.2]] * 4  # accepted: 0.5 + 0.2 = 0.7
    length = sum(len(kept) * share for kept, share in distribution(q, p).items())
    assert length == pytest.approx(expected_tokens(0.7, 3))


@given(st.lists(st.integers(0, 100), max_size=8))
def test_a_tree_is_its_definition(drawn):
    parents = [-1, *(place % (i + 2) - 1 for i, place in enumerate(drawn))]
    assert_array_equal(tree_mask(parents), loops.tree_mask(parents))


def test_a_chain_is_causal():
    assert_array_equal(tree_mask([-1, 0, 1, 2, 3]), causal_mask(5))
    assert_array_equal(tree_mask([-1, -1, -1]), np.eye(3, dtype=bool))


@pytest.mark.parametrize("parents", [[0], [-1, 1], [-1, -2], [-1, 2, 0]])
def test_a_parent_comes_before_its_node(parents):
    with pytest.raises(ValueError, match="tree_mask: the parent of node"):
        tree_mask(parents)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_number_comes_back_within_half_a_step(rng, dtype, bits, axis):
    x = (5 * rng.standard_normal((6, 7, 3)) - 2).astype(dtype)
    codes, scale, zero = quantize(x, bits, axis)
    assert codes.dtype == np.uint8 and codes.max() == 2**bits - 1 and codes.min() == 0
    assert scale.shape == zero.shape == x.take([0], axis).shape and scale.dtype == zero.dtype == dtype
    back = dequantize(codes, scale, zero)
    assert back.dtype == dtype and np.all(np.abs(back - x) <= 0.5001 * scale)


def test_codes_are_their_definition(rng):
    x = rng.standard_normal((4, 9))
    codes, scale, zero = quantize(x, 3, -1)
    for i, line in enumerate(x.tolist()):
        expected = loops.quantize(line, 3)
        assert codes[i].tolist() == expected[0]
        assert_allclose([scale[i, 0], zero[i, 0]], expected[1:])
        assert_allclose(dequantize(codes, scale, zero)[i], loops.dequantize(*expected))


def test_a_constant_line_gives_its_number_back():
    x = np.array([[3.0, 3.0], [-1e6, -1e6], [0.0, 1.0]])
    codes, scale, zero = quantize(x, 2, 1)
    assert_array_equal(scale[:2], 1)
    assert_array_equal(dequantize(codes, scale, zero), x)


@pytest.mark.parametrize("bits", [0, 9])
def test_codes_have_one_to_eight_bits(bits):
    with pytest.raises(ValueError, match="quantize: bits is"):
        quantize(np.ones((2, 2)), bits, 0)


def test_phases_add_up():
    assert step_time([(10, 2), (4, 6)], 2, 1) == 5 + 6
    assert step_time([], 2, 1) == 0
    assert step_time([(10, 2), (4, 6)], 2, 1) > max(14 / 2, 8 / 1), "the sum of phases, not the largest"


@pytest.mark.parametrize("block", [0, -2])
def test_no_names_for_blocks_below_one(block):
    with pytest.raises(ValueError, match=f"prefix_hashes: block is {block}, expected at least 1"):
        prefix_hashes(np.arange(4), block)
