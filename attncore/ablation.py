"""Lessons 12, 19 and 21: what each head of the language model looks at, and what becomes of a text without it."""

import numpy as np

from attncore.dot_product import attention_weights
from attncore.language_model import OURS, logits
from attncore.weighted_sum import weighted_sum


def head_maps(model, ids, parts=OURS):
    """Record what every head does: returns (maps, outputs), (l, h, n, n) and (l, h, n, d).

    Rows of a map are queries, columns are keys. An output is the head's weighted sum of values, before
    W_output.
    """
    maps, outputs = [], []

    def attend(layer, query, key, value, mask):
        shared_by = len(query) // len(key)
        maps.append(attention_weights(query, np.repeat(key, shared_by, axis=0), mask))
        outputs.append(weighted_sum(maps[-1], np.repeat(value, shared_by, axis=0)))
        return outputs[-1]

    logits(model, ids, parts=parts, attend=attend, keep=1)
    return np.stack(maps), np.stack(outputs)


def replaced_heads(replacements, parts=OURS):
    """Return the `attend` of a model in which some heads bring something else than they would.

    `replacements` is a dict from (layer, head) to what the head brings instead: 0 leaves it out, and its
    mean over other texts (d) takes only what it says of this one. Michel et al. (2019); means: Wang et
    al. (2022).
    """

    def attend(layer, query, key, value, mask):
        heads = np.array(parts.grouped_query_attention(query, key, value, mask))
        for (at, head), instead in replacements.items():
            if at == layer:
                heads[head] = instead
        return heads

    return attend
