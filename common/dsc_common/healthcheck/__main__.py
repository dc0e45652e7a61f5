"""`python -m dsc_common.healthcheck HOST:PORT…`: exit code 0 once all these services are serving."""

from typing import NoReturn

from dsc_common.cli.start import start


def main() -> NoReturn:
    """Entry point of `python -m dsc_common.healthcheck`."""
    start("dsc_common.healthcheck.command", "channel")


if __name__ == "__main__":
    main()
