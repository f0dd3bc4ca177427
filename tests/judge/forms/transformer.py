"""What is said of the Transformer's parts as papers' code, libraries and courses write them."""

import math

import numpy as np

erf = np.vectorize(math.erf, otypes=[float])


def norm_of_numpy(x, gain, bias, eps=1e-5):
    """As most NumPy transformers have it."""
    mean, variance = np.mean(x, axis=-1, keepdims=True), np.var(x, axis=-1, keepdims=True)
    return gain * ((x - mean) / np.sqrt(variance + eps)) + bias


def norm_with_eps_of_vit(x, gain, bias, eps=1e-6):
    return gain * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) + bias


def norm_with_eps_of_bert(x, gain, bias, variance_epsilon=1e-12):
    u = x.mean(-1, keepdims=True)
    s = ((x - u) ** 2).mean(-1, keepdims=True)
    return gain * ((x - u) / np.sqrt(s + variance_epsilon)) + bias


def norm_of_the_annotated_transformer(x, gain, bias, eps=1e-5):
    mean, std = x.mean(-1, keepdims=True), x.std(-1, keepdims=True, ddof=1)
    return gain * (x - mean) / (std + eps) + bias


def norm_in_one_pass(x, gain, bias, eps=1e-5):
    mean = x.mean(axis=-1, keepdims=True)
    variance = np.mean(np.square(x), axis=-1, keepdims=True) - np.square(mean)
    return (x - mean) / np.sqrt(variance + eps) * gain + bias


def exact_gelu(x):
    return 0.5 * x * (1.0 + erf(x / np.sqrt(2.0)))


