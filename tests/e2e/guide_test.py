#!/usr/bin/python3
"""The guide is true: every command of docs/targets.md is run as it stands there, in its order, on the demo company."""

import pathlib
import re
import shutil
import subprocess
import tempfile

from suite import Checks, ROOT, Suite, main, say

GUIDE = ROOT / "docs" / "targets.md"


def commands(text):
    """The commands of all sh blocks, continued lines joined."""
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        found += [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]
    return found


def run():
    checks = Checks()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="milepost-guide-"))
    try:
        with Suite() as suite:
            profile = suite.profile("admin", "admin", approver="approver")
            say("load the demo company")
            suite.ctl("demo", "load", "--size", "600", profile=profile)
            suite.wait_caught_up(60)
            # What a checkout has where the commands are run: documents, `dev`, tokens.
            (scratch / "docs").symlink_to(ROOT / "docs")
            tokens = scratch / ".local" / "tokens"
            tokens.mkdir(parents=True)
            dev = scratch / "dev"
            dev.write_text("#!/bin/sh\n"
                           'case $1 in\n'
                           f'  ctl) shift; MILEPOST_PROFILE="{profile}" exec "{suite.program("milepostctl")}" "$@" ;;\n'
                           '  *) exit 2 ;;\n'
                           'esac\n', encoding="utf-8")
            dev.chmod(0o755)
            (tokens / "approver.jwt").write_text(suite.token("approver", "admin"), encoding="ascii")
            ran = 0
            for command in commands(GUIDE.read_text(encoding="utf-8")):
                made = re.fullmatch(r"\./dev token (\S+) (\S+)", command.strip())
                if made:
                    (tokens / f"{made[1]}.jwt").write_text(suite.token(made[1], *made[2].split(",")), encoding="ascii")
                    continue
                done = subprocess.run(["bash", "-c", command], cwd=scratch, capture_output=True, text=True, timeout=120,
                                      check=False)
                ran += 1
                if not checks.equal(command, done.returncode, 0):
                    say(done.stdout[-500:] + done.stderr[-1500:])
                # What people read is no JSON in the middle of a table.
                checks.true(f"{command}: is readable", '{"' not in done.stdout or "--json" in command, done.stdout[:600])
            checks.true("the guide has commands", ran > 30, ran)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return checks.finish()


if __name__ == "__main__":
    main(run)
