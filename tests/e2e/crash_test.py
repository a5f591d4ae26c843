#!/usr/bin/python3
"""Kills each service and the database with SIGKILL under a mixed load, restarts them, and then checks that every
acknowledged write is there, that every repeated request had one effect, that versions, change rows and feed
correspond one to one, and that the reports equal a rebuild from nothing."""

import collections
import random
import sys
import threading
import time
import traceback

import grpc

import company
from suite import PATIENCE, SERVICES, Checks, Suite, days, main, money, new_id, reason, say, year
from milepost.change.v1 import change_pb2
from milepost.customer.v1 import customer_pb2, interaction_pb2
from milepost.feed.v1 import feed_pb2
from milepost.opportunity.v1 import opportunity_pb2, order_pb2
from milepost.organization.v1 import unit_pb2
from milepost.reporting.v1 import projection_pb2, report_pb2
from milepost.target.v1 import node_pb2, plan_pb2

# A call that ended so may be sent again, with the same request_id: its outcome is unknown or it had none.
AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED,
         grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED}
OWNERS = {"customers": "customer-svc", "interactions": "customer-svc", "opportunities": "opportunity-svc",
          "orders": "opportunity-svc", "plans": "target-svc", "units": "target-svc"}


class Load:
    """Threads that write until told to stop. What was acknowledged is noted: record -> request_ids in order."""

    def __init__(self, suite, seed):
        self.suite = suite
        self.stopping = threading.Event()
        self.acknowledged = {}  # Each record is written by one thread only.
        self.last = {}  # The newest answer about a record.
        self.wrong = []
        self.calls = self.repeats = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(work, seed * 100 + i), daemon=True)
                        for i, work in enumerate((self.customers, self.customers, self.opportunities,
                                                  self.opportunities, self.opportunities, self.targets))]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120 * PATIENCE)
            if thread.is_alive():
                self.wrong.append("a thread of the load hangs")

    def _run(self, work, seed):
        chance = random.Random(seed)
        owner = company.REPS[seed % len(company.REPS)]
        client = self.suite.client("director", "admin")
        try:
            number = 0
            while not self.stopping.is_set():
                work(client, f"{seed}-{number}", owner, chance)
                number += 1
        except Exception:  # pylint: disable=broad-except
            self.wrong.append(traceback.format_exc())

    def send(self, call, request, record=None, extra=None):
        """Sends until acknowledged, always with the same request_id; `extra(answer)` names a second record."""
        request.request_id = new_id()
        attempts = 0
        while True:
            attempts += 1
            try:
                answer = call(request, timeout=5 * PATIENCE)
                break
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise RuntimeError(f"{type(request).__name__} {record} attempt {attempts}: {error.code().name} "
                                       f"{error.details()} {reason(error)}") from error
                if attempts > 400:
                    raise RuntimeError(f"{type(request).__name__} {record} is refused for ever: {error.details()}") \
                        from error
                time.sleep(0.05)
        with self.lock:
            self.calls += 1
            self.repeats += attempts > 1
        name = record or answer.name
        self.acknowledged.setdefault(name, []).append(request.request_id)
        self.last[name] = answer
        if extra:
            self.acknowledged.setdefault(extra(answer), []).append(request.request_id)
        return answer

    # What is done, again and again.

    def customers(self, client, key, owner, chance):
        v1 = customer_pb2
        service = client.CustomerService
        name = f"customers/load-{key}"
        self.send(service.CreateCustomer, v1.CreateCustomerRequest(
            customer_id=f"load-{key}", allow_duplicates=True, customer=v1.Customer(
                kind=v1.COMPANY, display_name=f"压力测试客户 {key}", owner=f"members/{owner}", industry="机械")))
        for i in range(chance.randrange(4)):
            self.send(service.UpdateCustomer, v1.UpdateCustomerRequest(
                customer=v1.Customer(name=name, description=f"第 {i} 次修改")))
        if chance.random() < 0.4:
            self.send(service.TransferCustomer, v1.TransferCustomerRequest(
                name=name, member="members/director", handover_note="交接"))
        if chance.random() < 0.5:
            self.send(client.InteractionService.RecordInteraction, interaction_pb2.RecordInteractionRequest(
                interaction=interaction_pb2.Interaction(
                    customer=name, type=interaction_pb2.VISIT, purpose=interaction_pb2.ORDER, subject="拜访"),
                outcome=interaction_pb2.InteractionOutcome(result=interaction_pb2.SUCCESSFUL, outcome="谈妥")))

    def opportunities(self, client, key, owner, chance):
        v1 = opportunity_pb2
        service = client.OpportunityService
        name = f"opportunities/load-{key}"
        self.send(service.CreateOpportunity, v1.CreateOpportunityRequest(
            opportunity_id=f"load-{key}", opportunity=v1.Opportunity(
                title=f"压力测试商机 {key}", owner=f"members/{owner}", customer="customers/first-of-huang-qiang",
                product="products/lathe", source="sources/exhibition", process="processes/direct",
                amount=money(1000 + chance.randrange(9000)))))
        self.send(service.MoveStage, v1.MoveStageRequest(name=name, stage="needs"))
        if chance.random() < 0.2:
            return
        self.send(service.UpdateOpportunity, v1.UpdateOpportunityRequest(
            opportunity=v1.Opportunity(name=name, amount=money(1000 + chance.randrange(9000)))))
        self.send(service.CompleteMilestone, v1.CompleteMilestoneRequest(name=name, milestone="needs-known"))
        self.send(service.MoveStage, v1.MoveStageRequest(name=name, stage="offer"))
        if chance.random() < 0.3:
            self.send(service.LoseOpportunity, v1.LoseOpportunityRequest(name=name, close_reason="price"))
            return
        amount = money(1000 + chance.randrange(9000))
        won = self.send(service.WinOpportunity, v1.WinOpportunityRequest(name=name, amount=amount),
                        extra=lambda answer: answer.order)
        if chance.random() < 0.5:
            self.send(client.OrderService.RecordCollection, order_pb2.RecordCollectionRequest(
                name=won.order, amount=amount))

    def targets(self, client, key, owner, chance):
        v1 = node_pb2
        name = f"plans/load-{key}"
        self.send(client.PlanService.CreatePlan, plan_pb2.CreatePlanRequest(
            plan_id=f"load-{key}", plan=plan_pb2.Plan(
                title=f"压力测试目标 {key}", metric="metrics/revenue", period=year(2030), unit="units/company",
                target_units=100 + chance.randrange(10 ** 9), visibility=plan_pb2.PUBLIC)))
        leaves = v1.LeafSelection()
        for spec in (v1.SplitSpec(leaves=leaves, dimension=v1.PERIOD, grain=v1.QUARTER, even=v1.EvenMethod()),
                     v1.SplitSpec(leaves=leaves, dimension=v1.UNIT, organization=v1.CHILD_UNITS, even=v1.EvenMethod()),
                     v1.SplitSpec(leaves=leaves, dimension=v1.PERIOD, grain=v1.MONTH,
                                  working_calendar=v1.WorkingCalendarMethod())):
            self.send(client.NodeService.SplitNodes, v1.SplitNodesRequest(plan=name, split=spec), record=name)
        if chance.random() < 0.3:
            self.send(client.PlanService.SubmitPlan, plan_pb2.SubmitPlanRequest(name=name))
            self.send(client.PlanService.WithdrawPlan, plan_pb2.WithdrawPlanRequest(name=name))
        if chance.random() < 0.5:
            unit = f"units/load-{key}"
            self.send(client.UnitService.CreateUnit, unit_pb2.CreateUnitRequest(
                unit_id=f"load-{key}", unit=unit_pb2.Unit(display_name=f"新组 {key}", kind=unit_pb2.TEAM,
                                                           parent="units/south", start_date=company.BEGIN)))
            self.send(client.UnitService.UpdateUnit, unit_pb2.UpdateUnitRequest(
                unit=unit_pb2.Unit(name=unit, display_name=f"改名组 {key}")))


