# %% [markdown]
# # Reading attention maps
#
# SmolLM2 is a small language model: 30 layers of nine heads. It reads "When Mary and John went to the store, John gave a
# drink to" and goes on with "Mary". Below is where one of its 270 heads looks from the last token. What does this head do?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.recorded import recorded_attribution, recorded_smollm2_maps
from attncore.softmax import softmax
from attncore.views.style import beside
from attncore.views.tables import bars, heat_map, number_map
from attncore.views.widgets.interpret import (
    circuit_paths,
    heads_map,
    rollout_picture,
    two_maps_picture,
)

tokens, maps = next(iter(recorded_smollm2_maps().values()))
heat_map(maps[23, 3, [-1]], ["to"], tokens, "Where does head 3 of layer 23 look?")

# %% exercise="head-at-john"

# %% [markdown]
# A map is a hypothesis. In this lesson you write seven measurements that test such hypotheses, and try them on two trained
# networks. Layers and heads count from 0; head 3 of layer 23 is (23, 3).

# %% [markdown]
# ## What a head writes
#
# A head's map comes from its queries and keys. What it *writes* comes from its values and its share of the output
# projection. Elhage et al. (2021) call these its **QK circuit** and its **OV circuit**. The two meet only where the
# attention weights multiply the values.
#
# What a head writes is added to the residual stream, and logits are one matrix product away from that. So a logit is a sum
# too: every head adds its own part. Try one by hand.

# %% exercise="lead-by-hand"

# %% exercise="logit_attribution"

# %% [markdown]
# Now ten heads of SmolLM2 at the last token of our sentence, with the unembedding's columns for "Mary" and "John". Who
# speaks for whom?

# %%
read = recorded_attribution()
mary, john = (read.words.index(name) for name in ("Mary", "John"))
lead = yours.logit_attribution(read.outputs, read.unembedding, mary, john)
both = read.outputs @ read.unembedding[:, [mary, john]]
number_map(
    np.column_stack([both, lead]), read.heads, ["Mary", "John", "lead"], "What does each head add?"
)

# %% [markdown]
# Our head is in the first row. It leaves Mary nearly alone and takes 2.5 from John's logit. McDougall et al. (2023)
# took such a head of GPT-2 small apart: it looks at a token that the model is about to repeat, and suppresses it.
# Head (29, 1) does speak for Mary; (24, 4) and (29, 0) speak against her.

# %% [markdown]
# Here are all 270, red for Mary and blue for John. Where do the loud ones sit?

# %%
heads_map(read.lead, "Who speaks for Mary, and who for John?")

# %% [markdown]
# Before layer 23, no head adds more than 0.26 either way. Don't read that as "they do nothing": attribution counts what
# a head says *directly*, and what it tells a later head is credited to that later head. Also, all 270 together add 1.6
# of a lead of 6.1. Feed-forward layers and the token's own embedding add the rest. (The last norm divides by a number
# that depends on all of them; we take it as it came out.)

# %% [markdown]
# ## Take a head away
#
# So let's ask the other way around: what's missing without the head? Run the layer with it and without it, and take the
# largest change.

# %% exercise="ablation_effect"


# %%
def layer(x, head):
    return (head != 0) * np.tanh(x) + (head != 1) * (5 + 0.1 * x)


points = np.array([[0.5, -1.0], [2.0, 0.0]])
np.round([yours.ablation_effect(layer, points, head) for head in range(2)], 2)

# %% [markdown]
# Head 1 of this little layer matters five times as much, it seems. But look at what it brings: 5, and a trace of x.
# It's loud, and it hardly says anything. In a network, later layers get used to the 5, and zero is a state that they've
# never seen. A milder question leaves in place what the head says everywhere.

# %% exercise="mean-ablation-by-hand"

# %% exercise="mean_ablation_effect"

# %%
others = np.random.default_rng(0).standard_normal((50, 2))
np.round([yours.mean_ablation_effect(layer, points, head, others) for head in range(2)], 2)

# %% [markdown]
# The order is reversed. Does the difference matter in a real network? Take eight prompts like ours, in which the right
# name leads by 5.4 on average, and replace each of the 270 heads in turn, once with zeros and once with its mean over
# the prompts, place by place. Which heads does zero-ablation find?

# %% exercise="early-heads-by-mean"

# %%
from attncore.recorded import recorded_ablation

