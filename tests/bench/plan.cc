#include "tests/bench/plan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/loader.h"
#include "milepost/target/v1/node.grpc.pb.h"
#include "milepost/target/v1/plan.grpc.pb.h"
#include "platform/rpc/status.h"
#include "platform/types/proto.h"

namespace milepost::bench {
namespace {

constexpr char kCompany[] = "units/large";
constexpr char kPlan[] = "plans/large";
constexpr int kYear = 2018;
constexpr int64_t kDays = 365;
constexpr int64_t kTarget = 1'200'000'000'00;  // Minor units.
constexpr int64_t kNewTarget = 1'320'000'000'07;
constexpr int64_t kLeavesPerMember = 1'000;
constexpr int64_t kNodesPerSplit = 50'000;  // What one call may create.
constexpr const char* kProducts[] = {"alpha", "beta", "gamma"};
constexpr int64_t kProductCount = 3;

cli::Dataset Company(int64_t members) {
  cli::Dataset data;
  const absl::CivilDay begin(kYear - 1, 1, 1);
  auto& company = data.units.emplace_back();
  company.set_line(1);
  company.mutable_unit()->set_name(kCompany);
  company.mutable_unit()->set_display_name("大计划公司");
  company.mutable_unit()->set_kind(organization::v1::COMPANY);
  *company.mutable_unit()->mutable_start_date() = ToProto(begin);
  for (int64_t i = 0; i < members; ++i) {
    auto& row = data.members.emplace_back();
    row.set_line(i + 1);
    row.mutable_member()->set_name(absl::StrCat("members/large-", i));
    row.mutable_member()->set_display_name(absl::StrCat("销售 ", i));
    row.mutable_member()->set_unit(kCompany);
    *row.mutable_member()->mutable_start_date() = ToProto(begin);
  }
  return data;
}

class LargePlan {
 public:
  LargePlan(cli::Client& client, const std::function<void(const std::string&)>& say)
      : client_(client),
        say_(say),
        plans_(target::v1::PlanService::NewStub(client.ChannelOf("", "target"))),
        nodes_(target::v1::NodeService::NewStub(client.ChannelOf("", "target"))) {}

  absl::StatusOr<std::vector<PlanStep>> Run(int64_t leaves) {
    const int64_t members = std::max<int64_t>(1, leaves / kLeavesPerMember);
    say_(absl::StrCat("load ", members, " members"));
    const auto loaded = cli::Load(client_, Company(members));
    if (!loaded.ok()) return loaded.status();
    for (const auto& step :
         {&LargePlan::Create, &LargePlan::SplitByMember, &LargePlan::SplitByProduct}) {
      if (absl::Status s = (this->*step)(members); !s.ok()) return s;
    }
    // Each member's products have their days, until there are leaves enough.
    const int64_t with_days = std::clamp<int64_t>(
        (leaves - members * kProductCount) / (kProductCount * (kDays - 1)), 1, members);
    if (absl::Status s = SplitByDay(with_days); !s.ok()) return s;
    if (absl::Status s = Read(); !s.ok()) return s;
    if (absl::Status s = Check(); !s.ok()) return s;
    if (absl::Status s = AdjustRoot(); !s.ok()) return s;
    if (absl::Status s = Undo(); !s.ok()) return s;
    return std::move(steps_);
  }

 private:
  std::unique_ptr<grpc::ClientContext> Patient() const {
    return client_.Context(absl::Minutes(30));
  }

  // Times `call`, which returns how many nodes it was about.
  template <typename Call>
  absl::Status Step(const std::string& what, Call call) {
    say_(what);
    const absl::Time begin = absl::Now();
    const absl::StatusOr<int64_t> nodes = call();
    if (!nodes.ok()) return nodes.status();
    steps_.push_back({what, *nodes, absl::Now() - begin});
    say_(absl::StrCat("  ", *nodes, " nodes in ", absl::FormatDuration(steps_.back().took)));
    return absl::OkStatus();
  }

