#!/usr/bin/python3
"""Two replicas of customer-svc and of opportunity-svc are restarted one after the other under load: no call fails.
Clients do what the service config of their channels says: they spread their calls over the replicas that say they
are healthy, and send a call that was UNAVAILABLE again. opportunity-svc, itself a client, finds customer-svc by a
name that stands for both of its replicas."""

import json
import threading
import time

import grpc

import company
from suite import Checks, Suite, main, money, new_id, say
from milepost.customer.v1 import customer_pb2
from milepost.opportunity.v1 import opportunity_pb2

SERVICE_CONFIG = json.dumps({
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},
    "methodConfig": [{"name": [{}], "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "1s", "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]}}]})
ROLLED = ("customer-svc", "opportunity-svc")


class Load:
    def __init__(self, suite, threads=6):
        self.suite = suite
        self.stopping = threading.Event()
        self.calls = [0] * threads
        self.failed = []
        self.slowest = 0.0
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def _call(self, index, call, request):
        began = time.monotonic()
        try:
            call(request, timeout=20)
        except grpc.RpcError as error:
            self.failed.append(f"{type(request).__name__}: {error.code().name} {error.details()}")
        self.calls[index] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)

    def _run(self, index):
        client = self.suite.client("director", "admin", options=[
            ("grpc.service_config", SERVICE_CONFIG), ("grpc.use_local_subchannel_pool", 1)])
        customers, opportunities = client.CustomerService, client.OpportunityService
        number = 0
        while not self.stopping.is_set():
            key = f"rolling-{index}-{number}"
            number += 1
            self._call(index, customers.CreateCustomer, customer_pb2.CreateCustomerRequest(
                customer_id=key, request_id=new_id(), allow_duplicates=True, customer=customer_pb2.Customer(
                    kind=customer_pb2.COMPANY, display_name=f"滚动 {key}", owner="members/li-wei")))
            self._call(index, customers.GetCustomer, customer_pb2.GetCustomerRequest(name=f"customers/{key}"))
            self._call(index, opportunities.CreateOpportunity, opportunity_pb2.CreateOpportunityRequest(
                opportunity_id=key, request_id=new_id(), opportunity=opportunity_pb2.Opportunity(
                    title=f"滚动 {key}", owner="members/li-wei", customer=f"customers/{key}",
                    process="processes/direct", amount=money(100))))
            self._call(index, opportunities.MoveStage, opportunity_pb2.MoveStageRequest(
                name=f"opportunities/{key}", stage="needs", request_id=new_id()))
            self._call(index, opportunities.ListOpportunities, opportunity_pb2.ListOpportunitiesRequest(page_size=20))


# A client notices a server that came back by its own clock: it connects again up to a second or so after it
# failed, and watches its health. In a cluster `minReadySeconds` gives it that time.
CLIENTS_NOTICE = 3


def run():
    checks = Checks()
    with Suite(replicas={service: 2 for service in ROLLED}, settings={"DRAIN_DELAY": "1s"}) as suite:
        admin = suite.client("director", "admin")
        company.make(suite, admin)
        load = Load(suite)
        load.start()
        time.sleep(1)
        for service in ROLLED:
            for replica in suite.replicas[service]:
                before = sum(load.calls)
                code = replica.terminate(30)
                checks.equal(f"{service} {replica.index} ends well", code, 0)
                replica.start()
                replica.wait_ready()
                time.sleep(CLIENTS_NOTICE)
                say(f"restarted {service} {replica.index}: {sum(load.calls) - before} calls meanwhile, "
                    f"{len(load.failed)} failed")
        time.sleep(1)
        load.stop()
        say(f"{sum(load.calls)} calls, the slowest took {load.slowest:.2f} s")
        checks.equal("calls that failed", load.failed[:10], [])
        checks.true("there was a load", sum(load.calls) > 200, sum(load.calls))
        stored = int(suite.database.sql(
            "SELECT COUNT(*) FROM opportunity.opportunities WHERE opportunity_id LIKE 'rolling-%'")[0][0])
        versions = int(suite.database.sql(
            "SELECT COUNT(*) FROM opportunity.changes WHERE aggregate_id LIKE 'opportunities/rolling-%'")[0][0])
        checks.true("every opportunity was made and moved once, the last ones perhaps not moved yet",
                    0 <= 2 * stored - versions <= len(load.threads), (stored, versions))
    return checks.finish()


if __name__ == "__main__":
    main(run)
