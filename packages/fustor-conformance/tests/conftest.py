"""Makes the helpers of these tests importable by their own names; test folders are no packages."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE / folder) for folder in ("monitor", "mutants", "correct"))]
