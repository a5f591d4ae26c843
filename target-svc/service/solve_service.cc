#include "target-svc/service/solve_service.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/types/money.h"
#include "target-svc/domain/balance.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/joint_plan.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/service/version_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr size_t kMaxConstraints = 5'000;
constexpr int64_t kMaxCellSeed = 1'000'000'000'000;

std::optional<int64_t> Units(bool has, int64_t value, const std::string& field, Reader& reader) {
  if (!has) return std::nullopt;
  return reader.Number(value, field, 0, kMaxTargetUnits);
}

v1::CollidingConstraint::Kind ToProto(TreeLimit limit) {
  switch (limit) {
    case TreeLimit::kTotal:
      return v1::CollidingConstraint::TOTAL;
    case TreeLimit::kLock:
      return v1::CollidingConstraint::LOCK;
    case TreeLimit::kMin:
      return v1::CollidingConstraint::MINIMUM;
    case TreeLimit::kMax:
      return v1::CollidingConstraint::MAXIMUM;
  }
  return v1::CollidingConstraint::KIND_UNSPECIFIED;
}

absl::Status Impossible(const std::vector<Node>& nodes, const TreeSolution& solution) {
  v1::SolveFailure failure;
  std::vector<error::Obstacle> obstacles;
  for (size_t i = 0; i < solution.collisions.size(); ++i) {
    const TreeCollision& collision = solution.collisions[i];
    v1::SolveCollision& message = *failure.add_collisions();
    message.set_node(nodes[collision.node].Name());
    for (const TreeConstraint& constraint : collision.constraints) {
      v1::CollidingConstraint& one = *message.add_constraints();
      one.set_node(nodes[constraint.node].Name());
      one.set_kind(ToProto(constraint.limit));
      one.set_value_units(constraint.value);
      one.set_raises(constraint.side == TreeSide::kRaises);
    }
    message.set_needed_units(collision.needed);
    message.set_allowed_units(collision.allowed);
    message.set_amount_units(collision.amount);
    message.set_total_amount_units(collision.amount_of_all);
    message.set_description(solution.collision_words[i]);
    obstacles.push_back({solution.collision_words[i], collision.amount});
  }
  return WithDetail(error::SolveImpossible(nodes.front().Name(), obstacles), failure);
}

// The violations of an axis or of the matrix, in the words of the plan.
class MatrixViolations {
 public:
  MatrixViolations(std::vector<std::string> rows, std::vector<std::string> columns)
      : rows_(std::move(rows)), columns_(std::move(columns)) {}

  enum class Axis { kRows, kColumns };
  void Add(Axis axis, const SplitResult& split) {
    for (const SplitViolation& violation : split.violations) {
      v1::MatrixViolation& message = *failure_.add_violations();
      message.set_field(axis == Axis::kRows ? "rows" : "columns");
      message.set_description(violation.message);
      for (const size_t part : violation.parts) {
        if (axis == Axis::kRows) {
          message.add_rows(Key(rows_, part));
        } else {
          message.add_columns(Key(columns_, part));
        }
      }
      message.set_amount_units(violation.amount);
    }
  }

  void Add(const BalanceResult& matrix) {
    for (const BalanceViolation& violation : matrix.violations) {
      v1::MatrixViolation& message = *failure_.add_violations();
      message.set_field(violation.field.empty() ? "matrix" : violation.field);
      message.set_description(violation.message);
      for (const size_t row : violation.rows) message.add_rows(Key(rows_, row));
      for (const size_t column : violation.columns) message.add_columns(Key(columns_, column));
      message.set_amount_units(violation.amount);
    }
  }

  absl::Status ToStatus(const std::string& name) const {
    std::vector<error::Obstacle> obstacles;
    for (const v1::MatrixViolation& violation : failure_.violations()) {
      obstacles.push_back({absl::StrCat(violation.field(), ": ", violation.description()),
                           violation.amount_units()});
    }
    return WithDetail(error::MatrixImpossible(name, obstacles), failure_);
  }

 private:
  static std::string Key(const std::vector<std::string>& keys, size_t i) {
    return i < keys.size() ? keys[i] : absl::StrCat(i);
  }

