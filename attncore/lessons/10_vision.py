# %% [markdown]
# # Images as sequences
#
# Attention asks for vectors, and does not ask where they come from. We cut a photograph into patches,
# make each patch a token, and use the Transformer as it is. At the end you can write everything that a Vision
# Transformer has in front of its first block, and say what it gave up to be so simple.

# %% [markdown]
# **You need** scaled dot-product attention (lesson 04), permutation and order (lesson 05), positions (lesson 08) and
# the encoder (lesson 09).
# **You get** `patchify` and its inverse, `embed_patches`, and `resize_positions` for images of another size.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.heads import HeadWeights
from attncore.recorded import photograph
from attncore.transformer import EncoderWeights, FeedForwardWeights, NormWeights, encoder_block
from attncore.views.tables import number_map
from attncore.views.widgets.vision import cut_picture, look_picture
from attncore.vision import embed_patches, patchify, resize_positions, unpatchify

# %% [markdown]
# ## Too many pixels
#
# This is a photograph of a cat named Chelsea (by Stefan van der Walt): 96 rows, 96 columns, and for each pixel a byte
# of red, of green and of blue.

# %%
photo = photograph()
photo.shape, photo.dtype

# %% [markdown]
# Why not make each pixel a token? Attention compares all pairs. Even this small picture has 9,216 pixels, and so 85
# million scores in every head of every layer. A photograph of the usual 224 by 224 has 2.5 billion.

# %%
for side in (96, 224):
    print(f"{side} x {side}: {side**2:,} pixels, {side**4:,} scores")

# %% [markdown]
# ## Patches
#
# Dosovitskiy et al. (2020) take squares of pixels instead, most often 16 by 16, and call the model ViT. We start with
# an image of four rows and six columns, one channel, its numbers counted row by row, so that we can see where each
# one goes.

# %%
tiny = np.arange(24).reshape(4, 6, 1)
tiny[..., 0]

# %% exercise="second-patch"

# %% [markdown]
# Six patches of two by two, four numbers each. The patches follow one another as we read, left to right and then
# down, and so do the pixels within a patch.

# %%
patchify(tiny, 2)

# %% [markdown]
# The tempting shortcut is a single reshape. It gives the same shape and raises no error. But a reshape deals the
# numbers out in reading order: its first "patch" is the start of a row of pixels, and no square at all.

# %%
tiny.reshape(6, 4)

# %% [markdown]
# Nothing is lost by the cutting: the patches can be put together again. And patches of one pixel are the pixels, so
# that the sequence of pixels is the special case of size 1.

# %%
again = unpatchify(patchify(photo, 16), 16, 96, 96)
np.array_equal(again, photo), np.array_equal(patchify(photo, 1), photo.reshape(-1, 3))

# %% exercise="patches-of-the-photograph"

# %% [markdown]
# Here are the tokens of the photograph, laid out in their order. Choose the size: smaller patches make more tokens,
# and each knows less.

# %%
cut_picture()

# %% [markdown]
# With patches of 16 the photograph is a sequence of 36 tokens, about as long as a long sentence, and has 1,296 scores
# instead of 85 million. Each token has $16 \cdot 16 \cdot 3 = 768$ numbers, as they are in the file. The next step
# makes vectors of them that can be compared.

# %% [markdown]
# ## A projection of patches is a convolution
#
# A patch is projected to the model width $m$ by one matrix W, the same for all patches: $x W$, with W of shape $(p,
# m)$. On the tiny image, with three output numbers for each patch of four:

# %%
rng = np.random.default_rng(0)
W = rng.standard_normal((4, 3))
projected = patchify(tiny, 2) @ W
projected.shape

# %% [markdown]
# A convolution slides a kernel over the image and sums the products at each stop. Give W the shape of a kernel, and
# let it move by a whole patch at a time: stride and kernel have the same size. Then each stop is a patch.

# %%
kernel = W.reshape(2, 2, 1, 3)
convolved = np.empty((2, 3, 3))
for row, column in np.ndindex(2, 3):
    window = tiny[2 * row :, 2 * column :][:2, :2]
    convolved[row, column] = np.tensordot(window, kernel, axes=3)
