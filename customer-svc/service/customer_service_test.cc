#include <functional>

#include "customer-svc/service/testing_customers.h"

namespace milepost::customer {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;

class CustomerServiceTest : public CustomerTest {};

// --- Create and get

TEST_F(CustomerServiceTest, WhatIsCreatedIsReadBackEqual) {
  v1::CreateCustomerRequest request = NewCompany("yunfan", "　上海云帆科技有限公司 ");
  v1::Customer& in = *request.mutable_customer();
  in.set_short_name("云帆");
  in.set_credit_code("91350100m000100y43");
  in.set_phone("021-68881234");
  in.set_email("info@yunfan.com");
  in.set_website("https://yunfan.com");
  in.set_industry("软件");
  in.set_region("华东");
  in.set_channel(v1::DEALER);
  in.set_source("sources/fair-2025");
  in.add_tags("重点");
  in.add_tags("VIP");
  in.add_addresses()->set_city("上海");
  in.mutable_addresses(0)->set_street("世纪大道 100 号");
  in.mutable_addresses(0)->set_kind(v1::OFFICE);
  v1::Attribute& level = *in.add_attributes();
  level.set_key("level");
  level.set_number(3);
  v1::Attribute& contract = *in.add_attributes();
  contract.set_key("contract_end");
  contract.mutable_date()->set_year(2027);
  contract.mutable_date()->set_month(2);
  contract.mutable_date()->set_day(28);
  v1::Attribute& credit = *in.add_attributes();
  credit.set_key("credit");
  credit.mutable_money()->set_currency_code("CNY");
  credit.mutable_money()->set_minor_units(1'000'000);
  v1::Attribute& big = *in.add_attributes();
  big.set_key("big");
  big.set_flag(true);
  v1::Attribute& motto = *in.add_attributes();
  motto.set_key("motto");
  motto.set_text("诚信 😀 \"引号\"");
  in.set_founded_year(1999);
  in.set_employee_count(500);
  in.mutable_annual_revenue()->set_currency_code("CNY");
  in.mutable_annual_revenue()->set_minor_units(12'345'678'900);
  in.set_description("老客户\n第二行");
  in.mutable_since_date()->set_year(2019);
  in.mutable_since_date()->set_month(5);
  in.mutable_since_date()->set_day(1);

  const auto created = Create(anna_, request);
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->name(), "customers/yunfan");
  EXPECT_EQ(created->display_name(), "上海云帆科技有限公司");
  EXPECT_EQ(created->credit_code(), "91350100M000100Y43");
  EXPECT_EQ(created->owner(), "members/anna");
  EXPECT_EQ(created->version(), 1);
  EXPECT_EQ(created->attributes(0).key(), "big");
  EXPECT_FALSE(created->personal_data_masked());
  const auto read = Get(anna_, "yunfan");
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->DebugString(), created->DebugString());
}

TEST_F(CustomerServiceTest, AnIdIsMadeAndTheDayOfCreationTakenIfNotGiven) {
  const auto created = Create(anna_, NewCompany("", "云帆"));
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->name().substr(0, 11), "customers/c");
  EXPECT_TRUE(created->has_since_date());
}

