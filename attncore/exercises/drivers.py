"""How an answer is called that takes more than one call: a cache is filled, draws are counted, bits are turned.

A driver takes the answer and the arguments of a case, and returns what is compared; None where nothing is written yet.
It imports no reference, so that a stranger's process may have it.
"""

from copy import deepcopy

import numpy as np

from attncore.exercises.fixtures import CachedHabits, PlainCache
from attncore.shapes import as_array, shaped


@shaped("->(d)")
def ordered(rotary_halves_order, d, x=None):
    """Call it with the width, and put a list x into the order, which takes integers."""
    order = rotary_halves_order(d)
    return order if x is None or order is None or order is ... else [x[place] for place in order]


@shaped(
    "->(),(),(),(),(),(),(),(),(),(),()",
    returns="share chosen, share masked, share random, share kept, others untouched, targets right, largest random, "
    "random ids vary, texts chosen alike, follows rng, integers",
)
def corruption_counted(answer, ids, rng, rate=None, mask_id=None, vocab_size=None):
    """Corrupt the ids with the settings that are given, and count what became of them."""
    settings = {"rate": rate, "mask_id": mask_id, "vocab_size": vocab_size}
    settings = {name: value for name, value in settings.items() if value is not None}
    original, same_draws, other_draws = ids.copy(), deepcopy(rng), np.random.default_rng(8)
    result = answer(ids, rng, **settings)
    if result is None:
        return None
    inputs, targets = arrays_of(result, ids.shape)
    few = original[..., :50]
    first, again = (arrays_of(answer(few, deepcopy(same_draws), **settings), few.shape) for _ in range(2))
    other = arrays_of(answer(few, other_draws, **settings), few.shape)
    rate = settings.get("rate", 0.15)
    chosen, masked, kept = targets != -100, inputs == settings.get("mask_id", 103), inputs == original
    random_ids = inputs[chosen & ~masked & ~kept]
    half = len(chosen) // 2
    return (
        share(chosen, rate),
        share(masked[chosen], 0.8),
        share((~masked & ~kept)[chosen], 0.1),
        share(kept[chosen], 0.1),
        share(kept[~chosen], 1.0),
        share((targets == original)[chosen], 1.0),
        float(random_ids.max(initial=0)),
        float(2 * len(np.unique(random_ids)) > min(len(random_ids), settings.get("vocab_size", 30522))),
        share(chosen[:half] & chosen[half : 2 * half], rate**2),
        float(np.array_equal(first, again) and not np.array_equal(first, other)),
        float(all(part.dtype.kind in "iu" for part in (inputs, targets))),
    )


def arrays_of(result, shape):
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise ValueError("expected two results, (inputs, targets)")
    inputs, targets = (np.asarray(part) for part in result)
    for name, part in (("inputs", inputs), ("targets", targets)):
        if np.iscomplexobj(part):
            raise ValueError(f"{name} holds complex numbers, expected integers")
        if part.shape != shape:
            raise ValueError(f"{name} has shape {part.shape}, expected that of ids, {shape}")
    return inputs, targets


def share(these, probability):
    """How many of these there are; the probability itself where chance explains the difference.

    Six standard deviations: of all right answers, one in 500 million has a share that lies further away.
    """
    if not these.size:
        return 0.0
    found, spread = these.mean(), np.sqrt(probability * (1 - probability) / these.size)
    return probability if abs(found - probability) <= 6 * spread else float(found)


def negative(numbers):
    """Turn over every bit, which makes the negative of an image of bytes and cannot be done to floats."""
    return numbers if numbers is None or numbers is ... else (~np.asarray(numbers)).astype(np.uint8)


@shaped("->(n,p)", axes={"n": "patch"})
def cut(patchify, image, size, is_negative=False):
    """Cut an image up; or make a negative of its patches."""
    patches = patchify(image, size)
    return negative(patches) if is_negative else patches


@shaped("->(H,W,c)")
def put_together(unpatchify, patches, size, height, width, is_negative=False):
    """Put an image together; or make its negative."""
    image = unpatchify(patches, size, height, width)
    return negative(image) if is_negative else image


def bytes_counted(kv_cache_bytes, layers, kv_heads, d_head, tokens, batch=None, bytes_per_value=None, places=None):
    """Call it with what is given; `places`, such as range, makes as many places, which takes an integer."""
    given = {"batch": batch, "bytes_per_value": bytes_per_value}
    given = {name: value for name, value in given.items() if value is not None}
    count = kv_cache_bytes(layers, kv_heads, d_head, tokens, **given)
    return count if places is None or count is None or count is ... else len(places(count))


