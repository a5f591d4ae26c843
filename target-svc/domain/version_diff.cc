#include "target-svc/domain/version_diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace milepost::target {
namespace {

using FieldKey = std::pair<VersionField, std::string>;  // With the breakdown.
using Fields = std::map<FieldKey, FieldValue>;
using Version = std::map<std::string, VersionNode>;  // By id.

Version ById(const std::vector<VersionNode>& nodes) {
  Version version;
  for (const VersionNode& node : nodes) version.emplace(node.id, node);
  return version;
}

const VersionNode* Find(const Version& version, const std::string& id) {
  const auto found = version.find(id);
  return found == version.end() ? nullptr : &found->second;
}

// All that a node says; what is none is left out.
Fields FieldsOf(const VersionNode& node) {
  Fields fields;
  fields[{VersionField::kPlace, ""}].text =
      node.parent_id.empty() ? "" : absl::StrCat(node.parent_id, "/", node.breakdown);
  fields[{VersionField::kTitle, ""}].text = node.title;
  fields[{VersionField::kValue, ""}].number = node.value;
  fields[{VersionField::kLocked, ""}].number = node.locked ? 1 : 0;
  if (node.min) fields[{VersionField::kMin, ""}].number = node.min;
  if (node.max) fields[{VersionField::kMax, ""}].number = node.max;
  if (node.counts_as) fields[{VersionField::kCounts, ""}].number = node.counts_as;
  if (!node.days.empty()) fields[{VersionField::kDays, ""}].text = node.days;
  if (!node.note.empty()) fields[{VersionField::kNote, ""}].text = node.note;
  for (const VersionBreakdown& breakdown : node.breakdowns) {
    fields[{VersionField::kStretch, breakdown.id}].number = breakdown.stretch_ppm;
    fields[{VersionField::kRounding, breakdown.id}].number = breakdown.rounding_unit;
  }
  return fields;
}

VersionNode ToNode(const std::string& id, const Fields& fields) {
  VersionNode node{.id = id};
  std::map<std::string, VersionBreakdown> breakdowns;
  for (const auto& [key, value] : fields) {
    switch (key.first) {
      case VersionField::kPlace: {
        const size_t slash = value.text.find('/');
        if (slash == std::string::npos) break;
        node.parent_id = value.text.substr(0, slash);
        node.breakdown = value.text.substr(slash + 1);
        break;
      }
      case VersionField::kTitle:
        node.title = value.text;
        break;
      case VersionField::kValue:
        node.value = value.number.value_or(0);
        break;
      case VersionField::kLocked:
        node.locked = value.number == 1;
        break;
      case VersionField::kMin:
        node.min = value.number;
        break;
      case VersionField::kMax:
        node.max = value.number;
        break;
      case VersionField::kStretch:
        breakdowns[key.second].stretch_ppm = value.number.value_or(kPpm);
        break;
      case VersionField::kRounding:
        breakdowns[key.second].rounding_unit = value.number.value_or(1);
        break;
      case VersionField::kCounts:
        node.counts_as = value.number;
        break;
      case VersionField::kDays:
        node.days = value.text;
        break;
      case VersionField::kNote:
        node.note = value.text;
        break;
      case VersionField::kNode:
        break;
    }
  }
  for (auto& [breakdown_id, breakdown] : breakdowns) {
    breakdown.id = breakdown_id;
    node.breakdowns.push_back(breakdown);
  }
  return node;
}

FieldValue ValueIn(const Fields& fields, const FieldKey& key) {
  const auto found = fields.find(key);
  return found == fields.end() ? FieldValue{} : found->second;
}

std::set<FieldKey> KeysOf(const std::vector<const Fields*>& all) {
  std::set<FieldKey> keys;
  for (const Fields* fields : all) {
    for (const auto& [key, value] : *fields) keys.insert(key);
  }
  return keys;
}

class Merger {
 public:
  Merger(const std::vector<VersionNode>& base, const std::vector<VersionNode>& ours,
         const std::vector<VersionNode>& theirs, const std::vector<MergeDecision>& decisions)
      : base_(ById(base)), ours_(ById(ours)), theirs_(ById(theirs)) {
    for (const MergeDecision& decision : decisions) {
      decisions_[{decision.node_id, decision.field, decision.breakdown}] = decision.side;
    }
  }