TEST_F(CustomerServiceTest, EveryBadFieldIsReportedAtOnce) {
  v1::CreateCustomerRequest request = NewCompany("Not An Id", "（）");
  v1::Customer& in = *request.mutable_customer();
  in.set_kind(static_cast<v1::CustomerKind>(77));
  in.set_short_name(std::string(101, 'x'));
  in.set_credit_code("91350100M000100Y44");
  in.set_phone("call me");
  in.set_email("nobody");
  in.set_industry("a\x01z");
  in.set_channel(static_cast<v1::Channel>(9));
  in.set_source("fair");
  in.add_tags("一");
  in.add_tags("一");
  in.add_addresses()->set_kind(static_cast<v1::AddressKind>(50));
  in.add_attributes()->set_key("Key");
  in.set_parent("customers/");
  in.set_founded_year(5);
  in.set_employee_count(-1);
  in.mutable_annual_revenue()->set_currency_code("USD");
  in.mutable_annual_revenue()->set_minor_units(-5);
  in.mutable_since_date()->set_year(2025);
  in.mutable_since_date()->set_month(2);
  in.mutable_since_date()->set_day(30);
  in.set_owner("anna");
  request.set_request_id(kRequestId);
  const auto status = Create(anna_, request).status();
  EXPECT_THAT(status, Fails(StatusCode::kInvalidArgument, "INVALID_FIELDS"));
  for (const char* field :
       {"customer_id", "customer.kind", "customer.display_name", "customer.short_name",
        "customer.credit_code", "customer.phone", "customer.email", "customer.industry",
        "customer.channel", "customer.source", "customer.tags[1]", "customer.addresses[0].kind",
        "customer.attributes[0].key", "customer.attributes[0].value", "customer.parent",
        "customer.founded_year", "customer.employee_count", "customer.since_date",
        "customer.owner"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

struct LimitRow {
  const char* field;
  std::function<void(v1::Customer&, int extra)> fill;  // To the limit, and `extra` beyond.
};
TEST_F(CustomerServiceTest, EveryLimitIsInclusive) {
  const auto text = [](int count) {
    std::string filled;
    for (int i = 0; i < count; ++i) filled += "字";
    return filled;
  };
  const std::vector<LimitRow> rows = {
      {"customer.display_name", [&](v1::Customer& c, int n) { c.set_display_name(text(200 + n)); }},
      {"customer.short_name", [&](v1::Customer& c, int n) { c.set_short_name(text(100 + n)); }},
      {"customer.website", [&](v1::Customer& c, int n) { c.set_website(text(254 + n)); }},
      {"customer.industry", [&](v1::Customer& c, int n) { c.set_industry(text(64 + n)); }},
      {"customer.region", [&](v1::Customer& c, int n) { c.set_region(text(64 + n)); }},
      {"customer.description", [&](v1::Customer& c, int n) { c.set_description(text(2000 + n)); }},
      {"customer.founded_year", [&](v1::Customer& c, int n) { c.set_founded_year(2200 + n); }},
      {"customer.employee_count",
       [&](v1::Customer& c, int n) { c.set_employee_count(100'000'000 + n); }},
      {"customer.tags[0]", [&](v1::Customer& c, int n) { c.add_tags(text(32 + n)); }},
      {"customer.tags",
       [&](v1::Customer& c, int n) {
         for (int i = 0; i < 50 + n; ++i) c.add_tags(absl::StrCat("t", i));
       }},
      {"customer.addresses",
       [&](v1::Customer& c, int n) {
         for (int i = 0; i < 10 + n; ++i) c.add_addresses()->set_city("北京");
       }},
      {"customer.attributes",
       [&](v1::Customer& c, int n) {
         for (int i = 0; i < 50 + n; ++i) {
           v1::Attribute& attribute = *c.add_attributes();
           attribute.set_key(absl::StrCat("k", i));
           attribute.set_flag(true);
         }
       }},
      {"customer.attributes[0].text",
       [&](v1::Customer& c, int n) {
         v1::Attribute& attribute = *c.add_attributes();
         attribute.set_key("k");
         attribute.set_text(text(1000 + n));
       }},
      {"customer.annual_revenue.minor_units",
       [&](v1::Customer& c, int n) {
         c.mutable_annual_revenue()->set_currency_code("CNY");
         c.mutable_annual_revenue()->set_minor_units(9'000'000'000'000'000 + n);
       }},
  };
  int id = 0;
  for (const LimitRow& row : rows) {
    ++id;
    v1::CreateCustomerRequest request =
        NewCompany(absl::StrCat("at-", id), absl::StrCat("公司", id));
    row.fill(*request.mutable_customer(), 0);
    EXPECT_THAT(Create(anna_, request), IsOk()) << row.field;
    request = NewCompany(absl::StrCat("over-", id), absl::StrCat("公司之外", id));
    row.fill(*request.mutable_customer(), 1);
    EXPECT_THAT(Create(anna_, request).status(), NamesField(row.field));
  }
}

TEST_F(CustomerServiceTest, TextThatIsNotUtf8IsRefused) {
  v1::CreateCustomerRequest request = NewCompany("bad", "\xff\xfe");
  EXPECT_THAT(Create(anna_, request), Fails(StatusCode::kInvalidArgument, "REQUEST_NOT_DECODABLE"));
}

TEST_F(CustomerServiceTest, ATakenIdIsRefused) {
  Made("yunfan", "云帆", "anna");
  EXPECT_THAT(Create(anna_, NewCompany("yunfan", "另一家")),
              Fails(StatusCode::kAlreadyExists, "ID_TAKEN"));
}

TEST_F(CustomerServiceTest, ThePersonHasNoCreditCode) {
  v1::CreateCustomerRequest request = NewCompany("li", "李雷");
  request.mutable_customer()->set_kind(v1::PERSON);
  request.mutable_customer()->set_credit_code("91350100M000100Y43");
  EXPECT_THAT(Create(anna_, request).status(), NamesField("customer.credit_code"));
}

TEST_F(CustomerServiceTest, OwnersMustBeKnownActiveAndInScope) {
  EXPECT_THAT(Create(anna_, NewCompany("a", "甲", "bert")),
              Fails(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE"));
  EXPECT_THAT(Create(mia_, NewCompany("b", "乙", "eve")),
              Fails(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE"));
  EXPECT_THAT(Create(mia_, NewCompany("c", "丙", "leo")),
              Fails(StatusCode::kFailedPrecondition, "MEMBER_INACTIVE"));
  EXPECT_THAT(Create(admin_, NewCompany("d", "丁", "nobody")),
              Fails(StatusCode::kFailedPrecondition, "MEMBER_UNKNOWN"));
  EXPECT_THAT(Create({"stranger", {Role::kRep}}, NewCompany("e", "戊")).status().code(),
              StatusCode::kPermissionDenied);
  EXPECT_THAT(Create(mia_, NewCompany("f", "己", "bert")), IsOk());
  EXPECT_EQ(Create(mia_, NewCompany("g", "庚"))->owner(), "");
  EXPECT_EQ(Create(marketing_, NewCompany("h", "辛"))->owner(), "");
  EXPECT_THAT(Create(analyst_, NewCompany("i", "壬")).status().code(),
              StatusCode::kPermissionDenied);
}

TEST_F(CustomerServiceTest, TheParentMustExistAndBeVisible) {
  Made("group", "集团甲", "eve");
  v1::CreateCustomerRequest request = NewCompany("sub", "子公司甲");
  request.mutable_customer()->set_parent("customers/group");
  EXPECT_THAT(Create(anna_, request),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_NOT_FOUND"));
  request.set_allow_duplicates(true);
  EXPECT_THAT(Create(anna_, request),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_NOT_FOUND"));
  EXPECT_THAT(Create(admin_, request), IsOk());

  // A parent of one's own, in the shared pool, and for one who sees only some members.
  Made("own", "集团乙", "anna");
  Made("pooled", "集团丙", "");
  for (const Who& who : {anna_, mia_}) {
    for (const char* parent : {"customers/own", "customers/pooled"}) {
      request = NewCompany("", absl::StrCat("子公司", who.member, parent));
      request.mutable_customer()->set_parent(parent);
      const auto created = Create(who, request);
      ASSERT_THAT(created, IsOk());
      EXPECT_EQ(created->parent(), parent);
      // Of two faults the parent is named; where it is none, the duplicates are.
      EXPECT_THAT(Create(who, request), Fails(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS"));
      request.mutable_customer()->set_parent("customers/group");
      EXPECT_THAT(Create(who, request),
                  Fails(StatusCode::kFailedPrecondition, "REFERENCE_NOT_FOUND"));
    }
  }

  request = NewCompany("self", "自己");
  request.mutable_customer()->set_parent("customers/self");
  EXPECT_THAT(Create(anna_, request).status(), NamesField("customer.parent"));
}

TEST_F(CustomerServiceTest, ARepeatedCreateAnswersTheSame) {
  v1::CreateCustomerRequest request = NewCompany("", "云帆");
  request.set_request_id(kRequestId);
  const auto first = Create(anna_, request);
  ASSERT_THAT(first, IsOk());
  const auto second = Create(anna_, request);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->DebugString(), second->DebugString());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers"), 1);
  request.mutable_customer()->set_display_name("别的名字");
  EXPECT_THAT(Create(anna_, request), Fails(StatusCode::kInvalidArgument, "REQUEST_ID_REUSED"));
  request.set_request_id("no uuid");
  EXPECT_THAT(Create(anna_, request).status(), NamesField("request_id"));
}

// --- Scope and personal data

TEST_F(CustomerServiceTest, HiddenAndAbsentAreToldAlike) {
  Made("secret", "东方", "eve");
  const auto hidden = Get(anna_, "secret").status();
  EXPECT_THAT(hidden, Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  const auto absent = Get(anna_, "absent").status();
  std::string expected(absent.message());
  expected.replace(expected.find("absent"), 6, "secret");
  EXPECT_EQ(std::string(hidden.message()), expected);
  EXPECT_THAT(Get(mia_, "secret"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Get(eve_, "secret"), IsOk());
  EXPECT_THAT(Get(admin_, "secret"), IsOk());
  EXPECT_THAT(Update(anna_, Change("secret", "region")),
              Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Claim(anna_, "secret"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Release(anna_, "secret"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Transfer(mia_, "secret", "anna"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Assign(mia_, "secret", "anna"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  v1::FindDuplicateCustomersRequest find;
  find.set_name("customers/secret");
  EXPECT_THAT(Customers(anna_, &Stub::FindDuplicateCustomers, find),
              Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
}

TEST_F(CustomerServiceTest, PersonalDataIsMaskedForThoseOutsideTheScope) {
  v1::CreateCustomerRequest request = NewCompany("yunfan", "云帆", "anna");
  request.mutable_customer()->set_phone("13812345678");
  request.mutable_customer()->set_email("zhang@yunfan.com");
  request.mutable_customer()->add_addresses()->set_street("世纪大道");
  ASSERT_THAT(Create(admin_, request), IsOk());
  for (const Who& who : {anna_, mia_, admin_}) {
    const auto customer = Get(who, "yunfan");
    EXPECT_EQ(customer->phone(), "13812345678") << who.member;
    EXPECT_FALSE(customer->personal_data_masked());
  }
  for (const Who& who : {marketing_, analyst_}) {
    const auto customer = Get(who, "yunfan");
    EXPECT_EQ(customer->phone(), "138****5678") << who.member;
    EXPECT_EQ(customer->email(), "z***@yunfan.com");
    EXPECT_NE(customer->addresses(0).street(), "世纪大道");
    EXPECT_TRUE(customer->personal_data_masked());
  }
  ASSERT_THAT(Release(anna_, "yunfan"), IsOk());
  EXPECT_TRUE(Get(anna_, "yunfan")->personal_data_masked());
  EXPECT_TRUE(Get(bert_, "yunfan")->personal_data_masked());
}

TEST_F(CustomerServiceTest, MaskedDataIsNotShownByRepeatingARequest) {
  v1::CreateCustomerRequest request = NewCompany("yunfan", "云帆", "anna");
  request.mutable_customer()->set_phone("13812345678");
  ASSERT_THAT(Create(admin_, request), IsOk());
  v1::UpdateCustomerRequest update = Change("yunfan", "region");
  update.mutable_customer()->set_region("华东");
  update.set_request_id(kRequestId);
  const auto first = Update(marketing_, update);
  const auto second = Update(marketing_, update);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->phone(), "138****5678");
  EXPECT_EQ(first->DebugString(), second->DebugString());
}

TEST_F(CustomerServiceTest, MaskedDataCannotBeOverwritten) {
  Made("yunfan", "云帆", "anna");
  v1::UpdateCustomerRequest update = Change("yunfan", "phone");
  update.mutable_customer()->set_phone("138****5678");
  EXPECT_THAT(Update(marketing_, update).status(), NamesField("customer.phone"));
  update.mutable_customer()->set_phone("13812345678");
  EXPECT_THAT(Update(marketing_, update),
              Fails(StatusCode::kPermissionDenied, "PERSONAL_DATA_HIDDEN"));
}

// --- Update

TEST_F(CustomerServiceTest, UpdateSetsWhatTheMaskNames) {
  Made("yunfan", "云帆", "anna");
  v1::UpdateCustomerRequest request = Change("yunfan", "region");
  request.mutable_customer()->set_region("华东");
  request.mutable_customer()->set_industry("软件");
  const auto updated = Update(anna_, request);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->region(), "华东");
  EXPECT_EQ(updated->industry(), "");
  EXPECT_EQ(updated->version(), 2);
  EXPECT_EQ(Get(anna_, "yunfan")->DebugString(), updated->DebugString());
}

TEST_F(CustomerServiceTest, AnEmptyMaskSetsEveryNonEmptyField) {
  Made("yunfan", "云帆", "anna");
  v1::UpdateCustomerRequest request;
  request.mutable_customer()->set_name("customers/yunfan");
  request.mutable_customer()->set_region("华东");
  const auto updated = Update(anna_, request);
  EXPECT_EQ(updated->region(), "华东");
  EXPECT_EQ(updated->display_name(), "云帆");
  request.mutable_customer()->clear_region();
  EXPECT_THAT(Update(anna_, request).status(), NamesField("update_mask"));
}

TEST_F(CustomerServiceTest, UnknownFixedAndOutputOnlyPathsAreRefused) {
  Made("yunfan", "云帆", "anna");
  for (const char* path : {"nonsense", "kind", "owner", "version", "create_time", "name", ""}) {
    EXPECT_THAT(Update(anna_, Change("yunfan", path)).status(), NamesField("update_mask")) << path;
  }
}

TEST_F(CustomerServiceTest, AStaleEtagIsAborted) {
  const v1::Customer made = Made("yunfan", "云帆", "anna");
  v1::UpdateCustomerRequest request = Change("yunfan", "region");
  request.set_etag(made.etag());
  EXPECT_THAT(Update(anna_, request), IsOk());
  EXPECT_THAT(Update(anna_, request), Fails(StatusCode::kAborted, "STALE_ETAG"));
  request.set_etag("gibberish");
  EXPECT_THAT(Update(anna_, request).status(), NamesField("etag"));
}

TEST_F(CustomerServiceTest, SearchFollowsARename) {
  Made("yunfan", "上海云帆科技有限公司", "anna");
  v1::UpdateCustomerRequest request = Change("yunfan", "display_name");
  request.mutable_customer()->set_display_name("北京远航软件有限公司");
  request.mutable_update_mask()->add_paths("tags");
  request.mutable_customer()->add_tags("新");
  ASSERT_THAT(Update(anna_, request), IsOk());
  EXPECT_THAT(Search(anna_, "云帆"), IsEmpty());
  EXPECT_THAT(Search(anna_, "远航"), ElementsAre("yunfan"));
  v1::CustomerFilter tagged;
  tagged.set_tag("新");
  EXPECT_THAT(List(anna_, tagged), ElementsAre("yunfan"));
}

}  // namespace
}  // namespace milepost::customer
