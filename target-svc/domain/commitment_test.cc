#include "target-svc/domain/commitment.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'500'000'000);

// Plan p has west with anna; anna is led by mia, mia by zoe; sam administers.
struct World {
  Plan plan;
  Node node;
  TargetOwner owner{"anna", "", "west"};

  World() {
    plan.id = "p";
    plan.commitment_policy = CommitmentPolicy::kOpen;
    node.plan_id = "p";
    node.id = "n1";
    node.target_units = 100;
  }
  CommitmentCase Case(const Actor& actor) const { return {plan, node, owner, actor, kNow}; }
};

const Actor kAnna{.member_id = "anna"};
const Actor kBert{.member_id = "bert"};
const Actor kMia{.member_id = "mia", .manager = true, .led_units = {"west"}, .own_units = {"west"}};
const Actor kZoe{.member_id = "zoe",
                 .manager = true,
                 .led_units = {"company", "west", "east"},
                 .own_units = {"company"},
                 .leads_top = true};
const Actor kMax{.member_id = "max", .manager = true, .led_units = {"east"}, .own_units = {"east"}};
const Actor kSam{.member_id = "sam", .admin = true};

Commitment In(CommitmentState state) {
  Commitment commitment;
  commitment.plan_id = "p";
  commitment.node_id = "n1";
  commitment.member_id = "anna";
  commitment.state = state;
  commitment.committed_units = 80;
  if (state == CommitmentState::kCountered) commitment.counter_units = 90;
  if (state != CommitmentState::kProposed) commitment.decider_id = "mia";
  commitment.version = 3;
  return commitment;
}

struct Verb {
  std::string name;
  Actor actor;  // Who may.
  std::function<absl::StatusOr<Commitment>(Commitment, const CommitmentCase&)> apply;
  std::vector<CommitmentState> from;
  CommitmentState to;
  int64_t value;
};

std::vector<Verb> Verbs() {
  using enum CommitmentState;
  return {
      {"Propose",
       kAnna,
       [](Commitment c, const CommitmentCase& in) { return ApplyPropose(c, in, 85, "n"); },
       {kProposed, kCountered, kAccepted, kRejected},
       kProposed,
       85},
      {"Accept",
       kMia,
       [](Commitment c, const CommitmentCase& in) { return ApplyAccept(c, in, "n"); },
       {kProposed},
       kAccepted,
       80},
      {"Counter",
       kMia,
       [](Commitment c, const CommitmentCase& in) { return ApplyCounter(c, in, 95, "n"); },
       {kProposed},
       kCountered,
       80},
      {"Reject",
       kMia,
       [](Commitment c, const CommitmentCase& in) { return ApplyReject(c, in, "n"); },
       {kProposed},
       kRejected,
       80},
      {"AcceptCounter",
       kAnna,
       [](Commitment c, const CommitmentCase& in) { return ApplyAcceptCounter(c, in, "n"); },
       {kCountered},
       kAccepted,
       90},
  };
}

TEST(CommitmentTest, EveryStateAndVerb) {
  const World world;
  for (const Verb& verb : Verbs()) {
    for (const CommitmentState state : {CommitmentState::kProposed, CommitmentState::kCountered,
                                        CommitmentState::kAccepted, CommitmentState::kRejected}) {
      SCOPED_TRACE(verb.name + " from " + std::to_string(static_cast<int>(state)));
      const auto result = verb.apply(In(state), world.Case(verb.actor));
      const bool allowed = std::find(verb.from.begin(), verb.from.end(), state) != verb.from.end();
      ASSERT_EQ(result.ok(), allowed) << result.status();
      if (!allowed) {
        EXPECT_EQ(status::ReasonOf(result.status()), "WRONG_COMMITMENT_STATE");
        continue;
      }
      EXPECT_EQ(result->state, verb.to);
      EXPECT_EQ(result->committed_units, verb.value);
      EXPECT_EQ(result->counter_units.has_value(), verb.to == CommitmentState::kCountered);
      EXPECT_EQ(result->update_time, kNow);
      ASSERT_EQ(result->steps.size(), 1u);
      EXPECT_EQ(result->steps[0].target_units, 100);
      EXPECT_EQ(result->steps[0].member_id, verb.actor.member_id);
      EXPECT_EQ(result->steps[0].note, "n");
    }
  }
}

