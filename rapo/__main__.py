"""`python -m rapo` is `rapo`."""

import sys

from rapo.cli import main

if __name__ == "__main__":
    sys.exit(main())
