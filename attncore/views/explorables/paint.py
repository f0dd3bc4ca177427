"""The colors of explorables: names for both themes, and two scales for numbers.

In an SVG a color's name gives the light one as an attribute, for a picture that stands alone on its card, and a class,
by which the page's theme takes over.
"""

import json

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from attncore.look import BLUE, GREEN, GREY, ORANGE, PINK
from attncore.views.style import ink_on

THEMES = {
    "paper": ("#ffffff", "#1b1d20"),
    "ink": ("#1f2328", "#e6e8eb"),
    "soft": ("#5d646c", "#a9b0b8"),  # labels beside the matter
    "line": ("#c9ced4", "#474d54"),  # axes, frames, what waits for a bar
    "wash": ("#eef0f2", "#2a2d31"),  # cells without a color of their own
    "blue": (BLUE, "#56b4e9"),
    "orange": (ORANGE, "#ff8f3f"),
    "green": (GREEN, "#3ecf9f"),
    "pink": (PINK, "#e08dc0"),
    "grey": (GREY, "#9a9a9a"),
}


def scale(name: str, steps: int = 65) -> list[list[str]]:
    """A color map as steps, each with black or white text that reads on it. An odd number has a middle."""
    colors = matplotlib.colormaps[name](np.linspace(0, 1, steps))[:, :3]
    return [[to_hex(color), ink_on(color)] for color in colors]


SCALES = {"weight": scale("viridis"), "signed": scale("RdBu_r")}


def weight_color(weight: float) -> list[str]:
    """The color of a number from 0 to 1, and of the text on it."""
    return step("weight", weight)


def signed_color(number: float, most: float) -> list[str]:
    """The color of a number from -most to most, zero in the middle, and of the text on it."""
    return step("signed", 0.5 + 0.5 * number / most if most else 0.5)


def step(name: str, share: float) -> list[str]:
    colors = SCALES[name]
    return colors[int(min(max(share, 0), 1) * (len(colors) - 1) + 0.5)]


def styles() -> str:
    """The page's rules for the names, in the themes of JupyterLab, VS Code and the reader's system."""
    light, dark = (
        "".join(f"--{name}:{colors[theme]};" for name, colors in THEMES.items()) + f"color-scheme:{word}"
        for theme, word in enumerate(("light", "dark"))
    )
    own = ".attncore-explorable"
    named = "".join(
        f"{own} .fill-{name}{{fill:var(--{name})}}{own} .stroke-{name}{{stroke:var(--{name})}}" for name in THEMES
    )
    return (
        f"{own}{{{light}}}"
        f"@media(prefers-color-scheme:dark){{body:not([data-jp-theme-light],.vscode-light) {own}{{{dark}}}}}"
        f'[data-jp-theme-light="false"] {own},.vscode-dark {own},.vscode-high-contrast {own}{{{dark}}}{named}'
    )


def constants() -> str:
    """What scripts need of this file."""
    light = {name: colors[0] for name, colors in THEMES.items()}
    return f"const SCALES = {json.dumps(SCALES, separators=(',', ':'))}, THEMES = {json.dumps(light)};\n"
