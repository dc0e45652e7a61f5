"""`dsc-model` and `python -m dsc_model`."""

from typing import NoReturn

from dsc_common.cli.start import start


def main() -> NoReturn:
    """Entry point of `dsc-model`."""
    start("dsc_model.main", extra="quantize")


if __name__ == "__main__":
    main()
