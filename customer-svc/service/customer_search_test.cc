#include <functional>

#include "customer-svc/service/testing_customers.h"

namespace milepost::customer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::UnorderedElementsAre;

class CustomerSearchTest : public CustomerTest {};

// --- Lists

TEST_F(CustomerSearchTest, ListShowsWhatTheScopeHolds) {
  Made("a", "甲", "anna");
  host_.Advance(absl::Seconds(1));
  Made("b", "乙", "bert");
  host_.Advance(absl::Seconds(1));
  Made("e", "丙", "eve");
  host_.Advance(absl::Seconds(1));
  Made("p", "丁", "");
  EXPECT_THAT(List(anna_, {}), ElementsAre("p", "a"));
  EXPECT_THAT(List(mia_, {}), ElementsAre("p", "b", "a"));
  EXPECT_THAT(List(eve_, {}), ElementsAre("p", "e"));
  EXPECT_THAT(List(analyst_, {}), ElementsAre("p", "e", "b", "a"));
  EXPECT_THAT(List({"stranger", {Role::kRep}}, {}), ElementsAre("p"));
}

TEST_F(CustomerSearchTest, EveryFilterFilters) {
  v1::CreateCustomerRequest request = NewCompany("match", "目标", "anna");
  v1::Customer& c = *request.mutable_customer();
  c.set_kind(v1::PERSON);
  c.set_industry("软件");
  c.set_region("华东");
  c.set_channel(v1::PARTNER);
  c.set_source("sources/fair");
  c.add_tags("重点");
  ASSERT_THAT(Create(admin_, request), IsOk());
  host_.Advance(absl::Hours(1));
  Made("rest", "其余", "eve");
  Made("pooled", "公海", "");
  const auto boundary = absl::ToUnixSeconds(host_.now()) - 1800;
  const std::vector<std::function<void(v1::CustomerFilter&)>> filters = {
      [](v1::CustomerFilter& f) { f.set_owner("members/anna"); },
      [](v1::CustomerFilter& f) { f.set_unit("units/west"); },
      [](v1::CustomerFilter& f) { f.set_kind(v1::PERSON); },
      [](v1::CustomerFilter& f) { f.set_industry("软件"); },
      [](v1::CustomerFilter& f) { f.set_region("华东"); },
      [](v1::CustomerFilter& f) { f.set_channel(v1::PARTNER); },
      [](v1::CustomerFilter& f) { f.set_source("sources/fair"); },
      [](v1::CustomerFilter& f) { f.set_tag("重点"); },
      [&](v1::CustomerFilter& f) { f.mutable_created_before()->set_seconds(boundary); },
  };
  v1::CustomerFilter all;
  for (const auto& set : filters) {
    v1::CustomerFilter one;
    set(one);
    EXPECT_THAT(List(admin_, one), ElementsAre("match")) << one.DebugString();
    set(all);
  }
  EXPECT_THAT(List(admin_, all), ElementsAre("match"));
  v1::CustomerFilter late;
  late.mutable_created_from()->set_seconds(boundary);
  EXPECT_THAT(List(admin_, late), UnorderedElementsAre("rest", "pooled"));
  v1::CustomerFilter pool;
  pool.set_pool_only(true);
  EXPECT_THAT(List(anna_, pool), ElementsAre("pooled"));
  v1::CustomerFilter hidden;
  hidden.set_owner("members/eve");
  EXPECT_THAT(List(anna_, hidden), IsEmpty());
}

