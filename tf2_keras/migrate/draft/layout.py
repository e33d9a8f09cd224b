"""Source in lines of 88 columns, as ruff and black lay it out."""

import ast
import re

WIDTH = 88
OPENING, CLOSING = "([{", ")]}"


def formatted(source):
    """The source with double quotes, short lines, and blank lines where they belong."""
    lines = []
    for line in source.split("\n"):
        lines += laid_out(requoted(line))
    return "\n".join(lines).rstrip("\n") + "\n"


def requoted(line):
    """The line with "text" for 'text' where that needs no backslash."""
    written, place = [], 0
    while place < len(line):
        if line.startswith('"""', place):
            return "".join(written) + line[place:]
        character = line[place]
        if character == "#":
            return "".join(written) + line[place:]
        if character not in "'\"":
            written.append(character)
            place += 1
            continue
        end = _end_of_string(line, place)
        text = line[place:end]
        if character == "'" and '"' not in text and "\\" not in text:
            text = f'"{text[1:-1]}"'
        written.append(text)
        place = end
    return "".join(written)


def _end_of_string(line, start):
    quote, place = line[start], start + 1
    while place < len(line) and line[place] != quote:
        place += 2 if line[place] == "\\" else 1
    return min(place + 1, len(line))


def laid_out(line):
    """The lines of one statement."""
    bare = line.lstrip()
    if len(line) <= WIDTH or bare.startswith(("#", '"""')):
        return [line]
    indent = " " * (len(line) - len(bare))
    bracket = _split_at(line)
    if bracket is None:
        return [line]
    start, end = bracket
    head, body, tail = line[: start + 1], line[start + 1 : end], line[end:]
    inner = f"{indent}    {body.strip().rstrip(',')}"
    is_tuple = _is_tuple_of_one(head, body)
    clauses = _clauses(body)
    if len(clauses) > 1 and len(inner) > WIDTH:
        opened = [head]
        for clause in clauses:
            opened += laid_out(f"{indent}    {clause}")
        return [*opened, *laid_out(indent + tail)]
    items = _items(body)
    fits = len(inner) <= WIDTH and not is_tuple
    if fits or len(items) == 1 and not is_tuple and not _is_call(head):
        return [head, *laid_out(inner), *laid_out(indent + tail)]
    exploded = [head]
    for item in items:
        # A generator, and a starred one, take no comma behind them.
        comma = "" if len(items) == 1 and " for " in item else ","
        exploded += laid_out(f"{indent}    {item}{comma}")
    return [*exploded, *laid_out(indent + tail)]


def _is_call(head):
    return len(head) > 1 and (head[-2].isalnum() or head[-2] in "_])")


def _is_tuple_of_one(head, body):
    return head.endswith("(") and not _is_call(head) and body.rstrip().endswith(",")


def _split_at(line):
    """The outermost pair of brackets that is to be opened: the last that has content."""
    stack, pairs, place = [], [], 0
    while place < len(line):
        character = line[place]
        if character in "'\"":
            place = _end_of_string(line, place)
            continue
        if character == "#":
            break
        if character in OPENING:
            stack.append(place)
        elif character in CLOSING and stack:
            start = stack.pop()
            if not stack and place - start > 1:
                pairs.append((start, place))
        place += 1
    if not pairs:
        return None
    for start, end in reversed(pairs):
        # One that leaves a first line which is short enough.
        if start + 1 <= WIDTH and (end - start > 20 or len(pairs) == 1):
            return start, end
    return pairs[-1]


def _clauses(text):
    """What a comprehension is of, its loops and its tests; else the text alone."""
    words = re.split(r" (?=for |if )", text)
    clauses = [""]
    for word in words:
        joined = f"{clauses[-1]} {word}".strip()
        is_open = clauses[-1].count("(") + clauses[-1].count("[") != clauses[-1].count(
            ")"
        ) + clauses[-1].count("]")
        if is_open or not clauses[-1]:
            clauses[-1] = joined
        else:
            clauses.append(word)
    return clauses if len(_items(text)) == 1 else [text]


def _items(text):
    """What commas part, outside of brackets and strings."""
    items, depth, start, place = [], 0, 0, 0
    while place < len(text):
        character = text[place]
        if character in "'\"":
            place = _end_of_string(text, place)
            continue
        if character in OPENING:
            depth += 1
        elif character in CLOSING:
            depth -= 1
        elif character == "," and depth == 0:
            items.append(text[start:place].strip())
            start = place + 1
        place += 1
    last = text[start:].strip()
    return [*items, last] if last else items


def require_python(source, path):
    """Raises ``SyntaxError`` unless the source parses: a defect of a draft's writer."""
    ast.parse(source, path)
