"""The commands of `dsc-server`; each loads its libraries when it runs."""