  absl::Status Create(int64_t /*members*/) {
    target::v1::CreatePlanRequest request;
    request.set_plan_id("large");
    request.set_request_id(cli::NewUuid());
    target::v1::Plan& plan = *request.mutable_plan();
    plan.set_title("一百万个目标");
    plan.set_metric("metrics/revenue");
    *plan.mutable_period()->mutable_first_date() = ToProto(absl::CivilDay(kYear, 1, 1));
    *plan.mutable_period()->mutable_last_date() = ToProto(absl::CivilDay(kYear, 12, 31));
    plan.set_target_units(kTarget);
    plan.set_currency_code("CNY");
    plan.set_unit(kCompany);
    target::v1::Plan made;
    return rpc::FromGrpcStatus(plans_->CreatePlan(Patient().get(), request, &made));
  }

  absl::StatusOr<int64_t> Split(const target::v1::SplitSpec& spec) {
    target::v1::SplitNodesRequest request;
    request.set_plan(kPlan);
    request.set_request_id(cli::NewUuid());
    *request.mutable_split() = spec;
    target::v1::SplitNodesResponse response;
    const grpc::Status called = nodes_->SplitNodes(Patient().get(), request, &response);
    if (!called.ok()) return rpc::FromGrpcStatus(called);
    for (const auto& split : response.splits()) {
      for (const auto& child : split.children()) made_.push_back(child.name());
    }
    return response.created_node_count();
  }

  absl::Status SplitByMember(int64_t /*members*/) {
    return Step("split by member", [&]() -> absl::StatusOr<int64_t> {
      target::v1::SplitSpec spec;
      spec.mutable_nodes()->add_nodes(absl::StrCat(kPlan, "/nodes/root"));
      spec.set_dimension(target::v1::MEMBER);
      spec.set_organization(target::v1::DIRECT_MEMBERS);
      spec.mutable_even();
      return Split(spec);
    });
  }

