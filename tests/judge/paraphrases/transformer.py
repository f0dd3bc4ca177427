"""Paraphrases for lesson 09."""

import math

import numpy as np
from paraphrase import paraphrase

erf = np.vectorize(math.erf, otypes=[float])


def standardised(x, norm, eps=1e-5):
    mu = np.mean(x, axis=-1, keepdims=True)
    var = np.var(x, axis=-1, keepdims=True)
    return norm.gain * (x - mu) / np.sqrt(var + eps) + norm.bias


def gelu(x):
    phi = 0.5 * (1 + erf(x / math.sqrt(2)))
    return x * phi.astype(x.dtype)


def mlp(x, ffn):
    return gelu(x @ ffn.W_in + ffn.b_in) @ ffn.W_out + ffn.b_out


def safe_softmax(logits):
    top = logits.max(axis=-1, keepdims=True)
    e = np.exp(logits - np.where(np.isneginf(top), 0, top))
    total = e.sum(axis=-1, keepdims=True)
    return np.divide(e, total, out=np.zeros_like(e), where=total > 0)


def hidden(logits, mask):
    if mask is None:
        return logits
    mask = np.asarray(mask)
    if mask.ndim > 2:
        mask = mask[..., None, :, :]
    return np.where(mask, logits, -np.inf) if mask.dtype == bool else logits + mask.astype(logits.dtype)


def attend(source, memory, w, n_heads, mask=None):
    def in_heads(x, W):
        y = x @ W
        return np.moveaxis(y.reshape(*y.shape[:-1], n_heads, -1), -2, -3)

    q, k, v = in_heads(source, w.W_query), in_heads(memory, w.W_key), in_heads(memory, w.W_value)
    logits = np.einsum("...qd,...kd->...qk", q, k) / math.sqrt(q.shape[-1])
    context = np.moveaxis(safe_softmax(hidden(logits, mask)) @ v, -3, -2)
    return context.reshape(*context.shape[:-2], -1) @ w.W_output


def no_future(n):
    return np.tril(np.ones((n, n), dtype=bool))


@paraphrase("layer_norm", "eps outside the root")
def std_plus_eps(x, gain, bias, eps=1e-5):
    return gain * (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + eps) + bias


@paraphrase("layer_norm", "divided by one less than the width")
def sample_variance(x, gain, bias, eps=1e-5):
    def one_token(vector):
        d = vector - vector.mean()
        s2 = (d @ d) / (vector.size - 1)
        return d / np.sqrt(s2 + eps) * gain + bias

    return np.apply_along_axis(one_token, -1, x)


@paraphrase("layer_norm", "mean of the squares minus the squared mean")
def one_pass_moments(x, gain, bias, eps=1e-5):
    m = x.shape[-1]
    first = np.einsum("...m->...", x)[..., None] / m
    second = np.einsum("...m,...m->...", x, x)[..., None] / m
    return (x - first) / np.sqrt(np.maximum(second - first**2, 0) + eps) * gain + bias


@paraphrase("layer_norm", "bias added before the gain")
def shifted_then_scaled(x, gain, bias, eps=1e-5):
    mu = x.mean(axis=-1)[..., np.newaxis]
    sigma = np.sqrt(x.var(axis=-1) + eps)[..., np.newaxis]
    x_hat = (x - mu) / sigma
    return gain * (x_hat + bias)


