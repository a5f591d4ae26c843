#include "customer-svc/service/interaction_service.h"

#include "customer-svc/service/testing_company.h"

namespace milepost::customer {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using Stub = v1::InteractionService::Stub;

class InteractionServiceTest : public CompanyTest {
 protected:
  InteractionServiceTest() {
    Made("yunfan", "云帆", "anna");
    Made("east", "东方", "eve");
  }

  google::protobuf::Timestamp In(absl::Duration later) {
    google::protobuf::Timestamp timestamp;
    timestamp.set_seconds(absl::ToUnixSeconds(host_.now() + later));
    return timestamp;
  }
  milepost::type::v1::Date Day(int later) {
    const absl::CivilDay day = absl::ToCivilDay(host_.now(), host_.runner().options().zone) + later;
    milepost::type::v1::Date date;
    date.set_year(static_cast<int32_t>(day.year()));
    date.set_month(day.month());
    date.set_day(day.day());
    return date;
  }
  v1::PlanInteractionRequest Visit(const std::string& id, const std::string& customer_id,
                                   absl::Duration later) {
    v1::PlanInteractionRequest request;
    request.set_interaction_id(id);
    v1::Interaction& in = *request.mutable_interaction();
    in.set_customer("customers/" + customer_id);
    in.set_type(v1::VISIT);
    in.set_purpose(v1::ORDER);
    in.set_subject("谈合同");
    *in.mutable_planned_time() = In(later);
    return request;
  }
  absl::StatusOr<v1::Interaction> Plan(const Who& who, const v1::PlanInteractionRequest& request) {
    return Interactions(who, &Stub::PlanInteraction, request);
  }
  v1::InteractionOutcome Went() {
    v1::InteractionOutcome outcome;
    outcome.set_result(v1::SUCCESSFUL);
    outcome.set_outcome("客户同意");
    return outcome;
  }
  absl::StatusOr<v1::Interaction> Complete(const Who& who, const std::string& id,
                                           const v1::InteractionOutcome& outcome) {
    v1::CompleteInteractionRequest request;
    request.set_name("interactions/" + id);
    *request.mutable_outcome() = outcome;
    return Interactions(who, &Stub::CompleteInteraction, request);
  }
  absl::StatusOr<v1::Interaction> Cancel(const Who& who, const std::string& id) {
    v1::CancelInteractionRequest request;
    request.set_name("interactions/" + id);
    request.set_reason("客户出差");
    return Interactions(who, &Stub::CancelInteraction, request);
  }
  absl::StatusOr<v1::Interaction> GetInteraction(const Who& who, const std::string& id) {
    v1::GetInteractionRequest request;
    request.set_name("interactions/" + id);
    return Interactions(who, &Stub::GetInteraction, request);
  }
  std::vector<std::string> List(const Who& who, const v1::ListInteractionsRequest& request) {
    const auto answer = Interactions(who, &Stub::ListInteractions, request);
    EXPECT_THAT(answer, IsOk());
    std::vector<std::string> ids;
    if (answer.ok()) {
      for (const auto& interaction : answer->interactions())
        ids.push_back(interaction.name().substr(13));
    }
    return ids;
  }
};

TEST_F(InteractionServiceTest, FromPlanToDoneWithANextStep) {
  const auto planned = Plan(anna_, Visit("visit", "yunfan", absl::Hours(1)));
  ASSERT_THAT(planned, IsOk());
  EXPECT_EQ(planned->state(), v1::PLANNED);
  EXPECT_EQ(planned->member(), "members/anna");
  EXPECT_EQ(GetInteraction(anna_, "visit")->DebugString(), planned->DebugString());

  v1::UpdateInteractionRequest update;
  update.mutable_interaction()->set_name("interactions/visit");
  update.mutable_interaction()->set_subject("谈价格");
  update.mutable_interaction()->set_duration_minutes(90);
  const auto updated = Interactions(anna_, &Stub::UpdateInteraction, update);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->subject(), "谈价格");
  EXPECT_EQ(updated->duration_minutes(), 90);
  update.set_etag(planned->etag());
  EXPECT_THAT(Interactions(anna_, &Stub::UpdateInteraction, update),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  update.mutable_update_mask()->add_paths("state");
  EXPECT_THAT(Interactions(anna_, &Stub::UpdateInteraction, update).status(),
              NamesField("update_mask"));

  v1::InteractionOutcome outcome = Went();
  outcome.mutable_next_step()->set_description("寄合同");
  *outcome.mutable_next_step()->mutable_due_date() = Day(3);
  const auto done = Complete(anna_, "visit", outcome);
  ASSERT_THAT(done, IsOk());
  EXPECT_EQ(done->state(), v1::DONE);
  EXPECT_EQ(done->next_step().description(), "寄合同");
  EXPECT_FALSE(done->next_step().has_done_time());
  EXPECT_EQ(GetInteraction(anna_, "visit")->DebugString(), done->DebugString());
  EXPECT_THAT(Complete(anna_, "visit", outcome),
              Fails(StatusCode::kFailedPrecondition, "INTERACTION_NOT_PLANNED"));
  EXPECT_THAT(Cancel(anna_, "visit"),
              Fails(StatusCode::kFailedPrecondition, "INTERACTION_NOT_PLANNED"));

  v1::CompleteNextStepRequest next;
  next.set_name("interactions/visit");
  EXPECT_TRUE(Interactions(anna_, &Stub::CompleteNextStep, next)->next_step().has_done_time());
  EXPECT_THAT(Interactions(anna_, &Stub::CompleteNextStep, next),
              Fails(StatusCode::kFailedPrecondition, "NO_OPEN_NEXT_STEP"));
}

TEST_F(InteractionServiceTest, OneIsCancelledWithAReason) {
  ASSERT_THAT(Plan(anna_, Visit("visit", "yunfan", absl::Hours(1))), IsOk());
  const auto cancelled = Cancel(anna_, "visit");
  ASSERT_THAT(cancelled, IsOk());
  EXPECT_EQ(cancelled->state(), v1::CANCELLED);
  EXPECT_EQ(cancelled->cancel_reason(), "客户出差");
}

TEST_F(InteractionServiceTest, WhatWasNotPlannedIsRecorded) {
  v1::RecordInteractionRequest request;
  v1::Interaction& in = *request.mutable_interaction();
  in.set_customer("customers/yunfan");
  in.set_type(v1::CALL);
  in.set_purpose(v1::COLLECTION);
  in.set_subject("催款");
  *request.mutable_outcome() = Went();
  *request.mutable_outcome()->mutable_done_time() = In(-absl::Hours(48));
  request.set_request_id(kRequestId);
  const auto recorded = Interactions(anna_, &Stub::RecordInteraction, request);
  ASSERT_THAT(recorded, IsOk());
  EXPECT_EQ(recorded->state(), v1::DONE);
  EXPECT_EQ(recorded->planned_time().seconds(), recorded->done_time().seconds());
  EXPECT_EQ(Interactions(anna_, &Stub::RecordInteraction, request)->DebugString(),
            recorded->DebugString());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM interactions"), 1);
  request.clear_request_id();
  *request.mutable_outcome()->mutable_done_time() = In(absl::Hours(1));
  EXPECT_THAT(Interactions(anna_, &Stub::RecordInteraction, request).status(),
              NamesField("outcome.done_time"));
}

TEST_F(InteractionServiceTest, EveryBadFieldIsReportedAtOnce) {
  v1::RecordInteractionRequest request;
  request.set_interaction_id("No Id");
  v1::Interaction& in = *request.mutable_interaction();
  in.set_member("anna");
  in.set_contact("li");
  in.set_type(static_cast<v1::InteractionType>(77));
  in.set_duration_minutes(10'081);
  in.mutable_planned_time()->set_seconds(-1);
  request.mutable_outcome()->set_result(static_cast<v1::InteractionResult>(44));
  request.mutable_outcome()->mutable_next_step();
  const auto status = Interactions(anna_, &Stub::RecordInteraction, request).status();
  for (const char* field :
       {"interaction_id", "interaction.customer", "interaction.member", "interaction.contact",
        "interaction.type", "interaction.purpose", "interaction.subject",
        "interaction.duration_minutes", "interaction.planned_time", "outcome.result",
        "outcome.outcome", "outcome.next_step.description", "outcome.next_step.due_date"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

TEST_F(InteractionServiceTest, CustomerContactAndMemberMustFit) {
  EXPECT_THAT(Plan(anna_, Visit("a", "east", absl::Hours(1))),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_NOT_FOUND"));
  v1::PlanInteractionRequest request = Visit("b", "yunfan", absl::Hours(1));
  request.mutable_interaction()->set_member("members/bert");
  EXPECT_THAT(Plan(anna_, request), Fails(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE"));
  EXPECT_EQ(Plan(mia_, request)->member(), "members/bert");
  v1::CreateContactRequest contact;
  contact.set_contact_id("wei");
  contact.mutable_contact()->set_customer("customers/east");
  contact.mutable_contact()->set_display_name("韦伯");
  ASSERT_THAT(Contacts(eve_, &v1::ContactService::Stub::CreateContact, contact), IsOk());
  request = Visit("c", "yunfan", absl::Hours(1));
  request.mutable_interaction()->set_contact("contacts/wei");
  EXPECT_THAT(Plan(anna_, request),
              Fails(StatusCode::kInvalidArgument, "CONTACT_OF_OTHER_CUSTOMER"));
  EXPECT_THAT(Plan(admin_, Visit("d", "yunfan", absl::Hours(1))),
              Fails(StatusCode::kPermissionDenied, "NOT_A_MEMBER"));
}

TEST_F(InteractionServiceTest, OneIsSeenThroughItsMemberOrItsCustomer) {
  ASSERT_THAT(Plan(eve_, Visit("visit", "east", absl::Hours(1))), IsOk());
  EXPECT_THAT(GetInteraction(anna_, "visit"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Cancel(anna_, "visit"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(GetInteraction(analyst_, "visit"), IsOk());
  // A customer in the pool is everybody's to look at, but the plan stays its member's.
  v1::ReleaseCustomerRequest release;
  release.set_name("customers/east");
  release.set_reason("停业");
  ASSERT_THAT(Customers(eve_, &v1::CustomerService::Stub::ReleaseCustomer, release), IsOk());
  EXPECT_THAT(GetInteraction(anna_, "visit"), IsOk());
  EXPECT_THAT(Cancel(anna_, "visit"), Fails(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE"));
  EXPECT_THAT(Cancel(eve_, "visit"), IsOk());
}

TEST_F(InteractionServiceTest, ListsByCustomerMemberDayAndKind) {
  ASSERT_THAT(Plan(anna_, Visit("today", "yunfan", absl::Seconds(1))), IsOk());
  ASSERT_THAT(Plan(anna_, Visit("later", "yunfan", absl::Hours(72))), IsOk());
  v1::PlanInteractionRequest call = Visit("call", "yunfan", absl::Hours(48));
  call.mutable_interaction()->set_member("members/bert");
  call.mutable_interaction()->set_type(v1::CALL);
  call.mutable_interaction()->set_purpose(v1::COLLECTION);
  ASSERT_THAT(Plan(mia_, call), IsOk());
  ASSERT_THAT(Plan(eve_, Visit("hidden", "east", absl::Hours(24))), IsOk());
  ASSERT_THAT(Complete(anna_, "today", Went()), IsOk());

  EXPECT_THAT(List(anna_, {}), ElementsAre("today", "later"));
  EXPECT_THAT(List(mia_, {}), ElementsAre("today", "call", "later"));
  EXPECT_THAT(List(analyst_, {}), ElementsAre("today", "hidden", "call", "later"));
  v1::ListInteractionsRequest request;
  request.set_customer("customers/yunfan");
  EXPECT_THAT(List(anna_, request), ElementsAre("today", "call", "later"));
  request.set_type(v1::CALL);
  EXPECT_THAT(List(anna_, request), ElementsAre("call"));
  request.clear_customer();
  request.clear_type();
  request.set_member("members/eve");
  EXPECT_THAT(List(anna_, request), IsEmpty());
  request.set_member("members/anna");
  request.set_state(v1::DONE);
  EXPECT_THAT(List(mia_, request), ElementsAre("today"));
  request.clear_state();
  *request.mutable_first_date() = Day(2);
  *request.mutable_last_date() = Day(3);
  EXPECT_THAT(List(mia_, request), ElementsAre("later"));
  request.Clear();
  request.set_purpose(v1::COLLECTION);
  EXPECT_THAT(List(mia_, request), ElementsAre("call"));
  request.Clear();
  request.set_customer("customers/east");
  EXPECT_THAT(Interactions(anna_, &Stub::ListInteractions, request),
              Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  request.Clear();
  *request.mutable_first_date() = Day(3);
  *request.mutable_last_date() = Day(2);
  request.set_state(static_cast<v1::InteractionState>(9));
  request.set_page_size(-1);
  const auto status = Interactions(anna_, &Stub::ListInteractions, request).status();
  for (const char* field : {"last_date", "state", "page_size"})
    EXPECT_THAT(status, NamesField(field));
}

TEST_F(InteractionServiceTest, WhatIsOverdueIsListedLongestFirst) {
  ASSERT_THAT(Plan(anna_, Visit("missed", "yunfan", absl::Hours(24))), IsOk());
  ASSERT_THAT(Plan(anna_, Visit("called", "yunfan", absl::Hours(1))), IsOk());
  ASSERT_THAT(Plan(anna_, Visit("fine", "yunfan", absl::Hours(24 * 30))), IsOk());
  v1::InteractionOutcome outcome = Went();
  outcome.mutable_next_step()->set_description("寄合同");
  *outcome.mutable_next_step()->mutable_due_date() = Day(3);
  ASSERT_THAT(Complete(anna_, "called", outcome), IsOk());
  v1::ListOverdueInteractionsRequest request;
  EXPECT_EQ(Interactions(anna_, &Stub::ListOverdueInteractions, request)->overdue_size(), 0);
  host_.Advance(absl::Hours(24 * 5));
  for (int size = 1; size <= 3; ++size) {
    std::vector<std::string> seen;
    std::vector<int> days;
    request.Clear();
    request.set_page_size(size);
    do {
      const auto page = Interactions(mia_, &Stub::ListOverdueInteractions, request);
      ASSERT_THAT(page, IsOk());
      for (const auto& overdue : page->overdue()) {
        seen.push_back(overdue.interaction().name());
        days.push_back(overdue.days_overdue());
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_THAT(seen, ElementsAre("interactions/missed", "interactions/called"));
    EXPECT_THAT(days, ElementsAre(4, 2));
  }
  request.Clear();
  EXPECT_EQ(Interactions(eve_, &Stub::ListOverdueInteractions, request)->overdue_size(), 0);
  request.set_member("members/anna");
  EXPECT_EQ(Interactions(eve_, &Stub::ListOverdueInteractions, request)->overdue_size(), 0);
  *request.mutable_date() = Day(-3);
  EXPECT_EQ(Interactions(anna_, &Stub::ListOverdueInteractions, request)->overdue_size(), 1);
}

TEST_F(InteractionServiceTest, PagesOfEverySizeShowEachOnce) {
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    expected.push_back(absl::StrCat("i-", i));
    ASSERT_THAT(Plan(anna_, Visit(expected.back(), "yunfan", absl::Hours(i / 2))), IsOk());
  }
  for (int size = 1; size <= 6; ++size) {
    std::vector<std::string> seen;
    v1::ListInteractionsRequest request;
    request.set_page_size(size);
    do {
      const auto page = Interactions(anna_, &Stub::ListInteractions, request);
      ASSERT_THAT(page, IsOk());
      for (const auto& interaction : page->interactions())
        seen.push_back(interaction.name().substr(13));
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(seen, expected) << size;
  }
}

}  // namespace
}  // namespace milepost::customer