TEST_F(CustomerSearchTest, BadFiltersAreReportedAtOnce) {
  v1::ListCustomersRequest request;
  v1::CustomerFilter& filter = *request.mutable_filter();
  filter.set_owner("anna");
  filter.set_unit("west");
  filter.set_pool_only(true);
  filter.set_kind(static_cast<v1::CustomerKind>(9));
  filter.mutable_created_from()->set_seconds(-1);
  filter.mutable_created_before()->set_nanos(-1);
  request.set_page_size(501);
  request.set_page_token("made up");
  const auto status = Customers(anna_, &Stub::ListCustomers, request).status();
  for (const char* field :
       {"filter.owner", "filter.unit", "filter.pool_only", "filter.kind", "filter.created_from",
        "filter.created_before", "page_size", "page_token"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

TEST_F(CustomerSearchTest, PagesOfEverySizeShowEachCustomerOnce) {
  constexpr int kCount = 9;
  std::vector<std::string> expected;
  for (int i = 0; i < kCount; ++i) {
    // Some at the same instant, so that the id decides.
    if (i % 3 == 0) host_.Advance(absl::Seconds(1));
    Made(absl::StrCat("c-", i), absl::StrCat("客户", i, "号"), i % 2 == 0 ? "anna" : "");
  }
  v1::ListCustomersRequest all;
  all.set_page_size(500);
  expected = Ids(Customers(anna_, &Stub::ListCustomers, all)->customers());
  ASSERT_EQ(expected.size(), static_cast<size_t>(kCount));
  for (const Who& who : {anna_, mia_, admin_}) {
    for (int size = 1; size <= kCount + 1; ++size) {
      std::vector<std::string> seen;
      v1::ListCustomersRequest request;
      request.set_page_size(size);
      do {
        const auto page = Customers(who, &Stub::ListCustomers, request);
        ASSERT_THAT(page, IsOk());
        ASSERT_LE(page->customers_size(), size);
        for (const std::string& id : Ids(page->customers())) seen.push_back(id);
        request.set_page_token(page->next_page_token());
      } while (!request.page_token().empty());
      EXPECT_EQ(seen, expected) << size;
    }
  }
}

TEST_F(CustomerSearchTest, APageTokenBelongsToItsRequest) {
  for (int i = 0; i < 3; ++i) Made(absl::StrCat("c-", i), absl::StrCat("客户", i), "anna");
  v1::ListCustomersRequest request;
  request.set_page_size(1);
  request.set_page_token(Customers(anna_, &Stub::ListCustomers, request)->next_page_token());
  ASSERT_FALSE(request.page_token().empty());
  request.set_page_size(2);
  EXPECT_THAT(Customers(anna_, &Stub::ListCustomers, request), IsOk());
  request.mutable_filter()->set_region("华东");
  EXPECT_THAT(Customers(anna_, &Stub::ListCustomers, request).status(), NamesField("page_token"));
  v1::SearchCustomersRequest search;
  search.set_query("客户");
  search.set_page_token(request.page_token());
  EXPECT_THAT(Customers(anna_, &Stub::SearchCustomers, search).status(), NamesField("page_token"));
}

TEST_F(CustomerSearchTest, BatchCheckTellsWhatMayBeSeen) {
  v1::CreateCustomerRequest made = NewCompany("a", "甲", "anna");
  made.mutable_customer()->set_region("华东");
  ASSERT_THAT(Create(admin_, made), IsOk());
  Made("e", "乙", "eve");
  v1::BatchCheckCustomersRequest request;
  for (const char* name : {"customers/e", "customers/a", "customers/absent", "customers/a"})
    request.add_names(name);
  const auto answer = Customers(anna_, &Stub::BatchCheckCustomers, request);
  ASSERT_THAT(answer, IsOk());
  ASSERT_EQ(answer->checks_size(), 4);
  EXPECT_FALSE(answer->checks(0).found());
  EXPECT_TRUE(answer->checks(1).found());
  EXPECT_EQ(answer->checks(1).display_name(), "甲");
  EXPECT_EQ(answer->checks(1).owner(), "members/anna");
  EXPECT_EQ(answer->checks(1).region(), "华东");
  EXPECT_FALSE(answer->checks(2).found());
  EXPECT_TRUE(answer->checks(3).found());
  request.add_names("acme");
  EXPECT_THAT(Customers(anna_, &Stub::BatchCheckCustomers, request).status(),
              NamesField("names[4]"));
  EXPECT_THAT(
      Customers(anna_, &Stub::BatchCheckCustomers, v1::BatchCheckCustomersRequest()).status(),
      NamesField("names"));
}

// --- Search

TEST_F(CustomerSearchTest, SearchFindsAnyPartOfAName) {
  Made("yunfan", "上海云帆科技有限公司", "anna");
  Made("yunfan-bj", "北京云帆软件有限公司", "anna");
  Made("acme", "Acme Trading Co., Ltd.", "anna");
  v1::CreateCustomerRequest request = NewCompany("boat", "上海航运集团", "anna");
  request.mutable_customer()->set_short_name("帆船");
  ASSERT_THAT(Create(admin_, request), IsOk());
  EXPECT_THAT(Search(anna_, "云帆"), ElementsAre("yunfan", "yunfan-bj"));
  EXPECT_THAT(Search(anna_, "云帆科"), ElementsAre("yunfan"));
  EXPECT_THAT(Search(anna_, "北京 云帆"), ElementsAre("yunfan-bj"));
  EXPECT_THAT(Search(anna_, "上海"), UnorderedElementsAre("yunfan", "boat"));
  EXPECT_THAT(Search(anna_, "帆"), UnorderedElementsAre("boat", "yunfan", "yunfan-bj"));
  EXPECT_THAT(Search(anna_, "团"), ElementsAre("boat"));
  EXPECT_THAT(Search(anna_, "公司"), UnorderedElementsAre("yunfan", "yunfan-bj"));
  EXPECT_THAT(Search(anna_, "公"), UnorderedElementsAre("yunfan", "yunfan-bj"));
  EXPECT_THAT(Search(anna_, "帆船"), ElementsAre("boat"));
  EXPECT_THAT(Search(anna_, "ＡＣＭＥ trad"), ElementsAre("acme"));
  EXPECT_THAT(Search(anna_, "rading"), ElementsAre("acme"));
  EXPECT_THAT(Search(anna_, "帆云"), IsEmpty());
  v1::SearchCustomersRequest blank;
  blank.set_query("%");
  EXPECT_THAT(Customers(anna_, &Stub::SearchCustomers, blank).status(), NamesField("query"));
}

TEST_F(CustomerSearchTest, NamesThatBeginWithTheQueryComeFirst) {
  Made("a-part", "大云帆", "anna");
  Made("b-begins", "云帆科技", "anna");
  EXPECT_THAT(Search(anna_, "云帆"), ElementsAre("b-begins", "a-part"));
  EXPECT_THAT(Search(anna_, "云帆科技有限公司"), IsEmpty());
}

TEST_F(CustomerSearchTest, SearchStaysInScope) {
  Made("a", "云帆一", "anna");
  Made("e", "云帆二", "eve");
  Made("p", "云帆三", "");
  EXPECT_THAT(Search(anna_, "云帆"), UnorderedElementsAre("a", "p"));
  EXPECT_THAT(Search(eve_, "帆"), UnorderedElementsAre("e", "p"));
  EXPECT_THAT(Search(analyst_, "云帆"), UnorderedElementsAre("a", "e", "p"));
}

TEST_F(CustomerSearchTest, PhonesAreFoundByBeginningOrEndWhereTheyMayBeRead) {
  v1::CreateCustomerRequest request = NewCompany("a", "甲", "anna");
  request.mutable_customer()->set_phone("138-1234-5678");
  ASSERT_THAT(Create(admin_, request), IsOk());
  Made("b", "乙", "bert");
  v1::CreateContactRequest contact;
  contact.mutable_contact()->set_customer("customers/b");
  contact.mutable_contact()->set_display_name("李雷");
  contact.mutable_contact()->set_mobile("+86 13900005678");
  ASSERT_THAT(Contacts(bert_, &v1::ContactService::Stub::CreateContact, contact), IsOk());
  EXPECT_THAT(Search(anna_, "5678"), ElementsAre("a"));
  EXPECT_THAT(Search(mia_, "5678"), ElementsAre("a", "b"));
  EXPECT_THAT(Search(mia_, "139 0000"), ElementsAre("b"));
  EXPECT_THAT(Search(mia_, "0086 138 1234 5678"), ElementsAre("a"));
  EXPECT_THAT(Search(mia_, "2345"), IsEmpty());
  EXPECT_THAT(Search(analyst_, "5678"), IsEmpty()) << "what is masked cannot be probed";
  EXPECT_THAT(Search(admin_, "5678"), ElementsAre("a", "b"));
  ASSERT_THAT(Release(anna_, "a"), IsOk());
  EXPECT_THAT(Search(anna_, "5678"), IsEmpty());
}

TEST_F(CustomerSearchTest, SearchPagesOfEverySizeShowEachHitOnce) {
  // Hits of all three groups: beginning, part, phone.
  Made("b-1", "1234航", "anna");
  Made("b-2", "1234运", "anna");
  Made("p-1", "大1234", "anna");
  Made("p-2", "小1234", "");
  for (int i = 0; i < 3; ++i) {
    v1::CreateCustomerRequest request =
        NewCompany(absl::StrCat("f-", i), absl::StrCat("丙", i), "anna");
    request.mutable_customer()->set_phone(absl::StrCat("1390000", i, "1234"));
    ASSERT_THAT(Create(admin_, request), IsOk());
  }
  for (int size = 1; size <= 8; ++size) {
    std::vector<std::string> seen;
    v1::SearchCustomersRequest request;
    request.set_query("1234");
    request.set_page_size(size);
    do {
      const auto page = Customers(anna_, &Stub::SearchCustomers, request);
      ASSERT_THAT(page, IsOk());
      for (const std::string& id : Ids(page->customers())) seen.push_back(id);
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_THAT(seen, ElementsAre("b-1", "b-2", "p-1", "p-2", "f-0", "f-1", "f-2")) << size;
  }
}

}  // namespace
}  // namespace milepost::customer
