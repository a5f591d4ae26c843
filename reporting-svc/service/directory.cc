#include "reporting-svc/service/directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "milepost/opportunity/v1/process.pb.h"
#include "milepost/opportunity/v1/product.pb.h"
#include "milepost/opportunity/v1/source.pb.h"
#include "milepost/organization/v1/calendar.pb.h"
#include "milepost/organization/v1/member.pb.h"
#include "milepost/organization/v1/unit.pb.h"
#include "milepost/target/v1/node.pb.h"
#include "platform/access/organization_proto.h"
#include "platform/types/proto.h"
#include "reporting-svc/domain/errors.h"
#include "reporting-svc/service/projection.h"

namespace milepost::reporting {
namespace {

std::string IdIn(const std::string& name) { return name.substr(name.rfind('/') + 1); }

absl::CivilDay DayIn(const type::v1::Date& date) {
  return absl::CivilDay(date.year(), date.month(), date.day());
}

// Reads all documents of a kind as messages. What is not readable is a defect of this service: it
// wrote it.
template <typename Message>
absl::StatusOr<std::vector<Message>> ListAs(DocumentStore& documents, db::Snapshot& snapshot,
                                            DocumentKind kind, const std::string& parent = "") {
  absl::StatusOr<std::vector<Document>> listed = documents.List(snapshot, kind, parent);
  if (!listed.ok()) return listed.status();
  std::vector<Message> messages(listed->size());
  for (size_t i = 0; i < listed->size(); ++i) {
    if (!messages[i].ParseFromString((*listed)[i].state)) {
      return error::Unreadable(absl::StrCat("document ", (*listed)[i].id));
    }
  }
  return messages;
}

Unit UnitOf(const organization::v1::Unit& state) {
  Unit unit{IdIn(state.name()), state.display_name(), IdIn(state.calendar()), {}};
  for (const organization::v1::UnitPlacement& placement : state.placements()) {
    unit.placements.push_back({IdIn(placement.parent()), DayIn(placement.first_date())});
  }
  return unit;
}

Member MemberOf(const organization::v1::Member& state) {
  Member member{IdIn(state.name()), state.display_name(), {}, {}, {}};
  for (const organization::v1::MemberPlacement& placement : state.placements()) {
    member.placements.push_back({IdIn(placement.unit()), DayIn(placement.first_date())});
  }
  if (state.has_start_date()) member.start_day = DayIn(state.start_date());
  if (state.has_end_date()) member.end_day = DayIn(state.end_date());
  return member;
}

WorkingCalendar CalendarOf(const organization::v1::Calendar& state) {
  WorkingCalendar calendar;
  if (state.weekday_weights_ppm_size() == 7) {
    std::copy(state.weekday_weights_ppm().begin(), state.weekday_weights_ppm().end(),
              calendar.weekday_weights.begin());
  }
  for (const organization::v1::SpecialDay& special : state.special_days()) {
    const absl::CivilDay day = DayIn(special.date());
    int64_t weight = 0;
    if (special.kind() == organization::v1::WORKING_DAY) {
      // What it says, else the weekday that it stands in for, else its own weekday, else an average
      // working day.
      weight = special.weight_ppm();
      if (weight == 0 && special.stands_in_for() != 0)
        weight = calendar.weekday_weights[special.stands_in_for() - 1];
      if (weight == 0)
        weight = calendar.weekday_weights[static_cast<size_t>(absl::GetWeekday(day))];
      if (weight == 0) weight = calendar.UsualWeight();
    }
    calendar.special_days[day] = weight;
  }
  return calendar;
}

PlanNode NodeOf(const target::v1::Node& state) {
  PlanNode node;
  node.id = IdIn(state.name());
  node.parent = IdIn(state.parent());
  node.breakdown = state.breakdown();
  node.by_period = state.dimension() == target::v1::PERIOD;
  node.display_name = state.display_name();
  node.period = {DayIn(state.scope().period().first_date()),
                 DayIn(state.scope().period().last_date())};
  node.unit = IdIn(state.scope().unit());
  node.member = IdIn(state.scope().member());
  node.product = IdIn(state.scope().product());
  node.region = state.scope().region();
  node.channel = state.scope().channel();
  node.customer = IdIn(state.scope().customer());
  node.calendar = IdIn(state.calendar());
  node.target = state.target_units();
  node.position = state.position();
  return node;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Directory>> DirectoryCache::Get(
    db::Snapshot& snapshot, std::optional<int64_t> known_version) {
  if (!known_version) {
    const absl::StatusOr<absl::flat_hash_map<std::string, int64_t>> versions =
        documents_.Versions(snapshot, {Projection::kDirectoryPart});
    if (!versions.ok()) return versions.status();
    known_version = versions->at(Projection::kDirectoryPart);
  }
  const int64_t version = *known_version;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (directory_ != nullptr && directory_->version >= version) return directory_;
  }

  // The version was read first: what is read now is as new or newer.
  auto directory = std::make_shared<Directory>();
  directory->version = version;
  auto units = ListAs<organization::v1::Unit>(documents_, snapshot, DocumentKind::kUnit);
  if (!units.ok()) return units.status();
  auto members = ListAs<organization::v1::Member>(documents_, snapshot, DocumentKind::kMember);
  if (!members.ok()) return members.status();
  std::vector<Unit> own_units;
  std::vector<access::Unit> access_units;
  for (const organization::v1::Unit& unit : *units) {
    own_units.push_back(UnitOf(unit));
    access_units.push_back(access::FromProto(unit));
  }
  std::vector<Member> own_members;
  std::vector<access::Member> access_members;
  for (const organization::v1::Member& member : *members) {
    own_members.push_back(MemberOf(member));
    access_members.push_back(access::FromProto(member));
    for (const organization::v1::ManagedUnit& managed : member.manages()) {
      directory->managed_units[IdIn(member.name())].push_back(
          {IdIn(managed.unit()), DayIn(managed.first_date()),
           managed.has_last_date() ? std::optional<absl::CivilDay>(DayIn(managed.last_date()))
                                   : std::nullopt});
    }
  }
  directory->organization = Organization(std::move(own_units), std::move(own_members));
  directory->access_organization = std::make_shared<const access::Organization>(
      std::move(access_units), std::move(access_members));
  auto calendars =
      ListAs<organization::v1::Calendar>(documents_, snapshot, DocumentKind::kCalendar);
  if (!calendars.ok()) return calendars.status();
  for (const organization::v1::Calendar& calendar : *calendars) {
    directory->calendars[IdIn(calendar.name())] = CalendarOf(calendar);
  }
  auto products = ListAs<opportunity::v1::Product>(documents_, snapshot, DocumentKind::kProduct);
  if (!products.ok()) return products.status();
  for (const opportunity::v1::Product& product : *products)
    directory->product_titles[IdIn(product.name())] = product.title();
  auto sources = ListAs<opportunity::v1::Source>(documents_, snapshot, DocumentKind::kSource);
  if (!sources.ok()) return sources.status();
  for (const opportunity::v1::Source& source : *sources)
    directory->source_titles[IdIn(source.name())] = source.title();
  auto processes = ListAs<opportunity::v1::Process>(documents_, snapshot, DocumentKind::kProcess);
  if (!processes.ok()) return processes.status();
  for (const opportunity::v1::Process& state : *processes) {
    Directory::Process& process = directory->processes[IdIn(state.name())];
    process.title = state.title();
    for (const opportunity::v1::Stage& stage : state.stages())
      process.stages.emplace_back(stage.stage_id(), stage.title());
  }

  const std::lock_guard<std::mutex> lock(mutex_);
  if (directory_ == nullptr || directory_->version < version) directory_ = directory;
  return directory_;
}

absl::StatusOr<std::shared_ptr<const Plan>> DirectoryCache::GetPlan(db::Snapshot& snapshot,
                                                                    const std::string& plan_id) {
  const std::string part = Projection::PlanPart(plan_id);
  const absl::StatusOr<absl::flat_hash_map<std::string, int64_t>> versions =
      documents_.Versions(snapshot, {part});
  if (!versions.ok()) return versions.status();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = plans_.find(plan_id);
    if (found != plans_.end() && found->second->version >= versions->at(part)) return found->second;
  }
  absl::StatusOr<std::optional<Document>> document =
      documents_.Find(snapshot, DocumentKind::kPlan, "", plan_id);
  if (!document.ok()) return document.status();
  if (!*document) return std::shared_ptr<const Plan>();
  auto plan = std::make_shared<Plan>();
  plan->version = versions->at(part);
  if (!plan->plan.ParseFromString((*document)->state)) {
    return error::Unreadable(absl::StrCat("document ", plan_id));
  }
  auto states = ListAs<target::v1::Node>(documents_, snapshot, DocumentKind::kNode, plan_id);
  if (!states.ok()) return states.status();
  std::vector<PlanNode> nodes;
  nodes.reserve(states->size());
  for (const target::v1::Node& state : *states) nodes.push_back(NodeOf(state));
  plan->tree = PlanTree(std::move(nodes));

  const std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<const Plan>& kept = plans_[plan_id];
  if (kept == nullptr || kept->version < plan->version) kept = plan;
  const std::shared_ptr<const Plan> newest = kept;
  if (plans_.size() > kMaxPlans) {
    for (auto other = plans_.begin(); other != plans_.end(); ++other) {
      if (other->first == plan_id) continue;
      plans_.erase(other);
      break;
    }
  }
  return newest;
}

}  // namespace milepost::reporting
