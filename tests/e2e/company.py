"""A small company for tests: three teams in two offices, reps and their managers, two products, a process."""

import time

import grpc

from suite import CALL_SECONDS, date, money, new_id
from milepost.customer.v1 import customer_pb2
from milepost.opportunity.v1 import opportunity_pb2, process_pb2, product_pb2, source_pb2
from milepost.organization.v1 import member_pb2, unit_pb2

BEGIN = date("2015-01-01")
UNITS = (("company", "里程碑公司", "", unit_pb2.COMPANY), ("north", "华北", "units/company", unit_pb2.REGION),
         ("south", "华南", "units/company", unit_pb2.REGION), ("north-1", "华北一组", "units/north", unit_pb2.TEAM),
         ("north-2", "华北二组", "units/north", unit_pb2.TEAM), ("south-1", "华南一组", "units/south", unit_pb2.TEAM))
# (member, name, unit, unit it leads)
MEMBERS = (("director", "陈总监", "company", "company"), ("nora", "Nora North", "north", "north"),
           ("sam", "Sam South", "south", "south"), ("li-wei", "李伟", "north-1", ""), ("wang-fang", "王芳", "north-1", ""),
           ("zhao-lei", "赵磊", "north-2", ""), ("chen-jing", "陈静", "south-1", ""), ("huang-qiang", "黄强", "south-1", ""))
REPS = ("li-wei", "wang-fang", "zhao-lei", "chen-jing", "huang-qiang")


def until(what, done, seconds=20):
    """Waits until `done()` answers something true, through failures that pass."""
    deadline = time.monotonic() + seconds
    error = None
    while time.monotonic() < deadline:
        try:
            answer = done()
            if answer:
                return answer
        except grpc.RpcError as failed:
            error = failed
        time.sleep(0.05)
    raise RuntimeError(f"{what}: not within {seconds} s" + (f"; last: {error.details()}" if error else ""))


def make_organization(admin):
    for unit, name, parent, kind in UNITS:
        admin.UnitService.CreateUnit(unit_pb2.CreateUnitRequest(unit_id=unit, request_id=new_id(), unit=unit_pb2.Unit(
            display_name=name, kind=kind, parent=parent, start_date=BEGIN)))
    for member, name, unit, leads in MEMBERS:
        made = member_pb2.Member(display_name=name, unit=f"units/{unit}", start_date=BEGIN)
        if leads:
            made.manages.add(unit=f"units/{leads}", first_date=BEGIN)
        admin.MemberService.CreateMember(
            member_pb2.CreateMemberRequest(member_id=member, request_id=new_id(), member=made))


def make_catalogue(admin):
    for product, title, price in (("lathe", "数控车床", 180000), ("robot", "机械臂", 95000)):
        admin.ProductService.CreateProduct(product_pb2.CreateProductRequest(
            product_id=product, request_id=new_id(),
            product=product_pb2.Product(title=title, list_price=money(price), unit_cost=money(price * 0.7))))
    admin.SourceService.CreateSource(source_pb2.CreateSourceRequest(
        source_id="exhibition", request_id=new_id(), source=source_pb2.Source(title="展会")))
    stages = [process_pb2.Stage(stage_id=stage, title=title, expected_days=expected, win_probability_ppm=chance)
              for stage, title, expected, chance in (("contact", "初步接触", 10, 100000), ("needs", "需求确认", 20, 300000),
                                                     ("offer", "方案报价", 20, 500000), ("closing", "商务谈判", 15, 800000))]
    stages[1].milestones.add(milestone_id="needs-known", title="需求清单已确认")
    stages[2].required_fields.append(process_pb2.AMOUNT)
    admin.ProcessService.CreateProcess(process_pb2.CreateProcessRequest(
        process_id="direct", request_id=new_id(), process=process_pb2.Process(title="直销流程", stages=stages)))


def wait_known(suite, admin):
    """Until every service knows the members."""
    for rep in (REPS[-1],):
        until("customer-svc knows the members", lambda rep=rep: admin.CustomerService.CreateCustomer(
            customer_pb2.CreateCustomerRequest(
                customer_id="first-of-" + rep, request_id=new_id(), allow_duplicates=True,
                customer=customer_pb2.Customer(kind=customer_pb2.COMPANY, display_name="第一客户" + rep,
                                               owner="members/" + rep)), timeout=CALL_SECONDS))
        if "opportunity-svc" in suite.services:
            until("opportunity-svc knows the members", lambda rep=rep: admin.OpportunityService.CreateOpportunity(
                opportunity_pb2.CreateOpportunityRequest(
                    opportunity_id="first-of-" + rep, request_id=new_id(),
                    opportunity=opportunity_pb2.Opportunity(
                        title="第一商机", owner="members/" + rep, customer="customers/first-of-" + rep,
                        process="processes/direct"))))


def make(suite, admin):
    make_organization(admin)
    if "opportunity-svc" in suite.services:
        make_catalogue(admin)
    wait_known(suite, admin)
