#include "target-svc/service/version_view.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/resource/name.h"
#include "platform/status/error.h"
#include "target-svc/domain/plan_branch.h"

namespace milepost::target {
namespace {

// `before` and `after` are the node in both versions, null where it is not.
v1::PlanDifference ToProto(const VersionDifference& difference, const std::string& plan_id,
                           const Node* before, const Node* after) {
  v1::PlanDifference proto;
  proto.set_node(resource::Name("plans", plan_id, "nodes", difference.node_id));
  proto.set_node_display_name((after != nullptr ? after : before)->display_name);
  proto.set_kind(KindOf(difference));
  proto.set_breakdown(difference.breakdown);
  if (difference.field == VersionField::kNode) {
    if (before != nullptr) proto.set_old_value(before->target_units);
    if (after != nullptr) proto.set_new_value(after->target_units);
    return proto;
  }
  if (difference.before.number) proto.set_old_value(*difference.before.number);
  if (difference.after.number) proto.set_new_value(*difference.after.number);
  proto.set_old_text(difference.before.text);
  proto.set_new_text(difference.after.text);
  return proto;
}

std::map<std::string, const Node*> ById(const std::vector<Node>& nodes) {
  std::map<std::string, const Node*> by_id;
  for (const Node& node : nodes) by_id[node.id] = &node;
  return by_id;
}

const Node* Find(const std::map<std::string, const Node*>& nodes, const std::string& id) {
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : found->second;
}

}  // namespace

v1::DifferenceKind KindOf(const VersionDifference& difference) {
  switch (difference.field) {
    case VersionField::kNode:
      return difference.after.number ? v1::NODE_CREATED : v1::NODE_DELETED;
    case VersionField::kPlace:
      return v1::NODE_MOVED;
    case VersionField::kTitle:
      return v1::NODE_RENAMED;
    case VersionField::kValue:
      return v1::TARGET_CHANGED;
    case VersionField::kLocked:
      return v1::LOCK_CHANGED;
    case VersionField::kMin:
      return v1::MINIMUM_CHANGED;
    case VersionField::kMax:
      return v1::MAXIMUM_CHANGED;
    case VersionField::kStretch:
      return v1::STRETCH_CHANGED;
    case VersionField::kRounding:
      return v1::ROUNDING_CHANGED;
    case VersionField::kCounts:
      return v1::COUNT_CHANGED;
    case VersionField::kDays:
      return v1::DAYS_CHANGED;
    case VersionField::kNote:
      return v1::NOTE_CHANGED;
  }
  return v1::DIFFERENCE_KIND_UNSPECIFIED;
}

size_t AddDifferences(const std::vector<Node>& before, const std::vector<Node>& after,
                      const std::string& plan_id, size_t start, size_t limit,
                      google::protobuf::RepeatedPtrField<v1::PlanDifference>& differences) {
  const std::map<std::string, const Node*> old_nodes = ById(before);
  const std::map<std::string, const Node*> new_nodes = ById(after);
  const std::vector<VersionDifference> all = CompareVersions(ToVersion(before), ToVersion(after));
  for (size_t i = start; i < std::min(all.size(), start + limit); ++i) {
    const std::string& node = all[i].node_id;
    *differences.Add() = ToProto(all[i], plan_id, Find(old_nodes, node), Find(new_nodes, node));
  }
  return all.size();
}

absl::Status WithDetail(absl::Status status, const google::protobuf::Message& detail) {
  return status::WithDetail(
      std::move(status),
      absl::StrCat("type.googleapis.com/", std::string(detail.GetDescriptor()->full_name())),
      detail.SerializeAsString());
}

}  // namespace milepost::target