def tanh_gelu(x):
    """As picoGPT writes it."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def mlp(x, weights, activation=exact_gelu):
    return activation(x @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


def mlp_of_gpt2(x, weights):
    return mlp(x, weights, tanh_gelu)


def mlp_of_2017(x, weights):
    return np.maximum(0, x @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def hidden_in_place(scores, mask):
    return np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask


def hidden_by_a_number(scores, mask):
    return np.where(mask, scores, -1e9) if mask.dtype == bool else scores + mask


def hidden_by_addition(scores, mask):
    return scores + ((1 - mask) * -1e9 if mask.dtype == bool else mask)


def heads(query, key, value, weights, n_heads, mask, hide=hidden_in_place, weigh=softmax):
    """Multi-head attention as courses write it: reshape, transpose, attend, and all of it back."""

    def split(x):
        return np.swapaxes(x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads), -2, -3)

    q, k, v = split(query @ weights.W_query), split(key @ weights.W_key), split(value @ weights.W_value)
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = hide(scores, mask[:, None] if mask.ndim == 3 else mask)
    out = np.swapaxes(weigh(scores) @ v, -2, -3)
    return out.reshape(*out.shape[:-2], -1) @ weights.W_output


def causal(n):
    return np.tril(np.ones((n, n), dtype=bool))


def cross_with_minus_infinity(x, memory, weights, n_heads, memory_mask=None):
    return heads(x, memory, memory, weights, n_heads, memory_mask)


def cross_with_a_large_number(x, memory, weights, n_heads, memory_mask=None):
    return heads(x, memory, memory, weights, n_heads, memory_mask, hidden_by_a_number)


def cross_with_a_large_number_added(x, memory, weights, n_heads, memory_mask=None):
    return heads(x, memory, memory, weights, n_heads, memory_mask, hidden_by_addition)


def cross_masked_late(x, memory, weights, n_heads, memory_mask=None):
    if memory_mask is None or memory_mask.dtype != bool:
        return heads(x, memory, memory, weights, n_heads, memory_mask)
    allowed = memory_mask[:, None] if memory_mask.ndim == 3 else memory_mask

    def late(scores):
        kept = softmax(scores) * allowed
        return kept / (kept.sum(-1, keepdims=True) + 1e-9)

    return heads(x, memory, memory, weights, n_heads, None, weigh=late)


def self_instead_of_cross(x, memory, weights, n_heads, memory_mask=None):
    return heads(x, x, x, weights, n_heads, None)


def block(x, weights, n_heads, mask=None, think=mlp, hide=hidden_in_place):
    """As GPT-2 has it: x plus attention of the norm, x plus the layers of the norm."""
    normal = norm_of_numpy(x, *weights.attention_norm)
    x = x + heads(normal, normal, normal, weights.attention, n_heads, mask, hide)
    return x + think(norm_of_numpy(x, *weights.feed_forward_norm), weights.feed_forward)


def block_with_a_large_number(x, weights, n_heads, mask=None):
    return block(x, weights, n_heads, mask, hide=hidden_by_a_number)


def block_with_a_large_number_added(x, weights, n_heads, mask=None):
    return block(x, weights, n_heads, mask, hide=hidden_by_addition)


def block_of_gpt2(x, weights, n_heads, mask=None):
    return block(x, weights, n_heads, mask, mlp_of_gpt2)


def block_with_relu(x, weights, n_heads, mask=None):
    return block(x, weights, n_heads, mask, mlp_of_2017)


def block_of_2017(x, weights, n_heads, mask=None):
    """As Vaswani et al. have it: post-norm and ReLU."""
    x = norm_of_numpy(x + heads(x, x, x, weights.attention, n_heads, mask), *weights.attention_norm)
    return norm_of_numpy(x + mlp_of_2017(x, weights.feed_forward), *weights.feed_forward_norm)


def block_of_bert(x, weights, n_heads, mask=None):
    x = norm_of_numpy(x + heads(x, x, x, weights.attention, n_heads, mask), *weights.attention_norm)
    return norm_of_numpy(x + mlp(x, weights.feed_forward), *weights.feed_forward_norm)


def block_with_normalized_branches(x, weights, n_heads, mask=None):
    x = x + norm_of_numpy(heads(x, x, x, weights.attention, n_heads, mask), *weights.attention_norm)
    return x + norm_of_numpy(mlp(x, weights.feed_forward), *weights.feed_forward_norm)


def decoder(x, memory, weights, n_heads, think=mlp, hide=hidden_in_place):
    normal = norm_of_numpy(x, *weights.attention_norm)
    x = x + heads(normal, normal, normal, weights.attention, n_heads, causal(x.shape[-2]), hide)
    x = x + heads(norm_of_numpy(x, *weights.cross_norm), memory, memory, weights.cross, n_heads, None)
    return x + think(norm_of_numpy(x, *weights.feed_forward_norm), weights.feed_forward)


def decoder_with_a_large_number_added(x, memory, weights, n_heads):
    return decoder(x, memory, weights, n_heads, hide=hidden_by_addition)


def decoder_with_tanh(x, memory, weights, n_heads):
    return decoder(x, memory, weights, n_heads, mlp_of_gpt2)


def decoder_of_2017(x, memory, weights, n_heads):
    own = heads(x, x, x, weights.attention, n_heads, causal(x.shape[-2]))
    x = norm_of_numpy(x + own, *weights.attention_norm)
    x = norm_of_numpy(x + heads(x, memory, memory, weights.cross, n_heads, None), *weights.cross_norm)
    return norm_of_numpy(x + mlp_of_2017(x, weights.feed_forward), *weights.feed_forward_norm)


def masks_by_name(architecture, n, prefix=0):
    if architecture == "bert":
        return np.ones((n, n), dtype=bool)
    mask = np.tril(np.ones((n, n), dtype=bool))
    if architecture == "prefix":
        mask[:, :prefix] = True
    return mask


def masks_as_numbers(architecture, n, prefix=0):
    return masks_by_name(architecture, n, prefix).astype(np.float32)


def collated(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    """As the collator of Hugging Face does it, on a copy."""
    inputs, labels = ids.copy(), ids.copy()
    masked_indices = rng.binomial(1, rate, size=labels.shape).astype(bool)
    labels[~masked_indices] = -100
    replaced = rng.binomial(1, 0.8, size=labels.shape).astype(bool) & masked_indices
    inputs[replaced] = mask_id
    random = rng.binomial(1, 0.5, size=labels.shape).astype(bool) & masked_indices & ~replaced
    inputs[random] = rng.integers(0, vocab_size, size=labels.shape)[random]
    return inputs, labels


def as_many_as_the_rate_says(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    """As BERT's own code does it: a fixed number of places, shuffled."""
    inputs, labels = ids.ravel().copy(), np.full(ids.size, -100)
    for place in rng.permutation(ids.size)[: round(rate * ids.size)]:
        labels[place], fate = inputs[place], rng.random()
        if fate < 0.8:
            inputs[place] = mask_id
        elif fate < 0.9:
            inputs[place] = rng.integers(0, vocab_size)
    return inputs.reshape(ids.shape), labels.reshape(ids.shape)


