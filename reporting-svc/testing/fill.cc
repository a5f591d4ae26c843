#include "reporting-svc/testing/fill.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/types/proto.h"
#include "reporting-svc/service/projection.h"
#include "reporting-svc/testing/world.h"

namespace milepost::reporting::testing {
namespace {

constexpr int64_t kDealsPerTransaction = 10'000;
const absl::TimeZone kZone = absl::FixedTimeZone(8 * 3600);

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

// Opportunities of the company by number, as their feed would carry them.
class Deals {
 public:
  explicit Deals(const FillOptions& options) : options_(options), random_(options.seed) {}

  // Publishes the next so many.
  void Publish(World& world, int64_t count) {
    for (int64_t i = 0; i < count; ++i) PublishNext(world);
  }

 private:
  int Pick(int below) { return static_cast<int>(random_() % static_cast<uint32_t>(below)); }

  void PublishNext(World& world) {
    constexpr const char* kStages[] = {"prospecting", "engaging", "proposal", "negotiation"};
    const int64_t number = next_++;
    const absl::CivilDay opened =
        options_.first_day + number * options_.days / options_.opportunities;
    const std::string id = absl::StrCat("o-", number);
    const std::string owner = absl::StrCat("m-", Pick(options_.members));
    const std::string product = absl::StrCat("p-", Pick(options_.products));
    opportunity::v1::Opportunity deal = world.NewDeal(id, owner, opened);
    deal.set_customer(absl::StrCat("customers/c-", number / 8));
    deal.set_product("products/" + product);
    deal.set_source(absl::StrCat("sources/s-", Pick(options_.sources)));
    deal.set_region(absl::StrCat("r-", Pick(options_.regions)));
    deal.set_channel(Pick(2) == 0 ? "direct" : "dealer");
    deal.mutable_amount()->set_currency_code("CNY");
    deal.mutable_amount()->set_minor_units(100'00 + Pick(10'000'00));
    deal.clear_stage_history();
    absl::CivilDay day = opened;
    const int fate = Pick(6);  // Below 3 won, below 5 lost, else open.
    const int last = fate < 3 ? 3 : Pick(4);
    for (int stage = 0; stage <= last; ++stage) {
      opportunity::v1::StageVisit& visit = *deal.add_stage_history();
      visit.set_stage(kStages[stage]);
      visit.set_position(stage + 1);
      *visit.mutable_enter_time() = ToProto(absl::FromCivil(day, kZone));
      day += 1 + Pick(30);
      if (stage < last || fate < 5)
        *visit.mutable_leave_time() = ToProto(absl::FromCivil(day, kZone));
    }
    deal.set_stage(kStages[last]);
    deal.set_stage_position(last + 1);
    if (fate < 5) {
      deal.set_state(fate < 3 ? opportunity::v1::WON : opportunity::v1::LOST);
      deal.set_close_reason(absl::StrCat("reason-", Pick(4)));
      *deal.mutable_close_date() = DateOf(day);
    }
    world.PublishDeal(deal);
    if (fate >= 3) return;
    opportunity::v1::Order order =
        world.NewOrder(id, owner, day, product, deal.amount().minor_units());
    order.set_source(deal.source());
    order.set_region(deal.region());
    order.set_channel(deal.channel());
    world.PublishOrder(order);
  }

  const FillOptions options_;
  std::mt19937 random_;
  int64_t next_ = 0;
};

}  // namespace

absl::StatusOr<Filled> FillReadModels(db::Session& session, const FillOptions& options) {
  Projection projection(kZone);
  World shape = Shape(options);
  if (absl::Status s = shape.Apply(session, projection, 500); !s.ok()) return s;
  Filled filled;
  Deals deals(options);
  for (int64_t rest = options.opportunities; rest > 0; rest -= kDealsPerTransaction) {
    World world;
    deals.Publish(world, std::min(rest, kDealsPerTransaction));
    const std::vector<feed::v1::Event>& events = world.events(kOpportunityService);
    const absl::Time began = absl::Now();
    if (absl::Status s = world.Apply(session, projection, events.size()); !s.ok()) return s;
    filled.took += absl::Now() - began;
    filled.events += static_cast<int64_t>(events.size());
  }
  return filled;
}

}  // namespace milepost::reporting::testing
