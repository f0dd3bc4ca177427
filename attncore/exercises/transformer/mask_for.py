"""The mask makes the model."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import prefix_mask
from attncore.transformer import mask_for

exercise = code(
    mask_for,
    case("BERT, three tokens", architecture="bert", n=3),
    case("GPT, three tokens", architecture="gpt", n=3),
    case("BERT, one token", architecture="bert", n=1),
    case("GPT, five tokens", architecture="gpt", n=5),
    case("a prefix of two in five", architecture="prefix", n=5, prefix=2),
    case("a prefix of four in six", architecture="prefix", n=6, prefix=4),
    case("a prefix of nothing", architecture="prefix", n=4, prefix=0),
    case("a prefix that is the whole text", architecture="prefix", n=4, prefix=4),
    case("GPT, with a prefix given", architecture="gpt", n=4, prefix=2),
    case("BERT, with a prefix given", architecture="bert", n=4, prefix=2),
    case("T5", promise="Raises ValueError for any other architecture.", architecture="t5", n=3),
)


@exercise.mistake("BERT made causal")
def BERT_made_causal(architecture, n, prefix=0):
    return mask_for("gpt" if architecture == "bert" else architecture, n, prefix)


@exercise.mistake("GPT sees everything")
def GPT_sees_everything(architecture, n, prefix=0):
    return mask_for("bert" if architecture == "gpt" else architecture, n, prefix)


@exercise.mistake("the prefix sees everything")
def the_prefix_sees_everything(architecture, n, prefix=0):
    if architecture != "prefix":
        return mask_for(architecture, n, prefix)
    return mask_for("gpt", n) | (np.arange(n)[:, None] < prefix)


@exercise.mistake("BERT and GPT swapped")
def BERT_and_GPT_swapped(architecture, n, prefix=0):
    return mask_for({"bert": "gpt", "gpt": "bert"}.get(architecture, architecture), n, prefix)


@exercise.mistake("GPT sees the future and not the past")
def GPT_sees_the_future_and_not_the_past(architecture, n, prefix=0):
    return mask_for("gpt", n).T if architecture == "gpt" else mask_for(architecture, n, prefix)


@exercise.mistake("GPT tokens can't see themselves")
def GPT_tokens_can_t_see_themselves(architecture, n, prefix=0):
    return np.tri(n, k=-1, dtype=bool) if architecture == "gpt" else mask_for(architecture, n, prefix)


@exercise.mistake("text after the prefix not causal")
def text_after_the_prefix_not_causal(architecture, n, prefix=0):
    if architecture == "prefix":
        token = np.arange(n)
        return (token < prefix) | (token >= prefix)[:, None]
    return mask_for(architecture, n)


@exercise.mistake("prefix one too long")
def prefix_one_too_long(architecture, n, prefix=0):
    return mask_for(architecture, n, prefix + 1)


@exercise.mistake("prefix one too short")
def prefix_one_too_short(architecture, n, prefix=0):
    return mask_for(architecture, n, prefix - 1)


@exercise.mistake("prefix ignored")
def prefix_ignored(architecture, n, prefix=0):
    return mask_for(architecture, n)


@exercise.mistake("prefix hidden from the rest")
def prefix_hidden_from_the_rest(architecture, n, prefix=0):
    if architecture == "prefix":
        token = np.arange(n)
        return prefix_mask(n, prefix) & ((token < prefix) == (token < prefix)[:, None])
    return mask_for(architecture, n)


@exercise.mistake("a prefix given to GPT as well")
def a_prefix_given_to_GPT_as_well(architecture, n, prefix=0):
    return mask_for("prefix" if architecture == "gpt" else architecture, n, prefix)


@exercise.other_convention("ones and zeros")
def ones_and_zeros(architecture, n, prefix=0):
    return mask_for(architecture, n, prefix).astype(int)


@exercise.other_convention("zeros and minus infinity")
def zeros_and_minus_infinity(architecture, n, prefix=0):
    return np.where(mask_for(architecture, n, prefix), 0.0, -np.inf)


@exercise.another_way
def one_rule_for_all_three(architecture, n, prefix=0):
    seen_by_all = {"bert": n, "gpt": 0, "prefix": prefix}[architecture]
    token = np.arange(n)
    return (token <= token[:, None]) | (token < seen_by_all)


@exercise.another_way
def filled_row_by_row(architecture, n, prefix=0):
    rows = []
    for query in range(n):
        sees = n if architecture == "bert" else query + 1
        if architecture == "prefix":
            sees = max(sees, prefix)
        rows.append([True] * sees + [False] * (n - sees))
    return rows