@paraphrase("layer_norm", "statistics over the tokens")
def like_a_batch_norm(x, gain, bias, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    mu, var = x.mean(axis=axes), x.var(axis=axes)
    return (x - mu) / np.sqrt(var + eps) * gain + bias


@paraphrase("layer_norm", "no mean subtracted")
def root_mean_square(hidden_states, weight, bias, eps=1e-5):
    ms = np.square(hidden_states).mean(-1, keepdims=True)
    return weight * (hidden_states * (ms + eps) ** -0.5) + bias


@paraphrase("feed_forward", "ReLU instead of GELU")
def clipped_at_zero(x, weights):
    W1, b1, W2, b2 = weights
    return np.maximum(0, x @ W1 + b1) @ W2 + b2


@paraphrase("feed_forward", "Swish instead of GELU")
def silu_network(x, p):
    h = np.einsum("...m,mf->...f", x, p.W_in) + p.b_in
    gate = 0.5 * (1 + np.tanh(h / 2))
    return np.einsum("...f,fm->...m", h * gate, p.W_out) + p.b_out


@paraphrase("feed_forward", "no square root of two in the error function")
def half_of_one_plus_erf(x, weights):
    hidden = np.dot(x, weights.W_in) + weights.b_in
    cdf = np.array([(1 + math.erf(number)) / 2 for number in hidden.flat], dtype=hidden.dtype)
    hidden *= cdf.reshape(hidden.shape)
    return np.dot(hidden, weights.W_out) + weights.b_out


@paraphrase("feed_forward", "bias added after the activation")
def activation_of_the_product(x, weights):
    inner = gelu(x @ weights.W_in) + weights.b_in
    return inner @ weights.W_out + weights.b_out


@paraphrase("feed_forward", "activation after the second layer too")
def same_layer_twice(x, weights):
    def dense(vectors, W, b):
        z = vectors @ W + b
        return z * (0.5 + 0.5 * erf(z * 0.5**0.5)).astype(z.dtype)

    return dense(dense(x, weights.W_in, weights.b_in), weights.W_out, weights.b_out)


@paraphrase("feed_forward", "the share below x alone, not times x")
def normal_distribution_function(x, weights):
    share = np.vectorize(lambda t: math.erfc(-t / math.sqrt(2)) / 2, otypes=[float])
    z = x @ weights.W_in + weights.b_in
    return share(z).astype(z.dtype) @ weights.W_out + weights.b_out


@paraphrase("feed_forward", "GELU by its tanh formula")
def as_in_gpt2(x, weights):
    h = x @ weights.W_in + weights.b_in
    h = 0.5 * h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h * h * h)))
    return h @ weights.W_out + weights.b_out


@paraphrase("encoder_block", "added to the normalized x")
def x_overwritten_by_its_norm(x, weights, n_heads, mask=None):
    x = standardised(x, weights.attention_norm)
    x = x + attend(x, x, weights.attention, n_heads, mask)
    x = standardised(x, weights.feed_forward_norm)
    return x + mlp(x, weights.feed_forward)


@paraphrase("encoder_block", "first norm used twice")
def one_norm_for_both_parts(x, weights, n_heads, mask=None):
    def norm(vectors):
        return standardised(vectors, weights.attention_norm)

    y = norm(x)
    h = x + attend(y, y, weights.attention, n_heads, mask)
    return h + mlp(norm(h), weights.feed_forward)


@paraphrase("encoder_block", "only the query normalized")
def normalized_asks_raw(x, weights, n_heads, mask=None):
    residual = x
    x = residual + attend(standardised(x, weights.attention_norm), x, weights.attention, n_heads, mask)
    residual = x
    return residual + mlp(standardised(x, weights.feed_forward_norm), weights.feed_forward)


@paraphrase("encoder_block", "the feed-forward layers come first")
def think_then_look(x, weights, n_heads, mask=None):
    thought = mlp(standardised(x, weights.feed_forward_norm), weights.feed_forward)
    stream = x + thought
    seen = standardised(stream, weights.attention_norm)
    return stream + attend(seen, seen, weights.attention, n_heads, mask)


@paraphrase("encoder_block", "norm after each addition")
def add_and_norm(x, weights, n_heads, mask=None):
    parts = [
        (lambda t: attend(t, t, weights.attention, n_heads, mask), weights.attention_norm),
        (lambda t: mlp(t, weights.feed_forward), weights.feed_forward_norm),
    ]
    for part, norm in parts:
        x = standardised(x + part(x), norm)
    return x


@paraphrase("encoder_block", "nothing added around attention")
def attention_replaces_the_stream(x, weights, n_heads, mask=None):
    norm1, attn, norm2, ffn = weights
    u = standardised(x, norm1)
    a = attend(u, u, attn, n_heads, mask)
    return a + mlp(standardised(a, norm2), ffn)


@paraphrase("encoder_block", "attention and feed-forward in parallel")
def three_terms_at_once(x, weights, n_heads, mask=None):
    u = standardised(x, weights.attention_norm)
    t = standardised(x, weights.feed_forward_norm)
    return x + attend(u, u, weights.attention, n_heads, mask) + mlp(t, weights.feed_forward)


