"""The rule of access in front of every kind of method, on a real server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from dsc_common.errors import UnauthenticatedError
from dsc_common.serving.access import Access, OpenAccess, RelayAccess
from dsc_common.serving.audit import Audit
from dsc_common.serving.authorisation import Authorisation
from dsc_common.serving.bearer import Metadata, has_token, token_of
from dsc_common.serving.caller import Caller, caller_key
from dsc_common.serving.limits import ServingLimits
from dsc_common.serving.roles import Role
from dsc_common.serving.server import new_server

SERVICES = {"test.Reading": Role.READ, "test.Writing": Role.DEVICE}
KINDS = ("Unary", "UnaryStream", "StreamUnary", "StreamStream")
TOKEN = (("authorization", "Bearer secret"),)


class ByToken:
    """The token is the role."""

    def caller(self, context: Any, method: str) -> Caller:
        token = token_of(context)
        if token is None:
            raise UnauthenticatedError("expected a token, got none")
        return Caller(f"token:{token}", Role(token))

    def lets_in(self, metadata: Any) -> bool:
        return has_token(metadata)


async def answer(_request: Any, context: Any) -> bytes:
    return caller_key(context).encode()


async def stream(_request: Any, context: Any) -> AsyncIterator[bytes]:
    yield caller_key(context).encode()


HANDLERS = {
    "Unary": grpc.unary_unary_rpc_method_handler(answer),
    "UnaryStream": grpc.unary_stream_rpc_method_handler(stream),
    "StreamUnary": grpc.stream_unary_rpc_method_handler(answer),
    "StreamStream": grpc.stream_stream_rpc_method_handler(stream),
}


def called(access: Access, path: str, metadata: Metadata = ()) -> bytes | grpc.aio.AioRpcError:
    """The first answer of a method, or its error."""

    async def main() -> bytes | grpc.aio.AioRpcError:
        server = new_server(ServingLimits(), authorisation=Authorisation(access, SERVICES, Audit()))
        for name in (*SERVICES, "test.Other"):
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, HANDLERS),))
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                return await _first(channel, path, metadata)
        except grpc.aio.AioRpcError as error:
            return error
        finally:
            await server.stop(None)

    return asyncio.run(main())


async def _first(channel: grpc.aio.Channel, path: str, metadata: Metadata) -> bytes:
    kind = path.rpartition("/")[2]
    requests = iter([b""]) if kind.startswith("Stream") else b""
    names = {"Unary": "unary_unary", "UnaryStream": "unary_stream", "StreamUnary": "stream_unary"}
    call: Any = getattr(channel, names.get(kind, "stream_stream"))(path)(requests, metadata=metadata)
    if kind.endswith("Stream"):
        return bytes(await anext(aiter(call)))
    return bytes(await call)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_method_is_let_in_or_refused(kind: str) -> None:
    assert called(ByToken(), f"/test.Writing/{kind}", [("authorization", "bearer device")]) == b"token:device"
    for metadata, code, line in (
        ([], "UNAUTHENTICATED", "expected a token, got none"),
        (
            [("authorization", "Bearer read")],
            "PERMISSION_DENIED",
            f"{kind} needs the role device, and token:read has the role read",
        ),
    ):
        error = called(ByToken(), f"/test.Writing/{kind}", metadata)
        assert isinstance(error, grpc.aio.AioRpcError)
        assert (error.code().name, error.details()) == (code, line)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("read", ["Reading"]), ("device", ["Reading", "Writing"]), ("admin", ["Reading", "Writing", "Other"])],
)
def test_a_role_has_the_rights_of_those_below_and_what_is_not_named_needs_admin(
    role: str, allowed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dsc.audit")
    let_in = [
        name
        for name in ("Reading", "Writing", "Other")
        if called(ByToken(), f"/test.{name}/Unary", [("authorization", f"Bearer {role}")])
        == f"token:{role}".encode()
    ]
    assert let_in == allowed
    used = [record.fields for record in caplog.records if record.getMessage() == "admin"]  # type: ignore[attr-defined]
    assert [(each["caller"], each["method"]) for each in used] == (
        [("token:admin", "test.Other/Unary")] if role == "admin" else []
    )


@pytest.mark.parametrize(
    "metadata",
    [
        [("authorization", "Basic read")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer  ")],
        [("authorization", "")],
        [("authorization", "Bearer read"), ("authorization", "Bearer admin")],
    ],
)
def test_an_authorization_of_another_form_is_refused(metadata: list[tuple[str, str]]) -> None:
    error = called(ByToken(), "/test.Reading/Unary", metadata)
    assert isinstance(error, grpc.aio.AioRpcError)
    assert (error.code().name, error.details()) == (
        "UNAUTHENTICATED",
        "expected one authorization of the form 'Bearer TOKEN', got another",
    )


@pytest.mark.parametrize(
    ("access", "metadata", "outcome"),
    [
        (OpenAccess(), (), b"address:127.0.0.1"),
        (OpenAccess(), TOKEN, "UNAUTHENTICATED"),
        (RelayAccess(require_token=False), (), b"address:127.0.0.1"),
        (RelayAccess(require_token=False), TOKEN, b"address:127.0.0.1"),
        (RelayAccess(require_token=True), (), "UNAUTHENTICATED"),
        (RelayAccess(require_token=True), TOKEN, b"address:127.0.0.1"),
    ],
)
def test_rules_without_tokens_and_of_a_relay(
    access: Access, metadata: Metadata, outcome: bytes | str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        result = called(access, "/test.Writing/Unary", metadata)
    assert (result.code().name if isinstance(result, grpc.aio.AioRpcError) else result) == outcome
    assert "secret" not in caplog.text
    assert "secret" not in str([vars(record) for record in caplog.records])


def test_without_tokens_nobody_has_the_role_admin() -> None:
    error = called(OpenAccess(), "/test.Other/Unary")
    assert isinstance(error, grpc.aio.AioRpcError)
    assert error.details() == "Unary needs the role admin, and address:127.0.0.1 has the role device"
