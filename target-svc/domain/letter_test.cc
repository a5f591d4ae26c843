#include "target-svc/domain/letter.h"

#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::target {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'500'000'000);

Node Target(const std::string& id, const std::string& member, int64_t units) {
  Node node;
  node.plan_id = "p";
  node.id = id;
  node.display_name = "成员 " + id;
  node.scope = {{absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 12, 31)}, "west", member};
  node.target_units = units;
  return node;
}

struct World {
  Plan plan;
  TargetOwner owner{"anna", "", "west"};
  std::vector<Node> nodes{Target("n1", "anna", 400)};
  Letter letter;

  World() {
    plan.id = "p";
    plan.metric_id = "revenue";
    plan.currency_code = "CNY";
    plan.state = PlanState::kApproved;
    plan.version = 7;
    letter.plan_id = "p";
    letter.id = "l";
    letter.member_id = "anna";
    letter.title = "目标责任书";
    letter.period = {absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 12, 31)};
    letter.targets = {{.node_id = "n1"}};
    letter.kpis = {{"销售额", 700'000, "revenue", "按月"}, {"满意度", 300'000, "", ""}};
    letter.rewards = "达成奖 1%\n超额奖 \\ 2%";
  }
  LetterCase Case(const Actor& actor) const { return {plan, owner, actor, kNow}; }
  // Drafted by mia.
  Letter Draft() const {
    Letter draft = *WithTargets(letter, plan, nodes, {.member_id = "anna"});
    return *ApplyDraft(std::move(draft), Case(Mia()));
  }
  static Actor Mia() {
    return {.member_id = "mia", .manager = true, .led_units = {"west"}, .own_units = {"west"}};
  }
};

const Actor kAnna{.member_id = "anna"};
const Actor kSam{.member_id = "sam", .admin = true};
const Actor kMax{.member_id = "max", .manager = true, .led_units = {"east"}};

std::string Reason(const absl::Status& status) {
  return status.ok() ? "OK" : status::ReasonOf(status);
}

