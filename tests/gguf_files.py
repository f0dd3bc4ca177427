"""GGUF files for tests, written as the format says."""

import struct

import numpy as np

KINDS = {"F32": 0, "Q4_1": 3, "Q8_0": 8}
ALIGNMENT = 64


def write_gguf(path, metadata, arrays):
    """Write a file; `arrays` is a dict from name to (how it is stored, shape, bytes)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(arrays), len(metadata) + 1)
    for name, value in {**metadata, "general.alignment": ALIGNMENT}.items():
        head += text(name) + kind_and_value(value)
    content = b""
    for name, (stored, shape, own) in arrays.items():
        content += b"\0" * (-len(content) % ALIGNMENT)
        head += text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}QIQ", *reversed(shape), KINDS.get(stored, 99), len(content))
        content += own
    path.write_bytes(head + b"\0" * (-len(head) % ALIGNMENT) + content)


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def kind_and_value(value):
    if isinstance(value, list):
        items = [kind_and_value(item) for item in value]
        return struct.pack("<I", 9) + items[0][:4] + struct.pack("<Q", len(items)) + b"".join(i[4:] for i in items)
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    kind, form = {bool: (7, "?"), int: (4, "I"), float: (6, "f")}[type(value)]
    return struct.pack(f"<I{form}", kind, value)


def as_f32(array):
    """An array as it stands in a file."""
    return "F32", array.shape, np.asarray(array, "<f4").tobytes()
