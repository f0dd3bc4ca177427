"""The interactive pictures, one or two a lesson: controls, then mathematics, then a drawing."""

from collections.abc import Callable

import ipywidgets
import numpy as np

from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.heads import split_heads
from attncore.masks import causal_mask, padding_mask, prefix_mask
from attncore.self_attention import influence
from attncore.softmax import softmax
from attncore.views import plots
from attncore.views.live import WIDE, Live, Waiting, asked_of, bundle, choice, or_waiting, slider, switch
from attncore.views.style import Picture, beside, canvas, figure
from attncore.views.tables import bars, changed_or_not, heat_map, label_grid, mask_map, table
from attncore.weighted_sum import kernel_regression, kernel_weights
from attncore.words import embed, tokens

SENTENCE = "the cat sat on the mat"


def reading_picture() -> Live:
    """Lesson 00: choose a query, read its row."""
    x = embed(SENTENCE)
    words = [f"{place} {word}" for place, word in enumerate(tokens(SENTENCE))]

    def draw(row: str, sharpness: float) -> Picture:
        weights = attention_weights(x, x, scale=sharpness)
        one = weights[words.index(row)]
        best = words[int(np.argmax(one))]
        return beside(
            heat_map(weights, words, words, "Every row sums to one"),
            heat_map(one[:, None], words, [row], f'"{row}" gives most to "{best}"'),
        )

    return Live(draw, row=choice("query", words, words[1]), sharpness=slider("scale", 0, 6, 2, 0.5))


def kernel_picture(regression: Callable = kernel_regression) -> Live:
    """Lesson 01: known points, the curve that the given function draws through them, and the weights of one query."""
    rng = np.random.default_rng(4)
    keys = np.sort(rng.uniform(0, 10, 14))
    values = np.sin(keys) + 0.1 * keys + 0.15 * rng.standard_normal(14)
    line = np.linspace(0, 10, 160)

    def draw(query: float, width: float) -> Picture:
        curve = asked_of(regression, line, keys, values, width, shape=line.shape)
        weights = kernel_weights(np.array([query]), keys, width)[0]
        predicted = np.interp(query, line, curve)
        drawn, (ax,) = canvas()
        title = f"At {query:.1f} the prediction is {predicted:.2f}"
        plots.curve(ax, line, curve, title, "position", "value")
        plots.points(ax, keys, values, weights)
        plots.cross(ax, query, weights @ values)
        effective = 1 / np.sum(weights**2)
        shared = f"Dots: known points, as large as their weight. Cross: the mean of about {effective:.1f} of them."
        return figure(drawn, f"A curve through 14 known points; at {query:.1f} it is {predicted:.2f}. {shared}", shared)

    width = ipywidgets.FloatLogSlider(0.5, min=-1.3, max=1.3, step=0.05, description="width of the bell", **WIDE)
    return Live(draw, query=slider("query point", 0, 10, 4, 0.1), width=width)


def softmax_picture(function: Callable = softmax) -> Live:
    """Lesson 02: four scores, a temperature; the weights that the given function computes, and their slope."""

    def draw(half: bool, temperature: float, **scores: float) -> Picture:
        x = np.array(list(scores.values())) / temperature
        x = x.astype(np.float16 if half else np.float64)
        with np.errstate(all="ignore"):
            naive = np.exp(x) / np.exp(x).sum()
        weights = asked_of(function, x, shape=(4,)).astype(float)
        p = weights[weights > 0]
        bits = float(-np.sum(p * np.log2(p))) if np.isfinite(p).all() else np.nan
        finite = np.isfinite(naive).all()
        return beside(
            bars(weights, scores, f"Weights, {bits:.2f} of 2 bits"),
            bars(weights * (1 - weights), scores, "Slope p(1 - p)", top=0.25),
            bars(naive, scores, "No maximum subtracted" if finite else "No maximum: overflow"),
        )

    scores = {
        name: slider(f"score {name}", -20, 20, start, 0.5) for name, start in zip("abcd", (1, 2, 4, 0), strict=True)
    }
    return Live(draw, half=switch("float16"), temperature=slider("temperature", 0.1, 10, 1, 0.1), **scores)


