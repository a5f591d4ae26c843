#include "customer-svc/domain/customer.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::customer {
namespace {

using ::testing::ElementsAre;

const absl::Time kNow = absl::FromUnixSeconds(1'750'000'000);
const absl::Time kLater = kNow + absl::Hours(1);
const absl::CivilDay kToday(2025, 6, 15);

Customer Yunfan(const std::string& owner = "anna") {
  Customer draft;
  draft.id = "yunfan";
  draft.kind = CustomerKind::kCompany;
  draft.display_name = "上海云帆科技有限公司";
  draft.phone = "021-68881234";
  draft.owner_id = owner;
  return NewCustomer(draft, kNow, kToday);
}

TEST(NewCustomerTest, StartsAtVersionOneKnownSinceToday) {
  const Customer customer = Yunfan();
  EXPECT_EQ(customer.version, 1);
  EXPECT_EQ(customer.since_day, kToday);
  EXPECT_EQ(customer.create_time, kNow);
  EXPECT_EQ(customer.owner_time, kNow);
}

TEST(ApplyUpdateTest, SetsOnlyWhatIsNamed) {
  Customer values;
  values.region = "华东";
  values.industry = "软件";
  const auto updated = ApplyUpdate(Yunfan(), {values, {"region"}, 1}, kLater);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->region, "华东");
  EXPECT_EQ(updated->industry, "");
  EXPECT_EQ(updated->display_name, "上海云帆科技有限公司");
  EXPECT_EQ(updated->update_time, kLater);
}

TEST(ApplyUpdateTest, EveryUpdatableFieldIsSet) {
  Customer values = Yunfan();
  values.display_name = "n", values.short_name = "s", values.credit_code = "c", values.phone = "p",
  values.email = "e";
  values.website = "w", values.industry = "i", values.region = "r",
  values.channel = Channel::kDealer, values.source_id = "src";
  values.tags = {"t"}, values.addresses = {Address{AddressKind::kOffice, "中国"}},
  values.attributes = {Attribute{"k", true}};
  values.parent_id = "parent", values.founded_year = 1999, values.employee_count = 5,
  values.annual_revenue = Money{"CNY", 1};
  values.description = "d", values.since_day = absl::CivilDay(2020, 1, 1);
  const auto updated = ApplyUpdate(Yunfan(), {values, UpdatableFields(), {}}, kNow);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(*updated, values);
}

TEST(ApplyUpdateTest, RefusesStaleOwnParentAndCreditCodeOfPerson) {
  EXPECT_EQ(status::ReasonOf(ApplyUpdate(Yunfan(), {{}, {}, 2}, kLater).status()), "STALE_ETAG");
  Customer values;
  values.parent_id = "yunfan";
  EXPECT_EQ(status::ReasonOf(ApplyUpdate(Yunfan(), {values, {"parent"}, {}}, kLater).status()),
            "OWN_PARENT");
  Customer person = Yunfan();
  person.kind = CustomerKind::kPerson;
  values.credit_code = "91350100M000100Y43";
  EXPECT_EQ(status::ReasonOf(ApplyUpdate(person, {values, {"credit_code"}, {}}, kLater).status()),
            "CREDIT_CODE_OF_PERSON");
}

TEST(ApplyImportTest, ReplacesEverythingButKindAndOwner) {
  Customer row;
  row.kind = CustomerKind::kCompany;
  row.display_name = "云帆";
  row.owner_id = "bert";
  const auto next = ApplyImport(Yunfan(), row, kLater);
  ASSERT_TRUE(next.ok());
  ASSERT_TRUE(next->has_value());
  EXPECT_EQ((*next)->display_name, "云帆");
  EXPECT_EQ((*next)->phone, "");
  EXPECT_EQ((*next)->owner_id, "anna");
  EXPECT_EQ((*next)->since_day, kToday);
}

TEST(ApplyImportTest, TheSameAgainChangesNothing) {
  const auto next = ApplyImport(Yunfan(), Yunfan("bert"), kLater);
  ASSERT_TRUE(next.ok());
  EXPECT_FALSE(next->has_value());
}

TEST(ApplyImportTest, RefusesAnotherKind) {
  Customer row = Yunfan();
  row.kind = CustomerKind::kPerson;
  EXPECT_EQ(status::ReasonOf(ApplyImport(Yunfan(), row, kLater).status()), "KIND_IS_FIXED");
}

// Every verb on a customer with an owner and on one in the pool.
struct VerbRow {
  const char* situation;
  bool in_pool;
  std::function<absl::StatusOr<Customer>(Customer)> verb;
  std::string reason;  // "" if it works.
  std::string owner;   // Then the owner.
};
class OwnershipTest : public ::testing::TestWithParam<VerbRow> {};
TEST_P(OwnershipTest, MovesOrRefuses) {
  const VerbRow& row = GetParam();
  const auto result = row.verb(Yunfan(row.in_pool ? "" : "anna"));
  EXPECT_EQ(status::ReasonOf(result.status()), row.reason);
  if (!row.reason.empty()) return;
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->owner_id, row.owner);
  EXPECT_EQ(result->owner_time, kLater);
  EXPECT_EQ(result->update_time, kLater);
}
const auto kAssign = [](Customer c) { return ApplyAssign(std::move(c), "bert", "", {}, kLater); };
const auto kTransfer = [](Customer c) {
  return ApplyTransfer(std::move(c), "bert", "note", {}, kLater);
};
const auto kTransferToOwner = [](Customer c) {
  return ApplyTransfer(std::move(c), "anna", "note", {}, kLater);
};
const auto kClaim = [](Customer c) { return ApplyClaim(std::move(c), "bert", 4, {5}, {}, kLater); };
const auto kClaimAtLimit = [](Customer c) {
  return ApplyClaim(std::move(c), "bert", 5, {5}, {}, kLater);
};
const auto kClaimUnlimited = [](Customer c) {
  return ApplyClaim(std::move(c), "bert", 99999, {0}, {}, kLater);
};
const auto kRelease = [](Customer c) { return ApplyRelease(std::move(c), {}, kLater); };
const auto kStaleAssign = [](Customer c) {
  return ApplyAssign(std::move(c), "bert", "", 7, kLater);
};
const auto kStaleTransfer = [](Customer c) {
  return ApplyTransfer(std::move(c), "bert", "", 7, kLater);
};
const auto kStaleClaim = [](Customer c) {
  return ApplyClaim(std::move(c), "bert", 0, {}, 7, kLater);
};
const auto kStaleRelease = [](Customer c) { return ApplyRelease(std::move(c), 7, kLater); };
INSTANTIATE_TEST_SUITE_P(
    StateByVerb, OwnershipTest,
    ::testing::Values(VerbRow{"AssignFromPool", true, kAssign, "", "bert"},
                      VerbRow{"AssignOwned", false, kAssign, "CUSTOMER_HAS_OWNER", ""},
                      VerbRow{"TransferFromPool", true, kTransfer, "CUSTOMER_IN_POOL", ""},
                      VerbRow{"TransferOwned", false, kTransfer, "", "bert"},
                      VerbRow{"TransferToOwner", false, kTransferToOwner, "ALREADY_OWNER", ""},
                      VerbRow{"ClaimFromPool", true, kClaim, "", "bert"},
                      VerbRow{"ClaimOwned", false, kClaim, "CUSTOMER_HAS_OWNER", ""},
                      VerbRow{"ClaimAtLimit", true, kClaimAtLimit, "CLAIM_LIMIT_REACHED", ""},
                      VerbRow{"ClaimWithoutLimit", true, kClaimUnlimited, "", "bert"},
                      VerbRow{"ReleaseInPool", true, kRelease, "CUSTOMER_IN_POOL", ""},
                      VerbRow{"ReleaseOwned", false, kRelease, "", ""},
                      VerbRow{"StaleAssign", true, kStaleAssign, "STALE_ETAG", ""},
                      VerbRow{"StaleTransfer", false, kStaleTransfer, "STALE_ETAG", ""},
                      VerbRow{"StaleClaim", true, kStaleClaim, "STALE_ETAG", ""},
                      VerbRow{"StaleRelease", false, kStaleRelease, "STALE_ETAG", ""}),
    [](const auto& info) { return info.param.situation; });