  MergeResult Run() {
    std::set<std::string> ids;
    for (const Version* version : {&base_, &ours_, &theirs_}) {
      for (const auto& [id, node] : *version) ids.insert(id);
    }
    for (const std::string& id : ids) MergeNode(id);
    KeepParents();
    BreakCycles();
    std::sort(result_.conflicts.begin(), result_.conflicts.end(),
              [](const MergeConflict& a, const MergeConflict& b) {
                return std::tie(a.node_id, a.field, a.breakdown) <
                       std::tie(b.node_id, b.field, b.breakdown);
              });
    for (const auto& [id, node] : merged_) result_.nodes.push_back(node);
    SetViolations();
    return std::move(result_);
  }

 private:
  MergeSide Conflict(MergeConflict conflict) {
    const auto decided = decisions_.find({conflict.node_id, conflict.field, conflict.breakdown});
    if (decided != decisions_.end()) conflict.taken = decided->second;
    result_.conflicts.push_back(conflict);
    return conflict.taken;
  }

  void MergeNode(const std::string& id) {
    const VersionNode* base = Find(base_, id);
    const VersionNode* ours = Find(ours_, id);
    const VersionNode* theirs = Find(theirs_, id);
    if (ours != nullptr && theirs != nullptr) {
      MergeFields(id, base, *ours, *theirs);
      return;
    }
    const VersionNode* left = ours != nullptr ? ours : theirs;
    if (left == nullptr) return;  // Both removed it.
    if (base == nullptr) {        // One side added it.
      merged_[id] = ToNode(id, FieldsOf(*left));
      return;
    }
    if (FieldsOf(*left) == FieldsOf(*base)) return;  // The other side removed it.
    const MergeSide keeps = ours != nullptr ? MergeSide::kOurs : MergeSide::kTheirs;
    const MergeSide taken = Conflict({.kind = ConflictKind::kRemovedAndChanged,
                                      .node_id = id,
                                      .base = {.number = 1},
                                      .ours = Presence(ours),
                                      .theirs = Presence(theirs),
                                      .taken = keeps});
    if (taken == keeps) merged_[id] = ToNode(id, FieldsOf(*left));
  }

  static FieldValue Presence(const VersionNode* node) {
    return node == nullptr ? FieldValue{} : FieldValue{.number = 1};
  }

  void MergeFields(const std::string& id, const VersionNode* base, const VersionNode& ours,
                   const VersionNode& theirs) {
    const Fields in_base = base == nullptr ? Fields{} : FieldsOf(*base);
    const Fields in_ours = FieldsOf(ours);
    const Fields in_theirs = FieldsOf(theirs);
    Fields fields;
    for (const FieldKey& key : KeysOf({&in_base, &in_ours, &in_theirs})) {
      const FieldValue old = ValueIn(in_base, key);
      const FieldValue one = ValueIn(in_ours, key);
      const FieldValue other = ValueIn(in_theirs, key);
      FieldValue merged = one;
      if (base != nullptr && one == old) {
        merged = other;
      } else if (one != other && (base == nullptr || other != old)) {
        const MergeSide taken = Conflict(
            {.kind = base == nullptr ? ConflictKind::kBothAdded : ConflictKind::kBothChanged,
             .node_id = id,
             .field = key.first,
             .breakdown = key.second,
             .base = old,
             .ours = one,
             .theirs = other});
        if (taken == MergeSide::kTheirs) merged = other;
      }
      const bool is_text = key.first == VersionField::kPlace || key.first == VersionField::kTitle;
      if (is_text || merged.number || !merged.text.empty()) fields[key] = merged;
    }
    merged_[id] = ToNode(id, fields);
  }

  // Something was put below a node that the other side removed: the node comes back.
  void KeepParents() {
    std::vector<std::string> open;
    for (const auto& [id, node] : merged_) open.push_back(node.parent_id);
    while (!open.empty()) {
      const std::string id = open.back();
      open.pop_back();
      if (id.empty() || merged_.contains(id)) continue;
      const VersionNode* ours = Find(ours_, id);
      const VersionNode* theirs = Find(theirs_, id);
      const VersionNode* left = ours != nullptr     ? ours
                                : theirs != nullptr ? theirs
                                                    : Find(base_, id);
      if (left == nullptr) continue;  // In no version; CheckPlan says so.
      MergeConflict conflict{.kind = ConflictKind::kParentRemoved,
                             .node_id = id,
                             .base = Presence(Find(base_, id)),
                             .ours = Presence(ours),
                             .theirs = Presence(theirs),
                             .taken = theirs != nullptr ? MergeSide::kTheirs : MergeSide::kOurs};
      // It may be listed already: as changed there and removed here, and decided for removal.
      std::erase_if(result_.conflicts, [&](const MergeConflict& other) {
        return other.node_id == id && other.field == VersionField::kNode;
      });
      result_.conflicts.push_back(std::move(conflict));
      merged_[id] = ToNode(id, FieldsOf(*left));
      open.push_back(left->parent_id);
    }
  }

