#include "target-svc/domain/node.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/status/error.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/node_adjust.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;

const absl::Time kNow = absl::FromUnixSeconds(1'500'000'000);
const DayRange kYear{absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 12, 31)};

Node Root(int64_t target) {
  Plan plan;
  plan.id = "p";
  plan.period = kYear;
  plan.target_units = target;
  return RootOf(plan);
}

// Splits a node of the list and appends its children.
void Split(std::vector<Node>& nodes, const std::string& id, SplitRule rule,
           const std::vector<PartSpec>& parts) {
  const auto parent =
      std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) { return node.id == id; });
  ASSERT_NE(parent, nodes.end());
  if (rule.breakdown_id.empty()) rule.breakdown_id = DimensionWord(rule.dimension);
  std::vector<int64_t> weights;
  for (const PartSpec& part : parts) weights.push_back(part.weight);
  const char slot = *FreeSlot(*parent);
  absl::StatusOr<std::vector<Node>> children = MakeChildren(*parent, rule, slot, parts, weights);
  ASSERT_TRUE(children.ok()) << children.status();
  parent->breakdowns.push_back({rule.breakdown_id, slot, rule.dimension, rule.method,
                                rule.stretch_ppm, rule.rounding_units,
                                static_cast<int64_t>(children->size()), ""});
  for (Node& child : *children) {
    child.id = absl::StrCat(id, slot == '0' ? "-" : "+", child.position);
    nodes.push_back(std::move(child));
  }
  std::sort(nodes.begin(), nodes.end(),
            [](const Node& a, const Node& b) { return a.path < b.path; });
}

std::vector<PartSpec> Regions(const std::vector<int64_t>& weights) {
  std::vector<PartSpec> parts;
  for (size_t i = 0; i < weights.size(); ++i) {
    PartSpec part;
    part.key = absl::StrCat("r", i);
    part.weight = weights[i];
    parts.push_back(part);
  }
  return parts;
}

