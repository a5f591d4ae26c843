#!/usr/bin/python3
"""The main job: a CRM directory is imported through milepostctl, with broken rows first and mended after;
the reports must say what was computed from the files alone; then a plan is split down to member and month,
approved and followed, and commission is computed; next year's is copied from it and edited as a table.
With MILEPOST_CRM_DATA=DIR the same is done with that directory, which must be the public data set whose
figures are known."""

import csv
import datetime
import json
import os
import pathlib
import re
import shutil
import tempfile

from google.protobuf import json_format

import crm_data
from suite import Checks, Suite, date, days, main, new_id, say, year
from milepost.opportunity.v1 import opportunity_pb2, order_pb2
from milepost.reporting.v1 import projection_pb2, report_pb2
from milepost.target.v1 import incentive_pb2, node_pb2, plan_pb2

PPM = 1_000_000
COMPANY = "units/crm"


def counts(output):
    """The table of an import: {"opportunities": (created, updated, unchanged, refused)}."""
    table = {}
    for line in output.splitlines():
        words = line.replace(",", "").split()
        if len(words) >= 5 and all(word.isdigit() for word in words[-4:]):
            table[" ".join(words[:-4])] = tuple(map(int, words[-4:]))
    return table


def note_lines(output, title, file):
    """The lines of `file` that stand under "Repaired" or "Refused"."""
    lines, inside = set(), False
    for line in output.splitlines():
        if line and not line.startswith(" "):
            inside = line.startswith(title + ":")
        elif inside and line.strip().startswith(file + ":"):
            lines.add(int(line.strip()[len(file) + 1:].split()[0]))
    return lines


def stderr_or_out(done):
    return done.stdout + done.stderr


# --- import -------------------------------------------------------------------------------------


def break_rows(directory, broken):
    """Copies a directory and breaks some rows; returns {file: lines that must be refused}, and those that were
    repaired although nothing is broken about them."""
    shutil.copytree(directory, broken)
    rows = crm_data.read(broken, "sales_pipeline")
    won = [row for row in rows if row["deal_stage"] == "Won"]
    lost = [row for row in rows if row["deal_stage"] == "Lost"]
    open_rows = [row for row in rows if row["deal_stage"] == "Engaging"]
    won[3]["sales_agent"] = "Nobody Atall"
    won[11]["close_date"] = "2/30/2017"
    won[29]["close_value"] = ""
    won[47]["engage_date"], won[47]["close_date"] = "5/2/2017", "5/1/2017"
    won[60]["close_value"] = "12x"
    lost[5]["product"] = "No Such Thing"
    lost[9]["close_date"] = ""
    open_rows[7]["deal_stage"] = "Dreaming"
    open_rows[13]["opportunity_id"] = ""
    bad = [won[3], won[11], won[29], won[47], won[60], lost[5], lost[9], open_rows[7], open_rows[13]]

    # A row in another encoding.
    lost[21]["account"] = "GBKGBK"
    bad.append(lost[21])
    crm_data.write(broken, "sales_pipeline", crm_data.PIPELINE, [[row[c] for c in crm_data.PIPELINE] for row in rows])
    pipeline = broken / "sales_pipeline.csv"
    pipeline.write_bytes(pipeline.read_bytes().replace(b"GBKGBK", "上海".encode("gbk")))

    # An account that nothing else refers to: a year that no service takes, and one without a name.
    used = {row["account"] for row in rows}
    accounts = crm_data.read(broken, "accounts")
    parents = {row["subsidiary_of"] for row in accounts}
    accounts.append(dict(zip(crm_data.ACCOUNTS, ("", "retail", 1999, "12.50", 12, "Norway", "")), line=len(accounts) + 2))
    spare = next((row for row in accounts if row["account"] not in used | parents | {""}), None)
    if spare is None:
        spare = dict(zip(crm_data.ACCOUNTS, ("Future Foods", "retail", 1999, "12.50", 12, "Norway", "")),
                     line=len(accounts) + 2)
        accounts.append(spare)
    spare["year_established"] = 9999
    crm_data.write(broken, "accounts", crm_data.ACCOUNTS, [[row[c] for c in crm_data.ACCOUNTS] for row in accounts])
    return {"sales_pipeline.csv": {row["line"] for row in bad}, "accounts.csv": {accounts[-1]["line"]}
            if spare is not accounts[-1] else {accounts[-2]["line"]}, "customers": {spare["line"]}}


