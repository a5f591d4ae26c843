#include "reporting-svc/domain/record.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace milepost::reporting {
namespace {

constexpr char kWonPrefix[] = "won:";
constexpr char kLostPrefix[] = "lost:";
constexpr char kReturnPrefix[] = "back:";

std::string Credited(const std::string& member) { return member.empty() ? kNobody : member; }

Fact NewFact(Group group, const Opportunity& opportunity, absl::CivilDay day) {
  Fact fact;
  fact.group = group;
  fact.day = day;
  fact.member = Credited(opportunity.credit);
  fact.product = opportunity.product;
  fact.source = opportunity.source;
  fact.region = opportunity.region;
  fact.channel = opportunity.channel;
  return fact;
}

Fact NewFact(Group group, const Order& order, absl::CivilDay day) {
  Fact fact;
  fact.group = group;
  fact.day = day;
  fact.member = Credited(order.credit);
  fact.source = order.source;
  fact.region = order.region;
  fact.channel = order.channel;
  fact.currency = order.currency;
  return fact;
}

void AddStages(const Opportunity& opportunity, std::vector<Fact>& facts) {
  struct Stay {
    int position = 0;
    int64_t seconds = 0;
    int64_t visits_ended = 0;
  };
  std::map<std::string, Stay> stays;
  int furthest = 0;
  for (const StageVisit& visit : opportunity.visits) {
    Stay& stay = stays[visit.stage];
    stay.position = visit.position;
    furthest = std::max(furthest, visit.position);
    if (visit.enter_time && visit.leave_time && *visit.leave_time >= *visit.enter_time) {
      stay.seconds += absl::ToInt64Seconds(*visit.leave_time - *visit.enter_time);
      ++stay.visits_ended;
    }
  }
  for (const auto& [name, stay] : stays) {
    Fact fact = NewFact(Group::kStage, opportunity, opportunity.opened_day);
    fact.sub = StageSub(opportunity.process, name);
    fact.values[stage::kEntered] = 1;
    if (opportunity.state == OpportunityState::kWon || stay.position < furthest) {
      fact.values[stage::kConverted] = 1;
    } else if (opportunity.state == OpportunityState::kLost) {
      fact.values[stage::kLost] = 1;
    } else {
      fact.values[stage::kPending] = 1;
    }
    if (opportunity.state == OpportunityState::kOpen && name == opportunity.stage)
      fact.values[stage::kCurrent] = 1;
    fact.values[stage::kSeconds] = stay.seconds;
    fact.values[stage::kVisitsEnded] = stay.visits_ended;
    facts.push_back(std::move(fact));
  }
}

// Adds up what is the same product, so that an order has one fact per product.
class OrderFacts {
 public:
  // `sub` is empty, or that of a return.
  OrderFacts(const Order& order, absl::CivilDay day, std::string sub = "")
      : order_(order), day_(day), sub_(std::move(sub)) {}

  void Add(const OrderLine& line, int64_t quantity) {
    Values& values = by_product_[line.product];
    values[order::kRevenue] += quantity * line.unit_price_minor_units;
    values[order::kGrossProfit] +=
        quantity * (line.unit_price_minor_units - line.unit_cost_minor_units);
  }

  // `orders` is what the whole counts as: 1 for an order, -1 for a cancellation, 0 for a return.
  void Finish(int64_t orders, std::vector<Fact>& facts) const {
    bool first = true;
    for (const auto& [product, values] : by_product_) {
      Fact fact = NewFact(Group::kOrder, order_, day_);
      fact.sub = sub_;
      fact.product = product;
      fact.values = values;
      fact.values[order::kOrders] = first ? orders : 0;
      fact.values[order::kProductOrders] = orders;
      first = false;
      facts.push_back(std::move(fact));
    }
  }

 private:
  const Order& order_;
  const absl::CivilDay day_;
  const std::string sub_;
  std::map<std::string, Values> by_product_;
};

}  // namespace

std::string StageSub(const std::string& process, const std::string& stage) {
  return absl::StrCat(process, "/", stage);
}

std::string ReasonSub(bool won, const std::string& reason) {
  return absl::StrCat(won ? kWonPrefix : kLostPrefix, reason);
}

std::pair<std::string, std::string> ParseStageSub(const std::string& sub) {
  const size_t slash = sub.find('/');
  if (slash == std::string::npos) return {"", sub};
  return {sub.substr(0, slash), sub.substr(slash + 1)};
}

