"""Every definition of the course, one number at a time: slow on purpose, and the reading for "what does this mean".

Nothing here calls the fast functions or multiplies matrices. Inputs have no leading axes; lists or arrays go in, lists
and numbers come out.
"""

import math

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


def prefix_mask(n, prefix):
    return [[j <= i or j < prefix for j in range(n)] for i in range(n)]


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
