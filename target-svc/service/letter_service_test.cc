#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "target-svc/domain/letter.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using Stub = v1::LetterService::Stub;
using absl::StatusCode;

// Plan `y` of west, 1,000: anna 600, bert 400; in force.
class LetterServiceTest : public TargetTest {
 protected:
  LetterServiceTest() {
    MakePlan("y", 1'000, "west");
    v1::SplitNodesRequest request = OfRoot("y");
    Weighted(request, v1::MEMBER, {{"members/anna", 600}, {"members/bert", 400}});
    const auto made = Split(zoe_, request);
    EXPECT_THAT(made, IsOk());
    anna_node_ = made->splits(0).children(0).name();
    bert_node_ = made->splits(0).children(1).name();
    EXPECT_THAT(Submit(zoe_, "y"), IsOk());
    EXPECT_THAT(Approve(sam_, "y"), IsOk());
    EXPECT_THAT(Activate(zoe_, "y"), IsOk());
  }

  v1::CreateLetterRequest Draft(const std::string& id = "anna-2018") {
    v1::CreateLetterRequest request;
    request.set_plan("plans/y");
    request.set_letter_id(id);
    v1::Letter& letter = *request.mutable_letter();
    letter.set_member("members/anna");
    letter.set_title("2018 年度目标责任书");
    letter.add_targets()->set_node(anna_node_);
    v1::Letter::Kpi& revenue = *letter.add_kpis();
    revenue.set_display_name("销售额");
    revenue.set_weight_ppm(800'000);
    revenue.set_metric("metrics/revenue");
    v1::Letter::Kpi& service = *letter.add_kpis();
    service.set_display_name("客户满意度");
    service.set_weight_ppm(200'000);
    letter.set_rewards("达成奖：年薪 10%\n超额部分 1%");
    return request;
  }
  absl::StatusOr<v1::Letter> Create(const Who& who, const v1::CreateLetterRequest& request) {
    return Do(&Stub::CreateLetter, *letters_, who, request);
  }
  absl::StatusOr<v1::Letter> Sign(const Who& who, const std::string& hash,
                                  const std::string& id = "anna-2018") {
    v1::SignLetterRequest request;
    request.set_name("plans/y/letters/" + id);
    request.set_content_hash(hash);
    return Do(&Stub::SignLetter, *letters_, who, request);
  }
  absl::StatusOr<v1::Letter> Get(const Who& who, const std::string& id = "anna-2018") {
    v1::GetLetterRequest request;
    request.set_name("plans/y/letters/" + id);
    return Do(&Stub::GetLetter, *letters_, who, request);
  }
  absl::StatusOr<v1::VerifyLetterResponse> Verify(const Who& who,
                                                  v1::VerifyLetterRequest request = {}) {
    request.set_name("plans/y/letters/anna-2018");
    return Do(&Stub::VerifyLetter, *letters_, who, request);
  }
  absl::StatusOr<v1::Node> Adjust(const std::string& node, int64_t units) {
    v1::AdjustNodeRequest request;
    request.set_name(node);
    request.set_target_units(units);
    request.set_absorb(v1::SIBLINGS);
    request.set_reason("年中调整");
    return Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, request);
  }
  void Write(const std::string& sql) {
    ASSERT_THAT(host_.database().session().RunText(sql), IsOk());
  }

  std::string anna_node_;
  std::string bert_node_;
};

TEST_F(LetterServiceTest, DraftedSignedTwiceAndFrozen) {
  v1::CreateLetterRequest request = Draft();
  request.set_request_id(kRequestId);
  const auto draft = Create(mia_, request);
  ASSERT_THAT(draft, IsOk());
  EXPECT_EQ(draft->state(), v1::Letter::DRAFT);
  EXPECT_EQ(draft->drafter(), "members/mia");
  EXPECT_EQ(draft->metric(), "metrics/revenue");
  EXPECT_EQ(draft->currency_code(), "CNY");
  EXPECT_EQ(draft->period().first_date().year(), 2018);
  ASSERT_EQ(draft->targets_size(), 1);
  EXPECT_EQ(draft->targets(0).target_units(), 600);
  EXPECT_EQ(draft->targets(0).scope().member(), "members/anna");
  EXPECT_EQ(draft->content_hash().size(), 64u);
  EXPECT_EQ(Create(mia_, request)->etag(), draft->etag());  // Repeated.
  EXPECT_EQ(Get(anna_)->SerializeAsString(), draft->SerializeAsString());

  EXPECT_THAT(Sign(mia_, draft->content_hash()),
              Fails(StatusCode::kFailedPrecondition, "WRONG_LETTER_STATE"));
  EXPECT_THAT(Sign(anna_, std::string(64, '0')),
              Fails(StatusCode::kInvalidArgument, "OTHER_CONTENT"));
  const auto half = Sign(anna_, draft->content_hash());
  ASSERT_THAT(half, IsOk());
  EXPECT_EQ(half->state(), v1::Letter::OWNER_SIGNED);
  EXPECT_EQ(half->owner_signature().member(), "members/anna");
  v1::UpdateLetterRequest update;
  update.mutable_letter()->set_name(draft->name());
  update.mutable_letter()->set_rewards("没有奖励");
  EXPECT_THAT(Do(&Stub::UpdateLetter, *letters_, mia_, update),
              Fails(StatusCode::kFailedPrecondition, "WRONG_LETTER_STATE"));
  const auto whole = Sign(mia_, draft->content_hash());
  ASSERT_THAT(whole, IsOk());
  EXPECT_EQ(whole->state(), v1::Letter::SIGNED);
  EXPECT_EQ(whole->manager_signature().member(), "members/mia");
  EXPECT_EQ(whole->manager_signature().content_hash(), draft->content_hash());
  EXPECT_EQ(whole->content_hash(), draft->content_hash());
  v1::WithdrawLetterRequest withdraw;
  withdraw.set_name(draft->name());
  withdraw.set_reason("反悔");
  EXPECT_THAT(Do(&Stub::WithdrawLetter, *letters_, sam_, withdraw),
              Fails(StatusCode::kFailedPrecondition, "WRONG_LETTER_STATE"));
  EXPECT_EQ(Get(zoe_)->SerializeAsString(), whole->SerializeAsString());
}

TEST_F(LetterServiceTest, WhoSeesAndWrites) {
  EXPECT_THAT(Create(zoe_, Draft("by-zoe")), IsOk());
  EXPECT_THAT(Create(sam_, Draft("by-sam")), IsOk());
  EXPECT_EQ(Create(anna_, Draft()).status().code(), StatusCode::kPermissionDenied);  // No manager.
  EXPECT_THAT(Create(max_, Draft()), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  ASSERT_THAT(Create(mia_, Draft()), IsOk());
  for (const Who& who : {anna_, mia_, zoe_, sam_}) EXPECT_THAT(Get(who), IsOk()) << who.member;
  // An analyst sees every plan, and no letter; nor do peers, be the plan public or not.
  for (const Who& who : {ann_, bert_, eve_, max_})
    EXPECT_THAT(Get(who), Fails(StatusCode::kNotFound, "NOT_FOUND")) << who.member;
  EXPECT_THAT(Verify(bert_), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Sign(bert_, std::string(64, '0')), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  const auto list = [&](const Who& who, v1::ListLettersRequest request, int size) {
    request.set_plan("plans/y");
    request.set_page_size(size);
    std::vector<std::string> names;
    while (true) {
      const auto page = Do(&Stub::ListLetters, *letters_, who, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return names;
      for (const v1::Letter& letter : page->letters()) names.push_back(letter.name().substr(16));
      if (page->next_page_token().empty()) return names;
      request.set_page_token(page->next_page_token());
    }
  };
  for (int size = 1; size <= 4; ++size)
    EXPECT_THAT(list(anna_, {}, size), ElementsAre("anna-2018", "by-sam", "by-zoe"));
  EXPECT_THAT(list(bert_, {}, 50), IsEmpty());
  v1::ListLettersRequest filtered;
  filtered.set_state(v1::Letter::SIGNED);
  EXPECT_THAT(list(zoe_, filtered, 50), IsEmpty());
}

TEST_F(LetterServiceTest, AllBadFieldsAtOnce) {
  v1::CreateLetterRequest request = Draft("-no");
  v1::Letter& letter = *request.mutable_letter();
  letter.set_member("anna");
  letter.clear_title();
  letter.mutable_targets(0)->set_node("plans/other/nodes/root");
  letter.add_targets();
  letter.mutable_kpis(0)->set_weight_ppm(0);
  letter.mutable_kpis(1)->set_display_name("销售额");
  letter.set_rewards(std::string(4'001, 'x'));
  const auto refused = Create(mia_, request);
  for (const char* field : {"letter_id", "letter.member", "letter.title", "letter.targets[0].node",
                            "letter.targets[1].node", "letter.kpis[0].weight_ppm",
                            "letter.kpis[1].display_name", "letter.kpis", "letter.rewards"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  request = Draft();
  *request.mutable_letter()->mutable_period() =
      Range(absl::CivilDay(2017, 12, 31), absl::CivilDay(2018, 3, 31));
  EXPECT_THAT(Create(mia_, request), NamesField("letter.period"));
  request = Draft();
  request.mutable_letter()->mutable_targets(0)->set_node(bert_node_);
  EXPECT_THAT(Create(mia_, request), Fails(StatusCode::kFailedPrecondition, "NOT_THEIR_TARGET"));
  request.mutable_letter()->mutable_targets(0)->set_node("plans/y/nodes/none");
  EXPECT_THAT(Create(mia_, request), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request = Draft();
  request.mutable_letter()->set_member("members/nobody");
  EXPECT_THAT(Create(mia_, request), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
}

TEST_F(LetterServiceTest, ALeaderAnswersForTheUnit) {
  v1::CreateLetterRequest request = Draft("mia-2018");
  request.mutable_letter()->set_member("members/mia");
  request.mutable_letter()->mutable_targets(0)->set_node("plans/y/nodes/root");  // Of west.
  EXPECT_THAT(Create(mia_, request), Fails(StatusCode::kPermissionDenied, "MAY_NOT_DRAFT"));
  const auto draft = Create(zoe_, request);
  ASSERT_THAT(draft, IsOk());
  ASSERT_THAT(Sign(mia_, draft->content_hash(), "mia-2018"), IsOk());
  EXPECT_THAT(Sign(mia_, draft->content_hash(), "mia-2018"),
              Fails(StatusCode::kFailedPrecondition, "WRONG_LETTER_STATE"));
  EXPECT_EQ(Sign(zoe_, draft->content_hash(), "mia-2018")->state(), v1::Letter::SIGNED);
}

TEST_F(LetterServiceTest, APlanThatMovesOnIsReadAnew) {
  const auto draft = Create(mia_, Draft());
  ASSERT_THAT(draft, IsOk());
  ASSERT_THAT(Adjust(anna_node_, 500), IsOk());
  EXPECT_THAT(Sign(anna_, draft->content_hash()),
              Fails(StatusCode::kFailedPrecondition, "LETTER_OUTDATED"));
  v1::UpdateLetterRequest update;
  update.mutable_letter()->set_name(draft->name());
  update.set_etag(draft->etag());
  const auto updated = Do(&Stub::UpdateLetter, *letters_, mia_, update);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->targets(0).target_units(), 500);
  EXPECT_NE(updated->content_hash(), draft->content_hash());
  EXPECT_THAT(Do(&Stub::UpdateLetter, *letters_, mia_, update),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  EXPECT_THAT(Sign(anna_, draft->content_hash()),
              Fails(StatusCode::kInvalidArgument, "OTHER_CONTENT"));
  ASSERT_THAT(Sign(anna_, updated->content_hash()), IsOk());
  // Between the signatures: the letter is given up, and a new one written.
  ASSERT_THAT(Adjust(anna_node_, 550), IsOk());
  EXPECT_THAT(Sign(mia_, updated->content_hash()),
              Fails(StatusCode::kFailedPrecondition, "LETTER_OUTDATED"));
  v1::WithdrawLetterRequest withdraw;
  withdraw.set_name(draft->name());
  EXPECT_THAT(Do(&Stub::WithdrawLetter, *letters_, mia_, withdraw), NamesField("reason"));
  withdraw.set_reason("目标已调整");
  const auto withdrawn = Do(&Stub::WithdrawLetter, *letters_, mia_, withdraw);
  ASSERT_THAT(withdrawn, IsOk());
  EXPECT_EQ(withdrawn->state(), v1::Letter::WITHDRAWN);
  EXPECT_EQ(withdrawn->content_hash(), updated->content_hash());
}

TEST_F(LetterServiceTest, VerifiedLater) {
  const auto draft = Create(mia_, Draft());
  ASSERT_THAT(draft, IsOk());
  EXPECT_FALSE(Verify(anna_)->valid());  // Not signed.
  ASSERT_THAT(Sign(anna_, draft->content_hash()), IsOk());
  ASSERT_THAT(Sign(mia_, draft->content_hash()), IsOk());
  auto answer = Verify(anna_);
  ASSERT_THAT(answer, IsOk());
  EXPECT_TRUE(answer->valid());
  EXPECT_TRUE(answer->current());
  EXPECT_EQ(answer->content_hash(), draft->content_hash());
  EXPECT_EQ(HashOf(answer->canonical_text()), draft->content_hash());
  EXPECT_FALSE(answer->has_presented_hash_matches());

  v1::VerifyLetterRequest presented;
  presented.set_presented_hash(draft->content_hash());
  presented.set_presented_text(answer->canonical_text());
  EXPECT_TRUE(Verify(anna_, presented)->valid());
  presented.set_presented_text(
      absl::StrReplaceAll(answer->canonical_text(), {{"年薪 10%", "年薪 20%"}}));
  const auto forged = Verify(anna_, presented);
  EXPECT_FALSE(forged->valid());
  EXPECT_TRUE(forged->presented_hash_matches());
  EXPECT_FALSE(forged->presented_text_matches());
  EXPECT_TRUE(forged->content_intact());
  presented.set_presented_hash("abc");
  EXPECT_THAT(Verify(anna_, presented), NamesField("presented_hash"));

  // A plan that moves on does not make it invalid.
  ASSERT_THAT(Adjust(anna_node_, 500), IsOk());
  answer = Verify(anna_);
  EXPECT_TRUE(answer->valid());
  EXPECT_FALSE(answer->current());
  ASSERT_EQ(answer->differences_size(), 1);
  EXPECT_EQ(answer->differences(0).letter_units(), 600);
  EXPECT_EQ(answer->differences(0).signed_version_units(), 600);
  EXPECT_EQ(answer->differences(0).newest_units(), 500);

  // Whoever writes into the database is found out.
  Write("UPDATE plan_node_history SET target_units = 999 WHERE target_units = 600");
  answer = Verify(anna_);
  EXPECT_FALSE(answer->valid());
  EXPECT_TRUE(answer->content_intact());
  EXPECT_FALSE(answer->plan_agrees());
  EXPECT_EQ(answer->differences(0).signed_version_units(), 999);
  Write("UPDATE plan_node_history SET target_units = 600 WHERE target_units = 999");
  Write("UPDATE letters SET rewards = '年薪 90%'");
  answer = Verify(anna_);
  EXPECT_FALSE(answer->valid());
  EXPECT_FALSE(answer->content_intact());
  EXPECT_FALSE(answer->signatures_intact());
  // Also who writes a new hash with it.
  Write(absl::StrCat("UPDATE letters SET content_hash = '", answer->content_hash(), "'"));
  answer = Verify(anna_);
  EXPECT_TRUE(answer->content_intact());
  EXPECT_FALSE(answer->signatures_intact());
  EXPECT_FALSE(answer->valid());
}

TEST_F(LetterServiceTest, TwoSignersOneSignsFirst) {
  const auto draft = Create(mia_, Draft());
  ASSERT_THAT(draft, IsOk());
  ASSERT_THAT(Sign(anna_, draft->content_hash()), IsOk());
  std::vector<absl::StatusOr<v1::Letter>> results(4, absl::UnknownError(""));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back(
        [&, i] { results[i] = Sign(i % 2 == 0 ? mia_ : zoe_, draft->content_hash()); });
  }
  for (std::thread& thread : threads) thread.join();
  int won = 0;
  for (const auto& result : results) {
    won += result.ok();
    EXPECT_EQ(status::ReasonOf(result.status()), result.ok() ? "" : "WRONG_LETTER_STATE");
  }
  EXPECT_EQ(won, 1);
}

}  // namespace
}  // namespace milepost::target
