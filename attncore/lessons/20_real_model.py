# %% [markdown]
# # Your attention inside a trained network
#
# Everything so far ran on small arrays and on word vectors. Now the same functions run a network that people use:
# all-MiniLM-L6-v2, which turns a sentence into a vector. At the end you can say what each of its parts is, you have
# measured what its heads look at, and you have searched with it.

# %% [markdown]
# **You need** attention and its heads (04, 07), the encoder block (09) and the ways to doubt a map (16).
# **You get** a trained Transformer in NumPy, from the file to the answer, with no part that you have not met.

# %%
import inspect

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.cache import attention_flops
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.real_model import (
    attention_maps,
    bert_block,
    encode,
    load_model,
    most_similar,
    sentence_vectors,
    word_pieces,
)
from attncore.recorded import recorded_head, recorded_maps, recorded_questions, recorded_vectors
from attncore.self_attention import self_attention
from attncore.softmax import masked_softmax
from attncore.views.tables import bars, heat_map
from attncore.views.widgets.real_model import atlas_picture, map_picture, search_picture
from attncore.weighted_sum import weighted_sum

# %% [markdown]
# ## What we have
#
# The network has 6 layers of 12 heads at model width 384. It is every second layer of MiniLM (Wang et al., 2020), which
# was distilled from a larger network, and was trained further on 1.17 billion pairs of texts that belong together
# (model card, 2021). The word vectors of every lesson were rows of its first table.

# %% [markdown]
# Its file is a download of 84 MB, compressed: run `attncore get-model` in a terminal. You do not need it here. The maps
# of six sentences, the vectors of twelve texts and one whole head came with the course; with the file, two cells more
# have something to say.

# %%
try:
    model = load_model()
except FileNotFoundError:
    model = None
print("The model is here." if model else "Without the model: we use what was recorded.")

# %% [markdown]
# ## A file of named arrays
#
# What is a trained network on disk? In the safetensors format: eight bytes with the length of a header, the header,
# which says the name, type, shape and place of each array, then the numbers. Here is one array of two by two.

# %%
header = b'{"W": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}'
numbers = np.array([1, 2, 3, 4], dtype=np.float32).tobytes()
file = len(header).to_bytes(8, "little") + header + numbers
file

# %% [markdown]
# To read it back, we skip the header and give the numbers their shape. `read_safetensors` in attncore/real_model.py
# does that for each array that the header names.

# %%
start = 8 + int.from_bytes(file[:8], "little")
np.frombuffer(file[start:], dtype="<f4").reshape(2, 2)

# %% [markdown]
# The real file holds 103 arrays of weights in the same way, under names such as
# `encoder.layer.3.attention.self.query.weight`. It holds no code. What is done with the arrays is the other half of a
# model, and that half is what we have written in these lessons.

# %% [markdown]
# ## Text becomes tokens
#
# The network knows 30,522 tokens. A word that is none of them is cut into pieces, each the longest that fits; `##`
# marks a piece that goes on a word. That is WordPiece (Wu et al., 2016), here with a vocabulary of five.

# %%
vocabulary = {"soft", "so", "##max", "##ft", "##est"}
word_pieces("softmax", vocabulary), word_pieces("softer", vocabulary)

# %% [markdown]
# "soft" wins over "so" because it is longer. No piece goes on with "er", and then the whole word is unknown. Capitals
# are gone as well, and each text gets `[CLS]` before it and `[SEP]` behind.

# %%
texts = list(recorded_maps())
cat, tired = texts[:2]
print(recorded_maps()[tired].tokens)

# %% exercise="all-maps-shape"

# %%
recorded_maps()[tired].maps.shape

# %% [markdown]
# ## Your attention runs inside
#
# Here is one trained head, head 1 of layer 3, with its weights and with what it reads of a sentence: eight tokens of
# width 384, as layers 0 to 2 leave them. Layers and heads count from 0.

# %%
head, read = recorded_head()
x = read[cat]
x.shape, head.W_query.shape, head.b_query.shape

# %% [markdown]
# The projections have biases, which those of lessons 05 and 07 left out. The rest is lesson 04: put your own
# `attention_weights` into a cell above this one, and this head really runs on yours.
#
# $$q = x W_Q + b_Q \qquad k = x W_K + b_K \qquad \text{weights} = \text{softmax}\left(\frac{q k^\top}{\sqrt{32}}\right)$$

# %%
query = x @ head.W_query + head.b_query
key = x @ head.W_key + head.b_key
weights = attention_weights(query, key)
np.allclose(weights, recorded_maps()[cat].maps[3, 1], atol=0.01)