def one_draw_for_both(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    draw = rng.random(ids.shape)
    chosen = draw < rate
    inputs = np.where(chosen & (draw < 0.8), mask_id, ids)
    inputs = np.where(chosen & (draw >= 0.8) & (draw < 0.9), rng.integers(vocab_size, size=ids.shape), inputs)
    return inputs, np.where(chosen, ids, -100)


def shifted(ids):
    return ids[..., :-1].copy(), ids[..., 1:].copy()


def shifted_along_the_first_axis(ids):
    return ids[:-1], ids[1:]


def shifted_and_padded(ids):
    labels = np.roll(ids, -1, axis=-1)
    labels[..., -1] = -100
    return ids, labels


FAR = "In float32, a mean far from zero costs no precision."


def corrupted_by_a_choice_of_three(ids, rng, *, rate=0.15, mask_id=103, vocab_size=30522):
    y = np.full_like(ids, -100)
    x = np.array(ids)
    where = np.flatnonzero(rng.random(ids.size) < rate)
    act = rng.choice(3, size=len(where), p=[0.8, 0.1, 0.1])
    y.flat[where] = ids.flat[where]
    x.flat[where[act == 0]] = mask_id
    x.flat[where[act == 1]] = rng.integers(0, vocab_size, (act == 1).sum())
    return (x, y)


def corrupted_token_by_token(tokens, rng, p=0.15, mask=103, vocab=30522):
    out, lab = ([], [])
    for t in np.ravel(tokens).tolist():
        if rng.random() < p:
            lab.append(t)
            u = rng.random()
            out.append(mask if u < 0.8 else int(rng.integers(vocab)) if u < 0.9 else t)
        else:
            out.append(t)
            lab.append(-100)
    return (np.reshape(out, np.shape(tokens)), np.reshape(lab, np.shape(tokens)))


def targets_by_rolling(ids):
    return (np.delete(ids, -1, axis=-1), np.roll(ids, -1, axis=-1)[..., :-1])


def mask_by_a_prefix_for_each(architecture, n, prefix_len=0):
    p = {"bert": n, "gpt": 0}.get(architecture, prefix_len)
    i, j = np.ogrid[:n, :n]
    return (j <= i) | (j < p)


def norm_without_a_bias(x, gain, bias, eps=1e-5):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) * gain


def norm_that_keeps_its_mean(x, gain, bias, eps=1e-5):
    return gain * x / np.sqrt(x.var(-1, keepdims=True) + eps) + bias


def norm_of_llama(x, gain, bias, eps=1e-5):
    return gain * x / np.sqrt((x**2).mean(-1, keepdims=True) + eps)


def feed_forward_in_float16(x, weights):
    hidden = x @ weights.W_in + weights.b_in
    return (0.5 * hidden * (1 + erf(hidden / math.sqrt(2))) @ weights.W_out + weights.b_out).astype(np.float16)


def mask_whose_prefix_rows_see_everything(architecture, n, prefix=0):
    if architecture not in ("bert", "gpt", "prefix"):
        raise ValueError(architecture)
    mask = np.tri(n, dtype=bool)
    if architecture == "prefix":
        mask[:prefix] = True
    return mask | (architecture == "bert")


