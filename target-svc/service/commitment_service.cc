#include "target-svc/service/commitment_service.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr char kCommitments[] = "commitments";

v1::RollupRow::Basis ToProto(RollupBasis basis) {
  switch (basis) {
    case RollupBasis::kOpen:
      return v1::RollupRow::OPEN;
    case RollupBasis::kOwn:
      return v1::RollupRow::OWN;
    case RollupBasis::kBelow:
      return v1::RollupRow::BELOW;
  }
  return v1::RollupRow::BASIS_UNSPECIFIED;
}

v1::RollupRow ToProto(const Node& node, const NodeRollup& rollup) {
  v1::RollupRow row;
  row.set_node(node.Name());
  if (!node.parent_id.empty())
    row.set_parent(resource::Name("plans", node.plan_id, "nodes", node.parent_id));
  row.set_display_name(node.display_name);
  row.set_depth(node.depth);
  row.set_target_units(node.target_units);
  row.set_basis(ToProto(rollup.basis));
  row.set_committed_units(rollup.committed);
  row.set_gap_units(rollup.gap);
  if (rollup.coverage_ppm) row.set_coverage_ppm(*rollup.coverage_ppm);
  if (rollup.own_less_below) row.set_own_less_below_units(*rollup.own_less_below);
  row.set_leaf_count(rollup.leaves);
  row.set_open_leaf_count(rollup.open_leaves);
  return row;
}

v1::Commitment Shown(const Commitment& commitment, const rpc::Caller& caller, const Actor& actor,
                     const Plan& plan) {
  v1::Commitment message = ToProto(commitment);
  if (MaySeeWords(caller, actor, plan, commitment)) return message;
  for (v1::Commitment::Step& step : *message.mutable_steps()) step.clear_note();
  return message;
}

// The node that a list starts from, if it is of that plan.
Reader::NodeIds ReadUnder(const std::string& under, const std::string& plan_id, Reader& reader) {
  Reader::NodeIds ids = reader.NodeName(under, "under", Need::kOptional);
  if (!ids.node.empty() && ids.plan != plan_id) reader.Add("under", "is a node of another plan");
  return ids;
}

}  // namespace

bool MaySeeWords(const rpc::Caller& caller, const Actor& actor, Plan plan,
                 const Commitment& commitment) {
  plan.visibility = PlanVisibility::kPrivate;
  return caller.MaySee(commitment.member_id) || MaySeeAll(actor, plan);
}

CommitmentService::CommitmentService(rpc::Runner& rpc, Directory& directory)
    : rpc_(rpc), directory_(directory) {
  rpc_.Register<v1::CommitmentService>();
}

grpc::ServerUnaryReactor* CommitmentService::GetCommitment(grpc::CallbackServerContext* context,
                                                           const v1::GetCommitmentRequest* request,
                                                           v1::Commitment* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* CommitmentService::ListCommitments(
    grpc::CallbackServerContext* context, const v1::ListCommitmentsRequest* request,
    v1::ListCommitmentsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* CommitmentService::ProposeCommitment(
    grpc::CallbackServerContext* context, const v1::ProposeCommitmentRequest* request,
    v1::Commitment* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Propose(call...); });
}
grpc::ServerUnaryReactor* CommitmentService::AcceptCommitment(
    grpc::CallbackServerContext* context, const v1::AcceptCommitmentRequest* request,
    v1::Commitment* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Accept(call...); });
}
grpc::ServerUnaryReactor* CommitmentService::CounterCommitment(
    grpc::CallbackServerContext* context, const v1::CounterCommitmentRequest* request,
    v1::Commitment* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Counter(call...); });
}
grpc::ServerUnaryReactor* CommitmentService::RejectCommitment(
    grpc::CallbackServerContext* context, const v1::RejectCommitmentRequest* request,
    v1::Commitment* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Reject(call...); });
}
grpc::ServerUnaryReactor* CommitmentService::AcceptCounter(grpc::CallbackServerContext* context,
                                                           const v1::AcceptCounterRequest* request,
                                                           v1::Commitment* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return TakeCounter(call...); });
}
grpc::ServerUnaryReactor* CommitmentService::ListRollupRows(
    grpc::CallbackServerContext* context, const v1::ListRollupRowsRequest* request,
    v1::ListRollupRowsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ListRollup(call...); });
}