ablation = recorded_ablation()
found = [divmod(int(at), 9) for at in np.argsort(ablation.zero, axis=None)[:10]]
number_map(
    [[ablation.zero[at], ablation.mean[at]] for at in found],
    found,
    ["zero", "mean"],
    "How does the lead change without each head?",
)

# %% [markdown]
# Of the ten heads that zero-ablation finds, the mean clears five: those of layers 0 and 1, and (18, 0). (23, 3) stays on top
# either way. Wang et al. (2022a) ablate by means over prompts of the same form, as here, though over many more than eight.

# %% [markdown]
# A small effect can mislead just as well.

# %% exercise="two-copies"

# %% [markdown]
# An ablation measures a head *given the others*. In GPT-2 small, Wang et al. (2022a) find backup heads that take over when
# the heads that do a job are removed. Here is what the model itself says without (23, 3):

# %%
names = [" Mary", " John", " the", " his"]
rows = [[next_words[name] for name in names] for next_words in (read.next, read.next_without)]
heat_map(
    rows, ["whole", "without (23, 3)"], names, "What comes next?", rows="runs", columns="words"
)

# %% [markdown]
# It still says Mary. Half of her lead in logits is gone, from 6.1 to 3.1, and softmax hides it: the other heads suffice. If
# you've fetched the model (`attncore get-model smollm2`), the next cell measures a lead in a sentence of your own.

# %%
from attncore.experiments.interpret import lead_without

lead_without("When Ann and Bob met at the bar, Bob bought a beer for", " Ann", " Bob", {(23, 3): 0})

# %% [markdown]
# ## Where half of the weight goes
#
# In most sentences one token gets more attention than any other: the first. On a page of prose, how much of each head's
# weight goes to the very first token?

# %%
from attncore.recorded import recorded_sinks

sinks = recorded_sinks()
heads_map(sinks.share, "How much does each head give the first token?")

# %%
print(f"mean {sinks.share.mean():.0%}, heads above one half: {(sinks.share > 0.5).sum()} of 270")

# %% [markdown]
# That's the sink of lesson 15. MiniLM, the sentence encoder of lesson 20, has one as well: in "The cat sat on the mat",
# the words give [CLS] 53% of their weight, averaged over 72 heads. Is [CLS] that important? What it hands over is a
# weight times a vector, and the vector may be short.

# %% exercise="share-handed-over"

# %% [markdown]
# Kobayashi et al. (2020) weigh a map by the lengths of what each key hands over. Write it.

# %% exercise="value_weighted_map"

# %% [markdown]
# MiniLM's lengths are recorded for all heads. Here are both shares, with the six words of that sentence as queries.

# %%
from attncore.recorded import recorded_maps

cat = recorded_maps()["The cat sat on the mat"]
terms = yours.value_weighted_map(cat.maps, cat.lengths[..., None], np.eye(1))
by_weight, by_length = (part[:, :, 1:-1].sum(axis=(0, 1, 2)) for part in (cat.maps, terms))
beside(
    bars(by_weight / by_weight.sum(), cat.tokens, "Who gets the weight?"),
    bars(by_length / by_length.sum(), cat.tokens, "And weight times length?"),
)

# %% [markdown]
# By lengths, [CLS] has 7% left. Clark et al. (2019) saw the same with [SEP] in BERT, and Xiao et al. (2023) with the
# first tokens of language models. Softmax forces every row to sum to one, even when the head has nothing to say. A
# token whose value is short is where that leftover can go.

# %% [markdown]
# Does that mean [CLS] could be deleted? Take it away from head (3, 1), once after the softmax and once before it, and
# see how much "cat" receives.

# %%
from attncore.dot_product import attention_weights
from attncore.recorded import recorded_head

head, read_by = recorded_head()
x = read_by["The cat sat on the mat"]
query, key = x @ head.W_query + head.b_query, x @ head.W_key + head.b_key
handed_over = (x @ head.W_value + head.b_value) @ head.W_output
no_cls = np.tile(np.arange(8) > 0, (8, 1))
weights, masked = attention_weights(query, key), attention_weights(query, key, no_cls)
for name, some in (
    ("as it is", weights),
    ("cut after", weights * no_cls),
    ("masked before", masked),
):
    print(f"{name:<13} {np.linalg.norm(some[2] @ handed_over):.2f}")

# %% [markdown]
# When it's cut after the softmax, little changes. When it's masked before, its weight falls to the other words, and
# "cat" receives about ten times as much. The sink hands over nearly nothing, and still it does something: it keeps the
# head quiet.

