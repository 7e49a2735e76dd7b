"""Scenario tests import their playbook from the folder they live in."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
