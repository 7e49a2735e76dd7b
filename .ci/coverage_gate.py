"""Fails when the decisions and the configuration language (core, config) are covered less than promised.

Usage: coverage_gate.py PATH-OF-COVERAGE
"""

import json
import subprocess
import sys
from pathlib import Path

GATES_PERCENT = {"core": 95.0, "config": 95.0}


def main(coverage: str) -> int:
    report = Path(".cache/coverage.json")
    subprocess.run([coverage, "json", "--quiet", "-o", str(report)], check=True)
    files = json.loads(report.read_text())["files"]
    failed = 0
    for package, gate in GATES_PERCENT.items():
        inside = {name: f["summary"] for name, f in files.items() if name.startswith(f"proxy/{package}/")}
        branches = sum(s["num_branches"] for s in inside.values())
        covered = sum(s["covered_branches"] for s in inside.values())
        percent = 100.0 * covered / branches if branches else 100.0
        if percent < gate:
            failed = 1
            print(f"proxy/{package}: {percent:.1f} % of the branches are covered, {gate} % are asked for; least covered:")
            worst = sorted(inside.items(), key=lambda item: item[1]["covered_branches"] - item[1]["num_branches"])[:8]
            for name, s in worst:
                print(f"  {s['num_branches'] - s['covered_branches']:4} branches missing in {name}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