TEST(CommitmentTest, OnlyWhilePlansAreMadeAndAskForIt) {
  for (const Verb& verb : Verbs()) {
    const CommitmentState from = verb.from.front();
    for (const PlanState state : {PlanState::kDraft, PlanState::kSubmitted, PlanState::kApproved,
                                  PlanState::kActive, PlanState::kClosed}) {
      World world;
      world.plan.state = state;
      const auto result = verb.apply(In(from), world.Case(verb.actor));
      const bool open = state == PlanState::kDraft || state == PlanState::kSubmitted;
      EXPECT_EQ(result.ok(), open) << verb.name;
      EXPECT_EQ(status::ReasonOf(result.status()), open ? "" : "WRONG_PLAN_STATE");
    }
    World world;
    world.plan.commitment_policy = CommitmentPolicy::kClosed;
    EXPECT_EQ(status::ReasonOf(verb.apply(In(from), world.Case(verb.actor)).status()),
              "COMMITMENTS_CLOSED");
  }
}

TEST(CommitmentTest, WhoMay) {
  World world;
  const auto reason = [&](const char* name, const Actor& actor) {
    for (const Verb& verb : Verbs()) {
      if (verb.name != name) continue;
      const auto result = verb.apply(In(verb.from.front()), world.Case(actor));
      return result.ok() ? std::string("OK") : status::ReasonOf(result.status());
    }
    return std::string("?");
  };
  // A member's target: the member commits, whoever leads it decides.
  EXPECT_EQ(reason("Propose", kAnna), "OK");
  for (const Actor& actor : {kBert, kMia, kZoe, kSam}) {
    EXPECT_EQ(reason("Propose", actor), "MAY_NOT_COMMIT") << actor.member_id;
    EXPECT_EQ(reason("AcceptCounter", actor), "MAY_NOT_COMMIT") << actor.member_id;
  }
  for (const char* verb : {"Accept", "Counter", "Reject"}) {
    EXPECT_EQ(reason(verb, kAnna), "OWN_COMMITMENT");
    EXPECT_EQ(reason(verb, kBert), "MAY_NOT_DECIDE");
    EXPECT_EQ(reason(verb, kMax), "MAY_NOT_DECIDE");
    for (const Actor& actor : {kMia, kZoe, kSam}) EXPECT_EQ(reason(verb, actor), "OK");
  }
  // A leader's own target is decided above, although it leads the unit that the target is in.
  world.owner = {"mia", "", "west"};
  EXPECT_EQ(reason("Propose", kMia), "OK");
  EXPECT_EQ(reason("Accept", kMia), "OWN_COMMITMENT");
  EXPECT_EQ(reason("Accept", kZoe), "OK");
  // A unit's target: who leads that unit itself commits.
  world.owner = {"", "west", "company"};
  EXPECT_EQ(reason("Propose", kMia), "OK");
  EXPECT_EQ(reason("Propose", kZoe), "MAY_NOT_COMMIT");
  EXPECT_EQ(reason("Accept", kMia), "OWN_COMMITMENT");
  EXPECT_EQ(reason("Accept", kMax), "MAY_NOT_DECIDE");
  EXPECT_EQ(reason("Accept", kZoe), "OK");
  // Nobody leads the company's leader: administrators decide.
  world.owner = {"", "company", ""};
  EXPECT_EQ(reason("Propose", kZoe), "OK");
  EXPECT_EQ(reason("Accept", kZoe), "OWN_COMMITMENT");
  EXPECT_EQ(reason("Accept", kMia), "MAY_NOT_DECIDE");
  EXPECT_EQ(reason("Accept", kSam), "OK");
  world.owner = {};
  EXPECT_EQ(reason("Propose", kZoe), "OK");
  EXPECT_EQ(reason("Propose", kMia), "MAY_NOT_COMMIT");
  EXPECT_EQ(reason("Accept", kSam), "OK");
  // Who committed and has become the leader since does not decide on it, nor takes an own counter.
  world.owner = {"bert", "", "west"};
  Commitment commitment = In(CommitmentState::kProposed);
  commitment.member_id = "mia";
  EXPECT_EQ(status::ReasonOf(ApplyAccept(commitment, world.Case(kMia), "").status()),
            "OWN_COMMITMENT");
  commitment = In(CommitmentState::kCountered);
  commitment.decider_id = "bert";
  EXPECT_EQ(status::ReasonOf(ApplyAcceptCounter(commitment, world.Case(kBert), "").status()),
            "OWN_COMMITMENT");
}

