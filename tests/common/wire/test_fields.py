"""No field is lost between a dataclass and its message: same names, and every field survives both ways."""

import dataclasses
import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any, get_type_hints

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

import dsc_common.wire
from dsc.v1 import channel_pb2, codebook_pb2, packet_pb2, retrieval_pb2
from dsc_common.codebook.manifest import AcceptedModel, Artifact, CodebookParts, Manifest
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.link import LinkChoice, LinkReport, ReceivedSignal
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.retrieval.results import RankedImage, RankedResults
from dsc_common.wire import channel, codebook, packet, retrieval

PAIRS: list[tuple[type, type[Message]]] = [
    (PacketFormat, packet_pb2.PacketFormat),
    (ReceivedSignal, channel_pb2.ReceivedSignal),
    (LinkChoice, channel_pb2.ChannelOptions),
    (LinkReport, channel_pb2.LinkReport),
    (Artifact, codebook_pb2.Artifact),
    (AcceptedModel, codebook_pb2.AcceptedModel),
    (CodebookParts, codebook_pb2.CodebookParts),
    (Manifest, codebook_pb2.Manifest),
    (RetrievalOptions, retrieval_pb2.RetrievalOptions),
    (RankedImage, retrieval_pb2.RankedImage),
    (RankedResults, retrieval_pb2.RankedResults),
]
NESTED = {AcceptedModel, Artifact, CodebookParts, RankedImage}  # converted along with what holds them
# Fields of a message that its dataclass lacks, each with the reason.
ONLY_IN_MESSAGE = {
    ReceivedSignal: {"channel_uses"},  # a property: it follows from the samples
    Artifact: {"kind"},  # the key in `Manifest.artifacts`
}


@pytest.mark.parametrize(("plain", "message"), PAIRS, ids=lambda kind: kind.__name__)
def test_a_message_has_the_fields_of_its_dataclass(plain: type, message: type[Message]) -> None:
    fields = {field.name for field in dataclasses.fields(plain)}
    assert set(message.DESCRIPTOR.fields_by_name) == fields | ONLY_IN_MESSAGE.get(plain, set())


def test_every_dataclass_that_crosses_the_wire_is_checked() -> None:
    modules = [module.name for module in pkgutil.iter_modules(dsc_common.wire.__path__)]
    converted = {
        next(iter(get_type_hints(function).values()))
        for name in modules
        for _, function in inspect.getmembers(import_module(f"dsc_common.wire.{name}"), inspect.isfunction)
        if function.__name__.endswith("_to_proto") and not function.__name__.startswith("_")
    }
    assert {kind for kind in converted if dataclasses.is_dataclass(kind)} == {p for p, _ in PAIRS} - NESTED


def set_all_fields(message: Message) -> None:
    """Give every field of a message a value that is not its default."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            part = getattr(message, field.name)
            set_all_fields(part.add() if field.is_repeated else part)
        elif field.is_repeated:
            getattr(message, field.name).append(value_for(field))
        else:
            setattr(message, field.name, value_for(field))


def value_for(field: Any) -> object:
    if field.name == "sha256":
        return 64 * "a"
    if field.type == FieldDescriptor.TYPE_STRING:
        return "text"
    return b"bytes" if field.type == FieldDescriptor.TYPE_BYTES else 1


# Where not all fields go together: changes to the message with all fields set, which between them keep each.
NO_FEATURE: dict[str, int] = {"payload_dim": 0}
NO_CODES: dict[str, int] = {"payload": packet_pb2.PAYLOAD_FEATURE, "scrambled": 0}
FILLED: list[tuple[type[Message], dict[str, int], Callable[[Any], Any], Callable[[Any], Any]]] = [
    (packet_pb2.PacketFormat, NO_FEATURE, packet.format_from_proto, packet.format_to_proto),
    (packet_pb2.PacketFormat, NO_CODES, packet.format_from_proto, packet.format_to_proto),
    (channel_pb2.ReceivedSignal, {}, channel.signal_from_proto, channel.signal_to_proto),
    (channel_pb2.ChannelOptions, {}, channel.link_choice_from_proto, channel.link_choice_to_proto),
    (channel_pb2.LinkReport, {}, channel.link_report_from_proto, channel.link_report_to_proto),
    (codebook_pb2.Manifest, NO_FEATURE, codebook.manifest_from_proto, codebook.manifest_to_proto),
    (retrieval_pb2.RetrievalOptions, {}, retrieval.options_from_proto, retrieval.options_to_proto),
    (retrieval_pb2.RankedResults, {}, retrieval.results_from_proto, retrieval.results_to_proto),
]


@pytest.mark.parametrize(("kind", "changes", "from_proto", "to_proto"), FILLED)
def test_every_field_survives_both_ways(
    kind: type[Message],
    changes: dict[str, int],
    from_proto: Callable[[Any], Any],
    to_proto: Callable[[Any], Any],
) -> None:
    message: Any = kind()
    set_all_fields(message)
    shape = message.format if kind is codebook_pb2.Manifest else message
    for name, value in changes.items():
        setattr(shape, name, value)
    assert to_proto(from_proto(message)) == message
