#!/usr/bin/python3
"""A year of targets beside the real reports: what a day's check, a commission statement, a scorecard and an action
plan say of a plan is what the orders of an imported directory make it, computed here from the files alone; and the
plan goes out to a table, is changed there and comes back."""

import csv
import pathlib
import shutil
import tempfile

import crm_data
from suite import Checks, Suite, date, days, main, new_id, say, year
from milepost.opportunity.v1 import order_pb2, product_pb2
from milepost.organization.v1 import member_pb2
from milepost.target.v1 import action_pb2, activity_pb2, incentive_pb2, node_pb2, plan_pb2, scorecard_pb2

PPM = 1_000_000
COMPANY = "units/crm"
PLAN = "plans/year-2017"


def rounded(numerator, denominator):
    """Half away from zero; neither is negative."""
    return (2 * numerator + denominator) // (2 * denominator)


class Sold:
    """What was sold, in minor units, by day."""

    def __init__(self, figures):
        self.rows = [(row["sales_agent"], row["product"], crm_data.us_date(row["close_date"]),
                      int(row["close_value"]) * 100) for row in figures.won]

    def sum(self, first, last, agent=None, product=None):
        return sum(value for who, what, day, value in self.rows
                   if str(day) >= first and str(day) <= last and agent in (None, who) and product in (None, what))

    def by_day(self, agent, first, last):
        totals = {}
        for who, _, day, value in self.rows:
            if who == agent and first <= str(day) <= last:
                totals[str(day)] = totals.get(str(day), 0) + value
        return totals


def make_plan(checks, admin, approver, agents, target):
    say("a plan of 2017: by member, by month, in force")
    admin.PlanService.CreatePlan(plan_pb2.CreatePlanRequest(
        plan_id="year-2017", request_id=new_id(), plan=plan_pb2.Plan(
            title="2017 年销售额", metric="metrics/revenue", period=year(2017), target_units=target, unit=COMPANY,
            visibility=plan_pb2.PUBLIC)))
    v1 = node_pb2
    leaves = v1.LeafSelection()
    for spec in (v1.SplitSpec(leaves=leaves, dimension=v1.MEMBER, even=v1.EvenMethod(), parts=v1.SplitParts(
                     parts=[v1.SplitPart(key=name) for name in agents.values()])),
                 v1.SplitSpec(leaves=leaves, dimension=v1.PERIOD, grain=v1.MONTH, even=v1.EvenMethod())):
        admin.NodeService.SplitNodes(v1.SplitNodesRequest(plan=PLAN, split=spec, request_id=new_id()))
    for step, who in (("Submit", admin), ("Approve", approver), ("Activate", approver)):
        getattr(who.PlanService, f"{step}Plan")(getattr(plan_pb2, f"{step}PlanRequest")(name=PLAN, request_id=new_id()))
    nodes, token = [], ""
    while True:
        page = admin.NodeService.ListNodes(v1.ListNodesRequest(plan=PLAN, page_size=500, page_token=token))
        nodes.extend(page.nodes)
        token = page.next_page_token
        if not token:
            break
    checks.equal("nodes", len(nodes), 1 + len(agents) * 13)
    return nodes


def months_of(nodes, member):
    """{month: node} of a member."""
    return {node.scope.period.first_date.month: node for node in nodes
            if node.dimension == node_pb2.PERIOD and node.scope.member == member}


def check_day(checks, admin, sold, agents, nodes, best):
    say("the daily check of a team in June, against the plan")
    answer = admin.ActivityService.CheckDay(activity_pb2.CheckDayRequest(
        scope=activity_pb2.ActivityScope(period=days("2017-06-01", "2017-06-30"), members=list(agents.values())),
        day=date("2017-06-15"), indicators=[activity_pb2.DayIndicator(metric="metrics/revenue", plan=PLAN)]))
    rows = {row.member: row for row in answer.indicators[0].members}
    for agent, member in agents.items():
        row = rows[member]
        checks.equal(f"June of {agent}: target", row.period_target, months_of(nodes, member)[6].target_units)
        checks.equal(f"15 June of {agent}", row.entry.actual, sold.sum("2017-06-15", "2017-06-15", agent))
        checks.equal(f"1 to 15 June of {agent}", row.cumulative_actual, sold.sum("2017-06-01", "2017-06-15", agent))
        checks.equal(f"what {agent} misses in June", row.remaining, max(
            0, row.period_target - sold.sum("2017-06-01", "2017-06-15", agent)))
    total = answer.indicators[0].total
    checks.equal("15 June of all", total.entry.actual, sold.sum("2017-06-15", "2017-06-15"))
    checks.true("some have sold by then", rows[agents[best]].cumulative_actual > 0)


