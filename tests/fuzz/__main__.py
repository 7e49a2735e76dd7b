"""python -m tests.fuzz SECONDS [TARGET...]: each target under a coverage-guided fuzzer (atheris) for so long, one after another.

What is found is kept in .cache/fuzz/TARGET and begun with next time. An input that breaks a law ends the run: it belongs into
tests/fuzz/corpus/TARGET, where `make test` replays it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import NAMES, target

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).parent / "corpus"
MEMORY_MIB = 2048
HANGS_AFTER_S = 300             # of the clock, for the fuzzer's own alarm: more than a busy machine lets anybody wait
STATE = re.compile(r"^#(\d+)\s+(?:DONE|INITED|pulse|NEW|REDUCE|RELOAD)\s+cov: (\d+) ft: (\d+) corp: (\d+)", re.MULTILINE)


def words_file(words: tuple[bytes, ...], path: Path) -> None:
    """A dictionary as libFuzzer reads it."""
    path.write_text("".join('"' + "".join(f"\\x{octet:02x}" for octet in word) + '"\n' for word in words if word))


def fuzz(name: str, seconds: int) -> bool:
    """Run a target; True when no law was broken."""
    folder = ROOT / ".cache" / "fuzz" / name
    found, seeds = folder / "found", folder / "seeds"
    for path in (found, seeds):
        path.mkdir(parents=True, exist_ok=True)
    module = target(name)
    for number, octets in enumerate(module.seeds()):
        (seeds / f"{number:05d}").write_bytes(octets[:module.LONGEST])
    words_file(tuple(module.WORDS), folder / "words")
    kept = [str(path) for path in [KEPT / name] if path.is_dir()]
    log = folder / "log.txt"
    with log.open("w") as out:
        status = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.run", name, str(found), str(seeds), *kept, f"-max_total_time={seconds}",
             f"-max_len={module.LONGEST}", f"-dict={folder / 'words'}", f"-rss_limit_mb={MEMORY_MIB}",
             f"-timeout={HANGS_AFTER_S}", f"-artifact_prefix={folder}/", "-print_final_stats=1"],
            cwd=ROOT, env={**os.environ, "PYPROXY_PURE": "1"}, stdout=out, stderr=subprocess.STDOUT, check=False,
        ).returncode
    told = log.read_text(errors="replace")
    last = STATE.findall(told)[-1:] or [("0", "0", "0", "0")]
    runs, places, features, inputs = last[0]
    print(f"{name}: {runs} inputs in {seconds} s, {places} places reached, {features} features, {inputs} inputs kept", flush=True)
    if status:
        print(told[-6000:], file=sys.stderr)
        print(f"{name}: an input broke a law: see {log}, and keep the input in {KEPT / name}", file=sys.stderr)
    return status == 0


def main(arguments: list[str]) -> int:
    seconds, names = int(arguments[0]), arguments[1:] or list(NAMES)
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no target {', '.join(unknown)}: there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    broken = [name for name in names if not fuzz(name, seconds)]      # all of them have their time
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
