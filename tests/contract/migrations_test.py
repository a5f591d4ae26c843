#!/usr/bin/python3
"""The steps of every schema are numbered without a gap and all built in; what a release has run is never
changed or taken away. Releases are recorded by deploy/release in released_migrations.txt."""
import hashlib
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RELEASED = "tests/contract/released_migrations.txt"


def check(root):
    """What is wrong with the migrations below `root`, a line each."""
    findings = []
    # Of one step, file name to path; CMake names each where its schema is built in.
    steps = {str(p.relative_to(root)): p for pattern in ("*/schema/*.sql", "platform/*/schema/*.sql") for p in root.glob(pattern)}
    named = {}
    for cmake in [p for area in ("*-svc", "platform") for p in root.glob(area + "/**/CMakeLists.txt")]:
        for files in re.findall(r"milepost_schema\([^)]*\bFILES\s+([^)]*)\)", cmake.read_text()):
            paths = [(cmake.parent / f).resolve() for f in files.split()]
            named.update({p: cmake for p in paths})
            numbers = [p.name[:4] for p in paths]
            if numbers != [f"{n:04}" for n in range(1, len(numbers) + 1)]:
                findings.append(f"{cmake.relative_to(root)}: steps {' '.join(numbers)} are not 0001, 0002, ... in order")
    findings += [f"{name} is named in no milepost_schema(): it would never run" for name, p in sorted(steps.items()) if p.resolve() not in named]
    for line in (root / RELEASED).read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        digest, name = line.split()
        if name not in steps:
            findings.append(f"{name} was released and is gone")
        elif hashlib.sha256(steps[name].read_bytes()).hexdigest() != digest:
            findings.append(f"{name} was released and has changed: databases that have run it would refuse this build; add a step instead")
    return findings


def finds_what_it_is_for():
    """Breaks a small tree in one way after the other."""
    def write(root, name, text):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def good(root):
        write(root, "a-svc/CMakeLists.txt", "milepost_schema(a_store COMPONENT a\n  FILES schema/0001_one.sql schema/0002_two.sql)\n")
        write(root, "a-svc/schema/0001_one.sql", "CREATE TABLE one (id INT);\n")
        write(root, "a-svc/schema/0002_two.sql", "CREATE TABLE two (id INT);\n")
        first = hashlib.sha256((root / "a-svc/schema/0001_one.sql").read_bytes()).hexdigest()
        write(root, RELEASED, f"# Of the test.\n{first}  a-svc/schema/0001_one.sql\n")

    breaks = {
        "": lambda root: None,
        "was released and has changed": lambda root: write(root, "a-svc/schema/0001_one.sql", "CREATE TABLE one (id BIGINT);\n"),
        "was released and is gone": lambda root: (root / "a-svc/schema/0001_one.sql").unlink(),
        "named in no milepost_schema": lambda root: write(root, "a-svc/schema/0003_three.sql", ""),
        "are not 0001, 0002": lambda root: write(root, "a-svc/CMakeLists.txt",
                                                 "milepost_schema(a_store FILES schema/0002_two.sql schema/0001_one.sql)\n"),
    }
    findings = []
    for expected, damage in breaks.items():
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch).resolve()
            good(root)
            damage(root)
            found = check(root)
            if (len(found) != 1 or expected not in found[0]) if expected else found:
                findings.append(f"this test, asked for '{expected}', finds {found}")
    return findings


def main() -> int:
    findings = check(ROOT) + finds_what_it_is_for()
    print("\n".join(findings) or "the migrations are in order")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
