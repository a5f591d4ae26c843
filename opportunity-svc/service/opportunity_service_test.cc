#include "opportunity-svc/service/opportunity_service.h"

#include <thread>

#include "google/protobuf/util/message_differencer.h"
#include "grpcpp/generic/generic_stub.h"
#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/service/testing_world.h"

namespace milepost::opportunity {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kUuid[] = "123e4567-e89b-12d3-a456-426614174000";

class OpportunityServiceTest : public World {
 protected:
  OpportunityServiceTest() { MakeCatalogue(); }

  absl::StatusOr<v1::Opportunity> Move(const std::string& member, const std::string& id,
                                       const std::string& stage, const std::string& reason = "",
                                       grpc::Status* raw = nullptr) {
    v1::MoveStageRequest request;
    request.set_name("opportunities/" + id);
    request.set_stage(stage);
    request.set_reason(reason);
    v1::Opportunity opportunity;
    auto context = As(member);
    const grpc::Status status = opportunities->MoveStage(context.get(), request, &opportunity);
    if (raw != nullptr) *raw = status;
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return opportunity;
  }

  absl::StatusOr<v1::Opportunity> Update(const std::string& member,
                                         const v1::UpdateOpportunityRequest& request) {
    v1::Opportunity opportunity;
    auto context = As(member);
    const grpc::Status status =
        opportunities->UpdateOpportunity(context.get(), request, &opportunity);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return opportunity;
  }

  absl::StatusOr<v1::ListOpportunitiesResponse> List(const std::string& member,
                                                     const v1::ListOpportunitiesRequest& request) {
    v1::ListOpportunitiesResponse response;
    auto context = As(member);
    const grpc::Status status = opportunities->ListOpportunities(context.get(), request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }

  std::vector<std::string> Listed(const std::string& member,
                                  const v1::ListOpportunitiesRequest& request) {
    std::vector<std::string> names;
    const auto response = List(member, request);
    EXPECT_THAT(response, IsOk());
    if (response.ok()) {
      for (const auto& opportunity : response->opportunities()) names.push_back(opportunity.name());
    }
    return names;
  }

  static v1::StageMoveBlockers BlockersOf(const grpc::Status& status) {
    google::rpc::Status details;
    EXPECT_TRUE(details.ParseFromString(status.error_details()));
    v1::StageMoveBlockers blockers;
    int found = 0;
    for (const auto& any : details.details()) {
      if (any.UnpackTo(&blockers)) ++found;
    }
    EXPECT_EQ(found, 1);
    return blockers;
  }
};

TEST_F(OpportunityServiceTest, WhatWasAnsweredIsWhatIsReadLater) {
  const v1::Opportunity created = Create("anna", "o-1");
  EXPECT_EQ(created.owner(), "members/anna");
  EXPECT_EQ(created.process(), "processes/standard");
  EXPECT_EQ(created.process_revision(), 1);
  EXPECT_EQ(created.stage(), "prospecting");
  EXPECT_EQ(created.win_probability_ppm(), 100'000);
  EXPECT_EQ(created.state(), v1::OPEN);
  EXPECT_THAT(created.stage_history(), SizeIs(1));
  const auto read = Get("anna", "o-1");
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(created, *read))
      << read->DebugString();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes WHERE aggregate_id = 'opportunities/o-1' AND actor "
                  "= 'anna' AND"
                  " event_type = 'opportunity.created' AND aggregate_version = 1"),
            1);
}

