#include "customer-svc/service/customer_service.h"

#include <set>
#include <thread>

#include "customer-svc/service/testing_company.h"
#include "google/rpc/status.pb.h"

namespace milepost::customer {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::UnorderedElementsAre;
using Stub = v1::CustomerService::Stub;

class CustomerServiceTest : public CompanyTest {
 protected:
  static v1::UpdateCustomerRequest Change(const std::string& id, const std::string& path) {
    v1::UpdateCustomerRequest request;
    request.mutable_customer()->set_name("customers/" + id);
    request.mutable_update_mask()->add_paths(path);
    return request;
  }
  absl::StatusOr<v1::Customer> Update(const Who& who, const v1::UpdateCustomerRequest& request) {
    return Customers(who, &Stub::UpdateCustomer, request);
  }
  absl::StatusOr<v1::Customer> Claim(const Who& who, const std::string& id,
                                     const std::string& request_id = "") {
    v1::ClaimCustomerRequest request;
    request.set_name("customers/" + id);
    request.set_request_id(request_id);
    return Customers(who, &Stub::ClaimCustomer, request);
  }
  absl::StatusOr<v1::Customer> Assign(const Who& who, const std::string& id,
                                      const std::string& member) {
    v1::AssignCustomerRequest request;
    request.set_name("customers/" + id);
    request.set_member("members/" + member);
    return Customers(who, &Stub::AssignCustomer, request);
  }
  absl::StatusOr<v1::Customer> Transfer(const Who& who, const std::string& id,
                                        const std::string& member) {
    v1::TransferCustomerRequest request;
    request.set_name("customers/" + id);
    request.set_member("members/" + member);
    request.set_handover_note("王总爱喝茶");
    return Customers(who, &Stub::TransferCustomer, request);
  }
  absl::StatusOr<v1::Customer> Release(const Who& who, const std::string& id) {
    v1::ReleaseCustomerRequest request;
    request.set_name("customers/" + id);
    request.set_reason("长期无需求");
    return Customers(who, &Stub::ReleaseCustomer, request);
  }
  std::vector<std::string> Ids(const google::protobuf::RepeatedPtrField<v1::Customer>& customers) {
    std::vector<std::string> ids;
    for (const v1::Customer& customer : customers) ids.push_back(customer.name().substr(10));
    return ids;
  }
  std::vector<std::string> List(const Who& who, const v1::CustomerFilter& filter) {
    v1::ListCustomersRequest request;
    *request.mutable_filter() = filter;
    const auto response = Customers(who, &Stub::ListCustomers, request);
    EXPECT_THAT(response, IsOk());
    return response.ok() ? Ids(response->customers()) : std::vector<std::string>{"failed"};
  }
  std::vector<std::string> Search(const Who& who, const std::string& query) {
    v1::SearchCustomersRequest request;
    request.set_query(query);
    const auto response = Customers(who, &Stub::SearchCustomers, request);
    EXPECT_THAT(response, IsOk());
    return response.ok() ? Ids(response->customers()) : std::vector<std::string>{"failed"};
  }
};

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
  EXPECT_THAT(Create(admin_, request), IsOk());
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

// --- Ownership

TEST_F(CustomerServiceTest, ARepClaimsBeforeChangingWhatIsInThePool) {
  Made("pooled", "公海客户", "");
  EXPECT_THAT(Update(anna_, Change("pooled", "region")),
              Fails(StatusCode::kFailedPrecondition, "CUSTOMER_IN_POOL"));
  const auto claimed = Claim(anna_, "pooled");
  ASSERT_THAT(claimed, IsOk());
  EXPECT_EQ(claimed->owner(), "members/anna");
  EXPECT_EQ(claimed->version(), 2);
  EXPECT_THAT(Update(anna_, Change("pooled", "region")), IsOk());
  EXPECT_THAT(Claim(bert_, "pooled"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Claim(mia_, "pooled"), Fails(StatusCode::kFailedPrecondition, "CUSTOMER_HAS_OWNER"));
  EXPECT_THAT(Claim(anna_, "pooled"), Fails(StatusCode::kFailedPrecondition, "CUSTOMER_HAS_OWNER"));
  EXPECT_THAT(Claim({"stranger", {Role::kRep}}, "pooled"),
              Fails(StatusCode::kPermissionDenied, "NOT_A_MEMBER"));
  const auto released = Release(anna_, "pooled");
  ASSERT_THAT(released, IsOk());
  EXPECT_EQ(released->owner(), "");
  EXPECT_THAT(Release(anna_, "pooled"), Fails(StatusCode::kFailedPrecondition, "CUSTOMER_IN_POOL"));
}

TEST_F(CustomerServiceTest, ARepeatedClaimIsAnsweredThoughTheRuleWouldRefuse) {
  Made("pooled", "公海客户", "");
  const auto first = Claim(anna_, "pooled", kRequestId);
  const auto second = Claim(anna_, "pooled", kRequestId);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->DebugString(), second->DebugString());
  EXPECT_EQ(Get(anna_, "pooled")->version(), 2);
}

TEST_F(CustomerServiceTest, OfTwoWhoClaimAtOnceOneWins) {
  for (int round = 0; round < 10; ++round) {
    const std::string id = absl::StrCat("pooled-", round);
    Made(id, absl::StrCat("公海", round), "");
    absl::StatusOr<v1::Customer> results[2] = {absl::UnknownError(""), absl::UnknownError("")};
    std::thread one([&] { results[0] = Claim(anna_, id); });
    std::thread two([&] { results[1] = Claim(eve_, id); });
    one.join();
    two.join();
    EXPECT_NE(results[0].ok(), results[1].ok());
    EXPECT_EQ(Get(admin_, id)->owner(), results[0].ok() ? "members/anna" : "members/eve");
    EXPECT_EQ(Get(admin_, id)->version(), 2);
  }
}

TEST_F(CustomerServiceTest, TheClaimLimitHoldsAgainstManyAtOnce) {
  v1::UpdatePoolSettingsRequest limit;
  limit.mutable_pool_settings()->set_max_customers_per_member(3);
  EXPECT_THAT(Customers(mia_, &Stub::UpdatePoolSettings, limit).status().code(),
              StatusCode::kPermissionDenied);
  ASSERT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, limit), IsOk());
  Made("own", "已有", "anna");
  for (int i = 0; i < 6; ++i) Made(absl::StrCat("pooled-", i), absl::StrCat("公海", i), "");
  std::vector<std::thread> threads;
  std::atomic<int> won = 0;
  std::atomic<int> limited = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      const auto result = Claim(anna_, absl::StrCat("pooled-", i));
      if (result.ok()) ++won;
      if (status::ReasonOf(result.status()) == "CLAIM_LIMIT_REACHED") ++limited;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 2);
  EXPECT_EQ(limited, 4);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers WHERE owner_id = 'anna'"), 3);
}

