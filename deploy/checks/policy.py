"""The rules that rendered manifests must keep. Every finding says what and where."""
import re

SERVICES = ["customer-svc", "opportunity-svc", "target-svc", "reporting-svc"]
NAMESPACE = "milepost"
WORKLOADS = ("Deployment", "StatefulSet", "Job")
CLUSTER_WIDE = ("Namespace",)
EXTERNAL_CONFIG_MAPS = {"milepost-jwks"}
PROBES = {"startupProbe": "/startupz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
# The API versions that clusters from 1.27 on serve; kubectl renders any.
API_VERSIONS = {
    "ConfigMap": "v1", "Namespace": "v1", "Service": "v1", "ServiceAccount": "v1",
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "Job": "batch/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2", "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "PrometheusRule": "monitoring.coreos.com/v1", "ServiceMonitor": "monitoring.coreos.com/v1",
}
VOLUME_TYPES = {"configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
LABELS = ["name", "instance", "version", "component", "part-of", "managed-by"]


def check(documents, production, released, secrets):
    """Findings about one rendering. `secrets`: name to keys of the Secrets made outside."""
    all_of = {}
    findings = []
    for d in documents:
        key = (d["kind"], d["metadata"]["name"])
        if key in all_of:
            findings.append(f"{key[0]} {key[1]} is there twice")
        all_of[key] = d
        if d["kind"] not in CLUSTER_WIDE and d["metadata"].get("namespace") != NAMESPACE:
            findings.append(f"{key[0]} {key[1]} is not in the namespace {NAMESPACE}")
        if d["kind"] == "Secret":
            findings.append(f"Secret {key[1]} is rendered; secrets do not belong into manifests")
        elif d["apiVersion"] != API_VERSIONS.get(key[0]):
            findings.append(f"{key[0]} {key[1]}: {d['apiVersion']} is not the API version of the house")
    rendering = Rendering(all_of, production, released, secrets)
    findings += rendering.namespace()
    for (kind, name), d in all_of.items():
        if kind in WORKLOADS:
            findings += [f"{kind} {name}: {f}" for f in rendering.workload(d)]
    for service in SERVICES:
        findings += [f"{service}: {f}" for f in rendering.service(service)]
    findings += rendering.services_reach_pods()
    if any(kind == "NetworkPolicy" for kind, _ in all_of):
        findings += rendering.network()
    if ("ServiceMonitor", "milepost") in all_of:
        findings += rendering.monitor()
    return findings


class Rendering:
    def __init__(self, all_of, production, released, secrets):
        self.all_of = all_of
        self.production = production
        self.released = released
        self.secrets = secrets

    def of(self, kind):
        return [d for (k, _), d in self.all_of.items() if k == kind]

    def namespace(self):
        namespace = self.all_of.get(("Namespace", NAMESPACE), {"metadata": {}})
        if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            return [f"Namespace {NAMESPACE} does not enforce pod security `restricted`"]
        return []

    # One pod template.

    def workload(self, d):
        findings = []
        template = d["spec"]["template"]
        pod = template["spec"]
        for where in (d["metadata"], template["metadata"]):
            for label in LABELS:
                if not where.get("labels", {}).get(f"app.kubernetes.io/{label}"):
                    findings.append(f"label app.kubernetes.io/{label} is missing")
        if pod.get("automountServiceAccountToken") is not False:
            findings.append("mounts a service account token")
        if ("ServiceAccount", pod.get("serviceAccountName")) not in self.all_of:
            findings.append("has no service account of its own")
        if any(pod.get(k) for k in ("hostNetwork", "hostPID", "hostIPC")):
            findings.append("uses a namespace of the host")
        security = pod.get("securityContext", {})
        if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
            findings.append("may run as root")
        if security.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            findings.append("no seccomp profile")
        claims = {c["metadata"]["name"] for c in d["spec"].get("volumeClaimTemplates", [])}
        volumes = {v["name"]: v for v in pod.get("volumes", [])}
        for name, volume in volumes.items():
            if set(volume) - {"name"} - VOLUME_TYPES:
                findings.append(f"volume {name} is of a type that is not allowed")
        for container in pod.get("initContainers", []) + pod["containers"]:
            findings += [f"container {container['name']}: {f}" for f in self.container(container)]
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes and mount["name"] not in claims:
                    findings.append(f"mounts {mount['name']}, which is no volume")
                if mount["name"] in volumes and "emptyDir" not in volumes[mount["name"]] and not mount.get("readOnly"):
                    findings.append(f"mounts {mount['name']} writable")
                if "subPath" in mount:
                    findings.append(f"mounts {mount['name']} by subPath: it would never be updated")
        for volume in volumes.values():
            for key in self.volume_files(volume):
                if key.startswith("?"):
                    findings.append(f"volume {volume['name']} wants {key[1:]}, which nobody makes")
        return findings

    def container(self, c):
        findings = []
        image = c["image"]
        if self.production:
            found = re.search(r"@sha256:([0-9a-f]{64})$", image)
            if not found:
                findings.append(f"image {image} is not named by digest")
            elif self.released and set(found[1]) == {"0"}:
                findings.append(f"image {image}: nothing has been released; see deploy/release")
        elif ":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest"):
            findings.append(f"image {image} has no fixed tag")
        security = c.get("securityContext", {})
        if security.get("allowPrivilegeEscalation") is not False:
            findings.append("allows privilege escalation")
        if security.get("readOnlyRootFilesystem") is not True:
            findings.append("root file system is writable")
        if security.get("capabilities") != {"drop": ["ALL"]}:
            findings.append("keeps capabilities")
        requests = c.get("resources", {}).get("requests", {})
        limits = c.get("resources", {}).get("limits", {})
        if not requests.get("cpu") or not requests.get("memory"):
            findings.append("requests no CPU or memory")
        if limits.get("memory") != requests.get("memory"):
            findings.append("memory limit is not the request")
        if "cpu" in limits:
            findings.append("CPU limit: it would throttle bursts")
        names = [e["name"] for e in c.get("env", [])]
        for source in c.get("envFrom", []):
            config = self.all_of.get(("ConfigMap", source.get("configMapRef", {}).get("name")))
            if config is None:
                findings.append(f"environment from {source}, which is not there")
            else:
                names += config["data"]
        for name in sorted({n for n in names if names.count(n) > 1}):
            findings.append(f"{name} is set twice")
        return findings

    def volume_files(self, volume):
        """Names of the files in a volume; `?what` for what is referred to and not there."""
        def of_source(kind, name, items):
            if kind == "secret":
                keys = self.secrets.get(name)
            elif name in EXTERNAL_CONFIG_MAPS:
                keys = {"jwks.json"}
            else:
                keys = set(self.all_of.get(("ConfigMap", name), {}).get("data", {})) or None
            if keys is None:
                return [f"?{kind} {name}"]
            if items is None:
                return sorted(keys)
            return [i["path"] if i["key"] in keys else f"?key {i['key']} of {kind} {name}" for i in items]

        if "secret" in volume:
            return of_source("secret", volume["secret"]["secretName"], volume["secret"].get("items"))
        if "configMap" in volume:
            return of_source("configMap", volume["configMap"]["name"], volume["configMap"].get("items"))
        files = []
        for source in volume.get("projected", {}).get("sources", []):
            for kind, value in source.items():
                files += of_source(kind, value["name"], value.get("items"))
        return files

    def environment(self, d):
        c = d["spec"]["template"]["spec"]["containers"][0]
        values = {e["name"]: e.get("value") for e in c.get("env", [])}
        for source in c.get("envFrom", []):
            values.update(self.all_of[("ConfigMap", source["configMapRef"]["name"])]["data"])
        return values

    def mounted_files(self, d):
        pod = d["spec"]["template"]["spec"]
        volumes = {v["name"]: v for v in pod["volumes"]}
        return {f"{m['mountPath']}/{f}" for m in pod["containers"][0]["volumeMounts"] for f in self.volume_files(volumes[m["name"]])}

    # One service of the suite, all its parts.

    def service(self, name):
        wanted = [("Deployment", name), ("Service", name), ("Service", name + "-vip"), ("Service", name + "-admin"),
                  ("ServiceAccount", name), ("PodDisruptionBudget", name), ("Job", name + "-migration")]
        scaled = self.production or self.of("HorizontalPodAutoscaler")
        if scaled:
            wanted.append(("HorizontalPodAutoscaler", name))
        findings = [f"{kind} {what} is missing" for kind, what in wanted if (kind, what) not in self.all_of]
        if findings:
            return findings
        deployment = self.all_of[("Deployment", name)]
        migration = self.all_of[("Job", name + "-migration")]
        findings += self.deployment(name, deployment)
        findings += self.migration(deployment, migration)
        budget = self.all_of[("PodDisruptionBudget", name)]["spec"]
        if budget.get("maxUnavailable") != 1 or budget["selector"] != deployment["spec"]["selector"]:
            findings.append("the disruption budget does not keep its pods")
        if scaled:
            scaler = self.all_of[("HorizontalPodAutoscaler", name)]["spec"]
            if scaler["scaleTargetRef"]["name"] != name or scaler["minReplicas"] < 3:
                findings.append("the autoscaler may go below three pods")
            down = scaler["behavior"]["scaleDown"]["policies"]
            if down != [{"type": "Pods", "value": 1, "periodSeconds": 60}]:
                findings.append("the autoscaler removes more than one pod a minute")
            if "replicas" in deployment["spec"]:
                findings.append("replicas are set beside the autoscaler")
        return findings

    def deployment(self, name, d):
        findings = []
        if d["spec"]["strategy"].get("rollingUpdate") != {"maxUnavailable": 0, "maxSurge": 1}:
            findings.append("a rollout may take pods away before others are there")
        if d["spec"].get("minReadySeconds", 0) < 10:
            findings.append("a rollout may take pods away before clients have found the others")
        pod = d["spec"]["template"]["spec"]
        c = pod["containers"][0]
        ports = {p["name"]: p["containerPort"] for p in c["ports"]}
        for probe, path in PROBES.items():
            http = c.get(probe, {}).get("httpGet", {})
            if http.get("path") != path or http.get("port") not in ("admin", ports.get("admin")):
                findings.append(f"{probe} is not {path} on the admin port")
        spread = {s["topologyKey"]: s for s in pod.get("topologySpreadConstraints", [])}
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname"):
            s = spread.get(key, {})
            if s.get("maxSkew") != 1 or s.get("labelSelector") != d["spec"]["selector"] or s.get("matchLabelKeys") != ["pod-template-hash"]:
                findings.append(f"pods are not spread over {key}")
        values = self.environment(d)
        stop = sum(int(values[k].removesuffix("s")) for k in ("MILEPOST_DRAIN_DELAY", "MILEPOST_SHUTDOWN_GRACE"))
        if pod.get("terminationGracePeriodSeconds", 30) < stop + 15:
            findings.append(f"{stop} s of draining leave too little of the termination grace period")
        for flag, port in (("MILEPOST_GRPC_ADDRESS", "grpc"), ("MILEPOST_ADMIN_ADDRESS", "admin")):
            if values.get(flag) != f"0.0.0.0:{ports.get(port)}":
                findings.append(f"{flag} is not the port {port}")
        required = ["DATABASE_HOST", "DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD_FILE", "TOKEN_ISSUER", "TOKEN_AUDIENCE"]
        findings += [f"MILEPOST_{k} is not set" for k in required if not values.get("MILEPOST_" + k)]
        mounted = self.mounted_files(d)
        for key, value in values.items():
            if key.startswith("MILEPOST_") and key.endswith("_FILE") and value not in mounted:
                findings.append(f"{key} names {value}, which is not mounted")
            if key.endswith("_ADDRESS") and key not in ("MILEPOST_GRPC_ADDRESS", "MILEPOST_ADMIN_ADDRESS"):
                found = re.fullmatch(r"dns:///([a-z-]+):(\d+)", value)
                peer = self.all_of.get(("Service", found[1])) if found else None
                if peer is None or peer["spec"].get("clusterIP") != "None" or int(found[2]) not in [p["port"] for p in peer["spec"]["ports"]]:
                    findings.append(f"{key} {value} is no headless service of the suite")
        if self.production and values.get("MILEPOST_REFLECTION") != "false":
            findings.append("server reflection is on")
        return findings

    def migration(self, deployment, job):
        findings = []
        server, own = self.environment(deployment), self.environment(job)
        container = job["spec"]["template"]["spec"]["containers"][0]
        if container.get("args") != ["migrate"] or container["image"] != deployment["spec"]["template"]["spec"]["containers"][0]["image"]:
            findings.append("the migration does not run the same image with `migrate`")
        if not own.get("MILEPOST_MIGRATION_USER") or own["MILEPOST_MIGRATION_USER"] == server.get("MILEPOST_DATABASE_USER"):
            findings.append("the migration has no account of its own")
        if any(k.startswith("MILEPOST_MIGRATION_") for k in server):
            findings.append("the server is told the migration's account")
        mounted = self.mounted_files(job)
        if server.get("MILEPOST_DATABASE_PASSWORD_FILE") in mounted or "MILEPOST_DATABASE_PASSWORD_FILE" in own:
            findings.append("the migration gets the server's password")
        for key in ("MILEPOST_MIGRATION_PASSWORD_FILE", "MILEPOST_DATABASE_CA_FILE"):
            if own.get(key) not in mounted:
                findings.append(f"the migration's {key} is not mounted")
        return findings

    # What connects them.

    def services_reach_pods(self):
        findings = []
        for service in self.of("Service"):
            selector = service["spec"]["selector"].items()
            pods = [d for k in WORKLOADS for d in self.of(k) if selector <= d["spec"]["template"]["metadata"]["labels"].items()]
            name = service["metadata"]["name"]
            if len(pods) != 1:
                findings.append(f"Service {name} selects the pods of {[p['metadata']['name'] for p in pods]}")
                continue
            ports = {p.get("name") for c in pods[0]["spec"]["template"]["spec"]["containers"] for p in c["ports"]}
            for port in service["spec"]["ports"]:
                target = port.get("targetPort", port["name"])
                if target not in ports:
                    findings.append(f"Service {name}: the pods have no port {target}")
        return findings

    def network(self):
        policies = {d["metadata"]["name"]: d["spec"] for d in self.of("NetworkPolicy")}
        findings = []
        if policies.get("default-deny") != {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}:
            findings.append("NetworkPolicy default-deny does not deny everything")

        def named(rules, direction):
            names = set()
            for rule in rules:
                for peer in rule[direction]:
                    for e in peer["podSelector"].get("matchExpressions", []):
                        if e["key"] == "app.kubernetes.io/name":
                            names |= set(e["values"])
            return names

        for service in SERVICES:
            if service not in policies or service + "-database" not in policies:
                findings.append(f"NetworkPolicy for {service} or its database is missing")
                continue
            values = self.environment(self.all_of[("Deployment", service)])
            peers = {s for s in SERVICES if f"MILEPOST_{s.removesuffix('-svc').upper()}_ADDRESS" in values}
            if named(policies[service]["egress"], "to") != peers:
                findings.append(f"NetworkPolicy {service}: it is told of {sorted(peers)} but may reach others")
            for peer in peers:
                if peer in policies and service not in named(policies[peer]["ingress"], "from"):
                    findings.append(f"NetworkPolicy {peer} does not let {service} in")
            for caller in named(policies[service]["ingress"], "from"):
                told = self.environment(self.all_of[("Deployment", caller)])
                if f"MILEPOST_{service.removesuffix('-svc').upper()}_ADDRESS" not in told:
                    findings.append(f"NetworkPolicy {service} lets {caller} in, which does not call it")
        if self.production:
            addresses = [p["to"][0].get("ipBlock", {}).get("cidr") for s in SERVICES for p in policies.get(s + "-database", {}).get("egress", [])]
            if None in addresses or len(set(addresses)) != len(SERVICES):
                findings.append("NetworkPolicy: each service must reach its own database and no other")
        return findings

    def monitor(self):
        spec = self.all_of[("ServiceMonitor", "milepost")]["spec"]
        found = [d["metadata"]["name"] for d in self.of("Service")
                 if spec["selector"]["matchLabels"].items() <= d["metadata"]["labels"].items()
                 and spec["endpoints"][0]["port"] in [p["name"] for p in d["spec"]["ports"]]
                 and spec["jobLabel"] in d["metadata"]["labels"]]
        if sorted(found) != sorted(s + "-admin" for s in SERVICES):
            return [f"ServiceMonitor: scrapes {sorted(found)}"]
        return []
