"""`dsc-channel` and `python -m dsc_channel`."""

from typing import NoReturn

from dsc_common.cli.start import start


def main() -> NoReturn:
    """Entry point of `dsc-channel`."""
    start("dsc_channel.main", extra="channel")


if __name__ == "__main__":
    main()
