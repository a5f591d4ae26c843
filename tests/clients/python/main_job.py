#!/usr/bin/python3
"""A client of Milepost in Python: an organization, a customer, an opportunity through its stages until it is won, the
report that shows it, and a target that is split, approved and followed. Against a running suite:

    ./dev up
    tests/clients/python/main_job.py            # or with MILEPOST_PROFILE=FILE

Needs python3-grpcio, protoc and grpc_python_plugin; makes its stubs itself. May be repeated: every run uses ids of
its own."""

import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROTOS = ROOT / "protos"
GOOGLE_RPC = "/usr/share/gocode/src/github.com/gogo/googleapis"  # Debian: golang-github-gogo-googleapis-dev

# Spread calls over healthy replicas; send again what was UNAVAILABLE: every write carries a request_id.
SERVICE_CONFIG = json.dumps({
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},
    "methodConfig": [{"name": [{}], "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]}}]})


def generate_stubs(folder):
    files = sorted(str(file.relative_to(PROTOS)) for file in PROTOS.rglob("*.proto"))
    subprocess.run(
        ["protoc", f"-I{PROTOS}", f"-I{GOOGLE_RPC}", f"--python_out={folder}", f"--grpc_python_out={folder}",
         "--plugin=protoc-gen-grpc_python=" + shutil.which("grpc_python_plugin"), *files,
         "google/rpc/error_details.proto", "google/rpc/status.proto"], check=True)
    sys.path.insert(0, folder)


def say(text):
    print(text, flush=True)


def main():
    profile_path = pathlib.Path(os.environ.get("MILEPOST_PROFILE", ROOT / ".local" / "profile.json"))
    profile = json.loads(profile_path.read_text(encoding="utf-8"))

    def file_of(key):
        return (profile_path.parent / profile[key]).read_bytes()

    def channel(service, token_key="token_file"):
        token = file_of(token_key).decode().strip()
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(file_of("ca_file")), grpc.access_token_call_credentials(token))
        return grpc.secure_channel("dns:///" + profile[service], credentials,
                                   options=[("grpc.service_config", SERVICE_CONFIG)])

    from google.protobuf import timestamp_pb2
    from google.rpc import error_details_pb2, status_pb2
    from milepost.customer.v1 import customer_pb2, customer_pb2_grpc, interaction_pb2, interaction_pb2_grpc
    from milepost.opportunity.v1 import (opportunity_pb2, opportunity_pb2_grpc, order_pb2, order_pb2_grpc, process_pb2,
                                         process_pb2_grpc, product_pb2, product_pb2_grpc)
    from milepost.organization.v1 import member_pb2, member_pb2_grpc, unit_pb2, unit_pb2_grpc
    from milepost.reporting.v1 import report_pb2, report_pb2_grpc
    from milepost.target.v1 import node_pb2, node_pb2_grpc, plan_pb2, plan_pb2_grpc
    from milepost.type.v1 import type_pb2

    run = "py-" + uuid.uuid4().hex[:8]
    today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()
    deadline = 20

    def day(value):
        return type_pb2.Date(year=value.year, month=value.month, day=value.day)

    def year():
        return type_pb2.DateRange(first_date=day(today.replace(month=1, day=1)),
                                  last_date=day(today.replace(month=12, day=31)))

    def money(yuan):
        return type_pb2.Money(currency_code="CNY", minor_units=yuan * 100)

    def request_id():
        return str(uuid.uuid4())

    def detail(error, message):
        """A typed detail of a failed call."""
        for key, value in error.trailing_metadata():
            if key == "grpc-status-details-bin":
                for packed in status_pb2.Status.FromString(value).details:
                    if packed.Unpack(message):
                        return message
        return None

    def refused(call, code):
        try:
            call()
        except grpc.RpcError as error:
            assert error.code() == code, (error.code(), error.details())
            return error
        raise AssertionError(f"was not refused with {code}")

    target = channel("target")
    units = unit_pb2_grpc.UnitServiceStub(target)
    members = member_pb2_grpc.MemberServiceStub(target)
    plans = plan_pb2_grpc.PlanServiceStub(target)
    nodes = node_pb2_grpc.NodeServiceStub(target)
    customers = customer_pb2_grpc.CustomerServiceStub(channel("customer"))
    interactions = interaction_pb2_grpc.InteractionServiceStub(channel("customer"))
    opportunity_channel = channel("opportunity")
    opportunities = opportunity_pb2_grpc.OpportunityServiceStub(opportunity_channel)
    orders = order_pb2_grpc.OrderServiceStub(opportunity_channel)
    processes = process_pb2_grpc.ProcessServiceStub(opportunity_channel)
    products = product_pb2_grpc.ProductServiceStub(opportunity_channel)
    reports = report_pb2_grpc.ReportServiceStub(channel("reporting"))

    say(f"{run}: an organization of one team and two sellers")
    begin = type_pb2.Date(year=2020, month=1, day=1)
    team = units.CreateUnit(unit_pb2.CreateUnitRequest(unit_id=f"{run}-team", request_id=request_id(), unit=unit_pb2.Unit(
        display_name="Python 组", kind=unit_pb2.TEAM, start_date=begin)), timeout=deadline)
    for who in ("anna", "bo"):
        members.CreateMember(member_pb2.CreateMemberRequest(
            member_id=f"{run}-{who}", request_id=request_id(),
            member=member_pb2.Member(display_name=who.title(), unit=team.name, start_date=begin)), timeout=deadline)

    say("a customer, as soon as customer-svc has heard of the sellers")
    wanted = customer_pb2.CreateCustomerRequest(
        customer_id=f"{run}-customer", request_id=request_id(), allow_duplicates=True, customer=customer_pb2.Customer(
            kind=customer_pb2.COMPANY, display_name=f"蟒蛇科技 {run} 有限公司", owner=f"members/{run}-anna",
            phone="010-12345678"))

    def once_known(call):
        """The organization reaches the other services within a second or so."""
        end = time.monotonic() + 15
        while True:
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.FAILED_PRECONDITION or time.monotonic() > end:
                    raise
                time.sleep(0.1)

    customer = once_known(lambda: customers.CreateCustomer(wanted, timeout=deadline))
    again = customers.CreateCustomer(wanted, timeout=deadline)
    assert again == customer, "a repeat with the same request_id answers with the same customer"
    found = customers.SearchCustomers(customer_pb2.SearchCustomersRequest(query=f"科技 {run}"), timeout=deadline)
    assert [c.name for c in found.customers] == [customer.name], found
    done_time = timestamp_pb2.Timestamp()
    done_time.GetCurrentTime()
    done_time.seconds -= 60
    interactions.RecordInteraction(interaction_pb2.RecordInteractionRequest(
        request_id=request_id(),
        interaction=interaction_pb2.Interaction(
            customer=customer.name, member=f"members/{run}-anna", type=interaction_pb2.VISIT,
            purpose=interaction_pb2.NEW_CUSTOMER, subject="初次拜访"),
        outcome=interaction_pb2.InteractionOutcome(
            result=interaction_pb2.SUCCESSFUL, outcome="有兴趣", done_time=done_time)), timeout=deadline)

    say("an import of three customers: two are written, the third is refused with its line and field")
    batch = customer_pb2.ImportCustomersRequest(request_id=request_id())
    for line, name in enumerate(("甲公司", "乙公司", ""), start=1):
        batch.rows.add(line=line, customer=customer_pb2.Customer(
            name=f"customers/{run}-import-{line}", kind=customer_pb2.COMPANY, display_name=name))
    (answer,) = customers.ImportCustomers(iter([batch]), timeout=deadline)
    assert [r.outcome for r in answer.results] == [customer_pb2.CREATED, customer_pb2.CREATED, customer_pb2.REFUSED]
    assert answer.results[2].line == 3 and answer.results[2].problems[0].field == "display_name", answer

    say("a product and a sales process of two stages")
    product = products.CreateProduct(product_pb2.CreateProductRequest(
        product_id=f"{run}-product", request_id=request_id(),
        product=product_pb2.Product(title="六轴机械臂", unit="台", unit_cost=money(600))), timeout=deadline)
    needs = process_pb2.Stage(stage_id="needs", title="需求确认", win_probability_ppm=300_000)
    needs.milestones.add(milestone_id="list-confirmed", title="需求清单已确认")
    offer = process_pb2.Stage(stage_id="offer", title="方案报价", win_probability_ppm=600_000,
                              required_fields=[process_pb2.AMOUNT])
    process = processes.CreateProcess(process_pb2.CreateProcessRequest(
        process_id=f"{run}-process", request_id=request_id(),
        process=process_pb2.Process(title="直销", stages=[needs, offer])), timeout=deadline)

    watching = opportunities.WatchOpportunities(opportunity_pb2.WatchOpportunitiesRequest(
        owners=[f"members/{run}-anna"]), timeout=120)
    assert not next(watching).change_type, "the first answer only says where the watch begins"

    def open_one(number):
        return once_known(lambda: opportunities.CreateOpportunity(opportunity_pb2.CreateOpportunityRequest(
            opportunity_id=f"{run}-{number}", request_id=request_id(), opportunity=opportunity_pb2.Opportunity(
                title=f"机械臂 {number} 台", customer=customer.name, owner=f"members/{run}-anna", product=product.name,
                process=process.name, region="east")), timeout=deadline))

    say("an opportunity: the move to the next stage is refused with all that is missing, then done")
    first = open_one(0)
    error = refused(lambda: opportunities.MoveStage(opportunity_pb2.MoveStageRequest(
        name=first.name, stage="offer", request_id=request_id()), timeout=deadline), grpc.StatusCode.FAILED_PRECONDITION)
    blockers = detail(error, opportunity_pb2.StageMoveBlockers())
    assert [m.milestone for m in blockers.missing_milestones] == ["list-confirmed"], blockers
    assert list(blockers.missing_fields) == [process_pb2.AMOUNT], blockers
    info = detail(error, error_details_pb2.ErrorInfo())
    say(f"  refused: {error.details()} ({info.reason})")

    def advance(opportunity):
        opportunities.CompleteMilestone(opportunity_pb2.CompleteMilestoneRequest(
            name=opportunity.name, milestone="list-confirmed", request_id=request_id()), timeout=deadline)
        changed = opportunities.UpdateOpportunity(opportunity_pb2.UpdateOpportunityRequest(
            opportunity=opportunity_pb2.Opportunity(name=opportunity.name, amount=money(1000)),
            request_id=request_id()), timeout=deadline)
        moved = opportunities.MoveStage(opportunity_pb2.MoveStageRequest(
            name=opportunity.name, stage="offer", etag=changed.etag, request_id=request_id()), timeout=deadline)
        assert moved.stage == "offer" and len(moved.stage_history) == 2, moved

    def revenue():
        report = reports.GetRevenue(report_pb2.GetRevenueRequest(
            range=year(), filter=report_pb2.ReportFilter(unit=team.name)), timeout=deadline)
        return report.total.sum.revenue

    say("won: an order, and the revenue report shows it")
    took = []
    for number in range(3):
        opportunity = first if number == 0 else open_one(number)
        advance(opportunity)
        won = opportunities.WinOpportunity(opportunity_pb2.WinOpportunityRequest(
            name=opportunity.name, amount=money(1000 + number), close_reason="service",
            lines=[order_pb2.OrderLineInput(product=product.name, quantity=1, unit_price=money(1000 + number))],
            request_id=request_id()), timeout=deadline)
        began = time.monotonic()
        order = orders.GetOrder(order_pb2.GetOrderRequest(name=won.order), timeout=deadline)
        assert order.amount == money(1000 + number) and order.margin == money(400 + number), order
        sold = sum(money(1000 + n).minor_units for n in range(number + 1))
        while True:
            try:
                if revenue() == sold:
                    break
            except grpc.RpcError as unknown:  # The unit itself may not have arrived yet.
                assert unknown.code() == grpc.StatusCode.NOT_FOUND, unknown
            assert time.monotonic() - began < 20, "the report does not show the order"
            time.sleep(0.01)
        took.append(time.monotonic() - began)
    say(f"  after {', '.join(f'{seconds * 1000:.0f} ms' for seconds in took)}")
    assert sorted(took)[1] < 1, "reports should show an order within a second"
    refused(lambda: opportunities.LoseOpportunity(opportunity_pb2.LoseOpportunityRequest(
        name=first.name, close_reason="price", request_id=request_id()), timeout=deadline),
            grpc.StatusCode.FAILED_PRECONDITION)
    seen = []
    for change in watching:
        if change.change_type:
            seen.append((change.opportunity.name, change.change_type))
        if (f"opportunities/{run}-2", "opportunity.won") in seen:
            watching.cancel()
            break
    assert seen[0] == (first.name, "opportunity.created"), seen

    say("a target for the year: by member, by month on working days; every level adds up exactly")
    total = 10_000_001
    plan = plans.CreatePlan(plan_pb2.CreatePlanRequest(
        plan_id=f"{run}-plan", request_id=request_id(), plan=plan_pb2.Plan(
            title="销售收入", metric="metrics/revenue", period=year(), target_units=total, unit=team.name,
            visibility=plan_pb2.PUBLIC)), timeout=deadline)
    for spec in (node_pb2.SplitSpec(leaves=node_pb2.LeafSelection(), dimension=node_pb2.MEMBER,
                                    organization=node_pb2.DIRECT_MEMBERS, even=node_pb2.EvenMethod()),
                 node_pb2.SplitSpec(leaves=node_pb2.LeafSelection(), dimension=node_pb2.PERIOD, grain=node_pb2.MONTH,
                                    working_calendar=node_pb2.WorkingCalendarMethod())):
        nodes.SplitNodes(node_pb2.SplitNodesRequest(plan=plan.name, split=spec, request_id=request_id()),
                         timeout=deadline)
    levels = {}
    for node in nodes.ListNodes(node_pb2.ListNodesRequest(plan=plan.name, page_size=500), timeout=deadline).nodes:
        levels.setdefault(node.depth, []).append(node.target_units)
    assert [len(levels[depth]) for depth in (0, 1, 2)] == [1, 2, 24], levels
    assert all(sum(values) == total for values in levels.values()), levels

    say("submitted; its owner may not approve it, somebody else does")
    plans.SubmitPlan(plan_pb2.SubmitPlanRequest(name=plan.name, request_id=request_id()), timeout=deadline)
    approve = plan_pb2.ApprovePlanRequest(name=plan.name, request_id=request_id())
    refused(lambda: plans.ApprovePlan(approve, timeout=deadline), grpc.StatusCode.PERMISSION_DENIED)
    approver = plan_pb2_grpc.PlanServiceStub(channel("target", "approver_token_file"))
    approver.ApprovePlan(approve, timeout=deadline)
    active = approver.ActivatePlan(plan_pb2.ActivatePlanRequest(name=plan.name, request_id=request_id()),
                                   timeout=deadline)
    assert active.state == plan_pb2.ACTIVE, active

    say("the progress table")
    end = time.monotonic() + 15
    while True:
        try:
            progress = reports.GetTargetProgress(report_pb2.GetTargetProgressRequest(
                name=plan.name, as_of_date=day(today), depth=1), timeout=deadline)
            break
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND or time.monotonic() > end:
                raise
            time.sleep(0.05)
    sold = sum(money(1000 + number).minor_units for number in range(3))
    for row in progress.rows:
        say(f"  {row.display_name or 'all':<12} target {row.target / 100:>12,.2f} actual {row.actual / 100:>10,.2f} "
            f"{row.attainment_ppm / 10000:6.2f} %")
    assert (progress.rows[0].target, progress.rows[0].actual) == (total, sold), progress.rows[0]
    by_member = {row.member: (row.target, row.actual) for row in progress.rows[1:]}
    assert by_member == {f"members/{run}-anna": (5_000_001, sold), f"members/{run}-bo": (5_000_000, 0)}, by_member
    say("done")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="milepost-stubs-") as stubs:
        generate_stubs(stubs)
        main()
