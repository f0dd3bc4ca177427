# %% [markdown]
# # Images as sequences
#
# A Transformer reads a sequence of vectors, and an image isn't one. So we cut it into squares, called patches. Here's
# an image of four rows and six columns, one number per pixel. The patches are two by two. Which numbers are in the
# second one?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.experiments.vision import drawn_images, vision_experiment
from attncore.recorded import photograph, recorded_looks
from attncore.views.photo import photo_heads, photo_looks, photo_of, photo_regions, photo_spots
from attncore.views.plots import texture
from attncore.views.style import beside
from attncore.views.tables import bars, number_map
from attncore.views.widgets.vision import cut_picture, look_picture

tiny = np.arange(24).reshape(4, 6, 1)
tiny[..., 0]

# %% exercise="second-patch"

# %% [markdown]
# ## Patches
#
# Why not make each pixel a token? Attention compares all pairs, and an image has too many pixels for that. Work out how
# much memory it would take, for one head of one layer.

# %% exercise="pixel-score-bytes"

# %% [markdown]
# So Dosovitskiy et al. (2020) take squares of pixels, most often 16 by 16, and call the model **ViT**, the Vision Transformer. Patches
# follow one another as we read, left to right and then down, and so do the pixels inside a patch, with the channels of a pixel
# side by side.

# %% exercise="patchify"

# %% [markdown]
# Now a photograph: a cat named Chelsea (by Stefan van der Walt), 96 by 96 pixels, with a byte each for red, green and
# blue. These are the tokens that *your* function cuts. Choose the size: smaller patches make more tokens, and each of
# them knows less.

# %%
cut_picture(yours.patchify)

# %% exercise="patches-of-the-photograph"

# %% exercise="patches-half-as-wide"

# %% [markdown]
# Cutting loses nothing, so there's a way back. Write it; the round trip has to be exact.

# %% exercise="unpatchify"


# %%
def cut(image, size):
    return np.asarray(yours.patchify(image, size))


photo = photograph()
again = np.asarray(yours.unpatchify(cut(photo, 16), 16, 96, 96))
print(f"largest difference {np.abs(again.astype(int) - photo).max()}, dtype {again.dtype}")

# %% exercise="fix_inpainting"

# %% [markdown]
# ## A projection of patches is a convolution
#
# Each patch is projected to the model width $m$ by one matrix $W$ of shape $(p, m)$, the same for all patches. There's
# another name for that. A convolution slides a kernel over the image; if its stride is as large as the kernel, each
# stop is a patch.

# %%
W = np.random.default_rng(0).standard_normal((4, 3))
projected = cut(tiny, 2) @ W

