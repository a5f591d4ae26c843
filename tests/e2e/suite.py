"""The whole suite for one test: a private database, certificates, tokens and the four real services.

    with Suite() as suite:
        admin = suite.client("admin", "admin")
        admin.CustomerService.CreateCustomer(customer_pb2.CreateCustomerRequest(...))

Everything lives in one temporary folder and on free loopback ports, and is gone afterwards. Programs
come from MILEPOST_BUILD_DIR (default: build/release of this tree). Processes are started by the main
thread only: they die with it (PR_SET_PDEATHSIG), so that a killed test leaves none behind.
"""

import ctypes
import fcntl
import hashlib
import importlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
import grpc  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MILEPOST_BUILD_DIR", ROOT / "build" / "release")).resolve()
SERVICES = ("customer-svc", "opportunity-svc", "target-svc", "reporting-svc")
ISSUER = "https://milepost.local"
AUDIENCE = "milepost"
# Instrumented builds are slower.
PATIENCE = 3 if BUILD.name in ("asan", "tsan") else 1
CALL_SECONDS = 30 * PATIENCE

_began = time.monotonic()


def say(text):
    """One line of what the test does, with the seconds since it began."""
    print(f"[{time.monotonic() - _began:6.1f} s] {text}", flush=True)


# --- generated Python ---------------------------------------------------------------------------


