#include "cli/plan_tree.h"

#include <cstdlib>

#include "cli/commands.h"
#include "cli/plan_copy.h"
#include "cli/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace milepost::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PlanTreeTest : public ::testing::Test {
 protected:
  PlanTreeTest() {
    setenv("LC_ALL", "C", 1);
    parts_.plan.set_name("plans/p");
    parts_.plan.set_title("2018 年销售额");
    parts_.plan.set_currency_code("CNY");
    parts_.plan.set_state(target::v1::ACTIVE);
    parts_.plan.set_plan_version(7);
    parts_.metric.set_unit(target::v1::MONEY);
    Add("root", "", "全公司", 0, "", 120'000'000);
    Add("n1", "root", "华东大区", 1, "region", 80'000'000);
    Add("n2", "n1", "Q1", 2, "period", 80'000'000);
    Add("n3", "root", "West", 1, "region", 40'000'000);
  }

  void Add(const std::string& id, const std::string& parent, const std::string& name, int depth,
           const std::string& breakdown, int64_t units) {
    target::v1::Node& node = parts_.nodes.emplace_back();
    node.set_name("plans/p/nodes/" + id);
    if (!parent.empty()) node.set_parent("plans/p/nodes/" + parent);
    node.set_display_name(name);
    node.set_depth(depth);
    node.set_breakdown(breakdown);
    node.set_target_units(units);
    node.set_leaf(id != "root" && id != "n1");
    for (auto* day : {node.mutable_scope()->mutable_period()->mutable_first_date(),
                      node.mutable_scope()->mutable_period()->mutable_last_date()}) {
      day->set_year(2018);
      day->set_month(1);
      day->set_day(1);
    }
  }

  PlanTreeParts parts_;
};

