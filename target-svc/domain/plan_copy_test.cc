#include "target-svc/domain/plan_copy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/status/error.h"
#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr DayRange kYear{absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 12, 31)};
constexpr DayRange kNextYear{absl::CivilDay(2019, 1, 1), absl::CivilDay(2019, 12, 31)};

class PlanCopyTest : public ::testing::Test {
 protected:
  PlanCopyTest() : calendar_(CalendarDefinition{}) {
    rule_.owner = [](Dimension, const std::string& key, const std::string&, DayRange) {
      return CopiedOwner{key, "现 " + key, ""};
    };
    Begin(kYear, 1'200);
  }

  void Begin(DayRange period, int64_t units) {
    Plan plan;
    plan.id = "old";
    plan.title = "旧";
    plan.period = period;
    plan.target_units = units;
    nodes_ = {RootOf(plan)};
  }

  // Breaks a node down, in place.
  void Split(const std::string& id, SplitRule rule, const std::vector<PartSpec>& parts) {
    if (rule.breakdown_id.empty()) rule.breakdown_id = DimensionWord(rule.dimension);
    const auto parent =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.id == id; });
    ASSERT_NE(parent, nodes_.end());
    std::vector<int64_t> weights;
    for (const PartSpec& part : parts) weights.push_back(part.weight);
    const char slot = *FreeSlot(*parent);
    const auto children = MakeChildren(*parent, rule, slot, parts, weights);
    ASSERT_TRUE(children.ok()) << children.status();
    parent->breakdowns.push_back({rule.breakdown_id, slot, rule.dimension, rule.method,
                                  rule.stretch_ppm, rule.rounding_units,
                                  static_cast<int64_t>(parts.size()), "为什么"});
    const std::string parent_id = id;
    for (Node child : *children) {
      child.id = parent_id + "." + child.key;
      nodes_.push_back(std::move(child));
    }
    std::sort(nodes_.begin(), nodes_.end(),
              [](const Node& a, const Node& b) { return a.path < b.path; });
  }

  static std::vector<PartSpec> Weighted(std::vector<PartSpec> parts,
                                        const std::vector<int64_t>& weights) {
    for (size_t i = 0; i < parts.size(); ++i) parts[i].weight = weights[i % weights.size()];
    return parts;
  }
  static PartSpec Part(const std::string& key, int64_t weight) {
    PartSpec part;
    part.key = key;
    part.weight = weight;
    return part;
  }

  // `key value` of each node but the root, in order.
  std::vector<std::string> Copy(DayRange period, int64_t units) {
    plan_ = {};
    plan_.id = "new";
    plan_.title = "新";
    plan_.period = period;
    plan_.target_units = units;
    copy_ = CopyNodes(nodes_, plan_, rule_, calendar_);
    std::vector<std::string> found;
    if (!copy_.ok()) return found;
    for (size_t i = 1; i < copy_->nodes.size(); ++i) {
      const Node& node = copy_->nodes[i];
      EXPECT_EQ(node.plan_id, "new");
      found.push_back(node.key + " " + std::to_string(node.target_units));
    }
    EXPECT_THAT(FindViolations(copy_->nodes), IsEmpty());
    return found;
  }
  std::vector<std::string> Notices() const {
    std::vector<std::string> found;
    for (const CopyNotice& notice : copy_->notices)
      found.push_back(std::to_string(static_cast<int>(notice.kind)) + " " + notice.source_id +
                      ": " + notice.description);
    return found;
  }

  std::vector<Node> nodes_;
  CopyRule rule_;
  WorkingCalendar calendar_;
  Plan plan_;
  absl::StatusOr<PlanCopy> copy_;
};