def havoc(suite, load, chance, rounds):
    """Every service and the database is killed at some moment and started again."""
    victims = [*SERVICES, "database"]
    for number in range(rounds):
        chance.shuffle(victims)
        for victim in victims:
            time.sleep(chance.uniform(1.0, 2.5))
            acknowledged = load.calls
            if victim == "database":
                suite.database.kill()
                time.sleep(chance.uniform(0.1, 1.0))
                suite.database.start()
            else:
                replica = suite.replicas[victim][0]
                replica.kill()
                time.sleep(chance.uniform(0.0, 0.7))
                replica.start()
            for service in SERVICES:
                suite.replicas[service][0].wait_ready()
            say(f"round {number + 1}: killed {victim} after {acknowledged} acknowledged calls; all are ready again")
            if load.wrong:
                return


# --- afterwards -----------------------------------------------------------------------------------------


def check_acknowledged(suite, checks, load, client):
    """Per record: its history is exactly the transactions of the acknowledged requests, in order. Some of them are also
    asked for: versions are dense, and the record reads as it was answered last."""
    transaction_of, history = {}, collections.defaultdict(list)
    for database in ("customer", "opportunity", "target"):
        # The first change of a transaction carries the request.
        for record, transaction, request in suite.database.sql(
                f"SELECT aggregate_id, transaction_id, request_id FROM {database}.changes"
                " ORDER BY aggregate_id, aggregate_version"):
            history[record].append(transaction)
            if request != "NULL":
                transaction_of[request] = transaction
    lost, twice, unlike, holes = [], [], [], []
    services = {name: client.on(name).ChangeService for name in set(OWNERS.values())}
    reads = {"customers": lambda n: client.CustomerService.GetCustomer(customer_pb2.GetCustomerRequest(name=n)),
             "opportunities": lambda n: client.OpportunityService.GetOpportunity(
                 opportunity_pb2.GetOpportunityRequest(name=n)),
             "orders": lambda n: client.OrderService.GetOrder(order_pb2.GetOrderRequest(name=n)),
             "interactions": lambda n: client.InteractionService.GetInteraction(
                 interaction_pb2.GetInteractionRequest(name=n)),
             "units": lambda n: client.UnitService.GetUnit(unit_pb2.GetUnitRequest(name=n)),
             "plans": lambda n: client.PlanService.GetPlan(plan_pb2.GetPlanRequest(name=n))}
    for record, requests in load.acknowledged.items():
        lost += [(record, r) for r in requests if r not in transaction_of]
        wanted = [transaction_of.get(r) for r in requests]
        if len(history[record]) > len(set(history[record])):
            twice.append((record, history[record]))
        if history[record] != wanted:
            unlike.append((record, history[record], wanted))
    for record in random.sample(sorted(load.acknowledged), min(300, len(load.acknowledged))):
        kind, requests = record.split("/")[0], load.acknowledged[record]
        changes = services[OWNERS[kind]].ListChanges(
            change_pb2.ListChangesRequest(record=record, page_size=500)).changes
        if [change.version for change in changes] != list(range(1, len(requests) + 1)):
            holes.append((record, [change.version for change in changes], len(requests)))
        last = load.last.get(record)
        if last is not None and hasattr(last, "etag") and reads[kind](record).etag != last.etag:
            unlike.append((record, "etag", last.etag))
    checks.equal("acknowledged writes that are lost", lost[:5], [])
    checks.equal("records that one request changed twice", twice[:5], [])
    checks.equal("records whose history is not what was acknowledged", unlike[:5], [])
    checks.equal("records whose versions, as ListChanges tells them, are not 1, 2, 3, ...", holes[:5], [])


