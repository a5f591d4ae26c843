"""Renders the overlays and checks the result; see run."""
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

import policy

CHECKS = Path(__file__).resolve().parent
DEPLOY = CHECKS.parent
ROOT = DEPLOY.parent


def render(folder: Path):
    """The documents of a kustomization, or the message why it does not render."""
    answer = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    if answer.returncode != 0:
        return None, answer.stderr.strip()
    return [d for d in yaml.safe_load_all(answer.stdout) if d], ""


def secret_shapes():
    """Keys of each Secret the services need, as the table in deploy/README.md has them."""
    keys = {"database": {"password", "ca.crt"}, "migration": {"password"}, "tls": {"tls.crt", "tls.key", "ca.crt"}}
    return {f"{service}-{what}": k for service in policy.SERVICES for what, k in keys.items()}


def check(released: bool):
    if not shutil.which("kubectl"):
        return ["manifests: there is no kubectl to render them with; `./dev setup` installs it"]
    findings = []
    shapes = secret_shapes()
    findings += unnamed_files() + services_alike()
    folders = sorted(p.parent for where in ("overlays", "checks") for p in (DEPLOY / where).glob("*/kustomization.yaml"))
    for folder in folders:
        name = str(folder.relative_to(ROOT))
        documents, error = render(folder)
        if documents is None:
            findings.append(f"{name}: does not render: {error}")
            continue
        production = "production" in folder.name
        secrets = dict(shapes) if production else dict(shapes, **{"mariadb-tls": {"tls.crt", "tls.key", "ca.crt"}})
        findings += [f"{name}: {f}" for f in policy.check(documents, production, released, secrets)]
    findings += settings_known_to_code() + peers_used()
    findings += release_script()
    findings += local_secrets(shapes)
    return findings


def settings_known_to_code():
    """A setting that no flag reads would be ignored in silence."""
    flags = set()
    for source in list((ROOT / "platform").rglob("*.cc")) + [p for s in policy.SERVICES for p in (ROOT / s).rglob("*.cc")]:
        flags |= set(re.findall(r'"--([a-z][a-z0-9-]+)', source.read_text()))
    keys = set()
    for overlay in ("local", "production"):
        documents, _ = render(DEPLOY / "overlays" / overlay)
        keys |= set(re.findall(r"\bMILEPOST_[A-Z_]+", json.dumps(documents)))
    return [f"deploy: no program has a flag for {key}"
            for key in sorted(keys) if key.removeprefix("MILEPOST_").lower().replace("_", "-") not in flags]


def peers_used():
    """A service is told the addresses of the services it calls or follows, and of no others."""
    findings = []
    documents, _ = render(DEPLOY / "overlays/production")
    for service in policy.SERVICES:
        settings = [d["data"] for d in documents if d["kind"] == "ConfigMap" and d["metadata"]["name"].startswith(f"{service}-settings")][0]
        told = {p for p in policy.SERVICES if f"MILEPOST_{p.removesuffix('-svc').upper()}_ADDRESS" in settings}
        used = set(re.findall(r"settings\(\)\.(\w+)_address", (ROOT / service / "main.cc").read_text()))
        if {p.removesuffix("-svc") for p in told} != used:
            findings.append(f"{service}: is told of {sorted(told)}, and its main.cc asks for {sorted(used)}")
    return findings


def unnamed_files():
    """A manifest that no kustomization names is never applied."""
    findings = []
    for kustomization in DEPLOY.rglob("kustomization.yaml"):
        text = kustomization.read_text()
        findings += [f"{p.relative_to(ROOT)} is named in no kustomization" for p in kustomization.parent.glob("*.yaml")
                     if p != kustomization and not re.search(rf"\b{re.escape(p.name)}\b", text)]
    return findings


def services_alike():
    """The four services are described alike: their files differ in the name alone."""
    first = "customer"
    text = (DEPLOY / "base" / f"{first}-svc.yaml").read_text()
    return [f"deploy/base/{service}.yaml differs from {first}-svc.yaml in more than the name" for service in policy.SERVICES
            if (DEPLOY / "base" / f"{service}.yaml").read_text() != text.replace(first, service.removesuffix("-svc"))]


