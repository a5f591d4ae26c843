#!/usr/bin/python3
"""Holds docker/runtime-packages.txt to the programs: deploy/checks/packages.py PROGRAM...

The list names the package of every library that a program links, and no other: one that is missing
stops the image's build, one too many is in four images for nothing.
"""
import re
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).resolve().parent.parent / "docker/runtime-packages.txt"
# In every Debian image; of the sanitizers' builds, which no image holds; needed without being linked.
ALWAYS_THERE = {"libc6", "libgcc-s1"}
SANITIZERS = {"libasan8", "libtsan2", "libubsan1"}
NOT_LINKED = {"libmariadb3", "tzdata"}


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def packages(program):
    """Packages of the libraries that the program itself names; theirs are Debian's concern."""
    named = set(re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", program)))
    found = dict(re.findall(r"^\s*(\S+) => (/\S+)", output("ldd", program), re.M))
    missing = sorted(named - set(found))
    if missing:
        sys.exit(f"{program}: not found: {', '.join(missing)}")
    # Debian knows some files by their place before /lib became a link to /usr/lib.
    files = {Path(found[name]).resolve() for name in named}
    files |= {Path("/") / f.relative_to("/usr") for f in files if f.is_relative_to("/usr")}
    owners = subprocess.run(["dpkg-query", "-S", *map(str, files)], capture_output=True, text=True).stdout
    return set(re.findall(r"^([^:,\s]+)", owners, re.M))


def main() -> int:
    listed = set(re.findall(r"^[^#\s]+", LIST.read_text(), re.M))
    findings = []
    used = set()
    for program in sys.argv[1:]:
        needed = packages(program) - ALWAYS_THERE - SANITIZERS
        used |= needed
        findings += [f"{Path(program).name} needs {p}, which {LIST.name} does not name" for p in sorted(needed - listed)]
    findings += [f"{LIST.name} names {p}, which no program needs" for p in sorted(listed - used - NOT_LINKED)]
    print("\n".join(findings) or f"{len(listed)} packages, as needed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
