# %% [markdown]
# # Reading attention maps
#
# An attention map looks like an explanation. Here we take the maps of a trained network apart, and test what they seem
# to say. At the end you have written five measurements, and you can say for each what follows from it and what does
# not.

# %% [markdown]
# **You need** masked attention (lessons 04 and 06), the sum over heads (07) and the sink (15).
# **You get** five measurements: `value_weighted_map`, `attention_rollout`, `permutation_effect`, `ablation_effect` and
# `induction_score`.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_weights
from attncore.heads import head_importance
from attncore.interpret import (
    ablation_effect,
    attention_rollout,
    induction_score,
    permutation_effect,
    value_weighted_map,
)
from attncore.masks import causal_mask
from attncore.recorded import recorded_head, recorded_maps
from attncore.softmax import masked_softmax, softmax
from attncore.views.style import beside
from attncore.views.tables import bars, heat_map
from attncore.views.widgets.interpret import rollout_picture, two_maps_picture
from attncore.weighted_sum import weighted_sum
from attncore.words import embed

# %% [markdown]
# ## Seventy-two maps of one sentence
#
# The maps are real. They come from all-MiniLM-L6-v2, a sentence encoder of six layers with twelve heads each, which
# lesson 20 runs. It puts [CLS] and [SEP] around every text. One map is what one head of one layer weighs.

# %%
cat = recorded_maps()["The cat sat on the mat"]
print(*cat.tokens)
cat.maps.shape

# %% [markdown]
# Some heads have a job that one can see. We count from 0, so that the last layer is 5. Rows are queries, as always.

# %%
words = cat.tokens
beside(
    heat_map(cat.maps[0, 2], words, words, title="Layer 0, head 2: each word looks one back"),
    heat_map(cat.maps[1, 8], words, words, title="Layer 1, head 8: most look one ahead"),
)

# %% [markdown]
# One often reads that the heads divide syntax and semantics among them. Such heads exist (Clark et al., 2019), but the
# clearest jobs are often plain positions, as here, and most of the 72 heads have no job that we could name.

# %% [markdown]
# ## A famous example
#
# "The animal did not cross the street because it was too tired." What is "it"? A sentence like this one made attention
# maps famous (Uszkoreit, 2017). Head 1 of layer 3 gives the answer that we hope for.

# %%
tired = recorded_maps()["The animal did not cross the street because it was too tired."]
it, animal = tired.tokens.index("it"), tired.tokens.index("animal")
heat_map(tired.maps[3, 1, [it]], ["it"], tired.tokens, title='"it" gives 0.69 to "animal"')

# %% [markdown]
# The tempting caption is: this head resolves pronouns. Let us treat it as a hypothesis. This is what each test of the
# lesson asks; where we can, we ask it of this head.
#
# | test | what it asks of the map |
# |---|---|
# | counterfactual | does the weight follow the meaning, when the text changes? |
# | base rate | does "animal" get as much from everybody? |
# | lengths | how much is handed over where the weight is? |
# | rollout | what has a column become, some layers up? |
# | other weights | could they be others, with the same output? |
# | shuffle | does it matter which key has which weight? |
# | ablation | does anything depend on the head? |
# | composition | on which other heads does the map depend? |

# %% [markdown]
# First the counterfactual. The hypothesis makes a prediction about a text in which the two nouns change places.

# %% exercise="street-and-animal-swapped"

# %% [markdown]
# This is a **counterfactual test**: change one thing in the input, and see whether the answer follows. We have five
# texts.

# %%
for text, one in recorded_maps().items():
    if "it" in one.tokens:
        row = dict(zip(one.tokens, one.maps[3, 1, one.tokens.index("it")], strict=True))
        print(*(f"{token} {row[token]:.2f} " for token in ("animal", "street", "[CLS]")), text)

# %% [markdown]
# The word "wide" takes more than half of the weight from "animal" but does not bring it to "street": most goes to [CLS].
# In the passive the weight is on "street", tired or wide. The noun that gets more is always the subject, or the first
# noun; these texts cannot tell which. One text could not have told us.

# %% [markdown]
# A second control is the **base rate**: how much does "animal" get from everybody else? Here is the same head, and
# another one that looks just as good at first.

# %%
for layer, head in ((3, 1), (5, 11)):
    column = tired.maps[layer, head, :, animal]
    others = np.delete(column, [it, animal])
    print(f"layer {layer}, head {head}: it {column[it]:.2f}, the others {others.mean():.2f}")

