#include "reporting-svc/testing/world.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "milepost/opportunity/v1/process.pb.h"
#include "milepost/opportunity/v1/product.pb.h"
#include "milepost/opportunity/v1/source.pb.h"
#include "platform/types/proto.h"

namespace milepost::reporting::testing {
namespace {

google::protobuf::Timestamp MorningOf(absl::CivilDay day) {
  return ToProto(absl::FromCivil(absl::CivilHour(day) + 9, absl::FixedTimeZone(8 * 3600)));
}

}  // namespace

type::v1::Date DateOf(absl::CivilDay day) { return ToProto(day); }

void World::Publish(const std::string& source, const std::string& aggregate,
                    const google::protobuf::Message& state, bool deleted) {
  feed::v1::Event event;
  event.set_position(static_cast<int64_t>(events_[source].size()) + 1);
  event.set_event_id(absl::StrCat("e", event.position()));
  event.set_transaction_id(absl::StrCat("t", event.position()));
  event.set_aggregate(aggregate);
  event.set_version(++versions_[aggregate]);
  event.set_type("record.changed");
  event.set_deleted(deleted);
  event.mutable_state()->PackFrom(state);
  events_[source].push_back(std::move(event));
}

void World::AddUnit(const std::string& id, const std::string& parent,
                    const std::string& display_name, absl::CivilDay first) {
  organization::v1::Unit unit;
  unit.set_name(absl::StrCat("units/", id));
  unit.set_display_name(display_name.empty() ? id : display_name);
  organization::v1::UnitPlacement& placement = *unit.add_placements();
  if (!parent.empty()) placement.set_parent(absl::StrCat("units/", parent));
  *placement.mutable_first_date() = DateOf(first);
  unit.set_parent(placement.parent());
  Publish(kTargetService, unit.name(), unit);
}

organization::v1::Member& World::AddMember(const std::string& id, const std::string& unit,
                                           const std::string& display_name, absl::CivilDay first) {
  organization::v1::Member& member = members_[id];
  member.set_name(absl::StrCat("members/", id));
  member.set_display_name(display_name.empty() ? id : display_name);
  member.set_unit(absl::StrCat("units/", unit));
  organization::v1::MemberPlacement& placement = *member.add_placements();
  placement.set_unit(member.unit());
  *placement.mutable_first_date() = DateOf(first);
  *member.mutable_start_date() = DateOf(first);
  Publish(kTargetService, member.name(), member);
  return member;
}

void World::AddProduct(const std::string& id, const std::string& title) {
  opportunity::v1::Product product;
  product.set_name(absl::StrCat("products/", id));
  product.set_title(title);
  Publish(kOpportunityService, product.name(), product);
}

void World::AddSource(const std::string& id, const std::string& title) {
  opportunity::v1::Source source;
  source.set_name(absl::StrCat("sources/", id));
  source.set_title(title);
  Publish(kOpportunityService, source.name(), source);
}

void World::AddProcess() {
  opportunity::v1::Process process;
  process.set_name("processes/standard");
  process.set_title("Standard");
  process.set_revision(1);
  for (const char* stage : {"prospecting", "engaging"}) {
    opportunity::v1::Stage& added = *process.add_stages();
    added.set_stage_id(stage);
    added.set_title(absl::StrCat("Stage ", stage));
  }
  Publish(kOpportunityService, process.name(), process);
}

opportunity::v1::Opportunity World::NewDeal(const std::string& id, const std::string& owner,
                                            absl::CivilDay engaged) const {
  opportunity::v1::Opportunity deal;
  deal.set_name(absl::StrCat("opportunities/", id));
  deal.set_title(absl::StrCat("Deal ", id));
  if (!owner.empty()) deal.set_owner(absl::StrCat("members/", owner));
  deal.set_process("processes/standard");
  deal.set_state(opportunity::v1::OPEN);
  deal.set_stage("engaging");
  deal.set_stage_position(2);
  opportunity::v1::StageVisit& first = *deal.add_stage_history();
  first.set_stage("prospecting");
  first.set_position(1);
  *first.mutable_leave_time() = MorningOf(engaged);
  opportunity::v1::StageVisit& second = *deal.add_stage_history();
  second.set_stage("engaging");
  second.set_position(2);
  *second.mutable_enter_time() = MorningOf(engaged);
  *deal.mutable_open_date() = DateOf(engaged);
  *deal.mutable_create_time() = MorningOf(engaged);
  return deal;
}

void World::Close(opportunity::v1::Opportunity& deal, absl::CivilDay day,
                  int64_t amount_minor_units, const std::string& reason) {
  deal.set_state(amount_minor_units > 0 ? opportunity::v1::WON : opportunity::v1::LOST);
  if (amount_minor_units > 0) {
    deal.mutable_amount()->set_currency_code("CNY");
    deal.mutable_amount()->set_minor_units(amount_minor_units);
  }
  *deal.mutable_close_date() = DateOf(day);
  deal.set_close_reason(reason);
  *deal.mutable_stage_history(deal.stage_history_size() - 1)->mutable_leave_time() = MorningOf(day);
}

opportunity::v1::Order World::NewOrder(const std::string& id, const std::string& owner,
                                       absl::CivilDay day, const std::string& product,
                                       int64_t amount_minor_units) const {
  opportunity::v1::Order order;
  order.set_name(absl::StrCat("orders/", id));
  order.set_owner(absl::StrCat("members/", owner));
  *order.mutable_order_date() = DateOf(day);
  *order.mutable_confirm_date() = DateOf(day);
  order.set_state(opportunity::v1::CONFIRMED);
  order.mutable_amount()->set_currency_code("CNY");
  order.mutable_amount()->set_minor_units(amount_minor_units);
  opportunity::v1::OrderLine& line = *order.add_lines();
  line.set_line_number(1);
  if (!product.empty()) line.set_product(absl::StrCat("products/", product));
  line.set_quantity(1);
  *line.mutable_unit_price() = order.amount();
  return order;
}

void World::PublishDeal(const opportunity::v1::Opportunity& deal) {
  Publish(kOpportunityService, deal.name(), deal);
}
void World::PublishOrder(const opportunity::v1::Order& order) {
  Publish(kOpportunityService, order.name(), order);
}

void World::Win(const std::string& id, const std::string& owner, absl::CivilDay engaged,
                absl::CivilDay closed, const std::string& product, int64_t amount_minor_units) {
  opportunity::v1::Opportunity deal = NewDeal(id, owner, engaged);
  if (!product.empty()) deal.set_product(absl::StrCat("products/", product));
  Close(deal, closed, amount_minor_units);
  PublishDeal(deal);
  PublishOrder(NewOrder(id, owner, closed, product, amount_minor_units));
}

void World::PublishPlan(const target::v1::Plan& plan) {
  Publish(kTargetService, plan.name(), plan);
}
void World::PublishNode(const target::v1::Node& node) {
  Publish(kTargetService, node.name(), node);
}

absl::Status World::Apply(db::Session& session, Projection& projection, size_t batch) {
  for (const auto& [source, events] : events_) {
    size_t& applied = applied_[source];
    while (applied < events.size()) {
      const size_t count = std::min(batch, events.size() - applied);
      const std::span<const feed::v1::Event> next(events.data() + applied, count);
      const absl::Status status =
          session.Transact([&](db::Transaction& tx) { return projection.Apply(tx, next); });
      if (!status.ok()) return status;
      applied += count;
    }
  }
  return absl::OkStatus();
}

}  // namespace milepost::reporting::testing