TEST(PathTest, SortsParentsFirstAndChildrenInOrder) {
  EXPECT_EQ(ChildPath("", '0', 0), "0000");
  EXPECT_EQ(ChildPath("0000", '1', 37), "00001011");
  EXPECT_LT(ChildPath("", '0', 35), ChildPath("", '0', 36));
  EXPECT_LT(ChildPath("", '0', static_cast<int>(kMaxChildren) - 1), ChildPath("", '1', 0));
  EXPECT_LT(std::string("0000"), ChildPath("0000", 'z', 4'999));
  EXPECT_LT(ChildPath("0000", 'z', 4'999), std::string("0001"));
  EXPECT_THAT(AncestorPaths("000100020003"), ElementsAre("", "0001", "00010002"));
  EXPECT_THAT(AncestorPaths(""), ElementsAre());
}

TEST(NodeTest, SlotsRunOut) {
  Node node = Root(1);
  for (size_t i = 0; i < kMaxBreakdowns; ++i) {
    const std::optional<char> slot = FreeSlot(node);
    ASSERT_TRUE(slot);
    node.breakdowns.push_back({absl::StrCat("b", i), *slot});
  }
  EXPECT_FALSE(FreeSlot(node));
  node.breakdowns.erase(node.breakdowns.begin() + 3);
  EXPECT_EQ(FreeSlot(node), '3');
}

TEST(NodeTest, ChildrenInheritWhatTheyDoNotNarrow) {
  std::vector<Node> nodes{Root(1'200)};
  nodes[0].scope.unit_id = "west";
  Split(nodes, "root", {.dimension = Dimension::kRegion}, Regions({1, 1}));
  Split(nodes, "root-1", {.dimension = Dimension::kPeriod}, PeriodParts(kYear, PeriodKind::kMonth));
  const Node& march = nodes[5];
  EXPECT_EQ(march.key, "2018-03");
  EXPECT_EQ(march.scope.region, "r1");
  EXPECT_EQ(march.scope.unit_id, "west");
  EXPECT_EQ(march.scope.period,
            (DayRange{absl::CivilDay(2018, 3, 1), absl::CivilDay(2018, 3, 31)}));
  EXPECT_EQ(march.depth, 2);
  EXPECT_EQ(march.target_units, 50);
  EXPECT_EQ(status::ReasonOf(CheckDimension(march, Dimension::kRegion)), "NO_PARTS");
  EXPECT_TRUE(CheckDimension(march, Dimension::kPeriod).ok());
  Node day = march;
  day.scope.period.last = day.scope.period.first;
  EXPECT_EQ(status::ReasonOf(CheckDimension(day, Dimension::kPeriod)), "NO_PARTS");
}

struct InReferenceRow {
  std::string name;
  DayRange period;
  DayRange part;
  DayRange reference;
  std::optional<DayRange> expected;
};

class InReferenceTest : public ::testing::TestWithParam<InReferenceRow> {};

TEST_P(InReferenceTest, IsAtTheSamePlace) {
  const InReferenceRow& row = GetParam();
  EXPECT_EQ(InReference(row.period, row.part, row.reference), row.expected);
}

DayRange Days(absl::CivilDay first, absl::CivilDay last) { return {first, last}; }

INSTANTIATE_TEST_SUITE_P(
    Node, InReferenceTest,
    ::testing::Values(
        InReferenceRow{"AQuarterOfTheYearBefore", kYear,
                       Days(absl::CivilDay(2018, 4, 1), absl::CivilDay(2018, 6, 30)),
                       Days(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 12, 31)),
                       Days(absl::CivilDay(2017, 4, 1), absl::CivilDay(2017, 6, 30))},
        InReferenceRow{"FebruaryOfALeapYear", kYear,
                       Days(absl::CivilDay(2018, 2, 1), absl::CivilDay(2018, 2, 28)),
                       Days(absl::CivilDay(2016, 1, 1), absl::CivilDay(2016, 12, 31)),
                       Days(absl::CivilDay(2016, 2, 1), absl::CivilDay(2016, 2, 29))},
        InReferenceRow{"CutToAShorterReference", kYear,
                       Days(absl::CivilDay(2018, 4, 1), absl::CivilDay(2018, 6, 30)),
                       Days(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 5, 31)),
                       Days(absl::CivilDay(2017, 4, 1), absl::CivilDay(2017, 5, 31))},
        InReferenceRow{"NothingLeft", kYear,
                       Days(absl::CivilDay(2018, 7, 1), absl::CivilDay(2018, 9, 30)),
                       Days(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 5, 31)), std::nullopt},
        InReferenceRow{"ByCountingDays",
                       Days(absl::CivilDay(2018, 3, 1), absl::CivilDay(2018, 3, 28)),
                       Days(absl::CivilDay(2018, 3, 8), absl::CivilDay(2018, 3, 14)),
                       Days(absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 1, 28)),
                       Days(absl::CivilDay(2018, 1, 8), absl::CivilDay(2018, 1, 14))}),
    [](const auto& param) { return param.param.name; });

TEST(NodeTest, OverlapsAreNamed) {
  std::vector<PartSpec> parts = PeriodParts(kYear, PeriodKind::kMonth);
  EXPECT_TRUE(CheckDisjoint(Root(1), parts).ok());
  parts[4].period->first = absl::CivilDay(2018, 4, 30);
  EXPECT_EQ(status::FactsOf(CheckDisjoint(Root(1), parts))["key"], "2018-05");
}

absl::StatusOr<std::vector<Node>> AdjustRoot(const std::vector<Node>& nodes, int64_t target) {
  absl::StatusOr<NodeAdjustment> adjustment =
      ApplyAdjust(nodes, kRootId, target, GivesWay::kChildren);
  if (!adjustment.ok()) return adjustment.status();
  return std::move(adjustment->changed);
}

TEST(AdjustTest, ChildrenFollowInProportionAllTheWayDown) {
  std::vector<Node> nodes{Root(1'000)};
  Split(nodes, "root", {.dimension = Dimension::kRegion, .method = SplitMethod::kWeights},
        Regions({1, 3}));
  Split(nodes, "root-1", {.dimension = Dimension::kPeriod},
        PeriodParts(kYear, PeriodKind::kQuarter));
  Split(nodes, "root", {.dimension = Dimension::kPeriod}, PeriodParts(kYear, PeriodKind::kQuarter));
  const absl::StatusOr<std::vector<Node>> changed = AdjustRoot(nodes, 2'000);
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ(changed->front().id, "root");
  EXPECT_EQ(changed->size(), nodes.size());
  EXPECT_TRUE(FindViolations(*changed).empty());
  for (size_t i = 0; i < nodes.size(); ++i)
    EXPECT_EQ((*changed)[i].target_units, 2 * nodes[i].target_units);
}

TEST(AdjustTest, LocksAndBoundsHold) {
  std::vector<Node> nodes{Root(1'000)};
  Split(nodes, "root", {.dimension = Dimension::kRegion}, Regions({1, 1, 2}));
  nodes[1].locked = true;
  nodes[2].max_units = 300;
  const absl::StatusOr<std::vector<Node>> changed = AdjustRoot(nodes, 2'000);
  ASSERT_TRUE(changed.ok());
  ASSERT_EQ(changed->size(), 3u) << "the locked one is as it was";
  EXPECT_EQ((*changed)[1].target_units, 300);
  EXPECT_EQ((*changed)[2].target_units, 1'450);
  EXPECT_EQ((*changed)[1].explanation->bound, Bound::kMax);
  nodes[3].locked = true;
  const absl::Status refused = AdjustRoot(nodes, 2'000).status();
  EXPECT_EQ(status::ReasonOf(refused), "SPLIT_IMPOSSIBLE");
  nodes[0].locked = true;
  EXPECT_EQ(status::ReasonOf(AdjustRoot(nodes, 2'000).status()), "NODE_LOCKED");
  nodes[0].locked = false;
  nodes[0].min_units = 10;
  EXPECT_EQ(status::ReasonOf(AdjustRoot(nodes, 9).status()), "OUTSIDE_BOUNDS");
}

TEST(AdjustTest, AnyValueAddsUpEverywhere) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Node> nodes{Root(static_cast<int64_t>(random() % 1'000'000))};
    std::vector<int64_t> weights;
    for (size_t i = 0; i < 1 + random() % 6; ++i)
      weights.push_back(1 + static_cast<int64_t>(random() % 100));
    Split(nodes, "root",
          {.dimension = Dimension::kRegion,
           .stretch_ppm = 1'000'000 + static_cast<int64_t>(random() % 200'000)},
          Regions(weights));
    Split(nodes, "root-0",
          {.dimension = Dimension::kPeriod,
           .rounding_units = 1 + static_cast<int64_t>(random() % 50)},
          PeriodParts(kYear, random() % 2 == 0 ? PeriodKind::kMonth : PeriodKind::kWeek));
    const absl::StatusOr<std::vector<Node>> changed =
        AdjustRoot(nodes, static_cast<int64_t>(random() % 2'000'000));
    ASSERT_TRUE(changed.ok()) << changed.status();
    std::vector<Node> after = nodes;
    for (const Node& node : *changed) {
      *std::find_if(after.begin(), after.end(), [&](const Node& n) { return n.id == node.id; }) =
          node;
    }
    EXPECT_TRUE(FindViolations(after).empty()) << "round " << round;
  }
}

TEST(AdjustTest, SiblingsOrAncestorsGiveWay) {
  std::vector<Node> nodes{Root(1'000)};
  Split(nodes, "root", {.dimension = Dimension::kRegion}, Regions({1, 1, 2}));
  Split(nodes, "root", {.dimension = Dimension::kPeriod}, PeriodParts(kYear, PeriodKind::kQuarter));
  Split(nodes, "root-2", {.dimension = Dimension::kPeriod},
        PeriodParts(kYear, PeriodKind::kQuarter));
  const auto apply = [&](const absl::StatusOr<NodeAdjustment>& adjustment) {
    std::vector<Node> after = nodes;
    for (const Node& node : adjustment->changed) {
      *std::find_if(after.begin(), after.end(), [&](const Node& n) { return n.id == node.id; }) =
          node;
    }
    return after;
  };
  const auto siblings = ApplyAdjust(nodes, "root-0", 400, GivesWay::kSiblings);
  ASSERT_TRUE(siblings.ok()) << siblings.status();
  EXPECT_EQ(siblings->changed.front().id, "root-0");
  EXPECT_TRUE(siblings->off.empty());
  std::vector<Node> after = apply(siblings);
  EXPECT_TRUE(FindViolations(after).empty());
  EXPECT_EQ(after[0].target_units, 1'000);
  EXPECT_EQ(after[2].target_units, 200);
  EXPECT_EQ(after[3].target_units, 400);
  EXPECT_EQ(after[4].target_units, 100);
  ASSERT_TRUE(after[2].explanation);
  EXPECT_EQ(after[2].explanation->weight, 250);
  EXPECT_THAT(after[2].explanation->description, ::testing::HasSubstr("gives way to r0"));

  const auto ancestors = ApplyAdjust(nodes, "root-0", 450, GivesWay::kAncestors);
  ASSERT_TRUE(ancestors.ok()) << ancestors.status();
  EXPECT_EQ(ancestors->changed.front().id, "root-0");
  after = apply(ancestors);
  EXPECT_TRUE(FindViolations(after).empty());
  EXPECT_EQ(after[0].target_units, 1'200);
  EXPECT_EQ(after[2].target_units, 250);
  EXPECT_EQ(after.back().target_units, 300);

  const auto alone = ApplyAdjust(nodes, "root-0", 400, GivesWay::kChildren);
  ASSERT_TRUE(alone.ok());
  ASSERT_EQ(alone->off.size(), 1u);
  EXPECT_EQ(alone->off[0].node, "plans/p/nodes/root");
  EXPECT_EQ(alone->off[0].actual_units - alone->off[0].expected_units, 150);

  nodes[2].min_units = 240;
  nodes[3].locked = true;
  const absl::Status refused = ApplyAdjust(nodes, "root-0", 400, GivesWay::kSiblings).status();
  EXPECT_EQ(status::ReasonOf(refused), "SPLIT_IMPOSSIBLE");
  EXPECT_EQ(status::FactsOf(refused).at("amount_1"), "140");
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("plans/p/nodes/root-1"));
  nodes[0].locked = true;
  EXPECT_EQ(status::ReasonOf(ApplyAdjust(nodes, "root-0", 400, GivesWay::kAncestors).status()),
            "SPLIT_IMPOSSIBLE");
  EXPECT_EQ(status::ReasonOf(ApplyAdjust(nodes, "root", 400, GivesWay::kSiblings).status()),
            "NODE_LOCKED");
}

TEST(ViolationsTest, EachIsFoundInTheOrderOfTheTree) {
  std::vector<Node> nodes{Root(1'000)};
  Split(nodes, "root", {.dimension = Dimension::kRegion}, Regions({1, 1}));
  Split(nodes, "root", {.dimension = Dimension::kPeriod}, PeriodParts(kYear, PeriodKind::kQuarter));
  EXPECT_TRUE(FindViolations(nodes).empty());
  nodes[1].target_units = 400;
  nodes[1].min_units = 450;
  nodes[2].max_units = 499;
  nodes[4].scope.period.first = absl::CivilDay(2018, 3, 31);
  const std::vector<Violation> violations = FindViolations(nodes);
  std::vector<ViolationKind> kinds;
  for (const Violation& violation : violations) kinds.push_back(violation.kind);
  EXPECT_THAT(kinds, ElementsAre(ViolationKind::kUnassigned, ViolationKind::kBelowMinimum,
                                 ViolationKind::kAboveMaximum, ViolationKind::kPeriodsOverlap));
  EXPECT_EQ(violations[0].expected_units - violations[0].actual_units, 100);
}

TEST(MakeChildrenTest, LimitsAreNamed) {
  const std::vector<PartSpec> many(kMaxChildren + 1, PartSpec{.key = "x"});
  EXPECT_EQ(status::ReasonOf(MakeChildren(Root(1), {.dimension = Dimension::kRegion}, '0', many,
                                          std::vector<int64_t>(many.size(), 1))
                                 .status()),
            "TOO_MANY_CHILDREN");
  Node deep = Root(1);
  deep.depth = kMaxDepth;
  EXPECT_EQ(
      status::ReasonOf(
          MakeChildren(deep, {.dimension = Dimension::kRegion}, '0', Regions({1}), {1}).status()),
      "PLAN_TOO_DEEP");
  EXPECT_EQ(
      status::ReasonOf(MakeChildren(Root(kMaxTargetUnits),
                                    {.dimension = Dimension::kRegion, .stretch_ppm = 2'000'000},
                                    '0', Regions({1}), {1})
                           .status()),
      "OUTSIDE_BOUNDS");
}

}  // namespace
}  // namespace milepost::target