def read_feed(suite, service):
    """All events of a service's feed, read as reporting-svc."""
    reader = suite.service_client("reporting-svc").on(service).FeedService
    head = reader.GetFeedStatus(feed_pb2.GetFeedStatusRequest()).head_position
    events = []
    stream = reader.Subscribe(feed_pb2.SubscribeRequest(), timeout=60 * PATIENCE)
    for batch in stream:
        events.extend(batch.events)
        if batch.through_position >= head:
            stream.cancel()
            break
    return head, events


def check_feed(suite, checks, service):
    database = service[:-len("-svc")]
    head, events = read_feed(suite, service)
    rows = suite.database.sql(
        f"SELECT position, change_id, transaction_id, aggregate_id, aggregate_version, event_type FROM {database}.changes"
        " ORDER BY position")
    checks.equal(f"{service}: changes without a position", sum(row[0] == "0" for row in rows), 0)
    checks.equal(f"{service}: positions are dense", [int(row[0]) for row in rows], list(range(1, len(rows) + 1)))
    checks.equal(f"{service}: head of the feed", head, len(rows))
    told = [(str(e.position), e.event_id, e.transaction_id, e.aggregate, str(e.version), e.type) for e in events]
    checks.true(f"{service}: change rows and feed events correspond one to one", told == rows,
                next((pair for pair in zip(told, rows) if pair[0] != pair[1]), (len(told), len(rows))))
    versions = collections.defaultdict(list)
    for event in events:
        versions[event.aggregate].append(event.version)
    checks.equal(f"{service}: records whose versions are not dense and in order in the feed",
                 [name for name, seen in versions.items() if seen != list(range(1, len(seen) + 1))][:5], [])
    finished, spans = set(), 0
    for before, after in zip(events, events[1:]):
        if before.transaction_id != after.transaction_id:
            finished.add(before.transaction_id)
            spans += after.transaction_id in finished
    checks.equal(f"{service}: transactions that are torn apart in the feed", spans, 0)
    say(f"{service}: {len(rows)} changes of {len(versions)} records")
    return versions


