# %% [markdown]
# # Alignment: translation before the Transformer
#
# The attention of today's models was first built to translate: while it writes a Spanish word, a network looks back
# at the English ones and decides which of them matter now. At the end you have written the four scores of two papers,
# two of which turn out to be one, and you can say exactly what Bahdanau did, what Luong changed, and what "global"
# and "local" mean. Lesson 04 does without this one: you may skip to it and come back.

# %% [markdown]
# **You need** the weighted sum (lesson 01), softmax and the shift that it does not see (lesson 02).
# **You get** additive, dot, general and concat scores, a window that moves along the text, and the context vector.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.alignment import (
    additive_scores,
    align,
    concat_scores,
    dot_scores,
    general_scores,
    local_weights,
)
from attncore.softmax import masked_softmax, softmax
from attncore.views.tables import heat_map, number_map
from attncore.views.widgets.alignment import SOURCE, SPANISH, alignment_picture
from attncore.weighted_sum import weighted_sum
from attncore.words import embed, tokens

# %% [markdown]
# ## One vector for the whole sentence
#
# A translation network of 2014 has two halves. The **encoder** reads the source word by word into a state; the
# **decoder** starts from the last state and writes the target. What is in that state? Our toy encoder keeps half of
# the old state at each step. Our source is "the tired cat sat on the mat"; with one-hot rows (a single 1, all else 0)
# for its seven words, the state reports how much of each is left.


# %%
def encode(words):
    state = np.zeros(words.shape[-1])
    for word in words:
        state = 0.5 * state + 0.5 * word
    return state


number_map(
    [encode(np.eye(7)), encode(np.eye(7)[::-1])],
    ["read forwards", "read backwards"],
    tokens(SOURCE),
    title="Whatever was read last fills half of the state",
)

# %% [markdown]
# Of the first "the" one part in 128 is left. A trained network forgets less blindly, but its state has a fixed size
# too, and lesson 01 computed what that costs. Cho et al. (2014) measured it: the translations get worse quickly as
# sentences get longer.

# %% [markdown]
# The second row is a trick of Sutskever, Vinyals and Le (2014), who fed the source backwards. Now the first words are
# fresh when their translation is due, and BLEU, a score for translations, rose from 25.9 to 30.6. Nothing more fits
# into the vector: the part in 128 is now that of "mat".

# %% [markdown]
# ## Keep every state, and take a fresh mean
#
# Bahdanau, Cho and Bengio (2014) keep the states of all source words: the **memory**. For each target word the
# decoder's **state** scores all of them, softmax turns the scores into weights, and the weighted sum is the context.
# The state is the query; a memory state $h_j$ is key and value at once.
#
# $$c = \sum_j \text{softmax}(e)_j\, h_j$$

# %%
e = np.log([1.0, 2.0, 1.0])
h = np.array([[4.0, 0.0], [0.0, 8.0], [4.0, 4.0]])
print(softmax(e), align(e, h))

# %% [markdown]
# By hand: 0.25 · 4 + 0.5 · 0 + 0.25 · 4 = 2, and 0.25 · 0 + 0.5 · 8 + 0.25 · 4 = 5. So `align` is lesson 01 with a
# single query, and its weights come from lesson 02. They are called the **alignment**.

# %%
np.allclose(align(e, h), weighted_sum([[0.25, 0.5, 0.25]], h)[0])

# %% [markdown]
# The old model is inside the new one. With all weight on the last state, the context is the one vector that the
# decoder used to get. What is left to decide is the score.

# %%
align(np.array([-np.inf, -np.inf, 0.0]), h)

# %% [markdown]
# ## A small network compares
#
# State and memory need not have the same width, nor live in the same space. So Bahdanau lets a network of one hidden
# layer compare them, and trains it with the rest. Since its two inputs are added, the score is called **additive**.
#
# $$e_j = v \cdot \tanh(W_s s + W_h h_j)$$