def check_commission(checks, admin, sold, agents, best, client_of):
    say("commission of the second quarter: two marginal tiers, issued and recomputed")
    v1 = incentive_pb2
    member = agents[best]
    base = sold.sum("2017-04-01", "2017-06-30", best)
    step = base // 3
    admin.IncentiveService.CreateCommissionPlan(v1.CreateCommissionPlanRequest(
        commission_plan_id="reps-2017", request_id=new_id(), commission_plan=v1.CommissionPlan(
            title="2017 年销售提成", unit=COMPANY, plan=PLAN, members=list(agents.values()), period=year(2017),
            grain=node_pb2.QUARTER, terms=v1.CommissionTerms(
                base=v1.CommissionTerms.ORDERS, mode=v1.CommissionTerms.MARGINAL, measure=v1.CommissionTerms.AMOUNT,
                tiers=[v1.CommissionTerms.Tier(rate_ppm=10_000), v1.CommissionTerms.Tier(**{"from": step}, rate_ppm=30_000)],
                reversal=v1.CommissionTerms.PERIOD_OF_RETURN))))
    asked = dict(commission_plan="commissionPlans/reps-2017", member=member, date=date("2017-05-15"))
    computed = admin.IncentiveService.ComputeStatement(v1.ComputeStatementRequest(**asked))
    checks.equal("base of the statement", computed.base_units, base)
    checks.equal("facts of the statement", {str_date(f.date): f.amount_units for f in computed.facts},
                 sold.by_day(best, "2017-04-01", "2017-06-30"))
    wanted = rounded(step * 10_000, PPM) + rounded((base - step) * 30_000, PPM)
    checks.equal("payable", computed.payable_units, wanted)
    checks.true("each step is shown", len(computed.steps) >= 2, len(computed.steps))
    issued = admin.IncentiveService.IssueStatement(v1.IssueStatementRequest(
        statement_id="q2", content_hash=computed.content_hash, request_id=new_id(), **asked))
    checks.equal("what is issued is what was computed", issued.content_hash, computed.content_hash)
    checks.fails("the quarter again", lambda: admin.IncentiveService.IssueStatement(v1.IssueStatementRequest(
        request_id=new_id(), **asked)), "ALREADY_EXISTS")
    own = client_of(member)
    checks.equal("the member reads it", own.IncentiveService.GetStatement(
        v1.GetStatementRequest(name=issued.name)).payable_units, wanted)
    other = client_of(next(name for name in agents.values() if name != member))
    checks.fails("a colleague does not", lambda: other.IncentiveService.GetStatement(
        v1.GetStatementRequest(name=issued.name)), "NOT_FOUND")
    again = admin.IncentiveService.RecomputeStatement(v1.RecomputeStatementRequest(name=issued.name, newest_actuals=True))
    checks.equal("recomputed", (again.same, again.content_intact, len(again.differences)), (True, True, 0))
    return issued


def check_return(suite, checks, admin, figures, best, issued):
    say("an order of the quarter comes back: the issued statement stays, the next one takes it off")
    row = next(row for row in figures.won if row["sales_agent"] == best and
               "2017-04-01" <= str(crm_data.us_date(row["close_date"])) <= "2017-06-30")
    value = int(row["close_value"]) * 100
    listed = admin.OrderService.ListOrders(order_pb2.ListOrdersRequest(
        opportunity=f"opportunities/o-{row['opportunity_id'].lower()}"))
    order = listed.orders[0]
    admin.OrderService.ReturnOrder(order_pb2.ReturnOrderRequest(
        name=order.name, reason="质量问题", return_date=date("2017-08-01"), request_id=new_id(),
        lines=[order_pb2.ReversedLine(line_number=1, quantity=order.lines[0].quantity)]))
    suite.wait_caught_up()
    v1 = incentive_pb2
    stored = admin.IncentiveService.GetStatement(v1.GetStatementRequest(name=issued.name))
    checks.equal("the issued statement after the return", stored.content_hash, issued.content_hash)
    third = admin.IncentiveService.ComputeStatement(v1.ComputeStatementRequest(
        commission_plan="commissionPlans/reps-2017", member=issued.member, date=date("2017-08-15")))
    checks.equal("returned in the third quarter", sum(r.amount_units for r in third.returns), value)
    return value


