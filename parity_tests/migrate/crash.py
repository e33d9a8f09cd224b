"""A reader that dies of one file, for the tests; other processes must find it by name."""

import os

from tf2_keras.migrate import reads


def read_files(files):
    for file in files:
        with open(file, encoding="utf-8") as content:
            if content.read() == "CRASH":
                os._exit(1)
    return [reads.read_file(file) for file in files]
