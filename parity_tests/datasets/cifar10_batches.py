"""Batches of CIFAR-10 of a few random pixels, in each form that they are found in.

For the claims; nothing of CIFAR-10 itself is here.
"""

import pickle
import struct

import numpy as np

ROWS = 3  # images in a batch


def batch(seed=0, rows=ROWS):
    """Pixels `[rows, 3072]` uint8 and a list of labels."""
    generator = np.random.RandomState(seed)
    pixels = generator.randint(0, 256, (rows, 3072)).astype(np.uint8)
    return pixels, generator.randint(0, 10, rows).tolist()


def file_names(labels):
    return [b"automobile_s_%06d.png" % number for number in range(len(labels))]


def written_by_python_2(pixels, labels):
    """The bytes that Python 2's cPickle and numpy write for a batch at protocol 2.

    Instruction by instruction, since Python 3 writes bytes and globals differently.
    """

    def string(content):
        if len(content) < 256:
            return b"U" + bytes([len(content)]) + content
        return b"T" + struct.pack("<i", len(content)) + content

    def integer(value):
        if value < 256:
            return b"K" + bytes([value])
        return b"M" + struct.pack("<H", value)

    rows, columns = map(integer, pixels.shape)
    minus_one = b"J" + b"\xff" * 4
    array = b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\nq\x05",
            *(b"cnumpy\nndarray\nq\x06", b"K\x00\x85q\x07", string(b"b")),
            *(b"\x87q\x08Rq\x09", b"(K\x01", rows, columns, b"\x86q\x0a"),
            *(b"cnumpy\ndtype\nq\x0b", string(b"u1"), b"K\x00K\x01\x87q\x0cRq\x0d"),
            *(b"(K\x03", string(b"|"), b"NNN", minus_one, minus_one, b"K\x00tq\x0eb"),
            *(b"\x89", string(pixels.tobytes()), b"tq\x0fb"),
        ]
    )
    # Each name is remembered, as cPickle does, behind the 17 things before it.
    names = [
        string(name) + b"r" + struct.pack("<i", 17 + number)
        for number, name in enumerate(file_names(labels))
    ]
    return b"".join(
        [
            *(b"\x80\x02}q\x01(", string(b"batch_label")),
            *(string(b"training batch 1 of 5"), b"q\x02"),
            *(string(b"labels"), b"]q\x03(", *map(integer, labels), b"e"),
            *(string(b"data"), array),
            *(string(b"filenames"), b"]q\x10(", *names, b"eu."),
        ]
    )


def written_by_python_3(pixels, labels):
    """What Python 3 writes for the same content at protocol 2."""
    content = {
        b"batch_label": b"training batch 1 of 5",
        b"labels": labels,
        b"data": pixels,
        b"filenames": file_names(labels),
    }
    return pickle.dumps(content, protocol=2)


def binary(pixels, labels):
    """The rows of the binary version: a label, then its pixels."""
    return np.hstack([np.array(labels, np.uint8)[:, None], pixels]).tobytes()
