#include "target-svc/service/metric_service.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/recorded_actual.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

const std::set<std::string>& ChangeableFields() {
  static const std::set<std::string> fields{"display_name", "display_name_zh", "unit_label",
                                            "description"};
  return fields;
}

void ReadNames(const v1::Metric& message, const std::set<std::string>& fields, Reader& reader,
               Metric& metric) {
  if (fields.contains("display_name")) {
    metric.display_name = reader.Text(message.display_name(), "metric.display_name",
                                      kMaxDisplayName, Need::kRequired);
  }
  if (fields.contains("display_name_zh")) {
    metric.display_name_zh =
        reader.Text(message.display_name_zh(), "metric.display_name_zh", kMaxDisplayName);
  }
  if (fields.contains("unit_label")) {
    metric.unit_label = reader.Text(message.unit_label(), "metric.unit_label", kMaxUnitLabel);
  }
  if (fields.contains("description")) {
    metric.description =
        reader.Text(message.description(), "metric.description", kMaxMetricDescription);
  }
}

}  // namespace

MetricService::MetricService(rpc::Runner& rpc, Clock clock) : rpc_(rpc), clock_(std::move(clock)) {
  rpc_.Register<v1::MetricService>();
}

grpc::ServerUnaryReactor* MetricService::GetMetric(grpc::CallbackServerContext* context,
                                                   const v1::GetMetricRequest* request,
                                                   v1::Metric* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* MetricService::ListMetrics(grpc::CallbackServerContext* context,
                                                     const v1::ListMetricsRequest* request,
                                                     v1::ListMetricsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* MetricService::CreateMetric(grpc::CallbackServerContext* context,
                                                      const v1::CreateMetricRequest* request,
                                                      v1::Metric* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* MetricService::UpdateMetric(grpc::CallbackServerContext* context,
                                                      const v1::UpdateMetricRequest* request,
                                                      v1::Metric* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}

absl::StatusOr<v1::Metric> MetricService::Get(const rpc::Caller&, db::Session& db,
                                              const v1::GetMetricRequest& request) {
  Reader reader;
  const std::string id = reader.Name("metrics", request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<Metric> metric =
      db.Read([&](db::Snapshot& snapshot) { return metrics_.Load(snapshot, id); });
  if (!metric.ok()) return metric.status();
  return ToProto(*metric);
}

absl::StatusOr<v1::ListMetricsResponse> MetricService::List(const rpc::Caller&, db::Session& db,
                                                            const v1::ListMetricsRequest& request) {
  Reader reader;
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<std::vector<Metric>> metrics = db.Read([&](db::Snapshot& snapshot) {
    return metrics_.List(snapshot, page.after.empty() ? "" : page.after[0], page.size + 1);
  });
  if (!metrics.ok()) return metrics.status();
  v1::ListMetricsResponse response;
  for (const Metric& metric : *metrics) {
    if (response.metrics_size() == page.size) {
      response.set_next_page_token(
          resource::NextPageToken(request, {(*metrics)[static_cast<size_t>(page.size) - 1].id}));
      break;
    }
    *response.add_metrics() = ToProto(metric);
  }
  return response;
}

absl::StatusOr<v1::Metric> MetricService::Create(const rpc::Caller& caller, db::Session& db,
                                                 const v1::CreateMetricRequest& request) {
  Reader reader;
  const v1::Metric& message = request.metric();
  Metric metric;
  metric.id = reader.Id(request.metric_id(), "metric_id", Need::kRequired);
  if (!request.has_metric()) reader.Add("metric", "is required");
  ReadNames(message, ChangeableFields(), reader, metric);
  metric.unit = static_cast<MetricUnit>(
      reader.Choice(message.unit(), "metric.unit", v1::MetricUnit_IsValid, Need::kRequired));
  metric.aggregation = static_cast<MetricAggregation>(reader.Choice(
      message.aggregation(), "metric.aggregation", v1::MetricAggregation_IsValid, Need::kRequired));
  metric.source = static_cast<MetricSource>(
      reader.Choice(message.source(), "metric.source", v1::MetricSource_IsValid, Need::kRequired));
  const bool computed = message.source() == v1::COMPUTED;
  if (message.source() == v1::DERIVED)
    reader.Add("metric.source", "cannot be DERIVED: only standard metrics are");
  if (message.aggregation() != v1::METRIC_AGGREGATION_UNSPECIFIED &&
      message.source() != v1::METRIC_SOURCE_UNSPECIFIED &&
      computed != (message.aggregation() == v1::RATIO_OF_SUMS)) {
    reader.Add("metric.aggregation", "must be RATIO_OF_SUMS exactly when source is COMPUTED");
  }
  metric.numerator_id = reader.Name("metrics", message.numerator(), "metric.numerator",
                                    computed ? Need::kRequired : Need::kOptional);
  metric.denominator_id = reader.Name("metrics", message.denominator(), "metric.denominator",
                                      computed ? Need::kRequired : Need::kOptional);
  if (!computed && !message.numerator().empty())
    reader.Add("metric.numerator", "must be empty unless source is COMPUTED");
  if (!computed && !message.denominator().empty()) {
    reader.Add("metric.denominator", "must be empty unless source is COMPUTED");
  }
  if (!MayBeMade(metric)) {
    reader.Add("metric_id", absl::StrCat("begins with ", kSpendPrefix,
                                         ", so the metric must be RECORDED, in MONEY, a SUM"));
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  metric.create_time = metric.update_time = clock_.Now();
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Metric> {
    for (const std::string& part : {metric.numerator_id, metric.denominator_id}) {
      if (part.empty()) continue;
      const absl::StatusOr<Metric> found = metrics_.Load(tx, part);
      if (absl::IsNotFound(found.status()))
        return error::ReferenceMissing(resource::Name("metrics", part));
      if (!found.ok()) return found.status();
      if (found->source == MetricSource::kComputed)
        return error::RatioOfRatio(resource::Name("metrics", part));
    }
    const absl::StatusOr<Metric> inserted = metrics_.Insert(tx, caller.Change(request), metric);
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

absl::StatusOr<v1::Metric> MetricService::Update(const rpc::Caller& caller, db::Session& db,
                                                 const v1::UpdateMetricRequest& request) {
  Reader reader;
  const std::string id =
      reader.Name("metrics", request.metric().name(), "metric.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), request.metric(), ChangeableFields(), reader.violations());
  Metric values;
  ReadNames(request.metric(), fields, reader, values);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Metric> {
    const absl::StatusOr<Metric> before = metrics_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("metrics", id));
    Metric metric = *before;
    if (fields.contains("display_name")) metric.display_name = values.display_name;
    if (fields.contains("display_name_zh")) metric.display_name_zh = values.display_name_zh;
    if (fields.contains("unit_label")) metric.unit_label = values.unit_label;
    if (fields.contains("description")) metric.description = values.description;
    metric.update_time = clock_.NowAfter(before->update_time);
    const absl::StatusOr<Metric> saved =
        metrics_.Save(tx, caller.Change(request), std::move(metric), before->update_time);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

}  // namespace milepost::target