std::pair<bool, std::string> ParseReasonSub(const std::string& sub) {
  if (absl::StartsWith(sub, kWonPrefix)) return {true, sub.substr(sizeof(kWonPrefix) - 1)};
  if (absl::StartsWith(sub, kLostPrefix)) return {false, sub.substr(sizeof(kLostPrefix) - 1)};
  return {false, sub};
}

std::string ReturnSub(std::optional<absl::CivilDay> origin_day) {
  return absl::StrCat(kReturnPrefix, origin_day ? absl::FormatCivilTime(*origin_day) : "");
}

std::optional<absl::CivilDay> ParseReturnSub(const std::string& sub) {
  absl::CivilDay day;
  if (!absl::StartsWith(sub, kReturnPrefix) ||
      !absl::ParseCivilTime(sub.substr(sizeof(kReturnPrefix) - 1), &day)) {
    return std::nullopt;
  }
  return day;
}

std::vector<Fact> FactsOf(const Opportunity& opportunity) {
  std::vector<Fact> facts;
  Fact opening = NewFact(Group::kOpened, opportunity, opportunity.opened_day);
  opening.sub = opportunity.process;
  opening.values[opened::kOpened] = 1;
  opening.values[opened::kOpen] = opportunity.state == OpportunityState::kOpen ? 1 : 0;
  opening.values[opened::kWon] = opportunity.state == OpportunityState::kWon ? 1 : 0;
  opening.values[opened::kLost] = opportunity.state == OpportunityState::kLost ? 1 : 0;
  facts.push_back(std::move(opening));
  AddStages(opportunity, facts);
  if (opportunity.state == OpportunityState::kOpen || !opportunity.close_day) return facts;

  const bool won = opportunity.state == OpportunityState::kWon;
  Fact closing = NewFact(Group::kClosed, opportunity, *opportunity.close_day);
  closing.sub = ReasonSub(won, opportunity.close_reason);
  closing.currency = opportunity.currency;
  closing.values[won ? closed::kWon : closed::kLost] = 1;
  closing.values[won ? closed::kWonAmount : closed::kLostAmount] = opportunity.amount_minor_units;
  facts.push_back(std::move(closing));
  if (won && opportunity.engage_day && *opportunity.engage_day <= *opportunity.close_day) {
    Fact took = NewFact(Group::kCycle, opportunity, *opportunity.close_day);
    took.sub = absl::StrCat(*opportunity.close_day - *opportunity.engage_day);
    took.values[cycle::kCount] = 1;
    facts.push_back(std::move(took));
  }
  return facts;
}

std::vector<Fact> FactsOf(const Order& order) {
  std::vector<Fact> facts;
  if (order.firm_day) {
    OrderFacts ordered(order, *order.firm_day);
    for (const OrderLine& line : order.lines) ordered.Add(line, line.quantity);
    ordered.Finish(1, facts);
    for (const OrderReversal& reversal : order.reversals) {
      OrderFacts reversed(order, reversal.day, ReturnSub(order.firm_day));
      for (const OrderReversal::Line& back : reversal.lines) {
        for (const OrderLine& line : order.lines) {
          if (line.number == back.number) reversed.Add(line, -back.quantity);
        }
      }
      reversed.Finish(reversal.cancellation ? -1 : 0, facts);
    }
  }
  for (const Collection& received : order.collections) {
    Fact fact = NewFact(Group::kCollection, order, received.day);
    fact.values[collection::kAmount] = received.amount_minor_units;
    fact.values[collection::kCount] = 1;
    if (received.amount_minor_units < 0) fact.sub = ReturnSub(std::nullopt);
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::vector<Fact> FactsOf(const Customer& customer) {
  Fact fact;
  fact.group = Group::kCustomer;
  fact.day = customer.since_day;
  fact.member = Credited(customer.credit);
  fact.source = customer.source;
  fact.region = customer.region;
  fact.channel = customer.channel;
  fact.values[new_customer::kNew] = 1;
  return {fact};
}

std::vector<Fact> FactsOf(const Interaction& interaction) {
  if (!interaction.done_day) return {};
  Fact fact;
  fact.group = Group::kInteraction;
  fact.day = *interaction.done_day;
  fact.member = Credited(interaction.credit);
  fact.values[interaction::kDone] = 1;
  fact.values[interaction::kVisits] = interaction.visit ? 1 : 0;
  return {fact};
}

}  // namespace milepost::reporting