absl::StatusOr<CommitmentService::Found> CommitmentService::FindNode(
    const rpc::Caller& caller, db::Snapshot& snapshot, const absl::StatusOr<Plan>& plan,
    const std::string& node_id, const std::string& name) {
  if (absl::IsNotFound(plan.status())) return error::NotFound(name);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
  if (absl::IsNotFound(view.status())) return error::NotFound(name);
  if (!view.ok()) return view.status();
  absl::StatusOr<Node> node = plans_.LoadNode(snapshot, plan->id, node_id);
  if (absl::IsNotFound(node.status())) return error::NotFound(name);
  if (!node.ok()) return node.status();
  if (!view->Shows(*node)) return error::NotFound(name);
  return Found{*plan, *std::move(node), *std::move(view)};
}

CommitmentService::CommitmentResult CommitmentService::Get(
    const rpc::Caller& caller, db::Session& db, const v1::GetCommitmentRequest& request) {
  Reader reader;
  const Reader::NodeIds ids =
      reader.PlanPart(kCommitments, request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> CommitmentResult {
    const absl::StatusOr<Found> found =
        FindNode(caller, snapshot, plans_.Load(snapshot, ids.plan), ids.node, request.name());
    if (!found.ok()) return found.status();
    const absl::StatusOr<Commitment> commitment = commitments_.Load(snapshot, ids.plan, ids.node);
    if (!commitment.ok()) return commitment.status();
    return Shown(*commitment, caller, found->view.actor, found->plan);
  });
}

absl::StatusOr<v1::ListCommitmentsResponse> CommitmentService::List(
    const rpc::Caller& caller, db::Session& db, const v1::ListCommitmentsRequest& request) {
  Reader reader;
  const std::string plan_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  const Reader::NodeIds under = ReadUnder(request.under(), plan_id, reader);
  reader.Choice(request.state(), "state", v1::Commitment::State_IsValid);
  CommitmentStore::Filter filter;
  if (request.state() != v1::Commitment::STATE_UNSPECIFIED)
    filter.state = static_cast<CommitmentState>(request.state());
  filter.member_id = reader.Name("members", request.member(), "member", Need::kOptional);
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListCommitmentsResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    CommitmentStore::Filter at = filter;
    if (!under.node.empty()) {
      const absl::StatusOr<Found> top =
          FindNode(caller, snapshot, plan, under.node, request.under());
      if (!top.ok()) return top.status();
      at.path = top->node.path;
    }
    v1::ListCommitmentsResponse response;
    std::optional<std::string> after;
    if (!page.after.empty()) after = page.after[0];
    std::string last_path;
    while (true) {
      const absl::StatusOr<std::vector<CommitmentStore::Listed>> listed =
          commitments_.List(snapshot, plan_id, at, after, page.size + 1);
      if (!listed.ok()) return listed.status();
      for (const CommitmentStore::Listed& one : *listed) {
        after = one.path;
        if (!view->all && !view->paths.contains(one.path)) continue;
        if (response.commitments_size() == page.size) {
          response.set_next_page_token(resource::NextPageToken(request, {last_path}));
          return response;
        }
        last_path = one.path;
        *response.add_commitments() = Shown(one.commitment, caller, view->actor, *plan);
      }
      if (listed->size() <= static_cast<size_t>(page.size)) return response;
    }
  });
}