# %% [markdown]
# Lengths are blind to direction, though. Two keys that hand over opposite vectors look busy, and nothing arrives.

# %%
half, opposite = np.array([[0.5, 0.5]]), np.array([[3.0, 4.0], [-3.0, -4.0]])
print(yours.value_weighted_map(half, opposite, np.eye(2)), half @ opposite)

# %% [markdown]
# Somebody wrote this map for all heads of a layer at once. Their picture looked fine.

# %% exercise="fix_contributions"

# %% [markdown]
# ## Through the layers
#
# In the last layer, the column "cat" isn't the word any more. It's a position that five layers have mixed into. **Rollout**
# (Abnar and Zuidema, 2020) follows the mixing: in every layer, half is the residual and half is what the map says.

# %% exercise="two-swaps"

# %% exercise="attention_rollout"

# %% [markdown]
# In symbols, with the first layer on the right, since it acts first:
#
# $$R = \tilde{A}_L \cdots \tilde{A}_2\, \tilde{A}_1, \qquad \tilde{A}_l = \tfrac{1}{2} A_l + \tfrac{1}{2} I$$
#
# Here your function runs on MiniLM, with the twelve heads of a layer averaged. Start at one layer, add the others, then
# tick the box. Which picture do you believe?

# %%
rollout_picture(yours.attention_rollout)

# %% [markdown]
# By weights, two thirds of a word come from [CLS]. By weighted lengths it's far less, in the same network, on the same text.
# And both take for granted that the residual is one half. How much does that assumption alone decide?

# %% exercise="own-share-after-six-layers"

# %% exercise="fix_flow"

# %% [markdown]
# ## Two maps, one prediction
#
# Jain and Wallace (2019) asked whether a very different set of weights could have led to the same prediction. Take four
# keys, "cat", "dog", "mat" and "rug", whose values say animal or thing.

# %%
animal_or_thing = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
np.array([[0.5, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, 0.5]]) @ animal_or_thing

# %% [markdown]
# Two maps without a key in common, and one output. In MiniLM's head (3, 1), with "it" looking at "animal", the picture
# below finds the farthest map that gives the same reading of the output. The reading is one number, 1 for what "animal"
# hands over and 0 for what "street" does. Move the slider back toward the recorded map.

# %%
two_maps_picture()

# %% [markdown]
# The reading can't tell the two apart. The whole output can: it has moved by nearly its own length. Whether the weights
# could have been different depends on what is read. (With more keys than numbers in the output there's always another map
# that leaves all of it as it is; Brunner et al., 2020.)

# %% [markdown]
# Jain and Wallace's other test shuffles each row at random and measures how far the prediction moves.

# %% exercise="values-alike"

# %% exercise="permutation_effect"

# %% [markdown]
# Now an experiment on the test itself. "paris" looks for a place among six words. The map stays the same, and we mix
# the values step by step with their mean, as an encoder that reads the whole text first may do.

# %%
from attncore.words import embed

weights = softmax(4 * embed("paris") @ embed("rome coffee man river money animal").T)
place = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
for mixed in (0.0, 0.5, 0.9, 1.0):
    values, rng = (1 - mixed) * place + mixed * place.mean(), np.random.default_rng(0)
    effect = yours.permutation_effect(lambda w, v=values: w @ v, weights, rng)
    print(f"mixed {mixed}: effect {effect:.4f}")

# %% [markdown]
# One map, four effects. A small one may come from values that are alike, from weights that are nearly equal, or from a
# model that ignores the head. Only in the last case does the head not matter.

# %% [markdown]
# Wiegreffe and Pinter (2019) answer "Attention is not Explanation" with "Attention is not not Explanation". That another
# explanation exists doesn't make this one wrong, and weights changed without retraining the rest don't belong to any model.
# They propose baselines instead: uniform weights, other seeds, frozen weights, and adversaries trained end to end.

# %% [markdown]
# ## Two heads that continue a text
#
# Let SmolLM2 read fifty random tokens, then the same fifty again. Its loss is 13.9 nats in the first half (worse than
# the 10.8 of a uniform guess, since such text is like nothing it has read), and 2.9 in the second. So something in it
# copies. An **induction head** is a head that looks at what followed last time (Elhage et al., 2021). Write its score.

# %% exercise="induction_score"

# %%
from attncore.recorded import recorded_induction

seen = recorded_induction()
beside(
    heads_map(seen.scores, "Induction: who looks at what followed last time?"),
    heads_map(seen.before, "Who looks one token back?"),
)

