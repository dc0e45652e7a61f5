"""Plain values to messages and back: every pair is a round trip, through bytes; nonsense is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc.v1 import codebook_pb2, packet_pb2, retrieval_pb2
from dsc_common.codebook.manifest import (
    AcceptedModel,
    Artifact,
    ArtifactKind,
    CodebookParts,
    HeadRule,
    Manifest,
)
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import MAX_FEATURE_DIM, MAX_SUBVECTORS, HeadCodec, PacketFormat, Payload
from dsc_common.retrieval.options import Policy, Ranking, RetrievalOptions
from dsc_common.retrieval.results import RankedImage, RankedResults
from dsc_common.wire.codebook import (
    ARTIFACT_KINDS,
    HEAD_RULES,
    artifact_kind_from_proto,
    artifact_kind_to_proto,
    manifest_from_proto,
    manifest_to_proto,
)
from dsc_common.wire.packet import HEAD_CODECS, PAYLOADS, format_from_proto, format_to_proto
from dsc_common.wire.retrieval import (
    POLICIES,
    RANKINGS,
    options_from_proto,
    options_to_proto,
    results_from_proto,
    results_to_proto,
)
from helpers.strategies import finite, uint32, uint64
from helpers.strategies import formats as any_format
from helpers.wire import sent

text = st.text(max_size=20)
formats = any_format(MAX_SUBVECTORS, MAX_FEATURE_DIM)
artifacts = st.builds(Artifact, uint64, st.binary(min_size=32, max_size=32).map(bytes.hex))


@given(formats)
def test_format(fmt: PacketFormat) -> None:
    assert format_from_proto(sent(format_to_proto(fmt))) == fmt


@given(
    st.builds(
        RetrievalOptions,
        top=st.integers(1, 10_000),
        ranking=st.none() | st.sampled_from(Ranking),
        receiver=st.none() | st.text(min_size=1, max_size=20),
        policy=st.sampled_from(Policy),
        confidence_threshold=st.none() | st.floats(0, 1),
    )
)
def test_options(options: RetrievalOptions) -> None:
    assert options_from_proto(sent(options_to_proto(options))) == options


def test_options_left_out_take_their_defaults() -> None:
    assert options_from_proto(retrieval_pb2.RetrievalOptions()) == RetrievalOptions()


@given(
    st.builds(
        RankedResults,
        images=st.lists(st.builds(RankedImage, uint32, text, text, uint32, finite), max_size=5),
        num_candidates=uint64,
        head=st.lists(uint32, max_size=6),
        head_trusted=st.booleans(),
        notices=st.lists(text, max_size=3),
        server_ms=finite,
        confidence=finite,
        low_confidence=st.booleans(),
        receiver=text,
        head_errors_corrected=uint32,
        estimate_dim=uint32,
    )
)
def test_results(results: RankedResults) -> None:
    assert results_from_proto(sent(results_to_proto(results))) == results


@given(
    st.builds(
        Manifest,
        codebook_version=text,
        scheme=text,
        format=formats,
        feature_dim=uint32,
        num_images=uint64,
        artifacts=st.dictionaries(st.sampled_from(ArtifactKind), artifacts),
        head_rule=st.sampled_from(HeadRule),
        sequential=st.booleans(),
        parts=st.none() | st.builds(CodebookParts, artifacts, st.lists(artifacts, max_size=3).map(tuple)),
        models=st.lists(st.builds(AcceptedModel, text, artifacts, st.none() | finite), max_size=3).map(tuple),
    )
)
def test_manifest(manifest: Manifest) -> None:
    assert manifest_from_proto(sent(manifest_to_proto(manifest))) == manifest


@pytest.mark.parametrize("kind", ArtifactKind)
def test_artifact_kind(kind: ArtifactKind) -> None:
    assert artifact_kind_from_proto(artifact_kind_to_proto(kind)) is kind


def test_every_member_has_a_number_of_its_own_that_is_not_unspecified() -> None:
    tables = [
        (HeadCodec, HEAD_CODECS),
        (Payload, PAYLOADS),
        (HeadRule, HEAD_RULES),
        (Policy, POLICIES),
        (Ranking, RANKINGS),
        (ArtifactKind, ARTIFACT_KINDS),
    ]
    for members, table in tables:
        assert set(table) == set(members)
        numbers = [int(number) for number in table.values()]
        assert len(set(numbers)) == len(numbers)
        assert 0 not in numbers


@pytest.mark.parametrize("number", [0, 99])
def test_numbers_that_name_nothing_are_refused(number: int) -> None:
    fmt = packet_pb2.PacketFormat(
        num_partitions=9, head_labels=1, num_subvectors=1, bits_per_subvector=1, head_codec=number
    )
    with pytest.raises(
        InvalidInputError, match=f"^expected a head codec among zero, crc6, set, got number {number}$"
    ):
        format_from_proto(sent(fmt))
    with pytest.raises(
        InvalidInputError, match=f"^expected an artifact among codebook, model, got number {number}$"
    ):
        artifact_kind_from_proto(number)


@pytest.mark.parametrize("number", [0, 99])
def test_payloads_and_head_rules_that_name_nothing_are_refused(number: int) -> None:
    fmt = packet_pb2.PacketFormat(
        num_partitions=9, head_labels=1, num_subvectors=1, bits_per_subvector=1, head_codec=1, payload=number
    )
    with pytest.raises(
        InvalidInputError, match=f"^expected a payload among codes, code, feature, got number {number}$"
    ):
        format_from_proto(sent(fmt))
    manifest = codebook_pb2.Manifest(format=format_to_proto(PacketFormat()), head_rule=number)
    with pytest.raises(
        InvalidInputError, match=f"^expected a head rule among labels, nearest, got number {number}$"
    ):
        manifest_from_proto(sent(manifest))


def test_a_feature_payload_without_its_length_is_refused() -> None:
    message = format_to_proto(PacketFormat(payload=Payload.FEATURE, payload_dim=7))
    message.payload_dim = 0
    with pytest.raises(InvalidInputError, match=r"^expected F \(of the payload\) from 1 to 65536, got 0$"):
        format_from_proto(sent(message))


def test_a_policy_that_names_nothing_is_refused() -> None:
    with pytest.raises(
        InvalidInputError, match=r"^expected a policy among return, resend, exhaustive, got number 9$"
    ):
        options_from_proto(retrieval_pb2.RetrievalOptions(policy=9))


def test_a_ranking_that_names_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^expected a ranking among .*, got number 9$"):
        options_from_proto(retrieval_pb2.RetrievalOptions(ranking=9))


def test_a_format_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^expected K \(labels\) from 1 to \d+, got 0$"):
        format_from_proto(packet_pb2.PacketFormat(head_codec=1, payload=1))


def test_too_many_results_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^expected top from 1 to 10000, got 10001$"):
        options_from_proto(retrieval_pb2.RetrievalOptions(top=10_001))


@pytest.mark.parametrize("sha256", ["", "../../up/and/away", "0" * 63, "0" * 65, "A" * 64, "0" * 63 + "\n"])
def test_an_artifact_whose_hash_is_none_is_refused(sha256: str) -> None:
    # A device names its cache's files by it.
    message = codebook_pb2.Manifest(artifacts=[codebook_pb2.Artifact(kind=1, size_bytes=1, sha256=sha256)])
    with pytest.raises(InvalidInputError, match=r"^expected 64 hexadecimal digits of a SHA-256, got "):
        manifest_from_proto(sent(message))
