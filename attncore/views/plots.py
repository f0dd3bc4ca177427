"""Curves, bars and histograms: arrays in, Axes out. They compute nothing."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from attncore.look import GREY, ORANGE


def label(ax: Axes, title: str, xlabel: str = "", ylabel: str = "") -> Axes:
    """The title states the finding, over the left edge."""
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", y=1.02)  # a fixed y is quicker to place
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return ax


def curve(ax: Axes, x, y, title: str, xlabel: str, ylabel: str) -> Axes:
    """One line over x."""
    ax.plot(x, y)
    return label(ax, title, xlabel, ylabel)


def points(ax: Axes, x, y, sizes) -> Axes:
    """Dots over whatever is drawn; `sizes` from 0 to 1 make them larger."""
    ax.scatter(x, y, s=15 + 250 * np.asarray(sizes), color=ORANGE, alpha=0.8, zorder=3)
    return ax


def cross(ax: Axes, x: float, y: float) -> Axes:
    """A cross over whatever is drawn, on a thin line that shows its x."""
    ax.axvline(x, color=GREY, lw=1, zorder=0)
    ax.plot([x], [y], "k+", markersize=13, markeredgewidth=2, zorder=4)
    return ax


def histogram(ax: Axes, samples: Mapping[str, np.ndarray], edges, title: str, xlabel: str) -> Axes:
    """Outlines of the share of samples in each bin."""
    for name, sample in samples.items():
        counts, _ = np.histogram(sample, edges)
        ax.stairs(counts / len(sample), edges, label=name, fill=True, alpha=0.45)
    label(ax, title, xlabel, "share")
    ax.legend()
    return ax
