#include "target-svc/domain/tree_solve.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "target-svc/domain/tree_collision.h"

namespace milepost::target {
namespace {

using tree::Active;
using tree::Contribution;
using tree::ContributionOf;
using tree::FindCollision;
using tree::int128;
using tree::kMaxValue;
using tree::Narrow;
using tree::Ranges;
using tree::RoundDown;
using tree::Sums;
using tree::Tree;
using tree::Unstretch;
using tree::Wide;
using Kind = TreeViolationKind;

class Checker {
 public:
  explicit Checker(const TreeRequest& request) : request_(request) {}

  std::vector<TreeViolation> Check() {
    const size_t count = request_.nodes.size();
    if (count == 0 || count > kMaxTreeNodes) {
      Add(Kind::kSizeOutOfRange, "nodes",
          absl::StrCat("has ", count, " nodes, must have 1 to ", kMaxTreeNodes));
      return std::move(violations_);
    }
    if (request_.families.size() > count) {
      Add(Kind::kSizeOutOfRange, "families",
          absl::StrCat("has ", request_.families.size(), " families for ", count, " nodes"));
      return std::move(violations_);
    }
    if (!request_.current.empty() && request_.current.size() != count) {
      Add(Kind::kSizeOutOfRange, "current",
          absl::StrCat("has ", request_.current.size(), " values for ", count, " nodes"));
    }
    CheckValue("total", "", request_.total);
    for (size_t f = 0; f < request_.families.size(); ++f) CheckFamily(f);
    CheckNodes();
    for (size_t i = 0; i < request_.current.size(); ++i) {
      CheckValue("current", i, "", request_.current[i]);
    }
    return std::move(violations_);
  }

 private:
  void Add(Kind kind, std::string field, std::string message) {
    violations_.push_back({kind, std::move(field), std::move(message)});
  }

  void CheckValue(const std::string& field, const std::string& part, int64_t value) {
    if (value >= 0 && value <= kMaxTreeValue) return;
    Add(Kind::kValueOutOfRange, field + part,
        absl::StrCat("is ", value, ", must be 0 to ", kMaxTreeValue));
  }
  void CheckValue(const char* list, size_t i, const char* part, int64_t value) {
    if (value >= 0 && value <= kMaxTreeValue) return;
    CheckValue(absl::StrCat(list, "[", i, "]"), part, value);
  }

  void CheckFamily(size_t f) {
    const TreeFamily& family = request_.families[f];
    const auto field = [f](const char* part) { return absl::StrCat("families[", f, "].", part); };
    if (family.parent >= request_.nodes.size()) {
      Add(Kind::kParentOutOfRange, field("parent"),
          absl::StrCat("is ", family.parent, ", there are ", request_.nodes.size(), " nodes"));
    }
    if (family.stretch_ppm < 1 || family.stretch_ppm > kMaxStretchPpm) {
      Add(Kind::kStretchOutOfRange, field("stretch_ppm"),
          absl::StrCat("is ", family.stretch_ppm, ", must be 1 to ", kMaxStretchPpm));
    }
    if (family.rounding_unit < 1 || family.rounding_unit > kMaxTreeValue) {
      Add(Kind::kRoundingUnitOutOfRange, field("rounding_unit"),
          absl::StrCat("is ", family.rounding_unit, ", must be 1 to ", kMaxTreeValue));
    }
  }

  void CheckNodes() {
    struct Sums {
      size_t count = 0;
      int128 weight = 0;
    };
    std::vector<Sums> sums(request_.families.size());
    for (size_t i = 0; i < request_.nodes.size(); ++i) {
      const TreeNode& node = request_.nodes[i];
      if (i == 0 ? node.family != kNoFamily
                 : node.family >= request_.families.size() ||
                       request_.families[node.family].parent >= i) {
        Add(Kind::kFamilyOutOfRange, absl::StrCat("nodes[", i, "].family"),
            i == 0 ? "the root must have none"
                   : absl::StrCat("is ", node.family, ", must be one of the ",
                                  request_.families.size(),
                                  " families, with a parent before the node"));
      } else if (i > 0) {
        ++sums[node.family].count;
        sums[node.family].weight += std::max<int64_t>(node.weight, 0);
      }
      if (node.weight < 0) {
        Add(Kind::kNegativeWeight, absl::StrCat("nodes[", i, "].weight"),
            absl::StrCat("is ", node.weight, ", must not be negative"));
      }
      if (node.lock) CheckValue("nodes", i, ".lock", *node.lock);
      if (node.min) CheckValue("nodes", i, ".min", *node.min);
      if (node.max) CheckValue("nodes", i, ".max", *node.max);
    }
    for (size_t f = 0; f < sums.size(); ++f) {
      if (sums[f].count > kMaxSplitParts) {
        Add(Kind::kSizeOutOfRange, absl::StrCat("families[", f, "]"),
            absl::StrCat("has ", sums[f].count, " children, may have ", kMaxSplitParts));
      }
      if (sums[f].weight > kMaxValue) {
        Add(Kind::kWeightsTooLarge, absl::StrCat("families[", f, "]"),
            absl::StrCat("weights must add up to at most ", kMaxValue,
                         "; divide them all by the same number"));
      }
    }
  }