def check_scorecard(checks, admin, approver, sold, agents, nodes, best, client_of):
    say("a scorecard of the second quarter: revenue measured, service rated, reviewed and acknowledged")
    v1 = scorecard_pb2
    member = agents[best]
    admin.ScorecardService.CreateScorecardTemplate(v1.CreateScorecardTemplateRequest(
        scorecard_template_id="reps", request_id=new_id(), scorecard_template=v1.ScorecardTemplate(
            title="销售考核", unit=COMPANY, kpis=[
                v1.Kpi(id="revenue", display_name="销售额", input=v1.Kpi.ATTAINMENT, weight_ppm=700_000,
                       metric="metrics/revenue", plan=PLAN, points=[v1.Kpi.Point(x=0, score_ppm=0),
                                                                    v1.Kpi.Point(x=PPM, score_ppm=PPM)]),
                v1.Kpi(id="service", display_name="服务", input=v1.Kpi.RATING, weight_ppm=300_000, min_rating=1,
                       max_rating=5, points=[v1.Kpi.Point(x=1, score_ppm=0), v1.Kpi.Point(x=5, score_ppm=PPM)])],
            grades=[v1.GradeBand(grade="B", from_ppm=0), v1.GradeBand(grade="A", from_ppm=800_000)])))
    card = admin.ScorecardService.CreateScorecard(v1.CreateScorecardRequest(
        scorecard_id="q2", request_id=new_id(), scorecard=v1.Scorecard(
            scorecard_template="scorecardTemplates/reps", member=member, period=days("2017-04-01", "2017-06-30"))))
    card = admin.ScorecardService.MeasureScorecard(v1.MeasureScorecardRequest(name=card.name, request_id=new_id()))
    result = card.results[0]
    months = months_of(nodes, member)
    checks.equal("target of the quarter", result.target_units, sum(months[m].target_units for m in (4, 5, 6)))
    checks.equal("revenue of the quarter", result.actual_units, sold.sum("2017-04-01", "2017-06-30", best))
    checks.fails("rating oneself", lambda: client_of(member, "manager").ScorecardService.RateScorecard(
        v1.RateScorecardRequest(name=card.name, request_id=new_id(), ratings=[
            v1.RateScorecardRequest.Rating(kpi="service", rating=5, comment="好")])), "PERMISSION_DENIED")
    card = admin.ScorecardService.RateScorecard(v1.RateScorecardRequest(name=card.name, request_id=new_id(), ratings=[
        v1.RateScorecardRequest.Rating(kpi="service", rating=4, comment="客户满意")]))
    attained = min(PPM, rounded(result.actual_units * PPM, result.target_units))
    total = rounded(attained * 700_000, PPM) + rounded(750_000 * 300_000, PPM)
    checks.true("the total is the weighted sum", abs(card.total_ppm - total) <= 2, (card.total_ppm, total))
    checks.equal("grade", card.grade, "A" if card.total_ppm >= 800_000 else "B")
    for step, who in (("Complete", admin), ("Review", approver), ("Acknowledge", client_of(member))):
        card = getattr(who.ScorecardService, f"{step}Scorecard")(
            getattr(v1, f"{step}ScorecardRequest")(name=card.name, request_id=new_id()))
    checks.equal("state", card.state, v1.Scorecard.ACKNOWLEDGED)


def check_action(checks, admin, sold, agents, best, product):
    say("an action plan for a product: what it was to bring, and what the orders say it did")
    v1 = action_pb2
    brought = sold.sum("2017-03-01", "2017-05-31", product=product[1])
    action = admin.ActionPlanService.CreateActionPlan(v1.CreateActionPlanRequest(
        action_id="push", request_id=new_id(), action_plan=v1.ActionPlan(
            node=f"{PLAN}/nodes/root", kind=v1.ActionPlan.PRODUCT, title="主推产品", reason="份额下降", owner=agents[best],
            place="全国", method="路演", period=days("2017-03-01", "2017-05-31"), expected_units=brought * 2,
            measure=v1.ActionPlan.Measure(product=product[0], baseline_units=100),
            milestones=[v1.ActionPlan.Milestone(id="kick-off", title="启动", due_date=date("2017-03-10")),
                        v1.ActionPlan.Milestone(id="review", title="复盘", due_date=date("2017-05-31"))])))
    admin.ActionPlanService.StartActionPlan(v1.StartActionPlanRequest(name=action.name, request_id=new_id()))
    admin.ActionPlanService.ReachMilestone(v1.ReachMilestoneRequest(
        name=action.name, milestone="kick-off", done_date=date("2017-03-15"), request_id=new_id()))
    track = admin.ActionPlanService.TrackActionPlan(v1.TrackActionPlanRequest(
        name=action.name, as_of_date=date("2017-12-31")))
    checks.equal("brought less the baseline", track.measured_units, brought - 100)
    checks.equal("the first milestone was late", {m.milestone: (m.done, m.late_days) for m in track.milestones}["kick-off"],
                 (True, 5))