  absl::Status SplitByProduct(int64_t members) {
    const std::vector<std::string> parents = std::exchange(made_, {});
    return Step("split by product", [&]() -> absl::StatusOr<int64_t> {
      if (static_cast<int64_t>(parents.size()) < std::min<int64_t>(members, 1'000))
        return absl::InternalError(absl::StrCat("only ", parents.size(), " members"));
      target::v1::SplitSpec spec;
      spec.mutable_leaves();
      spec.set_dimension(target::v1::PRODUCT);
      int64_t weight = 5;
      for (const char* product : kProducts) {
        auto& part = *spec.mutable_parts()->add_parts();
        part.set_key(absl::StrCat("products/", product));
        part.set_weight(weight--);
      }
      spec.mutable_weights();
      members_ = parents;
      return Split(spec);
    });
  }

  absl::Status SplitByDay(int64_t members) {
    return Step("split by working day", [&]() -> absl::StatusOr<int64_t> {
      int64_t created = 0;
      const int64_t at_once = kNodesPerSplit / (kProductCount * kDays);
      // Leaves below one member after another: what one call may create bounds how many fit.
      for (int64_t i = 0; i < members; i += at_once) {
        target::v1::SplitSpec spec;
        for (int64_t m = i; m < std::min(members, i + at_once); ++m) {
          absl::StatusOr<std::vector<std::string>> products = LeavesUnder(members_[m]);
          if (!products.ok()) return products.status();
          for (const std::string& product : *products) spec.mutable_nodes()->add_nodes(product);
        }
        spec.set_dimension(target::v1::PERIOD);
        spec.set_grain(target::v1::DAY);
        spec.mutable_working_calendar();
        const absl::StatusOr<int64_t> done = Split(spec);
        if (!done.ok()) return done.status();
        made_.clear();
        created += *done;
        say_(absl::StrCat("  ", created, " days"));
      }
      return created;
    });
  }

  absl::StatusOr<std::vector<std::string>> LeavesUnder(const std::string& node) {
    target::v1::ListNodesRequest request;
    request.set_plan(kPlan);
    request.set_under(node);
    request.set_leaves_only(true);
    request.set_page_size(500);
    target::v1::ListNodesResponse response;
    const grpc::Status called = nodes_->ListNodes(Patient().get(), request, &response);
    if (!called.ok()) return rpc::FromGrpcStatus(called);
    std::vector<std::string> names;
    for (const auto& leaf : response.nodes()) names.push_back(leaf.name());
    return names;
  }

  // Every node once, its sum of leaves beside the plan's target.
  absl::Status Read() {
    return Step("read page by page", [&]() -> absl::StatusOr<int64_t> {
      int64_t count = 0;
      int64_t sum = 0;
      target::v1::ListNodesRequest request;
      request.set_plan(kPlan);
      request.set_page_size(500);
      do {
        target::v1::ListNodesResponse response;
        const grpc::Status called = nodes_->ListNodes(Patient().get(), request, &response);
        if (!called.ok()) return rpc::FromGrpcStatus(called);
        for (const auto& node : response.nodes()) {
          ++count;
          if (node.breakdowns_size() == 0) sum += node.target_units();
        }
        request.set_page_token(response.next_page_token());
      } while (!request.page_token().empty());
      if (sum != kTarget)
        return absl::InternalError(absl::StrCat("the leaves add up to ", sum, ", not ", kTarget));
      return count;
    });
  }

  absl::Status Check() {
    return Step("check that it adds up", [&]() -> absl::StatusOr<int64_t> {
      target::v1::CheckPlanRequest request;
      request.set_name(kPlan);
      target::v1::CheckPlanResponse response;
      const grpc::Status called = plans_->CheckPlan(Patient().get(), request, &response);
      if (!called.ok()) return rpc::FromGrpcStatus(called);
      if (response.violations_size() > 0)
        return absl::InternalError(response.violations(0).description());
      return PlanNodes();
    });
  }

  absl::StatusOr<int64_t> PlanNodes() {
    target::v1::GetPlanRequest request;
    request.set_name(kPlan);
    target::v1::Plan plan;
    const grpc::Status called = plans_->GetPlan(Patient().get(), request, &plan);
    if (!called.ok()) return rpc::FromGrpcStatus(called);
    return plan.node_count();
  }

  absl::Status AdjustRoot() {
    return Step("adjust the root, everything follows", [&]() -> absl::StatusOr<int64_t> {
      target::v1::AdjustNodeRequest request;
      request.set_name(absl::StrCat(kPlan, "/nodes/root"));
      request.set_target_units(kNewTarget);
      request.set_reason("董事会上调");
      request.set_request_id(cli::NewUuid());
      target::v1::Node root;
      const grpc::Status called = nodes_->AdjustNode(Patient().get(), request, &root);
      if (!called.ok()) return rpc::FromGrpcStatus(called);
      return ChangedInNewestVersion();
    });
  }

  absl::Status Undo() {
    return Step("undo that", [&]() -> absl::StatusOr<int64_t> {
      target::v1::UndoPlanChangeRequest request;
      request.set_name(kPlan);
      request.set_reason("撤回");
      request.set_request_id(cli::NewUuid());
      target::v1::Plan plan;
      const grpc::Status called = plans_->UndoPlanChange(Patient().get(), request, &plan);
      if (!called.ok()) return rpc::FromGrpcStatus(called);
      return ChangedInNewestVersion();
    });
  }

  absl::StatusOr<int64_t> ChangedInNewestVersion() {
    target::v1::ListPlanVersionsRequest request;
    request.set_plan(kPlan);
    request.set_page_size(1);
    target::v1::ListPlanVersionsResponse response;
    const grpc::Status called = plans_->ListPlanVersions(Patient().get(), request, &response);
    if (!called.ok()) return rpc::FromGrpcStatus(called);
    if (response.versions_size() != 1) return absl::InternalError("the plan has no versions");
    return response.versions(0).changed_node_count();
  }

  cli::Client& client_;
  const std::function<void(const std::string&)>& say_;
  std::unique_ptr<target::v1::PlanService::Stub> plans_;
  std::unique_ptr<target::v1::NodeService::Stub> nodes_;
  std::vector<std::string> made_;
  std::vector<std::string> members_;
  std::vector<PlanStep> steps_;
};

}  // namespace

absl::StatusOr<std::vector<PlanStep>> MeasureLargePlan(
    cli::Client& client, int64_t leaves, const std::function<void(const std::string&)>& say) {
  return LargePlan(client, say).Run(leaves);
}

}  // namespace milepost::bench
