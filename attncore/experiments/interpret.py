"""Lesson 19: a circuit of two heads that forms in training, and what one run's residual does inside another."""

import numpy as np

from attncore.ablation import replaced_heads
from attncore.backpropagation import attend
from attncore.language_model import logits
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.smollm2 import load_model
from attncore.tokenizer import encode
from attncore.toy import repeated_sequences, start_toy, toy_backward
from attncore.training import train
from attncore.transformer import layer_norm

BASE = 100.0  # of the toy's rotary positions
N_IDS = 20  # different ids, and the length of a sequence


def induction_experiment(depths=(1, 2), steps=200, seed=0):
    """Train the toy with one layer and with two to continue sequences that repeat.

    Returns the trained weights and the losses, each a dict by the number of layers. Olsson et al. (2022).
    """
    trained, losses = {}, {}
    for n_layers in depths:
        rng = np.random.default_rng(seed)
        weights = start_toy(rng, n_layers, N_IDS)
        batches = (repeated_sequences(rng, 16, N_IDS, N_IDS) for _ in range(steps))
        losses[n_layers] = train(weights, lambda *batch, weights=weights: toy_backward(*batch, weights), batches)
        trained[n_layers] = weights
    return trained, losses


@shaped("(n):int,_->(l+1,n,m),(n,c)", returns="residuals, logits", axes={"c": "class"})
def patched_run(ids, weights, patch=None):
    """Run the toy, and put one vector of another run in: returns (residuals, logits).

    `residuals` holds what each layer reads and what the last one leaves. `patch` is (layer, place, vector): before that
    layer, the vector takes the residual's place there. Meng et al. (2022).
    """
    one, mask, x = np.ones(weights.embedding.shape[-1]), causal_mask(len(ids)), weights.embedding[ids]
    residuals = []
    for layer, heads in enumerate((*weights.layers, None)):
        if patch is not None and patch[0] == layer:
            x = x.copy()
            x[patch[1]] = patch[2]
        residuals.append(x)
        if heads is not None:
            x = x + attend(layer_norm(x, one, 0 * one), heads, 1, mask, None, BASE)
    return np.stack(residuals), layer_norm(x, one, 0 * one) @ weights.unembedding


def restored(weights, clean, corrupted, right, wrong):
    """How much of the lead of `right` over `wrong` one vector of the clean run restores in the corrupted one.

    Returns (l+1, n): 0 is the corrupted run's lead after the last token, 1 the clean run's, for each layer before which
    the vector is put in, and each place.
    """

    def lead(ids, patch=None):
        logits = patched_run(ids, weights, patch)[1][-1]
        return logits[right] - logits[wrong]

    residuals, _ = patched_run(clean, weights)
    low, high = lead(corrupted), lead(clean)
    leads = [
        [lead(corrupted, (layer, place, vector)) for place, vector in enumerate(row)]
        for layer, row in enumerate(residuals)
    ]
    return (np.array(leads) - low) / (high - low)


def lead_without(prompt, right, wrong, replacements):
    """Measure in SmolLM2 how far one word leads another after a prompt, whole and with heads replaced: in logits.

    `replacements` are those of `replaced_heads`. Returns a sentence where the model isn't there.
    """
    try:
        model = load_model()
    except FileNotFoundError:
        return "SmolLM2 isn't here; get it with: attncore get-model smollm2"
    ids = encode(model.tokenizer, prompt)
    up, down = (encode(model.tokenizer, word)[0] for word in (right, wrong))
    runs = {"whole": None, "replaced": replaced_heads(replacements)}
    last = {name: logits(model, ids, attend=attend, keep=1)[0] for name, attend in runs.items()}
    return {name: round(float(scores[up] - scores[down]), 2) for name, scores in last.items()}
