"""Every definition of the course, one number at a time: slow on purpose, and the reading for "what does this mean".

Nothing here calls the fast functions or multiplies matrices. Inputs have no leading axes; lists or arrays go in, lists
and numbers come out.
"""

import cmath
import math
from statistics import NormalDist

INFINITY = math.inf


def uniform_attention(values):
    return [sum(row[j] for row in values) / len(values) for j in range(len(values[0]))]


def weighted_sum(weights, values):
    out = []
    for row in weights:
        context = [0.0] * len(values[0])
        for weight, value in zip(row, values, strict=True):
            for j, number in enumerate(value):
                context[j] += weight * number
        out.append(context)
    return out


def dot(a, b):
    total = 0.0
    for left, right in zip(a, b, strict=True):
        total += left * right
    return total


def hard_lookup(query, keys, values):
    best = 0
    for i in range(1, len(keys)):
        if dot(query, keys[i]) > dot(query, keys[best]):
            best = i
    return list(values[best])


def kernel_weights(query_points, key_points, width):
    rows = []
    for q in query_points:
        nearest = min((q - k) ** 2 for k in key_points)
        bells = [math.exp(-((q - k) ** 2 - nearest) / (2 * width**2)) for k in key_points]
        rows.append([bell / sum(bells) for bell in bells])
    return rows


def kernel_regression(query_points, key_points, values, width):
    return [dot(row, values) for row in kernel_weights(query_points, key_points, width)]


def softmax(x):
    top = max(x)
    if top == -INFINITY:
        return [0.0 for _ in x]
    exponentials = [math.exp(number - top) for number in x]
    return [e / sum(exponentials) for e in exponentials]


def log_softmax(x):
    top = max(x)
    if top == -INFINITY:
        return list(x)
    log_total = top + math.log(sum(math.exp(number - top) for number in x))
    return [number - log_total for number in x]


def masked_softmax(scores, mask):
    rows = []
    for row, allowed in zip(scores, mask, strict=True):
        visible = [score if may else -INFINITY for score, may in zip(row, allowed, strict=True)]
        rows.append(softmax(visible))
    return rows


def entropy_bits(p):
    return -sum(share * math.log2(share) for share in p if share > 0)


def temperature_for_entropy(scores, bits):
    top = max(scores)
    low, high = 1e-9, 1e9
    for _ in range(200):
        middle = math.sqrt(low * high)
        if entropy_bits(softmax([(score - top) / middle for score in scores])) < bits:
            low = middle
        else:
            high = middle
    return middle


def cross_entropy(logits, targets, ignore=-100):
    losses = [-log_softmax(row)[target] for row, target in zip(logits, targets, strict=True) if target != ignore]
    return sum(losses) / len(losses)


def cross_entropy_backward(logits, targets, ignore=-100):
    """A logit moves the loss by its probability, and the target's logit by 1 less; a mean divides by the count."""
    count = sum(target != ignore for target in targets)
    gradient = []
    for row, target in zip(logits, targets, strict=True):
        p = softmax(row)
        moves = [(p[i] - (1 if i == target else 0)) / count for i in range(len(row))]
        gradient.append([0.0 for _ in row] if target == ignore else moves)
    return gradient


def attention_scores(query, key, scale=None):
    factor = 1 / math.sqrt(len(query[0])) if scale is None else scale
    return [[dot(q, k) * factor for k in key] for q in query]


