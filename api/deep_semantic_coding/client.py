"""A client of running services: codebooks from a server, queries through a channel."""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType

from numpy.typing import ArrayLike

from deep_semantic_coding.database import query_of
from deep_semantic_coding.transmission import chosen_link
from dsc_common.features.extraction import Extraction
from dsc_common.files.cache import cache_folder
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import Policy, Ranking, RetrievalOptions
from dsc_common.serving.address import Peer
from dsc_common.serving.tls import tls_files
from dsc_device.client import CodebookClient, open_channel, open_server
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_device.encoder_kit import EncodedPacket, EncoderKit
from dsc_device.querying import Answer, Querier


class Client:
    """Client of a server and a channel; needs the extra `device`; closed with `close` or `with`.

    Args:
        server: HOST:PORT of the server, whose codebook and network are downloaded once and cached.
        channel: HOST:PORT of the channel.
        wait_s: time limit for each service and for each answer, in seconds.
        server_tls_ca: PEM file of the CA that issued the server's certificate; None: no TLS.
        channel_tls_ca: PEM file of the CA that issued the channel's certificate; None: no TLS.
        tls_certificate: PEM file of the client's certificate chain, for services that need one.
        tls_key: PEM file of its private key.
        token_file: file of the token that is sent with each request.
        cache: folder of downloads; by default the user's cache folder.
        threads: threads of the network; None: one per core.
        model: network that reads photos, by a name that the server offers, such as int8; None: that of the
            server's index.

    Raises:
        UnreachableError: server or channel do not answer in time.
        UnauthenticatedError: the server accepts no client without a token, or not this token.
        DscError: the files of the server do not match its manifest.
    """

    def __init__(
        self,
        server: str = "127.0.0.1:50051",
        channel: str = "127.0.0.1:50052",
        *,
        wait_s: float = 30.0,
        server_tls_ca: Path | None = None,
        channel_tls_ca: Path | None = None,
        tls_certificate: Path | None = None,
        tls_key: Path | None = None,
        token_file: Path | None = None,
        cache: Path | None = None,
        threads: int | None = None,
        model: str | None = None,
    ) -> None:
        tls_files(tls_certificate, tls_key)  # both or none
        shown = (False, tls_certificate, tls_key, token_file)
        downloads = cache_folder("dsc-device") if cache is None else cache

        def connect() -> AbstractContextManager[CodebookClient]:
            return open_server(Peer("server", server, server_tls_ca, *shown), wait_s)

        def fetch() -> EncoderKit:
            with connect() as codebooks:
                self._kit = fetch_encoder_kit(codebooks, downloads, threads, model=model, connect=connect)
            return self._kit

        kit = fetch()
        self._open = ExitStack()
        peer = Peer("channel", channel, channel_tls_ca, *shown)
        client = self._open.enter_context(open_channel(peer, wait_s))
        self._querier = Querier(kit, client, renew=fetch)

    def encode(
        self, query: str | Path | Extraction | ArrayLike, probabilities: ArrayLike | None = None
    ) -> EncodedPacket:
        """Encode a query into a packet, without sending it; see `Database.encode`."""
        return self._kit.encode(query_of(query, probabilities))

    def query(
        self,
        query: str | Path | Extraction | ArrayLike,
        probabilities: ArrayLike | None = None,
        *,
        top: int = 10,
        ranking: Ranking | None = None,
        receiver: str | None = None,
        policy: Policy = Policy.RETURN,
        confidence_threshold: float | None = None,
        request_id: str | None = None,
        **link: object,
    ) -> Answer:
        """Encode a query, send it through the channel, and return the server's answer.

        Args:
            query: path of a photo; or an extraction; or a feature (F,), with probabilities (K,).
            probabilities: probabilities for a feature.
            top: number of results.
            ranking: ranking method; by default the method that the index was built for.
            receiver: name of a receiver; by default the server's.
            policy: action on low confidence.
            confidence_threshold: confidence below it is low; by default the server's threshold.
            request_id: noise is keyed on it and the link's seed; by default a hash of the content.
            link: fields of `LinkSettings` in place of the channel's settings, such as snr_db=0.

        Raises:
            DscError: channel or server refuse the packet or do not answer.
        """
        options = RetrievalOptions(top, ranking, receiver, policy, confidence_threshold)
        choice = LinkChoice(**chosen_link(link))
        return self._querier.query(query_of(query, probabilities), request_id, choice, options)

    def close(self) -> None:
        """Close the connection."""
        self._open.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