TEST(CommitmentTest, TalksDoNotGoOnForEver) {
  const World world;
  absl::StatusOr<Commitment> commitment = Commitment();
  for (size_t i = 0; i < kMaxCommitmentSteps; ++i) {
    commitment = ApplyPropose(*commitment, world.Case(kAnna), static_cast<int64_t>(i), "");
    ASSERT_TRUE(commitment.ok());
  }
  EXPECT_EQ(commitment->steps.front().value_units, 0);
  EXPECT_EQ(status::ReasonOf(ApplyPropose(*commitment, world.Case(kAnna), 1, "").status()),
            "TOO_MANY_STEPS");
}

Node Make(const std::string& id, const std::string& parent, const std::string& breakdown,
          int64_t target) {
  Node node;
  node.id = id;
  node.parent_id = parent;
  node.breakdown_id = breakdown;
  node.target_units = target;
  return node;
}

// 100 by unit (west 60 = anna 40 + bert 20, east 40) and by product (a 100).
std::vector<Node> Sample() {
  return {Make("root", "", "", 100),          Make("west", "root", "unit", 60),
          Make("anna", "west", "member", 40), Make("bert", "west", "member", 20),
          Make("east", "root", "unit", 40),   Make("a", "root", "product", 100)};
}

std::vector<std::string> Uncommitted(const CommittedUnits& agreed) {
  std::vector<std::string> found;
  for (const Violation& violation : FindUncommitted(Sample(), agreed)) {
    found.push_back((violation.kind == ViolationKind::kNotCommitted ? "open " : "under ") +
                    violation.node_id + " " + std::to_string(violation.expected_units) + " " +
                    std::to_string(violation.actual_units));
  }
  return found;
}

TEST(CommitmentTest, WhatIsNotCommittedTo) {
  EXPECT_THAT(Uncommitted({}), ElementsAre("open root 100 0"));
  EXPECT_THAT(Uncommitted({{"root", 100}}), IsEmpty());
  EXPECT_THAT(Uncommitted({{"root", 99}}), ElementsAre("under root 100 99"));
  EXPECT_THAT(Uncommitted({{"anna", 30}}),
              ElementsAre("under anna 40 30", "open bert 20 0", "open east 40 0"));
  EXPECT_THAT(Uncommitted({{"anna", 45}, {"bert", 20}, {"east", 40}}), IsEmpty());
  // Who committed above answers for what is below.
  EXPECT_THAT(Uncommitted({{"west", 60}, {"anna", 10}, {"east", 40}}), IsEmpty());
  // Another breakdown does as well.
  EXPECT_THAT(Uncommitted({{"a", 100}}), IsEmpty());
  EXPECT_THAT(Uncommitted({{"a", 100}, {"bert", 20}}),
              ElementsAre("open anna 40 0", "open east 40 0"));
}

TEST(CommitmentTest, RollUpKnowsFamilies) {
  const PlanRollup rollup = RollUpPlan(Sample(), {{"anna", 30}, {"east", 50}});
  ASSERT_TRUE(rollup.result.ok());
  EXPECT_EQ(rollup.result.nodes[0].committed, 80);
  EXPECT_EQ(rollup.result.nodes[0].gap, 20);
  EXPECT_EQ(rollup.result.nodes[1].committed, 30);
  EXPECT_EQ(rollup.result.nodes[1].open_leaves, 1);
  ASSERT_EQ(rollup.families.size(), 3u);
  EXPECT_EQ(rollup.families[0].breakdown_id, "unit");
  EXPECT_EQ(rollup.result.families[0].committed, 80);
  EXPECT_EQ(rollup.families[1].breakdown_id, "member");
  EXPECT_EQ(rollup.result.families[1].open_target, 20);
}

}  // namespace
}  // namespace milepost::target
