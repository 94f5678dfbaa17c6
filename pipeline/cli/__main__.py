"""The command line as ``python -m pipeline.cli``, for use where the script is not on the path."""

from pipeline.cli import main

main()