  std::vector<std::string> rows_;
  std::vector<std::string> columns_;
  v1::MatrixFailure failure_;
};

// One axis of a joint split as a split of its own.
SplitCommand ReadAxis(const v1::JointAxis& axis, const std::string& node, const std::string& path,
                      Reader& reader) {
  v1::SplitSpec spec;
  spec.mutable_nodes()->add_nodes(node);
  spec.set_dimension(axis.dimension());
  spec.set_breakdown(axis.breakdown());
  bool weighed = false;
  switch (axis.partition_case()) {
    case v1::JointAxis::kParts:
      *spec.mutable_parts() = axis.parts();
      for (const v1::SplitPart& part : axis.parts().parts())
        weighed = weighed || part.weight() != 0;
      break;
    case v1::JointAxis::kGrain:
      spec.set_grain(axis.grain());
      break;
    case v1::JointAxis::kOrganization:
      spec.set_organization(axis.organization());
      break;
    case v1::JointAxis::PARTITION_NOT_SET:
      break;
  }
  if (weighed) {
    spec.mutable_weights();
  } else {
    spec.mutable_even();
  }
  Reader own;
  SplitCommand command = ReadSplit(spec, "", own);
  AddViolations(
      own.status(),
      [&](const std::string& field) {
        return absl::StrReplaceAll(field, {{"split.", absl::StrCat(path, ".")}});
      },
      reader);
  return command;
}

std::vector<std::string> KeysOf(const std::vector<PartSpec>& parts) {
  std::vector<std::string> keys;
  for (const PartSpec& part : parts) keys.push_back(part.key);
  return keys;
}

// Weights as typed if there are any, else `sums`.
std::vector<SplitPart> PartsOf(const std::vector<PartSpec>& parts,
                               const std::vector<int64_t>& sums) {
  const bool typed =
      std::any_of(parts.begin(), parts.end(), [](const PartSpec& part) { return part.weight > 0; });
  std::vector<SplitPart> result;
  for (size_t i = 0; i < parts.size(); ++i) {
    result.push_back(
        {typed ? parts[i].weight : sums[i], parts[i].lock, parts[i].min, parts[i].max});
  }
  return result;
}

// The parts with the values that they get as locks, so that MakeChildren gives them these.
std::vector<PartSpec> Fixed(const std::vector<PartSpec>& parts,
                            const std::vector<int64_t>& values) {
  std::vector<PartSpec> fixed = parts;
  for (size_t i = 0; i < fixed.size(); ++i) {
    fixed[i].lock = values[i];
    fixed[i].min.reset();
    fixed[i].max.reset();
  }
  return fixed;
}

int64_t Saturated(int64_t a, int64_t b) { return CheckedAdd(a, b).value_or(a); }

}  // namespace

SolveService::SolveService(rpc::Runner& rpc, Directory& directory,
                           std::shared_ptr<reporting::v1::ReportService::StubInterface> reports)
    : rpc_(rpc), directory_(directory), reports_(std::move(reports)), decomposer_(directory) {
  rpc_.Register<v1::SolveService>();
}

grpc::ServerUnaryReactor* SolveService::PreviewTree(grpc::CallbackServerContext* context,
                                                    const v1::PreviewTreeRequest* request,
                                                    v1::PreviewTreeResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Preview(call...); });
}
grpc::ServerUnaryReactor* SolveService::SolveTree(grpc::CallbackServerContext* context,
                                                  const v1::SolveTreeRequest* request,
                                                  v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Solve(call...); });
}
grpc::ServerUnaryReactor* SolveService::PreviewJointSplit(
    grpc::CallbackServerContext* context, const v1::PreviewJointSplitRequest* request,
    v1::PreviewJointSplitResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return PreviewJoint(call...); });
}
grpc::ServerUnaryReactor* SolveService::SplitJointly(grpc::CallbackServerContext* context,
                                                     const v1::SplitJointlyRequest* request,
                                                     v1::Plan* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return SplitJoint(call...); });
}
grpc::ServerUnaryReactor* SolveService::BalanceMatrix(grpc::CallbackServerContext* context,
                                                      const v1::BalanceMatrixRequest* request,
                                                      v1::BalanceMatrixResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Balance(call...); });
}