@shaped("->(),(...,h,n,d),(...,h,n,v),(...,h,n,d)", returns="lengths, key, value, first key")
def filled(cache_class, keys, values):
    """Append chunk by chunk.

    `lengths` is what len() says before and after each append; `first_key` what `key` was after the first, looked at
    again at the end.
    """
    cache = cache_class()
    lengths = [cache.__len__()]  # len() refuses the None of a stub
    if lengths[0] is None and not hasattr(cache, "key"):
        return None  # nothing is written yet
    first_key = None
    for key, value in zip(keys, values, strict=True):
        cache.append(key, value)
        lengths.append(cache.__len__())
        first_key = cache.key if first_key is None else first_key
    if None in lengths:
        raise TypeError("__len__ returns None: is its `return` missing?")
    return lengths, cache.key, cache.value, first_key


@shaped("->(...,n,m),()", returns="output, length")
def in_chunks(attend, x, chunks, weights, n_heads):
    """Read x in chunks of these lengths, with one fresh cache.

    `output` holds the rows of all chunks, `length` is len(cache) at the end.
    """
    cache = PlainCache()
    ends = np.cumsum(chunks)[:-1]
    parts = [attend(part, cache, weights, n_heads) for part in np.split(x, ends, axis=-2)]
    if all(part is None or part is ... for part in parts):
        return None
    arrays = [as_array(part) for part in parts]
    if any(array is None or array.dtype.kind == "c" for array in arrays):
        return parts[0], len(cache)  # the first of them tells why
    try:
        return np.concatenate(arrays, axis=-2), len(cache)
    except ValueError:  # parts that do not join
        return parts[0], len(cache)


@shaped("->(...),(...)", returns="maximum, total")
def go_through_once(answer, chunks):
    """Hand over the chunks one after another."""
    return answer(chunk for chunk in chunks)


@shaped("->(...,q,v),(...,q),(...,q)", returns="output, maximum, total")
def join_parts(answer, left, right):
    """Call the answer on two parts."""
    return answer(left, right)


@shaped("->(p,...,n,v)", axes={"p": "device"})
def on_each_device(ring_attention, queries, keys, values, is_causal=None, scale=None):
    """Call the answer with what is given; its outputs may come in a tuple as well as in a list."""
    given = {"is_causal": is_causal, "scale": scale}
    given = {name: value for name, value in given.items() if value is not None}
    outputs = ring_attention(queries, keys, values, **given)
    return list(outputs) if isinstance(outputs, tuple) else outputs


@shaped("->(),()", returns="effect, draws from rng")
def ask_for_the_effect(answer, predict, weights, rng, shuffles=None):
    before = rng.bit_generator.state
    effect = answer(predict, weights, rng, **({} if shuffles is None else {"shuffles": shuffles}))
    if effect is None:
        return None
    return effect, weights.shape[-1] == 1 or rng.bit_generator.state != before


@shaped("->(t)")
def looked_up(most_similar, vector, vectors, count, texts=None):
    """Ask for the places; or take these from a list of texts, which takes integers, and return how long each is."""
    places = most_similar(vector, vectors, count)
    return places if texts is None or places is None or places is ... else [len(texts[place]) for place in places]


@shaped("->(c),(c),()", axes={"c": "class"}, returns="what is ever drawn, shares, follows rng")
def draws_counted(sample_token, logits, rng, probabilities, draws, temperature=None, top_k=None, top_p=None):
    """Draw as often as `draws` says, with the settings that are given, and count the tokens beside their probabilities.

    Where chance explains how often a token came up, its share is the probability itself. It follows rng if the same
    state of rng gives the same tokens again.
    """
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    settings = {name: value for name, value in settings.items() if value is not None}
    again = deepcopy(rng)
    tokens = [sample_token(logits, rng, **settings) for _ in range(draws)]
    if all(token is None or token is ... for token in tokens):
        return None
    indices = np.array([index_of(token, len(logits)) for token in tokens])
    repeated = [index_of(sample_token(logits, again, **settings), len(logits)) for _ in range(min(draws, 40))]
    shares = [share(indices == i, p) for i, p in enumerate(probabilities)]
    return np.bincount(indices, minlength=len(logits)) > 0, shares, float(repeated == indices[:40].tolist())


