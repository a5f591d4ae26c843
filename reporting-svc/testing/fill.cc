#include "reporting-svc/testing/fill.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "reporting-svc/domain/record.h"
#include "reporting-svc/service/projection.h"
#include "reporting-svc/store/ledger_store.h"
#include "reporting-svc/testing/world.h"

namespace milepost::reporting::testing {
namespace {

constexpr size_t kRowsPerTransaction = 20'000;
const absl::TimeZone kZone = absl::FixedTimeZone(8 * 3600);

absl::Status InsertAll(db::Session& session, LedgerStore& ledger,
                       const std::vector<LedgerEntry>& entries) {
  for (size_t first = 0; first < entries.size(); first += kRowsPerTransaction) {
    const size_t end = std::min(entries.size(), first + kRowsPerTransaction);
    const std::vector<LedgerEntry> some(entries.begin() + first, entries.begin() + end);
    const absl::Status status =
        session.Transact([&](db::Transaction& tx) { return ledger.InsertFacts(tx, some); });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void SetPeriod(type::v1::DateRange& range, const Days& days) {
  *range.mutable_first_date() = DateOf(days.first);
  *range.mutable_last_date() = DateOf(days.last);
}

// The records that give reports names and shape.
World Shape(const FillOptions& options) {
  World world;
  world.AddUnit("company", "");
  for (int member = 0; member < options.members; ++member) {
    const int team = member / 10;
    const int office = team / 5;
    if (member % 50 == 0) world.AddUnit(absl::StrCat("office-", office), "company");
    if (member % 10 == 0)
      world.AddUnit(absl::StrCat("team-", team), absl::StrCat("office-", office));
    world.AddMember(absl::StrCat("m-", member), absl::StrCat("team-", team));
  }
  for (int i = 0; i < options.products; ++i)
    world.AddProduct(absl::StrCat("p-", i), absl::StrCat("Product ", i));
  for (int i = 0; i < options.sources; ++i)
    world.AddSource(absl::StrCat("s-", i), absl::StrCat("Source ", i));
  world.AddProcess();

  const Days year{options.first_day + options.days - 365, options.first_day + options.days - 1};
  target::v1::Plan plan;
  plan.set_name("plans/bench");
  plan.set_title("Bench");
  plan.set_metric("metrics/revenue");
  plan.set_currency_code("CNY");
  plan.set_state(target::v1::ACTIVE);
  SetPeriod(*plan.mutable_period(), year);
  world.PublishPlan(plan);
  const auto node = [&](const std::string& id, const std::string& parent, const Days& period,
                        int position) {
    target::v1::Node made;
    made.set_name("plans/bench/nodes/" + id);
    made.set_plan(plan.name());
    if (!parent.empty()) made.set_parent("plans/bench/nodes/" + parent);
    made.set_position(position);
    SetPeriod(*made.mutable_scope()->mutable_period(), period);
    made.set_target_units(1'000'000'000);
    return made;
  };
  world.PublishNode(node("root", "", year, 0));
  int position = 0;
  for (const Days& month : Cut(year, Granularity::kMonth)) {
    target::v1::Node part = node(absl::StrCat("month-", position), "root", month, position);
    part.set_breakdown("period");
    part.set_dimension(target::v1::PERIOD);
    world.PublishNode(part);
    for (int office = 0; office * 50 < options.members; ++office) {
      target::v1::Node below = node(absl::StrCat("month-", position, "-", office),
                                    absl::StrCat("month-", position), month, office);
      below.set_breakdown("by-office");
      below.set_dimension(target::v1::UNIT);
      below.mutable_scope()->set_unit(absl::StrCat("units/office-", office));
      world.PublishNode(below);
    }
    ++position;
  }
  return world;
}

}  // namespace

absl::StatusOr<Filled> FillReadModels(db::Session& session, const FillOptions& options) {
  World shape = Shape(options);
  Projection projection(kZone);
  if (absl::Status s = shape.Apply(session, projection, 500); !s.ok()) return s;

  std::mt19937 random(options.seed);
  const auto pick = [&random](int below) {
    return static_cast<int>(random() % static_cast<uint32_t>(below));
  };
  Filled filled;
  Cells cells;
  LedgerStore ledger;
  std::vector<std::pair<int, std::vector<int64_t>>> of_members(options.members);
  for (int64_t i = 0; i < options.opportunities; ++i)
    of_members[i % options.members].second.push_back(i);
  // Member by member, so that the ledger grows nearly in the order of its key.
  for (int member = 0; member < options.members; ++member) {
    std::vector<LedgerEntry> entries;
    for (const int64_t i : of_members[member].second) {
      Opportunity deal;
      deal.id = absl::StrCat("o-", i);
      deal.credit = absl::StrCat("m-", member);
      deal.product = absl::StrCat("p-", pick(options.products));
      deal.source = absl::StrCat("s-", pick(options.sources));
      deal.region = absl::StrCat("r-", pick(options.regions));
      deal.channel = pick(2) == 0 ? "direct" : "dealer";
      deal.currency = "CNY";
      deal.process = "standard";
      deal.stage = "engaging";
      deal.opened_day = options.first_day + pick(options.days);
      deal.engage_day = deal.opened_day;
      const absl::Time opened = absl::FromCivil(deal.opened_day, kZone);
      deal.visits = {{"prospecting", 1, opened, opened + absl::Hours(24)},
                     {"engaging", 2, opened + absl::Hours(24), {}}};
      const int fate = pick(6);
      if (fate < 4) {
        deal.state = fate < 3 ? OpportunityState::kWon : OpportunityState::kLost;
        deal.close_day = deal.opened_day + pick(120);
        deal.amount_minor_units = 100'00 + pick(10'000'00);
        deal.close_reason = absl::StrCat("reason-", pick(4));
        deal.visits.back().leave_time = absl::FromCivil(*deal.close_day, kZone);
      }
      int number = 0;
      for (Fact& fact : FactsOf(deal)) {
        AddToCells(fact, 1, cells);
        entries.push_back({RecordKind::kOpportunity, deal.id, ++number, std::move(fact)});
      }
      if (deal.state != OpportunityState::kWon) continue;
      Order order;
      order.id = deal.id;
      order.credit = deal.credit;
      order.source = deal.source;
      order.region = deal.region;
      order.channel = deal.channel;
      order.currency = "CNY";
      order.firm_day = deal.close_day;
      order.lines = {{1, deal.product, 1, deal.amount_minor_units, deal.amount_minor_units / 2}};
      number = 0;
      for (Fact& fact : FactsOf(order)) {
        AddToCells(fact, 1, cells);
        entries.push_back({RecordKind::kOrder, order.id, ++number, std::move(fact)});
      }
    }
    if (absl::Status s = InsertAll(session, ledger, entries); !s.ok()) return s;
    filled.facts += static_cast<int64_t>(entries.size());
  }

  // In parts, each in the order of the key: one transaction would be too large.
  filled.cells = static_cast<int64_t>(cells.size());
  std::vector<std::pair<CellKey, Values>> sorted(cells.begin(), cells.end());
  cells.clear();
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.group, a.first.dim, a.first.grain, a.first.member, a.first.period,
                    a.first.key, a.first.sub) < std::tie(b.first.group, b.first.dim, b.first.grain,
                                                         b.first.member, b.first.period,
                                                         b.first.key, b.first.sub);
  });
  for (size_t first = 0; first < sorted.size(); first += kRowsPerTransaction) {
    const size_t end = std::min(sorted.size(), first + kRowsPerTransaction);
    const Cells some(sorted.begin() + first, sorted.begin() + end);
    const absl::Status status =
        session.Transact([&](db::Transaction& tx) { return ledger.AddCells(tx, some); });
    if (!status.ok()) return status;
  }
  return filled;
}

}  // namespace milepost::reporting::testing
