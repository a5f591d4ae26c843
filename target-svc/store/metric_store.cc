#include "target-svc/store/metric_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr char kColumns[] =
    "metric_id, display_name, display_name_zh, unit, unit_label, aggregation, source, "
    "numerator_id, denominator_id,"
    " description, version, create_time, update_time";

Metric MetricOf(const db::Row& row) {
  Metric metric;
  metric.id = row.String(0);
  metric.display_name = row.String(1);
  metric.display_name_zh = row.String(2);
  metric.unit = static_cast<MetricUnit>(row.Int64(3));
  metric.unit_label = row.String(4);
  metric.aggregation = static_cast<MetricAggregation>(row.Int64(5));
  metric.source = static_cast<MetricSource>(row.Int64(6));
  metric.numerator_id = row.String(7);
  metric.denominator_id = row.String(8);
  metric.description = row.String(9);
  metric.version = row.Int64(10);
  metric.create_time = row.Time(11);
  metric.update_time = row.Time(12);
  return metric;
}

absl::StatusOr<Metric> LoadWith(db::Snapshot& snapshot, const std::string& id, const char* lock) {
  const std::string sql =
      absl::StrCat("SELECT ", kColumns, " FROM metrics WHERE metric_id = ? LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_metric", sql}, {db::Value(id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name("metrics", id));
  return MetricOf(rows->front());
}

}  // namespace

absl::StatusOr<Metric> MetricStore::Load(db::Snapshot& snapshot, const std::string& id) const {
  return LoadWith(snapshot, id, "");
}

absl::StatusOr<Metric> MetricStore::LoadForUpdate(db::Transaction& tx,
                                                  const std::string& id) const {
  return LoadWith(tx, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<Metric>> MetricStore::List(db::Snapshot& snapshot,
                                                      const std::string& after, int limit) const {
  const std::string sql = absl::StrCat(
      "SELECT ", kColumns, " FROM metrics WHERE metric_id > ? ORDER BY metric_id LIMIT ?");
  const absl::StatusOr<db::Rows> rows =
      snapshot.QueryValues({"list_metrics", sql}, {db::Value(after), db::Value(limit)});
  if (!rows.ok()) return rows.status();
  std::vector<Metric> metrics;
  for (const db::Row& row : *rows) metrics.push_back(MetricOf(row));
  return metrics;
}

absl::StatusOr<Metric> MetricStore::Insert(db::Transaction& tx, const change::Context& why,
                                           Metric metric) const {
  static constexpr db::Statement kInsert{
      "insert_metric",
      "INSERT INTO metrics (metric_id, display_name, display_name_zh, unit, unit_label, "
      "aggregation, source, numerator_id,"
      " denominator_id, description, version, create_time, update_time) VALUES (?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, 1, ?, ?)"};
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      kInsert, metric.id, metric.display_name, metric.display_name_zh,
      static_cast<int>(metric.unit), metric.unit_label, static_cast<int>(metric.aggregation),
      static_cast<int>(metric.source), metric.numerator_id, metric.denominator_id,
      metric.description, metric.create_time, metric.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status()))
      return error::AlreadyExists(resource::Name("metrics", metric.id));
    return inserted.status();
  }
  metric.version = 1;
  const v1::Metric state = ToProto(metric);
  if (absl::Status s =
          change::Record(tx, why, {"metric.created", "metric", state.name(), 1, state});
      !s.ok())
    return s;
  return metric;
}

absl::StatusOr<Metric> MetricStore::Save(db::Transaction& tx, const change::Context& why,
                                         Metric metric, absl::Time previous_update_time) const {
  static constexpr db::Statement kSave{
      "save_metric",
      "UPDATE metrics SET display_name = ?, display_name_zh = ?, unit_label = ?, description = ?, "
      "update_time = ?,"
      " version = version + 1 WHERE metric_id = ? AND version = ?"};
  const absl::StatusOr<int64_t> saved =
      tx.Execute(kSave, metric.display_name, metric.display_name_zh, metric.unit_label,
                 metric.description, metric.update_time, metric.id, metric.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name("metrics", metric.id));
  ++metric.version;
  const v1::Metric state = ToProto(metric);
  if (absl::Status s = change::Record(tx, why,
                                      {"metric.updated", "metric", state.name(), metric.version,
                                       state, false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return metric;
}

}  // namespace milepost::target
