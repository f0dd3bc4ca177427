"""GGUF, the file format of llama.cpp: what a file says of a model, and the model's arrays, packed into a few bits."""

import math
import struct

import numpy as np

STRING, ARRAY = 8, 9
NUMBERS = "BbHhIif?  Qqd"  # how `struct` writes the other kinds of value, from kind 0 on
F32 = np.dtype("<f4")
Q4_1 = np.dtype([("scale", "<f2"), ("least", "<f2"), ("codes", "u1", 16)])  # 32 numbers, two codes in a byte
Q8_0 = np.dtype([("scale", "<f2"), ("codes", "i1", 32)])  # 32 numbers


def read_gguf(path):
    """Read a GGUF file: returns (metadata, arrays), two dicts by name; the arrays are float32.

    Arrays may be stored as F32, Q4_1 or Q8_0. Raises ValueError for any other, for a file that isn't
    GGUF version 3, and for one that ends too early. The format is that of Gerganov et al. (2023).
    """
    with open(path, "rb") as file:
        try:
            magic, version, n_arrays, n_values = unpack(file, "4sIQQ")
            if (magic, version) != (b"GGUF", 3):
                raise ValueError(f"read_gguf: {path} is no GGUF file of version 3")
            metadata = {read_string(file): read_value(file, *unpack(file, "I")) for _ in range(n_values)}
            entries = [read_entry(file) for _ in range(n_arrays)]
            start = file.tell() + -file.tell() % metadata.get("general.alignment", 32)
            arrays = {name: read_array(file, start + offset, *how) for name, offset, *how in entries}
        except struct.error:
            raise ValueError(f"read_gguf: {path} ends too early") from None
    return metadata, arrays


def unpack(file, form):
    """The next values of a file, of the kinds that `struct` writes so."""
    return struct.unpack("<" + form, file.read(struct.calcsize("<" + form)))


def read_string(file):
    (length,) = unpack(file, "Q")
    return unpack(file, f"{length}s")[0].decode()


def read_value(file, kind):
    """One value of the metadata: a string, a number, or a list of either."""
    if kind == STRING:
        return read_string(file)
    if kind != ARRAY:
        return unpack(file, NUMBERS[kind])[0]
    kind, length = unpack(file, "IQ")
    return [read_value(file, kind) for _ in range(length)]


def read_entry(file):
    """What the file says of one array: its name, its offset, how it is stored, and its shape."""
    name = read_string(file)
    (n_axes,) = unpack(file, "I")
    *axes, stored, offset = unpack(file, f"{n_axes}QIQ")
    return name, offset, stored, axes[::-1]  # in the file, the last axis comes first


def read_array(file, offset, stored, shape):
    """One array, as float32."""
    if stored not in STORED:
        raise ValueError(f"read_gguf: an array is stored as kind {stored}, expected one of {sorted(STORED)}")
    dtype, size, unpacked = STORED[stored]
    file.seek(offset)
    (content,) = unpack(file, f"{math.prod(shape) // size * dtype.itemsize}s")
    return unpacked(np.frombuffer(content, dtype)).reshape(shape)


def unpacked_q4_1(blocks):
    """Codes from 0 to 15 times the scale, plus the least: 16 in the low halves of the bytes, then 16 in the high."""
    codes = np.concatenate([blocks["codes"] & 15, blocks["codes"] >> 4], axis=-1)
    return codes * column(blocks["scale"]) + column(blocks["least"])


def unpacked_q8_0(blocks):
    """Codes from -128 to 127 times the scale."""
    return blocks["codes"] * column(blocks["scale"])


def column(numbers):
    """One number for each block."""
    return numbers.astype(np.float32)[:, None]


STORED: dict = {
    0: (F32, 1, np.array),
    3: (Q4_1, 32, unpacked_q4_1),
    8: (Q8_0, 32, unpacked_q8_0),
}  # by their kinds in a file