SolveService::TreeCommand SolveService::ReadTree(const v1::TreeSpec& spec, Reader& reader) {
  TreeCommand command;
  command.top = reader.NodeName(spec.node(), "tree.node", Need::kRequired);
  command.solve.target_units =
      Units(spec.has_target_units(), spec.target_units(), "tree.target_units", reader);
  if (spec.has_target_units() && !command.top.node.empty() && command.top.node != kRootId)
    reader.Add("tree.target_units", "is only for the root; AdjustNode changes other targets");
  const size_t count = static_cast<size_t>(spec.constraints_size());
  if (count > kMaxConstraints) {
    reader.Add("tree.constraints",
               absl::StrCat("has ", count, " constraints; the limit is ", kMaxConstraints));
  }
  std::set<std::string> seen;
  for (int i = 0; i < spec.constraints_size(); ++i) {
    const v1::SolveConstraint& given = spec.constraints(i);
    const std::string path = absl::StrCat("tree.constraints[", i, "].");
    const Reader::NodeIds ids = reader.NodeName(given.node(), path + "node", Need::kRequired);
    if (!ids.node.empty() && ids.plan != command.top.plan)
      reader.Add(path + "node", "is a node of another plan");
    if (!ids.node.empty() && !seen.insert(ids.node).second)
      reader.Add(path + "node", "is there twice");
    NodeConstraint constraint{
        ids.node, given.clear(),
        Units(given.has_lock_units(), given.lock_units(), path + "lock_units", reader),
        Units(given.has_min_units(), given.min_units(), path + "min_units", reader),
        Units(given.has_max_units(), given.max_units(), path + "max_units", reader)};
    if (constraint.min && constraint.max && *constraint.min > *constraint.max)
      reader.Add(path + "min_units", "is above max_units");
    command.solve.constraints.push_back(std::move(constraint));
  }
  reader.Choice(spec.shape(), "tree.shape", v1::TreeSpec::Shape_IsValid);
  if (spec.shape() == v1::TreeSpec::WEIGHTS) command.solve.shape = SolveShape::kWeights;
  command.reason = reader.Text(spec.reason(), "tree.reason", kMaxReason);
  return command;
}

absl::StatusOr<std::vector<Node>> SolveService::SolveNow(const rpc::Caller& caller,
                                                         db::Snapshot& snapshot, const Plan& plan,
                                                         const TreeCommand& command) {
  const std::string name = resource::Name("plans", command.top.plan, "nodes", command.top.node);
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, plan);
  if (absl::IsNotFound(view.status())) return error::NotFound(name);
  if (!view.ok()) return view.status();
  const absl::StatusOr<Node> top = plans_.LoadNode(snapshot, plan.id, command.top.node);
  if (!top.ok()) return top.status();
  if (!view->Shows(*top)) return error::NotFound(name);
  if (absl::Status s = CheckChangeValues(plan, view->actor, command.reason); !s.ok()) return s;
  PlanStore::NodeFilter filter;
  filter.path = top->path;
  if (absl::Status s = plans_.CheckOpenAbove(snapshot, *top); !s.ok()) return s;
  absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, plan.id, filter);
  if (!nodes.ok()) return nodes.status();
  *nodes = OpenNodes(*std::move(nodes));
  absl::StatusOr<TreeSolution> solution = ApplySolve(*nodes, command.solve);
  if (!solution.ok()) return solution.status();
  if (!solution->collisions.empty()) return Impossible(*nodes, *solution);
  return std::move(solution->changed);
}

absl::StatusOr<v1::PreviewTreeResponse> SolveService::Preview(
    const rpc::Caller& caller, db::Session& db, const v1::PreviewTreeRequest& request) {
  Reader reader;
  const TreeCommand command = ReadTree(request.tree(), reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::PreviewTreeResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, command.top.plan);
    if (absl::IsNotFound(plan.status())) return error::NotFound(request.tree().node());
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<std::vector<Node>> changed = SolveNow(caller, snapshot, *plan, command);
    if (!changed.ok()) return changed.status();
    v1::PreviewTreeResponse response;
    for (size_t i = 0; i < std::min(changed->size(), kMaxChildrenInAnswer); ++i)
      *response.add_nodes() = target::ToProto((*changed)[i], plan->calendar_id);
    response.set_changed_node_count(static_cast<int64_t>(changed->size()));
    response.set_plan_version(plan->version);
    return response;
  });
}

