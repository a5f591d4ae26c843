#include "target-svc/service/calendar_service.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

namespace orgv1 = organization::v1;

constexpr int kMaxListedYears = 10;

const std::set<std::string>& ChangeableFields() {
  static const std::set<std::string> fields{"display_name", "weekday_weights_ppm", "special_days"};
  return fields;
}

void ReadCalendar(const orgv1::Calendar& message, const std::set<std::string>& fields,
                  Reader& reader, Calendar& calendar) {
  if (fields.contains("display_name")) {
    calendar.display_name = reader.Text(message.display_name(), "calendar.display_name",
                                        kMaxDisplayName, Need::kRequired);
  }
  CalendarDefinition& definition = calendar.definition;
  if (fields.contains("weekday_weights_ppm")) {
    if (message.weekday_weights_ppm_size() != 7) {
      reader.Add("calendar.weekday_weights_ppm",
                 absl::StrCat("has ", message.weekday_weights_ppm_size(),
                              " weights; must have 7, Monday to Sunday"));
    } else {
      for (int i = 0; i < 7; ++i)
        definition.weekday_weights_ppm[static_cast<size_t>(i)] = message.weekday_weights_ppm(i);
    }
  }
  if (fields.contains("special_days")) {
    definition.special_days.clear();
    for (int i = 0; i < message.special_days_size(); ++i) {
      const orgv1::SpecialDay& given = message.special_days(i);
      const std::string path = absl::StrCat("calendar.special_days[", i, "].");
      SpecialDay day;
      if (const auto date =
              reader.Day(given.has_date(), given.date(), path + "date", Need::kRequired))
        day.day = *date;
      reader.Choice(given.kind(), path + "kind", orgv1::DayKind_IsValid, Need::kRequired);
      day.kind = given.kind() == orgv1::WORKING_DAY ? DayKind::kWorkingDay : DayKind::kHoliday;
      if (given.weight_ppm() != 0) day.weight_ppm = given.weight_ppm();
      reader.Choice(given.stands_in_for(), path + "stands_in_for", orgv1::Weekday_IsValid);
      if (given.stands_in_for() != orgv1::WEEKDAY_UNSPECIFIED &&
          orgv1::Weekday_IsValid(given.stands_in_for())) {
        day.stands_in_for = static_cast<absl::Weekday>(given.stands_in_for() - 1);
      }
      day.name = reader.Text(given.display_name(), path + "display_name", kMaxDisplayName);
      definition.special_days.push_back(std::move(day));
    }
  }
}

// Rules that concern the calendar as a whole, under the paths of the request.
void CheckWhole(const Calendar& calendar, Reader& reader) {
  for (const CalendarViolation& violation : CheckCalendar(calendar.definition)) {
    reader.Add(absl::StrCat("calendar.", violation.field), violation.message);
  }
}

void Sort(Calendar& calendar) {
  std::sort(calendar.definition.special_days.begin(), calendar.definition.special_days.end(),
            [](const SpecialDay& a, const SpecialDay& b) { return a.day < b.day; });
}

}  // namespace

CalendarService::CalendarService(rpc::Runner& rpc, Clock clock)
    : rpc_(rpc), clock_(std::move(clock)) {
  rpc_.Register<orgv1::CalendarService>();
}

grpc::ServerUnaryReactor* CalendarService::GetCalendar(grpc::CallbackServerContext* context,
                                                       const orgv1::GetCalendarRequest* request,
                                                       orgv1::Calendar* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* CalendarService::ListCalendars(grpc::CallbackServerContext* context,
                                                         const orgv1::ListCalendarsRequest* request,
                                                         orgv1::ListCalendarsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* CalendarService::CreateCalendar(
    grpc::CallbackServerContext* context, const orgv1::CreateCalendarRequest* request,
    orgv1::Calendar* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* CalendarService::UpdateCalendar(
    grpc::CallbackServerContext* context, const orgv1::UpdateCalendarRequest* request,
    orgv1::Calendar* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* CalendarService::DeleteCalendar(
    grpc::CallbackServerContext* context, const orgv1::DeleteCalendarRequest* request,
    google::protobuf::Empty* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Delete(call...); });
}
grpc::ServerUnaryReactor* CalendarService::ListCalendarDays(
    grpc::CallbackServerContext* context, const orgv1::ListCalendarDaysRequest* request,
    orgv1::ListCalendarDaysResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ListDays(call...); });
}