TEST_F(OpportunityServiceTest, AllBadFieldsAreNamedAtOnce) {
  v1::CreateOpportunityRequest request;
  request.set_opportunity_id("Bad_Id");
  auto& opportunity = *request.mutable_opportunity();
  opportunity.set_title("  ");
  opportunity.set_customer("acme");
  opportunity.set_owner("members/");
  opportunity.set_product("sources/x");
  opportunity.set_source("sources/X");
  opportunity.set_region("West!");
  opportunity.set_channel("直销");
  opportunity.mutable_amount()->set_currency_code("USD");
  opportunity.mutable_amount()->set_minor_units(-1);
  *opportunity.mutable_expected_close_date() = Date(2026, 2, 30);
  std::string note;
  for (size_t i = 0; i <= kMaxText; ++i) note += "字";
  opportunity.set_note(note);
  opportunity.set_process("standard");
  request.set_request_id("no-uuid");
  v1::Opportunity created;
  auto context = As("anna");
  const grpc::Status first = opportunities->CreateOpportunity(context.get(), request, &created);
  EXPECT_THAT(first, NamesField("request_id"));
  request.clear_request_id();
  auto again = As("anna");
  const grpc::Status status = opportunities->CreateOpportunity(again.get(), request, &created);
  EXPECT_THAT(status, Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELDS"));
  for (const char* field :
       {"opportunity_id", "opportunity.title", "opportunity.customer", "opportunity.owner",
        "opportunity.product", "opportunity.source", "opportunity.region", "opportunity.channel",
        "opportunity.amount.currency_code", "opportunity.amount.minor_units",
        "opportunity.expected_close_date", "opportunity.note", "opportunity.process"}) {
    EXPECT_THAT(status, NamesField(field));
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM opportunities"), 0);
}

TEST_F(OpportunityServiceTest, ControlCharactersAndTooLongTitlesAreRefused) {
  v1::CreateOpportunityRequest request;
  v1::Opportunity created;
  for (const std::string& title : {std::string("a\x01z"), std::string(kMaxTitle + 1, 'x')}) {
    request.mutable_opportunity()->set_title(title);
    auto context = As("anna");
    EXPECT_THAT(opportunities->CreateOpportunity(context.get(), request, &created),
                NamesField("opportunity.title"));
  }
}

TEST_F(OpportunityServiceTest, BytesThatAreNotUtf8AreRefused) {
  // A title of two bytes that no UTF-8 text has.
  const std::string bytes("\x12\x04\x12\x02\xff\xfe", 6);
  grpc::GenericStub generic(host.channel());
  auto context = As("anna");
  const grpc::Slice slice(bytes);
  grpc::ByteBuffer request(&slice, 1), response;
  grpc::CompletionQueue queue;
  auto call = generic.PrepareUnaryCall(
      context.get(), "/milepost.opportunity.v1.OpportunityService/CreateOpportunity", request,
      &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM opportunities"), 0);
}

TEST_F(OpportunityServiceTest, WhatItRefersToMustExistAndBeInUse) {
  struct Case {
    const char* reason;
    std::function<void(v1::Opportunity&)> set;
  };
  const std::vector<Case> cases = {
      {"REFERENCE_MISSING", [](v1::Opportunity& o) { o.set_product("products/none"); }},
      {"REFERENCE_MISSING", [](v1::Opportunity& o) { o.set_source("sources/none"); }},
      {"REFERENCE_MISSING", [](v1::Opportunity& o) { o.set_process("processes/none"); }},
      {"CUSTOMER_UNKNOWN", [](v1::Opportunity& o) { o.set_customer("customers/none"); }},
      {"MEMBER_UNKNOWN", [](v1::Opportunity& o) { o.set_owner("members/nobody"); }},
  };
  for (const Case& bad : cases) {
    v1::CreateOpportunityRequest request;
    request.mutable_opportunity()->set_title("t");
    bad.set(*request.mutable_opportunity());
    v1::Opportunity created;
    auto context = As("ada");
    EXPECT_THAT(opportunities->CreateOpportunity(context.get(), request, &created),
                Fails(absl::StatusCode::kFailedPrecondition, bad.reason));
  }
  v1::CreateOpportunityRequest request;
  request.mutable_opportunity()->set_title("t");
  request.mutable_opportunity()->set_owner("members/eva");
  v1::Opportunity created;
  auto context = As("anna");
  EXPECT_THAT(opportunities->CreateOpportunity(context.get(), request, &created),
              Fails(absl::StatusCode::kPermissionDenied, "OWNER_OUT_OF_SCOPE"));
}

TEST_F(OpportunityServiceTest, ArchivedIsKeptButNotTaken) {
  Create("anna", "o-1");
  v1::UpdateProductRequest archive;
  archive.mutable_product()->set_name("products/gtx");
  archive.mutable_product()->set_archived(true);
  v1::Product product;
  auto context = As("ada");
  ASSERT_THAT(products->UpdateProduct(context.get(), archive, &product), IsOk());

  v1::UpdateOpportunityRequest keep;
  keep.mutable_opportunity()->set_name("opportunities/o-1");
  keep.mutable_opportunity()->set_product("products/gtx");
  EXPECT_THAT(Update("anna", keep), IsOk());
  keep.mutable_opportunity()->set_product("products/mg");
  EXPECT_THAT(Update("anna", keep), IsOk());
  keep.mutable_opportunity()->set_product("products/gtx");
  EXPECT_THAT(Update("anna", keep),
              Fails(absl::StatusCode::kFailedPrecondition, "REFERENCE_ARCHIVED"));
}

TEST_F(OpportunityServiceTest, CustomersAreAskedForAsTheCallerAndNothingIsHalfDoneWithoutThem) {
  v1::CreateOpportunityRequest request;
  request.mutable_opportunity()->set_title("t");
  request.mutable_opportunity()->set_customer("customers/acme");
  v1::Opportunity created;
  auto first = As("anna");
  first->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  ASSERT_THAT(opportunities->CreateOpportunity(first.get(), request, &created), IsOk());
  {
    const std::lock_guard<std::mutex> lock(fake_customers.mutex);
    EXPECT_EQ(fake_customers.calls, 1);
    EXPECT_THAT(fake_customers.authorization, ::testing::StartsWith("Bearer "));
    EXPECT_LT(fake_customers.remaining, std::chrono::seconds(6)) << "gRPC rounds up";
    fake_customers.down = true;
  }
  auto context = As("anna");
  EXPECT_THAT(opportunities->CreateOpportunity(context.get(), request, &created),
              Fails(absl::StatusCode::kUnavailable, "CUSTOMERS_UNAVAILABLE"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM opportunities"), 1);

  // Without a customer nobody is asked.
  request.mutable_opportunity()->clear_customer();
  auto again = As("anna");
  EXPECT_THAT(opportunities->CreateOpportunity(again.get(), request, &created), IsOk());
}

TEST_F(OpportunityServiceTest, HiddenAndAbsentAnswerAlike) {
  Create("anna", "o-1");
  EXPECT_THAT(Get("max", "o-1"), IsOk());
  EXPECT_THAT(Get("zoe", "o-1"), IsOk());
  const absl::Status hidden = Get("eva", "o-1").status();
  const absl::Status absent = Get("eva", "o-2").status();
  EXPECT_THAT(hidden, Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_EQ(hidden.message(), "opportunities/o-1 does not exist");
  EXPECT_EQ(absent.message(), "opportunities/o-2 does not exist");
  EXPECT_THAT(Move("eva", "o-1", "engaging"), Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Win("eva", "o-1", 1), Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Listed("eva", {}), IsEmpty());
  EXPECT_EQ(Move("zoe", "o-1", "engaging").status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(OpportunityServiceTest, ARefusedMoveListsEverythingThatIsMissing) {
  v1::CreateOpportunityRequest create;
  create.set_opportunity_id("o-1");
  create.mutable_opportunity()->set_title("t");
  v1::Opportunity opportunity;
  auto context = As("anna");
  ASSERT_THAT(opportunities->CreateOpportunity(context.get(), create, &opportunity), IsOk());

  grpc::Status raw;
  EXPECT_THAT(Move("anna", "o-1", "engaging", "", &raw),
              Fails(absl::StatusCode::kFailedPrecondition, "STAGE_MOVE_BLOCKED"));
  v1::StageMoveBlockers blockers = BlockersOf(raw);
  EXPECT_EQ(blockers.opportunity(), "opportunities/o-1");
  EXPECT_EQ(blockers.from_stage(), "prospecting");
  EXPECT_EQ(blockers.to_stage(), "engaging");
  ASSERT_THAT(blockers.missing_milestones(), SizeIs(1));
  EXPECT_EQ(blockers.missing_milestones(0).milestone(), "need");
  EXPECT_EQ(blockers.missing_milestones(0).title(), "需求确认");
  EXPECT_EQ(blockers.missing_milestones(0).exit_condition(), "客户书面确认");
  EXPECT_THAT(blockers.missing_fields(), ElementsAre(v1::AMOUNT, v1::PRODUCT));
  EXPECT_THAT(blockers.missing_roles(), ElementsAre("pre-sales"));

  v1::CheckStageMoveRequest check;
  check.set_name("opportunities/o-1");
  check.set_stage("engaging");
  v1::CheckStageMoveResponse checked;
  auto check_context = As("anna");
  ASSERT_THAT(opportunities->CheckStageMove(check_context.get(), check, &checked), IsOk());
  EXPECT_FALSE(checked.allowed());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(checked.blockers(), blockers));
  ASSERT_THAT(checked.typical_risks(), SizeIs(1));
  EXPECT_EQ(checked.typical_risks(0).countermeasure(), "拜访高层");

  EXPECT_THAT(Move("anna", "o-1", "negotiation", "", &raw),
              Fails(absl::StatusCode::kFailedPrecondition, "STAGE_MOVE_BLOCKED"));
  EXPECT_THAT(BlockersOf(raw).skipped_stages(), ElementsAre("engaging"));
  EXPECT_THAT(Win("anna", "o-1", 1),
              Fails(absl::StatusCode::kFailedPrecondition, "STAGE_MOVE_BLOCKED"));

  CompleteNeed("anna", "o-1");
  v1::UpdateOpportunityRequest update;
  update.mutable_opportunity()->set_name("opportunities/o-1");
  update.mutable_opportunity()->set_product("products/gtx");
  *update.mutable_opportunity()->mutable_amount() = Yuan(100);
  ASSERT_THAT(Update("anna", update), IsOk());
  v1::AddTeamMemberRequest add;
  add.set_name("opportunities/o-1");
  add.set_member("members/eva");
  add.set_role("pre-sales");
  auto add_context = As("anna");
  ASSERT_THAT(opportunities->AddTeamMember(add_context.get(), add, &opportunity), IsOk());
  auto again = As("anna");
  ASSERT_THAT(opportunities->CheckStageMove(again.get(), check, &checked), IsOk());
  EXPECT_TRUE(checked.allowed());

  const auto moved = Move("anna", "o-1", "engaging");
  ASSERT_THAT(moved, IsOk());
  EXPECT_THAT(moved->stage_history(), SizeIs(2));
  EXPECT_EQ(moved->stage_history(1).moved_by(), "members/anna");
  EXPECT_TRUE(moved->stage_history(0).has_leave_time());

  EXPECT_THAT(Move("anna", "o-1", "prospecting", "", &raw),
              Fails(absl::StatusCode::kFailedPrecondition, "STAGE_MOVE_BLOCKED"));
  EXPECT_TRUE(BlockersOf(raw).reason_required());
  EXPECT_THAT(Move("anna", "o-1", "prospecting", "客户改变主意"), IsOk());
  EXPECT_THAT(Move("max", "o-1", "negotiation"), IsOk());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes WHERE event_type = 'opportunity.stage_moved' AND "
                  "reason = '客户改变主意'"),
            1);
}

TEST_F(OpportunityServiceTest, MilestonesAndTeamCanBeTakenBack) {
  Create("anna", "o-1");
  CompleteNeed("anna", "o-1");
  v1::ReopenMilestoneRequest reopen;
  reopen.set_name("opportunities/o-1");
  reopen.set_milestone("need");
  v1::Opportunity opportunity;
  auto without_reason = As("anna");
  EXPECT_THAT(opportunities->ReopenMilestone(without_reason.get(), reopen, &opportunity),
              NamesField("reason"));
  reopen.set_reason("搞错了");
  auto context = As("anna");
  ASSERT_THAT(opportunities->ReopenMilestone(context.get(), reopen, &opportunity), IsOk());
  EXPECT_THAT(opportunity.completed_milestones(), IsEmpty());

  v1::AddTeamMemberRequest add;
  add.set_name("opportunities/o-1");
  add.set_member("members/nobody");
  add.set_role("legal");
  auto unknown = As("anna");
  EXPECT_THAT(opportunities->AddTeamMember(unknown.get(), add, &opportunity),
              Fails(absl::StatusCode::kFailedPrecondition, "MEMBER_UNKNOWN"));
  add.set_member("members/ben");
  auto known = As("anna");
  ASSERT_THAT(opportunities->AddTeamMember(known.get(), add, &opportunity), IsOk());
  v1::RemoveTeamMemberRequest remove;
  remove.set_name("opportunities/o-1");
  remove.set_member("members/ben");
  auto removing = As("anna");
  ASSERT_THAT(opportunities->RemoveTeamMember(removing.get(), remove, &opportunity), IsOk());
  EXPECT_THAT(opportunity.team(), IsEmpty());
}

TEST_F(OpportunityServiceTest, UpdateTakesWhatTheMaskSays) {
  const v1::Opportunity created = Create("anna", "o-1");
  v1::UpdateOpportunityRequest request;
  request.mutable_opportunity()->set_name("opportunities/o-1");
  request.mutable_opportunity()->set_title("新标题");
  request.mutable_opportunity()->set_region("east");
  request.mutable_update_mask()->add_paths("title");
  request.mutable_update_mask()->add_paths("channel");
  const auto updated = Update("anna", request);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->title(), "新标题");
  EXPECT_EQ(updated->region(), "west");
  EXPECT_EQ(updated->channel(), "");
  EXPECT_NE(updated->etag(), created.etag());

  for (const char* path : {"stage", "nothing", "amount.minor_units"}) {
    request.mutable_update_mask()->clear_paths();
    request.mutable_update_mask()->add_paths(path);
    EXPECT_THAT(Update("anna", request), NamesField("update_mask"));
  }
  request.clear_update_mask();
  request.set_etag(created.etag());
  EXPECT_THAT(Update("anna", request), Fails(absl::StatusCode::kAborted, "STALE_ETAG"));
  request.set_etag("nonsense");
  EXPECT_THAT(Update("anna", request), NamesField("etag"));
  request.set_etag(updated->etag());
  EXPECT_THAT(Update("anna", request), IsOk());
}

TEST_F(OpportunityServiceTest, ARequestIdHasOneEffect) {
  v1::CreateOpportunityRequest request;
  request.mutable_opportunity()->set_title("t");
  request.set_request_id(kUuid);
  v1::Opportunity first, second;
  auto context = As("anna");
  ASSERT_THAT(opportunities->CreateOpportunity(context.get(), request, &first), IsOk());
  auto again = As("anna");
  ASSERT_THAT(opportunities->CreateOpportunity(again.get(), request, &second), IsOk());
  EXPECT_EQ(first.name(), second.name());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM opportunities"), 1);
  request.mutable_opportunity()->set_title("other");
  auto other = As("anna");
  EXPECT_EQ(opportunities->CreateOpportunity(other.get(), request, &second).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);

  v1::LoseOpportunityRequest lose;
  lose.set_name(first.name());
  lose.set_close_reason("price");
  lose.set_request_id("223e4567-e89b-12d3-a456-426614174000");
  for (int i = 0; i < 2; ++i) {
    auto losing = As("anna");
    EXPECT_THAT(opportunities->LoseOpportunity(losing.get(), lose, &second), IsOk());
    EXPECT_EQ(second.state(), v1::LOST);
  }
  lose.clear_request_id();
  auto losing = As("anna");
  EXPECT_THAT(opportunities->LoseOpportunity(losing.get(), lose, &second),
              Fails(absl::StatusCode::kFailedPrecondition, "NOT_OPEN"));
}

TEST_F(OpportunityServiceTest, TakenIdsAreRefused) {
  Create("anna", "o-1");
  v1::CreateOpportunityRequest request;
  request.set_opportunity_id("o-1");
  request.mutable_opportunity()->set_title("t");
  v1::Opportunity created;
  auto context = As("anna");
  EXPECT_THAT(opportunities->CreateOpportunity(context.get(), request, &created),
              Fails(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
}

TEST_F(OpportunityServiceTest, WinningMakesTheOrderInTheSameTransaction) {
  Create("anna", "o-1");
  CompleteNeed("anna", "o-1");
  const auto won = Win("max", "o-1", 1'200'00, "r-1");
  ASSERT_THAT(won, IsOk());
  EXPECT_EQ(won->state(), v1::WON);
  EXPECT_EQ(won->order(), "orders/r-1");
  EXPECT_EQ(won->amount().minor_units(), 1'200'00);
  v1::GetOrderRequest get;
  get.set_name("orders/r-1");
  v1::Order order;
  auto context = As("anna");
  ASSERT_THAT(orders->GetOrder(context.get(), get, &order), IsOk());
  EXPECT_EQ(order.opportunity(), "opportunities/o-1");
  EXPECT_EQ(order.customer(), "customers/acme");
  EXPECT_EQ(order.owner(), "members/anna");
  EXPECT_EQ(order.source(), "sources/fair");
  EXPECT_EQ(order.region(), "west");
  EXPECT_EQ(order.channel(), "direct");
  EXPECT_EQ(order.amount().minor_units(), 1'200'00);
  EXPECT_EQ(order.margin().minor_units(), 900'00) << "the product costs 300";
  EXPECT_EQ(Count("SELECT COUNT(DISTINCT transaction_id) FROM changes WHERE event_type IN "
                  "('opportunity.won',"
                  " 'order.created')"),
            1);

  // An order id that is taken leaves the opportunity open.
  Create("anna", "o-2");
  CompleteNeed("anna", "o-2");
  EXPECT_THAT(Win("max", "o-2", 1, "r-1"),
              Fails(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
  EXPECT_EQ(Get("anna", "o-2")->state(), v1::OPEN);
}

TEST_F(OpportunityServiceTest, LinesOfAWinMustAddUp) {
  Create("anna", "o-1");
  CompleteNeed("anna", "o-1");
  v1::WinOpportunityRequest request;
  request.set_name("opportunities/o-1");
  *request.mutable_amount() = Yuan(1'100'00);
  auto& first = *request.add_lines();
  first.set_product("products/gtx");
  first.set_quantity(2);
  *first.mutable_unit_price() = Yuan(500'00);
  auto& second = *request.add_lines();
  second.set_product("products/mg");
  second.set_quantity(1);
  *second.mutable_unit_price() = Yuan(99'00);
  v1::Opportunity won;
  auto context = As("max");
  EXPECT_THAT(opportunities->WinOpportunity(context.get(), request, &won), NamesField("lines"));
  *second.mutable_unit_price() = Yuan(100'00);
  second.set_quantity(0);
  auto bad = As("max");
  EXPECT_THAT(opportunities->WinOpportunity(bad.get(), request, &won),
              NamesField("lines[1].quantity"));
  second.set_quantity(1);
  request.set_preliminary(true);
  auto good = As("max");
  ASSERT_THAT(opportunities->WinOpportunity(good.get(), request, &won), IsOk());
  v1::GetOrderRequest get;
  get.set_name(won.order());
  v1::Order order;
  auto reading = As("max");
  ASSERT_THAT(orders->GetOrder(reading.get(), get, &order), IsOk());
  EXPECT_EQ(order.state(), v1::PRELIMINARY);
  EXPECT_EQ(order.margin().minor_units(), 440'00);
}

TEST_F(OpportunityServiceTest, OfTwoWinsAtOnceOneWins) {
  for (int round = 0; round < 5; ++round) {
    const std::string id = absl::StrCat("o-", round);
    Create("anna", id);
    CompleteNeed("anna", id);
    std::vector<absl::Status> statuses(4);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < statuses.size(); ++i) {
      threads.emplace_back([&, i] { statuses[i] = Win("max", id, 100).status(); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::count_if(statuses.begin(), statuses.end(),
                            [](const absl::Status& s) { return s.ok(); }),
              1);
    for (const absl::Status& status : statuses) {
      if (status.ok()) continue;
      EXPECT_THAT(status, Fails(absl::StatusCode::kFailedPrecondition, "NOT_OPEN"));
    }
    EXPECT_EQ(Count("SELECT COUNT(*) FROM orders WHERE opportunity_id = '" + id + "'"), 1);
  }
}

TEST_F(OpportunityServiceTest, OfTwoMovesAtOnceOneMoves) {
  Create("anna", "o-1");
  CompleteNeed("anna", "o-1");
  std::vector<absl::Status> statuses(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < statuses.size(); ++i) {
    threads.emplace_back([&, i] { statuses[i] = Move("max", "o-1", "negotiation").status(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(
      std::count_if(statuses.begin(), statuses.end(), [](const absl::Status& s) { return s.ok(); }),
      1);
  for (const absl::Status& status : statuses) {
    if (status.ok()) continue;
    EXPECT_THAT(status, Fails(absl::StatusCode::kFailedPrecondition, "ALREADY_IN_STAGE"));
  }
  EXPECT_THAT(Get("anna", "o-1")->stage_history(), SizeIs(2));
}

TEST_F(OpportunityServiceTest, ReopeningNeedsTheOrderCancelled) {
  Create("anna", "o-1");
  CompleteNeed("anna", "o-1");
  ASSERT_THAT(Win("max", "o-1", 100, "r-1"), IsOk());
  v1::ReopenOpportunityRequest reopen;
  reopen.set_name("opportunities/o-1");
  reopen.set_reason("客户反悔");
  v1::Opportunity opportunity;
  auto early = As("max");
  EXPECT_THAT(opportunities->ReopenOpportunity(early.get(), reopen, &opportunity),
              Fails(absl::StatusCode::kFailedPrecondition, "ORDER_STANDS"));
  v1::CancelOrderRequest cancel;
  cancel.set_name("orders/r-1");
  cancel.set_reason("客户反悔");
  v1::Order order;
  auto cancelling = As("max");
  ASSERT_THAT(orders->CancelOrder(cancelling.get(), cancel, &order), IsOk());
  EXPECT_EQ(order.net_amount().minor_units(), 0);
  auto reopening = As("max");
  ASSERT_THAT(opportunities->ReopenOpportunity(reopening.get(), reopen, &opportunity), IsOk());
  EXPECT_EQ(opportunity.state(), v1::OPEN);
  EXPECT_EQ(opportunity.order(), "");
  EXPECT_THAT(Win("max", "o-1", 200, "r-2"), IsOk());
}

TEST_F(OpportunityServiceTest, LosingKeepsWhyAndToWhom) {
  Create("anna", "o-1");
  v1::LoseOpportunityRequest request;
  request.set_name("opportunities/o-1");
  v1::Opportunity lost;
  auto without = As("anna");
  EXPECT_THAT(opportunities->LoseOpportunity(without.get(), request, &lost),
              NamesField("close_reason"));
  request.set_close_reason("price");
  request.set_close_note("贵了三成");
  request.set_competitor("对手公司");
  *request.mutable_close_date() = Date(2199, 1, 1);
  auto future = As("anna");
  EXPECT_THAT(opportunities->LoseOpportunity(future.get(), request, &lost),
              Fails(absl::StatusCode::kFailedPrecondition, "DATE_IN_FUTURE"));
  request.clear_close_date();
  auto context = As("anna");
  ASSERT_THAT(opportunities->LoseOpportunity(context.get(), request, &lost), IsOk());
  EXPECT_EQ(lost.competitor(), "对手公司");
  EXPECT_EQ(lost.win_probability_ppm(), 0);
  EXPECT_EQ(lost.close_date().year(), Today().year());
}

TEST_F(OpportunityServiceTest, AManagerAssignsInsideTheScope) {
  Create("anna", "o-1");
  v1::AssignOpportunityRequest request;
  request.set_name("opportunities/o-1");
  request.set_owner("members/eva");
  request.set_reason("换区");
  v1::Opportunity opportunity;
  auto outside = As("max");
  EXPECT_THAT(opportunities->AssignOpportunity(outside.get(), request, &opportunity),
              Fails(absl::StatusCode::kPermissionDenied, "OWNER_OUT_OF_SCOPE"));
  auto rep = As("anna");
  EXPECT_EQ(opportunities->AssignOpportunity(rep.get(), request, &opportunity).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  request.set_owner("members/ben");
  auto inside = As("max");
  ASSERT_THAT(opportunities->AssignOpportunity(inside.get(), request, &opportunity), IsOk());
  EXPECT_EQ(opportunity.previous_owner(), "members/anna");
  EXPECT_THAT(Get("anna", "o-1"), Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Get("ben", "o-1"), IsOk());
}

TEST_F(OpportunityServiceTest, ListsPageInEverySizeAndUnderTheScope) {
  constexpr int kCount = 7;
  std::vector<std::string> expected;
  for (int i = 0; i < kCount; ++i) {
    if (i % 2 == 0) host.Advance(absl::Seconds(1));  // Two at a time share a moment.
    Create(i == 3 ? "ben" : "anna", absl::StrCat("o-", i));
  }
  Create("eva", "o-east");
  expected = Listed("max", {});
  EXPECT_THAT(expected, SizeIs(kCount));
  EXPECT_EQ(expected.front(), "opportunities/o-6");
  EXPECT_THAT(Listed("ada", {}), SizeIs(kCount + 1));
  EXPECT_THAT(Listed("anna", {}), SizeIs(kCount - 1));
  for (int size = 1; size <= kCount + 1; ++size) {
    v1::ListOpportunitiesRequest request;
    request.set_page_size(size);
    std::vector<std::string> seen;
    do {
      const auto page = List("max", request);
      ASSERT_THAT(page, IsOk());
      EXPECT_LE(page->opportunities_size(), size);
      for (const auto& opportunity : page->opportunities()) seen.push_back(opportunity.name());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(seen, expected) << "page size " << size;
  }
  v1::ListOpportunitiesRequest request;
  request.set_page_size(2);
  const std::string token = List("max", request)->next_page_token();
  v1::ListOpportunitiesRequest other;
  other.set_page_size(2);
  other.set_customer("customers/acme");
  other.set_page_token(token);
  EXPECT_THAT(List("max", other), NamesField("page_token"));
  other.set_page_token("garbage");
  EXPECT_THAT(List("max", other), NamesField("page_token"));
  request.set_page_size(501);
  EXPECT_THAT(List("max", request), NamesField("page_size"));
  request.set_page_size(-1);
  EXPECT_THAT(List("max", request), NamesField("page_size"));
}

TEST_F(OpportunityServiceTest, ListsAreNarrowedByEveryFilter) {
  Create("anna", "o-1");
  Create("ben", "o-2");
  v1::CreateOpportunityRequest create;
  create.set_opportunity_id("o-3");
  auto& third = *create.mutable_opportunity();
  third.set_title("100%_折扣");
  third.set_customer("customers/globex");
  third.set_product("products/mg");
  third.set_region("east");
  *third.mutable_amount() = Yuan(50);
  *third.mutable_expected_close_date() = Date(2030, 5, 5);
  v1::Opportunity created;
  auto context = As("anna");
  ASSERT_THAT(opportunities->CreateOpportunity(context.get(), create, &created), IsOk());
  v1::LoseOpportunityRequest lose;
  lose.set_name("opportunities/o-2");
  lose.set_close_reason("price");
  auto losing = As("ben");
  ASSERT_THAT(opportunities->LoseOpportunity(losing.get(), lose, &created), IsOk());

  const auto only = [&](auto set) {
    v1::ListOpportunitiesRequest request;
    set(request);
    return Listed("max", request);
  };
  using R = v1::ListOpportunitiesRequest;
  EXPECT_THAT(only([](R& r) { r.add_owners("members/ben"); }), ElementsAre("opportunities/o-2"));
  EXPECT_THAT(only([](R& r) { r.add_owners("members/eva"); }), IsEmpty());
  EXPECT_THAT(only([](R& r) { r.set_customer("customers/globex"); }),
              ElementsAre("opportunities/o-3"));
  EXPECT_THAT(only([](R& r) { r.add_states(v1::LOST); }), ElementsAre("opportunities/o-2"));
  EXPECT_THAT(only([](R& r) { r.add_stages("prospecting"); }), SizeIs(3));
  EXPECT_THAT(only([](R& r) { r.add_stages("engaging"); }), IsEmpty());
  EXPECT_THAT(only([](R& r) { r.set_process("processes/standard"); }), SizeIs(3));
  EXPECT_THAT(only([](R& r) { r.add_products("products/mg"); }), ElementsAre("opportunities/o-3"));
  EXPECT_THAT(only([](R& r) { r.add_sources("sources/fair"); }),
              UnorderedElementsAre("opportunities/o-1", "opportunities/o-2"));
  EXPECT_THAT(only([](R& r) { r.add_regions("east"); }), ElementsAre("opportunities/o-3"));
  EXPECT_THAT(only([](R& r) { r.set_title_contains("%_折"); }), ElementsAre("opportunities/o-3"));
  EXPECT_THAT(only([](R& r) { r.set_title_contains("产线"); }), SizeIs(2));
  EXPECT_THAT(only([](R& r) { *r.mutable_max_amount() = Yuan(50); }),
              ElementsAre("opportunities/o-3"));
  EXPECT_THAT(only([](R& r) { *r.mutable_min_amount() = Yuan(51); }), SizeIs(2));
  EXPECT_THAT(only([&](R& r) {
                *r.mutable_close_dates()->mutable_first_date() = Today();
                *r.mutable_close_dates()->mutable_last_date() = Today();
              }),
              ElementsAre("opportunities/o-2"));
  EXPECT_THAT(only([&](R& r) {
                *r.mutable_expected_close_dates()->mutable_first_date() = Date(2030, 5, 1);
                *r.mutable_expected_close_dates()->mutable_last_date() = Date(2030, 5, 31);
              }),
              ElementsAre("opportunities/o-3"));

  v1::ListOpportunitiesRequest bad;
  bad.add_states(static_cast<v1::OpportunityState>(77));
  bad.add_owners("anna");
  bad.add_stages("B!");
  *bad.mutable_close_dates()->mutable_first_date() = Date(2020, 1, 2);
  *bad.mutable_close_dates()->mutable_last_date() = Date(2020, 1, 1);
  const auto status = List("max", bad).status();
  for (const char* field : {"states[0]", "owners[0]", "stages[0]", "close_dates.last_date"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

TEST_F(OpportunityServiceTest, AnOpportunityStaysOnItsRevision) {
  Create("anna", "o-1");
  v1::ReviseProcessRequest revise;
  revise.set_name("processes/standard");
  auto& only = *revise.add_stages();
  only.set_stage_id("direct");
  only.set_title("直接成交");
  v1::Process process;
  auto context = As("ada");
  ASSERT_THAT(processes->ReviseProcess(context.get(), revise, &process), IsOk());
  EXPECT_EQ(process.revision(), 2);
  EXPECT_EQ(Create("anna", "o-2").stage(), "direct");
  CompleteNeed("anna", "o-1");
  EXPECT_THAT(Move("max", "o-1", "negotiation"), IsOk());
  EXPECT_THAT(Move("max", "o-1", "direct"),
              Fails(absl::StatusCode::kFailedPrecondition, "STAGE_UNKNOWN"));
  v1::GetProcessRequest get;
  get.set_name("processes/standard");
  get.set_revision(1);
  auto old = As("anna");
  ASSERT_THAT(processes->GetProcess(old.get(), get, &process), IsOk());
  EXPECT_THAT(process.stages(), SizeIs(3));
  EXPECT_EQ(process.revision(), 1);
  get.set_revision(3);
  auto missing = As("anna");
  EXPECT_THAT(processes->GetProcess(missing.get(), get, &process),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
}

}  // namespace
}  // namespace milepost::opportunity