def check_counts(suite, checks, load):
    """What is stored is what was acknowledged: nothing more."""
    for kind, database, column in (("customers", "customer", "customer_id"),
                                   ("interactions", "customer", "interaction_id"),
                                   ("opportunities", "opportunity", "opportunity_id"),
                                   ("orders", "opportunity", "order_id"), ("plans", "target", "plan_id")):
        stored = {row[0] for row in suite.database.sql(f"SELECT {column} FROM {database}.{kind}")
                  if not row[0].startswith("first-of-")}
        wanted = {name.split("/")[1] for name in load.acknowledged if name.startswith(kind + "/")}
        checks.equal(f"{kind} that nobody was told of", sorted(stored - wanted)[:5], [])
        checks.equal(f"{kind} that are missing", sorted(wanted - stored)[:5], [])


def all_reports(client):
    """Every report, as comparable messages."""
    v1 = report_pb2
    span = days("2015-01-01", "2035-12-31")
    reports = {}
    service = client.ReportService
    for name, number in v1.Dimension.items():
        reports[f"funnel by {name}"] = service.GetFunnel(v1.GetFunnelRequest(group_by=number))
        reports[f"win and loss by {name}"] = service.GetWinLoss(v1.GetWinLossRequest(group_by=number))
        reports[f"cycle by {name}"] = service.GetSalesCycle(v1.GetSalesCycleRequest(group_by=number))
        reports[f"revenue by {name}"] = service.GetRevenue(v1.GetRevenueRequest(
            range=span, granularity=v1.YEAR, group_by=number))
        reports[f"conversion by {name}"] = service.GetConversionRates(v1.GetConversionRatesRequest(group_by=number))
        for metric in ("revenue", "orders", "gross-profit", "collections", "leads", "new-customers", "visits"):
            reports[f"actual {metric} by {name}"] = service.GetActuals(v1.GetActualsRequest(
                metric=f"metrics/{metric}", range=span, granularity=v1.YEAR, group_by=number))
    for subject in (v1.MEMBER, v1.UNIT):
        reports[f"leaderboard {subject}"] = service.GetLeaderboard(v1.GetLeaderboardRequest(subject=subject, range=span))
    reports["key figures"] = service.GetKpiBoard(v1.GetKpiBoardRequest(range=span))
    plans = [plan.name for plan in client.PlanService.ListPlans(plan_pb2.ListPlansRequest(page_size=500)).plans]
    for plan in plans[:10]:
        reports[f"progress of {plan}"] = service.GetTargetProgress(v1.GetTargetProgressRequest(name=plan, page_size=500))
    for report in reports.values():
        report.ClearField("freshness")
    return reports