  const TreeRequest& request_;
  std::vector<TreeViolation> violations_;
};

void ReadFamily(const Tree& tree, const std::vector<TreeRange>& ranges, uint32_t family,
                int64_t value, SplitRequest& split) {
  split.parent_value = value;
  split.stretch_ppm = tree.request.families[family].stretch_ppm;
  split.rounding_unit = tree.request.families[family].rounding_unit;
  split.parts.clear();
  for (const uint32_t* c = tree.children.begin(family); c != tree.children.end(family); ++c) {
    const TreeNode& node = tree.request.nodes[*c];
    const TreeRange& range = ranges[*c];
    SplitPart part{.weight = node.weight};
    if (node.lock || range.min == range.max) {
      part.lock = range.min;
    } else {
      if (range.min > 0) part.min = range.min;
      if (range.max < kMaxTreeValue) part.max = range.max;
    }
    split.parts.push_back(part);
  }
}

class Solver {
 public:
  explicit Solver(const TreeRequest& request) : request_(request), tree_(request) {}

  TreeResult Run() {
    SetRanges();
    result_.ranges = std::move(ranges_.of);
    if (result_.collisions.empty()) {
      FindKept();
      SetValues();
    }
    return std::move(result_);
  }

 private:
  void SetRanges() {
    ranges_.of.resize(request_.nodes.size());
    ranges_.free_max.resize(request_.nodes.size());
    ranges_.sums.resize(request_.families.size());
    for (uint32_t node = static_cast<uint32_t>(request_.nodes.size()); node-- > 0;) {
      const Active active = tree_.AllOf(node);
      Wide range = tree_.Own(node, active);
      int128 free_max = kMaxTreeValue;
      for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
        if (tree_.children.size(*f) == 0) continue;
        const Sums& sums = ranges_.sums[*f];
        const int64_t stretch_ppm = request_.families[*f].stretch_ppm;
        const Wide allowed = Unstretch({sums.min, sums.max}, stretch_ppm);
        range.min = std::max(range.min, allowed.min);
        range.max = std::min(range.max, allowed.max);
        free_max = std::min(free_max, Unstretch({0, sums.free_max}, stretch_ppm).max);
      }
      ranges_.free_max[node] = Narrow(free_max);
      const int128 free_contribution = RoundDown(free_max, tree_.UnitOf(node));
      Contribution contribution = ContributionOf(range, active.lock, tree_.UnitOf(node));
      if (range.min > range.max || !contribution.whole_unit) {
        if (result_.collisions.size() < kMaxTreeCollisions) {
          result_.collisions.push_back(FindCollision(tree_, ranges_, node, range));
        }
        range = {0, free_max};
        contribution = {true, 0, free_contribution};
      }
      ranges_.of[node] = {Narrow(range.min), Narrow(range.max)};
      if (node > 0) {
        Sums& sums = ranges_.sums[request_.nodes[node].family];
        sums.min += contribution.min;
        sums.max += contribution.max;
        sums.free_max += free_contribution;
      }
    }
    std::reverse(result_.collisions.begin(), result_.collisions.end());
  }