def _generate_stubs():
    """Python of the protos, made by protoc once per state of the protos; the folder goes to sys.path."""
    google_rpc = pathlib.Path("/usr/share/gocode/src/github.com/gogo/googleapis")
    grpc_proto = pathlib.Path("/usr/share/grpc-proto/grpc")
    own = sorted((ROOT / "protos").rglob("*.proto"))
    digest = hashlib.sha256()
    for file in own:
        digest.update(file.read_bytes())
    parent = BUILD / "e2e"
    parent.mkdir(parents=True, exist_ok=True)
    target = parent / f"stubs-{digest.hexdigest()[:16]}"
    with open(parent / "stubs.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            for old in parent.glob("stubs-*"):
                shutil.rmtree(old, ignore_errors=True)
            made = parent / f"stubs-new-{os.getpid()}"
            made.mkdir()
            plugin = "--plugin=protoc-gen-grpc_python=" + shutil.which("grpc_python_plugin")
            out = [f"--python_out={made}", f"--grpc_python_out={made}", plugin]
            subprocess.run(
                ["protoc", f"-I{ROOT / 'protos'}", f"-I{google_rpc}", *out, *map(str, own),
                 str(google_rpc / "google/rpc/error_details.proto"), str(google_rpc / "google/rpc/status.proto")],
                check=True)
            # Rooted below `grpc`, so that the modules do not hide the grpc package itself.
            subprocess.run(
                ["protoc", f"-I{grpc_proto}", *out, str(grpc_proto / "health/v1/health.proto"),
                 str(grpc_proto / "reflection/v1alpha/reflection.proto")], check=True)
            made.rename(target)
    sys.path.insert(0, str(target))


_generate_stubs()


def _stub_classes():
    """Stub class by the short name of its service; all names are unlike but those every service serves."""
    classes = {}
    for file in sorted((ROOT / "protos").rglob("*.proto")):
        module = importlib.import_module(
            str(file.relative_to(ROOT / "protos").with_suffix("")).replace("/", ".") + "_pb2_grpc")
        for name in dir(module):
            if name.endswith("ServiceStub"):
                classes[name[:-4]] = getattr(module, name)
    return classes


STUBS = _stub_classes()
HOME = {"customer": "customer-svc", "opportunity": "opportunity-svc", "organization": "target-svc",
        "target": "target-svc", "reporting": "reporting-svc"}

from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from milepost.feed.v1 import feed_pb2  # noqa: E402
from milepost.reporting.v1 import projection_pb2  # noqa: E402
from milepost.type.v1 import type_pb2  # noqa: E402


# --- small things that tests share ----------------------------------------------------------------


def date(text):
    """A milepost Date from 2018-01-31."""
    year, month, day = map(int, text.split("-"))
    return type_pb2.Date(year=year, month=month, day=day)


def days(first, last):
    return type_pb2.DateRange(first_date=date(first), last_date=date(last))


def year(number):
    return days(f"{number}-01-01", f"{number}-12-31")


def money(yuan, currency="CNY"):
    return type_pb2.Money(currency_code=currency, minor_units=round(yuan * 100))


def new_id():
    return str(uuid.uuid4())


def rich_status(error):
    """google.rpc.Status of a failed call, or an empty one."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    return status


def detail(error, kind):
    """The detail of type `kind` of a failed call, or None."""
    for packed in rich_status(error).details:
        if packed.Is(kind.DESCRIPTOR):
            message = kind()
            packed.Unpack(message)
            return message
    return None


def reason(error):
    info = detail(error, error_details_pb2.ErrorInfo)
    return info.reason if info else ""


def bad_fields(error):
    request = detail(error, error_details_pb2.BadRequest)
    return {v.field: v.description for v in request.field_violations} if request else {}


class Checks:
    """Counts what was checked; says what was wrong, and goes on."""

    def __init__(self):
        self.good = 0
        self.bad = []

    def equal(self, what, found, wanted):
        if found == wanted:
            self.good += 1
        else:
            self.bad.append(what)
            say(f"WRONG {what}: found {found!r}, wanted {wanted!r}")
        return found == wanted

    def true(self, what, holds, found=""):
        return self.equal(what + (f" ({found})" if found != "" and not holds else ""), bool(holds), True)

    def fails(self, what, call, code, wanted_reason=None, fields=(), text=None):
        """The call fails with `code`, the reason and violations of the fields named."""
        try:
            call()
        except grpc.RpcError as error:
            ok = self.equal(f"{what}: code ({error.details()})", error.code().name, code)
            if ok and wanted_reason is not None:
                ok = self.equal(f"{what}: reason", reason(error), wanted_reason)
            for field in fields:
                self.true(f"{what}: names {field}", field in bad_fields(error), bad_fields(error))
            if text is not None:
                self.true(f"{what}: says '{text}'", text in error.details(), error.details())
            return error
        self.equal(f"{what}: code", "OK", code)
        return None

    def finish(self):
        if self.bad:
            say(f"{len(self.bad)} of {self.good + len(self.bad)} checks failed: " + "; ".join(self.bad[:20]))
            return 1
        say(f"all {self.good} checks passed")
        return 0


def main(run):
    """Runs a test function and exits as ctest wants it."""
    try:
        code = run()
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.exit(code or 0)


# --- processes --------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def launch(arguments, log, environment=None):
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("processes are started by the main thread: they end with the thread that started them")
    with open(log, "ab") as out:
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment,
                                preexec_fn=_die_with_parent, cwd=str(pathlib.Path(log).parent))


_given_ports = set()


def free_port(hosts=("127.0.0.1",)):
    """A port that is free on every host; below the range that the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(15000, 32000)
        if port in _given_ports:
            continue
        try:
            for host in hosts:
                with socket.socket() as probe:
                    probe.bind((host, port))
        except OSError:
            continue
        _given_ports.add(port)
        return port


def tail(path, lines=25):
    try:
        return "".join(open(path, encoding="utf-8", errors="replace").readlines()[-lines:])
    except OSError:
        return ""


class Database:
    """A private MariaDB server."""

    def __init__(self, folder):
        self.folder = folder / "db"
        self.socket = self.folder / "db.sock"
        self.log = folder / "db.log"
        self.process = None
        self._user = ["--user=root"] if os.getuid() == 0 else []

    def create(self):
        self.folder.mkdir(mode=0o700)
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", *self._user, f"--datadir={self.folder / 'data'}",
             "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError("mariadb-install-db failed:\n" + made.stdout + made.stderr)

    def start(self):
        server = shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        self.process = launch(
            [server, "--no-defaults", *self._user, f"--datadir={self.folder / 'data'}",
             f"--socket={self.socket}", f"--pid-file={self.folder / 'db.pid'}", "--skip-networking",
             "--skip-name-resolve", "--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin",
             "--performance-schema=OFF", "--max-connections=500", "--innodb-buffer-pool-size=256M"], self.log)
        deadline = time.monotonic() + 60 * PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("the database ended:\n" + tail(self.log))
            if self.socket.exists() and self._client("SELECT 1").returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("the database does not answer:\n" + tail(self.log))

    def _client(self, sql):
        return subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--default-character-set=utf8mb4",
             "--batch", "--skip-column-names", "--raw"], input=sql, capture_output=True, text=True, check=False)

    def sql(self, statement):
        """Rows of text columns."""
        answer = self._client(statement)
        if answer.returncode:
            raise RuntimeError(answer.stderr)
        return [tuple(line.split("\t")) for line in answer.stdout.splitlines()]

    def kill(self):
        self.process.kill()
        self.process.wait()
        # A killed server leaves its socket behind, and nobody may take it for a living one.
        self.socket.unlink(missing_ok=True)