def check_round_trip(suite, checks, admin, profile, scratch, agents, nodes, best):
    months = months_of(nodes, agents[best])
    moved = min(months[7].target_units, 1_000_000)
    for kind in ("csv", "xlsx"):
        say(f"the plan goes out as {kind}, and comes back")
        file = scratch / f"plan.{kind}"
        suite.ctl("target", "export", PLAN, f"--{kind}", file, profile=profile)
        checks.true(f"{kind} is there", file.stat().st_size > 1000)
        unchanged = suite.ctl("target", "import", PLAN, file, "--dry-run", profile=profile)
        checks.true(f"{kind} unchanged", "othing" in unchanged.stdout, unchanged.stdout)
    file = scratch / "plan.csv"
    with open(file, encoding="utf-8-sig", newline="") as text:
        table = list(csv.DictReader(text))
    columns = list(table[0])
    value = {7: months[7].target_units - moved, 8: months[8].target_units + moved}
    for row in table:
        for month in (7, 8):
            if row["node"] == months[month].name:
                row["target"] = f"{value[month] / 100:.2f}"
    with open(file, "w", encoding="utf-8-sig", newline="") as text:
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(table)
    before = admin.PlanService.GetPlan(plan_pb2.GetPlanRequest(name=PLAN)).plan_version
    shown = suite.ctl("target", "import", PLAN, file, "--dry-run", "--reason", "旺季后移", profile=profile)
    checks.true("the dry run names both months", all(months[m].name.rsplit("/", 1)[1] in shown.stdout for m in (7, 8)),
                shown.stdout)
    checks.equal("a dry run writes nothing", admin.PlanService.GetPlan(plan_pb2.GetPlanRequest(name=PLAN)).plan_version,
                 before)
    suite.ctl("target", "import", PLAN, file, "--reason", "旺季后移", profile=profile)
    for month in (7, 8):
        node = admin.NodeService.GetNode(node_pb2.GetNodeRequest(name=months[month].name))
        checks.equal(f"month {month} after the import", node.target_units, value[month])
    checks.equal("one version more", admin.PlanService.GetPlan(plan_pb2.GetPlanRequest(name=PLAN)).plan_version, before + 1)
    tree = suite.ctl("target", "tree", PLAN, "--depth", "1", profile=profile).stdout
    checks.true("the tree names members", best in tree, tree[:400])


def str_date(day):
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def run():
    checks = Checks()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="milepost-year-"))
    try:
        directory = scratch / "data"
        directory.mkdir()
        crm_data.generate(directory, opportunities=700)
        figures = crm_data.Figures(directory)
        sold = Sold(figures)
        with Suite() as suite:
            profile = suite.profile("admin", "admin")
            admin = suite.client("admin", "admin")
            approver = suite.client("approver", "admin")
            say("import a company")
            suite.ctl("import", "crm", directory, profile=profile)
            suite.wait_caught_up(60)
            listed = admin.MemberService.ListMembers(member_pb2.ListMembersRequest(page_size=500)).members
            agents = {m.display_name: m.name for m in listed if m.display_name in set(figures.agents)}
            checks.equal("members", len(agents), len(figures.agents))
            names = {}

            def client_of(member, *roles):
                key = (member, roles)
                if key not in names:
                    names[key] = suite.client(member.split("/")[1], *(roles or ("rep",)))
                return names[key]

            best = max(agents, key=lambda agent: sold.sum("2017-04-01", "2017-06-30", agent))
            nodes = make_plan(checks, admin, approver, agents, sold.sum("2017-01-01", "2017-12-31"))
            suite.wait_caught_up()
            check_day(checks, admin, sold, agents, nodes, best)
            issued = check_commission(checks, admin, sold, agents, best, client_of)
            check_scorecard(checks, admin, approver, sold, agents, nodes, best, client_of)
            products = {p.title: p.name for p in admin.ProductService.ListProducts(
                product_pb2.ListProductsRequest(page_size=500)).products}
            check_action(checks, admin, sold, agents, best, (products["RX Pro"], "RX Pro"))
            check_return(suite, checks, admin, figures, best, issued)
            check_round_trip(suite, checks, admin, profile, scratch, agents, nodes, best)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return checks.finish()


if __name__ == "__main__":
    main(run)
