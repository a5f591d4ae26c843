#include "target-svc/store/threshold_store.h"

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"

namespace milepost::target {
namespace {

absl::StatusOr<SmartThresholds> LoadWith(db::Snapshot& snapshot, const char* lock) {
  const std::string sql = absl::StrCat(
      "SELECT growth_warning_ppm, growth_error_ppm, shrink_warning_ppm, min_history, "
      "coverage_warning_ppm, coverage_error_ppm, utilisation_warning_ppm, utilisation_error_ppm, "
      "stale_days, max_period_days, checkpoint_days, late_start_ppm, version, update_time"
      " FROM smart_thresholds WHERE thresholds_id = 1 LIMIT 1",
      lock);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_smart_thresholds", sql}, {});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::InternalError("the row of smart_thresholds is missing");
  const db::Row& row = rows->front();
  SmartThresholds thresholds;
  SmartSettings& settings = thresholds.settings;
  settings.growth_warning_ppm = row.Int64(0);
  settings.growth_error_ppm = row.Int64(1);
  settings.shrink_warning_ppm = row.Int64(2);
  settings.min_history = static_cast<size_t>(row.Int64(3));
  settings.coverage_warning_ppm = row.Int64(4);
  settings.coverage_error_ppm = row.Int64(5);
  settings.utilisation_warning_ppm = row.Int64(6);
  settings.utilisation_error_ppm = row.Int64(7);
  settings.stale_days = static_cast<int>(row.Int64(8));
  settings.max_period_days = static_cast<int>(row.Int64(9));
  settings.checkpoint_days = static_cast<int>(row.Int64(10));
  settings.late_start_ppm = row.Int64(11);
  thresholds.version = row.Int64(12);
  thresholds.update_time = row.Time(13);
  return thresholds;
}

}  // namespace

v1::SmartThresholds ToProto(const SmartThresholds& thresholds) {
  const SmartSettings& settings = thresholds.settings;
  v1::SmartThresholds message;
  message.set_growth_warning_ppm(settings.growth_warning_ppm);
  message.set_growth_error_ppm(settings.growth_error_ppm);
  message.set_shrink_warning_ppm(settings.shrink_warning_ppm);
  message.set_min_history(static_cast<int32_t>(settings.min_history));
  message.set_coverage_warning_ppm(settings.coverage_warning_ppm);
  message.set_coverage_error_ppm(settings.coverage_error_ppm);
  message.set_utilisation_warning_ppm(settings.utilisation_warning_ppm);
  message.set_utilisation_error_ppm(settings.utilisation_error_ppm);
  message.set_stale_days(settings.stale_days);
  message.set_max_period_days(settings.max_period_days);
  message.set_checkpoint_days(settings.checkpoint_days);
  message.set_late_start_ppm(settings.late_start_ppm);
  if (thresholds.version > 1)
    *message.mutable_update_time() = milepost::ToProto(thresholds.update_time);
  message.set_etag(resource::Etag(thresholds.version));
  return message;
}

absl::StatusOr<SmartThresholds> ThresholdStore::Load(db::Snapshot& snapshot) const {
  return LoadWith(snapshot, "");
}

absl::StatusOr<SmartThresholds> ThresholdStore::LoadForUpdate(db::Transaction& tx) const {
  return LoadWith(tx, " FOR UPDATE");
}

absl::StatusOr<SmartThresholds> ThresholdStore::Save(db::Transaction& tx,
                                                     const change::Context& why,
                                                     SmartThresholds thresholds,
                                                     absl::Time previous_update_time) const {
  static constexpr db::Statement kSave{
      "save_smart_thresholds",
      "UPDATE smart_thresholds SET growth_warning_ppm = ?, growth_error_ppm = ?, "
      "shrink_warning_ppm = ?, min_history = ?, coverage_warning_ppm = ?, coverage_error_ppm = ?, "
      "utilisation_warning_ppm = ?, utilisation_error_ppm = ?, stale_days = ?, max_period_days = "
      "?, checkpoint_days = ?, late_start_ppm = ?, version = ?, update_time = ?"
      " WHERE thresholds_id = 1"};
  const SmartSettings& settings = thresholds.settings;
  ++thresholds.version;
  const absl::StatusOr<int64_t> saved = tx.Execute(
      kSave, settings.growth_warning_ppm, settings.growth_error_ppm, settings.shrink_warning_ppm,
      static_cast<int64_t>(settings.min_history), settings.coverage_warning_ppm,
      settings.coverage_error_ppm, settings.utilisation_warning_ppm, settings.utilisation_error_ppm,
      settings.stale_days, settings.max_period_days, settings.checkpoint_days,
      settings.late_start_ppm, thresholds.version, thresholds.update_time);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return absl::InternalError("the row of smart_thresholds is missing");
  const v1::SmartThresholds state = ToProto(thresholds);
  if (absl::Status s =
          change::Record(tx, why,
                         {"smart_thresholds.updated", "smart_thresholds", "smartThresholds",
                          thresholds.version, state, false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return thresholds;
}

}  // namespace milepost::target
