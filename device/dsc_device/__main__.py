"""`python -m dsc_device`: the same as `dsc-device`."""

from dsc_device.main import main

main()