absl::StatusOr<v1::Plan> SolveService::Solve(const rpc::Caller& caller, db::Session& db,
                                             const v1::SolveTreeRequest& request) {
  Reader reader;
  const TreeCommand command = ReadTree(request.tree(), reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  change::Context why = caller.Change(request);
  why.reason = command.reason;
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Plan> {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, command.top.plan);
    if (absl::IsNotFound(before.status())) return error::NotFound(request.tree().node());
    if (!before.ok()) return before.status();
    absl::StatusOr<std::vector<Node>> changed = SolveNow(caller, tx, *before, command);
    if (!changed.ok()) return changed.status();
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("plans", before->id));
    Plan plan = *before;
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    NodeChanges changes;
    changes.updated = *std::move(changed);
    for (const Node& node : changes.updated) {
      if (node.parent_id.empty()) plan.target_units = node.target_units;
    }
    const absl::StatusOr<Plan> saved =
        plans_.Save(tx, why, "plan.solved", command.top.node, *before, std::move(plan), changes);
    if (!saved.ok()) return saved.status();
    return target::ToProto(*saved);
  });
}

SolveService::JointCommand SolveService::ReadJoint(const v1::JointSpec& spec, Reader& reader) {
  JointCommand command;
  command.node = reader.NodeName(spec.node(), "joint.node", Need::kRequired);
  // The axes are read although the node is wrong.
  const std::string node =
      command.node.node.empty() ? resource::Name("plans", "p", "nodes", kRootId) : spec.node();
  if (!spec.has_rows()) reader.Add("joint.rows", "is required");
  if (!spec.has_columns()) reader.Add("joint.columns", "is required");
  if (spec.has_rows()) command.rows = ReadAxis(spec.rows(), node, "joint.rows", reader);
  if (spec.has_columns()) command.columns = ReadAxis(spec.columns(), node, "joint.columns", reader);
  if (spec.has_rows() && spec.has_columns()) {
    if (spec.columns().dimension() == v1::UNIT || spec.columns().dimension() == v1::MEMBER)
      reader.Add("joint.columns.dimension", "must be PERIOD, PRODUCT, CHANNEL, REGION or CUSTOMER");
    if (spec.columns().dimension() == spec.rows().dimension())
      reader.Add("joint.columns.dimension", "is that of the rows");
    if (command.columns.rule.breakdown_id == command.rows.rule.breakdown_id &&
        !command.rows.rule.breakdown_id.empty()) {
      reader.Add("joint.columns.breakdown", "is that of the rows");
    }
  }
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < spec.cells_size(); ++i) {
    const v1::JointCell& given = spec.cells(i);
    const std::string path = absl::StrCat("joint.cells[", i, "].");
    JointCell cell;
    cell.row = ReadPartKey(given.row(), command.rows.rule.dimension, path + "row", reader);
    cell.column =
        ReadPartKey(given.column(), command.columns.rule.dimension, path + "column", reader);
    if (!seen.insert({cell.row, cell.column}).second) reader.Add(path + "row", "is there twice");
    cell.seed = reader.Number(given.seed(), path + "seed", 0, kMaxCellSeed);
    if (given.seed() != 0 && spec.has_history())
      reader.Add(path + "seed", "is only without history");
    cell.lock = Units(given.has_lock_units(), given.lock_units(), path + "lock_units", reader);
    cell.field = path;
    command.cells.push_back(std::move(cell));
  }
  if (spec.has_history()) command.history = ReadHistory(spec.history(), "joint.history", reader);
  command.rounding_units =
      spec.rounding_units() == 0
          ? 0
          : reader.Number(spec.rounding_units(), "joint.rounding_units", 1, kMaxRoundingUnits);
  command.reason = reader.Text(spec.reason(), "joint.reason", kMaxReason);
  return command;
}