template <typename Change>
CommitmentService::CommitmentResult CommitmentService::ChangeCommitment(
    const rpc::Caller& caller, db::Session& db, const google::protobuf::Message& request,
    const Reader::NodeIds& ids, std::optional<int64_t> version, const std::string& note,
    const char* event_type, Change change) {
  change::Context why = caller.Change(request);
  why.reason = note;
  const std::string name = Commitment{.plan_id = ids.plan, .node_id = ids.node}.Name();
  return db.Transact([&](db::Transaction& tx) -> CommitmentResult {
    // Who may not see the node learns nothing of it, under the name that was asked for.
    const absl::StatusOr<Found> found =
        FindNode(caller, tx, plans_.LoadForUpdate(tx, ids.plan), ids.node, name);
    if (!found.ok()) return found.status();
    absl::StatusOr<Commitment> before = commitments_.Load(tx, ids.plan, ids.node);
    if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
    const absl::StatusOr<TargetOwner> owner = directory_.OwnerOf(found->node.scope, tx);
    if (!owner.ok()) return owner.status();
    const int64_t stored_version = before.ok() ? before->version : 0;
    if (version && *version != stored_version) return error::StaleEtag(name);
    const absl::Time previous = before.ok() ? before->update_time : absl::InfinitePast();
    const absl::Time now =
        before.ok() ? directory_.clock().NowAfter(previous) : directory_.clock().Now();
    absl::StatusOr<Commitment> next =
        change(std::move(before), CommitmentCase{.plan = found->plan,
                                                 .node = found->node,
                                                 .owner = *owner,
                                                 .actor = found->view.actor,
                                                 .now = now});
    if (!next.ok()) return next.status();
    const absl::StatusOr<Commitment> saved =
        commitments_.Save(tx, why, event_type, *std::move(next), previous);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

CommitmentService::CommitmentResult CommitmentService::Propose(
    const rpc::Caller& caller, db::Session& db, const v1::ProposeCommitmentRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.NodeName(request.node(), "node", Need::kRequired);
  const int64_t units =
      reader.Number(request.committed_units(), "committed_units", 0, kMaxTargetUnits);
  const std::string note = reader.Text(request.note(), "note", kMaxNote);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeCommitment(caller, db, request, ids, version, note, "commitment.proposed",
                          [&](absl::StatusOr<Commitment> before, const CommitmentCase& c) {
                            return ApplyPropose(before.ok() ? *std::move(before) : Commitment(), c,
                                                units, note);
                          });
}

template <typename Request, typename Apply>
CommitmentService::CommitmentResult CommitmentService::Answer(const rpc::Caller& caller,
                                                              db::Session& db,
                                                              const Request& request,
                                                              Reader& reader, Need note_needed,
                                                              const char* event_type, Apply apply) {
  const Reader::NodeIds ids =
      reader.PlanPart(kCommitments, request.name(), "name", Need::kRequired);
  const std::string note = reader.Text(request.note(), "note", kMaxNote, note_needed);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeCommitment(caller, db, request, ids, version, note, event_type,
                          [&](absl::StatusOr<Commitment> before,
                              const CommitmentCase& c) -> absl::StatusOr<Commitment> {
                            if (!before.ok()) return before.status();
                            return apply(*std::move(before), c, note);
                          });
}

CommitmentService::CommitmentResult CommitmentService::Accept(
    const rpc::Caller& caller, db::Session& db, const v1::AcceptCommitmentRequest& request) {
  Reader reader;
  return Answer(caller, db, request, reader, Need::kOptional, "commitment.accepted", ApplyAccept);
}

CommitmentService::CommitmentResult CommitmentService::Counter(
    const rpc::Caller& caller, db::Session& db, const v1::CounterCommitmentRequest& request) {
  Reader reader;
  const int64_t units = reader.Number(request.counter_units(), "counter_units", 0, kMaxTargetUnits);
  return Answer(caller, db, request, reader, Need::kRequired, "commitment.countered",
                [units](Commitment before, const CommitmentCase& c, const std::string& note) {
                  return ApplyCounter(std::move(before), c, units, note);
                });
}

CommitmentService::CommitmentResult CommitmentService::Reject(
    const rpc::Caller& caller, db::Session& db, const v1::RejectCommitmentRequest& request) {
  Reader reader;
  return Answer(caller, db, request, reader, Need::kRequired, "commitment.rejected",
                [](Commitment before, const CommitmentCase& c, const std::string& note) {
                  return ApplyReject(std::move(before), c, note);  // There is one for plans too.
                });
}

CommitmentService::CommitmentResult CommitmentService::TakeCounter(
    const rpc::Caller& caller, db::Session& db, const v1::AcceptCounterRequest& request) {
  Reader reader;
  return Answer(caller, db, request, reader, Need::kOptional, "commitment.counter-accepted",
                ApplyAcceptCounter);
}

absl::StatusOr<v1::ListRollupRowsResponse> CommitmentService::ListRollup(
    const rpc::Caller& caller, db::Session& db, const v1::ListRollupRowsRequest& request) {
  Reader reader;
  const std::string plan_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  const Reader::NodeIds under = ReadUnder(request.under(), plan_id, reader);
  if (request.max_levels() < 0 || request.max_levels() > kMaxDepth) {
    reader.Add("max_levels", absl::StrCat("must be 0 to ", kMaxDepth));
  }
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListRollupRowsResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    Node top = RootOf(*plan);
    if (!under.node.empty()) {
      absl::StatusOr<Found> found = FindNode(caller, snapshot, plan, under.node, request.under());
      if (!found.ok()) return found.status();
      top = std::move(found->node);
    }
    PlanStore::NodeFilter filter;
    filter.path = top.path;
    absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, plan_id, filter);
    if (!nodes.ok()) return nodes.status();
    const absl::StatusOr<CommittedUnits> committed =
        commitments_.Committed(snapshot, plan_id,
                               request.accepted_only() ? CommitmentStore::Counting::kAccepted
                                                       : CommitmentStore::Counting::kNotRejected);
    if (!committed.ok()) return committed.status();
    const absl::StatusOr<absl::flat_hash_map<std::string, CommitmentState>> states =
        commitments_.States(snapshot, plan_id);
    if (!states.ok()) return states.status();
    const PlanRollup rollup = RollUpPlan(*nodes, *committed);
    if (!rollup.result.ok()) return error::RollupTooLarge(request.plan());
    std::vector<std::vector<size_t>> families(nodes->size());
    for (size_t f = 0; f < rollup.families.size(); ++f)
      families[rollup.families[f].node].push_back(f);

    v1::ListRollupRowsResponse response;
    response.set_plan_version(plan->version);
    std::string last_path;
    for (size_t i = 0; i < nodes->size(); ++i) {
      const Node& node = (*nodes)[i];
      if (request.max_levels() > 0 && node.depth > top.depth + request.max_levels()) continue;
      if (!page.after.empty() && node.path <= page.after[0]) continue;
      if (!view->Shows(node)) continue;
      if (response.rows_size() == page.size) {
        response.set_next_page_token(resource::NextPageToken(request, {last_path}));
        return response;
      }
      last_path = node.path;
      v1::RollupRow& row = *response.add_rows();
      row = ToProto(node, rollup.result.nodes[i]);
      if (const auto state = states->find(node.id); state != states->end())
        row.set_state(static_cast<v1::Commitment::State>(state->second));
      for (const size_t f : families[i]) {
        const FamilyRollup& of = rollup.result.families[f];
        v1::RollupRow::Family& family = *row.add_families();
        family.set_breakdown(rollup.families[f].breakdown_id);
        family.set_target_units(of.target);
        family.set_committed_units(of.committed);
        family.set_open_target_units(of.open_target);
        family.set_child_count(of.children);
        family.set_open_child_count(of.open_children);
      }
    }
    return response;
  });
}

}  // namespace milepost::target
