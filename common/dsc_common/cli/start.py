"""Start a command: signals and standard streams first, then the imports, which can take seconds."""

import importlib
import sys
from typing import NoReturn

from dsc_common.cli.interruption import exit_when_interrupted
from dsc_common.cli.streams import open_closed_streams, say


def start(module: str, extra: str) -> NoReturn:
    """Import `module` and run its function `main`.

    Args:
        module: the command's module, such as "dsc_device.main".
        extra: the extra of deep-semantic-coding that installs what the module needs.
    """
    exit_when_interrupted()
    open_closed_streams()
    try:
        main = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("dsc.", "dsc_")):  # not a missing extra, but a fault of ours
            raise
        say(f"error: this command needs the extra `{extra}` of deep-semantic-coding: {error}")
        sys.exit(1)
    main()
    sys.exit()
