"""Runs every benchmark of this folder, one after the other; each prints its tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

failed = False
for path in sorted(Path(__file__).parent.glob("bench_*.py")):
    print(f"\n## {path.stem}\n", flush=True)
    failed |= subprocess.run([sys.executable, path, *sys.argv[1:]], check=False).returncode != 0
sys.exit(failed)