  void BreakCycles() {
    std::map<std::string, int> state;  // 1: on the walk, 2: done.
    for (const auto& [start, unused] : merged_) {
      std::vector<std::string> walk;
      std::string id = start;
      while (!id.empty() && merged_.contains(id) && state[id] == 0) {
        state[id] = 1;
        walk.push_back(id);
        id = merged_.at(id).parent_id;
      }
      if (!id.empty() && merged_.contains(id) && state[id] == 1) {
        const auto first = std::find(walk.begin(), walk.end(), id);
        for (auto on_cycle = first; on_cycle != walk.end(); ++on_cycle) TakeOurPlace(*on_cycle);
      }
      for (const std::string& done : walk) state[done] = 2;
    }
  }

  void TakeOurPlace(const std::string& id) {
    const VersionNode* ours = Find(ours_, id);
    if (ours == nullptr) return;
    VersionNode& node = merged_.at(id);
    if (node.parent_id == ours->parent_id && node.breakdown == ours->breakdown) return;
    const FieldKey place{VersionField::kPlace, ""};
    const VersionNode* base = Find(base_, id);
    result_.conflicts.push_back(
        {.kind = ConflictKind::kCycle,
         .node_id = id,
         .field = VersionField::kPlace,
         .base = base == nullptr ? FieldValue{} : ValueIn(FieldsOf(*base), place),
         .ours = ValueIn(FieldsOf(*ours), place),
         .theirs = ValueIn(FieldsOf(node), place)});
    node.parent_id = ours->parent_id;
    node.breakdown = ours->breakdown;
  }

  static std::vector<PlanViolation> Check(const Version& version) {
    std::vector<PlanTreeNode> tree;
    std::vector<BreakdownStretch> stretches;
    std::set<std::pair<std::string, std::string>> used;
    for (const auto& [id, node] : version) {
      tree.push_back({id, node.parent_id, node.breakdown, node.value, node.counts_as});
      used.insert({node.parent_id, node.breakdown});
    }
    for (const auto& [id, node] : version) {
      for (const VersionBreakdown& breakdown : node.breakdowns) {
        if (breakdown.stretch_ppm != kPpm && used.contains({id, breakdown.id}))
          stretches.push_back({id, breakdown.id, breakdown.stretch_ppm});
      }
    }
    return CheckPlan(tree, stretches);
  }

  void SetViolations() {
    const std::vector<PlanViolation> before = Check(ours_);
    for (PlanViolation& violation : Check(merged_)) {
      if (std::find(before.begin(), before.end(), violation) == before.end()) {
        result_.violations.push_back(std::move(violation));
      }
    }
  }

  const Version base_;
  const Version ours_;
  const Version theirs_;
  std::map<std::tuple<std::string, VersionField, std::string>, MergeSide> decisions_;
  Version merged_;
  MergeResult result_;
};

}  // namespace

std::vector<VersionDifference> CompareVersions(const std::vector<VersionNode>& before,
                                               const std::vector<VersionNode>& after) {
  const Version old_version = ById(before);
  const Version new_version = ById(after);
  std::set<std::string> ids;
  for (const VersionNode& node : before) ids.insert(node.id);
  for (const VersionNode& node : after) ids.insert(node.id);
  std::vector<VersionDifference> differences;
  for (const std::string& id : ids) {
    const VersionNode* old_node = Find(old_version, id);
    const VersionNode* new_node = Find(new_version, id);
    if (old_node == nullptr || new_node == nullptr) {
      VersionDifference difference{.node_id = id};
      (old_node == nullptr ? difference.after : difference.before).number = 1;
      differences.push_back(std::move(difference));
      continue;
    }
    const Fields old_fields = FieldsOf(*old_node);
    const Fields new_fields = FieldsOf(*new_node);
    for (const FieldKey& key : KeysOf({&old_fields, &new_fields})) {
      FieldValue old_value = ValueIn(old_fields, key);
      FieldValue new_value = ValueIn(new_fields, key);
      if (old_value == new_value) continue;
      differences.push_back(
          {id, key.first, key.second, std::move(old_value), std::move(new_value)});
    }
  }
  return differences;
}

MergeResult MergeVersions(const std::vector<VersionNode>& base,
                          const std::vector<VersionNode>& ours,
                          const std::vector<VersionNode>& theirs,
                          const std::vector<MergeDecision>& decisions) {
  return Merger(base, ours, theirs, decisions).Run();
}

}  // namespace milepost::target
