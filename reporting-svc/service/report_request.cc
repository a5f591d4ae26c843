#include "reporting-svc/service/report_request.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "platform/resource/name.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"

namespace milepost::reporting {
namespace {

// Id of an optional resource name.
std::string ReadName(const std::string& collection, const std::string& name,
                     const std::string& field, status::FieldViolations& violations) {
  if (name.empty()) return "";
  std::optional<std::string> id = resource::IdOf(collection, name);
  if (!id)
    violations.Add(field, absl::StrCat("must be ", collection, "/ and an id: ", resource::kIdRule));
  return id.value_or("");
}

void AddKey(Dim dim, const std::string& key, const std::string& field, Filter& filter,
            status::FieldViolations& violations) {
  if (key.empty()) return;
  // Characters, not bytes: keys of customers may be Chinese.
  size_t characters = 0;
  for (const char c : key) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  if (characters > kMaxKeyLength) {
    violations.Add(field, absl::StrCat("must be at most ", kMaxKeyLength, " characters"));
  }
  filter.dims[dim] = key;
}

template <typename Query>
absl::StatusOr<Query> Finish(Query query, const status::FieldViolations& violations) {
  if (absl::Status s = violations.ToStatus(); !s.ok()) return s;
  return query;
}

Days RequiredRange(bool has, const type::v1::DateRange& range, const std::string& field,
                   status::FieldViolations& violations) {
  if (!has) {
    violations.Add(field, "is required");
    return kAllTime;
  }
  return ReadRange(has, range, field, violations).value_or(kAllTime);
}

// Ids of the names to answer for, in the form that figures are kept by.
std::vector<std::string> ReadNames(const google::protobuf::RepeatedPtrField<std::string>& names,
                                   v1::Dimension by, status::FieldViolations& violations) {
  std::vector<std::string> ids;
  if (names.empty()) return ids;
  if (by == v1::DIMENSION_UNSPECIFIED) {
    violations.Add("names", "may only be given together with group_by");
    return ids;
  }
  if (names.size() > kMaxNames) {
    violations.Add("names", absl::StrCat("must be at most ", kMaxNames, ", not ", names.size()));
    return ids;
  }
  std::set<std::string> seen;
  for (int i = 0; i < names.size(); ++i) {
    const std::string field = absl::StrCat("names[", i, "]");
    std::string id = names[i];
    switch (by) {
      case v1::MEMBER:
        id = ReadName("members", names[i], field, violations);
        break;
      case v1::UNIT:
        id = ReadName("units", names[i], field, violations);
        break;
      case v1::PRODUCT:
        id = ReadName("products", names[i], field, violations);
        break;
      case v1::SOURCE:
        id = ReadName("sources", names[i], field, violations);
        break;
      default: {
        Filter ignored;
        AddKey(Dim::kRegion, names[i], field, ignored, violations);
      }
    }
    if (!seen.insert(id).second) violations.Add(field, "is named twice");
    ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace

Dim Grouping::dim() const {
  switch (by) {
    case v1::PRODUCT:
      return Dim::kProduct;
    case v1::SOURCE:
      return Dim::kSource;
    case v1::REGION:
      return Dim::kRegion;
    case v1::CHANNEL:
      return Dim::kChannel;
    default:
      return Dim::kNone;
  }
}

Filter ReadFilter(const v1::ReportFilter& filter, status::FieldViolations& violations) {
  Filter read;
  read.unit = ReadName("units", filter.unit(), "filter.unit", violations);
  read.member = ReadName("members", filter.member(), "filter.member", violations);
  if (!filter.product().empty()) {
    read.dims[Dim::kProduct] = ReadName("products", filter.product(), "filter.product", violations);
  }
  if (!filter.source().empty()) {
    read.dims[Dim::kSource] = ReadName("sources", filter.source(), "filter.source", violations);
  }
  AddKey(Dim::kRegion, filter.region(), "filter.region", read, violations);
  AddKey(Dim::kChannel, filter.channel(), "filter.channel", read, violations);
  return read;
}

std::optional<Days> ReadRange(bool has, const type::v1::DateRange& range, const std::string& field,
                              status::FieldViolations& violations) {
  if (!has) return std::nullopt;
  const std::optional<DayRange> read = ReadDateRange(range, field, violations);
  if (!read) return std::nullopt;
  return Days{read->first, read->last};
}

Grouping ReadGrouping(v1::Dimension by, int unit_level, const std::string& field,
                      status::FieldViolations& violations) {
  Grouping grouping;
  if (!v1::Dimension_IsValid(by)) {
    violations.Add(field, absl::StrCat(static_cast<int>(by), " is not a dimension"));
  } else {
    grouping.by = by;
  }
  if (unit_level < 0 || unit_level > kMaxUnitLevel) {
    violations.Add("unit_level",
                   absl::StrCat("must be from 0 to ", kMaxUnitLevel, ", not ", unit_level));
  } else if (unit_level > 0) {
    grouping.unit_level = unit_level;
  }
  return grouping;
}

const Metric* ReadMetric(const std::string& name, bool optional,
                         status::FieldViolations& violations) {
  if (name.empty() && optional) return FindMetric("revenue");
  const std::optional<std::string> id = resource::IdOf("metrics", name);
  const Metric* metric = id ? FindMetric(*id) : nullptr;
  if (metric == nullptr) {
    std::string known;
    for (const Metric& each : Metrics())
      absl::StrAppend(&known, known.empty() ? "" : ", ", "metrics/", each.id);
    violations.Add("metric", absl::StrCat("must be a metric with derived actuals: ", known));
  }
  return metric;
}

std::string ReadCurrency(const std::string& code, const std::string& suite_currency,
                         status::FieldViolations& violations) {
  if (code.empty()) return suite_currency;
  if (!IsCurrencyCode(code))
    violations.Add("currency_code", "must be three letters A to Z as in ISO 4217");
  return code;
}

Granularity ReadGranularity(v1::Granularity granularity, const std::optional<Days>& range,
                            status::FieldViolations& violations) {
  Granularity read = Granularity::kWhole;
  switch (granularity) {
    case v1::GRANULARITY_UNSPECIFIED:
      return read;
    case v1::DAY:
      read = Granularity::kDay;
      break;
    case v1::WEEK:
      read = Granularity::kWeek;
      break;
    case v1::MONTH:
      read = Granularity::kMonth;
      break;
    case v1::QUARTER:
      read = Granularity::kQuarter;
      break;
    case v1::YEAR:
      read = Granularity::kYear;
      break;
    default:
      violations.Add("granularity",
                     absl::StrCat(static_cast<int>(granularity), " is not a granularity"));
      return read;
  }
  if (range) {
    const size_t periods = Cut(*range, read).size();
    if (periods > kMaxPeriods) {
      violations.Add("granularity", absl::StrCat("cuts the range into ", periods,
                                                 " periods; at most ", kMaxPeriods));
    }
  }
  return read;
}

std::string ReadProcess(const std::string& name, status::FieldViolations& violations) {
  return ReadName("processes", name, "process", violations);
}

absl::StatusOr<FunnelQuery> ParseFunnel(const v1::GetFunnelRequest& request) {
  status::FieldViolations violations;
  FunnelQuery query;
  query.opened =
      ReadRange(request.has_opened(), request.opened(), "opened", violations).value_or(kAllTime);
  query.filter = ReadFilter(request.filter(), violations);
  query.grouping = ReadGrouping(request.group_by(), request.unit_level(), "group_by", violations);
  query.process = ReadProcess(request.process(), violations);
  return Finish(std::move(query), violations);
}

absl::StatusOr<FunnelQuery> ParseConversionRates(const v1::GetConversionRatesRequest& request) {
  status::FieldViolations violations;
  FunnelQuery query;
  query.opened =
      ReadRange(request.has_opened(), request.opened(), "opened", violations).value_or(kAllTime);
  query.filter = ReadFilter(request.filter(), violations);
  query.grouping = ReadGrouping(request.group_by(), 0, "group_by", violations);
  query.process = ReadProcess(request.process(), violations);
  return Finish(std::move(query), violations);
}

namespace {

// `Request` is that of the Get or of the Watch: they say the same.
template <typename Request>
absl::StatusOr<LeaderboardQuery> ReadLeaderboard(const Request& request,
                                                 const std::string& currency) {
  status::FieldViolations violations;
  LeaderboardQuery query;
  query.subject = ReadGrouping(request.subject(), request.unit_level(), "subject", violations);
  if (request.subject() != v1::MEMBER && request.subject() != v1::UNIT) {
    violations.Add("subject", "must be MEMBER or UNIT");
  }
  query.metric = ReadMetric(request.metric(), /*optional=*/true, violations);
  query.range = RequiredRange(request.has_range(), request.range(), "range", violations);
  query.filter = ReadFilter(request.filter(), violations);
  if (request.limit() < 0 || request.limit() > kMaxLeaders) {
    violations.Add("limit",
                   absl::StrCat("must be from 0 to ", kMaxLeaders, ", not ", request.limit()));
  } else if (request.limit() > 0) {
    query.limit = request.limit();
  }
  query.currency = ReadCurrency(request.currency_code(), currency, violations);
  return Finish(std::move(query), violations);
}

}  // namespace

absl::StatusOr<LeaderboardQuery> ParseLeaderboard(const v1::GetLeaderboardRequest& request,
                                                  const std::string& currency) {
  return ReadLeaderboard(request, currency);
}

absl::StatusOr<LeaderboardQuery> ParseLeaderboard(const v1::WatchLeaderboardRequest& request,
                                                  const std::string& currency) {
  return ReadLeaderboard(request, currency);
}

absl::StatusOr<ClosedQuery> ParseWinLoss(const v1::GetWinLossRequest& request,
                                         const std::string& currency) {
  status::FieldViolations violations;
  ClosedQuery query;
  query.closed =
      ReadRange(request.has_closed(), request.closed(), "closed", violations).value_or(kAllTime);
  query.filter = ReadFilter(request.filter(), violations);
  query.grouping = ReadGrouping(request.group_by(), request.unit_level(), "group_by", violations);
  query.currency = ReadCurrency(request.currency_code(), currency, violations);
  return Finish(std::move(query), violations);
}

absl::StatusOr<ClosedQuery> ParseSalesCycle(const v1::GetSalesCycleRequest& request) {
  status::FieldViolations violations;
  ClosedQuery query;
  query.closed =
      ReadRange(request.has_closed(), request.closed(), "closed", violations).value_or(kAllTime);
  query.filter = ReadFilter(request.filter(), violations);
  query.grouping = ReadGrouping(request.group_by(), request.unit_level(), "group_by", violations);
  return Finish(std::move(query), violations);
}

absl::StatusOr<SeriesQuery> ParseRevenue(const v1::GetRevenueRequest& request,
                                         const std::string& currency) {
  status::FieldViolations violations;
  SeriesQuery query;
  query.range = RequiredRange(request.has_range(), request.range(), "range", violations);
  query.granularity = ReadGranularity(request.granularity(), query.range, violations);
  query.filter = ReadFilter(request.filter(), violations);
  query.grouping = ReadGrouping(request.group_by(), request.unit_level(), "group_by", violations);
  query.currency = ReadCurrency(request.currency_code(), currency, violations);
  return Finish(std::move(query), violations);
}

absl::StatusOr<SeriesQuery> ParseKpiBoard(const v1::GetKpiBoardRequest& request,
                                          const std::string& currency) {
  status::FieldViolations violations;
  SeriesQuery query;
  query.range = RequiredRange(request.has_range(), request.range(), "range", violations);
  query.filter = ReadFilter(request.filter(), violations);
  query.currency = ReadCurrency(request.currency_code(), currency, violations);
  return Finish(std::move(query), violations);
}

absl::StatusOr<SeriesQuery> ParseActuals(const v1::GetActualsRequest& request,
                                         const std::string& currency) {
  status::FieldViolations violations;
  SeriesQuery query;
  query.metric = ReadMetric(request.metric(), /*optional=*/false, violations);
  query.range = RequiredRange(request.has_range(), request.range(), "range", violations);
  query.granularity = ReadGranularity(request.granularity(), query.range, violations);
  query.filter = ReadFilter(request.filter(), violations);
  query.grouping = ReadGrouping(request.group_by(), request.unit_level(), "group_by", violations);
  query.grouping.names = ReadNames(request.names(), request.group_by(), violations);
  query.currency = ReadCurrency(request.currency_code(), currency, violations);
  query.returns_apart = request.returns_apart();
  if (query.returns_apart && query.granularity != Granularity::kDay)
    violations.Add("returns_apart", "is only for granularity DAY");
  if (query.returns_apart && query.metric != nullptr && query.metric->group != Group::kOrder &&
      query.metric->group != Group::kCollection) {
    violations.Add("returns_apart", absl::StrCat("is only for metrics of orders and of money "
                                                 "received; metrics/",
                                                 query.metric->id, " has no returns"));
  }
  return Finish(std::move(query), violations);
}

absl::StatusOr<ProgressQuery> ParseProgress(const v1::GetTargetProgressRequest& request,
                                            absl::CivilDay today,
                                            status::FieldViolations violations) {
  ProgressQuery query;
  query.as_of = today;
  if (const std::optional<std::string> plan = resource::IdOf("plans", request.name())) {
    query.plan = *plan;
  } else if (const std::optional<resource::ChildIds> node =
                 resource::ChildIdsOf("plans", "nodes", request.name())) {
    query.plan = node->parent;
    query.node = node->id;
  } else {
    violations.Add("name",
                   absl::StrCat("must be plans/{plan} or plans/{plan}/nodes/{node}, each id ",
                                resource::kIdRule));
  }
  if (request.has_as_of_date()) {
    if (const auto day = ReadDate(request.as_of_date(), "as_of_date", violations))
      query.as_of = *day;
  }
  if (request.has_depth()) {
    if (request.depth() < 0)
      violations.Add("depth", absl::StrCat("must be 0 or more, not ", request.depth()));
    query.depth = request.depth();
  }
  if (!v1::GetTargetProgressRequest::View_IsValid(request.view())) {
    violations.Add("view", absl::StrCat(static_cast<int>(request.view()), " is not a view"));
  }
  query.by_owner = request.view() == v1::GetTargetProgressRequest::OWNERS;
  return Finish(std::move(query), violations);
}

}  // namespace milepost::reporting