class Replica:
    """One process of a service."""

    def __init__(self, suite, service, index, host, port, admin_port):
        self.suite, self.service, self.index = suite, service, index
        self.host, self.port, self.admin_port = host, port, admin_port
        self.log = suite.folder / f"{service}-{index}.log"
        self.process = None

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def start(self):
        self.process = launch([str(self.suite.program(self.service))], self.log,
                              self.suite.settings(self.service, self))

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.admin_port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self, seconds=60):
        deadline = time.monotonic() + seconds * PATIENCE
        while not self.ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.service} ended with {self.process.returncode}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.service} is not ready after {seconds} s:\n{tail(self.log)}")
            time.sleep(0.05)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds=60):
        """SIGTERM; waits for the end and returns its code."""
        self.process.terminate()
        return self.process.wait(timeout=seconds * PATIENCE)


class NameServer(threading.Thread):
    """A DNS server that answers a service's name with the addresses of its replicas, as a headless
    Kubernetes service does. Replicas share a port and have loopback addresses of their own."""

    def __init__(self, names):
        super().__init__(daemon=True)
        self.names = names
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            try:
                query, client = self.socket.recvfrom(512)
            except OSError:
                return
            if len(query) < 17:
                continue
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace").lower())
                at += 1 + query[at]
            question = query[12:at + 5]
            kind = struct.unpack(">H", query[at + 1:at + 3])[0]
            hosts = self.names.get(".".join(labels), []) if kind == 1 else []
            answers = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(host)
                               for host in hosts)
            known = ".".join(labels) in self.names
            header = query[:2] + struct.pack(">HHHHH", 0x8580 if known else 0x8583, 1, len(hosts), 0, 0)
            self.socket.sendto(header + question + answers, client)


# --- clients ----------------------------------------------------------------------------------------


class Stub:
    """A generated stub whose calls have a deadline."""

    def __init__(self, stub):
        self._stub = stub

    def __getattr__(self, method):
        call = getattr(self._stub, method)

        def with_deadline(request, timeout=CALL_SECONDS, **options):
            return call(request, timeout=timeout, **options)

        return with_deadline


class Client:
    """Stubs by the short names of the services, with one identity: `client.PlanService.GetPlan(...)`."""

    def __init__(self, suite, token=None, certificate=None, service=None, options=()):
        self._suite, self._token, self._certificate = suite, token, certificate
        self._service, self._options = service, options
        self._channels = {}
        self._lock = threading.Lock()

    def on(self, service):
        """The same identity, for services that every process serves: `client.on("target-svc").FeedService`."""
        return Client(self._suite, self._token, self._certificate, service, self._options)

    def channel(self, service):
        with self._lock:
            if service not in self._channels:
                self._channels[service] = self._suite.channel(
                    service, self._token, self._certificate, options=self._options)
            return self._channels[service]

    def __getattr__(self, name):
        if name not in STUBS:
            raise AttributeError(name)
        stub = STUBS[name]
        service = self._service or HOME[stub.__module__.split(".")[1]]
        made = Stub(stub(self.channel(service)))
        setattr(self, name, made)
        return made