TEST(ApplyTransferTest, KeepsTheNote) { EXPECT_EQ(kTransfer(Yunfan())->handover_note, "note"); }

TEST(ApplySettingsTest, ChecksTheVersion) {
  EXPECT_EQ(ApplySettings({3, kNow, 2}, 7, 2, kLater)->max_customers_per_member, 7);
  EXPECT_EQ(
      ApplySettings({3, kNow, 2}, std::nullopt, std::nullopt, kLater)->max_customers_per_member, 3);
  EXPECT_EQ(status::ReasonOf(ApplySettings({3, kNow, 2}, 7, 1, kLater).status()), "STALE_ETAG");
}

TEST(DuplicatesTest, SpellingsOfOneCompanyHaveTheSameKeys) {
  Customer a = Yunfan();
  a.email = "info@yunfan.com";
  Customer b = a;
  b.display_name = "上海云帆科技（集团）股份有限公司";
  b.phone = "+86 021 6888 1234";
  b.email = "Sales@YunFan.com";
  EXPECT_EQ(KeysOf(a).name_key, KeysOf(b).name_key);
  EXPECT_EQ(KeysOf(a).phone_digits, KeysOf(b).phone_digits);
  EXPECT_EQ(KeysOf(a).email_domain, KeysOf(b).email_domain);
}

TEST(DuplicatesTest, OnlyAnEmailDomainDoesNotRefuse) {
  EXPECT_FALSE(Refuses({}));
  EXPECT_FALSE(Refuses({DuplicateReason::kSameEmailDomain}));
  EXPECT_TRUE(Refuses({DuplicateReason::kSameName}));
  EXPECT_TRUE(Refuses({DuplicateReason::kSamePhone, DuplicateReason::kSameEmailDomain}));
}

TEST(DuplicatesTest, RankPutsTheStrongestFirst) {
  using R = DuplicateReason;
  const auto ranked = Rank({{"d", "d", "", {R::kSameEmailDomain}},
                            {"c", "b", "", {R::kSameName}},
                            {"b", "a", "", {R::kSameName}},
                            {"a", "a", "", {R::kSameName, R::kSameEmailDomain}},
                            {"e", "e", "", {R::kSameCreditCode}}},
                           4);
  std::vector<std::string> ids;
  for (const auto& candidate : ranked) ids.push_back(candidate.id);
  EXPECT_THAT(ids, ElementsAre("e", "a", "b", "c"));
}

}  // namespace
}  // namespace milepost::customer