TEST_F(PlanTreeTest, IsDrawnWithAlignedColumns) {
  parts_.nodes[3].set_locked(true);
  target::v1::RollupRow& committed = parts_.commitments.emplace_back();
  committed.set_node("plans/p/nodes/n1");
  committed.set_basis(target::v1::RollupRow::OWN);
  committed.set_committed_units(70'000'000);
  target::v1::RollupRow& open = parts_.commitments.emplace_back();
  open.set_node("plans/p/nodes/n3");
  open.set_basis(target::v1::RollupRow::OPEN);
  reporting::v1::TargetProgressReport::Row& row = parts_.progress.emplace_back();
  row.set_node("plans/p/nodes/n1");
  row.set_actual(20'000'000);
  row.set_attainment_ppm(250'000);
  row.set_pace_ppm(1'000'000);
  row.set_projected_landing(80'000'000);
  row.set_status(reporting::v1::TargetProgressReport::ON_TRACK);
  parts_.as_of_date = "2018-03-31";
  EXPECT_EQ(ToText(MakePlanTree(parts_)),
            "2018 年销售额  plans/p, active, version 7, on 2018-03-31, in CNY\n"
            "node              by            target   committed      actual  attainment      pace"
            "         gap   projected  status\n"
            "----------------  ------  ------------  ----------  ----------  ----------  --------"
            "  ----------  ----------  --------\n"
            "全公司                    1,200,000.00           -           -           -         -"
            "           -           -\n"
            "├─ 华东大区       region    800,000.00  700,000.00  200,000.00     25.00 %  100.00 %"
            "  600,000.00  800,000.00  on-track\n"
            "│  └─ Q1          period    800,000.00           -           -           -         -"
            "           -           -\n"
            "└─ West (locked)  region    400,000.00           -           -           -         -"
            "           -           -\n");
}

TEST_F(PlanTreeTest, ColumnsThatSayNothingAreLeftOutAndDeeperLevelsAreMentioned) {
  parts_.nodes.erase(parts_.nodes.begin() + 2);
  parts_.plan.clear_currency_code();
  parts_.metric.set_unit(target::v1::COUNT);
  parts_.metric.set_unit_label("辆");
  parts_.missing.push_back("actual values: nobody counts");
  EXPECT_EQ(ToText(MakePlanTree(parts_)),
            "2018 年销售额  plans/p, active, version 7, in 辆\n"
            "node         by           target\n"
            "-----------  ------  -----------\n"
            "全公司               120,000,000\n"
            "├─ 华东大区  region   80,000,000\n"
            "└─ West      region   40,000,000\n"
            "There are more levels: --depth N, or --depth all.\n"
            "Not known: actual values: nobody counts\n");
}

TEST_F(PlanTreeTest, RecordedValuesStandInForProgress) {
  target::v1::NodeActual& row = parts_.recorded.emplace_back();
  row.set_node("plans/p/nodes/n3");
  row.set_actual_units(10'000'000);
  row.set_attainment_ppm(250'000);
  const PlanTree tree = MakePlanTree(parts_);
  EXPECT_EQ(tree.lines[3].actual, 10'000'000);
  EXPECT_EQ(tree.lines[3].attainment_ppm, 250'000);
  EXPECT_EQ(tree.lines[3].pace_ppm, std::nullopt);
  EXPECT_THAT(ToCsv(tree),
              HasSubstr("plans/p/nodes/n3,plans/p/nodes/root,1,region,West,2018-01-01..2018-01-01,,"
                        "no,400000.00,,100000.00,250000,,300000.00,,\r\n"));
  EXPECT_THAT(ToJson(tree), HasSubstr(R"("displayName":"West")"));
  EXPECT_THAT(ToJson(tree), HasSubstr(R"("actualUnits":"10000000","attainmentPpm":"250000")"));
  EXPECT_THAT(ToJson(tree), Not(HasSubstr("pacePpm")));
}

TEST(PlanCopyTest, IsReadAsTyped) {
  CommandCall call;
  call.words = {"old", "new"};
  const auto problem = [&] { return std::string(ReadCopySpec(call).status().message()); };
  EXPECT_THAT(problem(), HasSubstr("--period is needed"));
  call.flags = {{"period", "2019Q1"},
                {"growth", "-2.5%"},
                {"title", "新"},
                {"replace", "anna=bert,units/west=,carl="},
                {"keep-locks", ""}};
  const auto spec = ReadCopySpec(call);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->source(), "plans/old");
  EXPECT_EQ(spec->period().last_date().month(), 3);
  EXPECT_EQ(spec->growth_ppm(), -25'000);
  EXPECT_TRUE(spec->keep_locks());
  ASSERT_EQ(spec->replacements_size(), 3);
  EXPECT_EQ(spec->replacements(0).to(), "members/bert");
  EXPECT_EQ(spec->replacements(1).from(), "units/west");
  EXPECT_EQ(spec->replacements(2).to(), "");
  call.flags["growth"] = "8";
  EXPECT_THAT(problem(), HasSubstr("--growth must be a percentage"));
  call.flags["total"] = "100";
  EXPECT_THAT(problem(), HasSubstr("exclude each other"));
  call.flags.erase("growth");
  call.flags["replace"] = "anna";
  EXPECT_THAT(problem(), HasSubstr("--replace must be like"));
}

TEST(CommandsTest, EachHasHelpAndTakesItsWordsAndFlags) {
  for (const Command& command : Commands()) {
    const std::string help = HelpOf(command);
    EXPECT_NE(command.run, nullptr) << command.verb;
    for (const CommandFlag& flag : command.flags) {
      EXPECT_THAT(help, HasSubstr(std::string("--") + flag.name));
      EXPECT_STRNE(flag.help, "");
    }
  }
  const Command& tree = Commands()[0];
  CommandCall call;
  ASSERT_TRUE(ReadCommand(tree, {"--depth=2", "p", "--node", "n1", "--accepted-only"}, call).ok());
  EXPECT_EQ(call.words, std::vector<std::string>{"p"});
  EXPECT_EQ(call.Flag("depth"), "2");
  EXPECT_EQ(call.Flag("node"), "n1");
  EXPECT_TRUE(call.Has("accepted-only"));
  const auto refusal = [&](const std::vector<std::string>& words) {
    CommandCall fresh;
    return std::string(ReadCommand(tree, words, fresh).message());
  };
  EXPECT_EQ(refusal({}), "PLAN is missing");
  EXPECT_EQ(refusal({"p", "q"}), "'q' is one word too many");
  EXPECT_EQ(refusal({"p", "--depth"}), "--depth needs N|all");
  EXPECT_EQ(refusal({"p", "--deep", "1"}), "there is no flag --deep");
  EXPECT_EQ(refusal({"p", "--accepted-only=1"}), "--accepted-only takes no value");
  EXPECT_EQ(refusal({"p", "--depth", "1", "--depth", "2"}), "--depth is given twice");
}

}  // namespace
}  // namespace milepost::cli