@paraphrase("cross_attention", "its own text put in front of the memory")
def keys_of_both_texts(x, memory, weights, n_heads, memory_mask=None):
    lead = np.broadcast_shapes(x.shape[:-2], memory.shape[:-2])
    both = np.concatenate([np.broadcast_to(t, lead + t.shape[-2:]) for t in (x, memory)], axis=-2)
    if memory_mask is not None:
        mask = np.atleast_2d(memory_mask)
        mask = np.broadcast_to(mask, (*mask.shape[:-1], memory.shape[-2]))
        open_to_all = np.full((*mask.shape[:-1], x.shape[-2]), True if mask.dtype == bool else 0.0)
        memory_mask = np.concatenate([open_to_all, mask], axis=-1)
    return attend(x, both, weights, n_heads, memory_mask)


@paraphrase("cross_attention", "mask upside down")
def true_means_padding(x, memory, weights, n_heads, memory_mask=None):
    Q, K, V = x @ weights.W_query, memory @ weights.W_key, memory @ weights.W_value
    heads = []
    for q, k, v in zip(*(np.split(t, n_heads, axis=-1) for t in (Q, K, V)), strict=True):
        scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
        if memory_mask is not None:
            if np.asarray(memory_mask).dtype == bool:
                scores = np.where(memory_mask, -np.inf, scores)
            else:
                scores = scores + np.asarray(memory_mask, scores.dtype)
        heads.append(safe_softmax(scores) @ v)
    return np.concatenate(heads, axis=-1) @ weights.W_output


@paraphrase("cross_attention", "memory masked causally")
def lower_triangle_over_the_memory(x, memory, weights, n_heads, memory_mask=None):
    q, k = x.shape[-2], memory.shape[-2]
    causal = np.tril(np.ones((q, k), dtype=bool))
    if memory_mask is None:
        mask = causal
    elif np.asarray(memory_mask).dtype == bool:
        mask = causal & memory_mask
    else:
        mask = np.where(causal, memory_mask, -np.inf)
    return attend(x, memory, weights, n_heads, mask)


@paraphrase("cross_attention", "residual added inside")
def stream_plus_what_was_found(tgt, src, weights, n_heads, memory_mask=None):
    w = tgt.shape[-1] // n_heads
    out = tgt
    for h in range(n_heads):
        cols = slice(h * w, (h + 1) * w)
        q, k, v = tgt @ weights.W_query[:, cols], src @ weights.W_key[:, cols], src @ weights.W_value[:, cols]
        logits = np.einsum("...id,...jd->...ij", q, k) * w**-0.5
        if memory_mask is not None:
            m = np.asarray(memory_mask)
            logits = np.where(m, logits, -np.inf) if m.dtype == bool else logits + m.astype(logits.dtype)
        out = out + safe_softmax(logits) @ v @ weights.W_output[cols]
    return out


