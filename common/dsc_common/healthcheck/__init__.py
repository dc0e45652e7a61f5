"""The command `python -m dsc_common.healthcheck`: are services serving?"""