def import_directory(suite, checks, directory, profile, scratch):
    figures = crm_data.Figures(directory)
    total = len(figures.rows)

    say("import with broken rows: the good ones are loaded, the bad ones named by line")
    broken = scratch / "broken"
    refused = break_rows(directory, broken)
    done = suite.ctl("import", "crm", broken, "--all-rows", profile=profile, check=False)
    checks.equal("exit code of an import with refused rows", done.returncode, 1)
    output = stderr_or_out(done)
    for file, lines in refused.items():
        checks.equal(f"refused lines of {file}", note_lines(output, "Refused", file), lines)
    bad = len(refused["sales_pipeline.csv"])
    loaded = counts(output)
    checks.equal("opportunities of the first import", loaded.get("opportunities"), (total - bad, 0, 0, 0))
    checks.equal("members of the first import", loaded.get("members"),
                 (len(figures.agents) + len(set(figures.manager_of.values())), 0, 0, 0))

    say("import again after mending: only what was missing is new")
    done = suite.ctl("import", "crm", directory, "--all-rows", profile=profile)
    loaded = counts(done.stdout)
    checks.equal("opportunities after mending", loaded.get("opportunities"), (bad, 0, total - bad, 0))
    checks.true("nobody is new after mending", loaded.get("members", (1,))[0] == 0, loaded)
    repaired = note_lines(done.stdout, "Repaired", "sales_pipeline.csv")
    originals = crm_data.read(directory, "sales_pipeline")
    known = {row["product"] for row in crm_data.read(directory, "products")}
    checks.equal("repaired products", repaired, {row["line"] for row in originals if row["product"] not in known})
    misspelled = {row["line"] for row in crm_data.read(directory, "accounts") if row["sector"] == "technolgy"}
    checks.true("misspelled sectors are repaired", misspelled <= note_lines(done.stdout, "Repaired", "accounts.csv"))

    checks.true("the import says which unit to ask for",
                f"The company is {COMPANY};" in done.stdout and "report funnel --unit crm\n" in done.stdout, done.stdout[-600:])

    repeat_import(suite, checks, directory, profile)
    return figures


def repeat_import(suite, checks, directory, profile):
    say("import once more: nothing changes")
    heads = suite.wait_caught_up(60)
    done = suite.ctl("import", "crm", directory, profile=profile)
    for kind, (created, updated, unchanged, refused_rows) in counts(done.stdout).items():
        checks.equal(f"{kind} of a repeated import", (created, updated, refused_rows), (0, 0, 0))
        checks.true(f"{kind} are there", unchanged > 0)
    checks.equal("positions of the feeds after a repeated import", suite.wait_caught_up(60), heads)


# --- reports ------------------------------------------------------------------------------------


def by_name(rows):
    return {row.group.display_name: row for row in rows}


def ask(suite, checks, client, profile, kind, message, words, method, request):
    """The same report of the company by milepostctl and by gRPC: both must be equal, apart from when they were
    made."""
    request.filter.unit = COMPANY
    done = suite.ctl("report", *words, "--unit", COMPANY, "--json", profile=profile)
    told = json_format.Parse(done.stdout, message(), ignore_unknown_fields=False)
    answer = getattr(client.ReportService, method)(request)
    told.ClearField("freshness")
    fresh = message()
    fresh.CopyFrom(answer)
    fresh.ClearField("freshness")
    checks.true(f"{kind}: milepostctl and gRPC say the same", told == fresh)
    return answer


