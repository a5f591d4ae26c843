#include "target-svc/service/history.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/client_context.h"
#include "platform/resource/name.h"
#include "platform/rpc/status.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

namespace repv1 = reporting::v1;

// Questions that one split may ask.
constexpr size_t kMaxQuestions = 500;
// What reporting-svc answers at once.
constexpr size_t kNamesPerQuestion = 2'000;
constexpr int kPeriodsPerQuestion = History::kMaxDaysAsked;
// Time to answer the caller after reporting-svc has answered too late.
constexpr absl::Duration kMargin = absl::Milliseconds(50);

std::string NameOf(const char* collection, const std::string& id) {
  return id.empty() ? "" : resource::Name(collection, id);
}

// How a part of the dimension is called there.
std::string GroupName(Dimension dimension, const std::string& key) {
  switch (dimension) {
    case Dimension::kUnit:
      return NameOf("units", key);
    case Dimension::kMember:
      return NameOf("members", key);
    case Dimension::kProduct:
      return NameOf("products", key);
    default:
      return key;
  }
}

std::optional<repv1::Dimension> GroupBy(Dimension dimension) {
  switch (dimension) {
    case Dimension::kUnit:
      return repv1::UNIT;
    case Dimension::kMember:
      return repv1::MEMBER;
    case Dimension::kProduct:
      return repv1::PRODUCT;
    case Dimension::kRegion:
      return repv1::REGION;
    case Dimension::kChannel:
      return repv1::CHANNEL;
    default:
      return std::nullopt;
  }
}

// What of the node's scope narrows its history. Units and members that are split keep what they
// earned elsewhere: the parts name them.
void SetFilter(const Scope& scope, Dimension dimension, repv1::ReportFilter& filter) {
  const bool by_owner = dimension == Dimension::kUnit || dimension == Dimension::kMember;
  if (!by_owner) filter.set_unit(NameOf("units", scope.unit_id));
  if (!by_owner) filter.set_member(NameOf("members", scope.member_id));
  // A member's history is the member's, in whatever unit it was earned.
  if (!scope.member_id.empty()) filter.clear_unit();
  filter.set_product(NameOf("products", scope.product_id));
  filter.set_region(scope.region);
  filter.set_channel(scope.channel);
}

bool IsWholeMonths(DayRange range) {
  return range.first.day() == 1 &&
         absl::CivilDay(absl::CivilMonth(range.last) + 1) - 1 == range.last;
}

int64_t Add(int64_t a, int64_t b) { return CheckedAdd(a, b).value_or(a); }

}  // namespace

absl::StatusOr<repv1::Actuals> History::Ask(const repv1::GetActualsRequest& request,
                                            const HistorySpec& spec) {
  const std::string key = request.SerializeAsString();
  if (const auto known = answers_.find(key); known != answers_.end()) return known->second;
  if (answers_.size() >= kMaxQuestions)
    return error::TooManyHistoryQueries(answers_.size() + 1, kMaxQuestions);
  grpc::ClientContext context;
  if (as_ == AskAs::kCaller) {
    caller_.Prepare(context);
  } else {
    // Without a token the certificate of this service says who asks.
    context.AddMetadata("traceparent", caller_.traceparent());
    context.set_deadline(absl::ToChronoTime(caller_.deadline() - kMargin));
  }
  repv1::Actuals actuals;
  const grpc::Status status = reports_.GetActuals(&context, request, &actuals);
  if (!status.ok()) {
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
        status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      return error::HistoryUnavailable(status.error_message());
    }
    return rpc::FromGrpcStatus(status);
  }
  if (!actuals.currency_code().empty() && !spec.currency_code.empty() &&
      actuals.currency_code() != spec.currency_code) {
    return error::ActualsInOtherCurrency(actuals.currency_code(), spec.currency_code);
  }
  answers_.emplace(key, actuals);
  return actuals;
}

absl::StatusOr<std::vector<int64_t>> History::ByName(const HistorySpec& spec, DayRange range,
                                                     const Node& node, Dimension dimension,
                                                     const std::vector<PartSpec>& parts) {
  std::vector<int64_t> values(parts.size(), 0);
  for (size_t at = 0; at < parts.size(); at += kNamesPerQuestion) {
    const size_t end = std::min(parts.size(), at + kNamesPerQuestion);
    repv1::GetActualsRequest request;
    request.set_metric(resource::Name("metrics", spec.metric_id));
    *request.mutable_range() = ToProto(range);
    SetFilter(node.scope, dimension, *request.mutable_filter());
    request.set_group_by(*GroupBy(dimension));
    for (size_t i = at; i < end; ++i) request.add_names(GroupName(dimension, parts[i].key));
    const absl::StatusOr<repv1::Actuals> actuals = Ask(request, spec);
    if (!actuals.ok()) return actuals.status();
    absl::flat_hash_map<std::string, int64_t> sums;
    for (const repv1::Actuals::Row& row : actuals->rows()) sums[row.group().name()] = row.sum();
    for (size_t i = at; i < end; ++i) {
      const auto sum = sums.find(GroupName(dimension, parts[i].key));
      if (sum != sums.end()) values[i] = sum->second;
    }
  }
  return values;
}

