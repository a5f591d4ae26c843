#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "milepost/organization/v1/calendar.grpc.pb.h"
#include "milepost/organization/v1/member.grpc.pb.h"
#include "milepost/organization/v1/unit.grpc.pb.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/activity.grpc.pb.h"
#include "milepost/target/v1/actual.grpc.pb.h"
#include "milepost/target/v1/commitment.grpc.pb.h"
#include "milepost/target/v1/drafting.grpc.pb.h"
#include "milepost/target/v1/funnel.grpc.pb.h"
#include "milepost/target/v1/letter.grpc.pb.h"
#include "milepost/target/v1/metric.grpc.pb.h"
#include "milepost/target/v1/node.grpc.pb.h"
#include "milepost/target/v1/plan.grpc.pb.h"
#include "milepost/target/v1/planning.grpc.pb.h"
#include "milepost/target/v1/setting.grpc.pb.h"
#include "milepost/target/v1/solve.grpc.pb.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"
#include "platform/types/proto.h"
#include "target-svc/service/activity_service.h"
#include "target-svc/service/actual_service.h"
#include "target-svc/service/calendar_service.h"
#include "target-svc/service/commitment_service.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/drafting_service.h"
#include "target-svc/service/funnel_service.h"
#include "target-svc/service/letter_service.h"
#include "target-svc/service/member_service.h"
#include "target-svc/service/metric_service.h"
#include "target-svc/service/node_service.h"
#include "target-svc/service/plan_service.h"
#include "target-svc/service/planning_service.h"
#include "target-svc/service/setting_service.h"
#include "target-svc/service/solve_service.h"
#include "target-svc/service/unit_service.h"
#include "target-svc/store/schema.h"

// A target-svc in the test's process with a company in it: the company led by zoe, below it west
// (led by mia) with anna and bert, and east (led by max) with eve; sam administers.
namespace milepost::target {

inline constexpr char kRequestId[] = "123e4567-e89b-12d3-a456-426614174000";
inline constexpr char kOtherRequestId[] = "123e4567-e89b-12d3-a456-426614174001";

// Actuals as the test says.
class FakeReports final : public reporting::v1::ReportService::Service {
 public:
  grpc::Status GetActuals(grpc::ServerContext*, const reporting::v1::GetActualsRequest* request,
                          reporting::v1::Actuals* response) override {
    requests.push_back(*request);
    if (!failure.ok()) return failure;
    response->set_currency_code("CNY");
    if (request->names_size() > 0) {
      for (const std::string& name : request->names()) {
        reporting::v1::Actuals::Row& row = *response->add_rows();
        row.mutable_group()->set_name(name);
        row.set_sum(by_name[name]);
        if (request->granularity() != reporting::v1::DAY) continue;
        for (absl::CivilDay day = Day(request->range().first_date());
             day <= Day(request->range().last_date()); ++day) {
          row.add_values(by_day[name][day]);
        }
      }
      return grpc::Status::OK;
    }
    reporting::v1::Actuals::Row& row = *response->add_rows();
    if (request->returns_apart()) {
      const std::string& name = request->filter().member();
      for (absl::CivilDay day = Day(request->range().first_date());
           day <= Day(request->range().last_date()); ++day) {
        row.add_values(by_day[name][day]);
      }
      row.mutable_returns()->Assign(returns[name].begin(), returns[name].end());
      return grpc::Status::OK;
    }
    for (const auto& [first, value] : by_month) {
      if (first < Day(request->range().first_date()) || Day(request->range().last_date()) < first)
        continue;
      row.set_sum(row.sum() + value);
      type::v1::DateRange& period = *response->add_periods();
      *period.mutable_first_date() = milepost::ToProto(first);
      *period.mutable_last_date() =
          milepost::ToProto(absl::CivilDay(absl::CivilMonth(first) + 1) - 1);
      row.add_values(value);
    }
    return grpc::Status::OK;
  }

  static absl::CivilDay Day(const type::v1::Date& date) {
    return absl::CivilDay(date.year(), date.month(), date.day());
  }

  std::map<std::string, int64_t> by_name;
  std::map<std::string, std::map<absl::CivilDay, int64_t>> by_day;             // Of a name.
  std::map<std::string, std::vector<reporting::v1::Actuals::Return>> returns;  // Of a member.
  std::map<absl::CivilDay, int64_t> by_month;
  std::vector<reporting::v1::GetActualsRequest> requests;
  grpc::Status failure;
};

class TargetTest : public ::testing::Test {
 protected:
  using Role = access::Role;
  struct Who {
    std::string member;
    std::vector<Role> roles;
  };