absl::StatusOr<SolveService::JointState> SolveService::ReadJointState(const rpc::Caller& caller,
                                                                      db::Snapshot& snapshot,
                                                                      const Plan& plan,
                                                                      const JointCommand& command) {
  const std::string name = resource::Name("plans", command.node.plan, "nodes", command.node.node);
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, plan);
  if (absl::IsNotFound(view.status())) return error::NotFound(name);
  if (!view.ok()) return view.status();
  if (absl::Status s = CheckRebuild(plan, view->actor); !s.ok()) return s;
  absl::StatusOr<std::vector<SplitTask>> rows = decomposer_.Resolve(snapshot, plan, command.rows);
  if (!rows.ok()) return rows.status();
  absl::StatusOr<std::vector<SplitTask>> columns =
      decomposer_.Resolve(snapshot, plan, command.columns);
  if (!columns.ok()) return columns.status();
  const size_t cells = rows->front().parts.size() * columns->front().parts.size();
  if (cells > kMaxBalanceCells) {
    return error::MatrixImpossible(
        name,
        {{absl::StrCat("rows times columns are ", cells, "; the limit is ", kMaxBalanceCells), 0}});
  }
  return JointState{plan, std::move(rows->front()), std::move(columns->front())};
}

absl::StatusOr<SolveService::Seeds> SolveService::AskSeeds(const rpc::Caller& caller,
                                                           const JointState& state,
                                                           const JointCommand& command) {
  HistorySpec spec = *command.history;
  if (spec.metric_id.empty()) spec.metric_id = state.plan.metric_id;
  spec.currency_code = state.plan.currency_code;
  History history(*reports_, caller);
  const size_t columns = state.columns.parts.size();
  // All cells are mixed together: shares of one row say nothing about another.
  MixRequest all{.parts = state.rows.parts.size() * columns,
                 .rule = spec.mix,
                 .gaps = spec.gaps,
                 .newcomers = spec.newcomers};
  for (const PartSpec& part : state.rows.parts) {
    const absl::StatusOr<Scope> scope =
        NarrowScope(state.rows.node, command.rows.rule.dimension, part);
    if (!scope.ok()) return scope.status();
    Node row = state.rows.node;
    row.scope = *scope;
    absl::StatusOr<MixRequest> mix =
        history.Read(spec, row, command.columns.rule.dimension, state.columns.parts);
    if (!mix.ok()) return mix.status();
    all.periods.resize(mix->periods.size());
    for (size_t p = 0; p < mix->periods.size(); ++p) {
      PastPeriod& period = all.periods[p];
      period.label = mix->periods[p].label;
      period.mix = mix->periods[p].mix;
      std::move(mix->periods[p].values.begin(), mix->periods[p].values.end(),
                std::back_inserter(period.values));
      period.growth_ppm.insert(period.growth_ppm.end(), mix->periods[p].growth_ppm.begin(),
                               mix->periods[p].growth_ppm.end());
    }
  }
  const MixResult mixed = MixPeriods(all);
  if (!mixed.ok()) return error::NoParts(state.rows.node.Name(), mixed.violations.front().message);
  Seeds seeds(state.rows.parts.size());
  bool any = false;
  for (size_t i = 0; i < mixed.parts.size(); ++i) {
    seeds[i / columns].push_back(mixed.parts[i].weight);
    any = any || mixed.parts[i].weight > 0;
  }
  if (!any && !spec.even_without_history) return error::NoHistory(state.rows.node.Name());
  return seeds;
}

