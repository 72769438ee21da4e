"""Run as ``python -m dropcheck torch.nn:Dropout``."""

import sys

from .conformance.command import main

if __name__ == "__main__":
    sys.exit(main())