np.allclose(convolved.reshape(6, 3), projected)

# %% [markdown]
# That is how libraries write it: a `Conv2d` whose `kernel_size` and `stride` are the patch size. Its kernels have
# their channels first, $(m, c, y, x)$; our patches have them last. Published weights need a transpose, not a reshape,
# to pass from one to the other.

# %% [markdown]
# So the smallest shift that such a layer understands is a whole patch. Roll the photograph to the right by 16 pixels,
# what leaves coming in at the left, and all 36 patches are there again, elsewhere in the sequence. Roll it by one
# pixel, and every patch is new.


# %%
def reappearing(shift):
    known = {patch.tobytes() for patch in patchify(photo, 16)}
    moved = np.roll(photo, shift, axis=1)
    return sum(patch.tobytes() in known for patch in patchify(moved, 16))


reappearing(16), reappearing(1)

# %% [markdown]
# ## One token for the whole image
#
# To name what is in a photograph we need one vector, not 36. ViT does as BERT does, which puts a mark [CLS] in front of
# each text: the first token is a learned **class token**. It stands for no patch. It attends to all of them, and the
# classifier reads its last state.

# %% [markdown]
# $$z_0 = [\,x_\text{class};\; x_1 W;\; \dots;\; x_n W\,] + E, \qquad E \text{ of shape } (n + 1, m)$$
#
# E holds the positions, learned as in lesson 08, one row for each token; the class token has row 0. Three patches to
# check by hand, model width 1: every entry of W is 1, the class token is 2, and the positions count in hundreds.

# %%
strip = np.arange(12).reshape(2, 6, 1)
E = np.array([[0.0], [100], [200], [300]])
embed_patches(strip, 2, np.ones((4, 1)), np.array([2.0]), E).ravel()

# %% [markdown]
# The first patch holds 0, 1, 6 and 7, which sum to 14, and its position adds 100. From here on it is a plain encoder.
# ViT-B/16, base size with patches of 16, has the width of BERT-base, 768, and its 12 layers of 12 heads.

# %% [markdown]
# ## Without positions, a shuffled cat is a cat
#
# Cut the photograph, shuffle the 36 pieces, put them together. A human sees a puzzle. Lesson 05 shuffled words; what
# does a class token see that attends to the patches, if no positions were added?

# %% exercise="shuffled-patches"

# %% [markdown]
# We draw a projection and a class token at random, since the claim holds for all of them, and let the class token
# attend once, to itself and to the patches.

# %%
pixels = (photo - photo.mean()) / photo.std()
puzzle = unpatchify(rng.permutation(patchify(pixels, 16)), 16, 96, 96)
W, class_token = rng.standard_normal((768, 8)) / np.sqrt(768), rng.standard_normal(8)


def read(image, positions):
    x = embed_patches(image, 16, W, class_token, positions)
    return scaled_dot_product_attention(x[:1], x, x)


# %% [markdown]
# Without positions the difference between photograph and puzzle is rounding. With positions, here random ones, it is
# not.

# %%
for positions in (np.zeros((37, 8)), rng.standard_normal((37, 8))):
    print(f"{np.abs(read(pixels, positions) - read(puzzle, positions)).max():.2g}")

# %% [markdown]
# Does depth help? We put six blocks of lesson 09 on top, with random weights, and read row 0 again: a whole encoder.


# %%
def random_block():
    heads = HeadWeights(*rng.standard_normal((4, 8, 8)) / np.sqrt(8))
    inner = rng.standard_normal((8, 32)) / np.sqrt(8), np.zeros(32)
    outer = rng.standard_normal((32, 8)) / np.sqrt(32), np.zeros(8)
    norm = NormWeights(np.ones(8), np.zeros(8))
    return EncoderWeights(norm, heads, norm, FeedForwardWeights(*inner, *outer))


blocks = [random_block() for _ in range(6)]


