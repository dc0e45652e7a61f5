"""Mutations of an encoded message: of fields to boundary values, of the encoding, of bytes."""

import random
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import DecodeError, Message

from fuzz.boundary_values import flipped, value_of
from fuzz.odd_fields import odd_field

MAX_BYTES = 64 << 10

Kind = type[Message]
_Way = Callable[[bytes, bytes, Kind, random.Random], bytes]


def mutated(data: bytes, other: bytes, kind: Kind, rng: random.Random) -> bytes:
    """A mutation of an encoded message; the same state of the generator gives the same.

    Args:
        data: the message, encoded.
        other: another one, which parts may come from.
        kind: class of the message.
        rng: the generator.
    """
    ways, weights = zip(*_WAYS, strict=True)
    return rng.choices(ways, weights)[0](data, other, kind, rng)[:MAX_BYTES]


def _fields(data: bytes, _other: bytes, kind: Kind, rng: random.Random) -> bytes:
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return data
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        _change(message, rng)
    return message.SerializeToString()


def _change(message: Any, rng: random.Random) -> None:
    """Change one field of a message, or of one below it."""
    if not message.DESCRIPTOR.fields:
        return
    field = rng.choice(message.DESCRIPTOR.fields)
    present = getattr(message, field.name)
    if field.type == Field.TYPE_MESSAGE and rng.random() < 0.85 and (present or not field.is_repeated):
        _change(rng.choice(present) if field.is_repeated else present, rng)
    elif rng.random() < 0.12:
        message.ClearField(field.name)
    elif field.is_repeated:
        _change_repeated(present, field, rng)
    elif field.type == Field.TYPE_MESSAGE:
        present.SetInParent()
    else:
        setattr(message, field.name, value_of(field, present, rng))


def _change_repeated(items: Any, field: Field, rng: random.Random) -> None:
    way = rng.randrange(5)
    if way == 0 and len(items):
        del items[rng.randrange(len(items)) :]
    elif way == 1 and len(items):  # more of the same
        items.extend(list(items)[: rng.choice((1, len(items), 17, 70))] * rng.choice((1, 2)))
    elif field.type == Field.TYPE_MESSAGE:
        items.add()
    elif way == 2:
        items.extend([value_of(field, 0, rng)] * rng.choice((1, 2, 17, 376, 4097)))
    elif len(items):
        for _ in range(rng.choice((1, 1, 9))):
            items[rng.randrange(len(items))] = value_of(field, items[0], rng)
    else:
        items.append(value_of(field, 0, rng))


def _encoding(data: bytes, _other: bytes, _kind: Kind, rng: random.Random) -> bytes:
    return odd_field(rng) + data if rng.random() < 0.3 else data + odd_field(rng)


def _bytes(data: bytes, _other: bytes, _kind: Kind, rng: random.Random) -> bytes:
    place, way = rng.randrange(len(data) + 1), rng.randrange(4)
    if way == 0:
        return data[:place]
    if way == 1:
        return data[:place] + rng.randbytes(rng.choice((1, 2, 8, 300))) + data[place:]
    if way == 2:
        return data[:place] + data[place + rng.choice((1, 2, 9)) :]
    return flipped(data, rng)


def _spliced(data: bytes, other: bytes, _kind: Kind, rng: random.Random) -> bytes:
    if rng.random() < 0.4:  # the fields of both
        return data + other
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _noise(_data: bytes, _other: bytes, _kind: Kind, rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 2, 5, 47, 500, 5000)))


def _unchanged(data: bytes, _other: bytes, _kind: Kind, _rng: random.Random) -> bytes:
    return data


_WAYS: tuple[tuple[_Way, int], ...] = (
    (_fields, 60),
    (_encoding, 15),
    (_bytes, 12),
    (_spliced, 8),
    (_noise, 4),
    (_unchanged, 1),
)
