#!/usr/bin/python3
"""Bad input and strangers: who must not get in does not, and what cannot be is refused with the field, the
limit and every violation named at once; by all four services."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time

import grpc

import company
from suite import (ROOT, SERVICES, STUBS, Checks, Suite, bad_fields, date, days, main, money, new_id, reason, say,
                   year)
from health.v1 import health_pb2, health_pb2_grpc
from reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from milepost.change.v1 import change_pb2
from milepost.customer.v1 import contact_pb2, customer_pb2, interaction_pb2
from milepost.feed.v1 import feed_pb2
from milepost.opportunity.v1 import opportunity_pb2, order_pb2, process_pb2, product_pb2
from milepost.organization.v1 import calendar_pb2, member_pb2, unit_pb2
from milepost.reporting.v1 import projection_pb2, report_pb2
from milepost.target.v1 import metric_pb2, node_pb2, plan_pb2
from milepost.type.v1 import type_pb2

# A read of each service, and the path of one whose first field is text.
PROBES = {
    "customer-svc": ("CustomerService", "GetCustomer", customer_pb2.GetCustomerRequest(name="customers/none"),
                     "/milepost.customer.v1.CustomerService/GetCustomer"),
    "opportunity-svc": ("OpportunityService", "GetOpportunity",
                        opportunity_pb2.GetOpportunityRequest(name="opportunities/none"),
                        "/milepost.opportunity.v1.OpportunityService/GetOpportunity"),
    "target-svc": ("PlanService", "GetPlan", plan_pb2.GetPlanRequest(name="plans/none"),
                   "/milepost.target.v1.PlanService/GetPlan"),
    "reporting-svc": ("ReportService", "GetTargetProgress",
                      report_pb2.GetTargetProgressRequest(name="plans/none"),
                      "/milepost.reporting.v1.ReportService/GetTargetProgress"),
}


# --- who must not get in ----------------------------------------------------------------------------


def encode(part):
    if not isinstance(part, bytes):
        part = json.dumps(part).encode()
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def decode(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def bad_tokens(suite):
    """(what is wrong, token, reason)."""
    good = suite.token("director", "admin")
    head, claims, signature = good.split(".")
    stranger = suite.folder / "stranger-keys"
    public = subprocess.run(["openssl", "pkey", "-in", str(suite.folder / "keys" / "token-signing.key"), "-pubout"],
                            capture_output=True, check=True).stdout
    jwk = (suite.folder / "keys" / "jwks.json").read_bytes()
    kid = decode(head)["kid"]

    def hs256(secret):
        signed = encode({"alg": "HS256", "typ": "JWT", "kid": kid}) + "." + claims
        return signed + "." + encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())

    more = dict(decode(claims), sub="somebody-else")
    foreign = suite.token("director", "admin", keys=stranger)
    foreign_head, foreign_claims, _ = foreign.split(".")
    # Signed by a stranger's key under our key's id.
    signed = encode(dict(decode(foreign_head), kid=kid)) + "." + foreign_claims
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(stranger / "token-signing.key")],
                         input=signed.encode(), capture_output=True, check=True).stdout
    r_length = der[3]
    r, s = der[4:4 + r_length], der[6 + r_length:]
    forged = signed + "." + encode(r.lstrip(b"\0").rjust(32, b"\0") + s.lstrip(b"\0").rjust(32, b"\0"))
    return (
        ("expired", suite.token("director", "admin", hours=-1), "TOKEN_EXPIRED"),
        ("for another audience", suite.token("director", "admin", audience="payroll"), "TOKEN_AUDIENCE_WRONG"),
        ("of another issuer", suite.token("director", "admin", issuer="https://evil.example"), "TOKEN_ISSUER_WRONG"),
        ("signed by an unknown key", foreign, "TOKEN_KEY_UNKNOWN"),
        ("forged under our key's id", forged, "TOKEN_SIGNATURE_INVALID"),
        ("with other claims under a good signature", f"{head}.{encode(more)}.{signature}", "TOKEN_SIGNATURE_INVALID"),
        ("without its signature", f"{head}.{claims}.", "TOKEN_SIGNATURE_INVALID"),
        ("alg none", encode({"alg": "none", "typ": "JWT"}) + f".{claims}.", "TOKEN_ALGORITHM_REFUSED"),
        ("HS256 with the public key as secret", hs256(public), "TOKEN_ALGORITHM_REFUSED"),
        ("HS256 with the key set as secret", hs256(jwk), "TOKEN_ALGORITHM_REFUSED"),
        ("that is no token", "let-me-in", "TOKEN_MALFORMED"),
        ("of two parts", f"{head}.{claims}", "TOKEN_MALFORMED"),
    )


def check_strangers(suite, checks):
    tokens = bad_tokens(suite)
    stranger_pki = suite.folder / "stranger-pki"
    subprocess.run([ROOT / "deploy/local/pki", stranger_pki, "reporting-svc"], check=True,
                   stdout=subprocess.DEVNULL)
    for service in suite.services:
        say(f"strangers at {service}")
        stub_name, method, request, path = PROBES[service]
        address = suite.replicas[service][0].address

        def call(channel, name=stub_name, verb=method, what=request):
            with channel:
                return getattr(STUBS[name](channel), verb)(what, timeout=10)

        error = checks.fails(f"{service}: a client without TLS",
                             lambda: call(grpc.insecure_channel("ipv4:" + address)), "UNAVAILABLE")
        checks.true(f"{service}: nothing was answered without TLS", error is not None and reason(error) == "")

        # A certificate that says it is reporting-svc, signed by somebody else's CA.
        try:
            call(grpc.secure_channel("ipv4:" + address, grpc.ssl_channel_credentials(
                suite.ca(), (stranger_pki / "reporting-svc.key").read_bytes(),
                (stranger_pki / "reporting-svc.crt").read_bytes()),
                options=[("grpc.ssl_target_name_override", service), ("grpc.use_local_subchannel_pool", 1)]))
            checks.true(f"{service}: a certificate of another CA is refused", False)
        except grpc.RpcError as refused:
            checks.true(f"{service}: a certificate of another CA is refused",
                        refused.code().name in ("UNAVAILABLE", "UNAUTHENTICATED"), refused.code().name)
        # A client that trusts another CA does not talk to us.
        checks.fails(f"{service}: a server that cannot prove itself", lambda: call(grpc.secure_channel(
            "ipv4:" + address, grpc.ssl_channel_credentials((stranger_pki / "ca.crt").read_bytes()),
            options=[("grpc.ssl_target_name_override", service), ("grpc.use_local_subchannel_pool", 1)])),
                     "UNAVAILABLE")

        checks.fails(f"{service}: no token", lambda: call(suite.channel(service)), "UNAUTHENTICATED", "TOKEN_MISSING")
        for what, token, why in tokens:
            checks.fails(f"{service}: a token {what}", lambda t=token: call(suite.channel(service, t)),
                         "UNAUTHENTICATED", why)
        for value in ("Basic YWRtaW46YWRtaW4=", "Bearer", "bearer"):
            with suite.channel(service) as channel:
                checks.fails(f"{service}: authorization '{value}'", lambda c=channel, v=value: getattr(
                    STUBS[stub_name](c), method)(request, timeout=10, metadata=(("authorization", v),)),
                             "UNAUTHENTICATED")

        say(f"what {service} cannot read")
        admin = suite.client("director", "admin")
        channel = admin.channel(service)
        raw = channel.unary_unary(path, request_serializer=lambda b: b, response_deserializer=lambda b: b)
        for what, data in (("text that is not UTF-8", b"\x0a\x0fcustomers/\xff\xfe\xfd\xfc\xfb"),
                           ("an overlong UTF-8 text", b"\x0a\x02\xc0\xaf"),
                           ("a message that ends early", b"\x0a\x20abc"),
                           ("bytes that are no message", b"\xff\xff\xff\xff\xff\xff")):
            checks.fails(f"{service}: {what}", lambda d=data: raw(d, timeout=10), "INVALID_ARGUMENT",
                         "REQUEST_NOT_DECODABLE")
        checks.fails(f"{service}: a message of 5 MiB", lambda: raw(b"\x0a\x80\x80\xc0\x02" + b"a" * (5 << 20), timeout=30),
                     "RESOURCE_EXHAUSTED")
        nothing = channel.unary_unary("/milepost.customer.v1.CustomerService/DropTables", request_serializer=lambda b: b,
                                      response_deserializer=lambda b: b)
        checks.fails(f"{service}: a method that is not there", lambda: nothing(b"", timeout=10), "UNIMPLEMENTED")
        checks.fails(f"{service}: alive after all that", lambda: getattr(getattr(admin, stub_name), method)(request),
                     "NOT_FOUND")

        say(f"health and reflection of {service}, without a token")
        with suite.channel(service) as bare:
            health = health_pb2_grpc.HealthStub(bare)
            for name in ("", path.split("/")[1], "milepost.feed.v1.FeedService"):
                answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
                checks.equal(f"{service}: health of '{name}'", answer.status, health_pb2.HealthCheckResponse.SERVING)
            checks.fails(f"{service}: health of a service that is not there", lambda: health.Check(
                health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=10), "NOT_FOUND")
            reflection = reflection_pb2_grpc.ServerReflectionStub(bare)
            answers = list(reflection.ServerReflectionInfo(iter([
                reflection_pb2.ServerReflectionRequest(list_services=""),
                reflection_pb2.ServerReflectionRequest(file_containing_symbol=path.split("/")[1])]), timeout=10))
            names = {s.name for s in answers[0].list_services_response.service}
            checks.true(f"{service}: reflection lists its services", {path.split("/")[1], "milepost.feed.v1.FeedService",
                                                                      "milepost.change.v1.ChangeService"} <= names, names)
            checks.true(f"{service}: reflection describes them",
                        len(answers[1].file_descriptor_response.file_descriptor_proto) > 0)


def check_streams(suite, checks):
    """A message in the middle of a stream that cannot be read ends it with an error, not as if all was well."""
    admin = suite.client("director", "admin")
    good = customer_pb2.ImportCustomersRequest()
    good.rows.add(line=1, customer=customer_pb2.Customer(
        name="customers/streamed", kind=customer_pb2.COMPANY, display_name="流"))
    good = good.SerializeToString()
    broken = good.replace("流".encode(), b"\xc1\xf7\xbf")  # As long, and not UTF-8.
    call = admin.channel("customer-svc").stream_stream(
        "/milepost.customer.v1.CustomerService/ImportCustomers", request_serializer=lambda b: b,
        response_deserializer=customer_pb2.ImportCustomersResponse.FromString)
    checks.fails("an import with a batch that is not UTF-8", lambda: list(call(iter([good, broken, good]), timeout=20)),
                 "INVALID_ARGUMENT", "REQUEST_NOT_DECODABLE")

    waiting = threading.Event()

    def patient():
        yield broken
        waiting.wait(20)

    checks.fails("an import that waits for the answer to such a batch", lambda: list(call(patient(), timeout=20)),
                 "INVALID_ARGUMENT", "REQUEST_NOT_DECODABLE")
    waiting.set()
    checks.equal("an import that is fine", len(list(call(iter([good, good]), timeout=20))), 2)


def check_roles(suite, checks):
    say("roles: what a role may not call")
    rep = suite.client("li-wei", "rep")
    analyst = suite.client("analyst", "analyst")
    denied = []
    if "customer-svc" in suite.services:
        denied += [
            ("an analyst creates a customer", lambda: analyst.CustomerService.CreateCustomer(
                customer_pb2.CreateCustomerRequest())),
            ("a rep imports customers", lambda: list(rep.CustomerService.ImportCustomers(
                iter([customer_pb2.ImportCustomersRequest()])))),
            ("a rep reads the feed", lambda: list(rep.on("customer-svc").FeedService.Subscribe(
                feed_pb2.SubscribeRequest()))),
        ]
    if "opportunity-svc" in suite.services:
        denied += [
            ("an analyst wins an opportunity", lambda: analyst.OpportunityService.WinOpportunity(
                opportunity_pb2.WinOpportunityRequest(name="opportunities/none"))),
            ("a rep creates a product", lambda: rep.ProductService.CreateProduct(product_pb2.CreateProductRequest())),
        ]
    if "target-svc" in suite.services:
        denied += [
            ("a rep creates a unit", lambda: rep.UnitService.CreateUnit(unit_pb2.CreateUnitRequest())),
            ("a rep creates a plan", lambda: rep.PlanService.CreatePlan(plan_pb2.CreatePlanRequest())),
            ("a rep snapshots the feed", lambda: list(rep.on("target-svc").FeedService.Snapshot(
                feed_pb2.SnapshotRequest()))),
        ]
    if "reporting-svc" in suite.services:
        denied += [("an analyst rebuilds the read models", lambda: analyst.ProjectionService.RebuildReadModels(
            projection_pb2.RebuildReadModelsRequest()))]
    for what, call in denied:
        checks.fails(what, call, "PERMISSION_DENIED", "ROLE_NOT_ALLOWED")


# --- bad input ----------------------------------------------------------------------------------------


def check_pages(checks, what, list_page, collection, other_arguments):
    """`list_page(**arguments)` lists; a token is good for its own request only."""
    first = list_page(page_size=1)
    checks.true(f"{what}: a second page", first.next_page_token != "")
    for wrong, arguments in (("of another request", dict(other_arguments, page_token=first.next_page_token)),
                             ("made up", dict(page_token="AAAA")), ("that is Chinese", dict(page_token="下一页")),
                             ("cut", dict(page_token=first.next_page_token[:-3]))):
        checks.fails(f"{what}: a page token {wrong}", lambda a=arguments: list_page(page_size=1, **a),
                     "INVALID_ARGUMENT", fields=["page_token"])
    for size in (-1, 501, 2 ** 31 - 1):
        checks.fails(f"{what}: a page of {size}", lambda s=size: list_page(page_size=s), "INVALID_ARGUMENT",
                     fields=["page_size"])
    names, token = [], ""
    while True:
        page = list_page(page_size=1, page_token=token)
        names += [item.name for item in getattr(page, collection)]
        token = page.next_page_token
        if not token:
            break
    whole = [item.name for item in getattr(list_page(page_size=500), collection)]
    checks.equal(f"{what}: pages of one make the whole list", names, whole)


def check_repeats(checks, what, create, same_as, other):
    """create(request_id) twice is one; other(request_id) under the same id is refused."""
    request_id = new_id()
    first = create(request_id)
    again = create(request_id)
    checks.equal(f"{what}: a repeat answers with the same", same_as(again), same_as(first))
    checks.fails(f"{what}: other arguments under the same request_id", lambda: other(request_id), "INVALID_ARGUMENT",
                 "REQUEST_ID_REUSED")
    for wrong in ("1", "not-a-uuid", "123e4567e89b12d3a456426614174000", "ffffffff-ffff-ffff-ffff-fffffffffffg"):
        checks.fails(f"{what}: request_id '{wrong}'", lambda w=wrong: create(w), "INVALID_ARGUMENT",
                     fields=["request_id"])


def check_hidden(checks, what, read, hidden, absent, code="NOT_FOUND"):
    """Hidden and absent records answer alike, word for word."""
    texts = []
    for name in (hidden, absent):
        error = checks.fails(f"{what}: {name}", lambda n=name: read(n), code)
        texts.append((error.details().replace(name, "NAME"), reason(error)) if error else None)
    checks.equal(f"{what}: hidden and absent answer alike", texts[0], texts[1])


def check_customers(suite, checks, admin):
    say("customer-svc: bad input")
    v1 = customer_pb2
    rep, other, manager = suite.client("li-wei", "rep"), suite.client("chen-jing", "rep"), suite.client("sam", "manager")
    service = rep.CustomerService

    def customer(**fields):
        return v1.Customer(**dict(dict(kind=v1.COMPANY, display_name="北京测试有限公司"), **fields))

    def create(request_id="", customer_id="", client=rep, allow=True, **fields):
        return client.CustomerService.CreateCustomer(v1.CreateCustomerRequest(
            customer_id=customer_id, request_id=request_id, allow_duplicates=allow, customer=customer(**fields)))

    checks.fails("no customer at all", lambda: service.CreateCustomer(v1.CreateCustomerRequest()), "INVALID_ARGUMENT",
                 "INVALID_FIELDS", ["customer.kind", "customer.display_name"])
    checks.fails("many bad fields at once", lambda: create(
        customer_id="Not An Id", kind=99, display_name="名" * 201, channel=42, founded_year=-5, employee_count=-1,
        phone="call me", email="nobody", since_date=type_pb2.Date(year=2017, month=2, day=30), source="wrong/name",
        annual_revenue=type_pb2.Money(currency_code="yuan", minor_units=-1), tags=["a", "a"], owner="li-wei"),
                 "INVALID_ARGUMENT", "INVALID_FIELDS",
                 ["customer_id", "customer.kind", "customer.display_name", "customer.channel", "customer.founded_year",
                  "customer.employee_count", "customer.phone", "customer.email", "customer.since_date", "customer.source",
                  "customer.tags[1]", "customer.owner"])
    for what, fields, field in (
            ("an unknown kind", dict(kind=99), "customer.kind"),
            ("no name", dict(display_name=""), "customer.display_name"),
            ("a name of blanks", dict(display_name=" \t "), "customer.display_name"),
            ("February 30th", dict(since_date=type_pb2.Date(year=2017, month=2, day=30)), "customer.since_date"),
            ("the year 99999", dict(since_date=type_pb2.Date(year=99999, month=1, day=1)), "customer.since_date"),
            ("the month 13", dict(since_date=type_pb2.Date(year=2017, month=13, day=1)), "customer.since_date"),
            ("a negative amount", dict(annual_revenue=money(-1)), "customer.annual_revenue"),
            ("an amount beyond the limit", dict(annual_revenue=type_pb2.Money(
                currency_code="CNY", minor_units=9_000_000_000_000_001)), "customer.annual_revenue"),
            ("the greatest number there is", dict(annual_revenue=type_pb2.Money(
                currency_code="CNY", minor_units=2 ** 63 - 1)), "customer.annual_revenue"),
            ("a currency in lower case", dict(annual_revenue=type_pb2.Money(currency_code="cny", minor_units=1)),
             "customer.annual_revenue"),
            ("a wrong credit code", dict(credit_code="91110000000000000X"), "customer.credit_code"),
            ("a name with a control character", dict(display_name="a\u0000b"), "customer.display_name"),
    ):
        error = checks.fails(what, lambda f=fields: create(**f), "INVALID_ARGUMENT")
        checks.true(f"{what}: names the field", error is not None and
                    any(name.startswith(field) for name in bad_fields(error)), bad_fields(error) if error else "")

    mine = create(customer_id="li-weis", display_name="李伟的客户有限公司", phone="13912345678")
    create(customer_id="li-weis-2", display_name="李伟的另一家客户")
    checks.fails("an id that is taken", lambda: create(customer_id="li-weis"), "ALREADY_EXISTS")
    update = v1.UpdateCustomerRequest
    for path in ("shoe_size", "display_name.first", "create_time", "name", "owner", "kind", ""):
        checks.fails(f"update mask '{path}'", lambda p=path: service.UpdateCustomer(update(
            customer=v1.Customer(name=mine.name, display_name="x"), update_mask={"paths": [p]})), "INVALID_ARGUMENT",
                     fields=["update_mask"])
    changed = service.UpdateCustomer(update(customer=v1.Customer(name=mine.name, industry="机械")))
    checks.fails("a stale etag", lambda: service.UpdateCustomer(
        update(customer=v1.Customer(name=mine.name, industry="软件"), etag=mine.etag)), "ABORTED", "STALE_ETAG")
    checks.equal("the newest etag", service.UpdateCustomer(update(
        customer=v1.Customer(name=mine.name, industry="软件"), etag=changed.etag)).industry, "软件")
    checks.fails("a name of another collection", lambda: service.GetCustomer(
        v1.GetCustomerRequest(name="members/li-wei")), "INVALID_ARGUMENT", fields=["name"])
    checks.fails("no query", lambda: service.SearchCustomers(v1.SearchCustomersRequest()), "INVALID_ARGUMENT",
                 fields=["query"])
    checks.fails("a query of 101 characters", lambda: service.SearchCustomers(v1.SearchCustomersRequest(query="客" * 101)),
                 "INVALID_ARGUMENT", fields=["query"])

    check_pages(checks, "customers", lambda page_size=0, page_token="", **f: service.ListCustomers(
        v1.ListCustomersRequest(page_size=page_size, page_token=page_token, filter=v1.CustomerFilter(**f))),
                "customers", dict(industry="机械"))
    check_repeats(checks, "customers", lambda r: create(request_id=r, display_name="重复请求"),
                  lambda c: (c.name, c.etag), lambda r: create(request_id=r, display_name="别的名字"))

    say("customer-svc: out of scope")
    for who, client in (("a rep of another team", other), ("a manager of another region", manager)):
        read = client.CustomerService
        check_hidden(checks, f"{who} reads", lambda n: read.GetCustomer(v1.GetCustomerRequest(name=n)),
                     "customers/li-weis", "customers/nobodys")
        check_hidden(checks, f"{who} changes", lambda n: read.UpdateCustomer(v1.UpdateCustomerRequest(
            customer=v1.Customer(name=n, industry="x"))), "customers/li-weis", "customers/nobodys")
        check_hidden(checks, f"{who} lists contacts", lambda n: client.ContactService.ListContacts(
            contact_pb2.ListContactsRequest(customer=n)), "customers/li-weis", "customers/nobodys")
        check_hidden(checks, f"{who} reads the history", lambda n: client.on("customer-svc").ChangeService.ListChanges(
            change_pb2.ListChangesRequest(record=n)), "customers/li-weis", "customers/nobodys")
        listed = {c.name for c in read.ListCustomers(v1.ListCustomersRequest(page_size=500)).customers}
        checks.true(f"{who} does not find it in a list", "customers/li-weis" not in listed)
        found = read.SearchCustomers(v1.SearchCustomersRequest(query="李伟的")).customers
        checks.equal(f"{who} does not find it by search", [c.name for c in found], [])
        checked = read.BatchCheckCustomers(v1.BatchCheckCustomersRequest(names=["customers/li-weis"])).checks[0]
        checks.equal(f"{who} is not told that it exists", (checked.found, checked.display_name, checked.owner),
                     (False, "", ""))
    north = suite.client("nora", "manager")
    checks.equal("the manager above sees it", north.CustomerService.GetCustomer(
        v1.GetCustomerRequest(name="customers/li-weis")).phone, "13912345678")
    analyst = suite.client("analyst", "analyst")
    seen = analyst.CustomerService.GetCustomer(v1.GetCustomerRequest(name="customers/li-weis"))
    checks.true("an analyst sees it without the person", seen.personal_data_masked and seen.phone != "13912345678",
                seen.phone)
    checks.fails("a rep creates for somebody else", lambda: create(owner="members/chen-jing"), "PERMISSION_DENIED")

    say("interactions: bad input")
    plan = interaction_pb2.PlanInteractionRequest
    checks.fails("a visit without anything", lambda: rep.InteractionService.PlanInteraction(
        plan(interaction=interaction_pb2.Interaction())), "INVALID_ARGUMENT",
                 fields=["interaction.customer", "interaction.type", "interaction.subject"])
    check_hidden(checks, "the visits of a customer out of scope", lambda n: other.InteractionService.ListInteractions(
        interaction_pb2.ListInteractionsRequest(customer=n)), "customers/li-weis", "customers/nobodys")
    check_hidden(checks, "a visit to a customer out of scope", lambda n: other.InteractionService.PlanInteraction(plan(
        interaction=interaction_pb2.Interaction(
            customer=n, type=interaction_pb2.VISIT, purpose=interaction_pb2.ORDER, subject="拜访",
            planned_time={"seconds": int(time.time()) + 3600}))), "customers/li-weis", "customers/nobodys",
                 "FAILED_PRECONDITION")


def check_opportunities(suite, checks, admin):
    say("opportunity-svc: bad input")
    v1 = opportunity_pb2
    rep, other, manager = suite.client("li-wei", "rep"), suite.client("chen-jing", "rep"), suite.client("sam", "manager")
    service = rep.OpportunityService

    def create(request_id="", opportunity_id="", client=rep, **fields):
        return client.OpportunityService.CreateOpportunity(v1.CreateOpportunityRequest(
            opportunity_id=opportunity_id, request_id=request_id,
            opportunity=v1.Opportunity(**dict(dict(title="测试商机", process="processes/direct"), **fields))))

    checks.fails("no opportunity at all", lambda: service.CreateOpportunity(v1.CreateOpportunityRequest()),
                 "INVALID_ARGUMENT", "INVALID_FIELDS")
    checks.fails("many bad fields at once", lambda: create(
        opportunity_id="-x-", title="", customer="customers/Ä", owner="x", product="products/", region="NORTH WEST",
        channel="#", amount=type_pb2.Money(currency_code="CNY", minor_units=-5),
        expected_close_date=type_pb2.Date(year=2018, month=2, day=29), note="注" * 2001, process="standard"),
                 "INVALID_ARGUMENT", "INVALID_FIELDS",
                 ["opportunity_id", "opportunity.title", "opportunity.customer", "opportunity.owner",
                  "opportunity.product", "opportunity.region", "opportunity.channel",
                  "opportunity.expected_close_date", "opportunity.note", "opportunity.process"])
    for what, fields, field in (
            ("February 30th", dict(expected_close_date=type_pb2.Date(year=2017, month=2, day=30)),
             "opportunity.expected_close_date"),
            ("the year 0", dict(expected_close_date=type_pb2.Date(year=0, month=1, day=1)),
             "opportunity.expected_close_date"),
            ("the year 10000", dict(expected_close_date=type_pb2.Date(year=10000, month=1, day=1)),
             "opportunity.expected_close_date"),
            ("a negative amount", dict(amount=money(-0.01)), "opportunity.amount"),
            ("an amount beyond the limit", dict(amount=type_pb2.Money(
                currency_code="CNY", minor_units=9_000_000_000_000_001)), "opportunity.amount"),
            ("the greatest number there is", dict(amount=type_pb2.Money(currency_code="CNY", minor_units=2 ** 63 - 1)),
             "opportunity.amount"),
            ("another currency", dict(amount=money(5, "USD")), "opportunity.amount"),
            ("no currency", dict(amount=type_pb2.Money(minor_units=5)), "opportunity.amount"),
            ("a title of 201 characters", dict(title="商" * 201), "opportunity.title"),
    ):
        error = checks.fails(what, lambda f=fields: create(**f), "INVALID_ARGUMENT")
        checks.true(f"{what}: names the field", error is not None and
                    any(name.startswith(field) for name in bad_fields(error)), bad_fields(error) if error else "")
    mine = create(opportunity_id="li-weis", customer="customers/li-weis", amount=money(1000))
    create(opportunity_id="li-weis-2")
    checks.fails("an id that is taken", lambda: create(opportunity_id="li-weis"), "ALREADY_EXISTS")
    checks.fails("a customer that is not there", lambda: create(customer="customers/nobodys"), "FAILED_PRECONDITION")
    for path in ("shoe_size", "state", "stage", "owner", "amount.minor_units.x"):
        checks.fails(f"update mask '{path}'", lambda p=path: service.UpdateOpportunity(v1.UpdateOpportunityRequest(
            opportunity=v1.Opportunity(name=mine.name, title="x"), update_mask={"paths": [p]})), "INVALID_ARGUMENT",
                     fields=["update_mask"])
    changed = service.UpdateOpportunity(v1.UpdateOpportunityRequest(
        opportunity=v1.Opportunity(name=mine.name, note="改过")))
    checks.fails("a stale etag", lambda: service.MoveStage(v1.MoveStageRequest(
        name=mine.name, stage="needs", etag=mine.etag)), "ABORTED")
    checks.equal("the newest etag", service.MoveStage(v1.MoveStageRequest(
        name=mine.name, stage="needs", etag=changed.etag)).stage, "needs")
    checks.fails("an unknown state in a filter", lambda: service.ListOpportunities(
        v1.ListOpportunitiesRequest(states=[77])), "INVALID_ARGUMENT")
    checks.fails("a range that ends before it begins", lambda: service.ListOpportunities(
        v1.ListOpportunitiesRequest(close_dates=days("2018-02-01", "2018-01-01"))), "INVALID_ARGUMENT")
    for what, amount in (("nothing", type_pb2.Money()), ("zero", money(0)), ("less than nothing", money(-1)),
                         ("dollars", money(1, "USD")),
                         ("too much", type_pb2.Money(currency_code="CNY", minor_units=2 ** 62))):
        checks.fails(f"won for {what}", lambda a=amount: service.WinOpportunity(
            v1.WinOpportunityRequest(name=mine.name, amount=a)), "INVALID_ARGUMENT")
    service.CompleteMilestone(v1.CompleteMilestoneRequest(name=mine.name, milestone="needs-known"))
    checks.fails("won in 2199", lambda: admin.OpportunityService.WinOpportunity(v1.WinOpportunityRequest(
        name=mine.name, amount=money(1), close_date=date("2199-01-01"))), "FAILED_PRECONDITION", "DATE_IN_FUTURE")
    order = order_pb2.CreateOrderRequest(order=order_pb2.Order(customer="customers/li-weis"), lines=[
        order_pb2.OrderLineInput(quantity=1_000_000_000, unit_price=type_pb2.Money(
            currency_code="CNY", minor_units=9_000_000_000_000_000))])
    checks.fails("an order whose sum overflows", lambda: rep.OrderService.CreateOrder(order),
                 "INVALID_ARGUMENT", fields=["lines"])
    order.lines[0].CopyFrom(order_pb2.OrderLineInput(quantity=-1, unit_price=money(1)))
    checks.fails("an order of minus one piece", lambda: rep.OrderService.CreateOrder(order), "INVALID_ARGUMENT",
                 fields=["lines[0].quantity"])
    checks.fails("a process without stages", lambda: admin.ProcessService.CreateProcess(process_pb2.CreateProcessRequest(
        process=process_pb2.Process(title="空"))), "INVALID_ARGUMENT")
    check_pages(checks, "opportunities", lambda page_size=0, page_token="", **f: service.ListOpportunities(
        v1.ListOpportunitiesRequest(page_size=page_size, page_token=page_token, **f)), "opportunities",
                dict(states=[v1.OPEN]))
    check_repeats(checks, "opportunities", lambda r: create(request_id=r, title="重复请求"), lambda o: (o.name, o.etag),
                  lambda r: create(request_id=r, title="别的商机"))

    say("opportunity-svc: out of scope")
    for who, client in (("a rep of another team", other), ("a manager of another region", manager)):
        read = client.OpportunityService
        for what, call in (
                ("reads", lambda n: read.GetOpportunity(v1.GetOpportunityRequest(name=n))),
                ("changes", lambda n: read.UpdateOpportunity(v1.UpdateOpportunityRequest(
                    opportunity=v1.Opportunity(name=n, note="x")))),
                ("moves", lambda n: read.MoveStage(v1.MoveStageRequest(name=n, stage="offer"))),
                ("wins", lambda n: read.WinOpportunity(v1.WinOpportunityRequest(name=n, amount=money(1)))),
                ("loses", lambda n: read.LoseOpportunity(v1.LoseOpportunityRequest(name=n, close_reason="price"))),
                ("reads the history", lambda n: client.on("opportunity-svc").ChangeService.ListChanges(
                    change_pb2.ListChangesRequest(record=n)))):
            check_hidden(checks, f"{who} {what}", call, "opportunities/li-weis", "opportunities/nobodys")
        listed = {o.name for o in read.ListOpportunities(v1.ListOpportunitiesRequest(page_size=500)).opportunities}
        checks.true(f"{who} does not find it in a list", "opportunities/li-weis" not in listed)
    check_hidden(checks, "an opportunity for a customer of somebody else", lambda n: create(client=other, customer=n),
                 "customers/li-weis", "customers/nobodys", "FAILED_PRECONDITION")


def check_targets(suite, checks, admin):
    say("target-svc: bad input")
    v1 = plan_pb2
    service = admin.PlanService

    def create(request_id="", plan_id="", client=admin, **fields):
        return client.PlanService.CreatePlan(v1.CreatePlanRequest(
            plan_id=plan_id, request_id=request_id,
            plan=v1.Plan(**dict(dict(title="目标", metric="metrics/revenue", period=year(2030), target_units=100,
                                     unit="units/company"), **fields))))

    checks.fails("no plan at all", lambda: service.CreatePlan(v1.CreatePlanRequest()), "INVALID_ARGUMENT",
                 "INVALID_FIELDS")
    checks.fails("many bad fields at once", lambda: create(
        plan_id="A", title="", metric="revenue", period=days("2030-12-31", "2030-01-01"), target_units=-1, unit="x",
        calendar="y", visibility=9, rounding_units=-3, currency_code="Yuan"), "INVALID_ARGUMENT", "INVALID_FIELDS",
                 ["plan_id", "plan.title", "plan.metric", "plan.target_units", "plan.unit", "plan.calendar",
                  "plan.visibility", "plan.rounding_units"])
    for what, fields, field in (
            ("February 30th", dict(period=type_pb2.DateRange(
                first_date=type_pb2.Date(year=2030, month=2, day=30), last_date=date("2030-12-31"))), "plan.period"),
            ("a period that ends before it begins", dict(period=days("2030-12-31", "2030-01-01")), "plan.period"),
            ("eleven years", dict(period=days("2030-01-01", "2040-12-31")), "plan.period"),
            ("no period", dict(period=type_pb2.DateRange()), "plan.period"),
            ("a negative target", dict(target_units=-1), "plan.target_units"),
            ("a target beyond the limit", dict(target_units=9_000_000_000_000_001), "plan.target_units"),
            ("the greatest number there is", dict(target_units=2 ** 63 - 1), "plan.target_units"),
            ("another currency", dict(currency_code="USD"), "plan.currency_code"),
            ("an unknown visibility", dict(visibility=9), "plan.visibility"),
    ):
        error = checks.fails(what, lambda f=fields: create(**f), "INVALID_ARGUMENT")
        checks.true(f"{what}: names the field", error is not None and
                    any(name.startswith(field) for name in bad_fields(error)), bad_fields(error) if error else "")
    checks.fails("a metric that is not there", lambda: create(metric="metrics/none"), "FAILED_PRECONDITION")
    checks.fails("a unit that is not there", lambda: create(unit="units/none"), "FAILED_PRECONDITION")
    mine = create(plan_id="secret", visibility=v1.PRIVATE, target_units=1000)
    create(plan_id="secret-2")
    for path in ("shoe_size", "state", "owner", "target_units"):
        checks.fails(f"update mask '{path}'", lambda p=path: service.UpdatePlan(v1.UpdatePlanRequest(
            plan=v1.Plan(name=mine.name, title="x"), update_mask={"paths": [p]})), "INVALID_ARGUMENT",
                     fields=["update_mask"])
    changed = service.UpdatePlan(v1.UpdatePlanRequest(plan=v1.Plan(name=mine.name, title="改过")))
    checks.fails("a stale etag", lambda: service.SubmitPlan(v1.SubmitPlanRequest(name=mine.name, etag=mine.etag)),
                 "ABORTED")
    checks.true("the etag changed", changed.etag != mine.etag)

    say("target-svc: splits that cannot be")
    node = node_pb2

    def split(**fields):
        spec = node.SplitSpec(**dict(dict(leaves=node.LeafSelection(), dimension=node.CHANNEL), **fields))
        return admin.NodeService.SplitNodes(node.SplitNodesRequest(plan=mine.name, split=spec, request_id=new_id()))

    def parts(*made):
        return node.SplitParts(parts=[node.SplitPart(**part) for part in made])

    for what, fields in (
            ("no method", dict(parts=parts(dict(key="online", weight=1)))),
            ("no parts", dict(even=node.EvenMethod())),
            ("an unknown dimension", dict(dimension=99, even=node.EvenMethod(), parts=parts(dict(key="a")))),
            ("an unknown grain", dict(dimension=node.PERIOD, grain=99, even=node.EvenMethod())),
            ("two parts of one key", dict(even=node.EvenMethod(), parts=parts(dict(key="a"), dict(key="a")))),
            ("a negative weight", dict(weights=node.WeightsMethod(), parts=parts(dict(key="a", weight=-1)))),
            ("weights of nothing", dict(weights=node.WeightsMethod(), parts=parts(dict(key="a"), dict(key="b")))),
            ("a stretch beyond the limit", dict(even=node.EvenMethod(), parts=parts(dict(key="a")),
                                                stretch_ppm=100_000_001)),
    ):
        checks.fails(f"a split with {what}", lambda f=fields: split(**f), "INVALID_ARGUMENT")
    checks.fails("a split into days outside the plan", lambda: split(
        dimension=node.PERIOD, even=node.EvenMethod(), parts=parts(dict(key="a", period=days("2031-01-01", "2031-12-31")))),
                 "FAILED_PRECONDITION")
    checks.fails("locks that cannot be met", lambda: split(even=node.EvenMethod(), parts=parts(
        dict(key="online", lock_units=600), dict(key="dealer", lock_units=500))), "FAILED_PRECONDITION",
                 "SPLIT_IMPOSSIBLE")
    checks.fails("maxima that leave something over", lambda: split(even=node.EvenMethod(), parts=parts(
        dict(key="online", max_units=300), dict(key="dealer", max_units=500))), "FAILED_PRECONDITION",
                 "SPLIT_IMPOSSIBLE")
    nodes = admin.NodeService.ListNodes(node.ListNodesRequest(plan=mine.name)).nodes
    checks.equal("nothing was written by refused splits", len(nodes), 1)
    checks.fails("a target in another currency", lambda: admin.NodeService.AdjustNode(node.AdjustNodeRequest(
        name=f"{mine.name}/nodes/root", target_units=5, currency_code="USD")), "INVALID_ARGUMENT",
                 fields=["currency_code"])

    check_pages(checks, "plans", lambda page_size=0, page_token="", **f: service.ListPlans(
        v1.ListPlansRequest(page_size=page_size, page_token=page_token, **f)), "plans", dict(state=v1.DRAFT))
    check_repeats(checks, "plans", lambda r: create(request_id=r, title="重复请求"), lambda p: (p.name, p.etag),
                  lambda r: create(request_id=r, title="别的目标"))

    say("target-svc: organization and calendars")
    checks.fails("a unit with everything wrong", lambda: admin.UnitService.CreateUnit(unit_pb2.CreateUnitRequest(
        unit_id="Ü", unit=unit_pb2.Unit(kind=50, parent="x", region="R R", calendar="z",
                                        start_date=type_pb2.Date(year=1, month=1, day=1)))), "INVALID_ARGUMENT",
                 "INVALID_FIELDS", ["unit_id", "unit.display_name", "unit.kind", "unit.parent", "unit.region",
                                    "unit.calendar", "unit.start_date"])
    checks.fails("a unit below itself", lambda: admin.UnitService.MoveUnit(unit_pb2.MoveUnitRequest(
        name="units/north", parent="units/north-1")), "FAILED_PRECONDITION")
    checks.fails("a member without a unit", lambda: admin.MemberService.CreateMember(member_pb2.CreateMemberRequest(
        member_id="lost", member=member_pb2.Member(display_name="某人"))), "INVALID_ARGUMENT")
    checks.fails("a week of eight days", lambda: admin.CalendarService.CreateCalendar(
        calendar_pb2.CreateCalendarRequest(calendar_id="eight", calendar=calendar_pb2.Calendar(
            display_name="八天", weekday_weights_ppm=[1] * 8))), "INVALID_ARGUMENT",
                 fields=["calendar.weekday_weights_ppm"])
    checks.fails("a week without a working day", lambda: admin.CalendarService.CreateCalendar(
        calendar_pb2.CreateCalendarRequest(calendar_id="rest", calendar=calendar_pb2.Calendar(
            display_name="休息", weekday_weights_ppm=[0] * 7))), "INVALID_ARGUMENT",
                 fields=["calendar.weekday_weights_ppm"])
    checks.fails("a derived metric", lambda: admin.MetricService.CreateMetric(metric_pb2.CreateMetricRequest(
        metric_id="own", metric=metric_pb2.Metric(display_name="x", unit=metric_pb2.COUNT, aggregation=metric_pb2.SUM,
                                                  source=metric_pb2.DERIVED))), "INVALID_ARGUMENT")

    say("target-svc: out of scope")
    rep = suite.client("li-wei", "rep")
    sam = suite.client("sam", "manager")
    for who, client in (("a rep", rep), ("a manager of a part", sam)):
        check_hidden(checks, f"{who} reads a private plan", lambda n: client.PlanService.GetPlan(
            v1.GetPlanRequest(name=n)), "plans/secret", "plans/nobodys")
        check_hidden(checks, f"{who} lists its nodes", lambda n: client.NodeService.ListNodes(
            node.ListNodesRequest(plan=n)), "plans/secret", "plans/nobodys")
        check_hidden(checks, f"{who} reads its history", lambda n: client.on("target-svc").ChangeService.ListChanges(
            change_pb2.ListChangesRequest(record=n)), "plans/secret", "plans/nobodys")
        listed = {p.name for p in client.PlanService.ListPlans(v1.ListPlansRequest(page_size=500)).plans}
        checks.true(f"{who} does not find it in a list", "plans/secret" not in listed)
    check_hidden(checks, "a manager submits somebody's private plan", lambda n: sam.PlanService.SubmitPlan(
        v1.SubmitPlanRequest(name=n)), "plans/secret", "plans/nobodys")


def check_reports(suite, checks, admin):
    say("reporting-svc: bad input")
    v1 = report_pb2
    service = admin.ReportService
    for what, call, field in (
            ("a revenue of no days", lambda: service.GetRevenue(v1.GetRevenueRequest()), "range"),
            ("days that end before they begin", lambda: service.GetRevenue(
                v1.GetRevenueRequest(range=days("2018-12-31", "2018-01-01"))), "range"),
            ("February 30th", lambda: service.GetWinLoss(v1.GetWinLossRequest(closed=type_pb2.DateRange(
                first_date=type_pb2.Date(year=2018, month=2, day=30), last_date=date("2018-03-01")))), "closed"),
            ("401 days by day", lambda: service.GetRevenue(v1.GetRevenueRequest(
                range=days("2018-01-01", "2019-02-05"), granularity=v1.DAY)), "granularity"),
            ("an unknown granularity", lambda: service.GetRevenue(v1.GetRevenueRequest(
                range=year(2018), granularity=99)), "granularity"),
            ("an unknown dimension", lambda: service.GetFunnel(v1.GetFunnelRequest(group_by=99)), "group_by"),
            ("a unit level of 21", lambda: service.GetFunnel(v1.GetFunnelRequest(unit_level=21, group_by=v1.UNIT)),
             "unit_level"),
            ("a unit level below zero", lambda: service.GetFunnel(v1.GetFunnelRequest(unit_level=-1, group_by=v1.UNIT)),
             "unit_level"),
            ("a leaderboard of products", lambda: service.GetLeaderboard(v1.GetLeaderboardRequest(
                subject=v1.PRODUCT, range=year(2018))), "subject"),
            ("a leaderboard of 2,001", lambda: service.GetLeaderboard(v1.GetLeaderboardRequest(
                subject=v1.MEMBER, range=year(2018), limit=2001)), "limit"),
            ("a metric that is not measured", lambda: service.GetActuals(v1.GetActualsRequest(
                metric="metrics/market-share", range=year(2018))), "metric"),
            ("a metric that is no name", lambda: service.GetActuals(v1.GetActualsRequest(
                metric="revenue", range=year(2018))), "metric"),
            ("a currency that is none", lambda: service.GetRevenue(v1.GetRevenueRequest(
                range=year(2018), currency_code="yuan")), "currency_code"),
            ("a filter of another collection", lambda: service.GetFunnel(v1.GetFunnelRequest(
                filter=v1.ReportFilter(member="units/north"))), "filter.member"),
            ("a plan that is none", lambda: service.GetTargetProgress(v1.GetTargetProgressRequest(name="revenue")),
             "name"),
            ("a depth below zero", lambda: service.GetTargetProgress(v1.GetTargetProgressRequest(
                name="plans/x", depth=-1)), "depth"),
    ):
        error = checks.fails(what, call, "INVALID_ARGUMENT")
        checks.true(f"{what}: names the field", error is not None and
                    any(name.startswith(field) for name in bad_fields(error)), bad_fields(error) if error else "")
    checks.fails("many bad fields at once", lambda: service.GetActuals(v1.GetActualsRequest(
        metric="x", granularity=99, group_by=77, unit_level=50, currency_code="Y",
        filter=v1.ReportFilter(unit="y", member="z"))), "INVALID_ARGUMENT", "INVALID_FIELDS",
                 ["metric", "range", "granularity", "group_by", "unit_level", "filter.unit", "filter.member"])
    checks.fails("a rebuild with a bad request_id", lambda: admin.ProjectionService.RebuildReadModels(
        projection_pb2.RebuildReadModelsRequest(request_id="again")), "INVALID_ARGUMENT", fields=["request_id"])

    say("reporting-svc: out of scope")
    suite.wait_caught_up()
    sam = suite.client("sam", "manager")
    rep = suite.client("li-wei", "rep")
    for who, client in (("a manager", sam), ("a rep", rep)):
        for what, call in (
                ("funnel of a unit", lambda n: client.ReportService.GetFunnel(v1.GetFunnelRequest(
                    filter=v1.ReportFilter(unit=n)))),
                ("revenue of a unit", lambda n: client.ReportService.GetRevenue(v1.GetRevenueRequest(
                    range=year(2018), filter=v1.ReportFilter(unit=n)))),
                ("key figures of a unit", lambda n: client.ReportService.GetKpiBoard(v1.GetKpiBoardRequest(
                    range=year(2018), filter=v1.ReportFilter(unit=n))))):
            check_hidden(checks, f"{who}: {what}", call, "units/north-2", "units/nowhere")
        check_hidden(checks, f"{who}: win and loss of a member", lambda n: client.ReportService.GetWinLoss(
            v1.GetWinLossRequest(filter=v1.ReportFilter(member=n))), "members/zhao-lei", "members/nobody")
        check_hidden(checks, f"{who}: progress of a private plan", lambda n: client.ReportService.GetTargetProgress(
            v1.GetTargetProgressRequest(name=n)), "plans/secret", "plans/nobodys")


def run():
    checks = Checks()
    services = tuple(sys.argv[1:]) or SERVICES
    with Suite(services=services) as suite:
        check_strangers(suite, checks)
        check_roles(suite, checks)
        if "customer-svc" in services:
            check_streams(suite, checks)
        admin = suite.client("director", "admin")
        if "target-svc" in services:
            company.make(suite, admin)
        for service, check in (("customer-svc", check_customers), ("opportunity-svc", check_opportunities),
                               ("target-svc", check_targets), ("reporting-svc", check_reports)):
            if service in services:
                check(suite, checks, admin)
    return checks.finish()


if __name__ == "__main__":
    main(run)