# %% [markdown]
# In layer 5, "animal" gets a third of the others' attention as well. The 0.66 says something about the word "animal",
# and little about "it". In layer 3, "it" stands out: there the claim holds.

# %% [markdown]
# ## Half of the weight
#
# Back to the cat. We average all 72 maps over the six words that ask. One token gets more than all others together, and
# it is no word.

# %%
average = cat.maps[:, :, 1:-1].mean(axis=(0, 1, 2))
bars(average, cat.tokens, title="Words give [CLS] 53% of their weight")

# %% [markdown]
# Is [CLS] that important? The output of a head adds up vectors, and a weight is only a factor. Let $f(x_j)$ be what
# token $j$ hands over, its value times W_output. (W_value W_output is the head's OV circuit, W_query times the
# transposed W_key its QK circuit: Elhage et al., 2021.)
#
# $$\text{head}_i = \sum_j P_{ij}\, f(x_j), \qquad \lVert P_{ij}\, f(x_j) \rVert = P_{ij}\, \lVert f(x_j) \rVert$$

# %% [markdown]
# A large weight on a short vector adds little. Kobayashi et al. (2020) therefore weigh the map by the lengths. By hand:
# the first key gets 0.9 and hands over a vector of length 0.5, the second gets 0.1 of one of length 5.

# %%
row, value = np.array([[0.9, 0.1]]), np.array([[0.3, 0.4], [3.0, 4.0]])
value_weighted_map(row, value, W_output=np.eye(2))

# %% [markdown]
# Where everything that is handed over has length one, this is the plain map again. The plain map presumes just that.

# %%
plain = cat.maps[3, 1]
np.allclose(value_weighted_map(plain, np.eye(8), np.eye(8)), plain)

# %% [markdown]
# In the trained network the lengths differ a lot. Those of head 1 in layer 3, token by token, [CLS] first:

# %%
cat.lengths[3, 1].round(2)

# %% [markdown]
# We do it for all 72 heads and add up the weighted lengths. The lengths are recorded, so a "vector" of width one stands
# for each.

# %%
terms = value_weighted_map(cat.maps, cat.lengths[..., None], np.eye(1))
by_length = terms[:, :, 1:-1].sum(axis=(0, 1, 2))
bars(by_length / by_length.sum(), cat.tokens, title="Of the weighted lengths, [CLS] has 7%")

# %% [markdown]
# And our claim? What "animal" hands over is long, so by lengths its share of the row of "it" is larger still.

# %%
from_it = value_weighted_map(tired.maps[3, 1], tired.lengths[3, 1][:, None], np.eye(1))[it]
by_weight, by_lengths = tired.maps[3, 1, it, animal], from_it[animal] / from_it.sum()
print(f"by weight {by_weight:.2f}, by lengths {by_lengths:.2f}")

# %% exercise="share-handed-over"

# %% [markdown]
# ## What the weight on [CLS] is for
#
# A row must sum to one, also where the head has found nothing. A token with a short value is the place to leave the
# unit: the head stays silent. Clark et al. (2019) saw it with [SEP] in BERT, Xiao et al. (2023) in language models: the
# sink of lesson 15.

# %% [markdown]
# Of head 1 in layer 3 we have all the parameters, so we can run it. "cat" gives [CLS] 0.92, and what it receives is
# short. We take [CLS] away, first after the softmax and then before it.

# %%
head, read = recorded_head()
x = read["The cat sat on the mat"]
query, key = x @ head.W_query + head.b_query, x @ head.W_key + head.b_key
value = x @ head.W_value + head.b_value
weights, no_cls = attention_weights(query, key), np.ones((8, 8), bool)
no_cls[:, 0] = False
cut, masked = weights * no_cls, attention_weights(query, key, no_cls)
for name, some in (("as it is", weights), ("cut after", cut), ("masked before", masked)):
    print(f"{name:<13} cat receives {np.linalg.norm(some[2] @ value @ head.W_output):.2f}")

# %% [markdown]
# Cut after the softmax, little changes: what [CLS] handed over was short. Masked before it, the weight falls to the
# others, and "cat" receives about ten times as much. The sink hands over nearly nothing, and yet it does something: it
# keeps the others quiet. Lesson 15 builds the same silence into the softmax.

# %% [markdown]
# Lengths are blind to direction. Two keys that hand over opposite vectors have long terms and no effect.

# %%
half, opposite = np.array([[0.5, 0.5]]), np.array([[3.0, 4.0], [-3.0, -4.0]])
value_weighted_map(half, opposite, np.eye(2)), weighted_sum(half, opposite)

