"""`dsc-device` and `python -m dsc_device`."""

from typing import NoReturn

from dsc_common.cli.start import start


def main() -> NoReturn:
    """Entry point of `dsc-device`."""
    start("dsc_device.main", extra="device")


if __name__ == "__main__":
    main()