CalendarService::CalendarResult CalendarService::Get(const rpc::Caller&, db::Session& db,
                                                     const orgv1::GetCalendarRequest& request) {
  Reader reader;
  const std::string id = reader.Name("calendars", request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<Calendar> calendar =
      db.Read([&](db::Snapshot& snapshot) { return calendars_.Load(snapshot, id); });
  if (!calendar.ok()) return calendar.status();
  return ToProto(*calendar);
}

absl::StatusOr<orgv1::ListCalendarsResponse> CalendarService::List(
    const rpc::Caller&, db::Session& db, const orgv1::ListCalendarsRequest& request) {
  Reader reader;
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<std::vector<Calendar>> calendars = db.Read([&](db::Snapshot& snapshot) {
    return calendars_.List(snapshot, page.after.empty() ? "" : page.after[0], page.size + 1);
  });
  if (!calendars.ok()) return calendars.status();
  orgv1::ListCalendarsResponse response;
  for (const Calendar& calendar : *calendars) {
    if (response.calendars_size() == page.size) {
      response.set_next_page_token(
          resource::NextPageToken(request, {(*calendars)[static_cast<size_t>(page.size) - 1].id}));
      break;
    }
    *response.add_calendars() = ToProto(calendar);
  }
  return response;
}

CalendarService::CalendarResult CalendarService::Create(
    const rpc::Caller& caller, db::Session& db, const orgv1::CreateCalendarRequest& request) {
  Reader reader;
  Calendar calendar;
  const absl::Time now = clock_.Now();
  calendar.id = reader.Id(request.calendar_id(), "calendar_id", Need::kOptional);
  if (calendar.id.empty()) calendar.id = resource::NewId('c', now);
  if (!request.has_calendar()) reader.Add("calendar", "is required");
  ReadCalendar(request.calendar(), ChangeableFields(), reader, calendar);
  CheckWhole(calendar, reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  Sort(calendar);
  calendar.create_time = calendar.update_time = now;
  return db.Transact([&](db::Transaction& tx) -> CalendarResult {
    const absl::StatusOr<Calendar> inserted =
        calendars_.Insert(tx, caller.Change(request), calendar);
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

CalendarService::CalendarResult CalendarService::Update(
    const rpc::Caller& caller, db::Session& db, const orgv1::UpdateCalendarRequest& request) {
  Reader reader;
  const std::string id =
      reader.Name("calendars", request.calendar().name(), "calendar.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), request.calendar(), ChangeableFields(), reader.violations());
  Calendar values;
  ReadCalendar(request.calendar(), fields, reader, values);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Transact([&](db::Transaction& tx) -> CalendarResult {
    const absl::StatusOr<Calendar> before = calendars_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("calendars", id));
    Calendar calendar = *before;
    if (fields.contains("display_name")) calendar.display_name = values.display_name;
    if (fields.contains("weekday_weights_ppm")) {
      calendar.definition.weekday_weights_ppm = values.definition.weekday_weights_ppm;
    }
    if (fields.contains("special_days"))
      calendar.definition.special_days = values.definition.special_days;
    Reader whole;
    CheckWhole(calendar, whole);
    if (absl::Status s = whole.status(); !s.ok()) return s;
    Sort(calendar);
    calendar.update_time = clock_.NowAfter(before->update_time);
    const absl::StatusOr<Calendar> saved =
        calendars_.Save(tx, caller.Change(request), std::move(calendar), before->update_time);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

absl::StatusOr<google::protobuf::Empty> CalendarService::Delete(
    const rpc::Caller& caller, db::Session& db, const orgv1::DeleteCalendarRequest& request) {
  Reader reader;
  const std::string id = reader.Name("calendars", request.name(), "name", Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  if (id == kDefaultCalendarId) return error::DefaultCalendarStays();
  const absl::Status deleted = db.Transact([&](db::Transaction& tx) -> absl::Status {
    const absl::StatusOr<Calendar> before = calendars_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("calendars", id));
    return calendars_.Delete(tx, caller.Change(request), *before,
                             clock_.NowAfter(before->update_time));
  });
  if (!deleted.ok()) return deleted;
  return google::protobuf::Empty();
}

absl::StatusOr<orgv1::ListCalendarDaysResponse> CalendarService::ListDays(
    const rpc::Caller&, db::Session& db, const orgv1::ListCalendarDaysRequest& request) {
  Reader reader;
  const std::string id = reader.Name("calendars", request.name(), "name", Need::kRequired);
  const std::optional<DayRange> period =
      reader.Days(request.has_period(), request.period(), "period", Need::kRequired);
  if (period && period->last - period->first > kMaxListedYears * 366) {
    reader.Add("period", absl::StrCat("is longer than ", kMaxListedYears, " years"));
  }
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<Calendar> calendar =
      db.Read([&](db::Snapshot& snapshot) { return calendars_.Load(snapshot, id); });
  if (!calendar.ok()) return calendar.status();
  const WorkingCalendar weights(calendar->definition);
  const auto& special = calendar->definition.special_days;
  absl::CivilDay day = period->first;
  if (!page.after.empty() && absl::ParseCivilTime(page.after[0], &day)) ++day;
  orgv1::ListCalendarDaysResponse response;
  for (; day <= period->last; ++day) {
    if (response.days_size() == page.size) {
      response.set_next_page_token(
          resource::NextPageToken(request, {absl::FormatCivilTime(day - 1)}));
      break;
    }
    orgv1::CalendarDay& added = *response.add_days();
    *added.mutable_date() = milepost::ToProto(day);
    added.set_weight_ppm(weights.WeightPpm(day));
    const auto found =
        std::lower_bound(special.begin(), special.end(), day,
                         [](const SpecialDay& a, absl::CivilDay b) { return a.day < b; });
    if (found != special.end() && found->day == day) {
      added.set_kind(found->kind == DayKind::kHoliday ? orgv1::HOLIDAY : orgv1::WORKING_DAY);
      added.set_display_name(found->name);
    }
  }
  return response;
}

absl::Status AddStandardRecords(db::Session& db, const Clock& clock, change::Signal* committed) {
  change::Context why;
  why.reason = "standard record";
  why.committed = committed;
  const CalendarStore calendars;
  const MetricStore metrics;
  // Each by itself: what another process adds at the same time is there, and that is all that is
  // wanted.
  const auto add = [&](auto&& load, auto&& insert) -> absl::Status {
    const absl::Status there =
        db.Read([&](db::Snapshot& snapshot) -> absl::Status { return load(snapshot); });
    if (!absl::IsNotFound(there)) return there;
    const absl::Status added =
        db.Transact([&](db::Transaction& tx) -> absl::Status { return insert(tx); });
    return absl::IsAlreadyExists(added) ? absl::OkStatus() : added;
  };
  Calendar calendar;
  calendar.id = kDefaultCalendarId;
  calendar.display_name = "Monday to Friday";
  calendar.create_time = calendar.update_time = clock.Now();
  absl::Status s =
      add([&](db::Snapshot& snapshot) { return calendars.Load(snapshot, calendar.id).status(); },
          [&](db::Transaction& tx) { return calendars.Insert(tx, why, calendar).status(); });
  if (!s.ok()) return s;
  for (Metric& metric : StandardMetrics()) {
    metric.create_time = metric.update_time = clock.Now();
    s = add([&](db::Snapshot& snapshot) { return metrics.Load(snapshot, metric.id).status(); },
            [&](db::Transaction& tx) { return metrics.Insert(tx, why, metric).status(); });
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace milepost::target