# %%
def encode(image, positions):
    x = embed_patches(image, 16, W, class_token, positions)
    for block in blocks:
        x = encoder_block(x, block, 2)
    return x[0]


for positions in (np.zeros((37, 8)), rng.standard_normal((37, 8))):
    print(f"{np.abs(encode(pixels, positions) - encode(puzzle, positions)).max():.2g}")

# %% [markdown]
# Rounding again, and again a difference with positions. Attention, norm and feed-forward treat all tokens alike, so that
# shuffled patches stay shuffled patches through any number of blocks. The mean of all outputs, the alternative to a
# class token, would not see the difference either.

# %% [markdown]
# How much does it matter? Less than one would think. In the ablation of Dosovitskiy et al. (2020, appendix D.4) a
# ViT-B/16 without positions reaches 61.4% on ImageNet, photographs in 1,000 classes, with a linear classifier on five
# images a class; with positions numbered along the sequence 64.2%, by row and column 64.0%. A bag of patches tells
# much, and the grid is learned.

# %% [markdown]
# ## Where does a patch look?
#
# We have no trained ViT here, so we choose query and key ourselves, honestly: the mean color of each patch of 8 by
# 8, against that of the whole photograph. That is a projection too. Its W averages red, green and blue.

# %%
centered = photo / 255 - (photo / 255).mean(axis=(0, 1))
W_mean = np.tile(np.eye(3), (64, 1)) / 64
colors = patchify(centered, 8) @ W_mean
colors.shape


# %% [markdown]
# Patch (4, 3), in row 4 and column 3 of the 12 by 12 grid, lies in the eye on the left, and (9, 7) on the nose. Both
# are dark; the eyes are greenish, the nose is reddish. What do they look at most? We compare the colors as they are,
# only brought to a standard deviation of one.


