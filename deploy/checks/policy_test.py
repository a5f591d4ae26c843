#!/usr/bin/python3
"""Breaks a good rendering in one place after the other: policy.check must notice each time."""
import copy
import sys

sys.dont_write_bytecode = True

import manifests
import policy


def deployment(d):
    return d["Deployment", "customer-svc"]["spec"]["template"]["spec"]


def server(d):
    return deployment(d)["containers"][0]


def job(d):
    return d["Job", "customer-svc-migration"]["spec"]["template"]["spec"]


def settings(d, of="customer-svc"):
    found = [v for (kind, name), v in d.items() if kind == "ConfigMap" and name.startswith(f"{of}-settings")]
    return found[0]["data"]


def peers(d, service, direction):
    rule = d["NetworkPolicy", service]["spec"]["ingress" if direction == "from" else "egress"][0]
    return rule[direction][0]["podSelector"]["matchExpressions"][0]["values"]


# What is broken, how, and a part of the finding.
BREAKS = [
    ("a writable root", lambda d: server(d)["securityContext"].update(readOnlyRootFilesystem=False), "writable"),
    ("root", lambda d: deployment(d)["securityContext"].update(runAsNonRoot=False), "may run as root"),
    ("user 0", lambda d: job(d)["securityContext"].update(runAsUser=0), "may run as root"),
    ("privilege escalation", lambda d: server(d)["securityContext"].pop("allowPrivilegeEscalation"), "escalation"),
    ("a capability", lambda d: server(d)["securityContext"]["capabilities"].update(add=["NET_RAW"]), "capabilities"),
    ("no seccomp", lambda d: deployment(d)["securityContext"].pop("seccompProfile"), "seccomp"),
    ("the host's network", lambda d: deployment(d).update(hostNetwork=True), "of the host"),
    ("a host path", lambda d: deployment(d)["volumes"].append({"name": "h", "hostPath": {"path": "/"}}), "not allowed"),
    ("an API token", lambda d: deployment(d).pop("automountServiceAccountToken"), "token"),
    ("the default account", lambda d: deployment(d).update(serviceAccountName="default"), "service account"),
    ("an image by tag", lambda d: server(d).update(image="milepost/customer-svc:1"), "digest"),
    ("another image to migrate", lambda d: job(d)["containers"][0].update(image="x@sha256:" + "1" * 64), "same image"),
    ("no memory request", lambda d: server(d)["resources"]["requests"].pop("memory"), "requests no"),
    ("a larger memory limit", lambda d: server(d)["resources"]["limits"].update(memory="1Gi"), "memory limit"),
    ("a CPU limit", lambda d: server(d)["resources"]["limits"].update(cpu="1"), "CPU limit"),
    ("a setting twice", lambda d: server(d)["env"].append({"name": "MILEPOST_CURRENCY", "value": "USD"}), "set twice"),
    ("readiness by liveness", lambda d: server(d)["readinessProbe"]["httpGet"].update(path="/healthz"), "readinessProbe"),
    ("no startup probe", lambda d: server(d).pop("startupProbe"), "startupProbe"),
    ("a hard rollout", lambda d: d["Deployment", "customer-svc"]["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1), "rollout"),
    ("a hasty rollout", lambda d: d["Deployment", "customer-svc"]["spec"].pop("minReadySeconds"), "clients have found"),
    ("fixed replicas", lambda d: d["Deployment", "customer-svc"]["spec"].update(replicas=3), "beside the autoscaler"),
    ("no spreading", lambda d: deployment(d).pop("topologySpreadConstraints"), "not spread"),
    ("a short grace period", lambda d: deployment(d).update(terminationGracePeriodSeconds=30), "grace period"),
    ("another port", lambda d: server(d)["ports"][1].update(containerPort=1), "port admin"),
    ("a secret nobody makes", lambda d: deployment(d)["volumes"][1]["secret"].update(secretName="certs"), "nobody makes"),
    ("a key nobody makes", lambda d: job(d)["volumes"][0]["projected"]["sources"][1]["secret"]["items"][0].update(key="pw"), "nobody makes"),
    ("an unmounted file", lambda d: settings(d, "milepost").update(MILEPOST_JWKS_FILE="/jwks.json"), "not mounted"),
    ("a writable secret", lambda d: server(d)["volumeMounts"][0].pop("readOnly"), "writable"),
    ("a subPath", lambda d: server(d)["volumeMounts"][0].update(subPath="password"), "subPath"),
    ("no database", lambda d: settings(d).pop("MILEPOST_DATABASE_HOST"), "DATABASE_HOST"),
    ("a peer by its single address", lambda d: settings(d).update(MILEPOST_TARGET_ADDRESS="dns:///target-svc-vip:7100"), "headless"),
    ("reflection", lambda d: settings(d, "milepost").update(MILEPOST_REFLECTION="true"), "reflection"),
    ("no command to migrate", lambda d: job(d)["containers"][0].pop("args"), "migrate"),
    ("one account for both", lambda d: job(d)["containers"][0]["env"][0].update(value="customer-app"), "account of its own"),
    ("a password file for migrate", lambda d: job(d)["containers"][0]["env"].append({"name": "MILEPOST_DATABASE_PASSWORD_FILE", "value": "/p"}), "server's password"),
    ("the server's password to migrate", lambda d: job(d)["volumes"][0]["projected"]["sources"][0]["secret"].pop("items"), "server's password"),
    ("a weak budget", lambda d: d["PodDisruptionBudget", "customer-svc"]["spec"].update(maxUnavailable=2), "budget"),
    ("one pod at night", lambda d: d["HorizontalPodAutoscaler", "customer-svc"]["spec"].update(minReplicas=1), "below three"),
    ("a fast scale-down", lambda d: d["HorizontalPodAutoscaler", "customer-svc"]["spec"]["behavior"]["scaleDown"]["policies"][0].update(value=5), "more than one pod"),
    ("a service without pods", lambda d: d["Service", "customer-svc"]["spec"]["selector"].update({"a": "b"}), "selects the pods of []"),
    ("a service without port", lambda d: d["Service", "customer-svc-admin"]["spec"]["ports"][0].update(targetPort="m"), "have no port"),
    ("no admin service", lambda d: d.pop(("Service", "customer-svc-admin")), "is missing"),
    ("an API version of old", lambda d: d["PodDisruptionBudget", "customer-svc"].update(apiVersion="policy/v1beta1"), "API version"),
    ("a kind nobody thought of", lambda d: d.update({("Pod", "p"): {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "milepost"}}}), "API version"),
    ("no label", lambda d: d["Deployment", "customer-svc"]["metadata"]["labels"].pop("app.kubernetes.io/instance"), "label"),
    ("another namespace", lambda d: d["Service", "customer-svc"]["metadata"].update(namespace="default"), "not in the namespace"),
    ("a lenient namespace", lambda d: d["Namespace", "milepost"]["metadata"]["labels"].update({"pod-security.kubernetes.io/enforce": "baseline"}), "restricted"),
    ("a rendered secret", lambda d: d.update({("Secret", "s"): {"kind": "Secret", "metadata": {"name": "s", "namespace": "milepost"}}}), "do not belong"),
    ("open egress", lambda d: d["NetworkPolicy", "default-deny"]["spec"].update(policyTypes=["Ingress"]), "does not deny"),
    ("a caller shut out", lambda d: peers(d, "target-svc", "from").remove("customer-svc"), "does not let customer-svc in"),
    ("a caller too many", lambda d: peers(d, "reporting-svc", "from").append("customer-svc"), "does not call it"),
    ("a peer too many", lambda d: peers(d, "customer-svc", "to").append("reporting-svc"), "may reach others"),
    ("a shared database", lambda d: d["NetworkPolicy", "customer-svc-database"]["spec"]["egress"][0]["to"][0]["ipBlock"].update(cidr="192.0.2.11/32"), "own database"),
    ("a monitor of nothing", lambda d: d["ServiceMonitor", "milepost"]["spec"]["endpoints"][0].update(port="m"), "ServiceMonitor"),
]


def main() -> int:
    documents, error = manifests.render(manifests.CHECKS / "production-full")
    if documents is None:
        print(error)
        return 1
    good = {(d["kind"], d["metadata"]["name"]): d for d in documents}
    shapes = manifests.secret_shapes()
    failures = policy.check(good.values(), True, False, shapes)
    if not any("nothing has been released" in f for f in policy.check(good.values(), True, True, shapes)):
        failures.append("a digest of zeros passes as released")
    for what, damage, expected in BREAKS:
        broken = copy.deepcopy(good)
        damage(broken)
        findings = policy.check(broken.values(), True, False, shapes)
        if not any(expected in f for f in findings):
            failures.append(f"{what}: not noticed; found {findings}")
    print("\n".join(failures) or f"{len(BREAKS)} breaks, all noticed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
