#include "reporting-svc/domain/ranking.h"

#include "gtest/gtest.h"

namespace milepost::reporting {
namespace {

Standing Of(const std::string& id, int64_t value, bool active, int64_t previous_value,
            bool previously_active) {
  return {id, id, value, active, previous_value, previously_active};
}

TEST(RankingTest, EqualValuesShareARankAndTheNextIsSkipped) {
  const std::vector<Ranked> rows = Rank({Of("c", 5, true, 0, false), Of("a", 7, true, 0, false),
                                         Of("b", 7, true, 0, false), Of("d", 1, true, 0, false)});
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].standing.id, "a");
  EXPECT_EQ(rows[0].rank, 1);
  EXPECT_EQ(rows[1].standing.id, "b");
  EXPECT_EQ(rows[1].rank, 1);
  EXPECT_EQ(rows[2].rank, 3);
  EXPECT_EQ(rows[3].rank, 4);
}

TEST(RankingTest, WhoDidNothingStandsBehindWhoHasLessThanNothing) {
  const std::vector<Ranked> rows =
      Rank({Of("idle", 0, false, 9, true), Of("returns", -5, true, 0, false)});
  EXPECT_EQ(rows[0].standing.id, "returns");
  EXPECT_EQ(rows[1].standing.id, "idle");
  EXPECT_EQ(rows[1].rank, 2);
  EXPECT_EQ(rows[1].previous_rank, 1);
  EXPECT_FALSE(rows[1].rank_change);
}

TEST(RankingTest, RankChangeComparesWithThoseActiveBefore) {
  const std::vector<Ranked> rows =
      Rank({Of("up", 30, true, 10, true), Of("down", 20, true, 90, true),
            Of("new", 10, true, 0, false), Of("same", 5, true, 5, true)});
  EXPECT_EQ(rows[0].rank_change, 1);
  EXPECT_EQ(rows[1].rank_change, -1);
  EXPECT_FALSE(rows[2].previous_rank);
  EXPECT_FALSE(rows[2].rank_change);
  EXPECT_EQ(rows[3].previous_rank, 3);
  EXPECT_EQ(rows[3].rank_change, -1);
}

TEST(RankingTest, ChineseNamesKeepEqualValuesInAFixedOrder) {
  std::vector<Standing> standings = {Of("b", 1, true, 0, false), Of("a", 1, true, 0, false)};
  standings[0].display_name = "王芳";
  standings[1].display_name = "李雷";
  const std::vector<Ranked> one = Rank(standings);
  std::swap(standings[0], standings[1]);
  const std::vector<Ranked> other = Rank(standings);
  EXPECT_EQ(one[0].standing.id, other[0].standing.id);
}

}  // namespace
}  // namespace milepost::reporting
