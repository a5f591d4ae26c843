#include "platform/resource/page_token.h"

#include "gtest/gtest.h"
#include "milepost/change/v1/change.pb.h"

namespace milepost::resource {
namespace {

change::v1::ListChangesRequest Request(const std::string& record) {
  change::v1::ListChangesRequest request;
  request.set_record(record);
  return request;
}

TEST(PageTokenTest, ATokenContinuesItsOwnRequest) {
  auto request = Request("customers/a");
  const std::string key2("x\0y", 3);
  request.set_page_token(NextPageToken(request, {"客户", key2}));
  request.set_page_size(7);
  status::FieldViolations violations;
  const Page page = ReadPage(request, 2, violations);
  EXPECT_TRUE(violations.empty());
  EXPECT_EQ(page.size, 7);
  EXPECT_EQ(page.after, (std::vector<std::string>{"客户", key2}));
}

TEST(PageTokenTest, ATokenOfAnotherRequestIsRefused) {
  const std::string token = NextPageToken(Request("customers/a"), {"k"});
  auto other = Request("customers/b");
  other.set_page_token(token);
  status::FieldViolations violations;
  EXPECT_TRUE(ReadPage(other, 1, violations).after.empty());
  ASSERT_EQ(violations.all().size(), 1u);
  EXPECT_EQ(violations.all()[0].field, "page_token");
}

TEST(PageTokenTest, GarbageIsRefused) {
  const std::string good = NextPageToken(Request("customers/a"), {"k"});
  for (const std::string& token :
       {std::string("x"), std::string("!!!!"), good.substr(0, good.size() - 2), good + "AAAA"}) {
    auto request = Request("customers/a");
    request.set_page_token(token);
    status::FieldViolations violations;
    ReadPage(request, 1, violations);
    EXPECT_FALSE(violations.empty()) << token;
  }
}

TEST(PageTokenTest, SizesOutsideTheLimitAreNamed) {
  for (const int size : {-1, kMaxPageSize + 1}) {
    auto request = Request("customers/a");
    request.set_page_size(size);
    status::FieldViolations violations;
    ReadPage(request, 1, violations);
    ASSERT_EQ(violations.all().size(), 1u);
    EXPECT_EQ(violations.all()[0].field, "page_size");
  }
  status::FieldViolations none;
  EXPECT_EQ(ReadPage(Request("customers/a"), 1, none).size, kDefaultPageSize);
}

}  // namespace
}  // namespace milepost::resource
