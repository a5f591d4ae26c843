#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "target-svc/domain/commitment.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/plan.h"

// Commitment letters. Ids are bare. Pure functions.
namespace milepost::target {

enum class LetterState { kDraft = 1, kOwnerSigned = 2, kSigned = 3, kWithdrawn = 4 };

inline constexpr size_t kMaxLetterTargets = 100;
inline constexpr size_t kMaxLetterKpis = 50;
inline constexpr size_t kMaxRewards = 4'000;

// A target as it was when it was written into the letter.
struct LetterTarget {
  std::string node_id;
  std::string display_name;
  Scope scope;
  int64_t target_units = 0;

  friend bool operator==(const LetterTarget&, const LetterTarget&) = default;
};

struct LetterKpi {
  std::string display_name;
  int64_t weight_ppm = 0;
  std::string metric_id;
  std::string description;

  friend bool operator==(const LetterKpi&, const LetterKpi&) = default;
};

struct LetterSignature {
  std::string member_id;
  absl::Time sign_time;
  std::string content_hash;
};

struct Letter {
  std::string plan_id;
  std::string id;
  std::string member_id;
  std::string title;
  int64_t plan_version = 0;
  std::string metric_id;
  std::string currency_code;
  DayRange period;
  std::vector<LetterTarget> targets;
  std::vector<LetterKpi> kpis;
  std::string rewards;
  LetterState state = LetterState::kDraft;
  std::string drafter_id;
  std::string content_hash;
  std::optional<LetterSignature> owner_signature;
  std::optional<LetterSignature> manager_signature;
  std::string withdraw_reason;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;

  std::string Name() const { return "plans/" + plan_id + "/letters/" + id; }
};

// The text that the hash is of, as the API describes it: everything that is signed, and nothing
// else.
std::string CanonicalText(const Letter& letter);
// SHA-256 in 64 hexadecimal digits.
std::string HashOf(const std::string& text);

// Whether the weights of KPIs add up to 1,000,000 ppm; there may be none.
bool WeightsAddUp(const std::vector<LetterKpi>& kpis);

// What one verb works on: the plan, whose letter it is, and who acts.
struct LetterCase {
  const Plan& plan;
  const TargetOwner& owner;
  const Actor& actor;
  absl::Time now;
};

// OK if the actor may write a letter for the owner now.
absl::Status CheckDraft(const Letter& letter, const LetterCase& c);
// The letter with the targets as the plan has them now. NOT_THEIR_TARGET if one of the nodes is
// neither the member's nor that of a unit in `own_units`, which the member itself leads.
absl::StatusOr<Letter> WithTargets(Letter letter, const Plan& plan, const std::vector<Node>& nodes,
                                   const Actor& member);

// A new draft, or one with new content; the content is in the letter already.
absl::StatusOr<Letter> ApplyDraft(Letter letter, const LetterCase& c);
// `nodes` are those of the targets as they are now; `seen_hash` is what the signer wants to sign.
absl::StatusOr<Letter> ApplySign(Letter letter, const LetterCase& c, const std::string& seen_hash,
                                 const std::vector<Node>& nodes);
absl::StatusOr<Letter> ApplyWithdrawLetter(Letter letter, const LetterCase& c,
                                           const std::string& reason);

}  // namespace milepost::target