# %%
def looks_at(x, row, column):
    weights = attention_weights(x, x)[12 * row + column]
    best = np.argsort(-weights)[:3]
    return [(int(i) // 12, int(i) % 12, round(float(weights[i]), 2)) for i in best]


looks_at(colors / colors.std(), 4, 3), looks_at(colors / colors.std(), 9, 7)

# %% [markdown]
# The eye finds the other eye, (5, 9). But so does the nose, with 0.65. All three are dark, and that is nearly all
# that was compared: of the three uncorrelated directions in which these colors vary, lightness has 90% of the
# variance.

# %%
spread, directions = np.linalg.eigh(np.cov(colors.T))
(spread / spread.sum()).round(3)

# %% [markdown]
# So let every direction count alike: turn the colors to those directions, and divide each by its own standard
# deviation. It is linear, a matrix that a model could have learned as W_query and W_key. Ours comes from this one
# photograph; nothing is trained.

# %%
W_even = W_mean @ directions / np.sqrt(spread)
even = patchify(centered, 8) @ W_even
looks_at(even, 4, 3), looks_at(even, 9, 7)

# %% [markdown]
# Now the eye on the left gives 0.66 to the other eye and most of the rest to itself, and the nose looks at the nose.
# The pixels are the same; the projection decides what counts as alike. That is what training has to find.

# %% [markdown]
# Choose a patch, framed in orange: where it looks stays light. Shuffle, and the light only moves with the pieces,
# each named by where it belongs. Add positions, and the same piece in another place looks elsewhere.

# %%
look_picture()

# %% [markdown]
# ## Another resolution
#
# A model trained at 224 by 224 has positions for 14 by 14 patches. Shown an image of 384 by 384, with the same
# patches of 16, it meets 24 by 24. Patches and attention do not mind; the learned positions are too few.

# %% [markdown]
# The new patches lie between the old ones, so we interpolate, as Dosovitskiy et al. do before they fine-tune.
# A position is the middle of its patch: new patch $i$ has its center at $i + \frac12$, which is $(i +
# \frac12) \cdot \frac{\text{old}}{\text{new}} - \frac12$ counted in old patches.

# %%
(np.arange(4) + 0.5) * 2 / 4 - 0.5

# %% [markdown]
# From two patches to four: the second new center lies at 0.25, a quarter of the way from old patch 0 to old patch 1.
# The first lies before the first old center, and there we keep the edge.

# %% exercise="stretched-position"

# %% [markdown]
# In two dimensions we do so for rows and then for columns, which is called bilinear. Here the class token has a 9,
# the upper two patches have a 0, the lower two a 4.

# %%
old = np.array([[9.0], [0], [0], [4], [4]])
new = resize_positions(old, 2, 4)
grid = "0123"
number_map(new[1:].reshape(4, 4), grid, grid, title="Four rows between 0 and 4, all columns alike")

# %% [markdown]
# The class token is not on the grid, and keeps its row. To the same grid, nothing changes.

# %%
same = resize_positions(old, 2, 2)
new[0], np.array_equal(same, old)

# %% [markdown]
# Beware of conventions. The code published with ViT interpolates with the outermost centers of both grids on top of
# each other, "corners aligned"; many ports use half-pixel centers and a cubic curve. The difference is a fraction of
# a patch, and fine-tuning hides it. Without fine-tuning, use the one that the weights were made for.

# %% [markdown]
# ## What was given up
#
# A convolution knows three things about images before it has seen one: neighbors belong together, a cat is a cat
# wherever it sits, and the grid has two dimensions. A ViT knows of the grid at two places only: where it cuts
# patches, and where its positions are resized. All else it must learn from data.

# %% [markdown]
# That shows in the numbers. ViT-B/16, trained on ImageNet's 1.3 million images alone, has 77.9% of its validation
# images right, and stays below ResNets of comparable size. With JFT-300M, a private set of 300 million, the larger
# ViTs overtake the ResNets, and ViT-H/14 has 88.55% (Dosovitskiy et al., 2020).

# %% [markdown]
# "ViTs need 300 million images" is no law, though. Touvron et al. (2020, DeiT) train the same ViT-B on ImageNet
# alone, with strong augmentation and regularization: 81.8% at 224, and 83.1% fine-tuned at 384. Augmentation tells by
# examples what a convolution has built in, its **inductive bias**. More data or better training: either can replace it.

# %% [markdown]
# And the class token? It is not essential. Averaging the outputs of all patches works as well, once the learning rate
# suits it (Dosovitskiy et al., 2020, appendix D.3). Beyer et al. (2022) average, use fixed sine positions by row and
# column, and a ViT-S/16 reaches 80% on ImageNet in 300 epochs with standard augmentation.

# %% [markdown]
# ## Windows
#
# Full attention over $n$ patches has $n^2$ scores, too many for large images. Liu et al. (2021, Swin) let patches
# attend within windows of 7 by 7 only. Cutting a grid of tokens into windows is cutting an image into patches, once
# more. Six by six tokens, windows of three:

# %%
tokens = patchify(pixels, 16) @ W
windows = patchify(tokens.reshape(6, 6, 8), 3).reshape(4, 9, 8)
inside = scaled_dot_product_attention(windows, windows, windows)
joined = unpatchify(inside.reshape(4, -1), 3, 6, 6)
joined.shape

# %% [markdown]
# The windows are a batch for the attention of lesson 04, and none sees another: 4 times 81 scores instead of 1,296.
# For windows of a fixed size the cost grows with the number of patches, not with its square. Swin shifts the windows
# by half in every second layer, so that information crosses. One window as wide as the grid is full attention:

# %%
one = patchify(tokens.reshape(6, 6, 8), 6).reshape(1, 36, 8)
full = scaled_dot_product_attention(tokens, tokens, tokens)
np.allclose(scaled_dot_product_attention(one, one, one), full)

# %% [markdown]
# ## Which region is it?
#
# Recognition names the image. **Segmentation** names each pixel or patch. Give each class a vector and let the
# patches choose by dot product: so does Segmenter (Strudel et al., 2021), whose class vectors are tokens of the
# Transformer. Ours are four patches of the photograph: an eye, fur, nose, and pale fur.

# %%
regions = even[[12 * 4 + 3, 3, 12 * 9 + 7, 12 * 11 + 2]]
scores = even @ regions.T - (regions**2).sum(axis=1) / 2
for line in np.array(list("E.No"))[scores.argmax(axis=1)].reshape(12, 12):
    print(*line)

# %% [markdown]
# Every E lies in an eye, and both eyes have some; the N are on the nose and just above it. (Half the squared length
# is taken off so that the largest score is the nearest region.)

# %% [markdown]
# **Detection** asks where each thing is. In DETR (Carion et al., 2020) learned **object queries**, 100 of them,
# attend to the image by the cross-attention of lesson 09, and each answers with one box, or "no object". Here the keys
# hold the color and how far right the patch lies, from -1 to 1. The first query asks for green alone, the others for
# "green, left" and "green, right". We print the mean row and column under their weights.

# %%
spots = np.argwhere(np.ones((12, 12)))
keys = np.column_stack([even, np.linspace(-1, 1, 12)[spots[:, 1]]])
queries = np.column_stack([even[[12 * 4 + 3] * 3], [0, -8, 8]])
(attention_weights(queries, keys) @ spots).round(1)

# %% [markdown]
# "Green" answers with a patch between the eyes, where there is no eye: one softmax has one answer, and mixes two things
# that look alike. The others find one eye each. In training each true object is matched to one query, so that DETR's
# queries learn to share the image among them.

# %% [markdown]
# A **language model** reads an image in the same way. A ViT makes vectors of the patches, a small projector, in LLaVA a
# single matrix, brings them to the model's width, and they stand in the text as if they were tokens (Liu et al., 2023b).
# The mask may stay causal, or be lesson 06's prefix mask, with the image in the prefix (PaliGemma; Beyer et al., 2024).

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. Images are (H, W, c), channels last. `check` compares with the reference
# on many inputs; `hint` opens the next of three hints.

# %% exercise="patchify"

# %% [markdown]
# This picture shows the tokens that your own function cuts. Until it is right, the tiles tell what it took for a
# patch. The photograph is square, though, and so one mistake cannot show here: `check` tries others.

# %%
cut_picture(patchify)

# %% exercise="unpatchify"

# %% exercise="embed_patches"

# %% exercise="resize_positions"

# %% exercise="fix_image_classes"

# %% exercise="fix_published_kernel"

# %% exercise="fix_inpainting"

# %% exercise="pixel-score-bytes"

# %% exercise="patches-half-as-wide"

# %% exercise="vit-patch-parameters"

# %% exercise="vit-tokens-at-448"

# %% exercise="vit-score-growth"

# %% [markdown]
# ## Roads not taken
#
# A few convolutions before the first block make training steadier than one with stride 16 (Xiao et al., 2021).
# Positions may be rotary in two dimensions, which needs no resizing table (lesson 08). Patches can be hidden and
# guessed, as BERT hides words: masked autoencoders hide three in four (He et al., 2021). And a caption can take the
# place of labels (CLIP; Radford et al., 2021).

# %% [markdown]
# ## Say it in two minutes
#
# An image is cut into squares, say 16 by 16, and each square is flattened and projected by one matrix: a convolution
# whose stride is its kernel size. A class token goes in front, learned positions are added, and a plain encoder
# follows; the class token, or the mean of the patches, names the image. At 224 that is 197 tokens. Without positions
# a shuffled image is the same image. For another resolution the positions are interpolated on their grid. A ViT has
# little built in about images, so that it needs more data or stronger augmentation than a convolutional net. Full
# attention costs the square of the number of patches; windows make it linear.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="why-patches"

# %% exercise="patches-are-a-convolution"

# %% exercise="class-token-or-mean"

# %% exercise="vit-and-data"

# %% exercise="vit-at-another-resolution"

# %% exercise="detection-and-segmentation"

# %% [markdown]
# ## What the next lesson assumes
#
# Nothing about images. There we go back to one attention and derive its gradient by hand: keep the formula of lesson
# 04 and the slope of the softmax of lesson 02 at hand.

# %%
progress()
