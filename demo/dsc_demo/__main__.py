"""`python -m dsc_demo`."""

from dsc_demo.main import main

if __name__ == "__main__":
    main()
