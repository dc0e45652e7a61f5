"""`dsc-eval` and `python -m dsc_eval`."""

from typing import NoReturn

from dsc_common.cli.start import start


def main() -> NoReturn:
    """Entry point of `dsc-eval`."""
    start("dsc_eval.main", extra="eval")


if __name__ == "__main__":
    main()