def check_reports(suite, checks, figures, client, profile):
    span = days("2016-01-01", "2017-12-31")
    offices = figures.by_office()
    members = figures.by_member()
    products = figures.by_product()
    quarters = figures.by_quarter()
    v1 = report_pb2

    say("funnel: opportunities by state and stage")
    funnel = ask(suite, checks, client, profile, "funnel", v1.FunnelReport, ["funnel"], "GetFunnel",
                 v1.GetFunnelRequest())
    states = figures.states
    checks.equal("won", funnel.total.won, states["Won"])
    checks.equal("lost", funnel.total.lost, states["Lost"])
    checks.equal("open", funnel.total.open, states["Engaging"] + states["Prospecting"])
    checks.equal("opened", funnel.total.opened, len(figures.rows))
    current = {stage.stage: stage.current for stage in funnel.total.stages}
    checks.equal("in stage engaging", current.get("engaging"), states["Engaging"])
    checks.equal("in stage prospecting", current.get("prospecting"), states["Prospecting"])
    for stage in funnel.total.stages:
        checks.equal(f"stage {stage.stage} balances", stage.entered, stage.converted + stage.lost + stage.pending)

    say("revenue by office, quarter, member and product")
    revenue = ask(suite, checks, client, profile, "revenue by unit", v1.RevenueReport,
                  ["revenue", "--period", "2016-01-01..2017-12-31", "--granularity", "quarter", "--by", "unit"],
                  "GetRevenue", v1.GetRevenueRequest(range=span, granularity=v1.QUARTER, group_by=v1.UNIT))
    checks.equal("revenue by office", {name: row.sum.revenue for name, row in by_name(revenue.rows).items()},
                 {name: value * 100 for name, value in offices.items()})
    checks.equal("revenue", revenue.total.sum.revenue, figures.total() * 100)
    checks.equal("orders", revenue.total.sum.orders, states["Won"])
    found = {f"{cell.period.first_date.year}Q{(cell.period.first_date.month + 2) // 3}": cell.revenue
             for cell in revenue.total.cells}
    checks.equal("revenue by quarter", {name: value for name, value in found.items() if value},
                 {name: value * 100 for name, value in quarters.items()})
    for name, row in by_name(revenue.rows).items():
        for cell in row.cells:
            quarter = f"{cell.period.first_date.year}Q{(cell.period.first_date.month + 2) // 3}"
            checks.equal(f"revenue of {name} in {quarter}", cell.revenue, 100 * sum(
                int(r["close_value"]) for r in figures.won
                if figures.office_of[r["sales_agent"]] == name and figures.quarter(r) == quarter))
    for dimension, word, wanted in ((v1.MEMBER, "member", members), (v1.PRODUCT, "product", products)):
        report = ask(suite, checks, client, profile, f"revenue by {word}", v1.RevenueReport,
                     ["revenue", "--period", "2016-01-01..2017-12-31", "--by", word], "GetRevenue",
                     v1.GetRevenueRequest(range=span, group_by=dimension))
        checks.equal(f"revenue by {word}", {n: r.sum.revenue for n, r in by_name(report.rows).items() if r.sum.revenue},
                     {name: value * 100 for name, value in wanted.items()})
    teams = ask(suite, checks, client, profile, "revenue by team", v1.RevenueReport,
                ["revenue", "--period", "2016-01-01..2017-12-31", "--by", "unit", "--unit-level", "2"], "GetRevenue",
                v1.GetRevenueRequest(range=span, group_by=v1.UNIT, unit_level=2))
    checks.equal("revenue by team", {name: row.sum.revenue for name, row in by_name(teams.rows).items()},
                 {f"Team {name}": value * 100
                  for name, value in figures.revenue(lambda row: figures.manager_of[row["sales_agent"]]).items()})

    say("win and loss by product and member")
    for dimension, word, key in ((v1.PRODUCT, "product", lambda r: r["product"]),
                                 (v1.MEMBER, "member", lambda r: r["sales_agent"])):
        report = ask(suite, checks, client, profile, f"win and loss by {word}", v1.WinLossReport,
                     ["win-loss", "--by", word], "GetWinLoss", v1.GetWinLossRequest(group_by=dimension))
        checks.equal(f"won and lost by {word}", {n: (r.won, r.lost) for n, r in by_name(report.rows).items()},
                     figures.results(key))
        amounts = figures.revenue(key)
        for name, row in by_name(report.rows).items():
            won, lost = figures.results(key)[name]
            checks.true(f"win rate of {name}", abs(row.win_rate_ppm * (won + lost) - won * PPM) <= won + lost,
                        row.win_rate_ppm)
            checks.equal(f"amount won by {name}", row.won_amount, amounts.get(name, 0) * 100)

    say("sales cycle")
    cycle = ask(suite, checks, client, profile, "sales cycle", v1.SalesCycleReport, ["sales-cycle", "--by", "product"],
                "GetSalesCycle", v1.GetSalesCycleRequest(group_by=v1.PRODUCT))
    rows = {"": (cycle.total, figures.won)}
    for name, row in by_name(cycle.rows).items():
        rows[name] = (row, [r for r in figures.won if r["product"] == name])
    for name, (row, won) in rows.items():
        values = figures.cycles(won)
        checks.equal(f"cycle {name}: count", row.count, len(values))
        checks.equal(f"cycle {name}: mean", row.mean_days_hundredths, crm_data.hundredths(sum(values), len(values)))
        checks.equal(f"cycle {name}: median", row.median_days_hundredths, crm_data.median_hundredths(values))
        checks.equal(f"cycle {name}: p90", row.p90_days_hundredths, values[-(-len(values) * 9 // 10) - 1] * 100)
        checks.equal(f"cycle {name}: shortest and longest", (row.min_days_hundredths, row.max_days_hundredths),
                     (values[0] * 100, values[-1] * 100))

    say("leaderboard of members and of offices")
    board = ask(suite, checks, client, profile, "leaderboard", v1.Leaderboard,
                ["leaderboard", "--by", "member", "--period", "2016-01-01..2017-12-31"], "GetLeaderboard",
                v1.GetLeaderboardRequest(subject=v1.MEMBER, range=span))
    active = [row for row in board.rows if not row.inactive]
    checks.equal("values on the leaderboard", {row.subject.display_name: row.value for row in active},
                 {name: value * 100 for name, value in members.items()})
    checks.equal("order of the leaderboard", [row.value for row in active],
                 sorted((value * 100 for value in members.values()), reverse=True))
    checks.equal("ranks", [row.rank for row in active],
                 [1 + sum(other.value > row.value for other in active) for row in active])
    idle = {row.subject.display_name for row in board.rows if row.inactive}
    checks.true("agents who sold nothing are inactive", set(figures.agents) - set(members) <= idle, idle)
    checks.equal("total of the leaderboard", board.total, figures.total() * 100)
    units = client.ReportService.GetLeaderboard(v1.GetLeaderboardRequest(
        subject=v1.UNIT, range=span, filter=v1.ReportFilter(unit=COMPANY)))
    checks.equal("order of offices", [row.subject.display_name for row in units.rows],
                 [name for name, _ in sorted(offices.items(), key=lambda item: -item[1])])

    say("the read models agree with their facts, and nothing was set aside")
    reconciled = client.ProjectionService.ReconcileReadModels(projection_pb2.ReconcileReadModelsRequest())
    checks.equal("cells that differ from their facts", reconciled.mismatch_count, 0)
    parked = client.ProjectionService.ListParkedEvents(projection_pb2.ListParkedEventsRequest())
    checks.equal("changes set aside", len(parked.parked_events), 0)


def check_records(checks, figures, client):
    """A few records themselves, not only what is reported of them."""
    say("a won opportunity has its order, with its historical date")
    row = figures.won[0]
    name = f"opportunities/o-{row['opportunity_id'].lower()}"
    opportunity = client.OpportunityService.GetOpportunity(opportunity_pb2.GetOpportunityRequest(name=name))
    closed = crm_data.us_date(row["close_date"])
    checks.equal("state", opportunity.state, opportunity_pb2.WON)
    checks.equal("close date", datetime.date(opportunity.close_date.year, opportunity.close_date.month,
                                             opportunity.close_date.day), closed)
    checks.equal("amount", opportunity.amount.minor_units, int(row["close_value"]) * 100)
    order = client.OrderService.GetOrder(order_pb2.GetOrderRequest(name=opportunity.order))
    checks.equal("amount of the order", order.amount.minor_units, int(row["close_value"]) * 100)
    checks.equal("opportunity of the order", order.opportunity, name)


def check_known_figures(checks, figures, client):
    """What is known of the public data set."""
    say("the known figures of the public data set")
    v1 = report_pb2
    checks.equal("states", dict(figures.states),
                 {"Won": 4238, "Lost": 2473, "Engaging": 1589, "Prospecting": 500})
    checks.equal("offices", figures.by_office(), {"West": 3568647, "Central": 3346293, "East": 3090594})
    of_company = v1.ReportFilter(unit=COMPANY)
    revenue = client.ReportService.GetRevenue(v1.GetRevenueRequest(
        range=year(2017), granularity=v1.QUARTER, filter=of_company))
    checks.equal("won revenue", revenue.total.sum.revenue, 10005534 * 100)
    checks.equal("quarters of 2017", [cell.revenue for cell in revenue.total.cells],
                 [1134672 * 100, 3086111 * 100, 2982255 * 100, 2802496 * 100])
    board = client.ReportService.GetLeaderboard(v1.GetLeaderboardRequest(
        subject=v1.MEMBER, range=year(2017), filter=of_company))
    active = [row for row in board.rows if not row.inactive]
    checks.equal("first", (active[0].subject.display_name, active[0].value), ("Darcel Schlecht", 1153214 * 100))
    checks.equal("last", (active[-1].subject.display_name, active[-1].value), ("Violet Mclelland", 123431 * 100))
    results = by_name(client.ReportService.GetWinLoss(
        v1.GetWinLossRequest(group_by=v1.PRODUCT, filter=of_company)).rows)
    checks.equal("GTX Basic", (results["GTX Basic"].won, results["GTX Basic"].won + results["GTX Basic"].lost),
                 (915, 1436))
    cycle = client.ReportService.GetSalesCycle(v1.GetSalesCycleRequest(filter=of_company)).total
    checks.equal("cycle", (cycle.mean_days_hundredths, cycle.median_days_hundredths), (5178, 5700))


# --- plan ---------------------------------------------------------------------------------------


def all_nodes(client, plan):
    nodes, token = [], ""
    while True:
        page = client.NodeService.ListNodes(node_pb2.ListNodesRequest(plan=plan, page_size=500, page_token=token))
        nodes.extend(page.nodes)
        token = page.next_page_token
        if not token:
            return nodes


def fair(total, weights, found):
    """The parts add up to the total exactly and each is its share rounded down or up."""
    whole = sum(weights)
    return sum(found) == total and all(total * w // whole <= part <= -(-total * w // whole)
                                       for w, part in zip(weights, found))


def weekdays(period):
    day = datetime.date(period.first_date.year, period.first_date.month, period.first_date.day)
    last = datetime.date(period.last_date.year, period.last_date.month, period.last_date.day)
    count = 0
    while day <= last:
        count += day.weekday() < 5
        day += datetime.timedelta(days=1)
    return count


def check_plan(suite, checks, figures, admin, approver, profile):
    v1 = node_pb2
    name = "plans/revenue-2018"
    target = 12_000_000 * 100
    say("a revenue plan of 12,000,000 for 2018, split by quarter, office, team, member and month")
    admin.PlanService.CreatePlan(plan_pb2.CreatePlanRequest(
        plan_id="revenue-2018", request_id=new_id(),
        plan=plan_pb2.Plan(title="2018 年销售收入目标", metric="metrics/revenue", period=year(2018), target_units=target,
                           visibility=plan_pb2.PUBLIC, unit=COMPANY)))
    history = v1.HistoryMethod(reference_periods=[v1.ReferencePeriod(period=year(2017))], even_without_history=True)
    leaves = v1.LeafSelection()
    for what, spec in (
            ("quarters on the shares of 2017", v1.SplitSpec(leaves=leaves, dimension=v1.PERIOD, grain=v1.QUARTER, history=history)),
            ("offices", v1.SplitSpec(leaves=leaves, dimension=v1.UNIT, organization=v1.CHILD_UNITS, history=history)),
            ("teams", v1.SplitSpec(leaves=leaves, dimension=v1.UNIT, organization=v1.CHILD_UNITS, history=history)),
            ("members", v1.SplitSpec(leaves=leaves, dimension=v1.MEMBER, organization=v1.DIRECT_MEMBERS, history=history)),
            ("months on working days", v1.SplitSpec(leaves=leaves, dimension=v1.PERIOD, grain=v1.MONTH,
                                                    working_calendar=v1.WorkingCalendarMethod()))):
        preview = admin.NodeService.PreviewSplit(v1.PreviewSplitRequest(plan=name, split=spec))
        made = admin.NodeService.SplitNodes(v1.SplitNodesRequest(plan=name, split=spec, request_id=new_id()))
        checks.true(f"{what}: the preview told the same numbers",
                    [[c.target_units for c in s.children] for s in preview.splits] ==
                    [[c.target_units for c in s.children] for s in made.splits])
        say(f"  {what}: {made.created_node_count} nodes")

    nodes = all_nodes(admin, name)
    children = {}
    for node in nodes:
        children.setdefault(node.parent, []).append(node)
    nodes_by_name = {node.name: node for node in nodes}
    broken = [parent for parent, below in children.items()
              if parent and sum(n.target_units for n in below) != nodes_by_name[parent].target_units]
    checks.equal("nodes whose children do not add up", broken, [])
    teams = len(set(figures.manager_of.values()))
    offices = len(set(figures.office_of.values()))
    checks.equal("number of nodes", len(nodes),
                 1 + 4 * (1 + offices + teams + len(figures.agents) * (1 + 3)))

    won_2017 = [row for row in figures.won if crm_data.us_date(row["close_date"]).year == 2017]
    quarters = figures.revenue(figures.quarter, won_2017)
    office = figures.revenue(lambda row: figures.office_of[row["sales_agent"]], won_2017)
    team = figures.revenue(lambda row: "Team " + figures.manager_of[row["sales_agent"]], won_2017)
    member = figures.revenue(lambda row: row["sales_agent"], won_2017)
    level = children[f"{name}/nodes/root"]
    checks.equal("quarters", [node.key for node in level], ["2018-Q1", "2018-Q2", "2018-Q3", "2018-Q4"])
    checks.true("quarters have the shares of 2017",
                fair(target, [quarters[f"2017Q{i}"] for i in (1, 2, 3, 4)], [n.target_units for n in level]),
                [n.target_units for n in level])
    unfair = []
    for node in nodes:
        below = children.get(node.name, [])
        if not below or node.depth == 0:
            continue
        if below[0].dimension == v1.PERIOD:
            weights = [weekdays(child.scope.period) for child in below]
        else:
            shares = {1: office, 2: team, 3: member}[node.depth]
            weights = [shares.get(child.display_name, 0) for child in below]
            if not any(weights):
                weights = [1] * len(below)
        if not fair(node.target_units, weights, [child.target_units for child in below]):
            unfair.append((node.name, node.target_units, [(c.display_name, c.target_units) for c in below], weights))
    checks.equal("nodes whose children have other shares", unfair[:3], [])
    checked = admin.PlanService.CheckPlan(plan_pb2.CheckPlanRequest(name=name))
    checks.equal("CheckPlan", (checked.adds_up, checked.violation_count, checked.node_count), (True, 0, len(nodes)))

    say("nobody approves a plan of their own; another administrator does")
    admin.PlanService.SubmitPlan(plan_pb2.SubmitPlanRequest(name=name, request_id=new_id()))
    checks.fails("own approval", lambda: admin.PlanService.ApprovePlan(
        plan_pb2.ApprovePlanRequest(name=name, request_id=new_id())), "PERMISSION_DENIED")
    approved = approver.PlanService.ApprovePlan(plan_pb2.ApprovePlanRequest(name=name, request_id=new_id()))
    checks.equal("state after approval", (approved.state, approved.approver), (plan_pb2.APPROVED, "members/approver"))
    active = approver.PlanService.ActivatePlan(plan_pb2.ActivatePlanRequest(name=name, request_id=new_id()))
    checks.equal("state after activation", active.state, plan_pb2.ACTIVE)
    suite.wait_caught_up()

    say("the progress table shows the plan")
    progress = admin.ReportService.GetTargetProgress(report_pb2.GetTargetProgressRequest(
        name=name, as_of_date=date("2018-06-30"), page_size=500))
    by_node = {row.node: row for row in progress.rows}
    root = by_node[f"{name}/nodes/root"]
    checks.equal("target of the company", root.target, target)
    checks.equal("actual of 2018", (root.actual, root.attainment_ppm, root.gap), (0, 0, target))
    first_half = sum(n.target_units for n in nodes if n.depth == 5 and n.scope.period.first_date.month <= 6)
    checks.equal("target until the middle of the year", root.to_date.target, first_half)
    owners = admin.ReportService.GetTargetProgress(report_pb2.GetTargetProgressRequest(
        name=name, as_of_date=date("2018-06-30"), view=report_pb2.GetTargetProgressRequest.OWNERS, page_size=500))
    members = {row.display_name: row.target for row in owners.rows if row.member}
    wanted = {}
    for node in nodes:
        if node.dimension == v1.MEMBER:
            wanted[node.display_name] = wanted.get(node.display_name, 0) + node.target_units
    checks.equal("targets by member", members, wanted)
    table = suite.ctl("target", "progress", name, "--as-of-date", "2018-06-30", profile=profile).stdout
    checks.true("milepostctl prints the progress table", "12,000,000" in table or "1,200" in table, table[:400])

    say("a plan for 2017 is measured against what was sold then")
    name = "plans/revenue-2017"
    past = sum(quarters.values()) * 100 + 1
    admin.PlanService.CreatePlan(plan_pb2.CreatePlanRequest(
        plan_id="revenue-2017", request_id=new_id(),
        plan=plan_pb2.Plan(title="2017", metric="metrics/revenue", period=year(2017), target_units=past,
                           visibility=plan_pb2.PUBLIC, unit=COMPANY)))
    for spec in (v1.SplitSpec(leaves=leaves, dimension=v1.PERIOD, grain=v1.QUARTER, even=v1.EvenMethod()),
                 v1.SplitSpec(leaves=leaves, dimension=v1.UNIT, organization=v1.CHILD_UNITS, even=v1.EvenMethod())):
        admin.NodeService.SplitNodes(v1.SplitNodesRequest(plan=name, split=spec, request_id=new_id()))
    for step, who in (("Submit", admin), ("Approve", approver), ("Activate", approver)):
        getattr(who.PlanService, f"{step}Plan")(getattr(plan_pb2, f"{step}PlanRequest")(name=name, request_id=new_id()))
    suite.wait_caught_up()
    progress = admin.ReportService.GetTargetProgress(report_pb2.GetTargetProgressRequest(
        name=name, as_of_date=date("2017-12-31"), page_size=500))
    rows = {row.node: row for row in progress.rows}
    root = rows[f"{name}/nodes/root"]
    sold = sum(quarters.values()) * 100
    checks.equal("actual of 2017", (root.actual, root.gap), (sold, 1))
    checks.true("attainment of 2017", abs(root.attainment_ppm * past - sold * PPM) <= past, root.attainment_ppm)
    for node in all_nodes(admin, name):
        if node.depth == 0:
            continue
        quarter = f"2017Q{(node.scope.period.first_date.month + 2) // 3}"
        wanted = sum(int(r["close_value"]) * 100 for r in won_2017 if figures.quarter(r) == quarter and
                     (node.depth == 1 or figures.office_of[r["sales_agent"]] == node.display_name))
        checks.equal(f"actual of {quarter} {node.display_name}", rows[node.name].actual, wanted)


def check_incentives(suite, checks, figures, admin, profile):
    """Statements pay what was sold: their base is what the files say, and issued ones stay as they are."""
    v1 = incentive_pb2
    won = [r for r in figures.won if figures.quarter(r) == "2017Q2"]
    sold = {}
    for row in won:
        sold[row["sales_agent"]] = sold.get(row["sales_agent"], 0) + int(row["close_value"]) * 100
    agent = max(sold, key=lambda one: (sold[one], one))
    member = next(n for n in all_nodes(admin, "plans/revenue-2018")
                  if n.dimension == node_pb2.MEMBER and n.display_name == agent).scope.member
    say(f"commission of {agent} for the second quarter of 2017, on what was sold")

    def terms(measure, tiers, **more):
        return v1.CommissionTerms(base=v1.CommissionTerms.ORDERS, mode=v1.CommissionTerms.MARGINAL, measure=measure,
                                  reversal=v1.CommissionTerms.PERIOD_OF_ORIGIN,
                                  tiers=[v1.CommissionTerms.Tier(**{"from": at, "rate_ppm": rate}) for at, rate in tiers], **more)

    half = sold[agent] // 2
    admin.IncentiveService.CreateCommissionPlan(v1.CreateCommissionPlanRequest(
        commission_plan_id="sales-17", request_id=new_id(),
        commission_plan=v1.CommissionPlan(title="2017 年销售提成", units=[COMPANY], period=year(2017), grain=node_pb2.QUARTER,
                                          terms=terms(v1.CommissionTerms.AMOUNT, [(0, 20_000), (half, 30_000)]))))
    told = suite.ctl("commission", "compute", "sales-17", member, "2017-06-30", "--json", profile=profile)
    computed = json_format.Parse(told.stdout, v1.CommissionStatement())
    checks.equal("base", (computed.base_units, computed.period_label), (sold[agent], "2017-Q2"))
    checks.equal("days that count", sum(f.amount_units for f in computed.facts), sold[agent])
    wanted = [(half * 20_000 * 2 + PPM) // (PPM * 2), ((sold[agent] - half) * 30_000 * 2 + PPM) // (PPM * 2)]
    checks.equal("lines", [line.amount_units for line in computed.lines], wanted)
    checks.equal("payable", computed.payable_units, sum(wanted))
    issued = admin.IncentiveService.IssueStatement(v1.IssueStatementRequest(
        commission_plan="commissionPlans/sales-17", member=member, date=date("2017-04-01"),
        content_hash=computed.content_hash, request_id=new_id()))
    again = admin.IncentiveService.RecomputeStatement(v1.RecomputeStatementRequest(name=issued.name, newest_actuals=True))
    checks.equal("recomputed", (again.same, again.content_intact, len(again.differences)), (True, True, 0))

    say("attainment is of the member's target, and that of the team is measured as a whole")
    bonus = v1.CommissionTerms.TeamBonus(at_team_attainment_ppm=PPM, amount_units=100_000)
    admin.IncentiveService.CreateCommissionPlan(v1.CreateCommissionPlanRequest(
        commission_plan_id="sales-18", request_id=new_id(),
        commission_plan=v1.CommissionPlan(title="2018 年销售提成", plan="plans/revenue-2018", units=[COMPANY], period=year(2018),
                                          grain=node_pb2.QUARTER, terms=terms(v1.CommissionTerms.ATTAINMENT, [(0, 20_000)],
                                                                              team_bonuses=[bonus]))))
    statement = admin.IncentiveService.ComputeStatement(v1.ComputeStatementRequest(
        commission_plan="commissionPlans/sales-18", member=member, date=date("2018-05-01")))
    wanted = sum(n.target_units for n in all_nodes(admin, "plans/revenue-2018")
                 if n.depth == 4 and n.scope.member == member and n.scope.period.first_date.month == 4)
    checks.equal("target of the quarter", statement.target_units, wanted)
    checks.true("the team has a target", statement.team_target_units >= wanted, statement.team_target_units)
    checks.equal("nothing was sold in 2018", (statement.base_units, statement.team_actual_units, statement.payable_units), (0, 0, 0))


def check_round_trip(suite, checks, admin, profile, scratch):
    """Next year's plan is this year's with growth; it goes out as a table, is edited and comes back."""
    source, name = "plans/revenue-2018", "plans/revenue-2019"

    def ctl(*words, good=True):
        done = suite.ctl("target", *words, profile=profile, check=False)
        checks.equal(f"milepostctl target {' '.join(map(str, words[:2]))} succeeds", done.returncode == 0, good)
        return done.stdout

    say("a plan for 2019 with the shape of 2018 and 10 % more")
    terms = ("--period", "2019", "--growth", "10%", "--title", "2019 年销售收入目标")
    preview = json.loads(ctl("copy", source, *terms, "--dry-run", "--json"))
    ctl("copy", source, name, *terms)
    old, nodes = all_nodes(admin, source), all_nodes(admin, name)
    checks.equal("nodes of the copy", [(n.dimension, n.depth) for n in nodes], [(n.dimension, n.depth) for n in old])
    checks.equal("the preview told as many", int(preview["nodeCount"]), len(nodes))
    checks.equal("its target", nodes[0].target_units, old[0].target_units * 11 // 10)
    checked = admin.PlanService.CheckPlan(plan_pb2.CheckPlanRequest(name=name))
    checks.equal("it adds up", (checked.adds_up, checked.violation_count), (True, 0))
    checks.equal("its months", {n.key for n in nodes if n.depth == 5}, {f"2019-{m:02}" for m in range(1, 13)})

    say("its targets go out as tables, are edited and come back as one version")
    table = scratch / "plan.csv"
    for file in (table, scratch / "plan.xlsx"):
        ctl("export", name, file)
        checks.true(f"{file.name} says what the plan says", "nothing to write" in ctl("import", name, file))
    with open(table, encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    checks.equal("rows", [r["node"] for r in rows], [n.name for n in nodes])
    checks.equal("amounts", [r["target"] for r in rows],
                 [f"{n.target_units // 100}.{n.target_units % 100:02}" for n in nodes])
    months = [n for n in nodes if n.depth == 5]
    giver = next(n for n in months if n.target_units > 100)
    taker = next(n for n in months if n.parent == giver.parent and n.name != giver.name)

    def save(change):
        edited = [dict(r, key=re.sub(r"^2019-(\d\d)$", r"2019/\1", r["key"])) for r in rows]  # As spreadsheets do.
        for row in edited:
            change(row)
        with open(table, "w", encoding="gb18030", newline="") as text:
            writer = csv.DictWriter(text, rows[0].keys(), delimiter=";")
            writer.writeheader()
            writer.writerows(edited)

    def move(row):
        by = {giver.name: -100, taker.name: 100}.get(row["node"], 0)
        if by:
            units = round(float(row["target"]) * 100) + by
            row["target"] = f"{units // 100:,}.{units % 100:02}0"

    save(move)
    told = json.loads(ctl("import", name, table, "--dry-run", "--json"))
    checks.equal("what was changed", sorted((c["node"], c["field"]) for c in told["changes"]),
                 sorted([(giver.name, "target"), (taker.name, "target")]))
    checks.equal("nothing refused, nothing off", (told["refusalCount"], told["violationCount"], told["writtenVersion"]),
                 (0, 0, 0))
    ctl("import", name, table)
    ctl("import", name, table)
    now = {n.name: n.target_units for n in all_nodes(admin, name)}
    checks.equal("targets after the import", [now[n.name] - n.target_units for n in nodes if now[n.name] != n.target_units],
                 [-100, 100] if nodes.index(giver) < nodes.index(taker) else [100, -100])
    versions = admin.PlanService.ListPlanVersions(plan_pb2.ListPlanVersionsRequest(plan=name)).versions
    checks.equal("versions", [v.type for v in versions], ["plan.edited", "plan.copied"])

    def collide(row):
        if row["node"] == giver.name:
            row["target"] = "1.5E+0"
        if row["node"] == taker.name:
            row["target"] = "much"

    save(collide)
    told = json.loads(ctl("import", name, table, "--json", good=False))
    checks.equal("rows refused", [(r["column"], "meanwhile" in r["why"]) for r in told["refusals"]].count(("node", True)), 1)
    checks.equal("all of them at once", (told["refusalCount"], told["writtenVersion"]), (2, 0))

    say("the tree shows what became of 2017")
    tree = json.loads(ctl("tree", "revenue-2017", "--depth", "1", "--as-of", "2017-12-31", "--json"))
    progress = admin.ReportService.GetTargetProgress(report_pb2.GetTargetProgressRequest(
        name="plans/revenue-2017", as_of_date=date("2017-12-31"), depth=1, page_size=500))
    checks.equal("actual by node", [(n["node"], int(n["actualUnits"])) for n in tree["nodes"]],
                 [(row.node, row.actual) for row in progress.rows])


def run():
    checks = Checks()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="milepost-crm-"))
    known = os.environ.get("MILEPOST_CRM_DATA")
    try:
        directory = scratch / "data"
        if known:
            shutil.copytree(known, directory)
            for path in [directory, *directory.iterdir()]:
                path.chmod(0o755)
        else:
            directory.mkdir()
            crm_data.generate(directory)
        with Suite() as suite:
            profile = suite.profile("admin", "admin")
            admin = suite.client("admin", "admin")
            approver = suite.client("approver", "admin")
            figures = import_directory(suite, checks, directory, profile, scratch)
            check_reports(suite, checks, figures, admin, profile)
            check_records(checks, figures, admin)
            if known:
                check_known_figures(checks, figures, admin)
            check_plan(suite, checks, figures, admin, approver, profile)
            check_incentives(suite, checks, figures, admin, profile)
            check_round_trip(suite, checks, admin, profile, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return checks.finish()


if __name__ == "__main__":
    main(run)