def scale_picture() -> Live:
    """Lesson 04: random queries and keys of a width; scores, largest weight and slope, scaled and not."""
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((2, 400, 8, 512))

    def draw(exponent: int) -> Picture:
        d = 2**exponent
        plain = np.sum(draws[0, :, :1, :d] * draws[1, :, :, :d], axis=-1)
        scaled = plain / np.sqrt(d)
        drawn, (ax,) = canvas(4.6, 2.6)
        spread = {f"plain, {plain.std():.1f}": plain.ravel(), f"scaled, {scaled.std():.1f}": scaled.ravel()}
        plots.histogram(ax, spread, np.linspace(-40, 40, 61), f"Scores at width {d}", "score")
        alt = f"At width {d} plain scores spread by {plain.std():.1f}, scaled ones by {scaled.std():.1f}."
        weights = {"plain": softmax(plain), "scaled": softmax(scaled)}
        largest = [w.max(axis=-1).mean() for w in weights.values()]
        slope = [(w * (1 - w)).sum(axis=-1).mean() for w in weights.values()]
        return beside(
            figure(drawn, alt), bars(largest, weights, "Largest of 8 weights"), bars(slope, weights, "Sum of slopes")
        )

    powers = [(str(2**k), k) for k in range(10)]
    return Live(draw, exponent=ipywidgets.SelectionSlider(options=powers, value=6, description="width d"))


def weights_picture(function: Callable = attention_weights) -> Live:
    """Lesson 04: the weights that the given function computes on a real sentence."""
    words = tokens(SENTENCE)
    x = embed(SENTENCE)

    def draw(scale: float) -> Picture:
        weights = asked_of(function, x, x, None, scale, shape=(6, 6))
        sums = weights.sum(axis=-1)
        right = np.allclose(sums, 1)
        title = "Every row sums to one" if right else f"The rows sum to {', '.join(f'{s:.2f}' for s in sums)}"
        return heat_map(weights, words, words, title)

    return Live(draw, scale=slider("scale", 0, 6, 2, 0.25))


def reach_picture(function: Callable = influence) -> Live:
    """Lesson 05: which token reaches which output, in a recurrence, in convolutions, in attention."""
    rng = np.random.default_rng(1)
    x_all = rng.standard_normal((12, 4))

    def recurrence(x):
        out, state = [], np.zeros(x.shape[1])
        for token in x:
            state = 0.5 * state + 0.5 * token
            out.append(state)
        return np.array(out)

    def convolution(x):
        padded = np.pad(x, ((1, 1), (0, 0)))
        return (padded[:-2] + padded[1:-1] + padded[2:]) / 3

    def attention(x):
        return scaled_dot_product_attention(x, x, x)

    def draw(n: int, layers: int) -> Picture:
        def stacked(layer):
            def stack(x):
                for _ in range(layers):
                    x = layer(x)
                return x

            return stack

        maps, labels = [], [str(place) for place in range(n)]
        x = x_all[:n]
        moved = np.vstack([x[:1] + 1, x[1:]])
        for name, layer in (("recurrence", recurrence), ("convolution", convolution), ("attention", attention)):
            reached = asked_of(function, stacked(layer), x, shape=(n, n))
            change = float(np.abs(stacked(layer)(moved)[-1] - stacked(layer)(x)[-1]).max())
            title = f"{name}: the first moves the last by {change:.2g}"
            maps.append(mask_map(reached, labels, labels, title))
        return beside(*maps)

    return Live(draw, n=slider("tokens", 3, 12, 7), layers=slider("layers", 1, 6, 1))


def mask_picture(attention: Callable = scaled_dot_product_attention, causal: Callable = causal_mask) -> "MaskPainter":
    """Lesson 06: paint a mask, change one word, see which outputs change."""
    return MaskPainter(attention, causal)


