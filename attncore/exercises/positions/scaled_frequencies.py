"""Longer than trained: frequencies rescaled."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.positions import scaled_frequencies

ERRORS = "Raises ValueError for an odd width and for any other kind."
exercise = code(
    scaled_frequencies,
    case("a width of 8, unchanged", d=8),
    case("linear", d=8, factor=4.0),
    case("linear, with its name and another base", d=6, base=500_000.0, kind="linear", factor=2.0),
    case("ntk", d=8, kind="ntk", factor=4.0),
    case("ntk, a larger width and base", d=64, base=500_000.0, kind="ntk", factor=8.0),
    case("yarn", d=8, kind="yarn", factor=4.0),
    case("yarn, trained on 4,096 tokens", d=64, kind="yarn", factor=16.0, trained=4096),
    case("yarn, trained on 300 tokens", d=16, base=300.0, kind="yarn", factor=2.0, trained=300),
    case("llama3", d=8, kind="llama3", factor=8.0),
    case("llama3, as published", d=128, base=500_000.0, kind="llama3", factor=8.0),
    case("llama3, trained on 300 tokens", d=16, base=300.0, kind="llama3", factor=2.0, trained=300),
    *(
        case(f"{kind}, a factor of 1", d=8, kind=kind, promise="A factor of 1 changes nothing.")
        for kind in ("ntk", "yarn", "llama3")
    ),
    case("an odd width", d=7, factor=2.0, promise=ERRORS),
    case("an unknown kind", d=8, kind="quadratic", factor=2.0, promise=ERRORS),
)

RAMPS = {"yarn": (1, 32), "llama3": (1, 4)}


def plain(d, base):
    """The frequencies before anything is rescaled."""
    return base ** (-np.arange(0, d, 2) / d)


def blended(frequencies, factor, kept):
    """Between a frequency as it is, where `kept` is 1, and divided by the factor."""
    return frequencies * (kept + (1 - kept) / factor)


def ramp(turns, low, high):
    return np.clip((turns - low) / (high - low), 0, 1)


def otherwise(label, linear=None, ntk=None, ramped=None):
    """A wrong solution for some of the kinds; `ramped` is for "yarn" and "llama3", with the ends of their ramp."""

    @exercise.mistake(label)
    def frequencies(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
        if kind == "linear" and linear:
            return linear(d, base, factor)
        if kind == "ntk" and ntk:
            return ntk(d, base, factor)
        if kind in RAMPS and ramped:
            return ramped(plain(d, base), factor, trained, *RAMPS[kind])
        return scaled_frequencies(d, base, kind, factor, trained)


def turns_of(frequencies, trained):
    return trained * frequencies / (2 * math.pi)


@exercise.mistake("the factor upside down")
def factor_upside_down(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return scaled_frequencies(d, base, kind, 1 / factor, trained)


@exercise.mistake("nothing rescaled")
def nothing_rescaled(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return plain(d, base)


@exercise.mistake("linear, whatever the kind")
def always_linear(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return plain(d, base) / factor


@exercise.mistake("wavelengths instead of frequencies")
def wavelengths(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return 2 * math.pi / scaled_frequencies(d, base, kind, factor, trained)


@exercise.mistake("frequencies upside down")
def inverted(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return 1 / scaled_frequencies(d, base, kind, factor, trained)


@exercise.mistake("smallest first")
def smallest_first(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return scaled_frequencies(d, base, kind, factor, trained)[::-1]


@exercise.mistake("exponent i over d")
def exponent_i_over_d(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return scaled_frequencies(d, base**0.5, kind, factor, trained)


@exercise.mistake("base hard-coded")
def base_hard_coded(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return scaled_frequencies(d, 10000.0, kind, factor, trained)


@exercise.mistake("trained length hard-coded")
def trained_hard_coded(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return scaled_frequencies(d, base, kind, factor)


otherwise("ntk with the exponent d over d - 1", ntk=lambda d, base, factor: plain(d, base * factor ** (d / (d - 1))))
otherwise("ntk with the base times the factor", ntk=lambda d, base, factor: plain(d, base * factor))
otherwise("ntk with the exponent d - 2 over d", ntk=lambda d, base, factor: plain(d, base * factor ** ((d - 2) / d)))
otherwise(
    "ntk divided by the factor as well", ntk=lambda d, base, factor: scaled_frequencies(d, base, "ntk", factor) / factor
)
otherwise(
    "the ramp reversed",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, 1 - ramp(turns_of(f, trained), low, high)),
)
otherwise(
    "turns counted without 2 pi",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, ramp(trained * f, low, high)),
)
otherwise(
    "the ramp goes by the wavelength",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, ramp(2 * math.pi / f, low, high)),
)
otherwise(
    "the ramp goes by the wavelength",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, ramp(turns_of(1 / f, trained), low, high)),
)
otherwise(
    "the ramp goes by tokens for one turn",
    ramped=lambda f, factor, trained, low, high: blended(
        f, factor, 1 - ramp(2 * math.pi / f, trained / high, trained / low)
    ),
)
otherwise(
    "a step instead of a ramp",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, turns_of(f, trained) >= high),
)
otherwise(
    "a step at the lower end instead of a ramp",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, turns_of(f, trained) > low),
)
otherwise(
    "the ramp isn't cut off at its ends",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, (turns_of(f, trained) - low) / (high - low)),
)
otherwise(
    "turns in the stretched length instead of the trained one",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, ramp(turns_of(f, factor * trained), low, high)),
)
otherwise(
    "wavelengths blended instead of frequencies",
    ramped=lambda f, factor, trained, low, high: 1 / blended(1 / f, 1 / factor, ramp(turns_of(f, trained), low, high)),
)
otherwise("the factor upside down", linear=lambda d, base, factor: plain(d, base) * factor)
otherwise("ntk with half its exponent", ntk=lambda d, base, factor: plain(d, base * factor ** (d / (d - 2) / 2)))
otherwise(
    "a step in the middle instead of a ramp",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, 2 * turns_of(f, trained) >= high),
)
otherwise(
    "the ramp begins at no turn at all",
    ramped=lambda f, factor, trained, low, high: blended(f, factor, ramp(turns_of(f, trained), 0, high)),
)
otherwise(
    "blended by powers of the factor",
    ramped=lambda f, factor, trained, low, high: f * factor ** (ramp(turns_of(f, trained), low, high) - 1),
)
for ends in RAMPS.values():
    otherwise(
        "one ramp for yarn and llama3",
        ramped=lambda f, factor, trained, low, high, ends=ends: blended(f, factor, ramp(turns_of(f, trained), *ends)),
    )


@exercise.mistake("a step in the middle instead of a ramp")
def step_of_yarn_alone(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    if kind != "yarn":
        return scaled_frequencies(d, base, kind, factor, trained)
    return blended(plain(d, base), factor, turns_of(plain(d, base), trained) >= 16)


@exercise.mistake("exponent 2i over d - 2")
def exponent_to_the_last_pair(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return scaled_frequencies(d, base ** (d / (d - 2)), kind, factor, trained)


@exercise.mistake("yarn's temperature is in the frequencies")
def temperature_in_the_frequencies(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    temperature = 0.1 * math.log(factor) + 1 if kind == "yarn" else 1
    return scaled_frequencies(d, base, kind, factor, trained) * temperature


@exercise.mistake("the ramps of yarn and llama3 exchanged")
def ramps_exchanged(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    other = {"yarn": "llama3", "llama3": "yarn"}.get(kind, kind)
    return scaled_frequencies(d, base, other, factor, trained)


def over_pairs(d, base, factor, trained, rounded):
    """YaRN's ramp over the indices of the pairs, between those that make 32 turns and 1 turn in the trained length."""
    first, last = (d * math.log(trained / (turns * 2 * math.pi)) / (2 * math.log(base)) for turns in (32, 1))
    if rounded:
        first, last = max(math.floor(first), 0), min(math.ceil(last), d - 1)
    pairs = np.arange(d // 2)
    return blended(plain(d, base), factor, 1 - ramp(pairs, first, max(last, first + 0.001)))


for label, rounded in (
    ("yarn's ramp over the indices of the pairs, as in gpt-oss", False),
    ("yarn's ramp over rounded indices of the pairs, as in Hugging Face", True),
):

    @exercise.other_convention(label)
    def ramp_over_pairs(d, base=10000.0, kind="linear", factor=1.0, trained=8192, rounded=rounded):
        if kind == "yarn":
            return over_pairs(d, base, factor, trained, rounded)
        return scaled_frequencies(d, base, kind, factor, trained)


@exercise.other_convention("every frequency twice, for both numbers of a pair")
def every_frequency_twice(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return np.repeat(scaled_frequencies(d, base, kind, factor, trained), 2)


@exercise.other_convention("the frequencies twice over, for the two halves")
def frequencies_twice_over(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return np.tile(scaled_frequencies(d, base, kind, factor, trained), 2)


@exercise.another_way
def by_wavelengths_as_llama_writes_it(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    if kind == "ntk":
        base = base * factor ** (d / (d - 2))
    frequencies = 1.0 / base ** (np.arange(0, d, 2) / d)
    if kind == "linear":
        return frequencies / factor
    if kind == "ntk":
        return frequencies
    low, high = (1, 4) if kind == "llama3" else (1, 32)
    wavelengths = 2 * np.pi / frequencies
    smooth = (trained / wavelengths - low) / (high - low)
    between = (1 - smooth) * frequencies / factor + smooth * frequencies
    longer = np.where(wavelengths > trained / low, frequencies / factor, between)
    return np.where(wavelengths < trained / high, frequencies, longer)


@exercise.another_way
def pair_by_pair(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    slower = []
    for i in range(d // 2):
        frequency = base ** (-2 * i / d)
        if kind == "linear":
            kept = 0.0
        elif kind == "ntk":
            slower.append(frequency * factor ** (-2 * i / (d - 2)))
            continue
        else:
            turns = trained * frequency / (2 * math.pi)
            kept = min(max((turns - 1) / ({"yarn": 32, "llama3": 4}[kind] - 1), 0), 1)
        slower.append(kept * frequency + (1 - kept) * frequency / factor)
    return slower
