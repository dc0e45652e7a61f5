"""`python -m dsc_server`: the same as `dsc-server`."""

from dsc_server.main import main

main()