TEST(LetterTest, TheCanonicalTextIsWhatTheApiSays) {
  const World world;
  EXPECT_EQ(CanonicalText(world.Draft()),
            "format=milepost-letter-1\n"
            "letter=plans/p/letters/l\n"
            "title=目标责任书\n"
            "plan=plans/p\n"
            "plan_version=7\n"
            "metric=metrics/revenue\n"
            "currency_code=CNY\n"
            "member=members/anna\n"
            "first_date=2018-01-01\n"
            "last_date=2018-12-31\n"
            "targets=1\n"
            "target.1.node=plans/p/nodes/n1\n"
            "target.1.display_name=成员 n1\n"
            "target.1.first_date=2018-01-01\n"
            "target.1.last_date=2018-12-31\n"
            "target.1.unit=units/west\n"
            "target.1.member=members/anna\n"
            "target.1.product=\n"
            "target.1.channel=\n"
            "target.1.region=\n"
            "target.1.customer=\n"
            "target.1.target_units=400\n"
            "kpis=2\n"
            "kpi.1.display_name=销售额\n"
            "kpi.1.weight_ppm=700000\n"
            "kpi.1.metric=metrics/revenue\n"
            "kpi.1.description=按月\n"
            "kpi.2.display_name=满意度\n"
            "kpi.2.weight_ppm=300000\n"
            "kpi.2.metric=\n"
            "kpi.2.description=\n"
            "rewards=达成奖 1%\\n超额奖 \\\\ 2%\n");
  // As `printf abc | sha256sum` says.
  EXPECT_EQ(HashOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(LetterTest, EveryPartOfTheContentIsInTheHash) {
  const World world;
  const Letter draft = world.Draft();
  const auto changed = [&](auto change) {
    Letter other = draft;
    change(other);
    return HashOf(CanonicalText(other)) != draft.content_hash;
  };
  EXPECT_TRUE(changed([](Letter& l) { l.id = "m"; }));
  EXPECT_TRUE(changed([](Letter& l) { l.member_id = "bert"; }));
  EXPECT_TRUE(changed([](Letter& l) { l.title += " "; }));
  EXPECT_TRUE(changed([](Letter& l) { ++l.plan_version; }));
  EXPECT_TRUE(changed([](Letter& l) { ++l.period.last; }));
  EXPECT_TRUE(changed([](Letter& l) { ++l.targets[0].target_units; }));
  EXPECT_TRUE(changed([](Letter& l) { l.targets[0].scope.region = "north"; }));
  EXPECT_TRUE(changed([](Letter& l) { l.kpis[0].weight_ppm = 1; }));
  EXPECT_TRUE(changed([](Letter& l) { l.kpis.pop_back(); }));
  EXPECT_TRUE(changed([](Letter& l) { l.rewards.clear(); }));
  // Text cannot pose as another line.
  EXPECT_TRUE(changed([](Letter& l) {
    l.kpis[1].description = l.rewards;
    l.rewards.clear();
  }));
  // Where it stands is not content.
  EXPECT_FALSE(changed([](Letter& l) { l.state = LetterState::kSigned; }));
  EXPECT_FALSE(changed([](Letter& l) { l.withdraw_reason = "why"; }));
}

TEST(LetterTest, OwnerThenManagerAndNothingAfter) {
  const World world;
  const Letter draft = world.Draft();
  const std::string& hash = draft.content_hash;
  EXPECT_EQ(Reason(ApplySign(draft, world.Case(World::Mia()), hash, world.nodes).status()),
            "WRONG_LETTER_STATE");
  EXPECT_EQ(Reason(ApplySign(draft, world.Case(kMax), hash, world.nodes).status()), "MAY_NOT_SIGN");
  EXPECT_EQ(Reason(ApplySign(draft, world.Case(kAnna), HashOf(""), world.nodes).status()),
            "OTHER_CONTENT");
  const auto half = ApplySign(draft, world.Case(kAnna), hash, world.nodes);
  ASSERT_TRUE(half.ok()) << half.status();
  EXPECT_EQ(half->state, LetterState::kOwnerSigned);
  EXPECT_EQ(half->owner_signature->content_hash, hash);
  EXPECT_EQ(Reason(ApplyDraft(*half, world.Case(World::Mia())).status()), "WRONG_LETTER_STATE");
  EXPECT_EQ(Reason(ApplySign(*half, world.Case(kAnna), hash, world.nodes).status()),
            "WRONG_LETTER_STATE");
  const auto whole = ApplySign(*half, world.Case(World::Mia()), hash, world.nodes);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->state, LetterState::kSigned);
  EXPECT_EQ(whole->manager_signature->member_id, "mia");
  for (const Actor& actor : {kAnna, World::Mia(), kSam}) {
    EXPECT_FALSE(ApplySign(*whole, world.Case(actor), hash, world.nodes).ok());
    EXPECT_FALSE(ApplyDraft(*whole, world.Case(actor)).ok());
    EXPECT_FALSE(ApplyWithdrawLetter(*whole, world.Case(actor), "why").ok());
  }
  EXPECT_TRUE(ApplyWithdrawLetter(*half, world.Case(World::Mia()), "why").ok());
  EXPECT_EQ(Reason(ApplyWithdrawLetter(*half, world.Case(kAnna), "why").status()), "MAY_NOT_DRAFT");
}

TEST(LetterTest, NobodySignsWhatIsNoLongerTrue) {
  World world;
  const Letter draft = world.Draft();
  world.nodes[0].target_units = 401;
  EXPECT_EQ(Reason(ApplySign(draft, world.Case(kAnna), draft.content_hash, world.nodes).status()),
            "LETTER_OUTDATED");
  EXPECT_EQ(Reason(ApplySign(draft, world.Case(kAnna), draft.content_hash, {}).status()),
            "LETTER_OUTDATED");
  world = World();
  Letter tampered = draft;
  tampered.rewards = "加倍";
  EXPECT_EQ(
      Reason(ApplySign(tampered, world.Case(kAnna), draft.content_hash, world.nodes).status()),
      "LETTER_TAMPERED");
  for (const PlanState state : {PlanState::kDraft, PlanState::kSubmitted, PlanState::kClosed}) {
    world.plan.state = state;
    EXPECT_EQ(Reason(ApplySign(draft, world.Case(kAnna), draft.content_hash, world.nodes).status()),
              "WRONG_PLAN_STATE");
    EXPECT_EQ(Reason(CheckDraft(draft, world.Case(World::Mia()))), "WRONG_PLAN_STATE");
  }
}

TEST(LetterTest, TargetsAreTheMembersOwn) {
  World world;
  const Actor anna{.member_id = "anna"};
  const Actor leading{.member_id = "anna", .own_units = {"west"}};
  world.nodes = {Target("n1", "bert", 400)};
  EXPECT_EQ(Reason(WithTargets(world.letter, world.plan, world.nodes, leading).status()),
            "NOT_THEIR_TARGET");
  world.nodes = {Target("n1", "", 400)};  // Of west.
  EXPECT_EQ(Reason(WithTargets(world.letter, world.plan, world.nodes, anna).status()),
            "NOT_THEIR_TARGET");
  EXPECT_EQ(Reason(WithTargets(world.letter, world.plan, world.nodes, leading).status()), "OK");
  EXPECT_EQ(Reason(WithTargets(world.letter, world.plan, {}, leading).status()),
            "REFERENCE_MISSING");
  EXPECT_EQ(Reason(CheckDraft(world.letter, world.Case(kAnna))), "MAY_NOT_DRAFT");
  EXPECT_EQ(Reason(CheckDraft(world.letter, world.Case(kMax))), "MAY_NOT_DRAFT");
  EXPECT_EQ(Reason(CheckDraft(world.letter, world.Case(kSam))), "OK");
}

}  // namespace
}  // namespace milepost::target