class Suite:
    """See the top of this file. `replicas` tells how many processes a service has: {"customer-svc": 2};
    `settings` adds to the environment of all services."""

    def __init__(self, replicas=None, settings=None, services=SERVICES):
        self.services = services
        self.replica_counts = replicas or {}
        self.extra_settings = settings or {}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="milepost-e2e-"))
        self.database = Database(self.folder)
        self.replicas = {}
        self.name_server = None
        self._channels = []

    # Life.

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop(failed=True)
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.stop(failed=kind is not None)

    def start(self):
        missing = [s for s in self.services if not self.program(s).exists()]
        if missing:
            raise RuntimeError(f"not built in {BUILD}: {', '.join(missing)}. Build: ./dev build")
        self.database.create()
        self.database.start()
        self._make_secrets()
        self._make_accounts()
        for service in SERVICES:
            count = self.replica_counts.get(service, 1)
            hosts = [f"127.0.0.{i + 1}" for i in range(count)]
            port, admin_port = free_port(hosts), free_port(hosts)
            self.replicas[service] = [Replica(self, service, i, hosts[i], port, admin_port) for i in range(count)]
        self.name_server = NameServer({s: [r.host for r in self.replicas[s]] for s in SERVICES})
        self.name_server.start()
        migrations = [(s, subprocess.Popen([str(self.program(s)), "migrate"], env=self.settings(s),
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
                      for s in self.services]
        for service, process in migrations:
            output, _ = process.communicate(timeout=60 * PATIENCE)
            if process.returncode:
                raise RuntimeError(f"{service} migrate failed:\n{output}")
        for service in self.services:
            for replica in self.replicas[service]:
                replica.start()
        for service in self.services:
            for replica in self.replicas[service]:
                replica.wait_ready()
        say(f"the suite runs in {self.folder}: " +
            ", ".join(f"{s} {' '.join(r.address for r in self.replicas[s])}" for s in self.services))

    def stop(self, failed=False):
        for channel in self._channels:
            channel.close()
        alive = [r for rs in self.replicas.values() for r in rs if r.process and r.process.poll() is None]
        for replica in alive:
            replica.process.terminate()
        deadline = time.monotonic() + 10 * PATIENCE
        for replica in alive:
            try:
                replica.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                say(f"{replica.service} did not end in time and was killed")
                replica.kill()
        if self.database.process and self.database.process.poll() is None:
            self.database.process.kill()  # Its data is not needed any more.
            self.database.process.wait()
        if self.name_server:
            self.name_server.socket.close()
        if failed:
            for replicas in self.replicas.values():
                for replica in replicas:
                    print(f"--- end of {replica.log.name}\n{tail(replica.log)}", flush=True)
        if failed and os.environ.get("MILEPOST_E2E_KEEP"):
            say(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # Settings.

    def program(self, name):
        return BUILD / "bin" / name

    def password_file(self, service, account):
        return self.folder / f"{service}-{account}.password"

    def peer_address(self, service):
        replicas = self.replicas[service]
        if len(replicas) == 1:
            return f"localhost:{replicas[0].port}"
        return f"dns://127.0.0.1:{self.name_server.port}/{service}:{replicas[0].port}"

    def settings(self, service, replica=None):
        pki = self.folder / "pki"
        name = service[:-len("-svc")]
        values = {
            "DATABASE_SOCKET": self.database.socket, "DATABASE_NAME": name, "DATABASE_USER": f"{name}-app",
            "DATABASE_PASSWORD_FILE": self.password_file(service, "app"),
            "MIGRATION_USER": f"{name}-migration",
            "MIGRATION_PASSWORD_FILE": self.password_file(service, "migration"),
            "TLS_CERT_FILE": pki / f"{service}.crt", "TLS_KEY_FILE": pki / f"{service}.key",
            "TLS_CLIENT_CA_FILE": pki / "ca.crt", "JWKS_FILE": self.folder / "keys" / "jwks.json",
            "TOKEN_ISSUER": ISSUER, "TOKEN_AUDIENCE": AUDIENCE, "REFLECTION": "true", "DRAIN_DELAY": "0s",
            # An idle Python channel does not read that the server goes away, and holds it up for so long.
            "SHUTDOWN_GRACE": "3s",
        }
        if replica:
            values["GRPC_ADDRESS"] = replica.address
            values["ADMIN_ADDRESS"] = f"{replica.host}:{replica.admin_port}"
            for peer in SERVICES:
                if peer != service:
                    values[peer[:-len("-svc")].upper() + "_ADDRESS"] = self.peer_address(peer)
        values.update(self.extra_settings)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MILEPOST_")}
        environment.update({f"MILEPOST_{key}": str(value) for key, value in values.items()})
        return environment

    def _make_secrets(self):
        subprocess.run([ROOT / "deploy/local/pki", self.folder / "pki", *SERVICES], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([ROOT / "deploy/local/token", "--keys", self.folder / "keys"], check=True)

    def _make_accounts(self):
        statements = []
        for service in SERVICES:
            name = service[:-len("-svc")]
            statements.append(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;")
            for account, rights in (("app", "SELECT, INSERT, UPDATE, DELETE"), ("migration", "ALL")):
                password = uuid.uuid4().hex
                file = self.password_file(service, account)
                file.write_text(password, encoding="ascii")
                file.chmod(0o600)
                user = f"'{name}-{account}'@'localhost'"
                statements.append(f"CREATE USER {user} IDENTIFIED BY '{password}';")
                statements.append(f"GRANT {rights} ON {name}.* TO {user};")
        self.database.sql("\n".join(statements))

    # Identities.

    def token(self, member, *roles, hours=1, audience=AUDIENCE, issuer=ISSUER, keys=None):
        return subprocess.run(
            [ROOT / "deploy/local/token", "--keys", keys or self.folder / "keys", "--sub", member, "--roles",
             ",".join(roles), "--hours", str(hours), "--audience", audience, "--issuer", issuer],
            check=True, capture_output=True, text=True).stdout.strip()

    def ca(self):
        return (self.folder / "pki" / "ca.crt").read_bytes()

    def channel(self, service, token=None, certificate=None, replica=None, options=(), addresses=None):
        """A TLS channel to a service, over all its replicas; with a token, or as another service."""
        replicas = self.replicas[service] if replica is None else [self.replicas[service][replica]]
        target = "ipv4:" + ",".join(addresses or [r.address for r in replicas])
        pair = {}
        if certificate:
            pki = self.folder / "pki"
            pair = {"private_key": (pki / f"{certificate}.key").read_bytes(),
                    "certificate_chain": (pki / f"{certificate}.crt").read_bytes()}
        credentials = grpc.ssl_channel_credentials(self.ca(), **pair)
        if token:
            credentials = grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(token))
        channel = grpc.secure_channel(target, credentials, options=[
            ("grpc.ssl_target_name_override", service), ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.max_receive_message_length", 16 << 20), *options])
        self._channels.append(channel)
        return channel

    def client(self, member, *roles, options=()):
        return Client(self, token=self.token(member, *roles), options=options)

    def service_client(self, service):
        """A client that is another service, by its certificate."""
        return Client(self, certificate=service)

    def profile(self, member="admin", *roles, approver=None):
        """A profile for milepostctl; returns its path."""
        path = self.folder / f"profile-{member}.json"
        token_file = self.folder / f"{member}.jwt"
        token_file.write_text(self.token(member, *(roles or ("admin",))), encoding="ascii")
        content = {s[:-len("-svc")]: f"localhost:{self.replicas[s][0].port}" for s in SERVICES}
        content.update(ca_file=str(self.folder / "pki" / "ca.crt"), token_file=str(token_file))
        if approver:
            approver_file = self.folder / f"{approver}.jwt"
            approver_file.write_text(self.token(approver, "admin"), encoding="ascii")
            content["approver_token_file"] = str(approver_file)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def ctl(self, *arguments, profile=None, check=True):
        """Runs milepostctl; returns the finished process with its text."""
        environment = dict(os.environ, LC_ALL="C.UTF-8", MILEPOST_PROFILE=str(profile or self.profile()))
        done = subprocess.run([str(self.program("milepostctl")), *map(str, arguments)], env=environment,
                              capture_output=True, text=True, timeout=600, check=False)
        if check and done.returncode:
            raise RuntimeError(f"milepostctl {' '.join(map(str, arguments))} ended with {done.returncode}:\n"
                               f"{done.stdout}{done.stderr}")
        return done

    # Waiting.

    def wait_caught_up(self, seconds=30):
        """Until every change that is committed now is in the reports; returns the positions."""
        asking = self.service_client("reporting-svc")
        deadline = time.monotonic() + seconds * PATIENCE
        sources = [s for s in SERVICES if s != "reporting-svc"]
        while True:
            behind = {}
            try:
                heads = {s: asking.on(s).FeedService.GetFeedStatus(feed_pb2.GetFeedStatusRequest()) for s in sources}
                status = asking.ProjectionService.GetProjectionStatus(projection_pb2.GetProjectionStatusRequest())
                positions = {f.source: f.position for f in status.freshness.sources}
                for source, head in heads.items():
                    if head.unsequenced_changes or positions.get(source, -1) < head.head_position:
                        behind[source] = (positions.get(source), head.head_position, head.unsequenced_changes)
                if not behind and not status.rebuilding:
                    return positions
            except grpc.RpcError as error:
                behind["error"] = f"{error.code().name} {error.details()}"
            if time.monotonic() > deadline:
                raise RuntimeError(f"the reports are still behind: {behind}")
            time.sleep(0.05)