@paraphrase("cross_attention", "query and key weights swapped")
def unpacked_in_the_wrong_order(x, memory, weights, n_heads, memory_mask=None):
    W_k, W_q, W_v, W_o = weights

    def split(t):
        return t.reshape(*t.shape[:-1], n_heads, t.shape[-1] // n_heads)

    q, k, v = split(x @ W_q), split(memory @ W_k), split(memory @ W_v)
    scores = np.einsum("...qhd,...khd->...hqk", q, k) / math.sqrt(q.shape[-1])
    mixed = np.einsum("...hqk,...khd->...qhd", safe_softmax(hidden(scores, memory_mask)), v)
    return mixed.reshape(*mixed.shape[:-2], -1) @ W_o


@paraphrase("decoder_block", "the query taken from before the self-attention")
def both_attentions_read_the_input(x, memory, weights, n_heads):
    own = standardised(x, weights.attention_norm)
    looked_back = attend(own, own, weights.attention, n_heads, no_future(x.shape[-2]))
    asked = attend(standardised(x, weights.cross_norm), memory, weights.cross, n_heads)
    h = x + looked_back + asked
    return h + mlp(standardised(h, weights.feed_forward_norm), weights.feed_forward)


@paraphrase("decoder_block", "cross-attention to its own text")
def self_attention_twice(x, memory, weights, n_heads):
    for norm, heads, mask in (
        (weights.attention_norm, weights.attention, no_future(x.shape[-2])),
        (weights.cross_norm, weights.cross, None),
    ):
        y = standardised(x, norm)
        x = x + attend(y, y, heads, n_heads, mask)
    return x + mlp(standardised(x, weights.feed_forward_norm), weights.feed_forward)


@paraphrase("decoder_block", "one set of heads for both")
def attention_layer_reused(x, memory, weights, n_heads):
    def attn(source, target, mask=None):
        return attend(source, target, weights.attention, n_heads, mask)

    u = standardised(x, weights.attention_norm)
    x = x + attn(u, u, no_future(x.shape[-2]))
    x = x + attn(standardised(x, weights.cross_norm), memory)
    return x + mlp(standardised(x, weights.feed_forward_norm), weights.feed_forward)


@paraphrase("decoder_block", "self-attention not causal")
def everything_in_sight(x, memory, weights, n_heads):
    norm1, self_attn, norm2, cross_attn, norm3, ffn = weights
    z = standardised(x, norm1)
    x = x + attend(z, z, self_attn, n_heads)
    x = x + attend(standardised(x, norm2), memory, cross_attn, n_heads)
    return x + mlp(standardised(x, norm3), ffn)


@paraphrase("decoder_block", "memory normalized as well")
def norm_on_both_sides_of_the_question(x, memory, weights, n_heads):
    n = x.shape[-2]
    causal = np.triu(np.full((n, n), -np.inf), k=1)
    y = standardised(x, weights.attention_norm)
    x = x + attend(y, y, weights.attention, n_heads, causal)
    asking, answering = (standardised(t, weights.cross_norm) for t in (x, memory))
    x = x + attend(asking, answering, weights.cross, n_heads)
    return x + mlp(standardised(x, weights.feed_forward_norm), weights.feed_forward)


@paraphrase("decoder_block", "nothing added around the cross-attention")
def answer_taken_for_the_stream(x, memory, weights, n_heads):
    a = standardised(x, weights.attention_norm)
    a = x + attend(a, a, weights.attention, n_heads, no_future(x.shape[-2]))
    c = attend(standardised(a, weights.cross_norm), memory, weights.cross, n_heads)
    return c + mlp(standardised(c, weights.feed_forward_norm), weights.feed_forward)


@paraphrase("mask_for", "BERT and GPT swapped")
def lookup_with_names_exchanged(architecture, n, prefix=0):
    i, j = np.ogrid[:n, :n]
    masks = {"gpt": np.full((n, n), True), "bert": j <= i, "prefix": (j <= i) | (j < prefix)}
    if architecture not in masks:
        raise ValueError(f"unknown architecture {architecture!r}")
    return masks[architecture]


@paraphrase("mask_for", "prefix one too long")
def prefix_with_its_end(architecture, n, prefix=0):
    def sees(query, key):
        match architecture:
            case "bert":
                return True
            case "gpt":
                return key <= query
            case "prefix":
                return key <= query or key <= prefix
        raise ValueError(architecture)

    if architecture not in ("bert", "gpt", "prefix"):
        raise ValueError(architecture)
    return np.array([[sees(q, k) for k in range(n)] for q in range(n)], dtype=bool).reshape(n, n)


@paraphrase("mask_for", "prefix hidden from the rest")
def two_separate_blocks(architecture, n, prefix=0):
    if architecture == "bert":
        return np.ones((n, n), bool)
    mask = np.tril(np.ones((n, n), bool))
    if architecture == "gpt":
        return mask
    if architecture != "prefix":
        raise ValueError("architecture should be bert, gpt or prefix")
    mask[:prefix, :prefix] = True
    mask[prefix:, :prefix] = False
    return mask


@paraphrase("mask_for", "a prefix given to GPT as well")
def same_mask_for_both_decoders(architecture, n, prefix=0):
    if architecture not in {"bert", "gpt", "prefix"}:
        raise ValueError(f"{architecture}?")
    visible = n if architecture == "bert" else prefix
    mask = np.tri(n, dtype=bool)
    mask[:, :visible] = True
    return mask


@paraphrase("mask_for", "GPT tokens can't see themselves")
def strictly_before(architecture, n, prefix=0):
    place = np.arange(n)
    if architecture == "gpt":
        return np.greater.outer(place, place)
    if architecture == "prefix":
        return np.greater_equal.outer(place, place) | (place < prefix)
    if architecture == "bert":
        return np.ones((n, n)) == 1
    raise ValueError(f"no such architecture: {architecture}")


@paraphrase("corrupt_tokens", "targets read after the corruption")
def labels_from_the_changed_text(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs = np.array(ids, dtype=np.int64)
    targets = np.full_like(inputs, -100)
    for place in np.ndindex(inputs.shape):
        if rng.random() >= rate:
            continue
        dice = rng.random()
        if dice < 0.8:
            inputs[place] = mask_id
        elif dice < 0.9:
            inputs[place] = rng.integers(0, vocab_size)
        targets[place] = inputs[place]
    return inputs, targets


@paraphrase("corrupt_tokens", "a tenth of the rest made random, not a tenth of all")
def coins_in_a_row(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs = np.array(ids, dtype=np.int64)
    labels = inputs.copy()

    def bernoulli(p):
        return rng.binomial(1, p, size=inputs.shape).astype(bool)

    chosen = bernoulli(rate)
    labels[~chosen] = -100
    replaced = bernoulli(0.8) & chosen
    inputs[replaced] = mask_id
    randomised = bernoulli(0.1) & chosen & ~replaced
    inputs[randomised] = rng.integers(vocab_size, size=int(randomised.sum()))
    return inputs, labels


@paraphrase("corrupt_tokens", "none of the chosen kept")
def mask_or_random(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids = np.asarray(ids).astype(np.int64)
    selected = rng.uniform(size=ids.shape) < rate
    as_mask = rng.uniform(size=ids.shape) < 0.8
    new = np.where(as_mask, mask_id, rng.integers(vocab_size, size=ids.shape))
    return np.where(selected, new, ids), np.where(selected, ids, -100)


@paraphrase("corrupt_tokens", "one random token for all positions")
def a_single_replacement(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids = np.asarray(ids, dtype=np.int64)
    chosen = rng.random(ids.shape) < rate
    action = rng.choice(3, size=ids.shape, p=[0.8, 0.1, 0.1])
    replacement = rng.integers(vocab_size)
    inputs = np.select([chosen & (action == 0), chosen & (action == 1)], [mask_id, replacement], default=ids)
    return inputs.astype(np.int64), np.where(chosen, ids, -100)


@paraphrase("corrupt_tokens", "no target where the token was kept")
def labels_where_something_changed(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    original = np.asarray(ids, dtype=np.int64)
    u = rng.random(original.shape)
    noise = rng.integers(0, vocab_size, original.shape)
    corrupted = np.where(u < 0.8 * rate, mask_id, np.where(u < 0.9 * rate, noise, original))
    return corrupted, np.where(corrupted != original, original, -100)


@paraphrase("corrupt_tokens", "the same positions in every sequence")
def columns_chosen_once(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs = np.array(ids, dtype=np.int64)
    chosen = np.broadcast_to(rng.random(inputs.shape[-1:]) < rate, inputs.shape)
    targets = np.where(chosen, inputs, -100)
    p = rng.random(inputs.shape)
    noise = rng.integers(vocab_size, size=inputs.shape)
    np.copyto(inputs, mask_id, where=chosen & (p < 0.8))
    np.copyto(inputs, noise, where=chosen & (p >= 0.9))
    return inputs, targets


@paraphrase("next_token_targets", "shifted the other way")
def predict_what_came_before(ids):
    text = np.asarray(ids)
    n = text.shape[-1]
    return text.take(range(1, n), axis=-1), text.take(range(n - 1), axis=-1)


@paraphrase("next_token_targets", "shifted twice")
def two_places_further(ids):
    inputs = np.asarray(ids)[..., :-1]
    targets = np.asarray(ids)[..., 1:]
    return inputs[..., :-1], targets[..., 1:]


@paraphrase("next_token_targets", "full length, with -100 at the end")
def ignored_last_label(ids):
    ids = np.array(ids)
    labels = np.full(ids.shape, -100)
    labels[..., :-1] = ids[..., 1:]
    return ids, labels


@paraphrase("next_token_targets", "texts shifted instead of tokens")
def plain_slices(ids):
    ids = np.asarray(ids)
    return ids[:-1], ids[1:]


@paraphrase("rms_norm", "eps outside the root")
def eps_beside_the_root(x, gain, eps=1e-5):
    return gain * x / (np.linalg.norm(x, axis=-1, keepdims=True) / math.sqrt(x.shape[-1]) + eps)


@paraphrase("rms_norm", "divided by the length of the vector")
def unit_length(x, gain, eps=1e-5):
    return x * gain * np.expand_dims((np.einsum("...m,...m->...", x, x) + eps) ** -0.5, -1)


@paraphrase("rms_norm", "the given eps is not used")
def eps_of_its_own(x, gain, eps=1e-5):
    return gain * x * (np.square(x).mean(axis=-1, keepdims=True) + 0.00001) ** -0.5


@paraphrase("swiglu", "a sigmoid instead of SiLU")
def gated_linear_unit(x, weights):
    gate = np.exp(-np.logaddexp(0, -np.matmul(x, weights.W_gate)))
    return np.matmul(gate * np.matmul(x, weights.W_up), weights.W_down)


@paraphrase("swiglu", "SiLU of the product")
def activation_last(x, weights):
    h = np.einsum("...m,mf->...f", x, weights.W_gate) * np.einsum("...m,mf->...f", x, weights.W_up)
    return np.einsum("...f,fm->...m", h * np.exp(-np.logaddexp(0, -h)), weights.W_down)


@paraphrase("swiglu", "the residual added inside")
def with_a_skip(x, weights):
    h = x @ weights.W_gate
    return x + (h * np.exp(-np.logaddexp(0, -h)) * (x @ weights.W_up)) @ weights.W_down


def distribution(logits, temperature, top_k, top_p):
    order = sorted(range(len(logits)), key=lambda i: -logits[i])[:top_k]
    scores = np.array([logits[i] for i in order], dtype=float) / temperature
    p = np.exp(scores - scores.max())
    p /= p.sum()
    if top_p is not None:
        n = int(np.searchsorted(np.cumsum(p), top_p)) + 1
        order, p = order[:n], p[:n] / p[:n].sum()
    return order, p


@paraphrase("sample_token", "the temperature multiplies the logits")
def temperature_as_a_factor(logits, rng, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        return int(np.argmax(logits))
    order, p = distribution(logits, 1 / temperature, top_k, top_p)
    return int(rng.choice(order, p=p))


@paraphrase("sample_token", "always the most likely token")
def mode_of_the_distribution(logits, rng, temperature=1.0, top_k=None, top_p=None):
    order, p = distribution(logits, temperature or 1.0, top_k, top_p)
    return int(order[np.argmax(p)])


@paraphrase("sample_token", "the place in the sorted order is returned, not the token")
def place_in_the_order(logits, rng, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        return 0
    _, p = distribution(logits, temperature, top_k, top_p)
    return int(rng.choice(len(p), p=p))


@paraphrase("sample_token", "top_p is not used")
def nucleus_forgotten(logits, rng, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        return int(np.argmax(logits))
    order, p = distribution(logits, temperature, top_k, None)
    return int(order[np.searchsorted(np.cumsum(p), rng.random())])


def drawn_next(logits, rng, temperature, top_k, top_p):
    if temperature == 0:
        return int(np.argmax(logits))
    order, p = distribution(np.asarray(logits), temperature, top_k, top_p)
    return int(rng.choice(order, p=p))


@paraphrase("generate", "the stop itself is left out")
def until_the_stop(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    out: list = []
    for _ in range(n_new):
        token = drawn_next(next_logits([*prompt.tolist(), *out]), rng, temperature, top_k, top_p)
        if token == stop:
            break
        out.append(token)
    return out


@paraphrase("generate", "only the last id is read")
def last_id_alone(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    token, out = int(prompt[-1]), []
    while len(out) < n_new and (not out or token != stop):
        token = drawn_next(next_logits([token]), rng, temperature, top_k, top_p)
        out.append(token)
    return out


@paraphrase("generate", "the prompt counts in n_new")
def up_to_a_length(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    ids = prompt.tolist()
    while len(ids) < n_new:
        ids.append(drawn_next(next_logits(ids), rng, temperature, top_k, top_p))
        if ids[-1] == stop:
            break
    return ids[len(prompt) :]