def index_of(token, n_classes):
    """A token that was drawn, as a plain index. Raises ValueError for anything else."""
    array = as_array(token)
    if array is None or array.dtype.kind not in "iu" or array.ndim:
        what = type(token).__name__ if array is None else f"{array.dtype} of shape {array.shape}"
        raise ValueError(f"it returns {what}, expected one index, an integer")
    if not 0 <= array < n_classes:
        raise ValueError(f"it returns {array}, expected an index from 0 to {n_classes - 1}")
    return int(array)


@shaped("->(t),(c)", axes={"t": "place", "c": "class"}, returns="new ids, shares")
def continued(
    generate, next_logits, prompt, n_new, rng, probabilities=(), temperature=None, top_k=None, top_p=None, stop=None
):
    """Continue a prompt with the settings that are given.

    Where `probabilities` say that chance decides, each new id stands as 0, and the shares tell how often each came up;
    where chance explains a share, it is the probability itself.
    """
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "stop": stop}
    settings = {name: value for name, value in settings.items() if value is not None}
    new = generate(next_logits, prompt, n_new, rng, **settings)
    if new is None or new is ...:
        return None
    if not len(probabilities):
        return new, []
    indices = np.array([index_of(token, len(probabilities)) for token in new])
    return 0 * indices, [share(indices == i, p) for i, p in enumerate(probabilities)]


@shaped(
    "->(t),(t),(t),(n)", axes={"t": "step"}, returns="free blocks, steps refused, slots changed, tokens read in the end"
)
def paged(block_table, n_blocks, block, steps):
    """Take steps such as ("append", "a", 3), ("fork", "a", "b") and ("free", "a"), and use the slots as a server would.

    Each token that is appended is written into its slot of a pool; those of the same request that have another slot now
    are copied before. After each step all requests are read, one after another; a slot outside the pool reads as -1.
    `steps_refused` are those that raised MemoryError.
    """
    table, pool = block_table(n_blocks, block), [-1] * (n_blocks * block)
    slots: dict = {}
    free, refused, changed, read, written = [], [], [], [], 0
    for word, request, *more in steps:
        try:
            getattr(table, word)(request, *more)
            refused.append(0)
        except MemoryError:
            refused.append(1)
        names: dict = {**slots, request: [], **({more[0]: []} if word == "fork" else {})}
        if word == "free" or request not in slots and refused[-1]:
            names.pop(request)
        now = {name: table.slots(name) for name in names}
        if any(places is None or places is ... for places in now.values()):
            return None
        now = {name: [index_or_none(slot, len(pool)) for slot in places] for name, places in now.items()}
        before = slots.get(request, [])
        there = now.get(more[0] if word == "fork" else request, [])
        moved = [(old, new) for old, new in zip(before, there, strict=False) if old != new and word != "free"]
        held = [None if old is None else pool[old] for old, _ in moved]
        for (_, new), token in zip(moved, held, strict=True):
            write(pool, new, token)
        if word == "append" and not refused[-1]:
            for slot in there[len(before) :]:
                write(pool, slot, written)
                written += 1
        slots = now
        free.append(table.n_free)
        changed.append(len(moved))
        read += [-1 if slot is None else pool[slot] for places in slots.values() for slot in places]
    return free, refused, changed, read


def index_or_none(slot, n_slots):
    """A slot as a plain index; None for one that isn't there."""
    array = as_array(slot)
    fits = array is not None and array.dtype.kind in "iu" and not array.ndim and 0 <= array < n_slots
    return int(array) if fits else None


def write(pool, slot, token):
    if slot is not None:
        pool[slot] = token


@shaped("->(b,c)", axes={"b": "text", "c": "block"})
def blocks_named(prefix_hashes, texts, block):
    """Name the blocks of several texts, and number the names as they come up; 0 where there is none."""
    hashes = [prefix_hashes(np.array(tokens), block) for tokens in texts]
    if all(each is None or each is ... for each in hashes):
        return None
    numbers: dict = {}
    rows = [[numbers.setdefault(as_key(name), len(numbers) + 1) for name in each] for each in hashes]
    longest = max(map(len, rows), default=0)
    return [row + [0] * (longest - len(row)) for row in rows]


