#include "target-svc/service/funnel_service.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/plan.h"
#include "target-svc/service/history.h"

namespace milepost::target {
namespace {

constexpr size_t kMaxTrackedCells = 5'000;
constexpr size_t kMaxCountsPerCall = 500;
constexpr char kAllOfIt[] = "all";

const std::set<std::string>& ChangeableFields() {
  static const std::set<std::string> fields{"title", "calculation", "stage_metrics"};
  return fields;
}

// A private plan of the funnel's unit and owner.
Plan PlanLike(const StoredFunnel& funnel) {
  Plan plan;
  plan.owner_id = funnel.owner_id;
  plan.unit_id = funnel.unit_id;
  return plan;
}

// Channel, stage and week that a count is of.
using Place = std::tuple<std::string, std::string, std::string>;

Place PlaceOf(const v1::FunnelCount& count) {
  return {count.channel(), count.stage(), count.week()};
}

// What is wrong with a calculation is told under `funnel.calculation`.
std::optional<FunnelCommand> ReadCalculation(const v1::ComputeFunnelRequest& message,
                                             Reader& reader) {
  const std::string path = "funnel.calculation.";
  Reader own(path);
  absl::StatusOr<FunnelCommand> command = ReadFunnelCommand(message, own);
  if (!command.ok()) {
    // Any other error would end the call; PlanFunnel has none.
    if (own.status().ok()) own.Add("channels", std::string(command.status().message()));
  } else if (!message.has_spread()) {
    own.Add("spread", "is required: its weeks are tracked");
  } else {
    if (message.spread().members_size() > 0) own.Add("spread.members", "is not kept");
    if (!message.spread().channel().empty()) own.Add("spread.channel", "is not kept");
    const size_t weeks = Periods(command->spread->period, PeriodKind::kWeek).size();
    const size_t cells = command->funnel.channels.size() * command->funnel.stages.size() * weeks;
    if (cells > kMaxTrackedCells) {
      own.Add("spread.period",
              absl::StrCat("makes ", cells, " channels, stages and weeks; the limit is ",
                           kMaxTrackedCells));
    }
  }
  AddViolations(
      own.status(), [](const std::string& field) { return field; }, reader);
  if (!own.status().ok()) return std::nullopt;
  return *std::move(command);
}

// The metrics of `stages` stages.
void ReadStageMetrics(const v1::Funnel& message, int stages, Reader& reader) {
  if (message.stage_metrics_size() != 0 && message.stage_metrics_size() != stages) {
    reader.Add("funnel.stage_metrics", absl::StrCat("has ", message.stage_metrics_size(),
                                                    " metrics; must have ", stages, " or none"));
  }
  for (int s = 0; s < message.stage_metrics_size(); ++s) {
    reader.Name("metrics", message.stage_metrics(s), absl::StrCat("funnel.stage_metrics[", s, "]"),
                Need::kOptional);
  }
}

// Metric of a stage, bare; empty if it is counted by hand.
std::string MetricOf(const v1::Funnel& funnel, int stage) {
  if (stage >= funnel.stage_metrics_size() || funnel.stage_metrics(stage).empty()) return "";
  return resource::IdOf("metrics", funnel.stage_metrics(stage)).value_or("");
}

// Required and made of one stage, in one channel or in all.
struct StageWeeks {
  std::vector<int64_t> required;
  std::vector<int64_t> actual;  // Of the weeks that have begun.
};

absl::StatusOr<v1::FunnelTrack> ToTrack(const std::string& channel, const std::string& stage,
                                        const std::vector<std::string>& weeks, size_t gone,
                                        const StageWeeks& made) {
  v1::FunnelTrack message;
  message.set_channel(channel);
  message.set_stage(stage);
  for (size_t w = 0; w < weeks.size(); ++w) {
    v1::FunnelTrack::Week& week = *message.add_weeks();
    week.set_week(weeks[w]);
    week.set_required(made.required[w]);
    if (w < made.actual.size()) week.set_actual(made.actual[w]);
  }
  std::vector<int64_t> actual;
  for (size_t w = 0; w < gone; ++w) {
    // More came back than was made: nothing was made.
    actual.push_back(std::clamp<int64_t>(made.actual[w], 0, kMaxFunnelCount));
  }
  const absl::StatusOr<FunnelTrack> track = target::TrackFunnel(made.required, actual);
  if (!track.ok()) return track.status();
  message.set_required(track->required);
  message.set_actual(track->actual);
  message.set_gap(track->gap);
  if (track->attainment_ppm) message.set_attainment_ppm(*track->attainment_ppm);
  message.set_remaining(track->remaining);
  if (track->per_week) message.set_per_week(*track->per_week);
  return message;
}

}  // namespace

bool MaySeeFunnel(const Actor& actor, const StoredFunnel& funnel) {
  return MaySeeAll(actor, PlanLike(funnel));
}

FunnelService::FunnelService(rpc::Runner& rpc, Directory& directory,
                             std::shared_ptr<reporting::v1::ReportService::StubInterface> reports)
    : rpc_(rpc), directory_(directory), reports_(std::move(reports)) {
  rpc_.Register<v1::FunnelService>();
}

grpc::ServerUnaryReactor* FunnelService::GetFunnel(grpc::CallbackServerContext* context,
                                                   const v1::GetFunnelRequest* request,
                                                   v1::Funnel* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* FunnelService::ListFunnels(grpc::CallbackServerContext* context,
                                                     const v1::ListFunnelsRequest* request,
                                                     v1::ListFunnelsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* FunnelService::CreateFunnel(grpc::CallbackServerContext* context,
                                                      const v1::CreateFunnelRequest* request,
                                                      v1::Funnel* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* FunnelService::UpdateFunnel(grpc::CallbackServerContext* context,
                                                      const v1::UpdateFunnelRequest* request,
                                                      v1::Funnel* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* FunnelService::DeleteFunnel(grpc::CallbackServerContext* context,
                                                      const v1::DeleteFunnelRequest* request,
                                                      google::protobuf::Empty* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Delete(call...); });
}
grpc::ServerUnaryReactor* FunnelService::RecordFunnelCounts(
    grpc::CallbackServerContext* context, const v1::RecordFunnelCountsRequest* request,
    v1::Funnel* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Record(call...); });
}
grpc::ServerUnaryReactor* FunnelService::TrackFunnel(grpc::CallbackServerContext* context,
                                                     const v1::TrackFunnelRequest* request,
                                                     v1::TrackFunnelResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Track(call...); });
}

