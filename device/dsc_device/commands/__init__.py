"""The commands of `dsc-device`; each loads its libraries when it runs."""