absl::StatusOr<SolveService::JointSplit> SolveService::ComputeJoint(
    Plan& plan, const JointCommand& command, const JointState& state,
    const std::optional<Seeds>& seeds, bool numbered) const {
  const std::vector<PartSpec>& rows = state.rows.parts;
  const std::vector<PartSpec>& columns = state.columns.parts;
  JointRequest request;
  request.total = state.rows.node.target_units;
  request.rounding_unit =
      command.rounding_units == 0 ? plan.rounding_units : command.rounding_units;
  request.cells.assign(rows.size(), std::vector<BalanceCell>(columns.size()));
  absl::flat_hash_map<std::string, size_t> row_of;
  absl::flat_hash_map<std::string, size_t> column_of;
  for (size_t i = 0; i < rows.size(); ++i) row_of[rows[i].key] = i;
  for (size_t j = 0; j < columns.size(); ++j) column_of[columns[j].key] = j;
  Reader reader;
  for (const JointCell& cell : command.cells) {
    const auto row = row_of.find(cell.row);
    const auto column = column_of.find(cell.column);
    if (row == row_of.end()) reader.Add(cell.field + "row", "is no row");
    if (column == column_of.end()) reader.Add(cell.field + "column", "is no column");
    if (row == row_of.end() || column == column_of.end()) continue;
    request.cells[row->second][column->second] = {cell.seed, cell.lock};
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  bool seeded = false;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < columns.size(); ++j) {
      if (seeds) request.cells[i][j].seed = (*seeds)[i][j];
      seeded = seeded || request.cells[i][j].seed > 0;
    }
  }
  std::vector<int64_t> row_sums(rows.size(), 0);
  std::vector<int64_t> column_sums(columns.size(), 0);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < columns.size(); ++j) {
      if (!seeded) request.cells[i][j].seed = 1;
      row_sums[i] = Saturated(row_sums[i], request.cells[i][j].seed);
      column_sums[j] = Saturated(column_sums[j], request.cells[i][j].seed);
    }
  }
  request.rows = PartsOf(rows, row_sums);
  request.columns = PartsOf(columns, column_sums);
  const JointResult result = PlanJointly(request);
  if (!result.ok()) {
    MatrixViolations violations(KeysOf(rows), KeysOf(columns));
    violations.Add(MatrixViolations::Axis::kRows, result.rows);
    violations.Add(MatrixViolations::Axis::kColumns, result.columns);
    violations.Add(result.matrix);
    return violations.ToStatus(state.rows.node.Name());
  }

  JointSplit split;
  split.node = state.rows.node;
  const SplitMethod method = seeds ? SplitMethod::kHistory : SplitMethod::kWeights;
  const auto rule_of = [&](const SplitCommand& axis, int64_t rounding_units) {
    SplitRule rule = axis.rule;
    rule.method = method;
    rule.stretch_ppm = kPpm;
    rule.rounding_units = rounding_units;
    rule.note = command.reason;
    return rule;
  };
  // Breaks `parent` down into parts with these values.
  const auto make = [&](Node& parent, const SplitRule& rule, const std::vector<PartSpec>& parts,
                        const std::vector<int64_t>& values) -> absl::StatusOr<std::vector<Node>> {
    const std::optional<char> slot = FreeSlot(parent);
    if (!slot) return error::TooManyBreakdowns(parent.Name());
    absl::StatusOr<std::vector<Node>> children =
        MakeChildren(parent, rule, *slot, Fixed(parts, values), EvenWeights(parts.size()).weights);
    if (!children.ok()) return children.status();
    parent.breakdowns.push_back({rule.breakdown_id, *slot, rule.dimension, rule.method,
                                 rule.stretch_ppm, rule.rounding_units,
                                 static_cast<int64_t>(parts.size()), rule.note});
    for (Node& child : *children) {
      if (numbered) child.id = NextNodeId(plan);
    }
    return children;
  };
  // Of an axis: as it was split.
  const auto make_axis = [&](const SplitCommand& axis, const std::vector<PartSpec>& parts,
                             const std::vector<SplitPart>& asked,
                             const SplitResult& made) -> absl::StatusOr<std::vector<Node>> {
    std::vector<int64_t> values;
    int64_t weights = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      values.push_back(made.values[i].value);
      weights = Saturated(weights, asked[i].weight);
    }
    absl::StatusOr<std::vector<Node>> children =
        make(split.node, rule_of(axis, request.rounding_unit), parts, values);
    if (!children.ok()) return children.status();
    for (size_t i = 0; i < parts.size(); ++i) {
      Node& child = (*children)[i];
      child.locked = parts[i].lock.has_value();
      child.min_units = parts[i].min;
      child.max_units = parts[i].max;
      child.explanation = ToExplanation(made.values[i], method, asked[i].weight, weights);
    }
    return children;
  };
  absl::StatusOr<std::vector<Node>> made_rows =
      make_axis(command.rows, rows, request.rows, result.rows);
  if (!made_rows.ok()) return made_rows.status();
  split.rows = *std::move(made_rows);
  absl::StatusOr<std::vector<Node>> made_columns =
      make_axis(command.columns, columns, request.columns, result.columns);
  if (!made_columns.ok()) return made_columns.status();
  split.columns = *std::move(made_columns);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<int64_t> values;
    for (const BalanceValue& value : result.matrix.values[i]) values.push_back(value.value);
    std::vector<PartSpec> parts = columns;
    absl::StatusOr<std::vector<Node>> cells =
        make(split.rows[i], rule_of(command.columns, result.rounding_unit), parts, values);
    if (!cells.ok()) return cells.status();
    for (size_t j = 0; j < columns.size(); ++j) {
      Node& cell = (*cells)[j];
      const BalanceValue& value = result.matrix.values[i][j];
      const BalanceCell& asked = request.cells[i][j];
      cell.locked = asked.lock.has_value();
      cell.explanation = Explanation{
          .method = method,
          .weight = asked.seed,
          .weight_sum = row_sums[i],
          .raw_units = value.fitted_whole,
          .raw_remainder_ppm = value.fitted_ppm,
          .bound = cell.locked ? Bound::kLock : Bound::kNone,
          .rounding_difference_units = value.value - value.fitted_whole,
          .description = cell.locked
                             ? absl::StrCat("locked to ", value.value)
                             : absl::StrCat("seed ", asked.seed, ", fitted to row and column ",
                                            value.fitted_whole, " and ", value.fitted_ppm,
                                            " ppm, rounded to ", value.value)};
    }
    std::move(cells->begin(), cells->end(), std::back_inserter(split.cells));
  }
  const int64_t created =
      static_cast<int64_t>(split.rows.size() + split.columns.size() + split.cells.size());
  if (plan.node_count + created > kMaxPlanNodes)
    return error::TooManyNodes(resource::Name("plans", plan.id), plan.node_count + created);
  return split;
}