absl::Status FunnelService::CheckSeen(const rpc::Caller& caller, db::Snapshot& snapshot,
                                      const StoredFunnel& funnel, bool to_edit) {
  const std::string name = resource::Name("funnels", funnel.id);
  const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, snapshot);
  if (!actor.ok()) return actor.status();
  if (!MaySeeFunnel(*actor, funnel)) return error::NotFound(name);
  if (to_edit && !MayEdit(*actor, PlanLike(funnel))) return error::MayNotEdit(name);
  return absl::OkStatus();
}

absl::Status FunnelService::Complete(db::Snapshot& snapshot,
                                     const std::optional<FunnelCommand>& calculation,
                                     v1::Funnel& state) const {
  for (int s = 0; s < state.stage_metrics_size(); ++s) {
    const std::string metric_id = MetricOf(state, s);
    if (metric_id.empty()) continue;
    const absl::Status metric = metrics_.Load(snapshot, metric_id).status();
    if (absl::IsNotFound(metric)) return error::ReferenceMissing(state.stage_metrics(s));
    if (!metric.ok()) return metric;
  }
  if (calculation) {
    const std::string calendar_name = resource::Name("calendars", calculation->spread->calendar_id);
    const absl::StatusOr<Calendar> calendar =
        calendars_.Load(snapshot, calculation->spread->calendar_id);
    if (absl::IsNotFound(calendar.status())) return error::ReferenceMissing(calendar_name);
    if (!calendar.ok()) return calendar.status();
    const WorkingCalendar working(calendar->definition);
    if (working.WeightPpm(calculation->spread->period) == 0)
      return error::NoWorkingDays("funnel.calculation.spread.period", calendar_name);
    const std::vector<FunnelShare> weeks = WeeksOf(working, calculation->spread->period);
    state.clear_weeks();
    state.clear_requirements();
    for (const FunnelShare& week : weeks) state.add_weeks(week.id);
    for (const FunnelChannelPlan& channel : calculation->plan.channels) {
      for (size_t s = 0; s < calculation->plan.stages.size(); ++s) {
        const int64_t required = channel.needs[s].required;
        const absl::StatusOr<FunnelSpread> spread = SpreadFunnel(required, {{kAllOfIt, 1}}, weeks);
        if (!spread.ok()) return spread.status();
        v1::FunnelRequirement& requirement = *state.add_requirements();
        requirement.set_channel(channel.id);
        requirement.set_stage(calculation->plan.stages[s]);
        requirement.set_total(required);
        requirement.mutable_counts()->Add(spread->week_totals.begin(), spread->week_totals.end());
      }
    }
  }
  std::set<std::string> weeks(state.weeks().begin(), state.weeks().end());
  std::set<std::pair<std::string, std::string>> counted;  // Channels and stages, by hand.
  for (int r = 0; r < state.requirements_size(); ++r) {
    if (MetricOf(state, r % state.calculation().stages_size()).empty())
      counted.insert({state.requirements(r).channel(), state.requirements(r).stage()});
  }
  google::protobuf::RepeatedPtrField<v1::FunnelCount> kept;
  for (const v1::FunnelCount& count : state.counts()) {
    if (weeks.contains(count.week()) && counted.contains({count.channel(), count.stage()}))
      *kept.Add() = count;
  }
  state.mutable_counts()->Swap(&kept);
  return absl::OkStatus();
}