TEST_F(PlanCopyTest, ShapeAndRulesStayTheTotalIsNew) {
  Split("root",
        {.dimension = Dimension::kRegion, .method = SplitMethod::kWeights, .rounding_units = 10},
        {Part("east", 1), Part("west", 2)});
  Split("root.east", {.dimension = Dimension::kPeriod, .method = SplitMethod::kEven},
        Weighted(PeriodParts(kYear, PeriodKind::kQuarter), {1}));
  Split(
      "root",
      {.dimension = Dimension::kProduct, .method = SplitMethod::kWeights, .stretch_ppm = 1'100'000},
      {Part("car", 1)});
  nodes_[1].note = "东";
  EXPECT_THAT(Copy(kNextYear, 2'430),
              ElementsAre("east 810", "2019-Q1 203", "2019-Q2 203", "2019-Q3 202", "2019-Q4 202",
                          "west 1620", "car 2673"));
  EXPECT_THAT(Notices(), IsEmpty());
  const std::vector<Node>& nodes = copy_->nodes;
  EXPECT_EQ(nodes[0].display_name, "新");
  EXPECT_EQ(nodes[0].breakdowns[0].note, "为什么");
  EXPECT_EQ(nodes[0].breakdowns[0].method, SplitMethod::kCopy);
  EXPECT_EQ(nodes[0].breakdowns[0].rounding_units, 10);
  EXPECT_EQ(nodes[0].breakdowns[1].stretch_ppm, 1'100'000);
  EXPECT_EQ(nodes[1].breakdowns[0].method, SplitMethod::kEven);
  EXPECT_EQ(nodes[1].note, "东");
  EXPECT_EQ(nodes[1].explanation->weight, 400);
  EXPECT_EQ(nodes[2].display_name, "2019-Q1");
  EXPECT_EQ(nodes[2].parent_id, nodes[1].id);
  EXPECT_EQ(nodes[2].scope.period.last, absl::CivilDay(2019, 3, 31));
  EXPECT_EQ(plan_.next_node_number, 8);
  rule_.keep_notes = false;
  Copy(kNextYear, 2'430);
  EXPECT_EQ(copy_->nodes[1].note, "");
  EXPECT_EQ(copy_->nodes[0].breakdowns[0].note, "");
}

TEST_F(PlanCopyTest, MonthsFollowMonthsAndDaysTheCalendar) {
  const DayRange february{absl::CivilDay(2020, 2, 1), absl::CivilDay(2020, 2, 29)};
  Begin(kYear, 1'200);
  Split("root", {.dimension = Dimension::kPeriod, .method = SplitMethod::kHistory},
        Weighted(PeriodParts(kYear, PeriodKind::kMonth), {1, 3}));
  const DayRange old_february{absl::CivilDay(2018, 2, 1), absl::CivilDay(2018, 2, 28)};
  Split("root.2018-02",
        {.dimension = Dimension::kPeriod,
         .breakdown_id = "day",
         .method = SplitMethod::kWorkingCalendar},
        Weighted(PeriodParts(old_february, PeriodKind::kDay), {1, 1, 1, 1, 1, 1, 0}));
  Copy({absl::CivilDay(2020, 1, 1), absl::CivilDay(2020, 12, 31)}, 2'400);
  ASSERT_TRUE(copy_.ok()) << copy_.status();
  ASSERT_THAT(copy_->nodes, SizeIs(1 + 12 + 29));
  EXPECT_EQ(copy_->nodes[1].target_units, 100);
  EXPECT_EQ(copy_->nodes[2].target_units, 300);
  EXPECT_EQ(copy_->nodes[2].scope.period, february);
  EXPECT_EQ(copy_->nodes[3].key, "2020-02-01");
  EXPECT_EQ(copy_->nodes[3].target_units, 0);  // A Saturday.
  EXPECT_EQ(copy_->nodes[5].target_units, 15);
  EXPECT_EQ(copy_->nodes[31].key, "2020-02-29");
  EXPECT_THAT(Notices(), IsEmpty());
}

TEST_F(PlanCopyTest, AWeekMoreWeighsTheMeanAndOneLessIsTold) {
  const DayRange four{absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 1, 28)};
  Begin(four, 1'000);
  Split("root", {.dimension = Dimension::kPeriod, .method = SplitMethod::kWeights},
        Weighted(PeriodParts(four, PeriodKind::kWeek), {1, 2, 3, 4}));
  EXPECT_THAT(
      Copy({absl::CivilDay(2018, 3, 5), absl::CivilDay(2018, 4, 8)}, 1'250),
      ElementsAre("2018-W10 100", "2018-W11 200", "2018-W12 300", "2018-W13 400", "2018-W14 250"));
  EXPECT_THAT(Notices(), ElementsAre("5 root.2018-W04: 2018-W14 is one more; it weighs what the "
                                     "others do on average"));
  EXPECT_THAT(Copy({absl::CivilDay(2018, 3, 5), absl::CivilDay(2018, 3, 22)}, 300),
              // The last week has four days of seven: 300 × 4/7 = 171.
              ElementsAre("2018-W10 64", "2018-W11 127", "2018-W12 109"));
  EXPECT_THAT(Notices(), ElementsAre("4 root.2018-W04: the new days have no place for it"));
}

TEST_F(PlanCopyTest, OtherPeriodsMoveWithTheBeginning) {
  PartSpec spring = Part("spring", 1);
  spring.display_name = "春季";
  spring.period = DayRange{absl::CivilDay(2018, 2, 16), absl::CivilDay(2018, 2, 28)};
  PartSpec rest = Part("rest", 3);
  rest.period = DayRange{absl::CivilDay(2018, 3, 1), absl::CivilDay(2018, 12, 31)};
  Split("root", {.dimension = Dimension::kPeriod, .method = SplitMethod::kWeights}, {spring, rest});
  EXPECT_THAT(Copy({absl::CivilDay(2020, 1, 1), absl::CivilDay(2020, 12, 31)}, 400),
              ElementsAre("spring 100", "rest 300"));
  EXPECT_EQ(copy_->nodes[1].scope.period.last, absl::CivilDay(2020, 2, 29));
  EXPECT_EQ(copy_->nodes[1].display_name, "春季");
  EXPECT_EQ(copy_->nodes[2].scope.period.first, absl::CivilDay(2020, 3, 1));
  EXPECT_THAT(Copy({absl::CivilDay(2019, 1, 1), absl::CivilDay(2019, 2, 20)}, 400),
              ElementsAre("spring 400"));
  EXPECT_EQ(copy_->nodes[1].scope.period.last, absl::CivilDay(2019, 2, 20));
  EXPECT_THAT(Notices(), ElementsAre("4 root.rest: its days are outside the new ones"));
}

TEST_F(PlanCopyTest, WhoLeftIsLeftOutOrReplaced) {
  Split("root", {.dimension = Dimension::kUnit, .method = SplitMethod::kWeights},
        {Part("west", 1), Part("east", 2)});
  Split("root.west", {.dimension = Dimension::kMember, .method = SplitMethod::kWeights},
        {Part("anna", 1), Part("bert", 3)});
  Split("root.east", {.dimension = Dimension::kMember, .method = SplitMethod::kWeights},
        {Part("eve", 1)});
  std::map<std::string, CopiedOwner> changed;
  rule_.owner = [&](Dimension, const std::string& key, const std::string& unit_id, DayRange days) {
    EXPECT_EQ(days, kNextYear);
    EXPECT_EQ(unit_id.empty(), key == "west" || key == "east") << unit_id;
    const auto found = changed.find(key);
    return found == changed.end() ? CopiedOwner{key, "现 " + key, ""} : found->second;
  };
  changed = {{"anna", {std::nullopt, "", "anna went"}}, {"eve", {std::nullopt, "", "eve went"}}};
  EXPECT_THAT(Copy(kNextYear, 600), ElementsAre("west 200", "bert 200", "east 400"));
  EXPECT_EQ(copy_->nodes[1].display_name, "现 west");
  EXPECT_TRUE(copy_->nodes[3].breakdowns.empty());
  EXPECT_THAT(Notices(), ElementsAre("1 root.west.anna: anna went", "1 root.east.eve: eve went",
                                     "3 root.east: breakdown 'member' has no parts left"));

  changed = {{"anna", {"carl", "卡尔", "carl for anna"}}};
  EXPECT_THAT(Copy(kNextYear, 600),
              ElementsAre("west 200", "carl 50", "bert 150", "east 400", "eve 400"));
  EXPECT_THAT(Notices(), ElementsAre("2 root.west.anna: carl for anna"));
  // Who has a part there already gets both.
  changed = {{"bert", {"anna", "安娜", "anna for bert"}}};
  EXPECT_THAT(Copy(kNextYear, 600), ElementsAre("west 200", "anna 200", "east 400", "eve 400"));
}

TEST_F(PlanCopyTest, LocksAndBoundsAreKeptIfAskedFor) {
  Split("root", {.dimension = Dimension::kRegion, .method = SplitMethod::kWeights},
        {Part("a", 1), Part("b", 2)});
  nodes_[1].locked = true;
  nodes_[2].max_units = 900;
  EXPECT_THAT(Copy(kNextYear, 2'400), ElementsAre("a 800", "b 1600"));
  EXPECT_FALSE(copy_->nodes[1].locked);
  EXPECT_FALSE(copy_->nodes[2].max_units);
  rule_.keep_locks = true;
  EXPECT_THAT(Copy(kNextYear, 2'400), ElementsAre("a 400", "b 2000"));
  EXPECT_TRUE(copy_->nodes[1].locked);
  rule_.keep_bounds = true;
  Copy(kNextYear, 2'400);
  EXPECT_EQ(status::ReasonOf(copy_.status()), "SPLIT_IMPOSSIBLE");
  EXPECT_THAT(Copy(kNextYear, 1'300), ElementsAre("a 400", "b 900"));
  EXPECT_EQ(copy_->nodes[2].max_units, 900);
}

TEST_F(PlanCopyTest, ATotalOfNothingIsSharedEvenlyWhenItGrows) {
  Begin(kYear, 0);
  Split("root", {.dimension = Dimension::kRegion, .method = SplitMethod::kWeights},
        {Part("a", 1), Part("b", 2)});
  EXPECT_THAT(Copy(kNextYear, 100), ElementsAre("a 50", "b 50"));
}

TEST_F(PlanCopyTest, RandomPlansAddUpAndTheSameDaysGiveTheSameShape) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    Begin(kYear, Between(random, 0, 1'000'000));
    const int64_t unit = OneIn(random, 2) ? 1 : 100;
    Split("root",
          {.dimension = Dimension::kRegion,
           .method = SplitMethod::kWeights,
           .stretch_ppm = OneIn(random, 3) ? 1'050'000 : kPpm,
           .rounding_units = unit},
          {Part("a", Between(random, 0, 9)), Part("b", Between(random, 1, 9)),
           Part("c", Between(random, 0, 9))});
    Split("root.b", {.dimension = Dimension::kPeriod, .method = SplitMethod::kWeights},
          Weighted(PeriodParts(kYear, OneIn(random, 2) ? PeriodKind::kMonth : PeriodKind::kWeek),
                   {Between(random, 0, 5), Between(random, 1, 5), Between(random, 0, 5)}));
    const absl::CivilDay first(2016 + Between(random, 0, 4), Between(random, 1, 12), 1);
    Copy({first, first + Between(random, 60, 500)}, Between(random, 0, 1'000'000));
    ASSERT_TRUE(copy_.ok()) << copy_.status();
    // The same once more is what it was, value by value.
    rule_.keep_locks = false;
    Copy(kYear, nodes_.front().target_units);
    ASSERT_EQ(copy_->nodes.size(), nodes_.size());
    for (size_t i = 1; i < nodes_.size(); ++i) {
      EXPECT_EQ(copy_->nodes[i].key, nodes_[i].key);
      EXPECT_EQ(copy_->nodes[i].path, nodes_[i].path);
      if (nodes_.front().target_units > 0) {
        EXPECT_EQ(copy_->nodes[i].target_units, nodes_[i].target_units) << round << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace milepost::target