# %% [markdown]
# ## Through the layers
#
# In layer 5 the column "cat" is no longer the word. It is a position that five layers have mixed into. **Rollout**
# (Abnar and Zuidema, 2020) follows the mixing: half of every layer is the residual, which passes the token on.
#
# $$R = \tilde{A}_L \cdots \tilde{A}_2\, \tilde{A}_1, \qquad \tilde{A}_l = \tfrac{1}{2} A_l + \tfrac{1}{2} I$$

# %% [markdown]
# By hand: in the first layer both tokens look at token 0, in the second each looks at the other. The last layer stands
# on the left, since it looks at what the first has made.

# %%
copy_first, swap = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
attention_rollout(np.array([copy_first, swap]))

# %% [markdown]
# A single layer gives back the map that we know: take away the residual, and double.

# %%
2 * attention_rollout(swap[None]) - np.eye(2)

# %% exercise="two-swaps"

# %% [markdown]
# Now the real network, its twelve heads averaged in each layer. Go back to one layer and add the others one by one;
# then tick the box, and what counts is weights times lengths.

# %%
rollout_picture()

# %% [markdown]
# By weights, two thirds of a word come from [CLS]; by weighted lengths far less. How much less depends on whether a head
# with long values counts more, or every head alike:

# %%
loud = cat.maps * cat.lengths[:, :, None]
alike = loud / loud.sum(axis=-1, keepdims=True)
for name, maps in (("weights", cat.maps), ("lengths", loud), ("lengths, heads alike", alike)):
    mean = maps.mean(axis=1)
    rows = attention_rollout(mean / mean.sum(axis=-1, keepdims=True))
    print(f"{name:<20} {rows[1:-1, 0].mean():.0%} from [CLS]")

# %% [markdown]
# The network is the same in all three, and an even share of eight tokens is 12.5%; what we count is not the same.
# Rollout takes for granted that everything handed over is equally long, and that the residual is one half.

# %% exercise="own-share-after-six-layers"

# %% [markdown]
# ## Two maps, one prediction
#
# Jain and Wallace (2019) asked: could the weights have been others? Four keys, "cat", "dog", "mat" and "rug". The value
# says animal or thing. Two maps without anything in common give the same output.

# %%
animal_or_thing = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
two_maps = np.array([[0.5, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, 0.5]])
weighted_sum(two_maps, animal_or_thing)

# %% [markdown]
# With width v, an output fixes v numbers, and that the row sums to one fixes another. With more than v + 1 keys there
# are always other weights with the same output, as long as all weights are positive (Brunner et al., 2020). Our head has
# 15 keys on the tired animal, fewer than 33; so we read a single number, as a prediction often is.

# %% [markdown]
# We project the output on the line from what "street" hands over, 0, to what "animal" does, 1. A zero vector lands near
# the middle, so read differences only. The slider stands at the farthest map with the same reading. Move it back
# towards the recorded one, and switch what is shown.

# %%
two_maps_picture()

# %% [markdown]
# The reading cannot tell the two maps apart. The whole output can: for "it" it has moved by nearly its own length.
# Whether the weights could have been others depends on what is read.

# %% [markdown]
# ## Shuffle the weights
#
# Their other test deals the weights of each row out anew, at random, and measures how far the prediction moves. In
# their classifiers, one attention over a recurrent encoder, it often hardly does. What follows from that?

# %% exercise="values-alike"

# %% [markdown]
# "paris" looks among six words for a place, as in lesson 04. We keep the map, and mix the values step by step with
# their mean, as an encoder may that reads the whole text first.

# %%
weights = softmax(4 * embed("paris") @ embed("rome coffee man river money animal").T)
place = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
for mixed in (0.0, 0.5, 0.9, 1.0):
    values = (1 - mixed) * place + mixed * place.mean()
    rng = np.random.default_rng(0)
    print(mixed, round(permutation_effect(lambda w, v=values: w @ v, weights, rng), 4))

# %% [markdown]
# The map is the same in all four rows, and the effect falls to 0. A small effect may come from
# values that are alike, from weights that are nearly equal, or from a model that ignores the head. Only in the last
# case does the head not matter.

# %% [markdown]
# Equal weights have no effect at all, whatever is read from them.

# %%
permutation_effect(lambda w: w @ place, np.full((1, 6), 1 / 6), np.random.default_rng(0))

# %% [markdown]
# A large effect misleads as well. In the trained head "animal" rests on [CLS] and receives little. Shuffle its row, and
# the large weight falls on some word with a long value. The prediction here is the length of what the token receives.