  // What a service is made of.
  struct Parts {
    rpc::Runner& runner;
    Directory& directory;
    std::shared_ptr<grpc::Channel> reports;
  };
  // Makes the services that only one test needs.
  using MakeServices =
      std::function<std::vector<std::unique_ptr<grpc::Service>>(const Parts& parts)>;

  explicit TargetTest(const MakeServices& make_more = nullptr)
      : host_(Migrations()),
        clock_{[this] { return host_.runner().now(); }, host_.runner().options().zone},
        directory_(clock_, host_.organization()),
        reports_channel_(StartReports()),
        unit_service_(host_.runner(), directory_),
        member_service_(host_.runner(), directory_),
        calendar_service_(host_.runner(), clock_),
        metric_service_(host_.runner(), clock_),
        plan_service_(host_.runner(), directory_, "CNY"),
        node_service_(host_.runner(), directory_,
                      reporting::v1::ReportService::NewStub(reports_channel_)),
        drafting_service_(host_.runner(), directory_),
        planning_service_(host_.runner()),
        commitment_service_(host_.runner(), directory_),
        letter_service_(host_.runner(), directory_),
        actual_service_(host_.runner(), directory_, "CNY"),
        setting_service_(host_.runner(), directory_,
                         reporting::v1::ReportService::NewStub(reports_channel_), "CNY"),
        activity_service_(host_.runner(), directory_,
                          reporting::v1::ReportService::NewStub(reports_channel_), "CNY"),
        funnel_service_(host_.runner(), directory_,
                        reporting::v1::ReportService::NewStub(reports_channel_)),
        solve_service_(host_.runner(), directory_,
                       reporting::v1::ReportService::NewStub(reports_channel_)) {
    if (make_more) more_services_ = make_more({host_.runner(), directory_, reports_channel_});
    std::vector<grpc::Service*> services{
        &unit_service_,     &member_service_, &calendar_service_, &metric_service_,
        &plan_service_,     &node_service_,   &planning_service_, &commitment_service_,
        &letter_service_,   &actual_service_, &setting_service_,  &solve_service_,
        &activity_service_, &funnel_service_, &drafting_service_};
    for (const std::unique_ptr<grpc::Service>& more : more_services_)
      services.push_back(more.get());
    host_.Start(services);
    units_ = organization::v1::UnitService::NewStub(host_.channel());
    members_ = organization::v1::MemberService::NewStub(host_.channel());
    calendars_ = organization::v1::CalendarService::NewStub(host_.channel());
    metrics_ = v1::MetricService::NewStub(host_.channel());
    plans_ = v1::PlanService::NewStub(host_.channel());
    nodes_ = v1::NodeService::NewStub(host_.channel());
    drafting_ = v1::DraftingService::NewStub(host_.channel());
    planning_ = v1::PlanningService::NewStub(host_.channel());
    commitments_ = v1::CommitmentService::NewStub(host_.channel());
    letters_ = v1::LetterService::NewStub(host_.channel());
    actuals_ = v1::ActualService::NewStub(host_.channel());
    settings_ = v1::SettingService::NewStub(host_.channel());
    activities_ = v1::ActivityService::NewStub(host_.channel());
    funnels_ = v1::FunnelService::NewStub(host_.channel());
    solver_ = v1::SolveService::NewStub(host_.channel());
    EXPECT_THAT(AddStandardRecords(host_.database().session(), clock_, nullptr), testing::IsOk());
    MakeUnit("company", "");
    MakeUnit("west", "company");
    MakeUnit("east", "company");
    MakeMember("zoe", "company", {"company"});
    MakeMember("mia", "west", {"west"});
    MakeMember("max", "east", {"east"});
    MakeMember("anna", "west", {});
    MakeMember("bert", "west", {});
    MakeMember("eve", "east", {});
    Refresh();
  }

  ~TargetTest() override { reports_server_->Shutdown(); }

