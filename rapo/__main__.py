"""`python -m rapo` is `rapo`."""

import sys

from rapo.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
