"""The commands as Typer knows them: sub-commands, options, help texts, environment variables."""

import importlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import typer.main

COMMANDS = {
    "dsc-server": "dsc_server.main",
    "dsc-channel": "dsc_channel.main",
    "dsc-device": "dsc_device.main",
    "dsc-model": "dsc_model.main",
    "dsc-eval": "dsc_eval.main",
    "dsc-demo": "dsc_demo.main",
    "dsc_common.healthcheck": "dsc_common.healthcheck.command",  # python -m
}


@cache
def root_of(name: str) -> Any:  # a Click command; Typer brings Click along under a private name
    """A command by the name that users type."""
    return typer.main.get_command(importlib.import_module(COMMANDS[name]).app)


def walk(name: str) -> Iterator[tuple[str, Any]]:
    """A command and all its sub-commands: (words that users type, command)."""
    waiting = [(name, root_of(name))]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        waiting += [(f"{words} {key}", each) for key, each in getattr(command, "commands", {}).items()]


def options_of(command: Any) -> set[str]:
    """Options of a command, with their short and negative forms, and --help."""
    return {"--help"} | {name for each in command.params for name in (*each.opts, *each.secondary_opts)}


@cache
def all_options() -> frozenset[str]:
    """Options of any command."""
    return frozenset(
        option for name in COMMANDS for _, command in walk(name) for option in options_of(command)
    )


@cache
def environment_variables() -> frozenset[str]:
    """Environment variables that options are bound to by themselves, apart from settings."""
    names: set[str] = set()
    for name in COMMANDS:
        for _, command in walk(name):
            for parameter in command.params:
                bound = parameter.envvar
                names |= {bound} if isinstance(bound, str) else set(bound or ())
    return frozenset(names)


def command_lines(name: str) -> Iterator[tuple[str, str]]:
    """Every help text: (place, text)."""
    for words, command in walk(name):
        yield f"{words} --help", command.help or ""
        for parameter in command.params:
            if getattr(parameter, "help", None):
                yield f"{words} {parameter.opts[0]}", parameter.help


def unknown_words(tokens: list[str]) -> list[str]:
    """What a command line has that its command has not: sub-commands and options.

    Args:
        tokens: the words of the line, the command first.
    """
    command, words = root_of(tokens[0]), tokens[0]
    unknown = []
    rest = iter(tokens[1:])
    for token in rest:
        option, equals, _ = token.partition("=")
        children = getattr(command, "commands", {})
        if option.startswith("-") and option != "-":  # that is standard input
            if option not in options_of(command):
                unknown.append(f"{words} {option}")
            elif not equals and _takes_value(command, option):
                next(rest, "")
        elif token in children:
            command, words = children[token], f"{words} {token}"
        elif children:
            unknown.append(f"{words} {token}")
    return unknown


def _takes_value(command: Any, option: str) -> bool:
    return any(option in each.opts and not each.is_flag for each in command.params)
