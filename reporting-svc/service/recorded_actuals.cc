#include "reporting-svc/service/recorded_actuals.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "milepost/target/v1/actual.pb.h"
#include "milepost/target/v1/metric.pb.h"
#include "reporting-svc/domain/errors.h"

namespace milepost::reporting {
namespace {

constexpr char kSpendMetric[] = "spend";
constexpr char kSpendPrefix[] = "spend-";

std::string IdIn(const std::string& name) { return name.substr(name.rfind('/') + 1); }

absl::Status AddEntries(db::Snapshot& snapshot, DocumentStore& documents,
                        const std::string& metric_id, RecordedActuals& actuals) {
  const absl::StatusOr<std::vector<Document>> listed =
      documents.List(snapshot, DocumentKind::kActual, metric_id);
  if (!listed.ok()) return listed.status();
  for (const Document& document : *listed) {
    target::v1::RecordedActual state;
    if (!state.ParseFromString(document.state))
      return error::Unreadable(absl::StrCat("document ", document.id));
    if (!state.corrected_by().empty()) continue;
    const type::v1::Date& date = state.date();
    actuals.entries.push_back({absl::CivilDay(date.year(), date.month(), date.day()),
                               IdIn(state.credited_unit()), IdIn(state.scope().member()),
                               IdIn(state.scope().product()), state.scope().region(),
                               state.scope().channel(), state.value_units()});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<RecordedActuals>> ReadRecordedActuals(db::Snapshot& snapshot,
                                                                   DocumentStore& documents,
                                                                   const std::string& metric_id) {
  const absl::StatusOr<std::optional<Document>> document =
      documents.Find(snapshot, DocumentKind::kMetric, "", metric_id);
  if (!document.ok()) return document.status();
  if (!*document) return std::nullopt;
  target::v1::Metric metric;
  if (!metric.ParseFromString((*document)->state))
    return error::Unreadable(absl::StrCat("document ", metric_id));
  if (metric.source() != target::v1::RECORDED || metric.aggregation() != target::v1::SUM)
    return std::nullopt;
  RecordedActuals actuals;
  actuals.money = metric.unit() == target::v1::MONEY;
  if (absl::Status s = AddEntries(snapshot, documents, metric_id, actuals); !s.ok()) return s;
  if (metric_id != kSpendMetric) return actuals;
  const absl::StatusOr<std::vector<Document>> metrics =
      documents.List(snapshot, DocumentKind::kMetric, "");
  if (!metrics.ok()) return metrics.status();
  for (const Document& kind : *metrics) {
    if (!absl::StartsWith(kind.id, kSpendPrefix)) continue;
    if (absl::Status s = AddEntries(snapshot, documents, kind.id, actuals); !s.ok()) return s;
  }
  return actuals;
}

}  // namespace milepost::reporting
