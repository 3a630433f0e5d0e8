"""Random notebooks, run top to bottom and as pipelines, and compared; see `__main__` for the command line."""
