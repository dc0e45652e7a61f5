"""`dsc-server token add|list|revoke`: who may use a server, and for what."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.json_text import to_json
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import refused_as_setting
from dsc_common.cli.streams import say, show
from dsc_common.serving.roles import Role
from dsc_server.tokens.book import changing, read_book, write_book

app = typer.Typer(help="Tokens: who may use the server, and for what.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the device or person that has the token.")]
Tokens = Annotated[
    Path,
    typer.Option(
        "--tokens",
        parser=path_of,
        metavar="FILE",
        envvar="DSC_SERVER_TOKENS",
        show_envvar=False,
        help="The file of tokens. (env: DSC_SERVER_TOKENS)",
    ),
]


@app.command()
def add(
    name: Name,
    tokens: Tokens,
    role: Annotated[
        Role, typer.Option(help="read: queries. device: codebooks as well. admin: changes as well.")
    ] = Role.DEVICE,
) -> None:
    """Make a token and print it, once: the file keeps only its hash. A running server takes it at once."""
    with refused_as_setting(), changing(tokens) as (file, book):
        changed, token = book.with_token(name, role)
        write_book(file, changed)
    show(token)
    say(f"token {name} with the role {role}: keep it in a file that only the device reads")


@app.command("list")
def list_tokens(
    tokens: Tokens, as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False
) -> None:
    """Print the names of all tokens, their roles, and when they were made."""
    entries = read_book(tokens).entries
    if as_json:
        show(to_json([{"name": each.name, "role": each.role, "made": each.made} for each in entries]))
        return
    for each in entries:
        show(f"{each.name}  {each.role}  {each.made}")


@app.command()
def revoke(name: Name, tokens: Tokens) -> None:
    """Remove a token. A running server refuses it from the next request on."""
    with refused_as_setting(), changing(tokens) as (file, book):
        write_book(file, book.without(name))
    say(f"token {name} is revoked")