  std::shared_ptr<grpc::Channel> StartReports() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&reports_);
    reports_server_ = builder.BuildAndStart();
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                               grpc::InsecureChannelCredentials());
  }

  // What the directory's thread does in the process.
  void Refresh() { EXPECT_THAT(directory_.Refresh(host_.database().session()), testing::IsOk()); }

  // With time enough for the largest call on a slow build.
  std::unique_ptr<grpc::ClientContext> As(const Who& who) {
    std::unique_ptr<grpc::ClientContext> context = host_.Call(who.member, who.roles);
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(100));
    return context;
  }

  // Calls one RPC: Do(&v1::PlanService::Stub::GetPlan, *plans_, who, request).
  template <typename Stub, typename Base, typename Request, typename Response>
  absl::StatusOr<Response> Do(grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              Stub& stub, const Who& who, const Request& request) {
    Response response;
    const std::unique_ptr<grpc::ClientContext> context = As(who);
    const grpc::Status status = (stub.*method)(context.get(), request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }

  static type::v1::DateRange Range(absl::CivilDay first, absl::CivilDay last) {
    type::v1::DateRange range;
    *range.mutable_first_date() = milepost::ToProto(first);
    *range.mutable_last_date() = milepost::ToProto(last);
    return range;
  }

  void MakeUnit(const std::string& id, const std::string& parent) {
    organization::v1::CreateUnitRequest request;
    request.set_unit_id(id);
    request.mutable_unit()->set_display_name("单位 " + id);
    request.mutable_unit()->set_kind(organization::v1::TEAM);
    if (!parent.empty()) request.mutable_unit()->set_parent("units/" + parent);
    *request.mutable_unit()->mutable_start_date() = milepost::ToProto(absl::CivilDay(2015, 1, 1));
    EXPECT_THAT(Do(&organization::v1::UnitService::Stub::CreateUnit, *units_, sam_, request),
                testing::IsOk());
  }

  void MakeMember(const std::string& id, const std::string& unit,
                  const std::vector<std::string>& leads) {
    organization::v1::CreateMemberRequest request;
    request.set_member_id(id);
    request.mutable_member()->set_display_name("成员 " + id);
    request.mutable_member()->set_unit("units/" + unit);
    request.mutable_member()->set_phone("13812345678");
    *request.mutable_member()->mutable_start_date() = milepost::ToProto(absl::CivilDay(2015, 1, 1));
    for (const std::string& led : leads) {
      organization::v1::ManagedUnit& line = *request.mutable_member()->add_manages();
      line.set_unit("units/" + led);
      *line.mutable_first_date() = milepost::ToProto(absl::CivilDay(2015, 1, 1));
    }
    EXPECT_THAT(Do(&organization::v1::MemberService::Stub::CreateMember, *members_, sam_, request),
                testing::IsOk());
  }

  v1::CreatePlanRequest PlanRequest(const std::string& id, int64_t target_units,
                                    const std::string& unit = "company") {
    v1::CreatePlanRequest request;
    request.set_plan_id(id);
    v1::Plan& plan = *request.mutable_plan();
    plan.set_title("2018 年销售额");
    plan.set_metric("metrics/revenue");
    *plan.mutable_period() = Range(absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 12, 31));
    plan.set_target_units(target_units);
    if (!unit.empty()) plan.set_unit("units/" + unit);
    return request;
  }

  v1::Plan MakePlan(const std::string& id, int64_t target_units,
                    const std::string& unit = "company") {
    const absl::StatusOr<v1::Plan> plan =
        Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, PlanRequest(id, target_units, unit));
    EXPECT_THAT(plan, testing::IsOk());
    return plan.ok() ? *plan : v1::Plan();
  }

  // Makes it a split along a dimension by weights; returns what it made.
  static v1::SplitSpec& Weighted(v1::SplitNodesRequest& request, v1::Dimension dimension,
                                 const std::vector<std::pair<std::string, int64_t>>& parts) {
    v1::SplitSpec& split = *request.mutable_split();
    split.set_dimension(dimension);
    for (const auto& [key, weight] : parts) {
      v1::SplitPart& part = *split.mutable_parts()->add_parts();
      part.set_key(key);
      part.set_weight(weight);
    }
    split.mutable_weights();
    return split;
  }

  // A split of the root, still without a dimension.
  static v1::SplitNodesRequest OfRoot(const std::string& plan) {
    v1::SplitNodesRequest request;
    request.set_plan("plans/" + plan);
    request.mutable_split()->mutable_nodes()->add_nodes("plans/" + plan + "/nodes/root");
    return request;
  }

  // What a split made, one parent after the other.
  static std::vector<v1::Node> Children(const absl::StatusOr<v1::SplitNodesResponse>& response) {
    std::vector<v1::Node> children;
    if (!response.ok()) return children;
    for (const v1::NodeSplit& split : response->splits()) {
      children.insert(children.end(), split.children().begin(), split.children().end());
    }
    return children;
  }

  // A split of the root, or of all leaves, along PERIOD.
  static v1::SplitNodesRequest SplitBy(const std::string& plan, v1::PeriodGrain grain,
                                       bool leaves = false) {
    v1::SplitNodesRequest request;
    request.set_plan("plans/" + plan);
    v1::SplitSpec& split = *request.mutable_split();
    if (leaves) {
      split.mutable_leaves();
    } else {
      split.mutable_nodes()->add_nodes("plans/" + plan + "/nodes/root");
    }
    split.set_dimension(v1::PERIOD);
    split.set_grain(grain);
    split.mutable_even();
    return request;
  }

  absl::StatusOr<v1::SplitNodesResponse> Split(const Who& who,
                                               const v1::SplitNodesRequest& request) {
    return Do(&v1::NodeService::Stub::SplitNodes, *nodes_, who, request);
  }

  // All nodes under a filter, page by page.
  std::vector<v1::Node> AllNodes(const Who& who, v1::ListNodesRequest request) {
    std::vector<v1::Node> nodes;
    while (true) {
      const absl::StatusOr<v1::ListNodesResponse> page =
          Do(&v1::NodeService::Stub::ListNodes, *nodes_, who, request);
      EXPECT_THAT(page, testing::IsOk());
      if (!page.ok()) return nodes;
      nodes.insert(nodes.end(), page->nodes().begin(), page->nodes().end());
      if (page->next_page_token().empty()) return nodes;
      request.set_page_token(page->next_page_token());
    }
  }

  std::vector<int64_t> Values(const std::vector<v1::Node>& nodes) {
    std::vector<int64_t> values;
    for (const v1::Node& node : nodes) values.push_back(node.target_units());
    return values;
  }

  v1::CheckPlanResponse Check(const std::string& plan) {
    v1::CheckPlanRequest request;
    request.set_name("plans/" + plan);
    const auto response = Do(&v1::PlanService::Stub::CheckPlan, *plans_, zoe_, request);
    EXPECT_THAT(response, testing::IsOk());
    return response.ok() ? *response : v1::CheckPlanResponse();
  }

  // Verbs without other arguments.
  template <typename Request, typename Method>
  absl::StatusOr<v1::Plan> Verb(Method method, const Who& who, const std::string& plan,
                                Request request = {}) {
    request.set_name("plans/" + plan);
    return Do(method, *plans_, who, request);
  }
  absl::StatusOr<v1::Plan> Submit(const Who& who, const std::string& plan) {
    return Verb<v1::SubmitPlanRequest>(&v1::PlanService::Stub::SubmitPlan, who, plan);
  }
  absl::StatusOr<v1::Plan> Approve(const Who& who, const std::string& plan) {
    return Verb<v1::ApprovePlanRequest>(&v1::PlanService::Stub::ApprovePlan, who, plan);
  }
  absl::StatusOr<v1::Plan> Activate(const Who& who, const std::string& plan) {
    return Verb<v1::ActivatePlanRequest>(&v1::PlanService::Stub::ActivatePlan, who, plan);
  }

  const Who sam_{"sam", {Role::kAdmin}};
  const Who zoe_{"zoe", {Role::kManager}};
  const Who mia_{"mia", {Role::kManager}};
  const Who max_{"max", {Role::kManager}};
  const Who anna_{"anna", {Role::kRep}};
  const Who bert_{"bert", {Role::kRep}};
  const Who eve_{"eve", {Role::kRep}};
  const Who ann_{"ann", {Role::kAnalyst}};

  testing::ServiceHost host_;
  Clock clock_;
  Directory directory_;
  FakeReports reports_;
  std::unique_ptr<grpc::Server> reports_server_;
  std::shared_ptr<grpc::Channel> reports_channel_;
  UnitService unit_service_;
  MemberService member_service_;
  CalendarService calendar_service_;
  MetricService metric_service_;
  PlanService plan_service_;
  NodeService node_service_;
  DraftingService drafting_service_;
  PlanningService planning_service_;
  CommitmentService commitment_service_;
  LetterService letter_service_;
  ActualService actual_service_;
  SettingService setting_service_;
  ActivityService activity_service_;
  FunnelService funnel_service_;
  SolveService solve_service_;
  std::vector<std::unique_ptr<grpc::Service>> more_services_;
  std::unique_ptr<organization::v1::UnitService::Stub> units_;
  std::unique_ptr<organization::v1::MemberService::Stub> members_;
  std::unique_ptr<organization::v1::CalendarService::Stub> calendars_;
  std::unique_ptr<v1::MetricService::Stub> metrics_;
  std::unique_ptr<v1::PlanService::Stub> plans_;
  std::unique_ptr<v1::NodeService::Stub> nodes_;
  std::unique_ptr<v1::DraftingService::Stub> drafting_;
  std::unique_ptr<v1::PlanningService::Stub> planning_;
  std::unique_ptr<v1::CommitmentService::Stub> commitments_;
  std::unique_ptr<v1::LetterService::Stub> letters_;
  std::unique_ptr<v1::ActualService::Stub> actuals_;
  std::unique_ptr<v1::SettingService::Stub> settings_;
  std::unique_ptr<v1::ActivityService::Stub> activities_;
  std::unique_ptr<v1::FunnelService::Stub> funnels_;
  std::unique_ptr<v1::SolveService::Stub> solver_;
};

}  // namespace milepost::target
