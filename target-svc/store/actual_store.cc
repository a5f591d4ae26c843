#include "target-svc/store/actual_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "target-svc/domain/errors.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr char kColumns[] =
    "actual_id, metric_id, day, unit_id, member_id, product_id, channel_key, region_key, "
    "customer_id, value_units, currency_code, note, corrects_id, corrected_by_id, "
    "credited_unit_id, recorder_id, version, create_time, update_time";
// Entries read at once when all are.
constexpr int kPage = 5'000;
// The first id after all kinds of spend: '.' follows '-'.
constexpr char kAfterSpendKinds[] = "spend.";

RecordedActual ActualOf(const db::Row& row) {
  RecordedActual actual;
  actual.id = row.String(0);
  actual.metric_id = row.String(1);
  actual.day = row.Day(2);
  actual.unit_id = row.String(3);
  actual.member_id = row.String(4);
  actual.product_id = row.String(5);
  actual.channel = row.String(6);
  actual.region = row.String(7);
  actual.customer_id = row.String(8);
  actual.value_units = row.Int64(9);
  actual.currency_code = row.String(10);
  actual.note = row.String(11);
  actual.corrects_id = row.String(12);
  actual.corrected_by_id = row.String(13);
  actual.credited_unit_id = row.String(14);
  actual.recorder_id = row.String(15);
  actual.version = row.Int64(16);
  actual.create_time = row.Time(17);
  actual.update_time = row.Time(18);
  return actual;
}

absl::StatusOr<RecordedActual> LoadWith(db::Snapshot& snapshot, const std::string& id,
                                        const char* lock) {
  const std::string sql =
      absl::StrCat("SELECT ", kColumns, " FROM recorded_actuals WHERE actual_id = ? LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_actual", sql}, {db::Value(id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(RecordedActual{.id = id}.Name());
  return ActualOf(rows->front());
}

// Ids of metrics that entries of a metric have.
absl::StatusOr<std::vector<std::string>> MetricsOf(db::Snapshot& snapshot,
                                                   const std::string& metric_id) {
  static constexpr db::Statement kKinds{
      "list_spend_metrics",
      "SELECT metric_id FROM metrics WHERE metric_id >= ? AND metric_id < ? ORDER BY metric_id "
      "LIMIT 1000"};
  std::vector<std::string> ids{metric_id};
  if (metric_id != kSpendMetric) return ids;
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kKinds, kSpendPrefix, kAfterSpendKinds);
  if (!rows.ok()) return rows.status();
  for (const db::Row& row : *rows) ids.push_back(row.String(0));
  return ids;
}

}  // namespace

absl::StatusOr<RecordedActual> ActualStore::Load(db::Snapshot& snapshot,
                                                 const std::string& id) const {
  return LoadWith(snapshot, id, "");
}

absl::StatusOr<RecordedActual> ActualStore::LoadForUpdate(db::Transaction& tx,
                                                          const std::string& id) const {
  return LoadWith(tx, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<RecordedActual>> ActualStore::List(db::Snapshot& snapshot,
                                                              const Filter& filter,
                                                              const std::optional<Key>& after,
                                                              int limit) const {
  std::string sql = absl::StrCat(
      "SELECT ", kColumns, " FROM recorded_actuals WHERE metric_id = ? AND day >= ? AND day <= ?");
  std::vector<db::Value> values{db::Value(filter.metric_id), db::Value(filter.period.first),
                                db::Value(filter.period.last)};
  if (after) {
    sql += " AND (day > ? OR (day = ? AND actual_id > ?))";
    values.insert(values.end(), {after->day, after->day, after->id});
  }
  if (!filter.recorder_id.empty()) {
    sql += " AND recorder_id = ?";
    values.emplace_back(filter.recorder_id);
  }
  if (filter.counting_only) sql += " AND corrected_by_id = ''";
  sql += " ORDER BY day, actual_id LIMIT ?";
  values.emplace_back(limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_actuals", sql}, values);
  if (!rows.ok()) return rows.status();
  std::vector<RecordedActual> actuals;
  for (const db::Row& row : *rows) actuals.push_back(ActualOf(row));
  return actuals;
}

absl::Status ActualStore::ForEach(db::Snapshot& snapshot, const std::string& metric_id,
                                  DayRange period,
                                  const std::function<void(const RecordedActual&)>& use) const {
  const absl::StatusOr<std::vector<std::string>> metrics = MetricsOf(snapshot, metric_id);
  if (!metrics.ok()) return metrics.status();
  for (const std::string& metric : *metrics) {
    const Filter filter{.metric_id = metric, .period = period, .counting_only = true};
    std::optional<Key> after;
    while (true) {
      const absl::StatusOr<std::vector<RecordedActual>> page = List(snapshot, filter, after, kPage);
      if (!page.ok()) return page.status();
      for (const RecordedActual& actual : *page) use(actual);
      if (page->size() < kPage) break;
      after = Key{page->back().day, page->back().id};
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<RecordedActual> ActualStore::Insert(db::Transaction& tx, const change::Context& why,
                                                   RecordedActual actual,
                                                   std::optional<RecordedActual> corrected) const {
  static const std::string insert = absl::StrCat("INSERT INTO recorded_actuals (", kColumns,
                                                 ") VALUES (", db::Placeholders(19), ")");
  static constexpr db::Statement kCorrect{
      "correct_actual",
      "UPDATE recorded_actuals SET corrected_by_id = ?, update_time = ?, version = version + 1 "
      "WHERE actual_id = ? AND corrected_by_id = ''"};
  actual.version = 1;
  const RecordedActual& a = actual;
  const absl::StatusOr<int64_t> inserted =
      tx.Execute({"insert_actual", insert}, a.id, a.metric_id, a.day, a.unit_id, a.member_id,
                 a.product_id, a.channel, a.region, a.customer_id, a.value_units, a.currency_code,
                 a.note, a.corrects_id, a.corrected_by_id, a.credited_unit_id, a.recorder_id,
                 a.version, a.create_time, a.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status())) return error::AlreadyExists(actual.Name());
    return inserted.status();
  }
  const v1::RecordedActual state = ToProto(actual);
  if (absl::Status s =
          change::Record(tx, why, {"actual.recorded", "actual", state.name(), 1, state});
      !s.ok())
    return s;
  if (!corrected) return actual;
  const absl::Time previous = corrected->update_time;
  corrected->corrected_by_id = actual.id;
  corrected->update_time = std::max(actual.update_time, previous + absl::Microseconds(1));
  ++corrected->version;
  const absl::StatusOr<int64_t> written =
      tx.Execute(kCorrect, corrected->corrected_by_id, corrected->update_time, corrected->id);
  if (!written.ok()) return written.status();
  if (*written != 1) return error::StaleEtag(corrected->Name());
  const v1::RecordedActual old_state = ToProto(*corrected);
  if (absl::Status s = change::Record(tx, why,
                                      {"actual.corrected", "actual", old_state.name(),
                                       corrected->version, old_state, false, previous});
      !s.ok()) {
    return s;
  }
  return actual;
}

}  // namespace milepost::target