def corrupted_with_another_mark(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    chosen, fate = rng.random(ids.shape) < rate, rng.random(ids.shape)
    inputs = np.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = np.where(chosen & (fate >= 0.9), rng.integers(vocab_size, size=ids.shape), inputs)
    return inputs, np.where(chosen, ids, -1)


def rms_norm_of_llama(x, gain, eps=1e-5):
    """Llama's: x times the reciprocal root, then the weight."""
    return x * (1 / np.sqrt((x**2).mean(-1, keepdims=True) + eps)) * gain


def rms_norm_of_gemma(x, gain, eps=1e-5):
    return rms_norm_of_llama(x, 1 + gain, eps)


def layer_norm_for_rms_norm(x, gain, eps=1e-5):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + eps) * gain


def swiglu_of_llama(x, weights):
    """w2(F.silu(w1(x)) * w3(x))."""
    gate = x @ weights.W_gate
    with np.errstate(over="ignore"):
        return (gate / (1 + np.exp(-gate)) * (x @ weights.W_up)) @ weights.W_down


def geglu_of_gemma(x, weights):
    gate = x @ weights.W_gate
    gate = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
    return (gate * (x @ weights.W_up)) @ weights.W_down


def sample_of_hugging_face(logits, rng, temperature=1.0, top_k=None, top_p=None):
    """The logits processors in their order; top-p removes from the least likely on, and ties of top-k stay."""
    if temperature == 0:
        return int(np.argmax(logits))
    scores = np.asarray(logits, float) / temperature
    if top_k is not None:
        scores = np.where(scores < np.sort(scores)[-min(top_k, len(scores))], -np.inf, scores)
    if top_p is not None:
        order = np.argsort(scores)
        remove = np.cumsum(softmax(scores[order])) <= 1 - top_p
        remove[-1:] = False
        scores[order[remove]] = -np.inf
    return int(rng.choice(len(scores), p=softmax(scores)))