# %% [markdown]
# That is the map which this head has inside the network. The tolerance is wide because the recording keeps three
# figures, float16; the largest difference is far below it.

# %%
names = recorded_maps()[cat].tokens
print(f"{np.abs(weights - recorded_maps()[cat].maps[3, 1]).max():.4f}")
heat_map(weights, names, names, "In head 1 of layer 3, most of the weight goes to [CLS]")

# %% [markdown]
# Are biases something new? No: a one beside x and the bias as a last row of W do the same. So the head, biases and all,
# is `self_attention` of lesson 05 as it stands.

# %%
with_one = np.column_stack([x, np.ones(8)])
Q = np.vstack([head.W_query, head.b_query])
K = np.vstack([head.W_key, head.b_key])
V = np.vstack([head.W_value, head.b_value])
value = x @ head.W_value + head.b_value
np.allclose(self_attention(with_one, Q, K, V), weighted_sum(weights, value), atol=1e-5)

# %% exercise="shifted-key-bias"

# %% [markdown]
# We try it, on the trained head.

# %%
np.allclose(attention_weights(query, key + 5), weights, atol=1e-5)

# %% [markdown]
# A parameter that no output depends on has a gradient of zero, up to rounding, and training has no reason to move it.
# Biases start at zero, and this one has stayed close. The query's bias is another matter: it adds to each score a
# number that depends on the key.

# %%
print(f"query bias {np.linalg.norm(head.b_query):.3f}, key bias {np.linalg.norm(head.b_key):.3f}")

# %% [markdown]
# ## The block around it
#
# Here is how one layer is run, whole, on the course's own functions, of which you have written your own: heads and
# merging (07), weights (04), the sum (01), the feed-forward part (09). `linear` finds W and b by a name, `project` is x
# @ W + b with them, and `norm` is lesson 09's `layer_norm` with the gain and bias of that name.

# %%
print(inspect.getsource(bert_block))

# %% [markdown]
# One thing differs from `encoder_block` of lesson 09, the place of the norm. There it comes before each part; here it
# comes after the sum, as in the Transformer of 2017 and in BERT.
#
# $$\text{pre-norm: } x + f(\text{norm}(x)) \qquad \text{post-norm: } \text{norm}(x + f(x))$$

# %% [markdown]
# Before the first block, three vectors are added up for each token and normalized: its word, its position (learned, 512
# of them), and a vector that says "first text" (BERT could read two). After the last block, one mean. That is the whole
# network.

# %% [markdown]
# ## Run it
#
# Where the model is, we run all six layers and compare all 72 maps with the recorded ones. Our largest difference was
# 0.0002, the rounding of float16. The tests of this course also compare with what the published package computes, and
# agree to 0.00001.

# %%
if model:
    tokens, maps = attention_maps(model, cat)
    print(tokens, f"{np.abs(maps - recorded_maps()[cat].maps).max():.4f}")

# %% [markdown]
# What does a sentence cost? Attention takes $8 n m^2 + 4 n^2 m$ operations in a layer (lesson 12); the feed-forward
# part, four times as wide inside, $16 n m^2$. The table of words takes none: its rows are looked up.

# %%
for n in (8, 256):
    total = 6 * (attention_flops(n, 384) + 16 * n * 384**2)
    square = 6 * 4 * n**2 * 384
    print(f"{n} tokens: {total / 1e9:.2f} GFLOPs, the square {square / total:.1%} of it")

# %% [markdown]
# For the cat, the part that grows with the square of the text is a third of a percent. Even at 256 tokens, the longest
# that this model takes, it is a tenth. What a short text costs is matrices.

# %% [markdown]
# ## Is "the" ignored?
#
# On "The cat sat on the mat", attention looks at "cat" and "mat" and ignores "the": many texts explain it so. It is a
# claim that can be measured, and we have 72 maps of that sentence.

# %% exercise="share-of-the"

# %% [markdown]
# More than half of what the words give goes to a token that is no word, [CLS], the sink of lesson 15. Lesson 19
# measured it: 53 % of the weight, 7 % of the lengths. So we look at what is left for the six words, averaged over
# words, heads and layers. What is the share of both "the" together?

# %%
maps = recorded_maps()[cat].maps
received = maps[:, :, 1:-1].mean(axis=(0, 1, 2))
among_words = received[1:-1] / received[1:-1].sum()
print(f'"the" twice: {among_words[0] + among_words[4]:.1%}, an even share: {2 / 6:.1%}')