# %% [markdown]
# Can it compare at all? Let the memory hold the numbers 1, 2 and 3, and let the state be a number $x$ and a constant 1.
# Two hidden units are enough: these weights make the score $\tanh(x - h_j + 1) - \tanh(x - h_j - 1)$, a bump that is
# highest where $h_j = x$.

# %%
h = np.array([[1.0], [2.0], [3.0]])
W_s, W_h = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[-1.0], [-1.0]])
v = np.array([1.0, -1.0])
for x in (1.0, 2.0, 3.0):
    print(x, additive_scores([x, 1.0], h, W_s, W_h, v).round(2))

# %% [markdown]
# Each $x$ finds its own number. At $x = 2$ the three scores are $\tanh 2 - \tanh 0 = 0.96$, then
# $\tanh 1 - \tanh(-1) = 1.52$, then 0.96 again. A dot product cannot do that on plain numbers: 2 · 1, 2 · 2 and 2 · 3
# only grow, and the largest always wins.

# %% [markdown]
# The whole comparison is in the tanh. Take it away, and see what is left of the state. Lesson 02 has the answer.

# %% exercise="linear-additive"

# %% [markdown]
# Without it the score is $v \cdot W_s s + v \cdot W_h h_j$. The first part is the same for all $j$: a common shift,
# which softmax does not see. We change $v$ a little, so that the second part does not cancel as well.

# %%
v_uneven = np.array([1.0, -0.5])
for x in (1.0, 2.0, 3.0):
    linear = np.array([v_uneven @ (W_s @ [x, 1.0] + W_h @ h_j) for h_j in h])
    print(x, linear, softmax(linear).round(3))

# %% [markdown]
# The scores move with $x$, the weights do not. Now the shapes. A batch of two: one state of width 7 each, and a memory
# of five states of width 12 each.

# %% exercise="score-shape"

# %%
rng = np.random.default_rng(0)
state, memory = rng.standard_normal((2, 7)), rng.standard_normal((2, 5, 12))
W_state, W_memory = rng.standard_normal((4, 7)), rng.standard_normal((4, 12))
additive_scores(state, memory, W_state, W_memory, rng.standard_normal(4)).shape

# %% [markdown]
# ## Luong's three scores
#
# Luong, Pham and Manning (2015) try simpler ones. **Dot** multiplies state and memory, which needs equal widths.
# **General** puts a matrix between them, and with it the widths are free. **Concat** is a network again.
#
# $$s \cdot h_j \qquad s \cdot W h_j \qquad v \cdot \tanh(W [s; h_j])$$

# %%
v = rng.standard_normal(4)
together = np.hstack([W_state, W_memory])
np.allclose(
    concat_scores(state, memory, together, v), additive_scores(state, memory, W_state, W_memory, v)
)

# %% [markdown]
# So concat is the additive score under another name: a matrix on two joined vectors is two matrices, one on each.
# And general with the identity in the middle is dot.

# %%
state = rng.standard_normal((2, 12))
np.allclose(general_scores(state, memory, np.eye(12)), dot_scores(state, memory))

# %% [markdown]
# ## A dictionary as a matrix
#
# Now a real sentence. We write "el gato cansado se sentó sobre la alfombra", and know what each word means, in
# English words that have a vector here. Nothing is trained: the dictionary is made by hand.

# %%
SPANISH

# %% [markdown]
# The memory is seven English vectors of width 384. As its state we give the decoder the Spanish word that it is about
# to write, one-hot, of width 8. A real decoder has to guess that word, and its state is richer. The matrix of the
# general score is our dictionary, a row for each Spanish word; the 4 sharpens, where training would find a size.

# %%
target, source = list(SPANISH), tokens(SOURCE)
W = np.stack([embed(meaning).mean(axis=0) for meaning in SPANISH.values()])
scores = general_scores(4 * np.eye(8), embed(SOURCE), W)
scores.shape