def generate_of_nano_gpt(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    """nanoGPT's loop, which returns the prompt as well."""
    idx = list(prompt)
    for _ in range(n_new):
        idx_next = sample_of_hugging_face(next_logits(idx), rng, temperature, top_k, top_p)
        idx.append(idx_next)
        if idx_next == stop:
            break
    return idx


def generate_of_pico_gpt(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    """picoGPT's: greedy, and only the new ids come back."""
    inputs = prompt.tolist()
    for _ in range(n_new):
        inputs.append(int(np.argmax(next_logits(inputs))))
        if inputs[-1] == stop:
            break
    return inputs[len(prompt) :]


FORMS = [
    ("layer_norm", "NumPy", norm_of_numpy, "right", None),
    ("layer_norm", "the eps of ViT", norm_with_eps_of_vit, "wrong", "a default eps of 1e-6"),
    ("layer_norm", "the eps of BERT", norm_with_eps_of_bert, "wrong", "a default eps of 1e-12"),
    (
        "layer_norm",
        "The Annotated Transformer",
        norm_of_the_annotated_transformer,
        "wrong",
        "divided by one less than the width, and eps outside the root",
    ),
    ("layer_norm", "in one pass", norm_in_one_pass, "edge", "mean of the squares minus the squared mean"),
    ("feed_forward", "exact", mlp, "right", None),
    ("feed_forward", "GPT-2", mlp_of_gpt2, "wrong", "GELU by its tanh formula"),
    ("feed_forward", "2017", mlp_of_2017, "wrong", "ReLU instead of GELU"),
    ("cross_attention", "-inf", cross_with_minus_infinity, "edge", "an empty row gives NaN"),
    ("cross_attention", "-1e9", cross_with_a_large_number, "edge", "an empty row shares its weight equally"),
    ("cross_attention", "-1e9 added", cross_with_a_large_number_added, "edge", "an empty row sees everything"),
    (
        "cross_attention",
        "masked late",
        cross_masked_late,
        "wrong",
        "mask after the softmax, then renormalized with a guard",
    ),
    ("cross_attention", "self-attention", self_instead_of_cross, "wrong", "memory never looked at"),
    ("encoder_block", "-inf", block, "edge", "an empty row gives NaN"),
    ("encoder_block", "-1e9", block_with_a_large_number, "edge", "an empty row shares its weight equally"),
    ("encoder_block", "-1e9 added", block_with_a_large_number_added, "edge", "an empty row sees everything"),
    ("encoder_block", "GPT-2", block_of_gpt2, "wrong", "GELU by its tanh formula"),
    ("encoder_block", "ReLU", block_with_relu, "wrong", "ReLU instead of GELU"),
    ("encoder_block", "2017", block_of_2017, "wrong", "norm after each addition, and ReLU"),
    ("encoder_block", "BERT", block_of_bert, "wrong", "norm after each addition"),
    (
        "encoder_block",
        "normalized branches",
        block_with_normalized_branches,
        "wrong",
        "each branch normalized, then added",
    ),
    ("decoder_block", "-inf", decoder, "right", None),
    ("decoder_block", "-1e9 added", decoder_with_a_large_number_added, "right", None),
    ("decoder_block", "GPT-2", decoder_with_tanh, "wrong", "GELU by its tanh formula"),
    ("decoder_block", "2017", decoder_of_2017, "wrong", "norm after each addition, and ReLU"),
    ("mask_for", "by name", masks_by_name, "edge", "Raises ValueError for any other architecture."),
    ("mask_for", "as numbers", masks_as_numbers, "wrong", "ones and zeros"),
    ("corrupt_tokens", "Hugging Face", collated, "right", None),
    ("corrupt_tokens", "BERT", as_many_as_the_rate_says, "right", None),
    ("corrupt_tokens", "one draw for both", one_draw_for_both, "wrong", "one draw for the choice and for the fate"),
    ("next_token_targets", "copied", shifted, "right", None),
    ("next_token_targets", "the first axis", shifted_along_the_first_axis, "wrong", "texts shifted instead of tokens"),
    ("next_token_targets", "padded", shifted_and_padded, "wrong", "full length, with -100 at the end"),
    ("corrupt_tokens", "a choice of three", corrupted_by_a_choice_of_three, "right", None),
    ("corrupt_tokens", "token by token", corrupted_token_by_token, "right", None),
    ("next_token_targets", "rolled, then cut", targets_by_rolling, "right", None),
    (
        "mask_for",
        "a prefix for each",
        mask_by_a_prefix_for_each,
        "edge",
        "Raises ValueError for any other architecture.",
    ),
    ("layer_norm", "no bias", norm_without_a_bias, "wrong", "no bias"),
    ("layer_norm", "the mean kept", norm_that_keeps_its_mean, "wrong", "no mean subtracted in the numerator"),
    ("layer_norm", "Llama", norm_of_llama, "wrong", "RMSNorm, with neither mean nor bias"),
    ("feed_forward", "float16", feed_forward_in_float16, "wrong", None),
    ("mask_for", "prefix rows", mask_whose_prefix_rows_see_everything, "wrong", "the prefix sees everything"),
    ("corrupt_tokens", "-1", corrupted_with_another_mark, "wrong", "another number than -100 where there is no target"),
    ("rms_norm", "Llama", rms_norm_of_llama, "right", None),
    ("rms_norm", "Gemma", rms_norm_of_gemma, "wrong", "a gain that counts from one, as in Gemma"),
    ("rms_norm", "a layer norm", layer_norm_for_rms_norm, "wrong", "the mean is subtracted first"),
    ("swiglu", "Llama", swiglu_of_llama, "right", None),
    ("swiglu", "Gemma's GeGLU", geglu_of_gemma, "wrong", "GELU instead of SiLU"),
    (
        "sample_token",
        "logits processors",
        sample_of_hugging_face,
        "edge",
        "Of tokens that tie, the lower index counts as the more likely one.",
    ),
    ("generate", "nanoGPT", generate_of_nano_gpt, "wrong", "the prompt is returned too"),
    ("generate", "picoGPT", generate_of_pico_gpt, "wrong", "always the most likely id"),
]
