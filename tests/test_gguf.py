"""Reading GGUF files."""

import struct

import numpy as np
import pytest
from gguf_files import as_f32, write_gguf
from numpy.testing import assert_array_equal

from attncore.gguf import read_gguf

SAID = {"a.word": "naïve", "a.number": 7, "a.half": 0.5, "is": True, "words": ["x", "yz"], "numbers": [3, 1]}
ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


def halves(*numbers):
    return struct.pack(f"<{len(numbers)}e", *numbers)


def test_metadata_and_arrays_come_back(tmp_path):
    write_gguf(tmp_path / "x", SAID, {"a": as_f32(ARRAY), "b": as_f32(ARRAY[0] - 9)})
    metadata, arrays = read_gguf(tmp_path / "x")
    assert metadata == SAID | {"general.alignment": 64}
    assert arrays.keys() == {"a", "b"}
    assert arrays["a"].dtype == np.float32
    assert_array_equal(arrays["a"], ARRAY)
    assert_array_equal(arrays["b"], [-9, -8, -7])


def test_four_bits_are_codes_times_a_scale_plus_the_least(tmp_path):
    codes = np.random.default_rng(0).integers(0, 16, (4, 32))
    blocks = [halves(0.5 * row, -row) + bytes(c[:16] | c[16:] << 4) for row, c in enumerate(codes.astype(np.uint8))]
    write_gguf(tmp_path / "x", {}, {"before": as_f32(ARRAY), "a": ("Q4_1", (2, 64), b"".join(blocks))})
    numbers = read_gguf(tmp_path / "x")[1]["a"]
    assert numbers.dtype == np.float32
    expected = [0.5 * row * codes[row] - row for row in range(4)]
    assert_array_equal(numbers, np.concatenate(expected).reshape(2, 64))


def test_eight_bits_are_codes_times_a_scale(tmp_path):
    codes = np.random.default_rng(0).integers(-128, 128, (3, 32))
    blocks = [halves(0.25 * row) + c.astype(np.int8).tobytes() for row, c in enumerate(codes)]
    write_gguf(tmp_path / "x", {}, {"a": ("Q8_0", (3, 32), b"".join(blocks))})
    numbers = read_gguf(tmp_path / "x")[1]["a"]
    assert numbers.dtype == np.float32
    assert_array_equal(numbers, 0.25 * np.arange(3)[:, None] * codes)


def test_a_scale_that_float16_can_hold_and_its_product_cannot(tmp_path):
    write_gguf(tmp_path / "x", {}, {"a": ("Q8_0", (32,), halves(60000) + b"\x7f" * 32)})
    assert_array_equal(read_gguf(tmp_path / "x")[1]["a"], np.full(32, 127 * np.float32(np.float16(60000))))


def test_another_kind_of_array_is_named(tmp_path):
    write_gguf(tmp_path / "x", {}, {"a": ("Q2_K", (32,), b"\0" * 32)})
    with pytest.raises(ValueError, match=r"stored as kind 99, expected one of \[0, 3, 8\]"):
        read_gguf(tmp_path / "x")


@pytest.mark.parametrize("begin", [b"PK\3\4", b"GGUF\1\0\0\0"])
def test_another_file_is_told(tmp_path, begin):
    (tmp_path / "x").write_bytes(begin + b"\0" * 40)
    with pytest.raises(ValueError, match="x is no GGUF file of version 3"):
        read_gguf(tmp_path / "x")


def test_a_file_that_ends_too_early_is_told_wherever_it_ends(tmp_path):
    write_gguf(tmp_path / "x", SAID, {"a": as_f32(ARRAY)})
    whole = (tmp_path / "x").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "x").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="x ends too early"):
            read_gguf(tmp_path / "x")
