#include "customer-svc/service/contact_service.h"

#include "customer-svc/service/testing_company.h"

namespace milepost::customer {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using testing::IsOk;
using testing::NamesField;
using Stub = v1::ContactService::Stub;

class ContactServiceTest : public CompanyTest {
 protected:
  static v1::CreateContactRequest New(const std::string& id, const std::string& customer_id,
                                      const std::string& display_name) {
    v1::CreateContactRequest request;
    request.set_contact_id(id);
    request.mutable_contact()->set_customer("customers/" + customer_id);
    request.mutable_contact()->set_display_name(display_name);
    return request;
  }
  absl::StatusOr<v1::Contact> CreateContact(const Who& who,
                                            const v1::CreateContactRequest& request) {
    return Contacts(who, &Stub::CreateContact, request);
  }
  absl::StatusOr<v1::Contact> GetContact(const Who& who, const std::string& id) {
    v1::GetContactRequest request;
    request.set_name("contacts/" + id);
    return Contacts(who, &Stub::GetContact, request);
  }
  static v1::UpdateContactRequest Change(const std::string& id, const std::string& path) {
    v1::UpdateContactRequest request;
    request.mutable_contact()->set_name("contacts/" + id);
    request.mutable_update_mask()->add_paths(path);
    return request;
  }
  absl::StatusOr<google::protobuf::Empty> Delete(const Who& who, const std::string& id,
                                                 const std::string& request_id = "") {
    v1::DeleteContactRequest request;
    request.set_name("contacts/" + id);
    request.set_request_id(request_id);
    return Contacts(who, &Stub::DeleteContact, request);
  }
};

TEST_F(ContactServiceTest, WhatIsCreatedIsReadBackEqual) {
  Made("yunfan", "云帆", "anna");
  v1::CreateContactRequest request = New("li", "yunfan", "李雷");
  v1::Contact& in = *request.mutable_contact();
  in.set_job_title("采购总监");
  in.set_department("采购部");
  in.set_decision_role(v1::DECISION_MAKER);
  in.set_attitude(v1::SUPPORTER);
  in.set_phone("021-68881234 转 12");
  in.set_mobile("13812345678");
  in.set_email("li@yunfan.com");
  in.set_wechat("lilei");
  in.set_primary(true);
  in.set_description("喜欢喝茶");
  const auto created = CreateContact(anna_, request);
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->version(), 1);
  EXPECT_EQ(GetContact(anna_, "li")->DebugString(), created->DebugString());
  EXPECT_EQ(GetContact(analyst_, "li")->mobile(), "138****5678");
  EXPECT_TRUE(GetContact(analyst_, "li")->personal_data_masked());
}

