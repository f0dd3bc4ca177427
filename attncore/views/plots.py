"""Curves, bars and histograms: arrays in, Axes or a whole picture out. They compute nothing."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from attncore.look import GREY, ORANGE
from attncore.views.style import Picture, canvas, figure


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


def curves(
    lines: Mapping[str, Sequence[float] | np.ndarray], title: str, xlabel: str, ylabel: str, x=None, log: str = ""
) -> Picture:
    """A line for each name, over x or over 0, 1, 2 and so on; the words tell its first, middle and last value.

    `log` names the axes that are logarithmic: "x", "y" or "xy".
    """
    drawn, (ax,) = canvas(7.0, 3.2)
    over = np.arange(max(map(len, lines.values()))) if x is None else np.asarray(x)
    for name, values in lines.items():
        ax.plot(over[: len(values)], values, label=name, lw=1.5)
    if "y" in log:
        logarithmic(ax, "y", np.concatenate(list(lines.values())))
    if "x" in log:
        logarithmic(ax, "x", over)
    else:
        whole_ticks(ax, over)
    label(ax, title, xlabel, ylabel)
    ax.legend()
    told = [f"{name}: {', '.join(f'{line[at]:.3g}' for at in (0, len(line) // 2, -1))}" for name, line in lines.items()]
    heading = title if title[-1] in ".?" else f"{title}."
    return figure(
        drawn, f"{heading} {ylabel[:1].upper() + ylabel[1:]} at the first, middle and last {xlabel}: {'; '.join(told)}."
    )


def logarithmic(ax: Axes, name: str, numbers: np.ndarray) -> None:
    """Make an axis logarithmic, with powers of ten for ticks; along x powers of two, where all numbers are."""
    base = 2 if name == "x" and np.all(np.log2(numbers) % 1 == 0) else 10
    ends = np.log([numbers.min(), numbers.max()]) / np.log(base)
    first, last = np.floor(ends[0] + 1e-9), np.ceil(ends[1] - 1e-9)
    powers = np.arange(first, last + 1, 1 + (last - first) // 8)
    ticks = float(base) ** powers
    said = [
        f"{tick:,.7g}" if base == 2 or -4 < power < 6 else f"$10^{{{power:.0f}}}$"
        for tick, power in zip(ticks, powers, strict=True)
    ]
    (ax.set_xscale if name == "x" else ax.set_yscale)("log", base=base)
    axis = ax.xaxis if name == "x" else ax.yaxis
    axis.set_ticks(ticks, said)
    axis.set_ticks([], minor=True)


def whole_ticks(ax: Axes, x: np.ndarray) -> None:
    """No tick between whole numbers, and where they are few, one at each."""
    if not np.array_equal(x, np.round(x)):
        return
    apart = np.diff(np.unique(x))
    if len(x) <= 8 and apart.size and apart.min() >= apart.sum() / 12:
        ax.set_xticks(np.unique(x))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def loss_curves(losses: Mapping[str, Sequence[float]], title: str) -> Picture:
    """The losses of several trainings, by step: each the mean of ten, since the loss of one batch jumps about."""
    many = min(map(len, losses.values())) >= 50
    shown = {name: np.convolve(values, np.ones(10) / 10 if many else [1.0], "valid") for name, values in losses.items()}
    return curves(shown, title, "step", "loss, mean of ten steps" if many else "loss")


def texture(numbers, title: str, xlabel: str, ylabel: str) -> Picture:
    """A large table of signed numbers as colors alone, its first row at the top; where one is NaN it is left white."""
    numbers = np.asarray(numbers, dtype=float)
    most, (rows, columns) = float(np.nanmax(np.abs(numbers))), numbers.shape
    drawn, (ax,) = canvas(6.4, 4.0)
    ax.imshow(numbers, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
    label(ax, title, xlabel, ylabel)
    told = f"{rows} rows, by {ylabel}, and {columns} columns, by {xlabel}, with numbers from -{most:.3g} to {most:.3g}."
    return figure(drawn, f"{title} {told}")
