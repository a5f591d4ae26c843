#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "reporting-svc/domain/fact.h"

// The records of other services as far as reports need them, and what each contributes to the
// ledger. Pure: the same record always gives the same facts in the same order.
namespace milepost::reporting {

enum class OpportunityState { kOpen, kWon, kLost };

struct StageVisit {
  std::string stage;
  int position = 0;
  std::optional<absl::Time> enter_time;
  std::optional<absl::Time> leave_time;
};

struct Opportunity {
  std::string id;
  std::string credit;  // Member id that is credited; empty for nobody.
  std::string product;
  std::string source;
  std::string region;
  std::string channel;
  std::string currency;
  int64_t amount_minor_units = 0;
  OpportunityState state = OpportunityState::kOpen;
  std::string process;
  std::string stage;
  std::vector<StageVisit> visits;
  absl::CivilDay opened_day;                 // The day that its cohort is known by.
  std::optional<absl::CivilDay> engage_day;  // Cycles count from it.
  std::optional<absl::CivilDay> close_day;
  std::string close_reason;
};

struct OrderLine {
  int number = 0;
  std::string product;
  int64_t quantity = 0;
  int64_t unit_price_minor_units = 0;
  int64_t unit_cost_minor_units = 0;
};

struct OrderReversal {
  absl::CivilDay day;
  bool cancellation = false;
  struct Line {
    int number = 0;
    int64_t quantity = 0;
  };
  std::vector<Line> lines;
};

struct Collection {
  absl::CivilDay day;
  int64_t amount_minor_units = 0;  // Below 0 if given back.
};

struct Order {
  std::string id;
  std::string credit;
  std::string source;
  std::string region;
  std::string channel;
  std::string currency;
  std::optional<absl::CivilDay>
      firm_day;  // The day that it counts; none while it is only a preliminary agreement.
  std::vector<OrderLine> lines;
  std::vector<OrderReversal> reversals;
  std::vector<Collection> collections;
};

struct Customer {
  std::string id;
  std::string credit;
  std::string source;
  std::string region;
  std::string channel;
  absl::CivilDay since_day;
};

struct Interaction {
  std::string id;
  std::string credit;
  bool visit = false;
  std::optional<absl::CivilDay> done_day;
};

// At most so many, by the limits of the services that own the records (200 stage visits; 200 lines,
// 500 collections).
std::vector<Fact> FactsOf(const Opportunity& opportunity);
std::vector<Fact> FactsOf(const Order& order);
std::vector<Fact> FactsOf(const Customer& customer);
std::vector<Fact> FactsOf(const Interaction& interaction);

// `sub` of facts about stages and closings.
std::string StageSub(const std::string& process, const std::string& stage);
std::string ReasonSub(bool won, const std::string& reason);
// Read back: process and stage, or won and reason.
std::pair<std::string, std::string> ParseStageSub(const std::string& sub);
std::pair<bool, std::string> ParseReasonSub(const std::string& sub);
// `sub` of what came back: the day of what it was, if that is known; and back, nullopt also for
// what did not come back.
std::string ReturnSub(std::optional<absl::CivilDay> origin_day);
std::optional<absl::CivilDay> ParseReturnSub(const std::string& sub);

}  // namespace milepost::reporting