absl::StatusOr<std::vector<int64_t>> History::ByPeriod(const HistorySpec& spec, DayRange range,
                                                       const Node& node,
                                                       const std::vector<PartSpec>& parts) {
  std::vector<std::optional<DayRange>> places;
  std::optional<DayRange> span;
  bool months = true;
  for (const PartSpec& part : parts) {
    const std::optional<DayRange> place = InReference(node.scope.period, *part.period, range);
    places.push_back(place);
    if (!place) continue;
    months = months && IsWholeMonths(*place);
    if (!span) span = place;
    span->first = std::min(span->first, place->first);
    span->last = std::max(span->last, place->last);
  }
  std::vector<int64_t> values(parts.size(), 0);
  if (!span) return values;
  for (absl::CivilDay first = span->first; first <= span->last;) {
    repv1::GetActualsRequest request;
    request.set_metric(resource::Name("metrics", spec.metric_id));
    DayRange some{first, span->last};
    if (!months) some.last = std::min(some.last, first + (kPeriodsPerQuestion - 1));
    *request.mutable_range() = ToProto(some);
    request.set_granularity(months ? repv1::MONTH : repv1::DAY);
    SetFilter(node.scope, Dimension::kPeriod, *request.mutable_filter());
    const absl::StatusOr<repv1::Actuals> actuals = Ask(request, spec);
    if (!actuals.ok()) return actuals.status();
    if (actuals->rows_size() > 0) {
      const repv1::Actuals::Row& row = actuals->rows(0);
      for (int i = 0; i < std::min(actuals->periods_size(), row.values_size()); ++i) {
        const type::v1::Date& date = actuals->periods(i).first_date();
        const absl::CivilDay day(date.year(), date.month(), date.day());
        for (size_t part = 0; part < parts.size(); ++part) {
          if (places[part] && places[part]->first <= day && day <= places[part]->last) {
            values[part] = Add(values[part], row.values(i));
          }
        }
      }
    }
    first = some.last + 1;
  }
  return values;
}

absl::StatusOr<MixRequest> History::Read(const HistorySpec& spec, const Node& node,
                                         Dimension dimension, const std::vector<PartSpec>& parts) {
  if (dimension == Dimension::kCustomer || !node.scope.customer_id.empty()) {
    return error::NoParts(node.Name(),
                          "actuals are not kept by customer, so there is no share of history");
  }
  MixRequest mix{
      .parts = parts.size(), .rule = spec.mix, .gaps = spec.gaps, .newcomers = spec.newcomers};
  for (const ReferencePeriod& reference : spec.references) {
    const DayRange range = reference.period;
    const absl::StatusOr<std::vector<int64_t>> values =
        dimension == Dimension::kPeriod ? ByPeriod(spec, range, node, parts)
                                        : ByName(spec, range, node, dimension, parts);
    if (!values.ok()) return values.status();
    PastPeriod period{.label = absl::StrCat(absl::FormatCivilTime(range.first), "/",
                                            absl::FormatCivilTime(range.last)),
                      .mix = reference.mix_weight};
    for (const int64_t value : *values) {
      period.values.push_back(value == 0 ? std::nullopt : std::optional<int64_t>(value));
    }
    if (reference.growth_ppm != 0)
      period.growth_ppm.assign(parts.size(), kPpm + reference.growth_ppm);
    mix.periods.push_back(std::move(period));
  }
  return mix;
}

absl::StatusOr<int64_t> History::Total(const HistorySpec& spec, const Scope& scope,
                                       DayRange range) {
  repv1::GetActualsRequest request;
  request.set_metric(resource::Name("metrics", spec.metric_id));
  *request.mutable_range() = ToProto(range);
  SetFilter(scope, Dimension::kNone, *request.mutable_filter());
  const absl::StatusOr<repv1::Actuals> actuals = Ask(request, spec);
  if (!actuals.ok()) return actuals.status();
  return actuals->rows_size() == 0 ? 0 : actuals->rows(0).sum();
}

absl::StatusOr<std::optional<absl::CivilDay>> History::LastDay(const HistorySpec& spec,
                                                               const Scope& scope, DayRange range) {
  repv1::GetActualsRequest request;
  request.set_metric(resource::Name("metrics", spec.metric_id));
  *request.mutable_range() = ToProto(range);
  request.set_granularity(repv1::DAY);
  SetFilter(scope, Dimension::kNone, *request.mutable_filter());
  const absl::StatusOr<repv1::Actuals> actuals = Ask(request, spec);
  if (!actuals.ok()) return actuals.status();
  std::optional<absl::CivilDay> last;
  if (actuals->rows_size() == 0) return last;
  const repv1::Actuals::Row& row = actuals->rows(0);
  for (int i = 0; i < std::min(actuals->periods_size(), row.values_size()); ++i) {
    if (row.values(i) == 0) continue;
    const type::v1::Date& date = actuals->periods(i).first_date();
    last = absl::CivilDay(date.year(), date.month(), date.day());
  }
  return last;
}