absl::StatusOr<v1::PreviewJointSplitResponse> SolveService::PreviewJoint(
    const rpc::Caller& caller, db::Session& db, const v1::PreviewJointSplitRequest& request) {
  Reader reader;
  const JointCommand command = ReadJoint(request.joint(), reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<JointState> state =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<JointState> {
        const absl::StatusOr<Plan> plan = plans_.Load(snapshot, command.node.plan);
        if (absl::IsNotFound(plan.status())) return error::NotFound(request.joint().node());
        if (!plan.ok()) return plan.status();
        return ReadJointState(caller, snapshot, *plan, command);
      });
  if (!state.ok()) return state.status();
  db.EndRead();
  std::optional<Seeds> seeds;
  if (command.history) {
    absl::StatusOr<Seeds> asked = AskSeeds(caller, *state, command);
    if (!asked.ok()) return asked.status();
    seeds = *std::move(asked);
  }
  Plan plan = state->plan;
  const absl::StatusOr<JointSplit> split = ComputeJoint(plan, command, *state, seeds, false);
  if (!split.ok()) return split.status();
  v1::PreviewJointSplitResponse response;
  for (const Node& node : split->rows)
    *response.add_rows() = target::ToProto(node, plan.calendar_id);
  for (const Node& node : split->columns)
    *response.add_columns() = target::ToProto(node, plan.calendar_id);
  for (const Node& node : split->cells)
    *response.add_cells() = target::ToProto(node, plan.calendar_id);
  response.set_plan_version(plan.version);
  return response;
}

