"""Retrieval options and ranked results to their messages and back."""

from dsc.v1 import retrieval_pb2
from dsc_common.retrieval.options import DEFAULT_TOP, Policy, Ranking, RetrievalOptions
from dsc_common.retrieval.results import RankedImage, RankedResults
from dsc_common.wire.enums import member_of

RANKINGS = {
    Ranking.SQUARED_DISTANCE: retrieval_pb2.RANKING_SQUARED_DISTANCE,
    Ranking.COSINE: retrieval_pb2.RANKING_COSINE,
    Ranking.ESTIMATE: retrieval_pb2.RANKING_ESTIMATE,
}
POLICIES = {
    Policy.RETURN: retrieval_pb2.POLICY_RETURN,
    Policy.RESEND: retrieval_pb2.POLICY_RESEND,
    Policy.EXHAUSTIVE: retrieval_pb2.POLICY_EXHAUSTIVE,
}


def options_to_proto(options: RetrievalOptions) -> retrieval_pb2.RetrievalOptions:
    """RetrievalOptions → message."""
    ranking = None if options.ranking is None else RANKINGS[options.ranking]
    return retrieval_pb2.RetrievalOptions(
        top=options.top,
        ranking=ranking,
        receiver=options.receiver or "",
        policy=POLICIES[options.policy],
        confidence_threshold=options.confidence_threshold,
    )


def options_from_proto(message: retrieval_pb2.RetrievalOptions) -> RetrievalOptions:
    """Message → RetrievalOptions; absent fields take their defaults."""
    ranking, policy = None, Policy.RETURN
    if message.ranking != retrieval_pb2.RANKING_UNSPECIFIED:
        ranking = member_of(RANKINGS, message.ranking, "a ranking")
    if message.policy != retrieval_pb2.POLICY_UNSPECIFIED:
        policy = member_of(POLICIES, message.policy, "a policy")
    return RetrievalOptions(
        top=message.top or DEFAULT_TOP,
        ranking=ranking,
        receiver=message.receiver or None,
        policy=policy,
        confidence_threshold=(
            message.confidence_threshold if message.HasField("confidence_threshold") else None
        ),
    )


def results_to_proto(results: RankedResults) -> retrieval_pb2.RankedResults:
    """RankedResults → message."""
    images = [
        retrieval_pb2.RankedImage(
            rank=image.rank, image_id=image.image_id, uri=image.uri, label=image.label, score=image.score
        )
        for image in results.images
    ]
    return retrieval_pb2.RankedResults(
        images=images,
        num_candidates=results.num_candidates,
        head=results.head,
        head_trusted=results.head_trusted,
        notices=results.notices,
        server_ms=results.server_ms,
        confidence=results.confidence,
        low_confidence=results.low_confidence,
        receiver=results.receiver,
        head_errors_corrected=results.head_errors_corrected,
        estimate_dim=results.estimate_dim,
    )


def results_from_proto(message: retrieval_pb2.RankedResults) -> RankedResults:
    """Message → RankedResults."""
    images = [
        RankedImage(image.rank, image.image_id, image.uri, image.label, image.score)
        for image in message.images
    ]
    return RankedResults(
        images=images,
        num_candidates=message.num_candidates,
        head=list(message.head),
        head_trusted=message.head_trusted,
        notices=list(message.notices),
        server_ms=message.server_ms,
        confidence=message.confidence,
        low_confidence=message.low_confidence,
        receiver=message.receiver,
        head_errors_corrected=message.head_errors_corrected,
        estimate_dim=message.estimate_dim,
    )
