"""Text of any origin as text for a terminal: one line, without control characters."""

import unicodedata

# Controls, formats (bidirectional overrides among them), surrogates, separators of lines and paragraphs.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # formats that scripts and emoji are written with
_BYTES = range(0xDC80, 0xDD00)  # a byte of a file name that is not valid text, as Python holds it


def printable(text: str) -> str:
    """The text with unsafe characters as escapes: `\\x1b`, `\\n`, `\\u202e`; other text is unchanged.

    File names, names of labels and messages of other programs may hold such characters, by accident or to
    change what a terminal shows.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def shortened(text: str, most: int) -> str:
    """The text, its middle left out where it is longer.

    Args:
        text: any text.
        most: characters of the result, at least 5.
    """
    if len(text) <= most:
        return text
    head = (most - 2) // 2
    return f"{text[:head]} … {text[len(text) - (most - 3 - head) :]}"


def _escaped(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _UNSAFE:
        return character
    if ord(character) in _BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape", "backslashreplace").decode()
