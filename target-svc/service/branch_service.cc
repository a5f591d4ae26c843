#include "target-svc/service/branch_service.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/service/version_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr size_t kMaxChoices = 5'000;

std::string PlanName(const std::string& id) { return resource::Name("plans", id); }

std::optional<MergeSide> ToSide(v1::MergeSide side) {
  switch (side) {
    case v1::FROM_ORIGIN:
      return MergeSide::kOurs;
    case v1::FROM_BRANCH:
      return MergeSide::kTheirs;
    default:
      return std::nullopt;
  }
}

v1::MergeConflictKind ToProto(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kBothChanged:
      return v1::BOTH_CHANGED;
    case ConflictKind::kRemovedAndChanged:
      return v1::REMOVED_AND_CHANGED;
    case ConflictKind::kBothAdded:
      return v1::BOTH_ADDED;
    case ConflictKind::kParentRemoved:
      return v1::PARENT_REMOVED;
    case ConflictKind::kCycle:
      return v1::MOVED_IN_CIRCLE;
  }
  return v1::MERGE_CONFLICT_KIND_UNSPECIFIED;
}

void SetValue(const FieldValue& value, v1::MergeValue& message) {
  if (value.number) message.set_number(*value.number);
  message.set_text(value.text);
}

std::string Words(const FieldValue& value) {
  if (value.number) return absl::StrCat(*value.number);
  return value.text.empty() ? "nothing" : absl::StrCat("'", value.text, "'");
}

// Conflicts and violations as clients see them, the first of each.
class MergeView {
 public:
  MergeView(const std::string& plan_id, const std::vector<Node>& ours, const BranchMerge& merge)
      : plan_id_(plan_id), merge_(merge) {
    for (const Node& node : merge.created) names_[node.id] = node.display_name;
    for (const Node& node : ours) names_[node.id] = node.display_name;
    for (const MergeConflict& conflict : merge.undecided) undecided_.insert(KeyOf(conflict));
  }

  template <typename Message>
  void AddConflicts(const std::vector<MergeConflict>& conflicts, Message& message) const {
    for (size_t i = 0; i < std::min(conflicts.size(), kMaxViolations); ++i) {
      const MergeConflict& conflict = conflicts[i];
      v1::MergeConflict& one = *message.add_conflicts();
      one.set_kind(ToProto(conflict.kind));
      one.set_node(resource::Name("plans", plan_id_, "nodes", conflict.node_id));
      if (const auto name = names_.find(conflict.node_id); name != names_.end())
        one.set_node_display_name(name->second);
      one.set_field(KindOf({conflict.node_id, conflict.field, conflict.breakdown, {}, {}}));
      one.set_breakdown(conflict.breakdown);
      SetValue(conflict.base, *one.mutable_base());
      SetValue(conflict.ours, *one.mutable_origin());
      SetValue(conflict.theirs, *one.mutable_branch());
      if (!undecided_.contains(KeyOf(conflict))) {
        one.set_taken(conflict.taken == MergeSide::kOurs ? v1::FROM_ORIGIN : v1::FROM_BRANCH);
      }
    }
    message.set_conflict_count(static_cast<int64_t>(conflicts.size()));
  }

  template <typename Message>
  void AddViolations(Message& message) const {
    for (size_t i = 0; i < std::min(merge_.violations.size(), kMaxViolations); ++i)
      *message.add_violations() = target::ToProto(merge_.violations[i], plan_id_);
    message.set_violation_count(static_cast<int64_t>(merge_.violations.size()));
  }

 private:
  using Key = std::tuple<std::string, VersionField, std::string>;
  static Key KeyOf(const MergeConflict& conflict) {
    return {conflict.node_id, conflict.field, conflict.breakdown};
  }

  const std::string plan_id_;
  const BranchMerge& merge_;
  std::map<std::string, std::string> names_;  // Of nodes.
  std::set<Key> undecided_;
};

}  // namespace

BranchService::BranchService(rpc::Runner& rpc, Directory& directory)
    : rpc_(rpc), directory_(directory) {
  rpc_.Register<v1::BranchService>();
}

grpc::ServerUnaryReactor* BranchService::CreateBranch(grpc::CallbackServerContext* context,
                                                      const v1::CreateBranchRequest* request,
                                                      v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* BranchService::CompareBranch(grpc::CallbackServerContext* context,
                                                       const v1::CompareBranchRequest* request,
                                                       v1::CompareBranchResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Compare(call...); });
}
grpc::ServerUnaryReactor* BranchService::PreviewMerge(grpc::CallbackServerContext* context,
                                                      const v1::PreviewMergeRequest* request,
                                                      v1::PreviewMergeResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Preview(call...); });
}
grpc::ServerUnaryReactor* BranchService::MergeBranch(grpc::CallbackServerContext* context,
                                                     const v1::MergeBranchRequest* request,
                                                     v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Merge(call...); });
}