def attention_weights(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return [softmax(row) for row in scores] if mask is None else masked_softmax(scores, mask)


def scaled_dot_product_attention(query, key, value, mask=None, scale=None):
    return weighted_sum(attention_weights(query, key, mask, scale), value)


def project(x, W):
    columns = list(zip(*W, strict=True))
    return [[dot(token, column) for column in columns] for token in x]


def self_attention(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(project(x, W_query), project(x, W_key), project(x, W_value), mask)


def permutation_gap(layer, x, order):
    before = layer([x[i] for i in order])
    after = [layer(x)[i] for i in order]
    return max(abs(a - b) for left, right in zip(before, after, strict=True) for a, b in zip(left, right, strict=True))


def influence(layer, x):
    still, reached = layer(x), []
    for i in range(len(x)):
        row = []
        for j in range(len(x)):
            moved = [list(token) for token in x]
            moved[j] = [number + 0.01 * (1 + place) for place, number in enumerate(x[j])]
            row.append(any(not abs(a - b) <= 1e-9 for a, b in zip(layer(moved)[i], still[i], strict=True)))
        reached.append(row)
    return reached


def path_length(architecture, n, kernel=3):
    """Grow the span of what one token can reach, a layer or step at a time, until it holds both ends."""
    if architecture == "attention":
        return 1
    grows_by = {"recurrent": 1, "convolutional": kernel - 1}[architecture]
    steps, reached = 0, 1
    while reached < n:
        steps, reached = steps + 1, reached + grows_by
    return steps


def causal_mask(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    first = n_key - n_query  # the position of the first query
    return [[key <= first + query for key in range(n_key)] for query in range(n_query)]


def padding_mask(lengths, n_key):
    return [[[key < length for key in range(n_key)]] for length in lengths]


def document_mask(documents):
    """Each document by itself: whoever reads it so far has read it up to the token at hand."""
    read = {document: [False for _ in documents] for document in documents}
    mask = []
    for i, document in enumerate(documents):
        read[document][i] = True
        mask.append(list(read[document]))
    return mask


def prefix_mask(n, prefix):
    return [[j <= i or j < prefix for j in range(n)] for i in range(n)]


def combine_masks(*masks):
    given = [mask for mask in masks if mask is not None]
    if not given:
        return None
    return [[all(mask[i][j] for mask in given) for j in range(len(given[0][0]))] for i in range(len(given[0]))]


def leaks_future(layer, x):
    reached = influence(layer, x)
    return any(reached[i][j] for i in range(len(x)) for j in range(i + 1, len(x)))


def mask_for(architecture, n, prefix=0):
    return {
        "bert": [[True for _ in range(n)] for _ in range(n)],
        "gpt": causal_mask(n),
        "prefix": prefix_mask(n, prefix),
    }[architecture]


def split_heads(x, n_heads):
    width = len(x[0]) // n_heads
    return [[[token[head * width + j] for j in range(width)] for token in x] for head in range(n_heads)]


def merge_heads(x):
    return [[number for head in x for number in head[token]] for token in range(len(x[0]))]


def multi_head_attention(query, key, value, weights, n_heads, mask=None):
    W_query, W_key, W_value, W_output = weights
    heads = zip(
        split_heads(project(query, W_query), n_heads),
        split_heads(project(key, W_key), n_heads),
        split_heads(project(value, W_value), n_heads),
        strict=True,
    )
    return project(merge_heads([scaled_dot_product_attention(q, k, v, mask) for q, k, v in heads]), W_output)


def mha_parameter_count(d_model, n_heads, bias=True):
    """Count them one matrix at a time: each head's slices, then the output projection."""
    count = 0
    for _projection in ("query", "key", "value"):
        for _head in range(n_heads):
            width = d_model // n_heads
            count += d_model * width + (width if bias else 0)
    return count + d_model * d_model + (d_model if bias else 0)


def head_importance(layer, x, n_heads):
    whole = layer(x, [1.0] * n_heads)
    changes = []
    for left_out in range(n_heads):
        out = layer(x, [0.0 if head == left_out else 1.0 for head in range(n_heads)])
        changes.append(
            max(abs(a - b) for left, right in zip(out, whole, strict=True) for a, b in zip(left, right, strict=True))
        )
    return changes


def ablation_effect(layer, x, head):
    pairs = zip(layer(x, head), layer(x, None), strict=True)
    return max(abs(a - b) for without, whole in pairs for a, b in zip(without, whole, strict=True))


def mean_ablation_effect(layer, x, head, reference):
    whole, without = layer(reference, None), layer(reference, head)
    largest = 0.0
    for j in range(len(whole[0])):
        mean = sum(a[j] - b[j] for a, b in zip(whole, without, strict=True)) / len(whole)
        for a, b in zip(layer(x, None), layer(x, head), strict=True):
            largest = max(largest, abs(b[j] + mean - a[j]))
    return largest


def additive_scores(state, memory, W_state, W_memory, v):
    scores = []
    for remembered in memory:
        rows = zip(W_state, W_memory, strict=True)
        hidden = [math.tanh(dot(left, state) + dot(right, remembered)) for left, right in rows]
        scores.append(dot(v, hidden))
    return scores


def dot_scores(state, memory):
    return [dot(state, remembered) for remembered in memory]


def general_scores(state, memory, W):
    scores = []
    for remembered in memory:
        scores.append(sum(s * W[i][j] * r for i, s in enumerate(state) for j, r in enumerate(remembered)))
    return scores


def concat_scores(state, memory, W, v):
    scores = []
    for remembered in memory:
        joined = [*state, *remembered]
        scores.append(dot(v, [math.tanh(dot(row, joined)) for row in W]))
    return scores


def local_weights(scores, center, half_width):
    window = [abs(j - center) <= half_width for j in range(len(scores))]
    sigma = half_width / 2
    bell = [math.exp(-((j - center) ** 2) / (2 * sigma**2)) for j in range(len(scores))]
    return [weight * height for weight, height in zip(masked_softmax([scores], [window])[0], bell, strict=True)]


def align(scores, memory):
    return weighted_sum([softmax(scores)], memory)[0]


def sinusoidal_positions(n, d):
    rows = []
    for position in range(n):
        angles = [position / 10000 ** ((place - place % 2) / d) for place in range(d)]
        rows.append([math.cos(angle) if place % 2 else math.sin(angle) for place, angle in enumerate(angles)])
    return rows


def apply_rotary(x, positions, base=10000.0):
    """Two neighbors are one complex number; to rotate is to multiply by e^(i angle)."""
    d = len(x[0])
    rows = []
    for token, position in zip(x, positions, strict=True):
        row = []
        for place in range(0, d, 2):
            turned = complex(token[place], token[place + 1]) * cmath.exp(1j * position / base ** (place / d))
            row += [turned.real, turned.imag]
        rows.append(row)
    return rows


def partial_rotary(x, positions, n_rotated, base=10000.0):
    turned = apply_rotary([token[:n_rotated] for token in x], positions, base)
    return [[*part, *token[n_rotated:]] for part, token in zip(turned, x, strict=True)]


def scaled_frequencies(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    """By wavelengths, the tokens that one turn takes: how much longer does each become?"""
    most_turns = {"yarn": 32, "llama3": 4}.get(kind, 1)
    slower = []
    for i in range(d // 2):
        wavelength = 2 * math.pi * base ** (2 * i / d)
        if kind == "linear":
            wavelength *= factor
        elif kind == "ntk":
            wavelength *= factor ** (i / (d // 2 - 1)) if i else 1
        elif wavelength >= trained:
            wavelength *= factor
        elif wavelength > trained / most_turns:
            kept = (trained / wavelength - 1) / (most_turns - 1)
            wavelength /= kept + (1 - kept) / factor
        slower.append(2 * math.pi / wavelength)
    return slower


def rotary_halves_order(d):
    return [place for place in range(d) if place % 2 == 0] + [place for place in range(d) if place % 2 == 1]


def alibi_slopes(n_heads):
    power = 1
    while 2 * power <= n_heads:
        power *= 2
    if power == n_heads:
        return [2 ** (-8 * head / n_heads) for head in range(1, n_heads + 1)]
    every_other = alibi_slopes(2 * power)[0::2]
    return alibi_slopes(power) + every_other[: n_heads - power]


def alibi_bias(n_heads, n_query, n_key):
    first = n_key - n_query
    return [
        [[-slope * abs(first + query - key) for key in range(n_key)] for query in range(n_query)]
        for slope in alibi_slopes(n_heads)
    ]


def layer_norm(x, gain, bias, eps=1e-5):
    mean = sum(x) / len(x)
    variance = sum((number - mean) ** 2 for number in x) / len(x)
    return [(number - mean) / math.sqrt(variance + eps) * g + b for number, g, b in zip(x, gain, bias, strict=True)]


def rms_norm(x, gain, eps=1e-5):
    mean_square = dot(x, x) / len(x)
    return [number * g / math.sqrt(mean_square + eps) for number, g in zip(x, gain, strict=True)]


def gelu(number):
    return number * NormalDist().cdf(number)


def feed_forward(x, weights):
    W_in, b_in, W_out, b_out = weights
    inner = [gelu(number + b) for number, b in zip(project([x], W_in)[0], b_in, strict=True)]
    return [number + b for number, b in zip(project([inner], W_out)[0], b_out, strict=True)]


def silu(number):
    return number / (1 + math.exp(-number)) if number > -700 else 0.0


def swiglu(x, weights):
    W_gate, W_up, W_down = weights
    gates = [silu(number) for number in project([x], W_gate)[0]]
    inner = [gate * number for gate, number in zip(gates, project([x], W_up)[0], strict=True)]
    return project([inner], W_down)[0]


def added(x, change):
    return [[a + b for a, b in zip(left, right, strict=True)] for left, right in zip(x, change, strict=True)]


def encoder_block(x, weights, n_heads, mask=None):
    attention_norm, attention, feed_forward_norm, layers = weights
    normal = [layer_norm(token, *attention_norm) for token in x]
    x = added(x, multi_head_attention(normal, normal, normal, attention, n_heads, mask))
    return added(x, [feed_forward(layer_norm(token, *feed_forward_norm), layers) for token in x])


def decoder_block(x, memory, weights, n_heads):
    attention_norm, attention, cross_norm, cross, feed_forward_norm, layers = weights
    normal = [layer_norm(token, *attention_norm) for token in x]
    x = added(x, multi_head_attention(normal, normal, normal, attention, n_heads, causal_mask(len(x))))
    x = added(x, cross_attention([layer_norm(token, *cross_norm) for token in x], memory, cross, n_heads))
    return added(x, [feed_forward(layer_norm(token, *feed_forward_norm), layers) for token in x])


def cross_attention(x, memory, weights, n_heads, memory_mask=None):
    return multi_head_attention(x, memory, memory, weights, n_heads, memory_mask)


def next_token_targets(ids):
    pairs = [(ids[i], ids[i + 1]) for i in range(len(ids) - 1)]
    return [token for token, _ in pairs], [following for _, following in pairs]


def gpt_logits(ids, weights, n_heads):
    token_embedding, position_embedding, blocks, gain, bias = weights
    x = added([token_embedding[token] for token in ids], position_embedding[: len(ids)])
    for block in blocks:
        x = encoder_block(x, block, n_heads, causal_mask(len(ids)))
    return [[dot(row, layer_norm(token, gain, bias)) for row in token_embedding] for token in x]


def token_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    """How likely `sample_token` draws each index."""
    by_logit = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    kept = by_logit[:top_k] if temperature else by_logit[:1]
    p = dict(zip(kept, softmax([logits[i] / (temperature or 1) for i in kept]), strict=True))
    if top_p is not None:
        reached = 0.0
        for i in kept:
            share = p[i]
            p[i] = share if reached < top_p else 0.0
            reached += share
    return [p.get(i, 0.0) / sum(p.values()) for i in range(len(logits))]


def sample_token(logits, rng, temperature=1.0, top_k=None, top_p=None):
    p, left = token_probabilities(logits, temperature, top_k, top_p), rng.random()
    for i in range(len(p)):
        left -= p[i]
        if left < 0:
            return i
    return p.index(max(p))  # rounding left a hair


def generate(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    if n_new == 0:
        return []
    token = sample_token(next_logits(prompt), rng, temperature, top_k, top_p)
    if token == stop:
        return [token]
    rest = generate(next_logits, [*prompt, token], n_new - 1, rng, temperature, top_k, top_p, stop)
    return [token, *rest]


def patchify(image, size):
    patches = []
    for top in range(0, len(image), size):
        for left in range(0, len(image[0]), size):
            square = [row[left : left + size] for row in image[top : top + size]]
            patches.append([number for row in square for pixel in row for number in pixel])
    return patches


def unpatchify(patches, size, height, width):
    channels = len(patches[0]) // (size * size)
    image = []
    for y in range(height):
        row = []
        for x in range(width):
            patch = patches[y // size * (width // size) + x // size]
            pixel = y % size * size + x % size
            row.append([patch[pixel * channels + channel] for channel in range(channels)])
        image.append(row)
    return image


def embed_patches(image, size, W, class_token, positions):
    return added([class_token, *project(patchify(image, size), W)], positions)


def resize_positions(positions, old, new):
    """Each new place lies among four old ones, and takes more of those that are nearer."""
    between = []  # for each new row or column: the old one before, the old one after, how far between the two
    for i in range(new):
        at = min(max((i + 0.5) * old / new - 0.5, 0), old - 1)
        before = math.floor(at)
        between.append((before, min(before + 1, old - 1), at - before))
    rows = [list(positions[0])]
    for above, below, down in between:
        for left, right, across in between:
            corners = [positions[1 + y * old + x] for y in (above, below) for x in (left, right)]
            shares = [y * x for y in (1 - down, down) for x in (1 - across, across)]
            rows.append(weighted_sum([shares], corners)[0])
    return rows


def softmax_backward(weights, d_weights):
    """Weight i moves with score j by weight i times (1 where i is j, else 0) minus weight j."""
    n = len(weights)
    return [sum(d_weights[i] * weights[i] * ((i == j) - weights[j]) for i in range(n)) for j in range(n)]


def attention_backward(query, key, value, d_output, mask=None, scale=None):
    """The derivative of each output by each input, times the gradient at that output, added up."""
    factor = 1 / math.sqrt(len(query[0])) if scale is None else scale
    weights = attention_weights(query, key, mask, scale)
    output = weighted_sum(weights, value)
    d_query, d_key, d_value = ([[0.0] * len(x[0]) for _ in x] for x in (query, key, value))
    for i in range(len(query)):
        for j in range(len(key)):
            for c in range(len(value[0])):
                output_by_value = weights[i][j]
                output_by_score = weights[i][j] * (value[j][c] - output[i][c])
                d_value[j][c] += d_output[i][c] * output_by_value
                for place in range(len(key[0])):
                    d_query[i][place] += d_output[i][c] * output_by_score * key[j][place] * factor
                    d_key[j][place] += d_output[i][c] * output_by_score * query[i][place] * factor
    return d_query, d_key, d_value


def layer_norm_backward(x, gain, d_output, eps=1e-5):
    """The derivative of each output by each input, times the gradient at that output, added up; one vector."""
    m, normal = len(x), layer_norm(x, [1] * len(x), [0] * len(x), eps)
    deviation = math.sqrt(sum((number - sum(x) / m) ** 2 for number in x) / m + eps)
    d_x = [0.0] * m
    for i in range(m):
        for j in range(m):
            normal_by_x = ((1 if i == j else 0) - 1 / m - normal[i] * normal[j] / m) / deviation
            d_x[j] += d_output[i] * gain[i] * normal_by_x
    return d_x, [d_output[i] * normal[i] for i in range(m)], list(d_output)


def gelu_backward(number, d_output):
    return d_output * (NormalDist().cdf(number) + number * NormalDist().pdf(number))


def numerical_gradient(f, x, eps=1e-6):
    if not isinstance(x, list):
        return (f(x + eps) - f(x - eps)) / (2 * eps)
    return [numerical_gradient(lambda part, i=i: f([*x[:i], part, *x[i + 1 :]]), x[i], eps) for i in range(len(x))]


def adam(number, gradients, rate=1e-3, mean_decay=0.9, square_decay=0.999, eps=1e-8):
    """Where a number is after each step. Both means are weighted ones: the older a gradient, the less it weighs."""
    path = []
    for step in range(len(gradients)):
        ages = range(step + 1)
        mean = sum(mean_decay**age * gradients[step - age] for age in ages)
        mean /= sum(mean_decay**age for age in ages)
        mean_square = sum(square_decay**age * gradients[step - age] ** 2 for age in ages)
        mean_square /= sum(square_decay**age for age in ages)
        number -= rate * mean / (math.sqrt(mean_square) + eps)
        path.append(number)
    return path


def attention_flops(n, d_model):
    """Token by token: each number of a product takes as many multiplications as its sum has terms, and additions."""
    count = 0
    for _token in range(n):
        for _matrix in range(4):
            count += d_model * 2 * d_model
        count += n * 2 * d_model  # its scores
        count += d_model * 2 * n  # its weighted sum of values
    return count


def kv_cache_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    held = 0
    for _layer in range(layers):
        for _head in range(kv_heads):
            for _kind in ("key", "value"):
                held += batch * tokens * d_head * bytes_per_value
    return held


def kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    if kind == "mla":
        return sum((d_latent + d_rope) * bytes_per_value for _layer in range(layers))
    kv_heads = {"mha": n_heads, "gqa": n_groups, "mqa": 1}[kind]
    return kv_cache_bytes(layers, kv_heads, d_head, 1, 1, bytes_per_value)


def grouped_query_attention(query, key, value, mask=None, scale=None):
    share = len(query) // len(key)
    heads = []
    for head in range(len(query)):
        group = head // share
        heads.append(scaled_dot_product_attention(query[head], key[group], value[group], mask, scale))
    return heads


def pool_kv_heads(W, n_heads, n_groups):
    share, width = n_heads // n_groups, len(W[0]) // n_heads
    rows = []
    for row in W:
        pooled = []
        for group in range(n_groups):
            members = range(group * share, (group + 1) * share)
            pooled += [sum(row[head * width + j] for head in members) / share for j in range(width)]
        rows.append(pooled)
    return rows


def latent_attention(x, weights, n_heads, mask=None):
    W_query, W_query_rope, W_latent, W_key_rope, W_up_key, W_up_value, W_output = weights
    latent, positions = project(x, W_latent), range(len(x))
    shared_key = apply_rotary(project(x, W_key_rope), positions)
    queries, rotary_queries = split_heads(project(x, W_query), n_heads), split_heads(project(x, W_query_rope), n_heads)
    keys, values = split_heads(project(latent, W_up_key), n_heads), split_heads(project(latent, W_up_value), n_heads)
    heads = []
    for head in range(n_heads):
        rotary_query = apply_rotary(rotary_queries[head], positions)
        query = [[*plain, *turned] for plain, turned in zip(queries[head], rotary_query, strict=True)]
        key = [[*plain, *turned] for plain, turned in zip(keys[head], shared_key, strict=True)]
        heads.append(scaled_dot_product_attention(query, key, values[head], mask))
    return project(merge_heads(heads), W_output)


def sliding_window_mask(n, window, sinks=0):
    return [[j <= i and (i - j < window or j < sinks) for j in range(n)] for i in range(n)]


def softmax_with_sink(scores, sink):
    return [softmax([*row, sink])[:-1] for row in scores]


def rolling_cache(key, value, window, sinks=0):
    kept = [i for i in range(len(key)) if i >= len(key) - window or i < sinks]
    return [key[i] for i in kept], [value[i] for i in kept]


def gated_output(output, x, W_gate):
    rows = []
    for row, opened in zip(output, project(x, W_gate), strict=True):
        gates = [1 / (1 + math.exp(-z)) if z > -700 else 0.0 for z in opened]
        rows.append([number * gate for number, gate in zip(row, gates, strict=True)])
    return rows


def online_softmax(chunks):
    row = [number for chunk in chunks for number in chunk]
    top = max(row, default=-INFINITY)
    return top, sum(math.exp(number - top) for number in row if number > -INFINITY)


def merge_partials(left, right):
    """Back to the sums that each output came from, which can be added; one query."""
    (left_output, left_maximum, left_total), (right_output, right_maximum, right_total) = left, right
    top = max(left_maximum, right_maximum)
    if top == -INFINITY:
        return [0.0 for _ in left_output], top, 0.0
    left_total, right_total = left_total * math.exp(left_maximum - top), right_total * math.exp(right_maximum - top)
    total = left_total + right_total
    outputs = zip(left_output, right_output, strict=True)
    return [(left_total * a + right_total * b) / total for a, b in outputs], top, total


def tiled_attention(query, key, value, block=1, is_causal=False, scale=None):
    """Whatever the block, the attention that it is."""
    mask = causal_mask(len(query), len(key)) if is_causal else None
    return scaled_dot_product_attention(query, key, value, mask, scale)


def ring_attention(queries, keys, values, is_causal=False, scale=None):
    """However the sequence is shared out, the attention that it is, shared out in the same way."""
    query, key, value = ([token for part in parts for token in part] for parts in (queries, keys, values))
    output = tiled_attention(query, key, value, 1, is_causal, scale)
    n = len(queries[0])
    return [output[device * n : (device + 1) * n] for device in range(len(queries))]


def peak_floats(n, d, block=None):
    side = n if block is None or block > n else block
    scores = sum(side for _query in range(side))
    return scores + sum(2 + d for _query in range(n))


def lightning_index(query, key, head_weights):
    """`query` has a list of queries for each head."""
    rows = []
    for i, weights in enumerate(head_weights):
        matches = [[max(0.0, dot(head[i], k)) for head in query] for k in key]
        rows.append([dot(weights, match) for match in matches])
    return rows


def top_k_attention(query, key, value, index, n_keep, mask=None, scale=None):
    rows = []
    for i, q in enumerate(query):
        allowed = [j for j in range(len(key)) if mask is None or mask[i][j]]
        selected = sorted(allowed, key=lambda j: -index[i][j])[:n_keep]
        keys, values = [key[j] for j in selected], [value[j] for j in selected]
        if selected:
            rows += scaled_dot_product_attention([q], keys, values, scale=scale)
        else:
            rows.append([0.0] * len(value[0]))
    return rows


def mean_blocks(x, block):
    means = []
    for start in range(0, len(x), block):
        tokens = x[start : start + block]
        means.append([sum(column) / len(tokens) for column in zip(*tokens, strict=True)])
    return means


def block_mask(block_scores, block, n_key, n_keep):
    mask = []
    for row in block_scores:
        better = [
            sum(other > s or (other == s and c < own) for c, other in enumerate(row)) for own, s in enumerate(row)
        ]
        mask.append([better[j // block] < n_keep for j in range(n_key)])
    return mask


def mixed_branches(outputs, gates):
    mixed = [[0.0] * len(row) for row in outputs[0]]
    for output, opened in zip(outputs, gates, strict=True):
        for i, row in enumerate(output):
            for j, number in enumerate(row):
                mixed[i][j] += opened[i] * number
    return mixed


def value_weighted_map(weights, value, W_output):
    lengths = [math.sqrt(dot(brought, brought)) for brought in project(value, W_output)]
    return [[weight * length for weight, length in zip(row, lengths, strict=True)] for row in weights]


def attention_rollout(maps):
    """What reaches a token is half what had reached it before, half what had reached those it looks at."""
    n = len(maps[0])
    reached = [[1.0 if i == j else 0.0 for j in range(n)] for i in range(n)]
    for weights in maps:
        looked_at = weighted_sum(weights, reached)
        reached = [[0.5 * reached[i][j] + 0.5 * looked_at[i][j] for j in range(n)] for i in range(n)]
    return reached


def logit_attribution(head_outputs, W_unembed, right, wrong):
    def logit(output, c):
        return dot(output, [row[c] for row in W_unembed])

    return [logit(output, right) - logit(output, wrong) for output in head_outputs]


def induction_score(weights, tokens):
    found = []
    for i in range(len(tokens)):
        earlier = [j for j in range(i) if tokens[j] == tokens[i]]
        if earlier:
            found.append(weights[i][earlier[-1] + 1])
    return sum(found) / len(found) if found else 0.0


def sentence_vectors(x, mask):
    vectors = []
    for text, seen in zip(x, mask, strict=True):
        words = [token for token, is_word in zip(text, seen, strict=True) if is_word]
        mean = [sum(token[j] for token in words) / len(words) for j in range(len(text[0]))]
        vectors.append([number / math.sqrt(dot(mean, mean)) for number in mean])
    return vectors


def most_similar(vector, vectors, count):
    cosines = [dot(other, vector) / math.sqrt(dot(other, other) * dot(vector, vector)) for other in vectors]
    return sorted(range(len(vectors)), key=lambda i: -cosines[i])[:count]


def linear_attention(query, key, value, causal=True):
    first = len(key) - len(query)  # the position of the first query
    rows = []
    for i, q in enumerate(query):
        seen = range(first + i + 1) if causal else range(len(key))
        weights = [dot(map(elu_plus_one, q), map(elu_plus_one, key[j])) for j in seen]
        total = sum(weights)
        context = weighted_sum([weights], [value[j] for j in seen])[0] if total else [0.0] * len(value[0])
        rows.append([number / (total or 1) for number in context])
    return rows


def linear_attention_recurrent(query, key, value):
    memory = [[0.0] * len(value[0]) for _ in key[0]]
    total, rows = [0.0] * len(key[0]), []
    for q, k, v in zip(query, key, value, strict=True):
        q, k = list(map(elu_plus_one, q)), list(map(elu_plus_one, k))
        for i in range(len(k)):
            total[i] += k[i]
            for j in range(len(v)):
                memory[i][j] += k[i] * v[j]
        share = dot(q, total)
        rows.append([dot(q, column) / (share or 1) for column in zip(*memory, strict=True)])
    return rows


def elu_plus_one(number):
    return number + 1 if number > 0 else math.exp(number)


def decay_attention(query, key, value, decay):
    """Token j counts as much at token i as the decays after j have left of it."""
    rows = []
    for i, q in enumerate(query):
        row, left = [0.0] * len(value[0]), 1.0
        for j in range(i, -1, -1):
            weight = left * dot(q, key[j])
            row = [number + weight * part for number, part in zip(row, value[j], strict=True)]
            left *= decay[j]
        rows.append(row)
    return rows


def chunked_decay_attention(query, key, value, decay, chunk=1):
    """However the tokens are cut into chunks, the attention that it is."""
    return decay_attention(query, key, value, decay)


def delta_rule(query, key, value, beta):
    return gated_delta_rule(query, key, value, beta, [1.0] * len(key))


def gated_delta_rule(query, key, value, beta, decay):
    """What the state holds after each token is what it wrote: its key, and beta times what the others got wrong.

    Each later token's decay fades it; no matrix is kept.
    """
    written: list = []  # what each token wrote beside its key, and so far what is left of it
    rows = []
    for i, q in enumerate(query):
        written = [[decay[i] * number for number in row] for row in written]
        answer = recalled(key[i], key, written, len(value[0]))
        written.append([beta[i] * (wanted - got) for wanted, got in zip(value[i], answer, strict=True)])
        rows.append(recalled(q, key, written, len(value[0])))
    return rows


def recalled(asked, keys, written, width):
    row = [0.0] * width
    for key, part in zip(keys, written, strict=False):
        weight = dot(asked, key)
        row = [number + weight * added for number, added in zip(row, part, strict=True)]
    return row


def paged_attention(query, key_pool, value_pool, slots, scale=None):
    """Put the request's keys and values together, and attend as ever."""
    key, value = [key_pool[slot] for slot in slots], [value_pool[slot] for slot in slots]
    return scaled_dot_product_attention(query, key, value, causal_mask(len(query), len(key)), scale)


def prefix_hashes(tokens, block):
    """A block's name is all that stands up to its end, word for word: nothing is shorter and safe from chance."""
    return [tuple(tokens[: end + 1]) for end in range(len(tokens)) if (end + 1) % block == 0]


def kept_probabilities(draft, draft_probs, target_probs):
    """How likely `speculative_accept` keeps each list of tokens, for one draft."""
    found, reached = {}, 1.0
    for i, token in enumerate(draft):
        accepted = min(1.0, target_probs[i][token] / draft_probs[i][token])
        excess = [max(p - q, 0.0) for p, q in zip(target_probs[i], draft_probs[i], strict=True)]
        for other, more in enumerate(excess):
            if more > 0:
                found[*draft[:i], other] = reached * (1 - accepted) * more / sum(excess)
        reached *= accepted
    for token, p in enumerate(target_probs[-1]):
        found[*draft, token] = reached * p
    return found


def speculative_accept(draft, draft_probs, target_probs, rng):
    p = kept_probabilities(draft, draft_probs, target_probs)
    left = rng.random()
    for kept in p:
        left -= p[kept]
        if left < 0:
            return list(kept)
    return list(max(p, key=p.get))  # rounding left a hair


def expected_tokens(acceptance, n_draft):
    """Token i + 1 is there if the first i of the draft were all accepted."""
    return sum(math.prod(acceptance for _ in range(i)) for i in range(n_draft + 1))


def tree_mask(parents):
    rows = []
    for node in range(len(parents)):
        ancestors, up = {node}, parents[node]
        while up >= 0:
            ancestors.add(up)
            up = parents[up]
        rows.append([other in ancestors for other in range(len(parents))])
    return rows


def quantize(x, bits, axis=0):
    """Of one line: the nearest of the numbers that can be said."""
    least, steps = min(x), 2**bits - 1
    scale = (max(x) - least) / steps or 1.0
    said = [least + scale * code for code in range(steps + 1)]
    return [min(range(steps + 1), key=lambda code: abs(said[code] - number)) for number in x], scale, least


def dequantize(codes, scale, zero):
    return [zero + scale * code for code in codes]


def step_time(phases, flops_per_second, bytes_per_second):
    seconds = 0.0
    for flops, read in phases:
        computing, reading = flops / flops_per_second, read / bytes_per_second
        seconds += reading if reading > computing else computing
    return seconds


def bpe_merges(ids, n_merges):
    tokens = list(ids)
    merges: list = []
    while len(merges) < n_merges and len(tokens) > 1:
        best, most = None, 0
        for i in range(len(tokens) - 1):
            count = sum(tokens[j] == tokens[i] and tokens[j + 1] == tokens[i + 1] for j in range(len(tokens) - 1))
            if count > most:
                best, most = (tokens[i], tokens[i + 1]), count
        tokens = replaced(tokens, best, 256 + len(merges))
        merges.append(best)
    return merges


def bpe_encode(ids, merges):
    """As long as some pair was learned, the one that was learned first is replaced everywhere."""
    tokens, ranks = list(ids), {tuple(pair): i for i, pair in enumerate(merges)}
    while found := [ranks[pair] for pair in zip(tokens, tokens[1:], strict=False) if pair in ranks]:
        tokens = replaced(tokens, tuple(merges[min(found)]), 256 + min(found))
    return tokens


def replaced(tokens, pair, new):
    out, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(tokens[i])
            i += 1
    return out


def bits_per_byte(scores, targets, text):
    if len(text) == 0:
        raise ValueError("a text without a character has no bytes")
    bits = 0.0
    for row, target in zip(scores, targets, strict=True):
        largest = max(row)
        total = sum(math.exp(number - largest) for number in row)
        bits -= (row[target] - largest - math.log(total)) / math.log(2)
    return bits / sum(1 + (ord(letter) > 0x7F) + (ord(letter) > 0x7FF) + (ord(letter) > 0xFFFF) for letter in text)


def decode_with_cache(read, prompt, n_new, stop=None):
    logits, new = read(list(prompt)) if n_new else [], []
    for _step in range(n_new):
        largest = max(logits[-1])
        new.append(next(i for i, number in enumerate(logits[-1]) if number == largest))
        if new[-1] == stop or len(new) == n_new:
            break
        logits = read([new[-1]])
    return new
