"""`dsc-demo` and `python -m dsc_demo`."""

from typing import NoReturn

from dsc_common.cli.start import start


def main() -> NoReturn:
    """Entry point of `dsc-demo`."""
    start("dsc_demo.main", extra="demo")


if __name__ == "__main__":
    main()
