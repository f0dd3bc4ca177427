"""How an answer is called that takes more than one call: a cache is filled, draws are counted, bits are turned.

A driver takes the answer and the arguments of a case, and returns what is compared; None where nothing is written yet.
It imports no reference, so that a stranger's process may have it.
"""

from copy import deepcopy

import numpy as np

from attncore.exercises.fixtures import PlainCache
from attncore.shapes import as_array, shaped


@shaped("->(d)")
def ordered(rotary_halves_order, d, x=None):
    """Call it with the width, and put a list x into the order, which takes integers."""
    order = rotary_halves_order(d)
    return order if x is None or order is None or order is ... else [x[place] for place in order]


@shaped(
    "->(),(),(),(),(),(),(),(),(),()",
    returns="share chosen, share masked, share random, share kept, others untouched, targets right, largest random, "
    "random ids vary, texts chosen alike, follows rng",
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
