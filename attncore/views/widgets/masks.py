"""Lesson 06: a mask to paint."""

from collections.abc import Callable

import ipywidgets
import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.masks import causal_mask, padding_mask, prefix_mask
from attncore.views.live import Waiting, asked_of, bundle, choice, or_waiting
from attncore.views.style import Picture, beside
from attncore.views.tables import changed_or_not, heat_map, table
from attncore.views.widgets import SENTENCE
from attncore.words import embed, tokens


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
        cells = [[changed_or_not(bool(d))._replace(words="changes" if d else "same")] for d in differs]
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
