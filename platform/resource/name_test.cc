#include "platform/resource/name.h"

#include <set>

#include "gtest/gtest.h"

namespace milepost::resource {
namespace {

TEST(NameTest, IdsFollowTheRule) {
  for (const std::string& good : {std::string("a"), std::string("acme-2"), std::string(63, 'x')})
    EXPECT_TRUE(IsId(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("1a"), std::string("a-"), std::string("A"), std::string("a_b"),
        std::string("客户"), std::string(64, 'x'), std::string("a/b"), std::string("a ")}) {
    EXPECT_FALSE(IsId(bad)) << bad;
  }
}

TEST(NameTest, NamesRoundTrip) {
  EXPECT_EQ(IdOf("customers", Name("customers", "acme")), "acme");
  EXPECT_EQ(IdOf("customers", "orders/acme"), std::nullopt);
  EXPECT_EQ(IdOf("customers", "customers/"), std::nullopt);
  EXPECT_EQ(IdOf("customers", "customers/a/b"), std::nullopt);
  const auto ids = ChildIdsOf("plans", "nodes", Name("plans", "p", "nodes", "n"));
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->parent, "p");
  EXPECT_EQ(ids->id, "n");
  EXPECT_FALSE(ChildIdsOf("plans", "nodes", "plans/p/nodes/"));
}

TEST(NameTest, NewIdsAreValidUniqueAndSortByTime) {
  std::set<std::string> ids;
  std::string last;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewId('c', absl::FromUnixMicros(1'700'000'000'000'000 + i));
    EXPECT_TRUE(IsId(id)) << id;
    EXPECT_LT(last, id);
    last = id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
  EXPECT_NE(NewId('c', absl::UnixEpoch()), NewId('c', absl::UnixEpoch()));
}

TEST(NameTest, EtagsAreVersions) {
  EXPECT_EQ(VersionOf(Etag(7)), 7);
  for (const char* bad : {"", "7", "v", "v0", "v-1", "vx"})
    EXPECT_EQ(VersionOf(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace milepost::resource