# %% [markdown]
# Eight states ask one memory: a row for each target word, a column for each source word. One text asks and another
# answers, which lesson 05 calls cross-attention. Softmax over each row gives the **alignment matrix**.

# %%
heat_map(
    softmax(scores),
    target,
    source,
    title='"gato" and "cansado" cross over; "el" and "la" cannot tell the two "the" apart',
)

# %% [markdown]
# A word-by-word translation would run down the diagonal. Here Spanish puts the adjective after the noun, so two rows
# cross. It says "sat" in two words, and both look at the same place. And "el" and "la" give 0.45 to each "the": the
# two are the same vector, and a score that compares contents cannot see where they stand.

# %% [markdown]
# ## Before or after the recurrent step
#
# The two papers differ most in when they ask: Bahdanau with the **previous** state, and the context enters the recurrent
# step; Luong with the **current** state, after the step.
#
# $$s_{t-1} \to e_t \to c_t \to s_t \qquad\qquad s_{t-1} \to s_t \to e_t \to c_t$$
#
# | | Bahdanau et al. (2014) | Luong et al. (2015) |
# |---|---|---|
# | asks with | $s_{t-1}$ | $s_t$ |
# | score | additive | dot, general, concat |
# | context goes into | the state $s_t$, and the output | the output: $\tanh(W_c [c_t; s_t])$ |
# | memory | both directions of one recurrent layer | top layer of a stack, one direction |
# | looks at | all source words | all, or a window |

# %% [markdown]
# In training the target is known. Luong's states then need no context, so all target words can ask at once, in one
# product, as ours just did. Bahdanau's second state waits for the first context. (Luong's "input feeding", the last
# output vector handed to the next step, waits too.)

# %%
one_by_one = [general_scores(4 * row, embed(SOURCE), W) for row in np.eye(8)]
np.allclose(scores, one_by_one)

# %% [markdown]
# ## Global looks everywhere, local through a window
#
# Both words are Luong's. **Global** attention gives weight to every source word. Bahdanau's is global, though some
# texts call it local. **Local** attention chooses a center $p$ and looks no further than a half width $D$ from it. In
# the variant that predicts its center, a Gaussian bell makes near words count more:
#
# $$w_j = \text{softmax}_{|j - p| \le D}(e)_j \cdot \exp\left(-\frac{(j - p)^2}{2 \sigma^2}\right), \qquad \sigma = \frac D2$$

# %% [markdown]
# Take five equal scores, the center 2 and a half width of 1. Three positions are inside and share a third each; then
# comes the bell. Before we run it:

# %% exercise="sum-under-the-bell"

# %%
w = local_weights(np.zeros(5), center=2.0, half_width=1)
print(w.round(3), w.sum().round(3))

# %% [markdown]
# At distance 1, the edge of this window, the bell is $e^{-2} = 0.135$, and a third of that is 0.045. The weights sum
# to 0.42 and are not normalised again: a window around the wrong place hands over little.

# %% exercise="window-at-the-edge"

# %%
local_weights(np.zeros(7), center=0.0, half_width=2).round(3)

# %% [markdown]
# The part beyond the text is dropped, and those inside share the unit. Luong's **local-p** predicts the center from the
# decoder's state, as $p = S\, \text{sigmoid}(v_p \cdot \tanh(W_p s))$: any number, whole or not, between 0 and the
# number of source words $S$.

# %% [markdown]
# That is what the bell is for. The edge of a window is a step: move the center a little, and the same positions are
# inside. Only the bell gives the weights a slope in $p$, so that training can tell which way to go. Here it is for
# "la", with the center at 5.2.

# %%
la, step = scores[6], 1e-6
slope = (local_weights(la, 5.2 + step, 2) - local_weights(la, 5.2, 2)) / step
number_map(
    [slope], ["slope"], source, title='A center further right takes weight from the second "the"'
)