class MaskPainter:
    """A grid of buttons for the mask; under it the weights, and the rows that a changed word reaches."""

    def __init__(self, attention: Callable, causal: Callable):
        self.attention, self.words, self.x = attention, tokens(SENTENCE)[:5], embed(SENTENCE)[:5]
        n = len(self.words)
        self.presets: dict[str, tuple] = {
            "causal": (causal, n),
            "all": (np.ones, (n, n)),
            "prefix of two": (prefix_mask, n, 2),
            "last two are padding": (np.tile, padding_mask([3], n)[0], (n, 1)),
        }
        self.buttons = [
            [ipywidgets.ToggleButton(tooltip=f"{q} may see {k}", layout={"width": "3.4em"}) for k in self.words]
            for q in self.words
        ]
        for row in self.buttons:
            for button in row:
                button.observe(self.paint, "value")
        self.preset = choice("preset", list(self.presets), "causal")
        self.changed = choice("changed word", [(f"{i} {word}", i) for i, word in enumerate(self.words)], 3)
        self.canvas = ipywidgets.HTML()
        self.preset.observe(self.fill, "value")
        self.changed.observe(self.paint, "value")
        self.filling = False
        self.fill()

    def fill(self, _change=None) -> None:
        """Set every button from the preset, and draw once."""
        mask, self.sentence = np.zeros((5, 5)), ""
        try:
            mask = asked_of(*self.presets[self.preset.value], shape=(5, 5))
        except Waiting as sentence:
            self.sentence = str(sentence)
        self.filling = True
        for row, allowed in zip(self.buttons, mask, strict=True):
            for button, one in zip(row, allowed, strict=True):
                button.value = bool(one)
        self.filling = False
        self.paint()

    def paint(self, _change=None) -> None:
        if self.filling:
            return
        for row in self.buttons:
            for button in row:
                button.icon, button.button_style = ("circle", "info") if button.value else ("", "")
        mask = np.array([[button.value for button in row] for row in self.buttons])
        self.still = or_waiting(self.draw, mask=mask, j=self.changed.value)
        self.canvas.value = self.still.html

    def draw(self, mask: np.ndarray, j: int) -> Picture:
        if self.sentence:
            raise Waiting(self.sentence)
        moved = self.x.copy()
        moved[j] = embed("dog")[0]
        weights = asked_of(self.attention, self.x, self.x, np.eye(5), mask, 2.0, shape=(5, 5))
        before = asked_of(self.attention, self.x, self.x, self.x, mask, 2.0, shape=self.x.shape)
        after = asked_of(self.attention, moved, moved, moved, mask, 2.0, shape=self.x.shape)
        differs = np.abs(after - before).max(axis=-1) > 1e-9
        changing = ", ".join(word for word, d in zip(self.words, differs, strict=True) if d) or "none"
        leak = [self.words[i] for i in range(j) if differs[i]]
        title = (
            f'Changing "{self.words[j]}" leaks back to {", ".join(leak)}'
            if leak
            else f'Changing "{self.words[j]}" leaks into no earlier output'
        )
        cells = [[(changed_or_not(bool(d)), "changes" if d else "same", "")] for d in differs]
        seen = table(cells, self.words, ["output"], title, f"{title}. Outputs that change: {changing}.")
        return beside(heat_map(weights, self.words, self.words, "The weights under this mask"), seen)

    def _repr_mimebundle_(self, **_kwargs):
        label = {"layout": {"width": "4em"}}
        rows = [
            ipywidgets.HBox([ipywidgets.Label(word, **label), *row])
            for word, row in zip(self.words, self.buttons, strict=True)
        ]
        head = ipywidgets.HBox(
            [ipywidgets.Label("", **label), *(ipywidgets.Label(w, layout={"width": "3.4em"}) for w in self.words)]
        )
        box = ipywidgets.VBox([self.preset, self.changed, head, *rows, self.canvas])
        return bundle(box, self.still)


def split_picture(function: Callable = split_heads) -> Live:
    """Lesson 07: where each number of a tiny tensor goes, step by step, right and wrong side by side."""
    n, h, w = 3, 2, 2
    names = np.array([f"t{t} h{i} w{j}" for t in range(n) for i in range(h) for j in range(w)]).reshape(n, h * w)
    numbers = np.arange(n * h * w, dtype=float).reshape(n, h * w)

    def heads(order: np.ndarray, what: str) -> Picture:
        grids = []
        for i, head in enumerate(order):
            flat = head.astype(int)
            labels = names.ravel()[flat].tolist()
            groups = flat // w % h
            pure = len(np.unique(groups)) == 1
            title = f"{what}: block {i} is head {groups[0, 0]}" if pure else f"{what}: block {i} mixes heads"
            grids.append(label_grid(labels, groups.tolist(), range(len(flat)), range(flat.shape[1]), title))
        return beside(*grids)

    def draw(step: int) -> Picture:
        if step == 1:
            columns = [f"{j}" for j in range(h * w)]
            return label_grid(
                names.tolist(),
                [[0, 0, 1, 1]] * n,
                [f"token {t}" for t in range(n)],
                columns,
                "x is (n, m): one row a token",
            )
        if step == 2:
            rows = [f"token {t}, head {i}" for t in range(n) for i in range(h)]
            return label_grid(
                names.reshape(n * h, w).tolist(),
                [[0, 0], [1, 1]] * n,
                rows,
                range(w),
                "Reshape to (n, h, w): nothing moves, a row is cut in two",
            )
        got = asked_of(function, numbers, h, shape=(h, n, w))
        return beside(heads(got, "Transpose to (h, n, w)"), heads(numbers.reshape(h, n, w), "Reshape alone"))

    return Live(draw, step=slider("step", 1, 3, 3))