def release_script():
    """deploy/release writes what production then renders and which migrations are in it, and refuses what is no release."""
    findings = []
    digests = {s: "sha256:" + f"{n:x}" * 64 for n, s in enumerate(policy.SERVICES, start=1)}
    good = [f"{s}={d}" for s, d in digests.items()]
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "deploy"
        shutil.copytree(DEPLOY, copy, ignore=shutil.ignore_patterns("local", "docker", "__pycache__"))
        migrations = [p for pattern in ("*-svc/schema/*.sql", "platform/*/schema/*.sql") for p in ROOT.glob(pattern)]
        recorded = copy.parent / "tests/contract/released_migrations.txt"
        for path in [ROOT / recorded.relative_to(copy.parent), *migrations]:
            place = copy.parent / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)

        def run(*arguments):
            return subprocess.run([str(copy / "release"), *arguments], capture_output=True, text=True)

        wrong = {
            "no service": ["1.2.3", "registry.example.com/m"],
            "a service missing": ["1.2.3", "registry.example.com/m", *good[1:]],
            "a tag for a digest": ["1.2.3", "registry.example.com/m", *good[1:], "customer-svc=1.2.3"],
            "a digest of zeros": ["1.2.3", "registry.example.com/m", *good[1:], "customer-svc=sha256:" + "0" * 64],
            "an unknown service": ["1.2.3", "registry.example.com/m", *good, "other-svc=" + digests["customer-svc"]],
            "no version": ["latest", "registry.example.com/m", *good],
        }
        before = (copy / "overlays/production/release.yaml").read_text()
        for what, arguments in wrong.items():
            if run(*arguments).returncode == 0:
                findings.append(f"deploy/release: accepts {what}")
        if (copy / "overlays/production/release.yaml").read_text() != before:
            findings.append("deploy/release: a refused release changed the tree")
        answer = run("1.2.3", "registry.example.com/m", *good)
        documents, error = render(copy / "overlays/production")
        if answer.returncode != 0 or documents is None:
            return findings + [f"deploy/release: {answer.stderr.strip()} {error}"]
        findings += [f"deploy/release: {f}" for f in policy.check(documents, True, True, secret_shapes())]
        names = {line.split()[-1] for line in recorded.read_text().splitlines() if not line.startswith("#")}
        if names != {str(p.relative_to(ROOT)) for p in migrations}:
            findings.append(f"deploy/release: records the migrations {sorted(names)}")
        for d in documents:
            if d["kind"] in ("Deployment", "Job"):
                service = d["metadata"]["labels"]["app.kubernetes.io/name"]
                image = d["spec"]["template"]["spec"]["containers"][0]["image"]
                if image != f"registry.example.com/m/{service}@{digests[service]}":
                    findings.append(f"deploy/release: {d['kind']} {d['metadata']['name']} runs {image}")
                if d["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] != "1.2.3":
                    findings.append(f"deploy/release: {d['kind']} {d['metadata']['name']} has another version")
        if run("1.2.4", "registry.example.com/m", *good).returncode != 0:
            findings.append("deploy/release: refuses the next release")
        (copy.parent / migrations[0].relative_to(ROOT)).write_text("DROP TABLE changes;\n")
        if run("1.2.5", "registry.example.com/m", *good).returncode == 0:
            findings.append("deploy/release: a migration that was released may change")
    return findings


def local_secrets(shapes):
    """overlays/local/secrets prints exactly the Secrets that services need, and the same ones again."""
    wanted = dict(shapes, **{"mariadb-tls": {"tls.crt", "tls.key", "ca.crt"}})
    with tempfile.TemporaryDirectory() as scratch:
        for part in ("local", "overlays/local"):
            shutil.copytree(DEPLOY / part, Path(scratch) / "deploy" / part)
        outputs = []
        for _ in range(2):
            answer = subprocess.run([os.path.join(scratch, "deploy/overlays/local/secrets")], capture_output=True, text=True)
            if answer.returncode != 0:
                return [f"deploy/overlays/local/secrets: {answer.stderr.strip()}"]
            outputs.append(answer.stdout)
    documents = [d for d in yaml.safe_load_all(outputs[0]) if d]
    found = {d["metadata"]["name"]: set(d["data"]) for d in documents if d["kind"] == "Secret"}
    findings = []
    for name in sorted(set(found) | set(wanted)):
        if found.get(name) != wanted.get(name):
            findings.append(f"deploy/overlays/local/secrets: {name} has {found.get(name)}, wanted is {wanted.get(name)}")
    if any(d["metadata"]["namespace"] != policy.NAMESPACE for d in documents):
        findings.append("deploy/overlays/local/secrets: a manifest is in another namespace")
    if [d["metadata"]["name"] for d in documents if d["kind"] == "ConfigMap"] != ["milepost-jwks"]:
        findings.append("deploy/overlays/local/secrets: the key set is missing")
    if outputs[0] != outputs[1]:
        findings.append("deploy/overlays/local/secrets: a second run prints other secrets")
    return findings
