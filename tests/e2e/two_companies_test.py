#!/usr/bin/python3
"""A company's own data beside the demo company: a CRM directory is imported on top of it, every report of its unit
says what was computed from the files alone, a plan on it is split on its own history, and the demo's reports stay
as they were."""

import pathlib
import shutil
import tempfile

import crm_data
import main_job_test
from suite import Checks, Suite, days, main, say
from milepost.opportunity.v1 import process_pb2, product_pb2, source_pb2
from milepost.organization.v1 import calendar_pb2, member_pb2, unit_pb2
from milepost.reporting.v1 import report_pb2

DEMO = "units/demo"
EVER = days("2010-01-01", "2030-12-31")


def reports(client, unit):
    """What is reported of a unit, or of everything; without when it was made."""
    v1 = report_pb2
    narrow = v1.ReportFilter(unit=unit)
    answers = (
        client.ReportService.GetFunnel(v1.GetFunnelRequest(filter=narrow, group_by=v1.SOURCE)),
        client.ReportService.GetWinLoss(v1.GetWinLossRequest(filter=narrow, group_by=v1.PRODUCT)),
        client.ReportService.GetSalesCycle(v1.GetSalesCycleRequest(filter=narrow, group_by=v1.REGION)),
        client.ReportService.GetRevenue(v1.GetRevenueRequest(filter=narrow, range=EVER, group_by=v1.CHANNEL)),
        client.ReportService.GetLeaderboard(v1.GetLeaderboardRequest(filter=narrow, subject=v1.MEMBER, range=EVER)),
        client.ReportService.GetKpiBoard(v1.GetKpiBoardRequest(filter=narrow, range=EVER)),
        client.ReportService.GetActuals(v1.GetActualsRequest(filter=narrow, metric="metrics/orders", range=EVER)),
        client.ReportService.GetConversionRates(v1.GetConversionRatesRequest(filter=narrow)),
    )
    for answer in answers:
        answer.ClearField("freshness")
    return answers


def names(client):
    """Every record that an import could overwrite."""
    lists = (
        (client.UnitService.ListUnits, unit_pb2.ListUnitsRequest, "units"),
        (client.MemberService.ListMembers, member_pb2.ListMembersRequest, "members"),
        (client.CalendarService.ListCalendars, calendar_pb2.ListCalendarsRequest, "calendars"),
        (client.ProductService.ListProducts, product_pb2.ListProductsRequest, "products"),
        (client.SourceService.ListSources, source_pb2.ListSourcesRequest, "sources"),
        (client.ProcessService.ListProcesses, process_pb2.ListProcessesRequest, "processes"),
    )
    return {record.name: record.SerializeToString(deterministic=True)
            for call, request, field in lists for record in getattr(call(request(page_size=500)), field)}


def run():
    checks = Checks()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="milepost-two-"))
    try:
        crm_data.generate(scratch, opportunities=400)
        figures = crm_data.Figures(scratch)
        with Suite() as suite:
            profile = suite.profile("admin", "admin", approver="approver")
            admin = suite.client("admin", "admin")
            approver = suite.client("approver", "admin")

            say("the demo company")
            suite.ctl("demo", "load", "--size", "300", profile=profile)
            suite.wait_caught_up()
            demo = reports(admin, DEMO)
            checks.true("the demo's unit is all there is", demo == reports(admin, ""))
            owned = names(admin)

            say("a CRM directory on top of it: all of it is new, and nothing of the demo changes")
            done = suite.ctl("import", "crm", scratch, profile=profile)
            loaded = main_job_test.counts(done.stdout)
            for kind, (_, updated, unchanged, refused) in loaded.items():
                checks.equal(f"{kind}: none was there", (updated, unchanged, refused), (0, 0, 0))
            checks.equal("opportunities", loaded.get("opportunities"), (len(figures.rows), 0, 0, 0))
            suite.wait_caught_up()
            now = names(admin)
            checks.equal("records of the demo that the import changed",
                         [name for name, record in owned.items() if now.get(name) != record], [])
            checks.true("reports of the demo company stay as they were", reports(admin, DEMO) == demo)
            checks.equal("opportunities of both together", reports(admin, "")[0].total.opened,
                         demo[0].total.opened + len(figures.rows))
            main_job_test.repeat_import(suite, checks, scratch, profile)

            main_job_test.check_reports(suite, checks, figures, admin, profile)
            main_job_test.check_plan(suite, checks, figures, admin, approver, profile)

            say("the demo once more: nothing changes")
            heads = suite.wait_caught_up()
            suite.ctl("demo", "load", "--size", "300", profile=profile)
            checks.equal("positions of the feeds after a repeated demo", suite.wait_caught_up(), heads)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return checks.finish()


if __name__ == "__main__":
    main(run)