# %% [markdown]
# So it is **not** ignored: it gets 29 %, somewhat less than an even third. Layer by layer the answer changes. In layer
# 0 the articles get more than their share, and in the last layer half of it.

# %%
by_layer = maps[:, :, 1:-1, 1:-1].mean(axis=(1, 2))
share = by_layer[:, [0, 4]].sum(axis=-1) / by_layer.sum(axis=-1)
bars(
    share,
    [f"layer {i}" for i in range(6)],
    'Both "the" begin with 39 % among the words and end with 16 %',
)

# %% [markdown]
# Layer 0 reads words that know nothing of each other yet. The last layer's output is what the sentence's vector is made
# of. An average over layers hides that they disagree.

# %% [markdown]
# ## A weight says how much of what
#
# Lesson 19 warned us: a weight times a short value hands over little. We weigh by the recorded lengths once more, added
# up as they are, and then with every row counting alike.

# %%
rows = maps * recorded_maps()[cat].lengths[:, :, None]
for counted in (rows, rows / rows.sum(axis=-1, keepdims=True)):
    part = counted[:, :, 1:-1].mean(axis=(0, 1, 2))
    share_of_the = (part[1] + part[5]) / part[1:-1].sum()
    print(f'"the" twice: {share_of_the:.1%} of the words, [CLS]: {part[0] / part.sum():.1%} of all')

# %% [markdown]
# By lengths both "the" have 24 % of the words' part, 28 % if every row counts alike. The first sum favors heads with
# long values. Either way the answer is the same: less than an even share, and not nothing.

# %% [markdown]
# ## Leave it out
#
# A map is not a cause. Does the sentence's vector need the word? We leave words out and compare the vector with that of
# the whole. With the model:
#
# | left out | cosine with the whole |
# |---|---|
# | both "the" | 0.96 |
# | "cat" | 0.56 |
# | "mat" | 0.81 |
# | "on" | 0.99 |

# %%
if model:
    shorter = ["cat sat on mat", "The sat on the mat", "The cat sat on the", "The cat sat the mat"]
    print((encode(model, shorter) @ encode(model, [cat])[0]).round(2))

# %% [markdown]
# So those texts are right about what matters and wrong about attention. Each "the" gets four fifths of what the other
# words get on average, and the answer hardly depends on them. What matters is "cat", and the average of the maps did
# not say by how much.

# %% [markdown]
# This is one sentence in one model. Leaving a word out also moves all that follow it, a change of its own. An honest
# claim names its model, its measure and what it was compared with.

# %% [markdown]
# ## What single heads do
#
# An average hides 72 characters. Choose a pattern, and see which heads have it; then choose another sentence, and see
# which keep it.

# %%
atlas_picture()

# %% [markdown]
# Head 2 of layer 0 gives nearly everything to the token before, in every sentence: a job one can name. Head 8 of layer
# 1 mostly looks at the token after. Set to [CLS], the picture says for the cat: 40 of the 72 heads give it half or more.
#
# Now look inside any of them. Try head 1 of layer 3, as weights and as what is handed over.

# %%
map_picture()

# %% [markdown]
# In the sentences with "it" this is the head that lesson 19 put to the test: it looks at the subject or the first noun;
# our texts cannot tell which. Ask the same of any pattern in these pictures. Does it hold in another sentence, and how
# much do all the other tokens give?

# %% [markdown]
# ## From tokens to one vector
#
# A sentence's vector is the mean of its tokens after the last layer, made length 1 (Reimers and Gurevych, 2019). Two
# tokens and one of padding, to check by hand: the mean is (2, 2), and padding has no say.

# %%
x = np.array([[[3.0, 4.0], [1.0, 0.0], [9.0, 9.0]]])
mask = np.array([[True, True, False]])
sentence_vectors(x, mask)

# %% [markdown]
# A mean is attention that asks for nothing: a query of zeros gives every key the score 0 and the same weight. So even
# this last step reduces to lesson 04.

# %%
mean = scaled_dot_product_attention(np.zeros((1, 1, 2)), x, x, mask[:, None])
mean, mean / np.linalg.norm(mean)

# %% [markdown]
# What does one vector for a sentence lose? We ask about the dog and the man.

# %% exercise="who-bites-whom"

# %%
vectors = recorded_vectors()
dog, man = vectors["The dog bites the man"], vectors["The man bites the dog"]
print(f"{dog @ man:.2f}")