# %%
for at, map_of_head in list(seen.maps.items())[:4]:
    print(at, f"{yours.induction_score(map_of_head, seen.ids):.2f}")
print("median of all heads", f"{np.median(seen.scores):.3f}")

# %% [markdown]
# A handful of the 270 heads do it, and the median is near zero. Random tokens are the control, since nothing else
# stands out in them; on a real sentence, the best of many heads always looks good. Now take one head from each picture:

# %% exercise="which-removal-hurts"

# %%
for left_out, (first, second) in seen.losses.items():
    print(f"without {left_out:<23} first half {first:5.2f}, second half {second:5.2f}")

# %% [markdown]
# The first half is one control: whatever is removed, it stays between 13.7 and 14.3. A set of random heads is the
# other. Three of them cost 0.2. One set of five costs 3.3, so a random set can do harm too; what counts is how much
# more the induction heads cost.

# %% [markdown] folded="What does the head of layer 16 have to do with it?"
# An induction head compares its query, "I'm an A", with keys. A key that only knows its own token can't say what stood
# before it. So a head in an earlier layer has to write "before me stood an A" into the place after each A, and the key
# is made from that. Elhage et al. (2021) call it K-composition. (16, 0) is that earlier head: it looks one token back.
# Its own induction score is near zero, and no induction map would have told you that it's needed.

# %% [markdown]
# In SmolLM2 we can only infer the path. In a model small enough, we can see it. Two attention-only models, of one layer
# and of two, learn to continue sequences that repeat (about three seconds). Can one layer do it?

# %%
from attncore.experiments.interpret import induction_experiment, patched_run, restored
from attncore.views.plots import loss_curves

trained, losses = induction_experiment()
loss_curves({f"{n} layer{'s' * (n > 1)}": losses[n] for n in losses}, "Who learns to continue?")

# %% [markdown]
# With two layers nothing much happens at first, and then the loss falls within some fifty steps. Olsson et al. (2022)
# see such a short phase in language models, too. Below is the trained circuit, on seven ids followed by the first five
# of them again.

# %%
from attncore.toy import toy_maps

clean = np.resize(np.random.default_rng(1).permutation(20)[:7], 12)
small = toy_maps(clean, trained[2])[:, 0]
print(*clean)

# %% [markdown]
# Each line is a weight, and thicker is larger. Move the slider, and follow the orange path down from the last token.

# %%
circuit_paths([str(i) for i in clean], small)

# %% [markdown]
# From the last token the path goes to the place *after* its earlier copy, and from there one step left, to the copy itself.
# Nobody built that; the loss asked for it. Is the path what the answer depends on? **Patching** can tell (Vig et al., 2020;
# Meng et al., 2022).

# %% exercise="where-the-patch-works"

# %%
corrupted = clean.copy()
corrupted[4] = next(i for i in range(20) if i not in clean)
grid = restored(trained[2], clean, corrupted, right=clean[5], wrong=clean[2])
before = ["before layer 0", "before layer 1", "at the end"]
places = [f"{place}: {token}" for place, token in enumerate(clean)]
title, shown = "How much does one vector restore?", np.clip(grid, 0, 1)
heat_map(shown, before, places, title, rows="depths", columns="tokens")

# %% [markdown]
# The map restores one vector at a time. What matters starts at the changed token, has mostly moved one place right
# after the first layer, and arrives at the end after the second. This is the strongest evidence in the lesson, because
# it follows one difference through the network. It's still one text, one pair, and one kind of difference.

# %%
for name, ids in (("clean", clean), ("corrupted", corrupted)):
    scores = softmax(patched_run(ids, trained[2])[1][-1])
    print(
        f"{name:<9} next is {scores.argmax()}, with {scores.max():.2f}; {clean[5]} gets {scores[clean[5]]:.2f}"
    )

# %% exercise="fix_induction_heads"

# %% [markdown]
# ## A base rate
#
# One more control, and the cheapest. Two heads of MiniLM give "animal" most of the weight of "it" in "The animal did not
# cross the street because it was too tired". How much does "animal" get from all the *other* tokens?

# %%
tired = recorded_maps()["The animal did not cross the street because it was too tired."]
it, animal = tired.tokens.index("it"), tired.tokens.index("animal")
for at in ((3, 1), (5, 11)):
    column = tired.maps[at][:, animal]
    rest = np.delete(column, [it, animal])
    print(f"head {at}: it {column[it]:.2f}, the others {rest.mean():.2f}")

