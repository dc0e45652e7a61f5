"""`dsc-server` and `python -m dsc_server`."""

from typing import NoReturn

from dsc_common.cli.start import start


def main() -> NoReturn:
    """Entry point of `dsc-server`."""
    start("dsc_server.main", extra="server")


if __name__ == "__main__":
    main()
