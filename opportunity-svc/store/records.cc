#include "opportunity-svc/store/records.h"

#include "platform/resource/name.h"
#include "platform/types/proto.h"

namespace milepost::opportunity {
namespace {

using milepost::FromProto;
using milepost::ToProto;

// "" stays "".
std::string Named(const char* collection, const std::string& id) {
  return id.empty() ? id : resource::Name(collection, id);
}

std::string Bare(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

absl::CivilDay ToDay(const type::v1::Date& date) {
  return absl::CivilDay(date.year(), date.month(), date.day());
}

Money ToMoney(const type::v1::Money& money) { return {money.currency_code(), money.minor_units()}; }

// What all resources have.
template <typename Record, typename Proto>
void SetLife(const Record& record, Proto& proto) {
  *proto.mutable_create_time() = ToProto(record.create_time);
  *proto.mutable_update_time() = ToProto(record.update_time);
  proto.set_etag(resource::Etag(record.version));
}

template <typename Proto, typename Record>
void ReadLife(const Proto& proto, Record& record) {
  record.id = Bare(proto.name());
  record.create_time = FromProto(proto.create_time());
  record.update_time = FromProto(proto.update_time());
  record.version = resource::VersionOf(proto.etag()).value_or(0);
}

}  // namespace

v1::Source ToProto(const Source& source) {
  v1::Source proto;
  proto.set_name(Named(kSources, source.id));
  proto.set_title(source.title);
  proto.set_description(source.description);
  if (source.planned_spend) *proto.mutable_planned_spend() = ToProto(*source.planned_spend);
  if (source.actual_spend) *proto.mutable_actual_spend() = ToProto(*source.actual_spend);
  proto.set_archived(source.archived);
  SetLife(source, proto);
  return proto;
}

Source FromProto(const v1::Source& proto) {
  Source source;
  ReadLife(proto, source);
  source.title = proto.title();
  source.description = proto.description();
  if (proto.has_planned_spend()) source.planned_spend = ToMoney(proto.planned_spend());
  if (proto.has_actual_spend()) source.actual_spend = ToMoney(proto.actual_spend());
  source.archived = proto.archived();
  return source;
}

v1::ProductLine ToProto(const ProductLine& line) {
  v1::ProductLine proto;
  proto.set_name(Named(kProductLines, line.id));
  proto.set_title(line.title);
  proto.set_archived(line.archived);
  SetLife(line, proto);
  return proto;
}

ProductLine FromProto(const v1::ProductLine& proto) {
  ProductLine line;
  ReadLife(proto, line);
  line.title = proto.title();
  line.archived = proto.archived();
  return line;
}

v1::Product ToProto(const Product& product) {
  v1::Product proto;
  proto.set_name(Named(kProducts, product.id));
  proto.set_title(product.title);
  proto.set_product_line(Named(kProductLines, product.product_line));
  proto.set_code(product.code);
  proto.set_unit(product.unit);
  if (product.list_price) *proto.mutable_list_price() = ToProto(*product.list_price);
  if (product.unit_cost) *proto.mutable_unit_cost() = ToProto(*product.unit_cost);
  proto.set_archived(product.archived);
  SetLife(product, proto);
  return proto;
}

Product FromProto(const v1::Product& proto) {
  Product product;
  ReadLife(proto, product);
  product.title = proto.title();
  product.product_line = Bare(proto.product_line());
  product.code = proto.code();
  product.unit = proto.unit();
  if (proto.has_list_price()) product.list_price = ToMoney(proto.list_price());
  if (proto.has_unit_cost()) product.unit_cost = ToMoney(proto.unit_cost());
  product.archived = proto.archived();
  return product;
}

v1::TypicalRisk ToProto(const TypicalRisk& risk) {
  v1::TypicalRisk proto;
  proto.set_title(risk.title);
  proto.set_countermeasure(risk.countermeasure);
  return proto;
}

void SetDefinition(const Definition& definition, v1::Process& process) {
  process.set_revision(definition.revision);
  for (const Stage& stage : definition.stages) {
    v1::Stage& proto = *process.add_stages();
    proto.set_stage_id(stage.id);
    proto.set_title(stage.title);
    proto.set_expected_days(stage.expected_days);
    proto.set_win_probability_ppm(stage.win_probability_ppm);
    for (const Milestone& milestone : stage.milestones) {
      v1::Milestone& added = *proto.add_milestones();
      added.set_milestone_id(milestone.id);
      added.set_title(milestone.title);
      added.set_exit_condition(milestone.exit_condition);
      added.set_optional(milestone.optional);
    }
    for (const Field field : stage.required_fields) {
      proto.add_required_fields(static_cast<v1::OpportunityField>(field));
    }
    for (const std::string& role : stage.required_roles) proto.add_required_roles(role);
    for (const TypicalRisk& risk : stage.typical_risks) *proto.add_typical_risks() = ToProto(risk);
  }
}

v1::Process ToProto(const Process& process) {
  v1::Process proto;
  proto.set_name(Named(kProcesses, process.id));
  proto.set_title(process.title);
  SetDefinition(process.definition, proto);
  proto.set_archived(process.archived);
  SetLife(process, proto);
  return proto;
}

Process FromProto(const v1::Process& proto) {
  Process process;
  ReadLife(proto, process);
  process.title = proto.title();
  process.archived = proto.archived();
  process.definition.process = process.id;
  process.definition.revision = proto.revision();
  for (const v1::Stage& from : proto.stages()) {
    Stage stage;
    stage.id = from.stage_id();
    stage.title = from.title();
    stage.expected_days = from.expected_days();
    stage.win_probability_ppm = from.win_probability_ppm();
    for (const v1::Milestone& milestone : from.milestones()) {
      stage.milestones.push_back({milestone.milestone_id(), milestone.title(),
                                  milestone.exit_condition(), milestone.optional()});
    }
    for (const int field : from.required_fields())
      stage.required_fields.push_back(static_cast<Field>(field));
    stage.required_roles.assign(from.required_roles().begin(), from.required_roles().end());
    for (const v1::TypicalRisk& risk : from.typical_risks()) {
      stage.typical_risks.push_back({risk.title(), risk.countermeasure()});
    }
    process.definition.stages.push_back(std::move(stage));
  }
  return process;
}

v1::Opportunity ToProto(const Opportunity& opportunity) {
  v1::Opportunity proto;
  const Content& content = opportunity.content;
  proto.set_name(Named(kOpportunities, opportunity.id));
  proto.set_title(content.title);
  proto.set_customer(Named(kCustomers, content.customer));
  proto.set_owner(Named(kMembers, opportunity.owner));
  proto.set_previous_owner(Named(kMembers, opportunity.previous_owner));
  proto.set_product(Named(kProducts, content.product));
  proto.set_source(Named(kSources, content.source));
  proto.set_region(content.region);
  proto.set_channel(content.channel);
  if (content.amount) *proto.mutable_amount() = ToProto(*content.amount);
  if (content.expected_close_date)
    *proto.mutable_expected_close_date() = ToProto(*content.expected_close_date);
  proto.set_note(content.note);
  proto.set_process(Named(kProcesses, opportunity.process));
  proto.set_process_revision(opportunity.process_revision);
  proto.set_state(static_cast<v1::OpportunityState>(opportunity.state));
  proto.set_stage(opportunity.stage);
  proto.set_stage_position(opportunity.stage_position);
  proto.set_win_probability_ppm(opportunity.win_probability_ppm);
  proto.set_stage_expected_days(opportunity.stage_expected_days);
  for (const StageVisit& visit : opportunity.stage_history) {
    v1::StageVisit& added = *proto.add_stage_history();
    added.set_stage(visit.stage);
    added.set_position(visit.position);
    if (visit.enter_time) *added.mutable_enter_time() = ToProto(*visit.enter_time);
    if (visit.leave_time) *added.mutable_leave_time() = ToProto(*visit.leave_time);
    added.set_entry(static_cast<v1::StageEntry>(visit.entry));
    added.set_reason(visit.reason);
    added.set_moved_by(Named(kMembers, visit.moved_by));
  }
  for (const MilestoneCompletion& done : opportunity.completed_milestones) {
    v1::MilestoneCompletion& added = *proto.add_completed_milestones();
    added.set_stage(done.stage);
    added.set_milestone(done.milestone);
    *added.mutable_complete_time() = ToProto(done.complete_time);
    added.set_completed_by(Named(kMembers, done.completed_by));
    added.set_note(done.note);
  }
  for (const TeamMember& member : opportunity.team) {
    v1::TeamMember& added = *proto.add_team();
    added.set_member(Named(kMembers, member.member));
    added.set_role(member.role);
    *added.mutable_add_time() = ToProto(member.add_time);
  }
  if (opportunity.create_date) *proto.mutable_create_date() = ToProto(*opportunity.create_date);
  if (opportunity.open_date) *proto.mutable_open_date() = ToProto(*opportunity.open_date);
  if (opportunity.close_date) *proto.mutable_close_date() = ToProto(*opportunity.close_date);
  proto.set_close_reason(opportunity.close_reason);
  proto.set_close_note(opportunity.close_note);
  proto.set_competitor(opportunity.competitor);
  proto.set_order(Named(kOrders, opportunity.order));
  proto.set_imported(opportunity.import_mark.has_value());
  SetLife(opportunity, proto);
  return proto;
}

Opportunity FromProto(const v1::Opportunity& proto) {
  Opportunity opportunity;
  ReadLife(proto, opportunity);
  Content& content = opportunity.content;
  content.title = proto.title();
  content.customer = Bare(proto.customer());
  opportunity.owner = Bare(proto.owner());
  opportunity.previous_owner = Bare(proto.previous_owner());
  content.product = Bare(proto.product());
  content.source = Bare(proto.source());
  content.region = proto.region();
  content.channel = proto.channel();
  if (proto.has_amount()) content.amount = ToMoney(proto.amount());
  if (proto.has_expected_close_date())
    content.expected_close_date = ToDay(proto.expected_close_date());
  content.note = proto.note();
  opportunity.process = Bare(proto.process());
  opportunity.process_revision = proto.process_revision();
  opportunity.state = static_cast<State>(proto.state());
  opportunity.stage = proto.stage();
  opportunity.stage_position = proto.stage_position();
  opportunity.win_probability_ppm = proto.win_probability_ppm();
  opportunity.stage_expected_days = proto.stage_expected_days();
  for (const v1::StageVisit& from : proto.stage_history()) {
    StageVisit visit;
    visit.stage = from.stage();
    visit.position = from.position();
    if (from.has_enter_time()) visit.enter_time = FromProto(from.enter_time());
    if (from.has_leave_time()) visit.leave_time = FromProto(from.leave_time());
    visit.entry = static_cast<StageEntry>(from.entry());
    visit.reason = from.reason();
    visit.moved_by = Bare(from.moved_by());
    opportunity.stage_history.push_back(std::move(visit));
  }
  for (const v1::MilestoneCompletion& from : proto.completed_milestones()) {
    opportunity.completed_milestones.push_back({from.stage(), from.milestone(),
                                                FromProto(from.complete_time()),
                                                Bare(from.completed_by()), from.note()});
  }
  for (const v1::TeamMember& from : proto.team()) {
    opportunity.team.push_back({Bare(from.member()), from.role(), FromProto(from.add_time())});
  }
  if (proto.has_create_date()) opportunity.create_date = ToDay(proto.create_date());
  if (proto.has_open_date()) opportunity.open_date = ToDay(proto.open_date());
  if (proto.has_close_date()) opportunity.close_date = ToDay(proto.close_date());
  opportunity.close_reason = proto.close_reason();
  opportunity.close_note = proto.close_note();
  opportunity.competitor = proto.competitor();
  opportunity.order = Bare(proto.order());
  return opportunity;
}

v1::StageMoveBlockers ToProto(const std::string& opportunity_id, const Blockers& blockers) {
  v1::StageMoveBlockers proto;
  proto.set_opportunity(Named(kOpportunities, opportunity_id));
  proto.set_from_stage(blockers.from_stage);
  proto.set_to_stage(blockers.to_stage);
  for (const Blockers::Missing& missing : blockers.missing_milestones) {
    v1::MissingMilestone& added = *proto.add_missing_milestones();
    added.set_stage(missing.stage);
    added.set_milestone(missing.milestone.id);
    added.set_title(missing.milestone.title);
    added.set_exit_condition(missing.milestone.exit_condition);
  }
  for (const Field field : blockers.missing_fields) {
    proto.add_missing_fields(static_cast<v1::OpportunityField>(field));
  }
  for (const std::string& role : blockers.missing_roles) proto.add_missing_roles(role);
  proto.set_reason_required(blockers.reason_required);
  for (const std::string& stage : blockers.skipped_stages) proto.add_skipped_stages(stage);
  return proto;
}

v1::Order ToProto(const Order& order) {
  const auto money = [&](int64_t minor_units) {
    return ToProto(Money{order.currency_code, minor_units});
  };
  v1::Order proto;
  proto.set_name(Named(kOrders, order.id));
  proto.set_opportunity(Named(kOpportunities, order.opportunity));
  proto.set_customer(Named(kCustomers, order.customer));
  proto.set_owner(Named(kMembers, order.owner));
  *proto.mutable_order_date() = ToProto(order.order_date);
  proto.set_state(static_cast<v1::OrderState>(order.state));
  proto.set_preliminary(order.preliminary);
  proto.set_contract_number(order.contract_number);
  proto.set_source(Named(kSources, order.source));
  proto.set_region(order.region);
  proto.set_channel(order.channel);
  proto.set_note(order.note);
  for (size_t i = 0; i < order.lines.size(); ++i) {
    const OrderLine& line = order.lines[i];
    v1::OrderLine& added = *proto.add_lines();
    added.set_line_number(static_cast<int>(i) + 1);
    added.set_product(Named(kProducts, line.product));
    added.set_quantity(line.quantity);
    *added.mutable_unit_price() = money(line.unit_price);
    *added.mutable_unit_cost() = money(line.unit_cost);
    *added.mutable_amount() = money(LineAmount(line));
    *added.mutable_margin() = money(LineMargin(line));
  }
  for (size_t i = 0; i < order.reversals.size(); ++i) {
    const Reversal& reversal = order.reversals[i];
    v1::OrderReversal& added = *proto.add_reversals();
    added.set_reversal_number(static_cast<int>(i) + 1);
    added.set_kind(static_cast<v1::ReversalKind>(reversal.kind));
    *added.mutable_reverse_date() = ToProto(reversal.date);
    for (const ReversedLine& line : reversal.lines) {
      v1::ReversedLine& reversed = *added.add_lines();
      reversed.set_line_number(line.line_number);
      reversed.set_quantity(line.quantity);
    }
    *added.mutable_amount() = money(ReversalAmount(order, reversal));
    *added.mutable_margin() = money(ReversalMargin(order, reversal));
    added.set_reason(reversal.reason);
  }
  for (size_t i = 0; i < order.collections.size(); ++i) {
    const Collection& collection = order.collections[i];
    v1::Collection& added = *proto.add_collections();
    added.set_collection_number(static_cast<int>(i) + 1);
    *added.mutable_collect_date() = ToProto(collection.date);
    *added.mutable_amount() = money(collection.amount);
    added.set_refund(collection.refund);
    added.set_note(collection.note);
  }
  const int64_t amount = Amount(order);
  const int64_t cost = Cost(order);
  *proto.mutable_amount() = money(amount);
  *proto.mutable_cost() = money(cost);
  *proto.mutable_margin() = money(amount - cost);
  *proto.mutable_net_amount() = money(NetAmount(order));
  *proto.mutable_net_margin() = money(NetMargin(order));
  *proto.mutable_collected_amount() = money(Collected(order));
  if (order.confirm_date) *proto.mutable_confirm_date() = ToProto(*order.confirm_date);
  proto.set_imported(order.import_version.has_value());
  SetLife(order, proto);
  return proto;
}

Order FromProto(const v1::Order& proto) {
  Order order;
  ReadLife(proto, order);
  order.opportunity = Bare(proto.opportunity());
  order.customer = Bare(proto.customer());
  order.owner = Bare(proto.owner());
  order.order_date = ToDay(proto.order_date());
  order.state = static_cast<OrderState>(proto.state());
  order.preliminary = proto.preliminary();
  order.contract_number = proto.contract_number();
  order.source = Bare(proto.source());
  order.region = proto.region();
  order.channel = proto.channel();
  order.note = proto.note();
  order.currency_code = proto.amount().currency_code();
  for (const v1::OrderLine& from : proto.lines()) {
    order.lines.push_back({Bare(from.product()), from.quantity(), from.unit_price().minor_units(),
                           from.unit_cost().minor_units()});
  }
  for (const v1::OrderReversal& from : proto.reversals()) {
    Reversal reversal;
    reversal.kind = static_cast<ReversalKind>(from.kind());
    reversal.date = ToDay(from.reverse_date());
    for (const v1::ReversedLine& line : from.lines())
      reversal.lines.push_back({line.line_number(), line.quantity()});
    reversal.reason = from.reason();
    order.reversals.push_back(std::move(reversal));
  }
  for (const v1::Collection& from : proto.collections()) {
    order.collections.push_back(
        {ToDay(from.collect_date()), from.amount().minor_units(), from.refund(), from.note()});
  }
  if (proto.has_confirm_date()) order.confirm_date = ToDay(proto.confirm_date());
  return order;
}

}  // namespace milepost::opportunity