def as_key(name):
    """What a hash is known by: bytes, texts and numbers are themselves, an array is its numbers."""
    return tuple(name.ravel().tolist()) if isinstance(name, np.ndarray) else name


@shaped(
    "->(n),(t,c),(),()",
    axes={"n": "number of tokens", "t": "number of tokens", "c": "class"},
    returns="shares of the lengths, shares of the last token, the draft is kept, follows rng",
)
def drafts_judged(speculative_accept, draft, draft_probs, target_probs, rng, probabilities, draws):
    """Judge the same draft again and again, and count what is kept, beside how likely it is.

    Row i of `probabilities` says how likely i tokens are kept, of which each class is the last. Where chance explains
    a share, it is the probability itself.
    """
    again = deepcopy(rng)
    kept = [speculative_accept(draft, draft_probs, target_probs, rng) for _ in range(draws)]
    if all(tokens is None or tokens is ... for tokens in kept):
        return None
    n_classes = probabilities.shape[1]
    kept = [tokens_of(tokens, n_classes) for tokens in kept]
    same = [tokens_of(speculative_accept(draft, draft_probs, target_probs, again), n_classes) for _ in range(20)]
    most = len(probabilities) - 1
    lengths = np.array([min(len(tokens), most) for tokens in kept])
    last = np.array([tokens[-1] if tokens else -1 for tokens in kept])
    shares = [
        [share((lengths == n) & (last == token), p) for token, p in enumerate(row)]
        for n, row in enumerate(probabilities)
    ]
    by_length = [share(lengths == n, row.sum()) for n, row in enumerate(probabilities)]
    is_kept = all(tokens[:-1] == draft[: max(len(tokens) - 1, 0)].tolist() for tokens in kept)
    return by_length, shares, float(is_kept), float(same == kept[:20])


def tokens_of(tokens, n_classes):
    """A list of tokens as plain indices. Raises ValueError for anything else."""
    if np.ndim(tokens) != 1:
        raise ValueError(f"it returns {type(tokens).__name__}, expected a list of tokens")
    return [index_of(token, n_classes) for token in tokens]


@shaped(
    "->(...),(),(...),(...)",
    returns="numbers given back, codes are whole and go up from 0, lengths of the scale's axes, scale of equal numbers",
)
def coded(quantize, x, bits, axis):
    """Turn numbers into codes and back.

    A number that comes back within half a step of its line counts as itself; the least and the largest of a line have
    codes of their own, so these have to come back as they are.
    """
    result = quantize(x, bits, axis)
    if result is None or result is ...:
        return None
    if not isinstance(result, tuple | list) or len(result) != 3:
        raise ValueError("expected three results, (codes, scale, zero)")
    codes, scale, zero = (as_array(part) for part in result)
    if codes is None or scale is None or zero is None:
        raise ValueError("codes, scale and zero are to be arrays of numbers")
    back = codes.astype(np.float64) * scale + zero
    least, most = x.min(axis=axis, keepdims=True), x.max(axis=axis, keepdims=True)
    step = (most - least).astype(np.float64) / (2**bits - 1)
    at_an_end = (x == least) | (x == most)
    rounding = 4 * np.finfo(x.dtype).eps * np.maximum(abs(least), abs(most))
    reach = np.where(at_an_end, 0, step / 2 * (1 + 1e-6)) + rounding
    is_near = back.shape == x.shape and np.abs(back - x) <= reach
    is_code = (codes == np.round(codes)) & (codes >= 0) & (codes <= 2**bits - 1)
    in_order = codes.shape != x.shape or np.all((codes == 0) | (x != least) | (step == 0))
    of_equal = np.where(step == 0, scale, 1.0) if scale.shape == step.shape else scale
    return np.where(is_near, x, back), float(np.all(is_code) and in_order), np.array(scale.shape, dtype=float), of_equal


@shaped("->(t),(n),(c)", axes={"t": "place", "c": "call"}, returns="new ids, ids read, ids in each call")
def decoded(decode_with_cache, table, prompt, n_new, stop=None):
    """Continue a prompt through a model that keeps what it reads, and note what it was given.

    Whether the last new id is read makes no difference.
    """
    model = CachedHabits(table)
    new = decode_with_cache(model, prompt, n_new, **({} if stop is None else {"stop": stop}))
    if new is None or new is ...:
        return None
    steps = np.size(new)
    return new, model.ids[: len(prompt) + steps - 1 if steps else 0], model.calls[:steps]