absl::Status BranchService::CheckSeesAll(const rpc::Caller& caller, db::Snapshot& snapshot,
                                         const Plan& plan) const {
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, plan);
  if (!view.ok()) return view.status();
  return view->all ? absl::OkStatus() : error::MayNotSeeAll(PlanName(plan.id));
}

absl::StatusOr<std::vector<Node>> BranchService::NodesAt(db::Snapshot& snapshot,
                                                         const std::string& plan_id,
                                                         std::optional<int64_t> version) const {
  PlanStore::NodeFilter filter;
  filter.version = version;
  return plans_.AllNodes(snapshot, plan_id, filter);
}

absl::StatusOr<Plan> BranchService::OriginOf(const rpc::Caller& caller, db::Snapshot& snapshot,
                                             const Plan& branch) const {
  if (absl::Status s = CheckSeesAll(caller, snapshot, branch); !s.ok()) return s;
  if (branch.branch_of_id.empty()) return error::NotABranch(PlanName(branch.id));
  absl::StatusOr<Plan> origin = plans_.Load(snapshot, branch.branch_of_id);
  if (absl::IsNotFound(origin.status()))
    return error::ReferenceMissing(PlanName(branch.branch_of_id));
  if (!origin.ok()) return origin.status();
  if (absl::Status s = CheckSeesAll(caller, snapshot, *origin); !s.ok()) return s;
  return origin;
}

absl::StatusOr<v1::Plan> BranchService::Create(const rpc::Caller& caller, db::Session& db,
                                               const v1::CreateBranchRequest& request) {
  Reader reader;
  const absl::Time now = directory_.clock().Now();
  const std::string origin_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  BranchCommand command;
  command.version =
      reader.Number(request.plan_version(), "plan_version", 0, std::numeric_limits<int64_t>::max());
  command.id = reader.Id(request.branch_id(), "branch_id", Need::kOptional);
  if (command.id.empty()) command.id = resource::NewId('p', now);
  command.title = reader.Text(request.title(), "title", kMaxTitle, Need::kRequired);
  command.purpose = reader.Text(request.purpose(), "purpose", kMaxPlanDescription, Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  change::Context why = caller.Change(request);
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Plan> {
    const absl::StatusOr<Plan> origin = plans_.LoadForUpdate(tx, origin_id);
    if (!origin.ok()) return origin.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, tx, directory_, plans_, *origin);
    if (!view.ok()) return view.status();
    BranchCommand at = command;
    if (at.version == 0) at.version = origin->version;
    absl::StatusOr<Plan> branch = NewBranch(*origin, view->actor, at, now);
    if (!branch.ok()) return branch.status();
    if (at.version > origin->version)
      return error::NotFound(absl::StrCat(request.plan(), " version ", at.version));
    absl::StatusOr<std::vector<Node>> nodes = NodesAt(tx, origin_id, at.version);
    if (!nodes.ok()) return nodes.status();
    if (nodes->size() > kMaxNodesPerCall)
      return error::CallTooLarge(static_cast<int64_t>(nodes->size()));
    branch->target_units = nodes->front().target_units;
    *nodes = BranchNodes(*std::move(nodes), *branch);
    const absl::StatusOr<Plan> inserted =
        plans_.InsertWhole(tx, why, "plan.branched", *std::move(branch), *std::move(nodes));
    if (!inserted.ok()) return inserted.status();
    return target::ToProto(*inserted);
  });
}

absl::StatusOr<v1::CompareBranchResponse> BranchService::Compare(
    const rpc::Caller& caller, db::Session& db, const v1::CompareBranchRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.branch(), "branch", Need::kRequired);
  reader.Choice(request.base(), "base", v1::BranchBase_IsValid);
  // A token holds how many differences have been given out and the versions compared.
  const resource::Page page = resource::ReadPage(request, 3, reader.violations());
  size_t start = 0;
  int64_t origin_version = 0;
  int64_t branch_version = 0;
  if (!page.after.empty() && (!absl::SimpleAtoi(page.after[0], &start) ||
                              !absl::SimpleAtoi(page.after[1], &origin_version) ||
                              !absl::SimpleAtoi(page.after[2], &branch_version))) {
    reader.Add("page_token", "is not of this list");
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::CompareBranchResponse> {
    const absl::StatusOr<Plan> branch = plans_.Load(snapshot, id);
    if (!branch.ok()) return branch.status();
    const absl::StatusOr<Plan> origin = OriginOf(caller, snapshot, *branch);
    if (!origin.ok()) return origin.status();
    v1::CompareBranchResponse response;
    response.set_origin_version(origin_version != 0                ? origin_version
                                : request.base() == v1::ORIGIN_NOW ? origin->version
                                                                   : branch->branch_of_version);
    response.set_branch_version(branch_version != 0 ? branch_version : branch->version);
    const absl::StatusOr<std::vector<Node>> before =
        NodesAt(snapshot, origin->id, response.origin_version());
    if (!before.ok()) return before.status();
    const absl::StatusOr<std::vector<Node>> after =
        NodesAt(snapshot, id, response.branch_version());
    if (!after.ok()) return after.status();
    const size_t count = AddDifferences(*before, *after, id, start, static_cast<size_t>(page.size),
                                        *response.mutable_differences());
    const size_t end = start + static_cast<size_t>(response.differences_size());
    if (end < count) {
      response.set_next_page_token(resource::NextPageToken(
          request, {absl::StrCat(end), absl::StrCat(response.origin_version()),
                    absl::StrCat(response.branch_version())}));
    }
    return response;
  });
}

