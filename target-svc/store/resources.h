#pragma once

#include <string>

#include "absl/time/civil_time.h"
#include "milepost/organization/v1/calendar.pb.h"
#include "milepost/organization/v1/member.pb.h"
#include "milepost/organization/v1/unit.pb.h"
#include "milepost/target/v1/actual.pb.h"
#include "milepost/target/v1/commitment.pb.h"
#include "milepost/target/v1/letter.pb.h"
#include "milepost/target/v1/metric.pb.h"
#include "milepost/target/v1/node.pb.h"
#include "milepost/target/v1/plan.pb.h"
#include "target-svc/domain/calendar.h"
#include "target-svc/domain/commitment.h"
#include "target-svc/domain/letter.h"
#include "target-svc/domain/metric.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/organization.h"
#include "target-svc/domain/plan.h"
#include "target-svc/domain/recorded_actual.h"

// The public resource of every record: what calls are answered with and what its change row
// carries. Complete and unmasked.
namespace milepost::target {

// `today` decides which placement the fields `parent`, `unit` and `job_title` show.
organization::v1::Unit ToProto(const Unit& unit, absl::CivilDay today);
organization::v1::Member ToProto(const Member& member, absl::CivilDay today);
organization::v1::Calendar ToProto(const Calendar& calendar);
v1::Metric ToProto(const Metric& metric);
v1::Plan ToProto(const Plan& plan);
v1::PlanVersion ToProto(const PlanVersion& version);
// The calendar of a node is that of its plan.
v1::Node ToProto(const Node& node, const std::string& calendar_id);
v1::Violation ToProto(const Violation& violation, const std::string& plan_id);
v1::Commitment ToProto(const Commitment& commitment);
v1::Letter ToProto(const Letter& letter);
v1::RecordedActual ToProto(const RecordedActual& actual);

type::v1::DateRange ToProto(DayRange range);

// The value of a dimension as a client names it.
std::string KeyName(Dimension dimension, const std::string& key);

}  // namespace milepost::target