# %%
x = read["The animal did not cross the street because it was too tired."]
query, key = x @ head.W_query + head.b_query, x @ head.W_key + head.b_key
value = x @ head.W_value + head.b_value
weights, rng = attention_weights(query, key), np.random.default_rng(0)


def length(row):
    return np.linalg.norm(row @ value @ head.W_output)


for name, row in (("animal", weights[animal]), ("it", weights[it])):
    effect = permutation_effect(length, row, rng)
    print(f"{name}: [CLS] {row[0]:.2f}, receives {length(row):.2f}, moved by {effect:.2f}")

# %% [markdown]
# The silent row moves most, because it was silent; the row of our claim moves little, since nearly all values are long.
# The trained network makes no such rows of this text: the test has left the states that the model knows. So the large
# effect does not show that "animal" needs this head, nor the small one that "it" does not.

# %% [markdown]
# To "Attention is not Explanation" Wiegreffe and Pinter (2019) answer "Attention is not not Explanation". That another
# explanation exists does not make this one wrong. And weights changed one text at a time, apart from the model that
# made them, are no model.

# %% [markdown]
# They propose four tests: uniform weights as a baseline, the spread over random seeds, frozen weights as a guide for a
# simpler network, and adversaries trained end to end. On some of the datasets uniform weights do as well, so that there
# attention has nothing to explain.

# %% [markdown]
# ## Leave it out
#
# The plain question: does anything depend on this head? Leave it out, and take the largest change. For one head that is
# an entry of `head_importance` of lesson 07.


# %%
def layer(x, keep):
    return keep[0] * np.tanh(x) + keep[1] * x**2


def without(x, head):
    return layer(x, np.array([i != head for i in range(2)]))


points = np.array([[0.5, -1.0], [2.0, 0.0]])
effects = [ablation_effect(without, points, head) for head in range(2)]
np.round(effects, 2), head_importance(layer, points, 2).round(2)

# %% exercise="two-copies"

# %% [markdown]
# Lesson 07 had two heads that brought the same. Here they are again, in a layer that keeps the larger.


# %%
def twins(x, head):
    return np.max([x * (head != 0), x * (head != 1)], axis=0)


[ablation_effect(twins, np.abs(points), i) for i in range(2)]

# %% [markdown]
# An ablation measures a head **given the others**. In GPT-2 small, Wang et al. (2022a) find backup heads that take over
# when the heads that do a job are removed. And a head set to zero is again a state that the model does not know: a mean
# of its outputs is the milder test. For our claim it takes the whole network (lesson 20), and texts that need the job.

# %% exercise="pairs-of-heads"

# %% [markdown]
# ## A head that it takes two heads to make
#
# A network that has seen "A B" and now sees "A" again may guess "B". A head that looks there is an **induction head**
# (Elhage et al., 2021). We build one. Eight random tokens, then the same eight again, each a vector with a single one.

# %%
ids = np.tile(np.random.default_rng(0).choice(50, 8, replace=False), 2)
x = np.eye(50)[ids]
ids

# %% [markdown]
# The first head looks at the previous position, and nothing else. It carries each token one place on: position $j$ now
# knows what stood before it. The first position has nothing before it and gets zeros, as in lesson 06.

# %%
before_me = masked_softmax(50 * np.eye(16, k=-1), np.tri(16, k=-1, dtype=bool))
previous = weighted_sum(before_me, x)
previous[1] @ x[0], previous[0].sum()

# %% [markdown]
# The second head compares two things: the query is the token, the key is what the first head wrote. A token matches the
# position whose predecessor is the same token.

# %%
second = attention_weights(x, previous, causal_mask(16), scale=20)
labels = [str(i) for i in ids]
heat_map(
    second[8:],
    labels[8:],
    labels,
    title="Each token of the second half looks at what followed it in the first",
)

# %% [markdown]
# What it finds there is the continuation. In the second half it predicts every next token, and nobody has trained it.

# %%
guess = np.argmax(weighted_sum(second, x), axis=-1)
np.array_equal(guess[8:-1], ids[9:])

# %% [markdown]
# `induction_score` is the mean weight from a repeated token to the one after its latest earlier occurrence. Our head
# scores 1. A head that shares out its attention evenly gets the base rate, and the previous-token head nothing.

# %%
evenly = masked_softmax(np.zeros((16, 16)), causal_mask(16))
[round(induction_score(weights, ids), 3) for weights in (second, evenly, before_me)]

# %% [markdown]
# Now the two heads as one machine, and each of them ablated. The prediction needs both.