# %% [markdown]
# In (5, 11) everybody looks at "animal", so what "it" does says little about "it". In (3, 1) "it" stands out, and
# that's all we know: when lesson 05 gave the same head a street that's too wide, it went on looking at the subject.

# %% exercise="bytes-of-all-maps"

# %% [markdown]
# ## What follows, and what doesn't
#
# What did we ask of head (23, 3), and what came out?
#
# | test | result |
# |---|---|
# | map | from the last token it looks at the second "John", 0.74 |
# | attribution | John -2.5, Mary +0.4 |
# | zero, mean | the lead falls by 3.3 and 2.8 of 5.4, over eight prompts |
# | the whole model without it | still Mary, 0.87 in place of 0.92 |
# | not asked | other kinds of sentence, pairs of heads, where its query comes from |

# %% [markdown]
# So "it lowers the name that it looks at, in sentences like these, and about half of the lead depends on it" is a caption
# that you could defend.

# %% [markdown]
# And in general:
#
# | you see | it follows | it doesn't follow |
# |---|---|---|
# | a large weight | this head looks there | that much is handed over, or that it's used |
# | a long term | much is handed over | that it survives the sum, or is read |
# | a large attribution | it says so directly | that the model needs it |
# | a small ablation effect | the others suffice | that the head does nothing |
# | a large zero-ablation effect | later layers expect something there | that it's about this input |
# | a patch that restores | the difference passes through here | that nothing else carries it |

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
#
# heads = [torch.nn.Linear(2, 2, bias=False), torch.nn.Identity()]
# heads[0].weight.data = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
# model = lambda x: heads[0](x) + heads[1](x)
# x, others = torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 0.0], [4.0, 6.0]])
#
# kept = []
# hook = heads[0].register_forward_hook(lambda module, given, output: kept.append(output))
# model(others)
# hook.remove()
# hook = heads[0].register_forward_hook(lambda module, given, output: kept[0].mean(0).expand_as(output))
# print(model(x).tolist())
# hook.remove()
# print(model(x).tolist())
# ```
#
# ```text
# [[4.0, -1.0]]
# [[2.0, 0.0]]
# ```
#
# Mean ablation by a forward hook: what a hook returns takes the output's place. Forgetting `remove` is the classic mistake.

# %% [markdown]
# ## The interview corner
#
# Say it aloud, type what you said, choose the directions, and only then read our answer. The last two cards are from
# lesson 17: you've had time to forget them.

# %% exercise="read-and-write-circuits"

# %% exercise="is-attention-explanation"

# %% exercise="what-a-permutation-test-says"

# %% exercise="zero-mean-or-patch"

# %% exercise="show-that-a-head-matters"

# %% exercise="what-an-induction-head-is"

# %% exercise="why-weight-collects-on-cls"

# %% exercise="every-head-looks-at-one-token"

# %% exercise="what-rollout-assumes"

# %% exercise="what-may-a-dashboard-say"

# %% again="lightning-indexer"

# %% again="what-sparse-attention-saves"

# %% [markdown]
# ## Say it in two minutes
#
# "You show me an attention map. What does it tell you, and how would you find out more?" Two minutes by the clock, aloud.

# %% [markdown] folded="One way to say it"
# "A map is what one head of one layer weighs. It leaves out the values, the output projection, the residual and all the
# other heads, so I treat it as a hypothesis. First I look for base rates, and change one thing in the input. Then I ask
# what the head writes: weight times value length, or what it adds to a logit. Then I intervene. I put the head's mean
# in its place, because zero is a state the model has never seen; I do that beside random heads, and in sets, because
# heads stand in for each other. And I patch one run's vector into another to see where a difference is carried. In
# SmolLM2, the head that looks at John is the one that speaks against him."

# %% [markdown]
# ## Roads not taken
#
# Gradients see the whole model at once, feed-forward layers included. A probe is a small classifier on hidden states; it
# shows what *can* be read there, and not what the model reads (Hewitt and Liang, 2019). The logit lens unembeds the
# residual after every layer (Nostalgebraist, 2020). Sparse autoencoders look for readable directions in place of readable
# heads (Bricken et al., 2023).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can say what a map leaves out, and take a head away in two ways. In lesson 20 a whole trained encoder runs on your
# functions, and one of its 72 heads is broken. You'll have to find it.

# %%
progress()