FunnelService::FunnelResult FunnelService::Get(const rpc::Caller& caller, db::Session& db,
                                               const v1::GetFunnelRequest& request) {
  Reader reader;
  const std::string id = reader.Name("funnels", request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> FunnelResult {
    const absl::StatusOr<StoredFunnel> funnel = funnels_.Load(snapshot, id);
    if (!funnel.ok()) return funnel.status();
    if (absl::Status s = CheckSeen(caller, snapshot, *funnel, false); !s.ok()) return s;
    return ToProto(*funnel);
  });
}

absl::StatusOr<v1::ListFunnelsResponse> FunnelService::List(const rpc::Caller& caller,
                                                            db::Session& db,
                                                            const v1::ListFunnelsRequest& request) {
  Reader reader;
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListFunnelsResponse> {
    v1::ListFunnelsResponse response;
    std::string after = page.after.empty() ? "" : page.after[0];
    std::string last_sent;
    while (true) {
      const absl::StatusOr<std::vector<StoredFunnel>> funnels =
          funnels_.List(snapshot, after, page.size + 1);
      if (!funnels.ok()) return funnels.status();
      for (const StoredFunnel& funnel : *funnels) {
        const absl::Status seen = CheckSeen(caller, snapshot, funnel, false);
        if (absl::IsNotFound(seen)) continue;
        if (!seen.ok()) return seen;
        if (response.funnels_size() == page.size) {
          response.set_next_page_token(resource::NextPageToken(request, {last_sent}));
          return response;
        }
        last_sent = funnel.id;
        *response.add_funnels() = ToProto(funnel);
      }
      if (funnels->size() <= static_cast<size_t>(page.size)) return response;
      after = funnels->back().id;
    }
  });
}

