"""Checks alerts, recording rules and the dashboard; see run."""
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

import policy

ROOT = Path(__file__).resolve().parent.parent.parent
MONITORING = ROOT / "deploy/components/monitoring"
TESTS = ROOT / "deploy/checks"
RUNBOOKS = ROOT / "docs/runbooks"
# Metrics of others: Prometheus itself and kube-state-metrics.
FOREIGN = re.compile(r"up|ALERTS|kube_[a-z_]+")
NAME = re.compile(r"\b(?:grpc_server|milepost|process|kube)_\w+|\bmilepost:[\w:]+|\bup\b(?={)")


def check():
    if not shutil.which("promtool"):
        return ["rules: there is no promtool to check them with; `./dev setup` installs it"]
    groups = yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]["groups"]
    board = json.loads((MONITORING / "dashboard.json").read_text())
    return promtool(groups, board) + alerts(groups) + dashboard(board) + runbooks(board) + metric_names(groups, board)


def promtool(groups, board):
    """The rules as plain Prometheus files, checked and tested; the dashboard's queries parsed as rules."""
    queries = [{"record": "query", "expr": plain(e), "labels": {"n": str(n)}} for n, e in enumerate(expressions(board))]
    findings = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
        (folder / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": queries}]}))
        tests = sorted(TESTS.glob("rules*_test.yaml"))
        for test in tests:
            shutil.copy(test, folder)
        for arguments in (["check", "rules", "rules.yaml", "queries.yaml"], ["test", "rules", *[t.name for t in tests]]):
            answer = subprocess.run(["promtool", *arguments], cwd=scratch, capture_output=True, text=True)
            if answer.returncode != 0:
                findings.append(f"promtool {' '.join(arguments)}:\n{answer.stdout}{answer.stderr}")
    return findings


def alerts(groups):
    findings = []
    pages = set()
    rules = [r for g in groups for r in g["rules"] if "alert" in r]
    tested = set()
    for test in TESTS.glob("rules*_test.yaml"):
        for case in (c for t in yaml.safe_load(test.read_text())["tests"] for c in t["promql_expr_test"]):
            name = re.search(r'alertname="(\w+)"', case["expr"])
            severities = {re.search(r'severity="(\w+)"', s["labels"]) for s in case.get("exp_samples", [])}
            tested |= {(name[1], s[1]) for s in severities if name and s}
    for rule in rules:
        name, severity = rule["alert"], rule.get("labels", {}).get("severity")
        if not re.fullmatch(r"Milepost[A-Za-z]+", name) or severity not in ("critical", "warning", "info"):
            findings.append(f"alert {name}: name or severity is not of the house")
        for annotation in ("summary", "description", "runbook_url"):
            if not rule.get("annotations", {}).get(annotation):
                findings.append(f"alert {name}: {annotation} is missing")
        page = ROOT / rule.get("annotations", {}).get("runbook_url", "none")
        pages.add(page)
        if not page.is_file() or f"`{name}`" not in page.read_text():
            findings.append(f"alert {name}: its runbook page is missing or does not name it")
        if (name, severity) not in tested:
            findings.append(f"alert {name} ({severity}): no test lets it fire")
    for page in RUNBOOKS.glob("*.md"):
        if page not in pages and page.name != "README.md":
            findings.append(f"docs/runbooks/{page.name}: no alert points there")
    return findings


def dashboard(board):
    findings = []
    variables = {v["name"]: v for v in board["templating"]["list"]}
    if variables.get("datasource", {}).get("type") != "datasource":
        findings.append("dashboard: the data source is no variable")
    ids = [p["id"] for p in board["panels"]]
    if len(set(ids)) != len(ids):
        findings.append("dashboard: two panels have the same id")
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        if cells & taken or at["x"] + at["w"] > 24:
            findings.append(f"dashboard: panel {panel['title']} lies over another")
        taken |= cells
        for target in panel.get("targets", []):
            if target["datasource"]["uid"] != "${datasource}":
                findings.append(f"dashboard: panel {panel['title']} names a data source")
            for used in re.findall(r"\$(\w+)", target["expr"]):
                if used not in variables and not used.startswith("__"):
                    findings.append(f"dashboard: panel {panel['title']} uses the unknown variable {used}")
    return findings


def runbooks(board):
    """A page that sends its reader to a *panel* names one there is."""
    titles = {p["title"] for p in board["panels"]}
    return [f"docs/runbooks/{page.name}: the dashboard has no panel {name}" for page in sorted(RUNBOOKS.glob("*.md"))
            for name in re.findall(r"(?<!\*)\*([^*\n`]+)\*(?!\*)", page.read_text()) if name not in titles]


def expressions(board):
    return [t["expr"] for p in board["panels"] for t in p.get("targets", [])]


def plain(expression):
    return expression.replace("$__rate_interval", "5m").replace("$job", "x").replace("$method", "x")


def metric_names(groups, board):
    """Every metric that is asked for is one the code has, or a recording rule, or somebody else's."""
    recorded = {r["record"] for g in groups for r in g["rules"] if "record" in r}
    emitted = set()
    for folder in ("platform", *policy.SERVICES):
        for source in (ROOT / folder).rglob("*.cc"):
            if not source.name.endswith("_test.cc"):
                emitted |= set(re.findall(r'"((?:grpc_server|milepost|process)_[a-z0-9_]+)"', source.read_text()))
    queries = [r["expr"] for g in groups for r in g["rules"]] + expressions(board)
    queries += [v["definition"] for v in board["templating"]["list"] if "definition" in v]
    asked = {name for query in queries for name in NAME.findall(re.sub(r'"[^"]*"', '""', query))}
    return [f"metric {name} is asked for, but no program has it" for name in sorted(asked)
            if name not in recorded | emitted and re.sub(r"_(bucket|sum|count)$", "", name) not in emitted
            and not FOREIGN.fullmatch(name)]
