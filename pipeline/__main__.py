"""The command line as ``python -m pipeline``, for use where the script is not on the path."""

from pipeline.cli import main

main()
