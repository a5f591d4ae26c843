#!/usr/bin/python3
"""What alerts and dashboard ask for is what the running services say: every metric, with every label and value
that a query names. And what they say is well-formed and bounded."""

import json
import re
import subprocess
import sys
import urllib.request

import yaml

import company
from suite import ROOT, SERVICES, Checks, Suite, main, money, new_id, say
from milepost.customer.v1 import customer_pb2
from milepost.opportunity.v1 import opportunity_pb2

sys.path.insert(0, str(ROOT / "deploy/checks"))
import rules  # noqa: E402

# One replica's share of what Prometheus should hold for the suite.
MOST_SERIES = 10_000
# Labels that scraping adds, and the bound of a bucket.
ADDED = {"job", "instance", "le"}
# What only an event makes: a look at the read models a minute after the start, a transaction run again.
LATER = {"milepost_reconcile_last_success_timestamp_seconds": {"check": "read_models"},
         "milepost_db_tx_retries_total": {"unit": "any", "code": "1213"}}


def scrape(suite, service):
    replica = suite.replicas[service][0]
    with urllib.request.urlopen(f"http://{replica.host}:{replica.admin_port}/metrics", timeout=10) as answer:
        return answer.read().decode("utf-8")


def series(text):
    """(name, labels) of every sample."""
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels = re.fullmatch(r"([\w:]+)(?:\{(.*)\})? \S+(?: \d+)?", line).groups()
            found.append((name, dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))))
    return found


def queries():
    """Every expression of rules.yaml and of the dashboard, with where it is from."""
    groups = yaml.safe_load((rules.MONITORING / "rules.yaml").read_text())["spec"]["groups"]
    for rule in (r for g in groups for r in g["rules"]):
        yield rule.get("alert", rule.get("record")), rule["expr"]
    board = json.loads((rules.MONITORING / "dashboard.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield f"panel '{panel['title']}'", target["expr"]


def selectors(expression):
    """(metric, {label: pattern that some value must match}) of each selector of our own metrics."""
    for name, inner in re.findall(r"\b((?:grpc_server|milepost|process)_\w+)\s*(?:\{([^}]*)\})?", expression):
        wanted = {}
        for label, operator, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', inner):
            if label not in ADDED:
                wanted[label] = {"=": re.escape(value), "=~": value}.get(operator, ".*") if "$" not in value else ".*"
        yield name, wanted


def some_business(suite, admin):
    """Each service reads, writes, refuses and follows a little, so that what appears with use is there."""
    company.make(suite, admin)
    customer = admin.CustomerService.GetCustomer(customer_pb2.GetCustomerRequest(name="customers/first-of-huang-qiang"))
    request = opportunity_pb2.CreateOpportunityRequest(
        opportunity_id="measured", request_id=new_id(), opportunity=opportunity_pb2.Opportunity(
            title="计量", owner="members/li-wei", customer=customer.name, process="processes/direct", amount=money(100)))
    for _ in range(2):
        admin.OpportunityService.CreateOpportunity(request)


def run():
    checks = Checks()
    with Suite() as suite:
        some_business(suite, suite.client("director", "admin"))
        said = {name: [labels] for name, labels in LATER.items()}
        for service in SERVICES:
            text = scrape(suite, service)
            linted = subprocess.run(
                ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
            checks.equal(f"{service}: promtool's opinion", (linted.returncode, linted.stdout + linted.stderr), (0, ""))
            samples = series(text)
            checks.true(f"{service}: at most {MOST_SERIES} series", len(samples) <= MOST_SERIES, len(samples))
            say(f"{service}: {len(samples)} series")
            built = [labels for name, labels in samples if name == "milepost_build_info"]
            checks.true(f"{service}: says once what runs", len(built) == 1 and re.fullmatch(
                r"[0-9a-f]{12}|unknown", built[0]["revision"]) and re.match(r"\d+\.", built[0]["engine"])
                and re.match(r"\d+\.", built[0]["version"]), built)
            for name, labels in samples:
                said.setdefault(name, []).append(labels)
        for where, expression in queries():
            known = set(ADDED)
            for name, wanted in selectors(expression):
                known |= {label for labels in said.get(name, []) for label in labels}
                if checks.true(f"{where}: a service has {name}", name in said):
                    checks.true(f"{where}: {name} with {wanted}", any(
                        all(re.fullmatch(pattern, labels.get(label, "\n")) for label, pattern in wanted.items())
                        for labels in said[name]))
            if "kube_" not in expression and ":" not in expression:
                for label in re.findall(r"\w+", " ".join(re.findall(r"\bby\s*\(([^)]*)\)", expression))):
                    checks.true(f"{where}: there is a label {label}", label in known)
    return checks.finish()


if __name__ == "__main__":
    main(run)
