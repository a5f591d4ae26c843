#include "target-svc/store/resources.h"

#include "platform/resource/name.h"
#include "platform/types/proto.h"

namespace milepost::target {
namespace {

using resource::Etag;

// Empty for an empty id.
std::string NameOf(const char* collection, const std::string& id) {
  return id.empty() ? "" : resource::Name(collection, id);
}

std::string NodeName(const std::string& plan_id, const std::string& node_id) {
  return node_id.empty() ? "" : resource::Name("plans", plan_id, "nodes", node_id);
}

template <typename Record, typename Message>
void SetTimes(const Record& record, Message& message) {
  *message.mutable_create_time() = milepost::ToProto(record.create_time);
  *message.mutable_update_time() = milepost::ToProto(record.update_time);
  message.set_etag(Etag(record.version));
}

v1::Scope ToProto(const Scope& scope) {
  v1::Scope message;
  *message.mutable_period() = ToProto(scope.period);
  message.set_unit(NameOf("units", scope.unit_id));
  message.set_member(NameOf("members", scope.member_id));
  message.set_product(NameOf("products", scope.product_id));
  message.set_channel(scope.channel);
  message.set_region(scope.region);
  message.set_customer(NameOf("customers", scope.customer_id));
  return message;
}

void SetSignature(const LetterSignature& signature, v1::Letter::Signature& message) {
  message.set_member(NameOf("members", signature.member_id));
  *message.mutable_sign_time() = milepost::ToProto(signature.sign_time);
  message.set_content_hash(signature.content_hash);
}

v1::BoundHit ToProto(Bound bound) {
  switch (bound) {
    case Bound::kLock:
      return v1::LOCK;
    case Bound::kMin:
      return v1::MINIMUM;
    case Bound::kMax:
      return v1::MAXIMUM;
    case Bound::kNone:
      break;
  }
  return v1::BOUND_HIT_UNSPECIFIED;
}

}  // namespace

std::string KeyName(Dimension dimension, const std::string& key) {
  switch (dimension) {
    case Dimension::kUnit:
      return NameOf("units", key);
    case Dimension::kMember:
      return NameOf("members", key);
    case Dimension::kProduct:
      return NameOf("products", key);
    case Dimension::kCustomer:
      return NameOf("customers", key);
    case Dimension::kNone:
    case Dimension::kPeriod:
    case Dimension::kChannel:
    case Dimension::kRegion:
      break;
  }
  return key;
}

type::v1::DateRange ToProto(DayRange range) {
  type::v1::DateRange message;
  *message.mutable_first_date() = milepost::ToProto(range.first);
  *message.mutable_last_date() = milepost::ToProto(range.last);
  return message;
}

organization::v1::Unit ToProto(const Unit& unit, absl::CivilDay today) {
  organization::v1::Unit message;
  message.set_name(NameOf("units", unit.id));
  message.set_display_name(unit.display_name);
  message.set_kind(static_cast<organization::v1::UnitKind>(unit.kind));
  message.set_parent(NameOf("units", unit.ParentOn(today)));
  for (const UnitPlacement& placement : unit.placements) {
    organization::v1::UnitPlacement& added = *message.add_placements();
    added.set_parent(NameOf("units", placement.parent_id));
    *added.mutable_first_date() = milepost::ToProto(placement.first_day);
  }
  message.set_region(unit.region);
  message.set_calendar(NameOf("calendars", unit.calendar_id));
  *message.mutable_start_date() = milepost::ToProto(unit.start_day);
  if (unit.end_day) *message.mutable_end_date() = milepost::ToProto(*unit.end_day);
  SetTimes(unit, message);
  return message;
}

organization::v1::Member ToProto(const Member& member, absl::CivilDay today) {
  organization::v1::Member message;
  message.set_name(NameOf("members", member.id));
  message.set_display_name(member.display_name);
  const MemberPlacement& current = member.PlacementOn(today);
  message.set_unit(NameOf("units", current.unit_id));
  message.set_job_title(current.job_title);
  for (const MemberPlacement& placement : member.placements) {
    organization::v1::MemberPlacement& added = *message.add_placements();
    added.set_unit(NameOf("units", placement.unit_id));
    *added.mutable_first_date() = milepost::ToProto(placement.first_day);
    added.set_job_title(placement.job_title);
  }
  for (const MemberLine& line : member.manages) {
    organization::v1::ManagedUnit& added = *message.add_manages();
    added.set_unit(NameOf("units", line.unit_id));
    *added.mutable_first_date() = milepost::ToProto(line.first_day);
    if (line.last_day) *added.mutable_last_date() = milepost::ToProto(*line.last_day);
  }
  for (const MemberLine& line : member.matrix_lines) {
    organization::v1::MatrixLine& added = *message.add_matrix_lines();
    added.set_unit(NameOf("units", line.unit_id));
    *added.mutable_first_date() = milepost::ToProto(line.first_day);
    if (line.last_day) *added.mutable_last_date() = milepost::ToProto(*line.last_day);
    added.set_purpose(line.purpose);
  }
  *message.mutable_start_date() = milepost::ToProto(member.start_day);
  if (member.end_day) *message.mutable_end_date() = milepost::ToProto(*member.end_day);
  message.set_employee_number(member.employee_number);
  message.set_phone(member.phone);
  message.set_email(member.email);
  SetTimes(member, message);
  return message;
}

organization::v1::Calendar ToProto(const Calendar& calendar) {
  organization::v1::Calendar message;
  message.set_name(NameOf("calendars", calendar.id));
  message.set_display_name(calendar.display_name);
  for (const int64_t weight : calendar.definition.weekday_weights_ppm)
    message.add_weekday_weights_ppm(weight);
  for (const SpecialDay& day : calendar.definition.special_days) {
    organization::v1::SpecialDay& added = *message.add_special_days();
    *added.mutable_date() = milepost::ToProto(day.day);
    added.set_kind(day.kind == DayKind::kHoliday ? organization::v1::HOLIDAY
                                                 : organization::v1::WORKING_DAY);
    if (day.weight_ppm) added.set_weight_ppm(*day.weight_ppm);
    if (day.stands_in_for) {
      added.set_stands_in_for(
          static_cast<organization::v1::Weekday>(static_cast<int>(*day.stands_in_for) + 1));
    }
    added.set_display_name(day.name);
  }
  SetTimes(calendar, message);
  return message;
}

v1::Metric ToProto(const Metric& metric) {
  v1::Metric message;
  message.set_name(NameOf("metrics", metric.id));
  message.set_display_name(metric.display_name);
  message.set_display_name_zh(metric.display_name_zh);
  message.set_unit(static_cast<v1::MetricUnit>(metric.unit));
  message.set_unit_label(metric.unit_label);
  message.set_aggregation(static_cast<v1::MetricAggregation>(metric.aggregation));
  message.set_source(static_cast<v1::MetricSource>(metric.source));
  message.set_numerator(NameOf("metrics", metric.numerator_id));
  message.set_denominator(NameOf("metrics", metric.denominator_id));
  message.set_description(metric.description);
  SetTimes(metric, message);
  return message;
}

v1::Plan ToProto(const Plan& plan) {
  v1::Plan message;
  message.set_name(NameOf("plans", plan.id));
  message.set_title(plan.title);
  message.set_description(plan.description);
  message.set_metric(NameOf("metrics", plan.metric_id));
  *message.mutable_period() = ToProto(plan.period);
  message.set_target_units(plan.target_units);
  message.set_currency_code(plan.currency_code);
  message.set_visibility(static_cast<v1::PlanVisibility>(plan.visibility));
  message.set_unit(NameOf("units", plan.unit_id));
  message.set_calendar(NameOf("calendars", plan.calendar_id));
  message.set_rounding_units(plan.rounding_units);
  message.set_state(static_cast<v1::PlanState>(plan.state));
  message.set_owner(NameOf("members", plan.owner_id));
  message.set_submitter(NameOf("members", plan.submitter_id));
  message.set_approver(NameOf("members", plan.approver_id));
  message.set_accepted_variance_reason(plan.accepted_variance_reason);
  message.set_accepted_violation_count(plan.accepted_violation_count);
  message.set_rejection_reason(plan.rejection_reason);
  if (plan.submit_time) *message.mutable_submit_time() = milepost::ToProto(*plan.submit_time);
  if (plan.approve_time) *message.mutable_approve_time() = milepost::ToProto(*plan.approve_time);
  if (plan.activate_time) *message.mutable_activate_time() = milepost::ToProto(*plan.activate_time);
  if (plan.close_time) *message.mutable_close_time() = milepost::ToProto(*plan.close_time);
  message.set_plan_version(plan.version);
  message.set_node_count(plan.node_count);
  message.set_commitment_policy(static_cast<v1::CommitmentPolicy>(plan.commitment_policy));
  message.set_baseline_version(plan.baseline_version);
  message.set_branch_of(NameOf("plans", plan.branch_of_id));
  message.set_branch_of_version(plan.branch_of_version);
  SetTimes(plan, message);
  return message;
}

v1::PlanVersion ToProto(const PlanVersion& version) {
  v1::PlanVersion message;
  message.set_plan(NameOf("plans", version.plan_id));
  message.set_version(version.version);
  message.set_type(version.type);
  message.set_actor(NameOf("members", version.actor_id));
  *message.mutable_change_time() = milepost::ToProto(version.change_time);
  message.set_reason(version.reason);
  message.set_node(NodeName(version.plan_id, version.node_id));
  message.set_created_node_count(version.created_nodes);
  message.set_changed_node_count(version.changed_nodes);
  message.set_deleted_node_count(version.deleted_nodes);
  message.set_state(static_cast<v1::PlanState>(version.state));
  message.set_target_units(version.target_units);
  return message;
}

v1::Node ToProto(const Node& node, const std::string& calendar_id) {
  v1::Node message;
  message.set_name(NodeName(node.plan_id, node.id));
  message.set_plan(NameOf("plans", node.plan_id));
  message.set_parent(NodeName(node.plan_id, node.parent_id));
  message.set_breakdown(node.breakdown_id);
  message.set_dimension(static_cast<v1::Dimension>(node.dimension));
  message.set_key(KeyName(node.dimension, node.key));
  message.set_display_name(node.display_name);
  *message.mutable_scope() = ToProto(node.scope);
  message.set_target_units(node.target_units);
  message.set_locked(node.locked);
  if (node.min_units) message.set_min_units(*node.min_units);
  if (node.max_units) message.set_max_units(*node.max_units);
  if (node.counted_units) message.set_counted_units(*node.counted_units);
  message.set_depth(node.depth);
  message.set_position(node.position);
  message.set_leaf(node.breakdowns.empty());
  for (const Breakdown& breakdown : node.breakdowns) {
    v1::Breakdown& added = *message.add_breakdowns();
    added.set_breakdown(breakdown.id);
    added.set_dimension(static_cast<v1::Dimension>(breakdown.dimension));
    added.set_method(static_cast<v1::SplitMethod>(breakdown.method));
    added.set_stretch_ppm(breakdown.stretch_ppm);
    added.set_rounding_units(breakdown.rounding_units);
    added.set_child_count(static_cast<int32_t>(breakdown.child_count));
    added.set_note(breakdown.note);
  }
  if (node.explanation) {
    v1::Explanation& explanation = *message.mutable_explanation();
    explanation.set_method(static_cast<v1::SplitMethod>(node.explanation->method));
    explanation.set_weight(node.explanation->weight);
    explanation.set_weight_sum(node.explanation->weight_sum);
    explanation.set_raw_units(node.explanation->raw_units);
    explanation.set_raw_remainder_ppm(node.explanation->raw_remainder_ppm);
    explanation.set_bound_hit(ToProto(node.explanation->bound));
    explanation.set_rounding_difference_units(node.explanation->rounding_difference_units);
    explanation.set_description(node.explanation->description);
  }
  message.set_calendar(NameOf("calendars", calendar_id));
  message.set_note(node.note);
  message.set_plan_version(node.plan_version);
  SetTimes(node, message);
  return message;
}

v1::Violation ToProto(const Violation& violation, const std::string& plan_id) {
  v1::Violation message;
  message.set_kind(static_cast<v1::ViolationKind>(violation.kind));
  message.set_node(NodeName(plan_id, violation.node_id));
  message.set_breakdown(violation.breakdown_id);
  message.set_expected_units(violation.expected_units);
  message.set_actual_units(violation.actual_units);
  message.set_difference_units(violation.expected_units - violation.actual_units);
  message.set_description(violation.description);
  return message;
}

v1::Commitment ToProto(const Commitment& commitment) {
  v1::Commitment message;
  message.set_name(commitment.Name());
  message.set_node(NodeName(commitment.plan_id, commitment.node_id));
  message.set_member(NameOf("members", commitment.member_id));
  message.set_state(static_cast<v1::Commitment::State>(commitment.state));
  message.set_committed_units(commitment.committed_units);
  if (commitment.counter_units) message.set_counter_units(*commitment.counter_units);
  message.set_decider(NameOf("members", commitment.decider_id));
  for (const CommitmentStep& step : commitment.steps) {
    v1::Commitment::Step& added = *message.add_steps();
    added.set_action(static_cast<v1::Commitment::Action>(step.action));
    added.set_member(NameOf("members", step.member_id));
    added.set_value_units(step.value_units);
    added.set_target_units(step.target_units);
    added.set_note(step.note);
    *added.mutable_step_time() = milepost::ToProto(step.step_time);
  }
  SetTimes(commitment, message);
  return message;
}

v1::Letter ToProto(const Letter& letter) {
  v1::Letter message;
  message.set_name(letter.Name());
  message.set_member(NameOf("members", letter.member_id));
  message.set_title(letter.title);
  message.set_plan_version(letter.plan_version);
  message.set_metric(NameOf("metrics", letter.metric_id));
  message.set_currency_code(letter.currency_code);
  *message.mutable_period() = ToProto(letter.period);
  for (const LetterTarget& target : letter.targets) {
    v1::Letter::Target& added = *message.add_targets();
    added.set_node(NodeName(letter.plan_id, target.node_id));
    added.set_display_name(target.display_name);
    *added.mutable_scope() = ToProto(target.scope);
    added.set_target_units(target.target_units);
  }
  for (const LetterKpi& kpi : letter.kpis) {
    v1::Letter::Kpi& added = *message.add_kpis();
    added.set_display_name(kpi.display_name);
    added.set_weight_ppm(kpi.weight_ppm);
    added.set_metric(NameOf("metrics", kpi.metric_id));
    added.set_description(kpi.description);
  }
  message.set_rewards(letter.rewards);
  message.set_state(static_cast<v1::Letter::State>(letter.state));
  message.set_drafter(NameOf("members", letter.drafter_id));
  message.set_content_hash(letter.content_hash);
  if (letter.owner_signature)
    SetSignature(*letter.owner_signature, *message.mutable_owner_signature());
  if (letter.manager_signature)
    SetSignature(*letter.manager_signature, *message.mutable_manager_signature());
  message.set_withdraw_reason(letter.withdraw_reason);
  SetTimes(letter, message);
  return message;
}

v1::RecordedActual ToProto(const RecordedActual& actual) {
  v1::RecordedActual message;
  message.set_name(actual.Name());
  message.set_metric(NameOf("metrics", actual.metric_id));
  *message.mutable_date() = milepost::ToProto(actual.day);
  v1::ActualScope& scope = *message.mutable_scope();
  scope.set_unit(NameOf("units", actual.unit_id));
  scope.set_member(NameOf("members", actual.member_id));
  scope.set_product(NameOf("products", actual.product_id));
  scope.set_channel(actual.channel);
  scope.set_region(actual.region);
  scope.set_customer(NameOf("customers", actual.customer_id));
  message.set_value_units(actual.value_units);
  message.set_currency_code(actual.currency_code);
  message.set_note(actual.note);
  message.set_corrects(NameOf("actuals", actual.corrects_id));
  message.set_corrected_by(NameOf("actuals", actual.corrected_by_id));
  message.set_credited_unit(NameOf("units", actual.credited_unit_id));
  message.set_recorder(NameOf("members", actual.recorder_id));
  SetTimes(actual, message);
  return message;
}

}  // namespace milepost::target