FunnelService::FunnelResult FunnelService::Create(const rpc::Caller& caller, db::Session& db,
                                                  const v1::CreateFunnelRequest& request) {
  Reader reader;
  const v1::Funnel& message = request.funnel();
  StoredFunnel funnel;
  funnel.id = reader.Id(request.funnel_id(), "funnel_id", Need::kRequired);
  if (!request.has_funnel()) reader.Add("funnel", "is required");
  reader.Text(message.title(), "funnel.title", kMaxTitle, Need::kRequired);
  funnel.unit_id = reader.Name("units", message.unit(), "funnel.unit", Need::kOptional);
  const std::optional<FunnelCommand> calculation = ReadCalculation(message.calculation(), reader);
  ReadStageMetrics(message, message.calculation().stages_size(), reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  funnel.owner_id = caller.member();
  funnel.state.set_title(message.title());
  funnel.state.set_unit(message.unit());
  *funnel.state.mutable_calculation() = message.calculation();
  *funnel.state.mutable_stage_metrics() = message.stage_metrics();
  if (!funnel.owner_id.empty()) funnel.state.set_owner(resource::Name("members", funnel.owner_id));
  funnel.create_time = funnel.update_time = directory_.clock().Now();
  return db.Transact([&](db::Transaction& tx) -> FunnelResult {
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, tx);
    if (!actor.ok()) return actor.status();
    if (!actor->admin && !LeadsPlan(*actor, PlanLike(funnel)))
      return error::MayNotCreate(message.unit());
    if (!funnel.unit_id.empty()) {
      const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(tx);
      if (!tree.ok()) return tree.status();
      if ((*tree)->Find(funnel.unit_id) == nullptr) return error::ReferenceMissing(message.unit());
    }
    StoredFunnel made = funnel;
    if (absl::Status s = Complete(tx, calculation, made.state); !s.ok()) return s;
    const absl::StatusOr<StoredFunnel> inserted =
        funnels_.Insert(tx, caller.Change(request), std::move(made));
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

template <typename Change>
FunnelService::FunnelResult FunnelService::ChangeFunnel(const rpc::Caller& caller, db::Session& db,
                                                        const google::protobuf::Message& request,
                                                        const std::string& id,
                                                        std::optional<int64_t> version,
                                                        const char* event_type, Change change) {
  return db.Transact([&](db::Transaction& tx) -> FunnelResult {
    const absl::StatusOr<StoredFunnel> before = funnels_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    if (absl::Status s = CheckSeen(caller, tx, *before, true); !s.ok()) return s;
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("funnels", id));
    StoredFunnel funnel = *before;
    funnel.update_time = directory_.clock().NowAfter(before->update_time);
    if (absl::Status s = change(tx, funnel.state); !s.ok()) return s;
    const absl::StatusOr<StoredFunnel> saved = funnels_.Save(
        tx, caller.Change(request), event_type, std::move(funnel), before->update_time);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

FunnelService::FunnelResult FunnelService::Update(const rpc::Caller& caller, db::Session& db,
                                                  const v1::UpdateFunnelRequest& request) {
  Reader reader;
  const v1::Funnel& message = request.funnel();
  const std::string id = reader.Name("funnels", message.name(), "funnel.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), message, ChangeableFields(), reader.violations());
  if (fields.contains("title"))
    reader.Text(message.title(), "funnel.title", kMaxTitle, Need::kRequired);
  std::optional<FunnelCommand> calculation;
  if (fields.contains("calculation")) calculation = ReadCalculation(message.calculation(), reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeFunnel(caller, db, request, id, version, "funnel.updated",
                      [&](db::Transaction& tx, v1::Funnel& state) -> absl::Status {
                        if (fields.contains("title")) state.set_title(message.title());
                        if (fields.contains("calculation"))
                          *state.mutable_calculation() = message.calculation();
                        if (fields.contains("stage_metrics"))
                          *state.mutable_stage_metrics() = message.stage_metrics();
                        Reader stages;
                        ReadStageMetrics(state, state.calculation().stages_size(), stages);
                        if (absl::Status s = stages.status(); !s.ok()) return s;
                        return Complete(tx, calculation, state);
                      });
}

absl::StatusOr<google::protobuf::Empty> FunnelService::Delete(
    const rpc::Caller& caller, db::Session& db, const v1::DeleteFunnelRequest& request) {
  Reader reader;
  const std::string id = reader.Name("funnels", request.name(), "name", Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::Status deleted = db.Transact([&](db::Transaction& tx) -> absl::Status {
    const absl::StatusOr<StoredFunnel> before = funnels_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    if (absl::Status s = CheckSeen(caller, tx, *before, true); !s.ok()) return s;
    if (version && *version != before->version) return error::StaleEtag(request.name());
    return funnels_.Delete(tx, caller.Change(request), *before,
                           directory_.clock().NowAfter(before->update_time));
  });
  if (!deleted.ok()) return deleted;
  return google::protobuf::Empty();
}

FunnelService::FunnelResult FunnelService::Record(const rpc::Caller& caller, db::Session& db,
                                                  const v1::RecordFunnelCountsRequest& request) {
  Reader reader;
  const std::string id = reader.Name("funnels", request.name(), "name", Need::kRequired);
  const size_t size = static_cast<size_t>(request.counts_size());
  if (size < 1 || size > kMaxCountsPerCall)
    reader.Add("counts", absl::StrCat("has ", size, " counts; must have 1 to ", kMaxCountsPerCall));
  std::set<Place> seen;
  for (int i = 0; i < request.counts_size(); ++i) {
    const std::string path = absl::StrCat("counts[", i, "]");
    reader.Number(request.counts(i).count(), path + ".count", 0, kMaxFunnelCount);
    if (!seen.insert(PlaceOf(request.counts(i))).second) reader.Add(path, "is there twice");
  }
  reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeFunnel(
      caller, db, request, id, version, "funnel.counted",
      [&](db::Transaction&, v1::Funnel& state) -> absl::Status {
        Reader known;
        const v1::ComputeFunnelRequest& funnel = state.calculation();
        std::map<Place, int64_t> counts;
        for (const v1::FunnelCount& count : state.counts()) counts[PlaceOf(count)] = count.count();
        for (int i = 0; i < request.counts_size(); ++i) {
          const v1::FunnelCount& count = request.counts(i);
          const std::string path = absl::StrCat("counts[", i, "].");
          const bool channel = std::any_of(
              funnel.channels().begin(), funnel.channels().end(),
              [&](const v1::FunnelChannel& one) { return one.id() == count.channel(); });
          if (!channel) known.Add(path + "channel", "is no channel of the funnel");
          const auto stage =
              std::find(funnel.stages().begin(), funnel.stages().end(), count.stage());
          if (stage == funnel.stages().end()) {
            known.Add(path + "stage", "is no stage of the funnel");
          } else if (const int s = static_cast<int>(stage - funnel.stages().begin());
                     !MetricOf(state, s).empty()) {
            known.Add(path + "stage", absl::StrCat("is counted by ", state.stage_metrics(s)));
          }
          if (std::find(state.weeks().begin(), state.weeks().end(), count.week()) ==
              state.weeks().end()) {
            known.Add(path + "week", "is no week of the funnel");
          }
          counts[PlaceOf(count)] = count.count();
        }
        if (absl::Status s = known.status(); !s.ok()) return s;
        state.clear_counts();
        for (const auto& [place, count] : counts) {
          v1::FunnelCount& message = *state.add_counts();
          message.set_channel(std::get<0>(place));
          message.set_stage(std::get<1>(place));
          message.set_week(std::get<2>(place));
          message.set_count(count);
        }
        return absl::OkStatus();
      });
}

absl::StatusOr<v1::TrackFunnelResponse> FunnelService::Track(
    const rpc::Caller& caller, db::Session& db, const v1::TrackFunnelRequest& request) {
  Reader reader;
  const std::string id = reader.Name("funnels", request.name(), "name", Need::kRequired);
  const absl::CivilDay today = directory_.clock().Today();
  const absl::CivilDay day =
      reader.Day(request.has_as_of_date(), request.as_of_date(), "as_of_date").value_or(today);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<StoredFunnel> funnel =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<StoredFunnel> {
        absl::StatusOr<StoredFunnel> found = funnels_.Load(snapshot, id);
        if (!found.ok()) return found;
        if (absl::Status s = CheckSeen(caller, snapshot, *found, false); !s.ok()) return s;
        return found;
      });
  if (!funnel.ok()) return funnel.status();
  db.EndRead();

  const v1::Funnel& state = funnel->state;
  const v1::ComputeFunnelRequest& calculation = state.calculation();
  Reader stored;
  const DayRange period =
      stored.Days(true, calculation.spread().period(), "period", Need::kRequired)
          .value_or(DayRange());
  const std::vector<Period> periods = Periods(period, PeriodKind::kWeek);
  const std::vector<std::string> weeks(state.weeks().begin(), state.weeks().end());
  // Nothing is known of days that are still to come.
  const absl::CivilDay last_known = std::min(day, today);
  size_t gone = 0;
  size_t begun = 0;
  for (const Period& week : periods) {
    gone += week.days.last <= last_known ? 1 : 0;
    begun += week.days.first <= last_known ? 1 : 0;
  }
  std::map<Place, int64_t> counts;
  for (const v1::FunnelCount& count : state.counts()) counts[PlaceOf(count)] = count.count();

  History history(*reports_, caller);
  v1::TrackFunnelResponse response;
  *response.mutable_as_of_date() = milepost::ToProto(day);
  response.set_weeks_gone(static_cast<int32_t>(gone));
  const int stages = calculation.stages_size();
  std::vector<StageWeeks> totals(static_cast<size_t>(stages));
  for (StageWeeks& total : totals) {
    total.required.assign(weeks.size(), 0);
    total.actual.assign(begun, 0);
  }
  for (int r = 0; r < state.requirements_size(); ++r) {
    const v1::FunnelRequirement& requirement = state.requirements(r);
    const int s = r % stages;
    StageWeeks made{{requirement.counts().begin(), requirement.counts().end()},
                    std::vector<int64_t>(begun, 0)};
    const std::string metric_id = MetricOf(state, s);
    if (!metric_id.empty() && begun > 0) {
      HistorySpec spec;
      spec.metric_id = metric_id;
      Scope scope;
      scope.unit_id = funnel->unit_id;
      scope.channel = requirement.channel();
      absl::StatusOr<std::vector<int64_t>> measured =
          history.Weeks(spec, scope, {period.first, std::min(period.last, last_known)});
      if (!measured.ok()) return measured.status();
      made.actual = *std::move(measured);
      made.actual.resize(begun, 0);
    } else {
      for (size_t w = 0; w < begun; ++w) {
        const auto count = counts.find({requirement.channel(), requirement.stage(), weeks[w]});
        if (count != counts.end()) made.actual[w] = count->second;
      }
    }
    StageWeeks& total = totals[static_cast<size_t>(s)];
    for (size_t w = 0; w < weeks.size(); ++w) total.required[w] += made.required[w];
    for (size_t w = 0; w < begun; ++w)
      total.actual[w] = CheckedAdd(total.actual[w], made.actual[w]).value_or(total.actual[w]);
    const absl::StatusOr<v1::FunnelTrack> track =
        ToTrack(requirement.channel(), requirement.stage(), weeks, gone, made);
    if (!track.ok()) return track.status();
    *response.add_channels() = *track;
  }
  for (int s = 0; s < stages; ++s) {
    const absl::StatusOr<v1::FunnelTrack> track =
        ToTrack("", calculation.stages(s), weeks, gone, totals[static_cast<size_t>(s)]);
    if (!track.ok()) return track.status();
    *response.add_totals() = *track;
  }
  return response;
}

}  // namespace milepost::target
