"""What is drawn on the photograph of the cat, and what its alternative text says of it."""

import re
from xml.etree import ElementTree

import numpy as np

from attncore.recorded import recorded_looks
from attncore.views.photo import photo_heads, photo_looks, photo_regions, photo_spots


def test_the_text_names_the_patches_with_the_largest_weights():
    weights = np.full(144, 0.001)
    weights[[12 * 4 + 3, 12 * 9 + 7]] = 0.6, 0.2
    alt = photo_looks(weights, "Where?").alt
    assert "(4, 3) 0.60, (9, 7) 0.20, " in alt


def test_the_veil_is_thinnest_over_the_largest_weight():
    weights = np.linspace(0.1, 1, 144)
    opacities = [float(o) for o in re.findall(r'fill-opacity="([0-9.]+)"', photo_looks(weights, "Where?").svg)]
    assert len(opacities) == 144
    assert opacities[-1] == 0 and opacities == sorted(opacities, reverse=True)


def test_every_region_is_counted_and_painted_in_its_color():
    drawn = photo_regions(np.repeat([0, 1, 2], [100, 40, 4]), ["fur", "eye", "nose"], "What?")
    assert "fur 100, eye 40, nose 4" in drawn.alt
    fills = re.findall(r'fill="(#\w+)" fill-opacity', drawn.svg)
    assert [fills.count(fill) for fill in dict.fromkeys(fills)] == [100, 40, 4]


def test_a_ring_stands_in_the_middle_of_its_patch():
    drawn = photo_spots([(0, 0), (4.5, 11)], ["one", "two"], "Where?")
    rings = re.findall(r'cx="([0-9.]+)" cy="([0-9.]+)"', drawn.svg)
    assert rings == [("4", "4"), ("92", "40")]
    assert "two: row 4.5, column 11.0" in drawn.alt


def test_all_heads_are_drawn_and_told():
    drawn = photo_heads(recorded_looks(), "Where?")
    ElementTree.fromstring(drawn.svg)
    assert drawn.alt.count("head") == 12 and "layer 10, head 5: 0.36" in drawn.alt


def test_in_layer_10_heads_1_4_and_5_look_most_at_the_eyes():
    looks, eyes = recorded_looks(), np.zeros((16, 16), bool)
    eyes[4:9, 3:7] = eyes[5:9, 11:15] = True
    for head in (1, 4, 5):
        assert eyes.ravel()[np.argsort(-looks[10, head])[:2]].all()
    assert looks[10, 5][eyes.ravel()].sum() > 0.5
    assert all(0 < look.sum() <= 1.001 for look in looks.values())