# %% [markdown]
# The simpler **local-m**, m for monotonic, sets $p = t$, and has no bell. We keep ours, and give all eight rows their
# center at once.

# %%
heat_map(
    local_weights(scores, np.arange(8.0), half_width=2),
    target,
    source,
    title='In a window "el" and "la" each find their own "the"',
)

# %% [markdown]
# The tie is broken by place. "gato" pays for it: one off the center, the bell leaves it $e^{-1/2} = 0.61$. And an
# endless window is global attention.

# %%
np.allclose(local_weights(scores, np.arange(8.0), half_width=1e6), softmax(scores))

# %% [markdown]
# How narrow may the window be until words lose what they translate? Then move the center by 1: which are still right?
# The second table takes one row apart.

# %%
alignment_picture(local_weights)

# %% [markdown]
# ## A weight is on a state, not on a word
#
# A real memory holds states, and each state has read other words too. With the toy encoder, what does a weight of 1
# on each state really take from each word?

# %%
mixing = np.stack([encode(np.eye(7)[: j + 1]) for j in range(7)])
number_map(
    mixing,
    [f"state at {word}" for word in source],
    source,
    title="Each state is half its own word; what was read before is in it too",
)

# %% [markdown]
# What a target word takes from each source word is then the product of the two matrices. "alfombra" gives 0.90 of its
# weight to the state at "mat", and gets 0.45 of the word. Nor does training ask for alignments: Koehn and Knowles (2017)
# found that the weights may depart far from what a word aligner says.

# %%
taken = softmax(scores) @ mixing
number_map(taken[[7]], ["alfombra"], source, title='A weight of 0.90, and less than half is "mat"')

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. A leading axis, where there is one, is the batch. `check` compares with
# the reference on many inputs; `hint` opens the next hint.

# %% exercise="align"

# %% exercise="additive_scores"

# %% exercise="dot_scores"

# %% exercise="general_scores"

# %% exercise="concat_scores"

# %% exercise="local_weights"

# %% [markdown]
# Now the picture asks your own `local_weights`. The first three rows of the second table are ours: your weights should
# be the second times the third.

# %%
alignment_picture(local_weights)

# %% exercise="fix_alignment_picture"

# %% exercise="fix_translation_step"

# %% exercise="fix_sentence_batch"

# %% exercise="additive-parameters"

# %% exercise="hidden-bytes"

# %% exercise="window-scores"

# %% exercise="height-at-the-edge"

# %% [markdown]
# ## Roads not taken
#
# Scores may be made from the place alone, without the memory (Luong's "location"; bells that only move forwards, Graves,
# 2013). A coverage vector remembers what has been translated, against words said twice or never (Tu et al., 2016).
# A pointer network makes the weights themselves the answer (Vinyals et al., 2015). And an alignment can be forced to run
# forwards, so that the output may begin before the input has ended (Raffel et al., 2017).

# %% [markdown]
# ## Say it in two minutes
#
# An encoder-decoder squeezed each sentence into one vector, and long sentences suffered. Bahdanau keeps all encoder
# states, scores them against the decoder's previous state by a small network, and feeds the softmax-weighted mean
# into the next step: additive and global. Luong asks with the current state, by dot, general or concat, and adds a
# local form: softmax inside a window around a center, times a bell. Without its tanh the additive scores would still
# move with the query, but all alike, so that the weights would not depend on it. An alignment weighs states, and is
# no word alignment by definition.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="why-read-backwards"

# %% exercise="bahdanau-or-luong"

# %% exercise="what-the-tanh-is-for"

# %% exercise="global-or-local"

# %% exercise="is-it-an-alignment"

# %% exercise="attention-in-speech"

# %% [markdown]
# ## What the next lesson assumes
#
# That you know a score, an alignment and a context, and why all states of a target can ask in one product. There, the
# dot product wins, once it is divided by a square root.

# %%
progress()
