"""The harness is two plain modules, so that it also runs where pytest is not installed; here is where they are."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
