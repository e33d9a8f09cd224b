"""Text from outside, such as names of files, made fit for terminals and pages."""


def printable(text, kept=""):
    r"""``text`` with what could move a cursor, or cannot be encoded, written out.

    An escape character becomes the four characters ``\x1b``; so does, with its own
    number, each byte of a file name that is no UTF-8. What is in ``kept`` stays.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in kept
        else _written_out(character)
        for character in text
    )


def _written_out(character):
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that it cannot decode
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