# %%
def machine(x, head):
    previous = weighted_sum(before_me * (head != 0), x)
    weights = attention_weights(x, previous, causal_mask(16), scale=20)
    return weighted_sum(weights * (head != 1), x)


[round(ablation_effect(machine, x, head), 2) for head in range(2)]

# %% [markdown]
# Without the first head all keys of the second are zeros, and its score falls to the even share. Its own map would not
# have told us that it depends on another head. Elhage et al. call this K-composition.

# %%
alone = attention_weights(x, np.zeros_like(previous), causal_mask(16), scale=20)
round(induction_score(alone, ids), 3)

# %% [markdown]
# Has our encoder such a head? In "The cat sat on the mat" one token comes back, "the", and "cat" followed it. We score
# all 72 heads, and take the best.

# %%
scores = np.array([[induction_score(m, cat.tokens) for m in layer] for layer in cat.maps])
best = tuple(int(i) for i in np.unravel_index(scores.argmax(), scores.shape))
best, scores.max().round(2), scores.mean().round(2)

# %% [markdown]
# 0.70, where the mean is 0.09. A discovery? The control is the column: how much does "cat" get in this head from the
# others?

# %%
heat_map(cat.maps[best], words, words, title='Every row gives "cat" most of its weight')

# %% [markdown]
# Every token looks at "cat" there, whatever came before it: it is the head of the high base rate once more. The best of
# 72 heads looks good on any one text. That is why induction is scored on random tokens, where nothing stands out, and
# on many of them.

# %% [markdown]
# Olsson et al. (2022) find induction heads in language models of many sizes, see them form in a short phase of
# training, and tie them to in-context learning: that later tokens of a text are predicted better than early ones. In
# small attention-only models their evidence is causal, in large ones correlational.

# %% [markdown]
# ## What follows, and what does not
#
# What may the caption of head 1 in layer 3 say? In five texts, "it" gives more to the subject, or the first noun, than
# to the other one. In the one that we looked into, other tokens give it far less, and most of what is handed over to
# "it" comes from there. That the head resolves pronouns, or that the network needs it, does not follow.

# %% [markdown]
# For any map:
#
# | we see | it follows | it does not follow |
# |---|---|---|
# | a large weight | this head looks there | that much is handed over, or that it is used |
# | a long term | much is handed over | that it survives the sum, or is read |
# | a large rollout | many paths of attention | that anything flows along them |
# | a small permutation effect | this reading does not depend on the placement | that the head is idle |
# | a small ablation effect | the others suffice | that the head does nothing |
# | a high induction score | it looks at what followed | that it raises that token |

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the next
# of three hints.

# %% exercise="value_weighted_map"

# %% exercise="attention_rollout"

# %% [markdown]
# This picture asks your own rollout. Until it is right, the title may tell you that the rows do not sum to one.

# %%
rollout_picture(attention_rollout)

# %% exercise="permutation_effect"

# %% exercise="ablation_effect"

# %% exercise="induction_score"

# %% exercise="fix_contributions"

# %% exercise="fix_flow"

# %% exercise="fix_induction_heads"

# %% exercise="bytes-of-all-maps"

# %% [markdown]
# ## Roads not taken
#
# Gradients ask how the prediction would move, and see the whole model; so does activation patching, which carries a
# piece of one run into another (Vig et al., 2020). A probe is a small classifier on hidden states: it shows what can be
# read there, not what the model reads (Hewitt and Liang, 2019). Circuits join heads into mechanisms, as we did with two
# (Wang et al., 2022a). Sparse autoencoders look for readable directions in the activations instead of readable heads
# (Bricken et al., 2023).

# %% [markdown]
# ## Say it in two minutes
#
# An attention map is what one head of one layer weighs. It leaves out the values, the output projection, the residual,
# the other heads and layers. In a trained encoder half of the weight rests on [CLS], whose value is short: by weighted
# lengths it is 7%. Rollout multiplies the layers, each half residual, and presumes equal lengths. A permutation test
# moves weights to other keys; small effects have three causes, large ones may be off the model's distribution. An
# ablation measures a head given the others. So I treat a map as a hypothesis, look for base rates, change the input,
# and intervene.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="is-attention-explanation"

# %% exercise="what-a-permutation-test-says"

# %% exercise="what-an-induction-head-is"

# %% exercise="why-weight-collects-on-cls"

# %% exercise="show-that-a-head-matters"

# %% exercise="what-rollout-assumes"

# %% [markdown]
# ## What the next lesson assumes
#
# That you read a map with its lengths and its base rates. There, the whole network runs on functions that you have
# written too, and an often repeated sentence about "the" is put to the test.

# %%
progress()