TEST_F(ContactServiceTest, EveryBadFieldIsReportedAtOnce) {
  v1::CreateContactRequest request = New("Bad Id", "", " ");
  v1::Contact& in = *request.mutable_contact();
  in.set_job_title(std::string(101, 'x'));
  in.set_decision_role(static_cast<v1::DecisionRole>(99));
  in.set_attitude(static_cast<v1::Attitude>(-1));
  in.set_phone("?");
  in.set_mobile("?");
  in.set_email("?");
  const auto status = CreateContact(anna_, request).status();
  for (const char* field : {"contact_id", "contact.customer", "contact.display_name",
                            "contact.job_title", "contact.decision_role", "contact.attitude",
                            "contact.phone", "contact.mobile", "contact.email"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

TEST_F(ContactServiceTest, AContactIsAsVisibleAsItsCustomer) {
  Made("east", "东方", "eve");
  Made("pooled", "公海", "");
  ASSERT_THAT(CreateContact(admin_, New("e", "east", "韩梅梅")), IsOk());
  ASSERT_THAT(CreateContact(admin_, New("p", "pooled", "林涛")), IsOk());
  EXPECT_THAT(CreateContact(anna_, New("x", "east", "李雷")),
              Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(GetContact(anna_, "e"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_EQ(std::string(GetContact(anna_, "e").status().message()),
            "contacts/e does not exist or is not visible to you");
  EXPECT_THAT(Contacts(anna_, &Stub::UpdateContact, Change("e", "job_title")),
              Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Delete(anna_, "e"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  v1::ListContactsRequest list;
  list.set_customer("customers/east");
  EXPECT_THAT(Contacts(anna_, &Stub::ListContacts, list),
              Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(GetContact(anna_, "p"), IsOk());
  EXPECT_THAT(Contacts(anna_, &Stub::UpdateContact, Change("p", "job_title")),
              Fails(StatusCode::kFailedPrecondition, "CUSTOMER_IN_POOL"));
}

TEST_F(ContactServiceTest, UpdateKeepsToMaskEtagAndPerson) {
  Made("yunfan", "云帆", "anna");
  const auto created = CreateContact(anna_, New("li", "yunfan", "李雷"));
  ASSERT_THAT(created, IsOk());
  v1::UpdateContactRequest request = Change("li", "job_title");
  request.mutable_contact()->set_job_title("总经理");
  request.mutable_contact()->set_department("忽略");
  request.set_etag(created->etag());
  const auto updated = Contacts(anna_, &Stub::UpdateContact, request);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->job_title(), "总经理");
  EXPECT_EQ(updated->department(), "");
  EXPECT_EQ(GetContact(anna_, "li")->DebugString(), updated->DebugString());
  EXPECT_THAT(Contacts(anna_, &Stub::UpdateContact, request),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  EXPECT_THAT(Contacts(anna_, &Stub::UpdateContact, Change("li", "customer")).status(),
              NamesField("update_mask"));
  EXPECT_THAT(Contacts(marketing_, &Stub::UpdateContact, Change("li", "mobile")),
              Fails(StatusCode::kPermissionDenied, "PERSONAL_DATA_HIDDEN"));
}

TEST_F(ContactServiceTest, ARepeatIsAnsweredAndMasked) {
  Made("yunfan", "云帆", "anna");
  v1::CreateContactRequest request = New("", "yunfan", "李雷");
  request.mutable_contact()->set_mobile("13812345678");
  request.set_request_id(kRequestId);
  const auto first = CreateContact(marketing_, request);
  const auto second = CreateContact(marketing_, request);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->mobile(), "138****5678");
  EXPECT_EQ(first->DebugString(), second->DebugString());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM contacts"), 1);
}

TEST_F(ContactServiceTest, DeleteIsRepeatableAndItsIdStaysTaken) {
  Made("yunfan", "云帆", "anna");
  ASSERT_THAT(CreateContact(anna_, New("li", "yunfan", "李雷")), IsOk());
  EXPECT_THAT(Delete(anna_, "li", kRequestId), IsOk());
  EXPECT_THAT(Delete(anna_, "li", kRequestId), IsOk());
  EXPECT_THAT(Delete(anna_, "li"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(GetContact(anna_, "li"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(CreateContact(anna_, New("li", "yunfan", "李雷")),
              Fails(StatusCode::kAlreadyExists, "ID_TAKEN"));
}

TEST_F(ContactServiceTest, TheHistoryShowsThePersonToThoseWhoSeeItToday) {
  Made("yunfan", "云帆", "anna");
  v1::CreateContactRequest request = New("li", "yunfan", "李雷");
  request.mutable_contact()->set_mobile("13812345678");
  ASSERT_THAT(CreateContact(anna_, request), IsOk());
  const auto stub = change::v1::ChangeService::NewStub(host_.channel());
  const auto history = [&](const Who& who) {
    change::v1::ListChangesRequest list;
    list.set_record("contacts/li");
    return Call(*stub, who, &change::v1::ChangeService::Stub::ListChanges, list);
  };
  // The mobile number in the state, and as the field that changed.
  const auto numbers = [&](const Who& who) {
    const auto changes = history(who);
    EXPECT_THAT(changes, IsOk()) << who.member;
    std::vector<std::string> found;
    if (!changes.ok()) return found;
    v1::Contact state;
    changes->changes(0).state().UnpackTo(&state);
    found.push_back(state.mobile());
    for (const auto& field : changes->changes(0).fields()) {
      if (field.path() == "mobile") found.push_back(field.after());
    }
    return found;
  };
  for (const Who& who : {anna_, mia_, admin_})
    EXPECT_THAT(numbers(who), ElementsAre("13812345678", "13812345678")) << who.member;
  for (const Who& who : {marketing_, analyst_})
    EXPECT_THAT(numbers(who), ElementsAre("138****5678", "138****5678")) << who.member;
  EXPECT_THAT(history(bert_), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));

  // The customer's owner of today decides, not the one of then.
  v1::TransferCustomerRequest transfer;
  transfer.set_name("customers/yunfan");
  transfer.set_member("members/eve");
  transfer.set_handover_note("交接");
  ASSERT_THAT(Customers(anna_, &v1::CustomerService::Stub::TransferCustomer, transfer), IsOk());
  EXPECT_THAT(numbers(eve_), ElementsAre("13812345678", "13812345678"));
  EXPECT_THAT(history(anna_), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
}

TEST_F(ContactServiceTest, PagesOfEverySizeShowEachContactOnce) {
  Made("yunfan", "云帆", "anna");
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    expected.push_back(absl::StrCat("contacts/c-", i));
    ASSERT_THAT(CreateContact(anna_, New(absl::StrCat("c-", i), "yunfan", "李雷")), IsOk());
    if (i % 2 == 0) host_.Advance(absl::Seconds(1));
  }
  for (int size = 1; size <= 6; ++size) {
    std::vector<std::string> seen;
    v1::ListContactsRequest request;
    request.set_customer("customers/yunfan");
    request.set_page_size(size);
    do {
      const auto page = Contacts(anna_, &Stub::ListContacts, request);
      ASSERT_THAT(page, IsOk());
      for (const v1::Contact& contact : page->contacts()) seen.push_back(contact.name());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(seen, expected) << size;
  }
}

}  // namespace
}  // namespace milepost::customer