# %% [markdown]
# A mean of word vectors alone would give exactly 1. Positions and six layers of attention make a difference of 0.03.
# The network was trained to tell texts that belong together from random others, and for that it seldom matters who
# bites.

# %% [markdown]
# ## Searching the questions of an interview
#
# Seven of the recorded texts are interview questions. For each, which other one is nearest? A question is nearest to
# itself, so we take the second.

# %%
questions = [text for text in vectors if text.endswith("?")]
asked = np.stack([vectors[question] for question in questions])
for vector, question in zip(asked, questions, strict=True):
    _, second = most_similar(vector, asked, 2)
    print(f"{vector @ asked[second]:.2f}  {question}\n      {questions[second]}")

# %% [markdown]
# The square root finds the scaling factor, with little but "attention" in common, and the cache finds the keys that are
# kept. One pair is missed: the causal mask and the token that must not see the future have 0.15. The best match of
# either has 0.17, which says that nothing was found.

# %% [markdown]
# Now a library: the questions on all cards of this course. For each of our seven, which card would it open?

# %%
library = recorded_questions()
cards, card_vectors = list(library), np.stack(list(library.values()))
for vector, question in zip(asked, questions, strict=True):
    best = most_similar(vector, card_vectors, 1)[0]
    print(f"{vector @ card_vectors[best]:.2f}  {question}\n      {cards[best]}")

# %% [markdown]
# The cache opens the card that we would have opened, and 0.76 says that it is sure. The square root's own card has the
# same 0.55 as one on rollout; the others are near the subject or far from it. A general encoder may not know the terms
# of our trade. So a search needs a threshold, and a test on pairs of your own field, before anybody relies on it.

# %% [markdown]
# Ours is a **bi-encoder**: it reads each text by itself, so the vectors can be made beforehand, and a search is one run
# and a product. A **cross-encoder** reads two texts as one and returns a score: each word sees both texts, and nothing
# can be prepared. One searches with the first and ranks the best again with the second.

# %% [markdown]
# ## What an encoder is for
#
# With a vector for each text one searches and clusters; with a linear layer on it, one classifies. To mark a span one
# takes the tokens before their mean, and for new words a decoder (the table of lesson 09).

# %% [markdown]
# ## Exercises
#
# Two functions are left to write. `check` compares with the reference on many inputs; `hint` opens the next of three
# hints.

# %% exercise="sentence_vectors"

# %% exercise="most_similar"

# %% [markdown]
# This picture searches with your own function. Let the vectors differ in length, and see whether it still finds the
# same.

# %%
search_picture(most_similar)

# %% exercise="fix_encoder"

# %% exercise="fix_document_search"

# %% exercise="minilm-parameters"

# %% exercise="minilm-embedding-share"

# %% exercise="minilm-bytes"

# %% exercise="cross-encoder-runs"

# %% [markdown]
# ## Roads not taken
#
# The sentence could be the [CLS] row, as BERT's classifiers have it, or a weighted mean that is learned (Lin et al.,
# 2017). ColBERT keeps a vector for every token and compares each with each (Khattab and Zaharia, 2020): more exact, and
# a larger index.

# %% [markdown]
# ## Say it in two minutes
#
# A sentence encoder is an embedding table, six post-norm blocks of twelve heads, and a mean. All of it is a file of
# named arrays and a page of array code. Its heads differ: one looks at the token before, many rest on [CLS], one looks
# from "it" to the subject or the first noun. On the cat and the mat they do look at "the", 29 % among the words where
# an even share is a third, and the sentence's vector hardly changes without it. A weight says where a head looks, not
# what the output depends on. The mean loses most of the order. Search compares cosines with vectors that were made
# beforehand.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="is-the-ignored"

# %% exercise="what-the-mean-loses"

# %% exercise="bi-or-cross-encoder"

# %% exercise="why-post-norm-here"

# %% exercise="numpy-is-enough"

# %% exercise="trust-a-reimplementation"

# %% [markdown]
# ## The whole way
#
# We began with a weighted average that one looks up, made its weights by softmax, and its scores by a small network and
# by a scaled dot product. A text asked itself, and masks said who may look at whom. Heads, positions, norms and
# feed-forward layers made a Transformer of it, for words and for patches; gradients say how it learns. A cache, shared
# heads, tiles and windows made it cheap enough, and we asked what its maps can tell. Here it ran, trained, on functions
# that you have written too.
#
# What is left is to say it to somebody. Take the cards of all interview corners, in any order, and say them aloud.

# %%
progress()
