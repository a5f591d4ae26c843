#include "cli/demo.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/text.h"
#include "milepost/customer/v1/interaction.grpc.pb.h"
#include "milepost/organization/v1/calendar.grpc.pb.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/node.grpc.pb.h"
#include "milepost/target/v1/plan.grpc.pb.h"
#include "platform/rpc/status.h"
#include "platform/types/proto.h"

namespace milepost::cli {
namespace {

constexpr char kCurrency[] = "CNY";
// Its ids begin with `demo`, so that another company finds its own free. The one process that
// opportunities get if they name none has a fixed id.
constexpr char kCompany[] = "units/demo";
constexpr char kCalendar[] = "calendars/demo";
constexpr char kProcess[] = "processes/standard";
constexpr int kTeamsPerRegion = 2;
constexpr int kMembersPerTeam = 5;
constexpr int64_t kOpportunitiesPerCustomer = 8;
constexpr absl::Duration kReportWait = absl::Seconds(60);

struct Named {
  const char* id;
  const char* name;
};
constexpr std::array<Named, 5> kRegions = {{{"north-east", "东北大区"},
                                            {"north", "华北大区"},
                                            {"east", "华东大区"},
                                            {"south", "华南大区"},
                                            {"central", "华中大区"}}};
constexpr std::array<const char*, 20> kSurnames = {"王", "李", "张", "刘", "陈", "杨", "赵",
                                                   "黄", "周", "吴", "徐", "孙", "胡", "朱",
                                                   "高", "林", "何", "郭", "马", "罗"};
constexpr std::array<const char*, 20> kGivenNames = {"伟", "芳", "娜", "敏", "静", "丽", "强",
                                                     "磊", "军", "洋", "勇", "艳", "杰", "娟",
                                                     "涛", "明", "超", "霞", "平", "刚"};
constexpr std::array<const char*, 12> kCities = {"沈阳", "大连", "北京", "天津", "上海", "杭州",
                                                 "南京", "广州", "深圳", "武汉", "长沙", "郑州"};
constexpr std::array<const char*, 16> kWords = {"华信", "中天", "恒泰", "明达", "金石", "东升",
                                                "新宇", "瑞丰", "远航", "博雅", "联创", "鼎盛",
                                                "宏图", "正大", "康源", "百川"};
constexpr std::array<Named, 6> kIndustries = {{{"machinery", "机械"},
                                               {"software", "软件"},
                                               {"medical", "医疗器械"},
                                               {"retail", "商贸"},
                                               {"energy", "能源"},
                                               {"logistics", "物流"}}};
struct DemoProduct {
  const char* id;
  const char* name;
  const char* line;
  const char* line_name;
  int64_t price_yuan;
};
constexpr std::array<DemoProduct, 6> kProducts = {
    {{"lathe-a", "数控车床 A 型", "machines", "机床", 180'000},
     {"lathe-b", "数控车床 B 型", "machines", "机床", 320'000},
     {"robot-arm", "六轴机械臂", "robots", "机器人", 95'000},
     {"robot-cart", "搬运小车", "robots", "机器人", 42'000},
     {"care-basic", "基础维保", "services", "服务", 8'000},
     {"care-full", "全包维保", "services", "服务", 26'000}}};
constexpr std::array<Named, 5> kSources = {{{"website", "官网"},
                                            {"exhibition", "展会"},
                                            {"referral", "老客户推荐"},
                                            {"cold-call", "电话拓展"},
                                            {"partner", "渠道伙伴"}}};
constexpr std::array<const char*, 4> kWinReasons = {"price", "product-fit", "service",
                                                    "relationship"};
constexpr std::array<const char*, 4> kLossReasons = {"price", "competitor", "no-budget",
                                                     "no-decision"};
struct DemoStage {
  const char* id;
  const char* title;
  int expected_days;
  int64_t win_probability_ppm;
};
constexpr std::array<DemoStage, 4> kStages = {{{"prospecting", "初步接触", 10, 100'000},
                                               {"engaging", "需求确认", 20, 300'000},
                                               {"proposal", "方案报价", 20, 500'000},
                                               {"negotiation", "商务谈判", 15, 800'000}}};

// Numbers that depend on nothing but what they are for: the same on every machine and however often
// they are asked for.
uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9E3779B97F4A7C15u + b * 0xC2B2AE3D27D4EB4Fu + 0x165667B19E3779F9u;
  x ^= x >> 31;
  x *= 0xBF58476D1CE4E5B9u;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}
int64_t Pick(uint64_t what, int64_t index, int64_t below) {
  return static_cast<int64_t>(Mix(what, static_cast<uint64_t>(index)) %
                              static_cast<uint64_t>(below));
}

void SetYear(int64_t year, type::v1::DateRange* range) {
  *range->mutable_first_date() = ToProto(absl::CivilDay(year, 1, 1));
  *range->mutable_last_date() = ToProto(absl::CivilDay(year, 12, 31));
}

constexpr int kMembers = static_cast<int>(kRegions.size()) * kTeamsPerRegion * kMembersPerTeam;

std::string Own(const std::string& id) { return absl::StrCat("demo-", id); }
std::string Own(const char* collection, const std::string& id) {
  return absl::StrCat(collection, "/", Own(id));
}
std::string MemberName(int index) { return Own("members", absl::StrFormat("rep-%02d", index + 1)); }
int RegionOf(int member) { return member / (kTeamsPerRegion * kMembersPerTeam); }
std::string PersonName(int index) {
  return absl::StrCat(kSurnames[static_cast<size_t>(Pick(1, index, kSurnames.size()))],
                      kGivenNames[static_cast<size_t>(Pick(2, index, kGivenNames.size()))],
                      kGivenNames[static_cast<size_t>(Pick(3, index, kGivenNames.size()))]);
}

void AddOrganization(absl::CivilDay begin, Dataset& data) {
  const auto add_unit = [&](const std::string& name, const std::string& display_name,
                            const std::string& parent, organization::v1::UnitKind kind,
                            const std::string& region) {
    auto& row = data.units.emplace_back();
    row.set_line(static_cast<int64_t>(data.units.size()));
    row.mutable_unit()->set_name(name);
    row.mutable_unit()->set_display_name(display_name);
    row.mutable_unit()->set_parent(parent);
    row.mutable_unit()->set_kind(kind);
    row.mutable_unit()->set_region(region);
    *row.mutable_unit()->mutable_start_date() = ToProto(begin);
  };
  const auto add_member = [&](const std::string& name, const std::string& display_name,
                              const std::string& unit, const std::string& title,
                              const std::string& manages) {
    auto& row = data.members.emplace_back();
    row.set_line(static_cast<int64_t>(data.members.size()));
    row.mutable_member()->set_name(name);
    row.mutable_member()->set_display_name(display_name);
    row.mutable_member()->set_unit(unit);
    row.mutable_member()->set_job_title(title);
    *row.mutable_member()->mutable_start_date() = ToProto(begin);
    if (!manages.empty()) {
      auto* managed = row.mutable_member()->add_manages();
      managed->set_unit(manages);
      *managed->mutable_first_date() = ToProto(begin);
    }
  };
  add_unit(kCompany, "里程碑机电集团", "", organization::v1::COMPANY, "");
  add_member(Own("members", "director"), "陈总监", kCompany, "销售总监", kCompany);
  int member = 0;
  for (size_t r = 0; r < kRegions.size(); ++r) {
    const std::string region = Own(kRegions[r].id);
    const std::string unit = Own("units", kRegions[r].id);
    add_unit(unit, kRegions[r].name, kCompany, organization::v1::REGION, region);
    add_member(Own("members", absl::StrCat("manager-", kRegions[r].id)),
               PersonName(1000 + static_cast<int>(r)), unit, "大区经理", unit);
    for (int t = 0; t < kTeamsPerRegion; ++t) {
      const std::string team = absl::StrCat(unit, "-", t + 1);
      add_unit(team, absl::StrFormat("%s%d组", std::string(kRegions[r].name).substr(0, 6), t + 1),
               unit, organization::v1::TEAM, region);
      for (int m = 0; m < kMembersPerTeam; ++m, ++member) {
        add_member(MemberName(member), PersonName(member), team, "客户经理", "");
      }
    }
  }
}

void AddCatalogue(Dataset& data) {
  for (const DemoProduct& product : kProducts) {
    auto& row = data.products.emplace_back();
    row.set_line(static_cast<int64_t>(data.products.size()));
    row.mutable_product()->set_name(Own("products", product.id));
    row.mutable_product()->set_title(product.name);
    row.mutable_product()->set_product_line(Own("productLines", product.line));
    row.set_product_line_title(product.line_name);
    row.mutable_product()->mutable_list_price()->set_currency_code(kCurrency);
    row.mutable_product()->mutable_list_price()->set_minor_units(product.price_yuan * 100);
    row.mutable_product()->mutable_unit_cost()->set_currency_code(kCurrency);
    row.mutable_product()->mutable_unit_cost()->set_minor_units(product.price_yuan * 70);
  }
  for (const Named& source : kSources) {
    auto& row = data.sources.emplace_back();
    row.set_line(static_cast<int64_t>(data.sources.size()));
    row.mutable_source()->set_name(Own("sources", source.id));
    row.mutable_source()->set_title(source.name);
  }
  auto& process = data.processes.emplace_back();
  process.set_name(kProcess);
  process.set_title("标准销售流程");
  for (const DemoStage& stage : kStages) {
    auto* added = process.add_stages();
    added->set_stage_id(stage.id);
    added->set_title(stage.title);
    added->set_expected_days(stage.expected_days);
    added->set_win_probability_ppm(stage.win_probability_ppm);
  }
}

void AddCustomers(int64_t count, Dataset& data) {
  for (int64_t i = 0; i < count; ++i) {
    auto& row = data.customers.emplace_back();
    row.set_line(i + 1);
    auto& customer = *row.mutable_customer();
    const int member = static_cast<int>(Pick(10, i, kMembers));
    const Named& industry = kIndustries[static_cast<size_t>(Pick(11, i, kIndustries.size()))];
    customer.set_name(absl::StrFormat("customers/demo-%07d", i + 1));
    customer.set_kind(customer::v1::COMPANY);
    customer.set_display_name(
        absl::StrCat(kCities[static_cast<size_t>(Pick(12, i, kCities.size()))],
                     kWords[static_cast<size_t>(Pick(13, i, kWords.size()))],
                     kWords[static_cast<size_t>(Pick(14, i, kWords.size()))], industry.name,
                     i < 256 ? "" : absl::StrCat(i + 1), "有限公司"));
    customer.set_industry(industry.id);
    customer.set_region(Own(kRegions[static_cast<size_t>(RegionOf(member))].id));
    customer.set_channel(static_cast<customer::v1::Channel>(1 + Pick(15, i, 4)));
    customer.set_source(
        Own("sources", kSources[static_cast<size_t>(Pick(16, i, kSources.size()))].id));
    customer.set_owner(MemberName(member));
  }
}

void AddOpportunities(const DemoOptions& options, int64_t customers, absl::CivilDay begin,
                      Dataset& data) {
  const int64_t days = absl::CivilDay(options.today.year() + 1, 1, 1) - begin;
  for (int64_t i = 0; i < options.opportunities; ++i) {
    // Opened evenly over both years; what lies in the future is not there yet.
    const absl::CivilDay opened = begin + i * days / options.opportunities;
    if (opened > options.today) break;
    const int64_t customer = Pick(20, i, customers);
    const int member = static_cast<int>(Pick(10, customer, kMembers));
    const DemoProduct& product = kProducts[static_cast<size_t>(Pick(21, i, kProducts.size()))];
    auto& row = data.opportunities.emplace_back();
    row.set_line(i + 1);
    row.set_name(absl::StrFormat("opportunities/demo-%d-%08d", begin.year(), i + 1));
    row.set_title(
        absl::StrCat(data.customers[static_cast<size_t>(customer)].customer().display_name(), " ",
                     product.name));
    row.set_customer(data.customers[static_cast<size_t>(customer)].customer().name());
    row.set_owner(MemberName(member));
    row.set_process(kProcess);
    row.set_product(Own("products", product.id));
    row.set_source(Own("sources", kSources[static_cast<size_t>(Pick(22, i, kSources.size()))].id));
    row.set_region(Own(kRegions[static_cast<size_t>(RegionOf(member))].id));
    row.set_channel(absl::AsciiStrToLower(customer::v1::Channel_Name(
        data.customers[static_cast<size_t>(customer)].customer().channel())));
    row.mutable_amount()->set_currency_code(kCurrency);
    row.mutable_amount()->set_minor_units(product.price_yuan * 100 * (1 + Pick(23, i, 3)) *
                                          (90 + Pick(24, i, 21)) / 100);
    *row.mutable_create_date() = ToProto(opened);
    *row.mutable_open_date() = ToProto(opened);
    // It goes through the stages until it is won, lost, or today comes.
    const int64_t fate = Pick(25, i, 100);  // Below 55 won, below 90 lost, else it stays open.
    const size_t lost_in = static_cast<size_t>(Pick(26, i, kStages.size()));
    absl::CivilDay day = opened;
    size_t stage = 0;
    bool closed = false;
    for (size_t s = 0; s < kStages.size(); ++s) {
      stage = s;
      auto* entry = row.add_stage_entries();
      entry->set_stage(kStages[s].id);
      *entry->mutable_enter_date() = ToProto(day);
      day += 1 + Pick(30 + s, i, kStages[s].expected_days * 2);
      if (day > options.today) break;
      const bool won = fate < 55 && s + 1 == kStages.size();
      const bool lost = fate >= 55 && fate < 90 && s == lost_in;
      if (won || lost) {
        row.set_state(won ? opportunity::v1::WON : opportunity::v1::LOST);
        row.set_close_reason(won ? kWinReasons[static_cast<size_t>(Pick(27, i, 4))]
                                 : kLossReasons[static_cast<size_t>(Pick(28, i, 4))]);
        *row.mutable_close_date() = ToProto(day);
        closed = true;
        break;
      }
    }
    row.set_stage(kStages[stage].id);
    if (!closed) {
      row.set_state(opportunity::v1::OPEN);
      *row.mutable_expected_close_date() = ToProto(options.today + 10 + Pick(29, i, 50));
    }
  }
}

absl::Status MakeCalendar(Client& client, int64_t year) {
  const auto stub =
      organization::v1::CalendarService::NewStub(client.ChannelOf("milepost.organization.v1"));
  organization::v1::CreateCalendarRequest request;
  request.set_calendar_id("demo");
  request.set_request_id(NewUuid());
  auto& calendar = *request.mutable_calendar();
  calendar.set_display_name("中国大陆工作日历");
  for (int weekday = 0; weekday < 7; ++weekday)
    calendar.add_weekday_weights_ppm(weekday < 5 ? 1'000'000 : 0);
  const auto holiday = [&](int month, int first, int last, const char* name) {
    for (int day = first; day <= last; ++day) {
      auto* special = calendar.add_special_days();
      *special->mutable_date() = ToProto(absl::CivilDay(year, month, day));
      special->set_kind(organization::v1::HOLIDAY);
      special->set_display_name(name);
    }
  };
  holiday(1, 1, 1, "元旦");
  holiday(5, 1, 3, "劳动节");
  holiday(10, 1, 7, "国庆节");
  // The first weekend day after the long holiday is worked instead.
  for (absl::CivilDay day(year, 10, 8);; ++day) {
    if (absl::GetWeekday(day) != absl::Weekday::saturday) continue;
    auto* special = calendar.add_special_days();
    *special->mutable_date() = ToProto(day);
    special->set_kind(organization::v1::WORKING_DAY);
    special->set_stands_in_for(organization::v1::FRIDAY);
    special->set_display_name("国庆调休上班");
    break;
  }
  organization::v1::Calendar made;
  const grpc::Status status =
      stub->CreateCalendar(client.Context(absl::Seconds(30)).get(), request, &made);
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return absl::OkStatus();
  return rpc::FromGrpcStatus(status);
}

// Waits until the reports know the facts that the plan's shares are taken from.
absl::Status WaitForReports(Client& client) {
  const auto stub =
      reporting::v1::ReportService::NewStub(client.ChannelOf("milepost.reporting.v1"));
  const absl::Time give_up = absl::Now() + kReportWait;
  for (;;) {
    reporting::v1::GetFunnelRequest request;
    request.mutable_filter()->set_unit(kCompany);
    reporting::v1::FunnelReport report;
    const grpc::Status status =
        stub->GetFunnel(client.Context(absl::Seconds(10)).get(), request, &report);
    bool current = status.ok() && report.total().opened() > 0;
    for (const auto& source : report.freshness().sources()) {
      current = current && source.position() >= source.head_position();
    }
    if (current) return absl::OkStatus();
    if (absl::Now() > give_up) {
      return status.ok()
                 ? absl::UnavailableError("the reports are still behind the imports; try again")
                 : rpc::FromGrpcStatus(status);
    }
    absl::SleepFor(absl::Milliseconds(300));
  }
}

absl::Status MakePlan(Client& client, Client& approver, const DemoOptions& options) {
  const int64_t year = options.today.year();
  const std::string id = Own(absl::StrCat("revenue-", year));
  const std::string name = absl::StrCat("plans/", id);
  const auto plans = target::v1::PlanService::NewStub(client.ChannelOf("milepost.target.v1"));
  const auto nodes = target::v1::NodeService::NewStub(client.ChannelOf("milepost.target.v1"));
  const auto approvals = target::v1::PlanService::NewStub(approver.ChannelOf("milepost.target.v1"));

  // Last year's revenue and a tenth more.
  const auto reports =
      reporting::v1::ReportService::NewStub(client.ChannelOf("milepost.reporting.v1"));
  reporting::v1::GetRevenueRequest history;
  SetYear(year - 1, history.mutable_range());
  history.mutable_filter()->set_unit(kCompany);
  reporting::v1::RevenueReport revenue;
  grpc::Status status =
      reports->GetRevenue(client.Context(absl::Seconds(30)).get(), history, &revenue);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  constexpr int64_t kTenThousandYuan = 1'000'000;
  const int64_t last_year = revenue.total().sum().revenue();
  const int64_t root =
      (last_year + last_year / 10 + kTenThousandYuan) / kTenThousandYuan * kTenThousandYuan;

  target::v1::CreatePlanRequest create;
  create.set_plan_id(id);
  create.set_request_id(NewUuid());
  auto& plan = *create.mutable_plan();
  plan.set_title(absl::StrCat(year, " 年销售收入目标"));
  plan.set_metric("metrics/revenue");
  SetYear(year, plan.mutable_period());
  plan.set_target_units(root);
  plan.set_currency_code(kCurrency);
  plan.set_visibility(target::v1::PUBLIC);
  plan.set_unit(kCompany);
  plan.set_calendar(kCalendar);
  target::v1::Plan made;
  status = plans->CreatePlan(client.Context(absl::Seconds(30)).get(), create, &made);
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) {
    target::v1::GetPlanRequest get;
    get.set_name(name);
    status = plans->GetPlan(client.Context(absl::Seconds(30)).get(), get, &made);
  }
  if (!status.ok()) return rpc::FromGrpcStatus(status);

  const auto split = [&](target::v1::SplitSpec spec) {
    target::v1::SplitNodesRequest request;
    request.set_plan(name);
    request.set_request_id(NewUuid());
    spec.mutable_leaves();
    *request.mutable_split() = std::move(spec);
    target::v1::SplitNodesResponse response;
    return nodes->SplitNodes(client.Context(absl::Seconds(60)).get(), request, &response);
  };
  if (made.state() == target::v1::DRAFT) {
    // A draft that an earlier run left half done starts again from its root.
    if (made.node_count() > 1) {
      target::v1::DeletePlanRequest remove;
      remove.set_name(name);
      remove.set_request_id(NewUuid());
      google::protobuf::Empty empty;
      status = plans->DeletePlan(client.Context(absl::Seconds(60)).get(), remove, &empty);
      if (!status.ok()) return rpc::FromGrpcStatus(status);
      create.set_request_id(NewUuid());
      status = plans->CreatePlan(client.Context(absl::Seconds(30)).get(), create, &made);
      if (!status.ok()) return rpc::FromGrpcStatus(status);
    }
    const auto history_method = [&](target::v1::SplitSpec& spec) {
      auto* reference = spec.mutable_history()->add_reference_periods();
      SetYear(year - 1, reference->mutable_period());
      reference->set_mix_weight(1);
      spec.mutable_history()->set_even_without_history(true);
    };
    target::v1::SplitSpec quarters;
    quarters.set_dimension(target::v1::PERIOD);
    quarters.set_grain(target::v1::QUARTER);
    history_method(quarters);
    target::v1::SplitSpec units;
    units.set_dimension(target::v1::UNIT);
    units.set_organization(target::v1::CHILD_UNITS);
    history_method(units);
    target::v1::SplitSpec members;
    members.set_dimension(target::v1::MEMBER);
    members.set_organization(target::v1::DIRECT_MEMBERS);
    history_method(members);
    target::v1::SplitSpec months;
    months.set_dimension(target::v1::PERIOD);
    months.set_grain(target::v1::MONTH);
    months.mutable_working_calendar()->set_calendar(kCalendar);
    // Company by quarter; regions; teams; members; months.
    for (const auto& spec : {quarters, units, units, members, months}) {
      status = split(spec);
      if (!status.ok()) return rpc::FromGrpcStatus(status);
    }
    target::v1::SubmitPlanRequest submit;
    submit.set_name(name);
    submit.set_request_id(NewUuid());
    status = plans->SubmitPlan(client.Context(absl::Seconds(60)).get(), submit, &made);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
  }
  if (made.state() == target::v1::SUBMITTED) {
    target::v1::ApprovePlanRequest approve;
    approve.set_name(name);
    approve.set_request_id(NewUuid());
    status = approvals->ApprovePlan(approver.Context(absl::Seconds(60)).get(), approve, &made);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
  }
  if (made.state() == target::v1::APPROVED) {
    target::v1::ActivatePlanRequest activate;
    activate.set_name(name);
    activate.set_request_id(NewUuid());
    status = approvals->ActivatePlan(approver.Context(absl::Seconds(60)).get(), activate, &made);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
  }
  std::printf("Plan %s: %s, %s, %lld nodes, %s.\n", name.c_str(), made.title().c_str(),
              FormatMoney(made.target_units(), ChineseLocale()).c_str(),
              static_cast<long long>(made.node_count()),
              target::v1::PlanState_Name(made.state()).c_str());
  return absl::OkStatus();
}

}  // namespace

Dataset DemoCompany(const DemoOptions& options) {
  Dataset data;
  const absl::CivilDay begin(options.today.year() - 1, 1, 1);
  const int64_t customers = std::max<int64_t>(1, options.opportunities / kOpportunitiesPerCustomer);
  AddOrganization(begin, data);
  AddCatalogue(data);
  AddCustomers(customers, data);
  AddOpportunities(options, customers, begin, data);
  return data;
}

absl::Status LoadDemo(Client& client, Client& approver, const DemoOptions& options) {
  const absl::StatusOr<LoadResult> loaded = Load(client, DemoCompany(options));
  if (!loaded.ok()) return loaded.status();
  PrintLoad(*loaded, {}, /*all=*/false);
  if (absl::Status status = MakeCalendar(client, options.today.year()); !status.ok()) return status;
  if (absl::Status status = WaitForReports(client); !status.ok()) return status;
  return MakePlan(client, approver, options);
}

}  // namespace milepost::cli
