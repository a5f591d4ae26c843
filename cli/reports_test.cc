#include "cli/reports.h"

#include <cstdlib>
#include <optional>

#include "gtest/gtest.h"

namespace milepost::cli {
namespace {

class ReportsTest : public ::testing::Test {
 protected:
  ReportsTest() { setenv("LC_ALL", "C", 1); }

  void Add(target::v1::DifferenceKind kind, std::optional<int64_t> before,
           std::optional<int64_t> after) {
    target::v1::PlanDifference& difference = *response_.add_differences();
    difference.set_node("plans/p/nodes/n");
    difference.set_node_display_name("华东");
    difference.set_kind(kind);
    if (before) difference.set_old_value(*before);
    if (after) difference.set_new_value(*after);
  }
  std::string Csv(bool amounts) { return DifferenceTable(response_, amounts).ToCsv(); }

  target::v1::ComparePlanVersionsResponse response_;
};

TEST_F(ReportsTest, DifferencesOfVersionsAreWrittenAsWhatTheyAre) {
  Add(target::v1::TARGET_CHANGED, 120'000'000, 150'050'000);
  Add(target::v1::NODE_CREATED, std::nullopt, 7);
  Add(target::v1::MINIMUM_CHANGED, 100, std::nullopt);
  Add(target::v1::LOCK_CHANGED, 0, 1);
  Add(target::v1::STRETCH_CHANGED, 1'000'000, 1'050'000);
  response_.mutable_differences(4)->set_breakdown("region");
  Add(target::v1::NODE_RENAMED, std::nullopt, std::nullopt);
  response_.mutable_differences(5)->set_old_text("华东");
  response_.mutable_differences(5)->set_new_text("华东区");
  EXPECT_EQ(Csv(true),
            "node,name,what,breakdown,old,new\r\n"
            "plans/p/nodes/n,华东,target-changed,,\"1,200,000.00\",\"1,500,500.00\"\r\n"
            "plans/p/nodes/n,华东,node-created,,-,0.07\r\n"
            "plans/p/nodes/n,华东,minimum-changed,,1.00,-\r\n"
            "plans/p/nodes/n,华东,lock-changed,,open,locked\r\n"
            "plans/p/nodes/n,华东,stretch-changed,region,100.00 %,105.00 %\r\n"
            "plans/p/nodes/n,华东,node-renamed,,华东,华东区\r\n");
}

TEST_F(ReportsTest, WithoutACurrencyTheyAreCounts) {
  Add(target::v1::TARGET_CHANGED, 1'200, 1'500);
  EXPECT_EQ(Csv(false),
            "node,name,what,breakdown,old,new\r\n"
            "plans/p/nodes/n,华东,target-changed,,\"1,200\",\"1,500\"\r\n");
  setenv("LC_ALL", "zh_CN.UTF-8", 1);
  response_.mutable_differences(0)->set_new_value(12'345'678'900);
  EXPECT_EQ(Csv(true),
            "node,name,what,breakdown,old,new\r\n"
            "plans/p/nodes/n,华东,target-changed,,12.00元,\"12,345.68万元\"\r\n");
}

}  // namespace
}  // namespace milepost::cli
