"""`python -m dsc_channel`: the same as `dsc-channel`."""

from dsc_channel.main import main

main()
