#include "reporting-svc/service/projection.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "milepost/customer/v1/customer.pb.h"
#include "milepost/customer/v1/interaction.pb.h"
#include "milepost/opportunity/v1/opportunity.pb.h"
#include "milepost/opportunity/v1/order.pb.h"
#include "milepost/opportunity/v1/process.pb.h"
#include "milepost/opportunity/v1/product.pb.h"
#include "milepost/opportunity/v1/source.pb.h"
#include "milepost/organization/v1/calendar.pb.h"
#include "milepost/organization/v1/member.pb.h"
#include "milepost/organization/v1/unit.pb.h"
#include "milepost/target/v1/actual.pb.h"
#include "milepost/target/v1/metric.pb.h"
#include "milepost/target/v1/node.pb.h"
#include "milepost/target/v1/plan.pb.h"
#include "platform/types/proto.h"
#include "reporting-svc/domain/errors.h"
#include "reporting-svc/domain/record.h"

namespace milepost::reporting {
namespace {

constexpr int kRowsPerDeletion = 5000;

// Last part of a resource name: `members/anna` → `anna`, `plans/p/nodes/n` → `n`; empty for an
// empty name.
std::string IdIn(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::optional<absl::CivilDay> DayIn(bool has, const type::v1::Date& date) {
  if (!has || date.year() == 0) return std::nullopt;
  return absl::CivilDay(date.year(), date.month(), date.day());
}

std::optional<absl::Time> TimeIn(bool has, const google::protobuf::Timestamp& time) {
  if (!has) return std::nullopt;
  return FromProto(time);
}

std::string ChannelKey(customer::v1::Channel channel) {
  switch (channel) {
    case customer::v1::DIRECT:
      return "direct";
    case customer::v1::ONLINE:
      return "online";
    case customer::v1::DEALER:
      return "dealer";
    case customer::v1::PARTNER:
      return "partner";
    default:
      return "";
  }
}

// What one change makes of a record: whom it is credited to, and its facts.
struct Outcome {
  std::optional<std::string> settled_credit;
  std::vector<Fact> facts;
};

// A closed opportunity stays credited to its owner of that moment, whoever looks after it later.
Outcome OutcomeOf(const opportunity::v1::Opportunity& state, const LedgerRecord& before,
                  absl::TimeZone zone) {
  Opportunity deal;
  Outcome outcome;
  const std::string owner = IdIn(state.owner());
  deal.id = IdIn(state.name());
  switch (state.state()) {
    case opportunity::v1::WON:
      deal.state = OpportunityState::kWon;
      break;
    case opportunity::v1::LOST:
      deal.state = OpportunityState::kLost;
      break;
    default:
      deal.state = OpportunityState::kOpen;
  }
  if (deal.state != OpportunityState::kOpen) {
    outcome.settled_credit = before.settled_credit ? *before.settled_credit : owner;
  }
  deal.credit = outcome.settled_credit ? *outcome.settled_credit : owner;
  deal.product = IdIn(state.product());
  deal.source = IdIn(state.source());
  deal.region = state.region();
  deal.channel = state.channel();
  deal.currency = state.amount().currency_code();
  deal.amount_minor_units = state.amount().minor_units();
  deal.process = IdIn(state.process());
  deal.stage = state.stage();
  for (const opportunity::v1::StageVisit& visit : state.stage_history()) {
    deal.visits.push_back({visit.stage(), visit.position(),
                           TimeIn(visit.has_enter_time(), visit.enter_time()),
                           TimeIn(visit.has_leave_time(), visit.leave_time())});
  }
  if (deal.visits.empty() && !deal.stage.empty())
    deal.visits.push_back({deal.stage, state.stage_position(), {}, {}});
  deal.engage_day = DayIn(state.has_open_date(), state.open_date());
  deal.close_day = DayIn(state.has_close_date(), state.close_date());
  const std::optional<absl::CivilDay> created = DayIn(state.has_create_date(), state.create_date());
  deal.opened_day = deal.engage_day ? *deal.engage_day
                    : created       ? *created
                                    : absl::ToCivilDay(FromProto(state.create_time()), zone);
  deal.close_reason = state.close_reason();
  outcome.facts = FactsOf(deal);
  return outcome;
}

Outcome OutcomeOf(const opportunity::v1::Order& state, const LedgerRecord&, absl::TimeZone) {
  Order order;
  order.id = IdIn(state.name());
  order.credit = IdIn(state.owner());
  order.source = IdIn(state.source());
  order.region = state.region();
  order.channel = state.channel();
  order.currency = state.amount().currency_code();
  order.firm_day = DayIn(state.has_confirm_date(), state.confirm_date());
  for (const opportunity::v1::OrderLine& line : state.lines()) {
    order.lines.push_back({line.line_number(), IdIn(line.product()), line.quantity(),
                           line.unit_price().minor_units(), line.unit_cost().minor_units()});
  }
  for (const opportunity::v1::OrderReversal& reversal : state.reversals()) {
    OrderReversal back;
    back.day =
        DayIn(true, reversal.reverse_date()).value_or(order.firm_day.value_or(absl::CivilDay()));
    back.cancellation = reversal.kind() == opportunity::v1::CANCELLATION;
    for (const opportunity::v1::ReversedLine& line : reversal.lines()) {
      back.lines.push_back({line.line_number(), line.quantity()});
    }
    order.reversals.push_back(std::move(back));
  }
  for (const opportunity::v1::Collection& received : state.collections()) {
    const int64_t amount = received.amount().minor_units();
    order.collections.push_back({DayIn(true, received.collect_date()).value_or(absl::CivilDay()),
                                 received.refund() ? -amount : amount});
  }
  return {std::nullopt, FactsOf(order)};
}

// A new customer stays credited to its first owner.
Outcome OutcomeOf(const customer::v1::Customer& state, const LedgerRecord& before,
                  absl::TimeZone zone) {
  Customer record;
  Outcome outcome;
  outcome.settled_credit = before.settled_credit;
  if (!outcome.settled_credit && !state.owner().empty())
    outcome.settled_credit = IdIn(state.owner());
  record.id = IdIn(state.name());
  record.credit = outcome.settled_credit.value_or("");
  record.source = IdIn(state.source());
  record.region = state.region();
  record.channel = ChannelKey(state.channel());
  record.since_day = DayIn(state.has_since_date(), state.since_date())
                         .value_or(absl::ToCivilDay(FromProto(state.create_time()), zone));
  outcome.facts = FactsOf(record);
  return outcome;
}

Outcome OutcomeOf(const customer::v1::Interaction& state, const LedgerRecord&,
                  absl::TimeZone zone) {
  Interaction record;
  record.id = IdIn(state.name());
  record.credit = IdIn(state.member());
  record.visit = state.type() == customer::v1::VISIT;
  if (state.state() == customer::v1::DONE && state.has_done_time()) {
    record.done_day = absl::ToCivilDay(FromProto(state.done_time()), zone);
  }
  return {std::nullopt, FactsOf(record)};
}

template <typename State>
absl::StatusOr<Outcome> Read(const feed::v1::Event& event, const LedgerRecord& before,
                             absl::TimeZone zone) {
  State state;
  if (!event.state().UnpackTo(&state) || state.name().empty()) {
    return error::Unreadable(absl::StrCat("event ", event.event_id(), " of ", event.aggregate()));
  }
  return OutcomeOf(state, before, zone);
}

absl::StatusOr<Outcome> OutcomeOf(RecordKind kind, const feed::v1::Event& event,
                                  const LedgerRecord& before, absl::TimeZone zone) {
  switch (kind) {
    case RecordKind::kOpportunity:
      return Read<opportunity::v1::Opportunity>(event, before, zone);
    case RecordKind::kOrder:
      return Read<opportunity::v1::Order>(event, before, zone);
    case RecordKind::kCustomer:
      return Read<customer::v1::Customer>(event, before, zone);
    case RecordKind::kInteraction:
      return Read<customer::v1::Interaction>(event, before, zone);
  }
  return error::Unreadable(event.aggregate());
}

std::optional<RecordKind> RecordKindOf(const google::protobuf::Any& state) {
  if (state.Is<opportunity::v1::Opportunity>()) return RecordKind::kOpportunity;
  if (state.Is<opportunity::v1::Order>()) return RecordKind::kOrder;
  if (state.Is<customer::v1::Customer>()) return RecordKind::kCustomer;
  if (state.Is<customer::v1::Interaction>()) return RecordKind::kInteraction;
  return std::nullopt;
}

std::optional<DocumentKind> DocumentKindOf(const google::protobuf::Any& state) {
  if (state.Is<organization::v1::Unit>()) return DocumentKind::kUnit;
  if (state.Is<organization::v1::Member>()) return DocumentKind::kMember;
  if (state.Is<organization::v1::Calendar>()) return DocumentKind::kCalendar;
  if (state.Is<target::v1::Plan>()) return DocumentKind::kPlan;
  if (state.Is<target::v1::Node>()) return DocumentKind::kNode;
  if (state.Is<target::v1::Metric>()) return DocumentKind::kMetric;
  if (state.Is<target::v1::RecordedActual>()) return DocumentKind::kActual;
  if (state.Is<opportunity::v1::Product>()) return DocumentKind::kProduct;
  if (state.Is<opportunity::v1::Source>()) return DocumentKind::kSource;
  if (state.Is<opportunity::v1::Process>()) return DocumentKind::kProcess;
  return std::nullopt;
}

// Plan id in `plans/p` and `plans/p/nodes/n`.
std::string PlanIn(const std::string& name) {
  const size_t begin = name.find('/') + 1;
  return name.substr(begin, name.find('/', begin) - begin);
}

}  // namespace

std::string Projection::PlanPart(const std::string& plan_id) {
  return absl::StrCat("plan/", plan_id);
}

absl::Status Projection::Apply(db::Transaction& tx, std::span<const feed::v1::Event> events) {
  std::map<RecordKind, std::vector<const feed::v1::Event*>> by_kind;
  std::vector<Document> documents;
  std::set<std::string> parts;
  for (const feed::v1::Event& change : events) {
    const feed::v1::Event* event = &change;
    if (const std::optional<RecordKind> kind = RecordKindOf(event->state())) {
      by_kind[*kind].push_back(event);
    } else if (const std::optional<DocumentKind> document = DocumentKindOf(event->state())) {
      const bool of_plan = *document == DocumentKind::kPlan || *document == DocumentKind::kNode;
      const std::string plan = of_plan ? PlanIn(event->aggregate()) : "";
      std::string parent = *document == DocumentKind::kNode ? plan : "";
      if (*document == DocumentKind::kActual) {
        target::v1::RecordedActual actual;
        if (!event->state().UnpackTo(&actual) || actual.metric().empty()) {
          return error::Unreadable(
              absl::StrCat("event ", event->event_id(), " of ", event->aggregate()));
        }
        parent = IdIn(actual.metric());
      }
      documents.push_back({*document, std::move(parent), IdIn(event->aggregate()), event->version(),
                           event->deleted(), event->state().value()});
      // Nobody keeps metrics and what was recorded for them in memory.
      if (*document == DocumentKind::kMetric || *document == DocumentKind::kActual) continue;
      parts.insert(of_plan ? PlanPart(plan) : kDirectoryPart);
    }
  }
  if (absl::Status s = documents_.Save(tx, documents); !s.ok()) return s;
  if (absl::Status s = documents_.Touch(tx, {parts.begin(), parts.end()}); !s.ok()) return s;

  for (const auto& [kind, changes] : by_kind) {
    if (absl::Status s = ledger_.Lock(tx, kind); !s.ok()) return s;
    std::set<std::string> ids;
    for (const feed::v1::Event* event : changes) ids.insert(IdIn(event->aggregate()));
    absl::StatusOr<absl::flat_hash_map<std::string, LedgerRecord>> known =
        ledger_.LoadRecords(tx, kind, {ids.begin(), ids.end()});
    if (!known.ok()) return known.status();

    // What each record ends with after all of its changes.
    std::map<std::string, LedgerRecord> now;
    for (const feed::v1::Event* event : changes) {
      const std::string id = IdIn(event->aggregate());
      LedgerRecord& record =
          now.try_emplace(id, known->contains(id) ? known->at(id) : LedgerRecord{id}).first->second;
      if (event->version() <= record.version) continue;
      absl::StatusOr<Outcome> outcome = OutcomeOf(kind, *event, record, zone_);
      if (!outcome.ok()) return outcome.status();
      record.version = event->version();
      record.settled_credit = std::move(outcome->settled_credit);
      record.facts = std::move(outcome->facts);
      if (event->deleted()) record.facts.clear();
    }

    std::vector<Fact> changed;  // What came, and with opposite signs what went.
    std::vector<LedgerRecord> saved;
    for (auto& [id, record] : now) {
      const auto before = known->find(id);
      if (before == known->end()) {
        changed.insert(changed.end(), record.facts.begin(), record.facts.end());
      } else if (record.version == before->second.version) {
        continue;
      } else if (record.facts != before->second.facts) {
        for (const Fact& fact : before->second.facts) changed.push_back(-fact);
        changed.insert(changed.end(), record.facts.begin(), record.facts.end());
      }
      saved.push_back(std::move(record));
    }
    if (absl::Status s = ledger_.SaveRecords(tx, kind, saved); !s.ok()) return s;
    if (absl::Status s = ledger_.SaveChange(tx, kind, changed); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Projection::Reset(db::Session& session, const std::string& source) {
  std::vector<RecordKind> records;
  std::vector<DocumentKind> documents;
  if (source == kTargetService) {
    documents = {DocumentKind::kUnit,  DocumentKind::kMember, DocumentKind::kCalendar,
                 DocumentKind::kPlan,  DocumentKind::kNode,   DocumentKind::kMetric,
                 DocumentKind::kActual};
  } else if (source == kOpportunityService) {
    records = {RecordKind::kOpportunity, RecordKind::kOrder};
    documents = {DocumentKind::kProduct, DocumentKind::kSource, DocumentKind::kProcess};
  } else if (source == kCustomerService) {
    records = {RecordKind::kCustomer, RecordKind::kInteraction};
  }
  // Whatever happens, reports are not answered from what is half gone.
  absl::Status status =
      session.Transact([&](db::Transaction& tx) { return rebuilds_.BeginEmptying(tx, source); });
  if (!status.ok()) return status;
  while (true) {
    const absl::StatusOr<bool> more =
        session.Transact([&](db::Transaction& tx) -> absl::StatusOr<bool> {
          const absl::StatusOr<bool> of_ledger = ledger_.DeleteSome(tx, records, kRowsPerDeletion);
          if (!of_ledger.ok() || *of_ledger) return of_ledger;
          return documents_.DeleteSome(tx, documents, kRowsPerDeletion);
        });
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  return session.Transact([&](db::Transaction& tx) -> absl::Status {
    for (const RecordKind kind : records) {
      if (absl::Status s = ledger_.SaveEmptied(tx, kind); !s.ok()) return s;
    }
    if (source != kCustomerService) {
      if (absl::Status s = documents_.TouchAll(tx, kDirectoryPart); !s.ok()) return s;
    }
    return rebuilds_.EndEmptying(tx, source);
  });
}

}  // namespace milepost::reporting
