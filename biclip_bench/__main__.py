"""Run the command line interface: ``python -m biclip_bench``."""

from .benchmark.cli.app import main

if __name__ == "__main__":
    main()