TEST_F(CustomerServiceTest, PoolSettingsAreVersioned) {
  EXPECT_EQ(Customers(anna_, &Stub::GetPoolSettings, v1::GetPoolSettingsRequest())
                ->max_customers_per_member(),
            0);
  v1::UpdatePoolSettingsRequest request;
  request.mutable_pool_settings()->set_max_customers_per_member(7);
  const auto first = Customers(admin_, &Stub::UpdatePoolSettings, request);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->version(), 1);
  request.set_etag(first->etag());
  EXPECT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, request), IsOk());
  EXPECT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, request),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  request.clear_etag();
  request.mutable_pool_settings()->set_max_customers_per_member(-1);
  EXPECT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, request).status(),
              NamesField("pool_settings.max_customers_per_member"));
  request.mutable_update_mask()->add_paths("version");
  EXPECT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, request).status(),
              NamesField("update_mask"));
}

TEST_F(CustomerServiceTest, AManagerAssignsFromThePoolWithinItsUnits) {
  Made("pooled", "公海客户", "");
  EXPECT_THAT(Assign(anna_, "pooled", "anna").status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Assign(mia_, "pooled", "eve"),
              Fails(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE"));
  EXPECT_THAT(Assign(mia_, "pooled", "leo"),
              Fails(StatusCode::kFailedPrecondition, "MEMBER_INACTIVE"));
  const auto assigned = Assign(mia_, "pooled", "bert");
  ASSERT_THAT(assigned, IsOk());
  EXPECT_EQ(assigned->owner(), "members/bert");
  EXPECT_THAT(Assign(mia_, "pooled", "anna"),
              Fails(StatusCode::kFailedPrecondition, "CUSTOMER_HAS_OWNER"));
}

TEST_F(CustomerServiceTest, ATransferTakesTheNoteAndThePlansAlong) {
  Made("yunfan", "云帆", "anna");
  v1::PlanInteractionRequest plan;
  plan.set_interaction_id("visit");
  v1::Interaction& visit = *plan.mutable_interaction();
  visit.set_customer("customers/yunfan");
  visit.set_type(v1::VISIT);
  visit.set_purpose(v1::ORDER);
  visit.set_subject("谈合同");
  visit.mutable_planned_time()->set_seconds(absl::ToUnixSeconds(host_.now()) + 3600);
  ASSERT_THAT(Interactions(anna_, &v1::InteractionService::Stub::PlanInteraction, plan), IsOk());

  EXPECT_THAT(Transfer(bert_, "yunfan", "bert"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Transfer(anna_, "yunfan", "anna"),
              Fails(StatusCode::kFailedPrecondition, "ALREADY_OWNER"));
  EXPECT_THAT(Transfer(anna_, "yunfan", "nobody"),
              Fails(StatusCode::kFailedPrecondition, "MEMBER_UNKNOWN"));
  const auto transferred = Transfer(anna_, "yunfan", "eve");
  ASSERT_THAT(transferred, IsOk());
  EXPECT_EQ(transferred->owner(), "members/eve");
  EXPECT_EQ(transferred->handover_note(), "王总爱喝茶");
  EXPECT_TRUE(transferred->personal_data_masked()) << "it is eve's now";
  v1::GetInteractionRequest get;
  get.set_name("interactions/visit");
  EXPECT_EQ(Interactions(eve_, &v1::InteractionService::Stub::GetInteraction, get)->member(),
            "members/eve");
  EXPECT_THAT(Get(anna_, "yunfan"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
}

class HandOverTest : public CustomerServiceTest {
 protected:
  absl::StatusOr<std::vector<v1::HandOverCustomersResponse>> HandOver(const Who& who,
                                                                      const std::string& from,
                                                                      const std::string& to) {
    v1::HandOverCustomersRequest request;
    request.set_from_member("members/" + from);
    if (!to.empty()) request.set_to_member("members/" + to);
    request.set_handover_note("离职交接");
    request.set_request_id(kRequestId);
    const auto context = host_.Call(who.member, who.roles);
    const auto reader = customers_->HandOverCustomers(context.get(), request);
    std::vector<v1::HandOverCustomersResponse> answers;
    for (v1::HandOverCustomersResponse answer; reader->Read(&answer);) answers.push_back(answer);
    if (const grpc::Status status = reader->Finish(); !status.ok())
      return rpc::FromGrpcStatus(status);
    return answers;
  }
};

TEST_F(HandOverTest, MovesEverythingInBatchesAndOnlyOnce) {
  constexpr int kCount = 450;  // More than two batches.
  v1::ImportCustomersRequest batch;
  for (int i = 0; i < kCount; ++i) {
    v1::ImportCustomersRow& row = *batch.add_rows();
    row.set_line(i + 1);
    row.mutable_customer()->set_name(absl::StrCat("customers/c-", i));
    row.mutable_customer()->set_kind(v1::COMPANY);
    row.mutable_customer()->set_display_name(absl::StrCat("客户", i));
    row.mutable_customer()->set_owner("members/anna");
  }
  const auto context = host_.Call("root", {Role::kAdmin});
  const auto stream = customers_->ImportCustomers(context.get());
  ASSERT_TRUE(stream->Write(batch));
  stream->WritesDone();
  v1::ImportCustomersResponse imported;
  ASSERT_TRUE(stream->Read(&imported));
  ASSERT_TRUE(stream->Finish().ok());
  Made("other", "别人的", "bert");

  EXPECT_THAT(HandOver(anna_, "anna", "bert").status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(HandOver(mia_, "eve", "bert"),
              Fails(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE"));
  EXPECT_THAT(HandOver(mia_, "anna", "leo"),
              Fails(StatusCode::kFailedPrecondition, "MEMBER_INACTIVE"));
  EXPECT_THAT(HandOver(mia_, "anna", "anna").status(), NamesField("to_member"));
  const auto answers = HandOver(mia_, "anna", "bert");
  ASSERT_THAT(answers, IsOk());
  EXPECT_GE(answers->size(), 4u);
  EXPECT_EQ(answers->back().customer_count(), kCount);
  EXPECT_TRUE(answers->back().done());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers WHERE owner_id = 'bert'"), kCount + 1);
  EXPECT_EQ(
      Count("SELECT COUNT(*) FROM customers WHERE version = 2 AND handover_note = '离职交接'"),
      kCount);

  const auto again = HandOver(mia_, "anna", "bert");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->back().customer_count(), 0);
}

TEST_F(HandOverTest, WhoHasLeftIsHandedOverToThePool) {
  Made("yunfan", "云帆", "anna");
  ASSERT_EQ(Count("SELECT COUNT(*) FROM customers WHERE owner_id = 'anna'"), 1);
  ASSERT_THAT(host_.database().session().RunText("UPDATE customers SET owner_id = 'leo'"), IsOk());
  const auto answers = HandOver(mia_, "leo", "");
  ASSERT_THAT(answers, IsOk());
  EXPECT_EQ(answers->back().customer_count(), 1);
  EXPECT_EQ(Get(bert_, "yunfan")->owner(), "");
}

// --- Duplicates

TEST_F(CustomerServiceTest, DuplicatesRefuseACreationAndAreListed) {
  v1::CreateCustomerRequest first = NewCompany("yunfan", "上海云帆科技有限公司", "anna");
  first.mutable_customer()->set_phone("021-68881234");
  first.mutable_customer()->set_credit_code("91350100M000100Y43");
  first.mutable_customer()->set_email("info@yunfan.com");
  ASSERT_THAT(Create(admin_, first), IsOk());

  v1::CreateCustomerRequest second =
      NewCompany("yunfan-2", "上海云帆科技（集团）股份有限公司", "bert");
  second.mutable_customer()->set_phone("+86 (021) 6888 1234");
  second.mutable_customer()->set_email("sales@YUNFAN.com");
  v1::Customer response;
  const auto context = host_.Call("mia", {Role::kManager});
  const grpc::Status status = customers_->CreateCustomer(context.get(), second, &response);
  EXPECT_THAT(status, Fails(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  v1::DuplicateCustomers duplicates;
  for (const auto& detail : details.details()) detail.UnpackTo(&duplicates);
  ASSERT_EQ(duplicates.candidates_size(), 1);
  const v1::DuplicateCandidate& candidate = duplicates.candidates(0);
  EXPECT_EQ(candidate.customer(), "customers/yunfan");
  EXPECT_EQ(candidate.display_name(), "上海云帆科技有限公司");
  EXPECT_EQ(candidate.owner(), "members/anna");
  EXPECT_THAT(candidate.reasons(),
              ElementsAre(v1::SAME_PHONE, v1::SAME_NAME, v1::SAME_EMAIL_DOMAIN));
  EXPECT_THAT(Get(admin_, "yunfan-2"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));

  second.set_allow_duplicates(true);
  EXPECT_THAT(Create(mia_, second), IsOk());
}

TEST_F(CustomerServiceTest, AHiddenDuplicateIsKnownButNotShown) {
  Made("east", "远东贸易", "eve");
  v1::FindDuplicateCustomersRequest request;
  request.mutable_customer()->set_display_name("远东贸易有限公司");
  const auto found = Customers(anna_, &Stub::FindDuplicateCustomers, request);
  ASSERT_THAT(found, IsOk());
  ASSERT_EQ(found->candidates_size(), 1);
  EXPECT_TRUE(found->candidates(0).hidden());
  EXPECT_EQ(found->candidates(0).customer(), "");
  EXPECT_EQ(found->candidates(0).display_name(), "");
  EXPECT_EQ(found->candidates(0).owner(), "");
  EXPECT_THAT(Create(anna_, NewCompany("west", "远东贸易")),
              Fails(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS"));
}

TEST_F(CustomerServiceTest, ASharedEmailDomainAloneIsOnlyFoundOnDemand) {
  v1::CreateCustomerRequest first = NewCompany("one", "云帆一号", "anna");
  first.mutable_customer()->set_email("a@yunfan.com");
  v1::CreateCustomerRequest second = NewCompany("two", "云帆二号", "anna");
  second.mutable_customer()->set_email("b@yunfan.com");
  ASSERT_THAT(Create(admin_, first), IsOk());
  ASSERT_THAT(Create(admin_, second), IsOk());
  v1::FindDuplicateCustomersRequest request;
  request.set_name("customers/one");
  const auto found = Customers(anna_, &Stub::FindDuplicateCustomers, request);
  ASSERT_EQ(found->candidates_size(), 1);
  EXPECT_EQ(found->candidates(0).customer(), "customers/two");
  EXPECT_THAT(found->candidates(0).reasons(), ElementsAre(v1::SAME_EMAIL_DOMAIN));
}

TEST_F(CustomerServiceTest, FindDuplicatesChecksItsArguments) {
  v1::FindDuplicateCustomersRequest request;
  EXPECT_THAT(Customers(anna_, &Stub::FindDuplicateCustomers, request).status(),
              NamesField("name"));
  request.mutable_customer();
  request.set_max_candidates(21);
  EXPECT_THAT(Customers(anna_, &Stub::FindDuplicateCustomers, request).status(),
              NamesField("max_candidates"));
  request.set_max_candidates(0);
  EXPECT_THAT(Customers(anna_, &Stub::FindDuplicateCustomers, request).status(),
              NamesField("customer"));
}

// --- Lists

TEST_F(CustomerServiceTest, ListShowsWhatTheScopeHolds) {
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

TEST_F(CustomerServiceTest, EveryFilterFilters) {
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

TEST_F(CustomerServiceTest, BadFiltersAreReportedAtOnce) {
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

TEST_F(CustomerServiceTest, PagesOfEverySizeShowEachCustomerOnce) {
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

TEST_F(CustomerServiceTest, APageTokenBelongsToItsRequest) {
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

TEST_F(CustomerServiceTest, BatchCheckTellsWhatMayBeSeen) {
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

TEST_F(CustomerServiceTest, SearchFindsAnyPartOfAName) {
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

TEST_F(CustomerServiceTest, NamesThatBeginWithTheQueryComeFirst) {
  Made("a-part", "大云帆", "anna");
  Made("b-begins", "云帆科技", "anna");
  EXPECT_THAT(Search(anna_, "云帆"), ElementsAre("b-begins", "a-part"));
  EXPECT_THAT(Search(anna_, "云帆科技有限公司"), IsEmpty());
}

TEST_F(CustomerServiceTest, SearchStaysInScope) {
  Made("a", "云帆一", "anna");
  Made("e", "云帆二", "eve");
  Made("p", "云帆三", "");
  EXPECT_THAT(Search(anna_, "云帆"), UnorderedElementsAre("a", "p"));
  EXPECT_THAT(Search(eve_, "帆"), UnorderedElementsAre("e", "p"));
  EXPECT_THAT(Search(analyst_, "云帆"), UnorderedElementsAre("a", "e", "p"));
}

TEST_F(CustomerServiceTest, PhonesAreFoundByBeginningOrEndWhereTheyMayBeRead) {
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

TEST_F(CustomerServiceTest, SearchPagesOfEverySizeShowEachHitOnce) {
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

// --- Import and export

class ImportTest : public CustomerServiceTest {
 protected:
  static v1::ImportCustomersRow& Add(v1::ImportCustomersRequest& batch, const std::string& id,
                                     const std::string& display_name,
                                     const std::string& owner = "") {
    v1::ImportCustomersRow& row = *batch.add_rows();
    row.set_line(batch.rows_size() + 1);
    row.mutable_customer()->set_name("customers/" + id);
    row.mutable_customer()->set_kind(v1::COMPANY);
    row.mutable_customer()->set_display_name(display_name);
    if (!owner.empty()) row.mutable_customer()->set_owner("members/" + owner);
    return row;
  }
  absl::StatusOr<std::vector<v1::ImportCustomersResponse>> Import(
      const Who& who, const std::vector<v1::ImportCustomersRequest>& batches) {
    const auto context = host_.Call(who.member, who.roles);
    const auto stream = customers_->ImportCustomers(context.get());
    for (const auto& batch : batches) stream->Write(batch);
    stream->WritesDone();
    std::vector<v1::ImportCustomersResponse> answers;
    for (v1::ImportCustomersResponse answer; stream->Read(&answer);) answers.push_back(answer);
    if (const grpc::Status status = stream->Finish(); !status.ok())
      return rpc::FromGrpcStatus(status);
    return answers;
  }
  static std::vector<v1::ImportOutcome> Outcomes(const v1::ImportCustomersResponse& answer) {
    std::vector<v1::ImportOutcome> outcomes;
    for (const auto& result : answer.results()) outcomes.push_back(result.outcome());
    return outcomes;
  }
};

TEST_F(ImportTest, GoodRowsAreWrittenAndBadOnesNamed) {
  v1::ImportCustomersRequest batch;
  Add(batch, "good", "好的", "anna");
  Add(batch, "bad", "", "nobody").mutable_customer()->set_phone("x");
  Add(batch, "good", "同名", "anna");
  Add(batch, "child", "子公司").mutable_customer()->set_parent("customers/good");
  Add(batch, "orphan", "孤儿").mutable_customer()->set_parent("customers/bad");
  Add(batch, "orphan-child", "孤儿之子").mutable_customer()->set_parent("customers/orphan");
  const auto answers = Import(admin_, {batch});
  ASSERT_THAT(answers, IsOk());
  ASSERT_EQ(answers->size(), 1u);
  const v1::ImportCustomersResponse& answer = answers->front();
  EXPECT_THAT(Outcomes(answer), ElementsAre(v1::CREATED, v1::REFUSED, v1::REFUSED, v1::CREATED,
                                            v1::REFUSED, v1::REFUSED));
  std::vector<std::string> fields;
  for (const auto& problem : answer.results(1).problems()) fields.push_back(problem.field());
  EXPECT_THAT(fields, UnorderedElementsAre("display_name", "phone", "owner"));
  EXPECT_EQ(answer.results(1).line(), 3);
  EXPECT_EQ(answer.results(4).problems(0).field(), "parent");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers"), 2);

  // After mending, the whole file again: what was good stays as it is.
  v1::ImportCustomersRequest mended;
  Add(mended, "good", "好的", "anna");
  Add(mended, "bad", "修好了", "bert").mutable_customer()->set_phone("13812345678");
  EXPECT_THAT(Outcomes(Import(admin_, {mended})->front()), ElementsAre(v1::UNCHANGED, v1::CREATED));
  Add(mended, "good-2", "再来一个");
  mended.mutable_rows(0)->mutable_customer()->set_region("华东");
  EXPECT_THAT(Outcomes(Import(admin_, {mended})->front()),
              ElementsAre(v1::UPDATED, v1::UNCHANGED, v1::CREATED));
  EXPECT_EQ(Get(admin_, "good")->version(), 2);
  EXPECT_EQ(Get(admin_, "bad")->version(), 1);
}

TEST_F(ImportTest, AnImportDoesNotUndoATransfer) {
  v1::ImportCustomersRequest batch;
  Add(batch, "yunfan", "云帆", "anna");
  ASSERT_THAT(Import(admin_, {batch}), IsOk());
  ASSERT_THAT(Transfer(anna_, "yunfan", "bert"), IsOk());
  EXPECT_THAT(Outcomes(Import(admin_, {batch})->front()), ElementsAre(v1::UNCHANGED));
  EXPECT_EQ(Get(admin_, "yunfan")->owner(), "members/bert");
}

TEST_F(ImportTest, ImportKeepsToTheScope) {
  Made("hidden", "东边的", "eve");
  Made("pooled", "公海的", "");
  v1::ImportCustomersRequest batch;
  Add(batch, "hidden", "抢过来");
  Add(batch, "pooled", "改名");
  Add(batch, "foreign", "给东边", "eve");
  Add(batch, "mine", "给西边", "bert");
  const auto answers = Import(mia_, {batch});
  ASSERT_THAT(answers, IsOk());
  EXPECT_THAT(Outcomes(answers->front()),
              ElementsAre(v1::REFUSED, v1::REFUSED, v1::REFUSED, v1::CREATED));
  EXPECT_EQ(Get(admin_, "hidden")->display_name(), "东边的");
  EXPECT_THAT(Import(anna_, {batch}).status().code(), StatusCode::kPermissionDenied);

  v1::ImportCustomersRequest masked;
  Add(masked, "mine", "给西边", "bert").mutable_customer()->set_phone("13812345678");
  EXPECT_THAT(Outcomes(Import(marketing_, {masked})->front()), ElementsAre(v1::REFUSED));
}

TEST_F(ImportTest, ManyBatchesOnOneStream) {
  std::vector<v1::ImportCustomersRequest> batches(3);
  for (int i = 0; i < 900; ++i)
    Add(batches[static_cast<size_t>(i / 300)], absl::StrCat("c-", i),
        absl::StrCat("第", i, "号有限公司"), "anna");
  const auto answers = Import(admin_, batches);
  ASSERT_THAT(answers, IsOk());
  EXPECT_EQ(answers->size(), 3u);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers"), 900);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes"), 900);
  EXPECT_THAT(Search(admin_, "第 777 号"), ElementsAre("c-777"));
}

TEST_F(ImportTest, ABatchHasOneToFiveHundredRows) {
  EXPECT_THAT(Import(admin_, {v1::ImportCustomersRequest()}).status(), NamesField("rows"));
  v1::ImportCustomersRequest batch;
  for (int i = 0; i < 501; ++i) Add(batch, absl::StrCat("c-", i), "x");
  EXPECT_THAT(Import(admin_, {batch}).status(), NamesField("rows"));
}

TEST_F(ImportTest, ExportShowsTheScopeMaskedAndIsRecorded) {
  v1::ImportCustomersRequest batch;
  for (int i = 0; i < 450; ++i) {
    Add(batch, absl::StrCat("c-", i), absl::StrCat("客户", i), i % 2 == 0 ? "anna" : "eve")
        .mutable_customer()
        ->set_phone("13812345678");
  }
  v1::ImportCustomersRequest more;
  for (int i = 450; i < 900; ++i)
    Add(more, absl::StrCat("c-", i), absl::StrCat("客户", i), i % 2 == 0 ? "anna" : "eve");
  ASSERT_THAT(Import(admin_, {batch, more}), IsOk());
  const auto run = [&](const Who& who,
                       const std::string& purpose) -> absl::StatusOr<std::vector<v1::Customer>> {
    v1::ExportCustomersRequest request;
    request.set_purpose(purpose);
    const auto context = host_.Call(who.member, who.roles);
    const auto reader = customers_->ExportCustomers(context.get(), request);
    std::vector<v1::Customer> rows;
    for (v1::ExportCustomersResponse page; reader->Read(&page);)
      rows.insert(rows.end(), page.customers().begin(), page.customers().end());
    if (const grpc::Status status = reader->Finish(); !status.ok())
      return rpc::FromGrpcStatus(status);
    return rows;
  };
  EXPECT_THAT(run(mia_, "").status(), NamesField("purpose"));
  EXPECT_THAT(run(anna_, "自用").status().code(), StatusCode::kPermissionDenied);
  const auto of_mia = run(mia_, "季度盘点");
  ASSERT_THAT(of_mia, IsOk());
  EXPECT_EQ(of_mia->size(), 450u);
  EXPECT_EQ(of_mia->front().phone(), "13812345678");
  const auto of_ada = run(analyst_, "分析");
  ASSERT_THAT(of_ada, IsOk());
  std::set<std::string> names;
  for (const v1::Customer& customer : *of_ada) names.insert(customer.name());
  EXPECT_EQ(names.size(), 900u);
  EXPECT_EQ(of_ada->front().phone(), "138****5678");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes WHERE event_type = 'customer_export.started'"), 2);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes WHERE event_type = 'customer_export.finished'"), 2);
}

}  // namespace
}  // namespace milepost::customer