BranchService::MergeCommand BranchService::ReadMerge(const v1::MergeSpec& spec, Reader& reader) {
  MergeCommand command;
  command.branch_id = reader.Name("plans", spec.branch(), "merge.branch", Need::kRequired);
  const size_t count = static_cast<size_t>(spec.choices_size());
  if (count > kMaxChoices) {
    reader.Add("merge.choices",
               absl::StrCat("has ", count, " choices; the limit is ", kMaxChoices));
  }
  for (int i = 0; i < spec.choices_size(); ++i) {
    const v1::MergeChoice& choice = spec.choices(i);
    const std::string path = absl::StrCat("merge.choices[", i, "].");
    const Reader::NodeIds ids = reader.NodeName(choice.node(), path + "node", Need::kRequired);
    reader.Choice(choice.side(), path + "side", v1::MergeSide_IsValid, Need::kRequired);
    const std::optional<MergeSide> side = ToSide(choice.side());
    if (!ids.node.empty() && side && !command.choices.nodes.emplace(ids.node, *side).second)
      reader.Add(path + "node", "is there twice");
    command.chosen_plans.push_back(ids.plan);
  }
  reader.Choice(spec.other_conflicts(), "merge.other_conflicts", v1::MergeSide_IsValid);
  command.choices.others = ToSide(spec.other_conflicts());
  command.accept_variance = spec.accept_variance();
  command.reason = reader.Text(spec.reason(), "merge.reason", kMaxReason, Need::kRequired);
  return command;
}

absl::StatusOr<std::vector<Node>> BranchService::MergeBase(db::Snapshot& snapshot,
                                                           const Plan& origin,
                                                           const Plan& branch) const {
  if (branch.merged_version > 0) {
    const absl::StatusOr<std::optional<PlanVersion>> next =
        plans_.FindVersion(snapshot, origin.id, branch.merged_into_version + 1);
    if (!next.ok()) return next.status();
    // A merge that was undone brought nothing.
    if (!next->has_value() || (*next)->type != "plan.undone")
      return NodesAt(snapshot, branch.id, branch.merged_version);
  }
  return NodesAt(snapshot, origin.id, branch.branch_of_version);
}

absl::StatusOr<BranchService::MergeState> BranchService::MergeNow(
    const rpc::Caller& caller, db::Snapshot& snapshot, const Plan& origin, const Plan& branch,
    const MergeCommand& command) const {
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, origin);
  if (!view.ok()) return view.status();
  if (absl::Status s = CheckChangeValues(origin, view->actor, command.reason); !s.ok()) return s;
  for (size_t i = 0; i < command.chosen_plans.size(); ++i) {
    if (command.chosen_plans[i] == origin.id) continue;
    status::FieldViolations violations;
    violations.Add(absl::StrCat("merge.choices[", i, "].node"),
                   absl::StrCat("must be a node of ", PlanName(origin.id)));
    return violations.ToStatus();
  }
  const absl::StatusOr<std::vector<Node>> base = MergeBase(snapshot, origin, branch);
  if (!base.ok()) return base.status();
  absl::StatusOr<std::vector<Node>> ours = NodesAt(snapshot, origin.id, std::nullopt);
  if (!ours.ok()) return ours.status();
  const absl::StatusOr<std::vector<Node>> theirs = NodesAt(snapshot, branch.id, std::nullopt);
  if (!theirs.ok()) return theirs.status();
  absl::StatusOr<BranchMerge> merge = ApplyMerge(*base, *ours, *theirs, command.choices);
  if (!merge.ok()) return merge.status();
  if (!merge->deleted.empty()) {
    if (absl::Status s = CheckRebuild(origin, view->actor); !s.ok()) return s;
  }
  return MergeState{*std::move(merge), *std::move(ours)};
}