absl::StatusOr<std::vector<int64_t>> History::Weeks(const HistorySpec& spec, const Scope& scope,
                                                    DayRange range) {
  repv1::GetActualsRequest request;
  request.set_metric(resource::Name("metrics", spec.metric_id));
  *request.mutable_range() = ToProto(range);
  request.set_granularity(repv1::WEEK);
  SetFilter(scope, Dimension::kNone, *request.mutable_filter());
  const absl::StatusOr<repv1::Actuals> actuals = Ask(request, spec);
  if (!actuals.ok()) return actuals.status();
  if (actuals->rows_size() == 0) return std::vector<int64_t>();
  return std::vector<int64_t>(actuals->rows(0).values().begin(), actuals->rows(0).values().end());
}

absl::StatusOr<History::Sales> History::MemberSales(const HistorySpec& spec,
                                                    const std::string& member_id, DayRange range) {
  repv1::GetActualsRequest request;
  request.set_metric(resource::Name("metrics", spec.metric_id));
  *request.mutable_range() = ToProto(range);
  request.set_granularity(repv1::DAY);
  request.mutable_filter()->set_member(resource::Name("members", member_id));
  request.set_returns_apart(true);
  const absl::StatusOr<repv1::Actuals> actuals = Ask(request, spec);
  if (!actuals.ok()) return actuals.status();
  const int days = static_cast<int>(range.last - range.first) + 1;
  if (actuals->rows_size() != 1 || actuals->rows(0).values_size() != days)
    return error::HistoryUnavailable("it did not answer for every day");
  const auto day_of = [](const type::v1::Date& date) {
    return absl::CivilDay(date.year(), date.month(), date.day());
  };
  const repv1::Actuals::Row& row = actuals->rows(0);
  Sales sales;
  sales.by_day.assign(row.values().begin(), row.values().end());
  for (const repv1::Actuals::Return& one : row.returns()) {
    Return back{day_of(one.date()), std::nullopt, one.value()};
    if (one.has_origin_date()) back.origin = day_of(one.origin_date());
    if (back.day < range.first || back.day > range.last) continue;
    // The values hold what came back: here they are what was sold.
    sales.by_day[static_cast<size_t>(back.day - range.first)] -= back.value;
    sales.returns.push_back(back);
  }
  return sales;
}

absl::StatusOr<repv1::Actuals> History::AskMembers(const HistorySpec& spec,
                                                   const std::vector<std::string>& member_ids,
                                                   DayRange range, repv1::Granularity granularity) {
  repv1::GetActualsRequest request;
  request.set_metric(resource::Name("metrics", spec.metric_id));
  *request.mutable_range() = ToProto(range);
  request.set_granularity(granularity);
  request.set_group_by(repv1::MEMBER);
  for (const std::string& id : member_ids) request.add_names(resource::Name("members", id));
  absl::StatusOr<repv1::Actuals> actuals = Ask(request, spec);
  if (!actuals.ok()) return actuals.status();
  // They are answered in the order of the names, all of them.
  if (actuals->rows_size() != request.names_size())
    return error::HistoryUnavailable("it did not answer for every member");
  return actuals;
}

absl::StatusOr<std::vector<int64_t>> History::MemberTotals(
    const HistorySpec& spec, const std::vector<std::string>& member_ids, DayRange range) {
  const absl::StatusOr<repv1::Actuals> actuals =
      AskMembers(spec, member_ids, range, repv1::GRANULARITY_UNSPECIFIED);
  if (!actuals.ok()) return actuals.status();
  std::vector<int64_t> totals;
  for (const repv1::Actuals::Row& row : actuals->rows()) totals.push_back(row.sum());
  return totals;
}

absl::StatusOr<std::vector<std::vector<int64_t>>> History::MemberDays(
    const HistorySpec& spec, const std::vector<std::string>& member_ids, DayRange range) {
  const absl::StatusOr<repv1::Actuals> actuals = AskMembers(spec, member_ids, range, repv1::DAY);
  if (!actuals.ok()) return actuals.status();
  const int days = static_cast<int>(range.last - range.first) + 1;
  std::vector<std::vector<int64_t>> values;
  for (const repv1::Actuals::Row& row : actuals->rows()) {
    if (row.values_size() != days)
      return error::HistoryUnavailable("it did not answer for every day");
    values.emplace_back(row.values().begin(), row.values().end());
  }
  return values;
}

}  // namespace milepost::target