kernel, convolved = W.reshape(2, 2, 1, 3), np.empty((2, 3, 3))
for row, column in np.ndindex(2, 3):
    stop = tiny[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
    convolved[row, column] = np.tensordot(stop, kernel, axes=3)
print("equal to 1e-12:", np.allclose(convolved.reshape(6, 3), projected, rtol=0, atol=1e-12))

# %% [markdown]
# That's how libraries write it: a `Conv2d` whose `kernel_size` and `stride` are the patch size. Its kernels are $(m, c, y, x)$,
# channels first, and our patches have them last. If you load published weights, mind the order of the axes.

# %% exercise="fix_published_kernel"

# %% exercise="vit-patch-parameters"

# %% [markdown]
# Moving by a whole patch at a time has a consequence. Guess first.

# %% exercise="moved-by-a-pixel"


# %%
def reappearing(shift):
    known = {patch.tobytes() for patch in cut(photo, 16)}
    moved = cut(np.roll(photo, shift, axis=1), 16)
    return sum(patch.tobytes() in known for patch in moved)


{f"rolled by {shift}": reappearing(shift) for shift in (1, 8, 15, 16)}

# %% [markdown]
# ## One token for the whole image
#
# To name what's in a photograph we need one vector, not 36. ViT does what BERT does with its [CLS]: it puts a learned
# **class token** in front of the patches. That token attends to all of them, and a classifier reads its last state.
#
# $$z_0 = [\,x_\text{class};\; x_1 W;\; \dots;\; x_n W\,] + E, \qquad E \text{ of shape } (n + 1, m)$$
#
# $E$ holds the positions, learned as in lesson 08, one row for each token.

# %% exercise="patch-token-by-hand"

# %% exercise="embed_patches"

# %% exercise="vit-tokens-at-448"

# %% [markdown]
# From here on it's a plain encoder. ViT-B/16 (base size, patches of 16) has the width of BERT-base, 768, its 12 layers and
# its 12 heads. The class token and its position look harmless.

# %% exercise="fix_image_classes"

# %% [markdown]
# ## A puzzle
#
# Cut up the photograph, shuffle the 36 pieces, and put them back together. You see a puzzle. What does a model without
# positions see?

# %%
pixels = (photo - photo.mean()) / photo.std()
order = np.random.default_rng(3).permutation(36)
shuffled = yours.unpatchify(cut(photo, 16)[order], 16, 96, 96)
photo_of(shuffled, "A puzzle", "The photograph of the cat, its 36 patches shuffled.")

# %% exercise="shuffled-patches"

# %% [markdown]
# Let's build a whole encoder of six blocks with random weights, since the claim must hold for any, and read the class token at the end.

# %%
from attncore.experiments.blocks import start_block

rng = np.random.default_rng(0)
puzzle = (shuffled - photo.mean()) / photo.std()
W, class_token = rng.standard_normal((768, 8)) / np.sqrt(768), rng.standard_normal(8)
blocks = [start_block(rng, 8, 32) for _ in range(6)]


# %%
def read(image, positions):
    x = yours.embed_patches(image, 16, W, class_token, positions)
    for block in blocks:
        x = yours.encoder_block(x, block, 2)
    return x[0]


for name, E in (("without", np.zeros((37, 8))), ("with", rng.standard_normal((37, 8)))):
    print(f"{name:8}positions {np.abs(read(pixels, E) - read(puzzle, E)).max():.2f}")

# %% [markdown]
# Without positions the difference is rounding. Attention, norms and feed-forward layers treat all tokens alike, so shuffled patches
# stay shuffled patches through any number of blocks.
#
# How much does it cost to know nothing of the order? Less than you'd think. In an ablation of Dosovitskiy et al. (2020,
# appendix D.4) a ViT-B/16 without positions gets 61.4% on ImageNet (with a linear classifier on five images per class).
# With positions numbered along the sequence it's 64.2%, by row and column 64.0%.

# %% [markdown]
# ## Where does a patch look?
#
# Let's choose a query and a key ourselves: the mean color of each patch of 8 by 8. That's a projection too: its $W$
# averages the reds, the greens and the blues, each by itself. Where does the nose look?

# %%
centered = photo / 255 - (photo / 255).mean(axis=(0, 1))
W_mean = np.tile(np.eye(3), (64, 1)) / 64
colors = cut(centered, 8) @ W_mean
eye, nose = 12 * 4 + 3, 12 * 9 + 7


def looks(x, patch, title):
    return photo_looks(yours.attention_weights(x, x)[patch], title, patch)


# %%
plain = colors / colors.std()
beside(looks(plain, nose, "Where does the nose look?"), looks(plain, eye, "And an eye?"))

# %% [markdown]
# The nose looks at an eye: both are dark, and that's nearly all that was compared. The directions in which these colors vary independently are
# their **principal components**. How much of the variance does each of them have?

# %%
spread, directions = np.linalg.eigh(np.cov(colors.T))
bars(spread[::-1] / spread.sum(), ["first", "second", "third"], "Which direction varies most?")

# %% [markdown]
# The first is light against dark, and it drowns the others. So let all three count alike: rotate the colors to those
# directions, and divide each by its own standard deviation. That's PCA **whitening**. It's linear, so it's a matrix
# that a model could have learned as its $W_Q$ and $W_K$.

# %%
W_even = W_mean @ directions / np.sqrt(spread)
even = cut(centered, 8) @ W_even
beside(looks(even, nose, "Where does the nose look now?"), looks(even, eye, "And an eye?"))

# %% [markdown]
# Same pixels, another projection, and now the nose no longer looks at an eye. The projection decides what counts as alike,
# and that's what training has to find. Try other patches. Then shuffle, and add positions.

# %%
look_picture()

# %% [markdown]
# What does training find? DINOv2's smallest ViT (Oquab et al., 2023) has patches of 14 and was distilled from a larger one,
# without a single label. It was shown this photograph at 224 by 224 pixels. Here's where its class token looks, in each
# head of the first layer and of the last but one.

# %%
trained = recorded_looks()
photo_heads(trained, "Where does the class token look?")

# %%
beside(
    photo_looks(trained[0, 5], "Layer 0, head 5"), photo_looks(trained[10, 5], "Layer 10, head 5")
)

# %% [markdown]
# In layer 0 no patch has heard of the others. A head can choose only by a patch's own pixels and by its place, so single squares light
# up, or the border. By layer 10 heads pick out *things*: in heads 1, 4 and 5 it's the eyes, whole. (These weights come with a detector of
# salient regions, which may have trained them a little further.)

# %% [markdown]
# ## Another resolution
#
# Your model was trained at 224 by 224, so it has positions for 14 by 14 patches. Now it's shown 384 by 384, which is 24 by 24. Patches
# and attention don't mind. But there are too few positions.
#
# The new patches lie between the old ones, so we interpolate. A position belongs to the *middle* of its patch: new patch $i$ has its
# center at $i + \frac12$, in units of new patches.

# %% exercise="stretched-position"

# %% [markdown]
# In two dimensions we do that for rows, and then for columns. It's called **bilinear**. A new center outside the old
# ones takes the value at the edge.

# %% exercise="resize_positions"

# %%
old = np.array([[9.0], [0], [4], [8], [4]])
new = yours.resize_positions(old, 2, 4)
grid = new[1:].reshape(4, 4)
number_map(grid, range(4), range(4), title="What lies between 0, 4, 8 and 4?")

# %% [markdown]
# The class token's row, a 9 here, isn't on the grid and stays as it was. And beware of conventions: the code published with ViT puts
# the outermost centers of both grids on top of each other ("corners aligned"), many ports use half-pixel centers and a cubic curve.
# Fine-tuning hides the difference. Without it, use the convention that the weights were made for.

# %% exercise="vit-score-growth"

# %% [markdown]
# ## What was given up
#
# A convolution knows three things about images before it has seen one: neighbors belong together, a cat is a cat
# wherever it sits, and the grid has two dimensions. A ViT has these built in only where it cuts patches. What a model
# assumes before it has seen any data is its **inductive bias**. What's it worth? Here are eight shapes in noise, the
# data of a small experiment.

# %%
images, labels = drawn_images(np.random.default_rng(0), 8)
framed = np.pad(images, ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
rows = np.vstack([np.hstack(list(framed[:4])), np.hstack(list(framed[4:]))])
texture(rows, "Eight images: which shape is in which?", "column", "row")

# %% exercise="few-images"

# %%
runs = vision_experiment()
names = [f"{model}, {count:,} images" for model in runs.accuracies for count in runs.counts]
share = [part for model in runs.accuracies.values() for part in model]
bars(share, names, "What share of new images is right?")

# %% [markdown]
# With twenty times as many images the ViT comes closer. Now the other promise of a convolution, "wherever it sits". We
# train both models on shapes in the *left* half of the image only, and test them on the left and on the right.

# %%
names = [f"{model}, {side}" for model in runs.moved for side in ("left", "right")]
share = [part for model in runs.moved.values() for part in model]
bars(share, names, "Trained on the left. What share is right?")

# %% [markdown]
# The ViT has learned shapes in their places; elsewhere it's not much better than guessing among eight. (This small
# convolution doesn't get it entirely for free either.)

# %% [markdown]
# Real ViTs show the same at scale. Trained on the 1.3 million images of ImageNet alone, ViT-B/16 gets 77.9% at 384 pixels and
# stays below ResNets of its size. Pretrained on JFT-300M, a private set of 300 million, the larger ViTs overtake them (Dosovitskiy et al., 2020).
#
# "ViTs need 300 million images" is no law, though. Touvron et al. (2020) train the same ViT-B on ImageNet alone, with
# strong augmentation and regularization, and get 83.1% at 384 pixels. Augmentation teaches by example what a
# convolution has built in. And the class token isn't essential: the mean of all patches does as well, once the learning
# rate suits it (Dosovitskiy et al., 2020, appendix D.3; Beyer et al., 2022).

# %% [markdown]
# ## Windows
#
# Full attention over $n$ patches has $n^2$ scores. Swin (Liu et al., 2021) lets patches attend only within windows of 7
# by 7. Cutting a grid of tokens into windows is the same as cutting an image into patches, so your function can do it.
# Here are six by six tokens in windows of three by three:

# %%
grid = (cut(pixels, 16) @ W).reshape(6, 6, 8)
windows = cut(grid, 3).reshape(4, 9, 8)  # four windows of nine tokens
inside = yours.scaled_dot_product_attention(windows, windows, windows)
joined = yours.unpatchify(inside.reshape(4, 9 * 8), 3, 6, 6)
print(f"{joined.shape}, with {4 * 9**2} scores instead of {36**2:,}")

# %% [markdown]
# The windows are a batch, and none sees another. With windows of a fixed size, the cost grows with the number of
# patches and not with its square. Swin shifts the windows by half in every second layer, so information gets across.

# %% [markdown]
# ## Which region is it?
#
# Recognition names the image. **Segmentation** names each pixel or patch. Give each class a vector, and let the patches
# choose by dot product, as in Segmenter (Strudel et al., 2021), whose class vectors are tokens of the Transformer. Ours
# are four patches of the photograph, in the whitened colors from before.

# %%
regions = even[[eye, 3, nose, 12 * 11 + 2]]
scores = even @ regions.T - (regions**2).sum(axis=1) / 2  # the largest is the nearest region
photo_regions(scores.argmax(axis=1), ["an eye", "fur", "nose", "pale fur"], "What is where?")

# %% [markdown]
# **Detection** asks where each thing is. DETR (Carion et al., 2020) has 100 learned **object queries**. They attend to
# the image by the cross-attention of lesson 09, and each answers with one box, or with "no object".
#
# Our keys hold each patch's color, and how far right it lies, from -1 to 1. Three queries ask for the color of an eye:
# one anywhere, one on the left, one on the right. Where does each of them look, on average?

# %%
spots = np.argwhere(np.ones((12, 12)))
keys = np.column_stack([even, np.linspace(-1, 1, 12)[spots[:, 1]]])
queries = np.column_stack([even[[eye] * 3], [0, -8, 8]])
found = yours.scaled_dot_product_attention(queries, keys, spots.astype(float))
photo_spots(found, ["eye color", "eye color, left", "eye color, right"], "Where is an eye?")

# %% [markdown]
# The first query answers with a patch between the eyes. One softmax has one answer, and it averages two things that look alike. In training, DETR
# matches each true object with one query, so the queries learn to share the image among them.

# %% [markdown]
# A **language model** reads images in much the same way. A ViT makes vectors of the patches, a projector (in LLaVA a
# single matrix; Liu et al., 2023b) brings them to the model's width, and they stand in the prompt as if they were
# tokens. The mask stays causal, or it's lesson 06's prefix mask with the image in the prefix, as in PaliGemma (Beyer et
# al., 2024). What does an image cost?

# %% exercise="tokens-in-a-language-model"

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# from torch import nn
#
# torch.manual_seed(0)
# images = torch.randn(2, 3, 224, 224)
# project = nn.Conv2d(3, 768, kernel_size=16, stride=16)
# class_token, positions = torch.zeros(1, 1, 768), torch.zeros(1, 197, 768)
#
# patches = project(images).flatten(2).transpose(1, 2)  # (b, m, 14, 14) -> (b, 196, m)
# x = torch.cat([class_token.expand(2, -1, -1), patches], dim=1) + positions
#
# cut = nn.functional.unfold(images, kernel_size=16, stride=16).transpose(1, 2)
# same = cut @ project.weight.flatten(1).T + project.bias
# print(x.shape, torch.allclose(patches, same, atol=1e-4))
# ```
#
# ```text
# torch.Size([2, 197, 768]) True
# ```

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 08.

# %% exercise="why-patches"

# %% exercise="patches-are-a-convolution"

# %% exercise="class-token-or-mean"

# %% exercise="vit-and-data"

# %% exercise="vit-at-another-resolution"

# %% exercise="detection-and-segmentation"

# %% again="why-positions"

# %% again="where-rotary-turns"

# %% [markdown]
# ## Say it in two minutes
#
# "How does a Transformer read an image, and when would you take a convolutional net instead?" Two minutes, aloud. Then compare.

# %% [markdown] folded="One way to say it"
# "An image is cut into squares, say 16 by 16. Each is flattened and projected by one matrix, which is a convolution whose stride is its kernel size. A
# class token goes in front, learned positions are added, and a plain encoder follows; the class token, or the mean of the patches, names the image.
# At 224 that's 197 tokens. Without positions a shuffled image is the same image. For another resolution the positions are interpolated on their
# grid. A ViT has little built in about images, so it needs more data or stronger augmentation than a convolutional net, and from pretrained weights
# it does fine. Full attention costs the square of the number of patches; windows make it linear."

# %% [markdown]
# ## Roads not taken
#
# A few convolutions before the first block make training steadier than one with stride 16 (Xiao et al., 2021). Patches
# can be hidden and guessed, as BERT hides words: masked autoencoders hide three in four (He et al., 2021). A ViT can
# learn without labels, from two views of one image (Caron et al., 2021), or from captions instead (CLIP; Radford et
# al., 2021). And positions can be rotary in two dimensions, so that no table has to be resized.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you see attention as matrix products and one softmax, whatever the tokens are made of. In lesson 11 we go through it backward and write its gradients
# by hand.

# %%
progress()