absl::StatusOr<v1::PreviewMergeResponse> BranchService::Preview(
    const rpc::Caller& caller, db::Session& db, const v1::PreviewMergeRequest& request) {
  Reader reader;
  const MergeCommand command = ReadMerge(request.merge(), reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::PreviewMergeResponse> {
    const absl::StatusOr<Plan> branch = plans_.Load(snapshot, command.branch_id);
    if (!branch.ok()) return branch.status();
    const absl::StatusOr<Plan> origin = OriginOf(caller, snapshot, *branch);
    if (!origin.ok()) return origin.status();
    const absl::StatusOr<MergeState> state = MergeNow(caller, snapshot, *origin, *branch, command);
    if (!state.ok()) return state.status();
    const BranchMerge& merge = state->merge;
    const MergeView shown(origin->id, state->ours, merge);
    v1::PreviewMergeResponse response;
    shown.AddConflicts(merge.conflicts, response);
    shown.AddViolations(response);
    response.set_undecided_count(static_cast<int64_t>(merge.undecided.size()));
    response.set_changed_node_count(
        static_cast<int64_t>(merge.updated.size() + merge.relocated.size()));
    response.set_created_node_count(static_cast<int64_t>(merge.created.size()));
    response.set_deleted_node_count(static_cast<int64_t>(merge.deleted.size()));
    response.set_origin_version(origin->version);
    return response;
  });
}

absl::StatusOr<v1::Plan> BranchService::Merge(const rpc::Caller& caller, db::Session& db,
                                              const v1::MergeBranchRequest& request) {
  Reader reader;
  const MergeCommand command = ReadMerge(request.merge(), reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  change::Context why = caller.Change(request);
  why.reason = command.reason;
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Plan> {
    const absl::StatusOr<Plan> branch = plans_.LoadForUpdate(tx, command.branch_id);
    if (!branch.ok()) return branch.status();
    absl::StatusOr<Plan> origin = OriginOf(caller, tx, *branch);
    if (!origin.ok()) return origin.status();
    origin = plans_.LoadForUpdate(tx, origin->id);
    if (!origin.ok()) return origin.status();
    absl::StatusOr<MergeState> state = MergeNow(caller, tx, *origin, *branch, command);
    if (!state.ok()) return state.status();
    if (version && *version != origin->version) return error::StaleEtag(PlanName(origin->id));
    BranchMerge& merge = state->merge;
    v1::MergeFailure failure;
    const MergeView shown(origin->id, state->ours, merge);
    shown.AddConflicts(merge.undecided, failure);
    shown.AddViolations(failure);
    if (!merge.undecided.empty()) {
      const MergeConflict& first = merge.undecided.front();
      return WithDetail(
          error::MergeConflicts(
              request.merge().branch(), merge.undecided.size(),
              absl::StrCat(resource::Name("plans", origin->id, "nodes", first.node_id), ", ",
                           Words(first.ours), " or ", Words(first.theirs))),
          failure);
    }
    if (!merge.violations.empty() && !command.accept_variance) {
      return WithDetail(error::MergeWouldNotAddUp(request.merge().branch(), merge.violations.size(),
                                                  merge.violations.front().description),
                        failure);
    }
    NodeChanges changes;
    changes.updated = std::move(merge.updated);
    changes.moved = std::move(merge.relocated);
    changes.created = std::move(merge.created);
    changes.deleted = std::move(merge.deleted);
    if (changes.size() == 0) return error::NothingToMerge(request.merge().branch());
    const size_t placed = changes.size() - changes.updated.size();
    if (placed > kMaxNodesPerCall) return error::CallTooLarge(static_cast<int64_t>(placed));
    const int64_t count = origin->node_count + static_cast<int64_t>(changes.created.size()) -
                          static_cast<int64_t>(changes.deleted.size());
    if (count > kMaxPlanNodes) return error::TooManyNodes(PlanName(origin->id), count);
    std::vector<std::string> created;
    for (const Node& node : changes.created) created.push_back(node.id);
    const absl::StatusOr<std::map<std::string, int64_t>> last =
        plans_.LastVersions(tx, origin->id, created);
    if (!last.ok()) return last.status();
    for (Node& node : changes.created) {
      if (const auto found = last->find(node.id); found != last->end())
        node.version = found->second;
    }
    Plan plan = *origin;
    plan.target_units = merge.target_units;
    plan.update_time = directory_.clock().NowAfter(origin->update_time);
    const absl::StatusOr<Plan> saved =
        plans_.Save(tx, why, "plan.merged", "", *origin, std::move(plan), changes);
    if (!saved.ok()) return saved.status();
    Plan merged = *branch;
    merged.merged_version = branch->version;
    merged.merged_into_version = saved->version;
    merged.update_time = directory_.clock().NowAfter(branch->update_time);
    NodeChanges none;
    if (absl::Status s =
            plans_.Save(tx, why, "plan.merged-into-origin", "", *branch, std::move(merged), none)
                .status();
        !s.ok()) {
      return s;
    }
    return target::ToProto(*saved);
  });
}

}  // namespace milepost::target