  // Families that may stay as they are if their parent does.
  void FindKept() {
    if (request_.current.empty()) return;
    kept_.assign(request_.families.size(), 1);
    std::vector<int128> sums(request_.families.size(), 0);
    for (uint32_t node = static_cast<uint32_t>(request_.nodes.size()); node-- > 0;) {
      const int64_t value = request_.current[node];
      const Wide own = tree_.Own(node, tree_.AllOf(node));
      bool keeps = own.min <= value && value <= own.max;
      for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
        if (tree_.children.size(*f) == 0) continue;
        const std::optional<int64_t> wanted = SplitTarget(value, request_.families[*f].stretch_ppm);
        kept_[*f] = kept_[*f] && wanted && sums[*f] == *wanted;
        keeps = keeps && kept_[*f];
      }
      if (node == 0) continue;
      sums[request_.nodes[node].family] += value;
      kept_[request_.nodes[node].family] = kept_[request_.nodes[node].family] && keeps;
    }
  }

  void SetValues() {
    result_.values.resize(request_.nodes.size());
    result_.bounds.assign(request_.nodes.size(), Bound::kNone);
    result_.values[0] = request_.total;
    if (request_.nodes[0].lock) result_.bounds[0] = Bound::kLock;
    SplitRequest split;
    for (uint32_t node = 0; node < request_.nodes.size(); ++node) {
      for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
        if (tree_.children.size(*f) == 0) continue;
        if (!kept_.empty() && kept_[*f] && result_.values[node] == request_.current[node]) {
          for (const uint32_t* c = tree_.children.begin(*f); c != tree_.children.end(*f); ++c) {
            result_.values[*c] = request_.current[*c];
            if (request_.nodes[*c].lock) result_.bounds[*c] = Bound::kLock;
          }
          continue;
        }
        ReadFamily(tree_, result_.ranges, *f, result_.values[node], split);
        const SplitResult parts = Split(split);
        size_t part = 0;
        for (const uint32_t* c = tree_.children.begin(*f); c != tree_.children.end(*f);
             ++c, ++part) {
          result_.values[*c] = parts.values[part].value;
          result_.bounds[*c] = parts.values[part].bound;
        }
      }
    }
  }

  const TreeRequest& request_;
  Tree tree_;
  TreeResult result_;
  Ranges ranges_;
  std::vector<char> kept_;  // Of each family.
};

std::string LimitText(const TreeConstraint& constraint,
                      const std::function<std::string(uint32_t)>& name) {
  switch (constraint.limit) {
    case TreeLimit::kTotal:
      return absl::StrCat("the total ", constraint.value);
    case TreeLimit::kLock:
      return absl::StrCat("lock ", constraint.value, " of ", name(constraint.node));
    case TreeLimit::kMin:
      return absl::StrCat("minimum ", constraint.value, " of ", name(constraint.node));
    case TreeLimit::kMax:
      return absl::StrCat("maximum ", constraint.value, " of ", name(constraint.node));
  }
  return "";
}

}  // namespace

TreeResult SolveTree(const TreeRequest& request) {
  std::vector<TreeViolation> violations = Checker(request).Check();
  if (!violations.empty()) return {.violations = std::move(violations)};
  return Solver(request).Run();
}

SplitResult ExplainFamily(const TreeRequest& request, const TreeResult& result, uint32_t family) {
  SplitRequest split;
  ReadFamily(Tree(request), result.ranges, family, result.values[request.families[family].parent],
             split);
  return Split(split);
}

std::string Explain(const TreeCollision& collision,
                    const std::function<std::string(uint32_t)>& name) {
  const auto list = [&](TreeSide side) {
    std::vector<std::string> texts;
    for (const TreeConstraint& constraint : collision.constraints) {
      if (constraint.side == side) texts.push_back(LimitText(constraint, name));
    }
    return texts.empty() ? "" : absl::StrCat(" (", absl::StrJoin(texts, ", "), ")");
  };
  std::string text = absl::StrCat(name(collision.node), " must have at least ", collision.needed,
                                  list(TreeSide::kRaises), " and may have at most ",
                                  collision.allowed, list(TreeSide::kLimits), ": ");
  if (collision.kind == TreeCollisionKind::kNoWholeUnit) {
    absl::StrAppend(&text, "no whole rounding unit lies between, the next is ", collision.amount,
                    " above");
  } else {
    absl::StrAppend(&text, collision.amount, " too much");
  }
  if (collision.amount_of_all > collision.amount) {
    absl::StrAppend(&text, "; with all that is set below ", collision.amount_of_all);
  }
  return text;
}

}  // namespace milepost::target
