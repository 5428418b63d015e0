"""``python -m agent_os.cli``."""

from __future__ import annotations

import sys

from agent_os.cli.program import main

sys.exit(main())