def check_reports(suite, checks, load, client):
    suite.wait_caught_up(60)
    before = all_reports(client)
    won = [o for name, o in load.last.items() if name.startswith("opportunities/") and o.state == opportunity_pb2.WON]
    funnel = before["funnel by DIMENSION_UNSPECIFIED"].total
    checks.equal("won in the reports", funnel.won, len(won))
    checks.equal("opened in the reports", funnel.opened,
                 1 + sum(name.startswith("opportunities/") for name in load.acknowledged))
    checks.equal("revenue in the reports", before["revenue by DIMENSION_UNSPECIFIED"].total.sum.revenue,
                 sum(o.amount.minor_units for o in won))
    say(f"{len(before)} reports; now the read models are built anew from nothing")
    client.ProjectionService.RebuildReadModels(projection_pb2.RebuildReadModelsRequest(request_id=new_id()))
    suite.wait_caught_up(120)
    after = all_reports(client)
    checks.equal("reports that a rebuild changed", [name for name in before if before[name] != after[name]], [])
    reconciled = client.ProjectionService.ReconcileReadModels(projection_pb2.ReconcileReadModelsRequest())
    checks.equal("cells that differ from their facts", reconciled.mismatch_count, 0)
    checks.true("cells were compared", reconciled.cells > 0 and reconciled.facts > 0)
    parked = client.ProjectionService.ListParkedEvents(projection_pb2.ListParkedEventsRequest())
    checks.equal("changes set aside", [(e.aggregate, e.error) for e in parked.parked_events], [])


def check_plans(checks, load, client):
    """No plan is half split."""
    bad = []
    for name in load.acknowledged:
        if name.startswith("plans/"):
            answer = client.PlanService.CheckPlan(plan_pb2.CheckPlanRequest(name=name))
            if not answer.adds_up:
                bad.append(name)
    checks.equal("plans that do not add up", bad[:5], [])


def run():
    checks = Checks()
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(10 ** 6)
    say(f"seed {seed} (give it as argument to repeat the moments)")
    with Suite() as suite:
        admin = suite.client("director", "admin")
        company.make(suite, admin)
        load = Load(suite, seed)
        load.start()
        havoc(suite, load, random.Random(seed), rounds=2)
        time.sleep(1)
        load.stop()
        for wrong in load.wrong:
            say(f"WRONG in the load: {wrong}")
        checks.equal("failures in the load", len(load.wrong), 0)
        checks.true("the load was repeated through failures", load.repeats > 0)
        say(f"{load.calls} calls were acknowledged, {load.repeats} of them after repeats, on "
            f"{len(load.acknowledged)} records")
        suite.wait_caught_up(60)
        check_acknowledged(suite, checks, load, admin)
        check_counts(suite, checks, load)
        for service in ("customer-svc", "opportunity-svc", "target-svc"):
            check_feed(suite, checks, service)
        check_plans(checks, load, admin)
        check_reports(suite, checks, load, admin)
    return checks.finish()


if __name__ == "__main__":
    main(run)
