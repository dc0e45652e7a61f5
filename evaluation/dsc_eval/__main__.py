"""`python -m dsc_eval`: the same as `dsc-eval`."""

from dsc_eval.main import main

main()