absl::StatusOr<v1::Plan> SolveService::SplitJoint(const rpc::Caller& caller, db::Session& db,
                                                  const v1::SplitJointlyRequest& request) {
  Reader reader;
  const JointCommand command = ReadJoint(request.joint(), reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  change::Context why = caller.Change(request);
  why.reason = command.reason;
  // Another service is asked before the transaction, never inside it.
  std::optional<Seeds> seeds;
  int64_t asked_version = 0;
  if (command.history) {
    const absl::StatusOr<JointState> state =
        db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<JointState> {
          const absl::StatusOr<Plan> plan = plans_.Load(snapshot, command.node.plan);
          if (absl::IsNotFound(plan.status())) return error::NotFound(request.joint().node());
          if (!plan.ok()) return plan.status();
          return ReadJointState(caller, snapshot, *plan, command);
        });
    if (!state.ok()) return state.status();
    db.EndRead();
    absl::StatusOr<Seeds> asked = AskSeeds(caller, *state, command);
    if (!asked.ok()) return asked.status();
    seeds = *std::move(asked);
    asked_version = state->plan.version;
  }
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Plan> {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, command.node.plan);
    if (absl::IsNotFound(before.status())) return error::NotFound(request.joint().node());
    if (!before.ok()) return before.status();
    const absl::StatusOr<JointState> state = ReadJointState(caller, tx, *before, command);
    if (!state.ok()) return state.status();
    const std::string name = resource::Name("plans", before->id);
    if (version && *version != before->version) return error::StaleEtag(name);
    if (seeds && asked_version != before->version) return error::PlanChanged(name);
    Plan plan = *before;
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    absl::StatusOr<JointSplit> split = ComputeJoint(plan, command, *state, seeds, true);
    if (!split.ok()) return split.status();
    NodeChanges changes;
    changes.updated.push_back(std::move(split->node));
    for (std::vector<Node>* made : {&split->rows, &split->columns, &split->cells})
      std::move(made->begin(), made->end(), std::back_inserter(changes.created));
    const absl::StatusOr<Plan> saved = plans_.Save(tx, why, "plan.split-jointly", command.node.node,
                                                   *before, std::move(plan), changes);
    if (!saved.ok()) return saved.status();
    return target::ToProto(*saved);
  });
}

absl::StatusOr<v1::BalanceMatrixResponse> SolveService::Balance(
    const rpc::Caller&, db::Session&, const v1::BalanceMatrixRequest& request) {
  Reader reader;
  BalanceRequest balance;
  size_t cells = 0;
  if (request.rows_size() == 0) reader.Add("rows", "is required");
  if (request.column_totals_size() == 0) reader.Add("column_totals", "is required");
  for (int i = 0; i < request.rows_size(); ++i) {
    const std::string path = absl::StrCat("rows[", i, "].");
    const v1::BalanceMatrixRequest::Row& row = request.rows(i);
    balance.row_totals.push_back(reader.Number(row.total(), path + "total", 0, kMaxTargetUnits));
    balance.cells.emplace_back();
    if (row.cells_size() != request.column_totals_size()) {
      reader.Add(path + "cells", absl::StrCat("has ", row.cells_size(), " cells; must have ",
                                              request.column_totals_size(), ", one a column"));
    }
    for (int j = 0; j < row.cells_size(); ++j) {
      const std::string field = absl::StrCat(path, "cells[", j, "].");
      const v1::BalanceMatrixRequest::Cell& cell = row.cells(j);
      balance.cells.back().push_back(
          {reader.Number(cell.seed(), field + "seed", 0, kMaxTargetUnits),
           Units(cell.has_lock(), cell.lock(), field + "lock", reader)});
      ++cells;
    }
  }
  if (cells > kMaxBalanceCells)
    reader.Add("rows", absl::StrCat("has ", cells, " cells; the limit is ", kMaxBalanceCells));
  for (int j = 0; j < request.column_totals_size(); ++j) {
    balance.column_totals.push_back(reader.Number(
        request.column_totals(j), absl::StrCat("column_totals[", j, "]"), 0, kMaxTargetUnits));
  }
  balance.rounding_unit =
      request.rounding_units() == 0
          ? 1
          : reader.Number(request.rounding_units(), "rounding_units", 1, kMaxRoundingUnits);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const BalanceResult result = target::Balance(balance);
  if (!result.ok()) {
    MatrixViolations violations({}, {});
    violations.Add(result);
    return violations.ToStatus("the matrix");
  }
  v1::BalanceMatrixResponse response;
  for (const std::vector<BalanceValue>& row : result.values) {
    v1::BalanceMatrixResponse::Row& message = *response.add_rows();
    for (const BalanceValue& value : row) {
      v1::BalanceMatrixResponse::Cell& cell = *message.add_cells();
      cell.set_value(value.value);
      cell.set_basis(
          static_cast<v1::BalanceMatrixResponse::Cell::Basis>(static_cast<int>(value.basis) + 1));
      cell.set_fitted_whole(value.fitted_whole);
      cell.set_fitted_ppm(value.fitted_ppm);
    }
  }
  return response;
}

}  // namespace milepost::target
