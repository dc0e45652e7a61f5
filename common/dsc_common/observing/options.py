"""Options of logs and metrics, of every command that has these settings."""

from typing import Annotated

import typer

from dsc_common.observing.settings import LogFormat, LogLevel

LogFormatOption = Annotated[
    LogFormat | None, typer.Option(help="Lines for people, or a JSON object a line. (default: text)")
]
LogLevelOption = Annotated[
    LogLevel | None,
    typer.Option(help="Lowest level of the log; info has a line for each request. (default: warning)"),
]
MetricsOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Serve metrics for Prometheus on this address, by plain HTTP. (default: none are kept)",
    ),
]
