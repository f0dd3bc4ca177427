# %% [markdown]
# # Self-attention
#
# So far somebody handed you queries, keys and values. In **self-attention** all three come from one text. The
# simplest idea would be to compare its tokens directly, `x @ x.T`. Before you run anything: would that do?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.dot_product import scaled_dot_product_attention
from attncore.views.explorables.head_lines import head_lines
from attncore.views.plots import curves, loss_curves
from attncore.views.tables import heat_map, number_map
from attncore.words import embed, tokens

# %% exercise="who-needs-whom"

# %% [markdown]
# ## Asking and offering
#
# Here are three tokens of width 2, each compared with all three.

# %%
x = np.array([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
number_map(x @ x.T, range(3), range(3), title="Each token against each")

# %% [markdown]
# The diagonal has a flaw of its own: a token's score with itself is its squared length, so the longest token finds
# itself before anyone else. A token should be able to ask for one thing and offer another, and for that it needs more
# than one vector. Each token gets three, made from its row of $X$ by three matrices:
#
# $$Q = X W_Q, \quad K = X W_K, \quad V = X W_V$$
#
# $W_Q$ decides what a token looks for, $W_K$ how it's found, and $W_V$ what it hands over.

# %%
W_query = np.array([[1.0, 1.0], [0.0, -1.0]])
W_key = np.array([[0.0, 1.0], [1.0, 0.0]])
W_value = np.array([[6.0], [0.0]])

# %% [markdown]
# Take a pencil: project first, then compare. The values are one number wide here; nothing says that they must be as
# wide as the keys.

# %% exercise="score-one-way"

# %% exercise="score-back"

# %% exercise="first-output"

# %% [markdown]
# Three against one: the two directions have come apart. Now write the layer. You have everything it needs from lesson
# 04, mask included (`yours.scaled_dot_product_attention` works here).

# %% exercise="self_attention"

# %%
output = yours.self_attention(x, W_query, W_key, W_value)
number_map(output, ["token 0", "token 1", "token 2"], ["output"], title="What does each token get?")

# %% [markdown]
# Row 0 is your number. Two checks of the kind you'd do aloud at a whiteboard:

# %% exercise="self-attention-shape"

# %% exercise="self-attention-parameters"

# %% [markdown]
# A colleague's layer is like yours, but adds what it found to the token, as most models do. It runs without an error.

# %% exercise="fix_self_attention"

# %% [markdown]
# ## Projections that learn
#
# Nobody writes these matrices by hand. Let's watch three of them learn. There are sixteen words in eight pairs, needle
# and thread, lock and key. Each text holds four pairs in any order, and each word carries a number; its output should
# be the number of its *partner*.

# %%
from attncore.experiments.self_attention import projections_experiment

runs = projections_experiment(seed=1)
steps = ["head at step 0", "head at step 50", "head at step 300"]
head_lines(runs.words, list(runs.maps["two projections"].values()), steps)

# %% [markdown]
# Choose a step by its map. At the start the weights are all over the place; after 300 steps each word asks for its
# partner. This says nothing about language: the vectors are random, and the pairs are learned by heart.
#
# It does show why the value has a matrix of its own. A word is found by its identity and hands over something else, its
# number, so $W_V$ had to learn to keep the number and drop the identity.
#
# Now the control. Same words, same start, but one matrix makes both queries and keys.

# %% exercise="one-matrix-for-both"

# %%
head_lines(runs.words, list(runs.maps["one for both"].values()), steps)

# %%
loss_curves(runs.losses, "Do the words find their partners?")

# %% [markdown] folded="Why does it stop halfway?"
# With one projection the score of $i$ and $j$ is $q_i \cdot q_j$, which is at most $|q_i|\,|q_j|$. The two words'
# scores with themselves are $|q_i|^2$ and $|q_j|^2$, and the larger of these is at least as large as the product. So
# two words can never both prefer each other to themselves. The best they can do is become the same vector, and share.

# %% [markdown]
# ## A head that was trained on language
#
# Random vectors are one thing. This is head 1 of layer 3 of all-MiniLM-L6-v2, a small trained model; the weights of
# that head ship with the course. Your function from lesson 04 gets its queries and keys and, as two controls, the keys
# on both sides and no projections at all.

# %%
from attncore.recorded import recorded_head, recorded_maps

text = "The cat sat on the mat"
trained, reads = recorded_head()
x_cat, words = reads[text], recorded_maps()[text].tokens
query = x_cat @ trained.W_query + trained.b_query
key = x_cat @ trained.W_key + trained.b_key
none, one, both = (
    yours.attention_weights(*pair) for pair in ((x_cat, x_cat), (key, key), (query, key))
)
head_lines(words, [none, one, both], ["no projections", "keys on both sides", "trained head"])

# %% [markdown]
# As trained, the first "the" looks at "cat", "on" looks at "mat", and the second "the" at "mat" too. Switch to either
# control, and nearly every word looks at itself. Words with nothing to look for leave their weight on [CLS], a special
# token at the front. Clark et al. (2019) found heads of this kind in BERT, from articles to their nouns.
#
# Does your *layer* give what the model computed? Its projections have biases and yours don't, so we give every token a
# last entry of 1 and every matrix a last row.

# %%
pairs = [
    (trained.W_query, trained.b_query),
    (trained.W_key, trained.b_key),
    (trained.W_value, trained.b_value),
]
matrices = [np.vstack(pair) for pair in pairs]
with_one = np.c_[x_cat, np.ones(len(x_cat))]
found = yours.self_attention(with_one, *matrices)
recorded = recorded_maps()[text].maps[3, 1] @ with_one @ matrices[2]
print(f"largest output {np.abs(found).max():.2f}, difference {np.abs(found - recorded).max():.4f}")

# %% [markdown]
# They agree to within half precision, in which the maps were stored. You've just run a trained network's head.
#
# Now a word whose meaning depends on the others. In "The animal didn't cross the street because it was too tired", this
# head's "it" looks at "animal". Impressive, until you try another sentence.

# %% exercise="it-in-another-text"

# %%
rows, texts = [], [text for text in recorded_maps() if "it was too" in text and "." not in text]
for one_text in texts:
    read = recorded_maps()[one_text]
    columns = [read.tokens.index("animal"), read.tokens.index("street")]
    rows.append(read.maps[3, 1, read.tokens.index("it"), columns])
heat_map(rows, texts, ["animal", "street"], title='What does "it" look at?')

# %% [markdown]
# In all four texts the subject of the sentence gets more, tired or wide. Still, in the first two a single last word
# changes how much "it" takes from "animal": the output is a **contextual** vector, a different one in each text. To
# find out what such a weight *means* takes controls like these, and lesson 19 is about them.

# %% [markdown]
# ## Another text asks
#
# In **cross-attention** the queries come from one text, keys and values from another: a decoder asks an encoder
# (lesson 03 had this before there were Transformers). The formula stays the same, and the weights needn't be square any
# more.

# %% exercise="cross-attention-output"

# %% [markdown]
# ## Does it know the order?
#
# The same words, shuffled. Say what you expect of a layer without positions and without a mask.

# %% exercise="shuffled-tokens"

# %% [markdown]
# Take a layer with random projections, and two texts of the same words. In one of them a man has lunch. How far apart
# are the two outputs for "man"?

# %%
rng = np.random.default_rng(0)
projections = [rng.standard_normal((384, 64)) for _ in range(3)]


def attend(x):
    return yours.self_attention(x, *projections)


lunch, horror = "the man did eat the apple", "the apple did eat the man"
eats, eaten = (attend(embed(text))[tokens(text).index("man")] for text in (lunch, horror))
print(
    f"largest entry {np.abs(eats).max():.1f}, largest difference {np.abs(eats - eaten).max():.0e}"
)

# %% [markdown]
# Rounding, nothing more. Shuffle the tokens, and the outputs are shuffled the same way and otherwise unchanged. With a
# matrix $P$ that shuffles rows, $f(PX) = P f(X)$: self-attention is **permutation equivariant**. It isn't *invariant*;
# only something pooled, the mean of all outputs for instance, stays the same.

# %% [markdown] folded="Why exactly?"
# Shuffled rows of $X$ give shuffled rows of $Q$, $K$ and $V$, so the scores become $P S P^\top$. Softmax works on each
# row alone, and since $P^\top P$ is the identity, $\text{softmax}(P S P^\top)\,P V = P\,\text{softmax}(S)\,V$.

# %% [markdown]
# That's a property you can measure on any layer without reading its code. Write the measurement.

# %% exercise="permutation_gap"

# %% [markdown]
# We try it on three layers: yours, a recurrence that keeps half of its state at every step, and one that does nothing.


# %%
def recurrence(x):
    state, outputs = np.zeros(x.shape[-1]), []
    for token in x:
        state = 0.5 * state + 0.5 * token
        outputs.append(state)
    return np.array(outputs)


layers = {"attention": attend, "recurrence": recurrence, "nothing": lambda x: x}
order = [5, 2, 0, 4, 1, 3]
for name, layer in layers.items():
    print(f"{name}: {yours.permutation_gap(layer, embed(lunch), order):.2g}")

# %% [markdown]
# For a set of things a gap of 0 is exactly what you want. For a text it means that the layer can't tell who eats whom.
#
# But then, how did the trained head tell two equal words apart? Its first "the" looked at "cat", its second at "mat".

# %% exercise="pasted-token"

# %%
pasted = x_cat.copy()
pasted[5] = pasted[1]
query, key = pasted @ trained.W_query + trained.b_query, pasted @ trained.W_key + trained.b_key
weights = yours.attention_weights(query, key)
print(f'second "the": cat {both[5, 2]:.2f}, mat {both[5, 6]:.2f}')
print(f"after pasting: cat {weights[5, 2]:.2f}, mat {weights[5, 6]:.2f}")

# %% [markdown]
# Everything the head knew about where that "the" stands was in its vector. MiniLM adds a position to every token before
# its first layer; lesson 08 shows how.
#
# Sometimes code shuffles things for a good reason, and then it has to put them back.

# %% exercise="fix_text_order"

# %% [markdown]
# ## Who reaches whom
#
# A second instrument. Which inputs can change which outputs? You can find out for any layer by experiment: move one
# token a little, and see what else moves. Rows are outputs, columns are inputs.

# %% exercise="influence"

# %% [markdown]
# Your instrument, on three layers: the recurrence, a convolution that mixes each token with its two neighbors, and
# self-attention. Stack more layers and see which maps fill up.

# %%
from attncore.views.widgets.self_attention import reach_picture

reach_picture(function=yours.influence)

# %% [markdown]
# The recurrence never sees what comes later, and no number of layers changes that. The convolution grows by one token
# in each direction with every layer. Attention is full from the start.

# %% exercise="input-returned"

# %% [markdown]
# The next program asks the same kind of question, by replacing words instead of nudging them.

# %% exercise="fix_word_importance"

# %% [markdown]
# ## How long is the path
#
# Each layer of convolutions sees a little further. How many does it take before one output sees both ends of a long
# text?

# %% exercise="conv-layers"

# %% [markdown]
# Vaswani et al. (2017) compare layers by this number, the longest path that a signal has to take between two tokens.
# Write it for the three kinds. (A kernel that looks both ways sees both ends from the middle first; the last output
# takes twice as many layers to see the first token.)

# %% exercise="path_length"

# %%
lengths = [2, 4, 8, 16, 32, 64]
kinds = ("recurrent", "convolutional", "attention")
paths = {kind: [yours.path_length(kind, n) for n in lengths] for kind in kinds}
curves(paths, "How many steps between the ends?", "tokens", "steps", lengths)

# %% [markdown]
# So what does a long path cost? Let the first token move by 1 and see how far the last output moves. The axis counts
# zeros: -3 is a thousandth.


# %%
def moved(layer, n):
    before = np.random.default_rng(0).standard_normal((n, 4))
    after = before.copy()
    after[0] += 1
    return np.abs(layer(after)[-1] - layer(before)[-1]).max()


untrained = [np.eye(4) / 4, np.eye(4) / 4, np.eye(4)]
shown = {"recurrence": recurrence, "attention": lambda x: yours.self_attention(x, *untrained)}
near = lengths[:5]  # beyond these the recurrence's change is lost in rounding
strengths = {name: [moved(layer, n) for n in near] for name, layer in shown.items()}
curves(strengths, "How far does the last output move?", "tokens", "change", near, log="y")

# %% [markdown]
# The recurrence halves the effect with every step, and gradients on the way back fade by the same factors
# (Hochreiter, 1991; Bengio et al., 1994). Attention that hasn't learned to choose gives each of $n$ tokens about
# $1/n$: less than the recurrence gives a neighbor, and far more than it gives a distant token. Once attention has
# learned to choose, distance needn't matter at all.

# %% [markdown]
# And how far back can the recurrence's last output feel anything, if `influence` calls a change real above $10^{-9}$?
# Here are sixty tokens.

# %%
far = np.random.default_rng(0).standard_normal((60, 4))
int(yours.influence(recurrence, far)[-1].sum())

# %% exercise="larger-steps"

# %%
int(yours.influence(lambda x: recurrence(50 * x), far)[-1].sum())

# %% [markdown]
# The recurrence is linear, so 50 times the input is 50 times the step. Neither count belongs to the network: they
# come from the size of the step (0.01 to 0.02 in ours) and from the threshold. In exact arithmetic every earlier
# token counts, just less and less.

# %% [markdown]
# ## What it costs
#
# Per layer, by table 1 of Vaswani et al. (2017), self-attention takes $n^2 d$ operations and a recurrence $n d^2$:
# every pair of tokens against every pair of coordinates. The table counts only what mixes tokens. Count the
# projections as well, and the answer changes.

# %% exercise="crossover-length"

# %% [markdown]
# A plain recurrence multiplies each token by two d by d matrices, 2 n d². So with its projections attention multiplies
# more at *any* length. It also holds $n^2$ weights for every head, unless you take care not to (lesson 14). So what did
# it win in 2017? Let's time your layer against a recurrence, both of width 256.

# %%
W = rng.standard_normal((3, 256, 256)) / 16


def stepwise(x):
    state = np.zeros(256)
    for token in x:
        state = np.tanh(token @ W[0] + state @ W[1])
    return state


# %%
from timeit import repeat


def milliseconds(layer, n):
    x = rng.standard_normal((n, 256))
    return 1000 * min(repeat(lambda: layer(x), number=1, repeat=3))


lengths = [64, 128, 256, 512, 1024, 2048]
raced = {"attention": lambda x: yours.self_attention(x, *W), "recurrence": stepwise}
times = {name: [milliseconds(layer, n) for n in lengths] for name, layer in raced.items()}
curves(times, "How does the time grow?", "tokens", "milliseconds", lengths)

# %% [markdown]
# One curve is a line and the other bends upward: for long texts, twice the tokens take up to four times the time. Where
# the two cross depends on your machine.
#
# What no machine can change is the waiting. In the loop each state waits for the one before. In attention no row
# waits for another, and that's what fills a GPU, in training and in reading a prompt. In generation both wait for the
# last token.

# %% [markdown]
# ## When the others still win
#
# A stream never ends. A recurrence keeps one state, whatever came before. What does attention keep?

# %% exercise="stream-numbers"

# %% [markdown]
# So a recurrence wins on endless streams, on small devices, and wherever $n$ is far above $d$. The price is recall:
# Transformers stay ahead at copying a long text back (Jelassi et al., 2024). State-space models train in parallel and
# stream in constant memory (Gu et al., 2021; Gu and Dao, 2023), and pay the same price, so some large models mix both
# kinds of layers (Lieber et al., 2024).
#
# Convolutions have locality built in, which helps where data is scarce. Trained on ImageNet alone, without strong
# regularization, the Vision Transformer fell behind ResNets of its size (Dosovitskiy et al., 2020). With strong
# augmentation, regularization and distillation DeiT closed that gap (Touvron et al., 2020), so don't say the first
# half alone. Lesson 10 trains both kinds on little data.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# from torch import nn
# from torch.nn import functional as F
#
# class SelfAttention(nn.Module):
#     def __init__(self, m, d):
#         super().__init__()
#         self.query, self.key, self.value = (nn.Linear(m, d, bias=False) for _ in range(3))
#
#     def forward(self, x):
#         return F.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
#
# layer, x, order = SelfAttention(12, 8), torch.randn(2, 5, 12), [3, 0, 4, 1, 2]
# print(layer(x).shape, torch.allclose(layer(x[:, order]), layer(x)[:, order], atol=1e-5))
# ```
#
# ```text
# torch.Size([2, 5, 8]) True
# ```
#
# That's the whole module, with its permutation test. One detail trips people up when they copy weights into it.

# %% exercise="linear-weight-shape"

# %% [markdown]
# ## The interview corner
#
# Say it aloud, type what you said, choose the directions, and only then read our answer. The last two cards are from
# lesson 03.

# %% exercise="self-or-cross"

# %% exercise="why-not-recurrent"

# %% exercise="when-recurrence-wins"

# %% exercise="does-it-know-order"

# %% exercise="fold-query-and-key"

# %% again="bahdanau-or-luong"

# %% again="is-it-an-alignment"

# %% [markdown]
# ## Say it in two minutes
#
# "What is self-attention, and why did it replace recurrence?" Two minutes by the clock, aloud. Then compare.

# %% [markdown] folded="One way to say it"
# "Each token is projected three ways: a query for what it's looking for, a key for how it's found, a value for what it
# hands over. Then it's scaled dot-product attention of the text with itself; in cross-attention the queries come from
# another sequence. Queries and keys need separate matrices, or the scores are symmetric and a token can't ask for what
# it doesn't offer. The layer is permutation equivariant, so positions have to come from somewhere. Against a recurrence
# it wins two things: any two tokens are one step apart, and all rows are computed at once. It pays with $n^2$: with the
# projections that's $4nd^2 + 2n^2d$ multiplications, and a cache that grows. For endless streams a fixed state still
# wins, at the price of recall."

# %% [markdown]
# ## Roads not taken
#
# Reformer shares one matrix between queries and keys, and keeps tokens from choosing themselves (Kitaev et al., 2020).
# On sets, equivariance is the aim (Lee et al., 2019). Attention layers stacked with nothing between them drive all
# tokens toward the same vector (Dong et al., 2021); lesson 09 looks at what slows that down. Windows cut the square
# down (lesson 15).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write `self_attention`, and read a map of who reaches whom. Self-attention fills all of that map. A model
# that learns to predict the next word must not see it, so in lesson 06 we hide half of the map on purpose.

# %%
progress()
