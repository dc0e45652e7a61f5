"""Text that a message can carry: valid Unicode, not too long."""

from dsc_common.errors import InvalidInputError


def require_valid_text(noun: str, text: str, max_characters: int) -> None:
    """Raise InvalidInputError if the text has lone surrogates (bytes that are not UTF-8), or is too long."""
    if len(text) > max_characters:
        raise InvalidInputError(f"expected {noun} of up to {max_characters} characters, got {len(text)}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"expected {noun} of valid Unicode text, got {text!r}") from error
