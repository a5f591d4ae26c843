#include "customer-svc/domain/contact.h"

#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::customer {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'750'000'000);
const absl::Time kLater = kNow + absl::Hours(1);

Contact Draft() {
  Contact contact;
  contact.id = "li";
  contact.customer_id = "yunfan";
  contact.display_name = "李雷";
  return contact;
}

TEST(NewContactTest, StartsAtVersionOne) {
  const auto contact = NewContact(Draft(), 0, kNow);
  ASSERT_TRUE(contact.ok());
  EXPECT_EQ(contact->version, 1);
  EXPECT_EQ(contact->create_time, kNow);
}

TEST(NewContactTest, StopsAtTheLimit) {
  EXPECT_TRUE(NewContact(Draft(), kMaxContactsPerCustomer - 1, kNow).ok());
  EXPECT_EQ(status::ReasonOf(NewContact(Draft(), kMaxContactsPerCustomer, kNow).status()),
            "TOO_MANY_CONTACTS");
}

TEST(ApplyUpdateContactTest, EveryUpdatableFieldIsSet) {
  Contact contact = *NewContact(Draft(), 0, kNow);
  Contact values = contact;
  values.display_name = "n", values.job_title = "j", values.department = "d",
  values.decision_role = DecisionRole::kCoach;
  values.attitude = Attitude::kOpponent, values.phone = "p", values.mobile = "m",
  values.email = "e", values.wechat = "w";
  values.primary = true, values.left = true, values.description = "x", values.update_time = kLater;
  const auto updated = ApplyUpdate(contact, {values, UpdatableContactFields(), 1}, kLater);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(*updated, values);
}

TEST(ApplyUpdateContactTest, RefusesAStaleVersion) {
  const Contact contact = *NewContact(Draft(), 0, kNow);
  EXPECT_EQ(status::ReasonOf(ApplyUpdate(contact, {{}, {}, 2}, kLater).status()), "STALE_ETAG");
  EXPECT_EQ(status::ReasonOf(ApplyDelete(contact, 2, kLater).status()), "STALE_ETAG");
  EXPECT_TRUE(ApplyDelete(contact, 1, kLater).ok());
}

}  // namespace
}  // namespace milepost::customer
