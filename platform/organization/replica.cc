#include "platform/organization/replica.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>

#include "absl/strings/str_cat.h"
#include "milepost/organization/v1/member.pb.h"
#include "milepost/organization/v1/unit.pb.h"
#include "platform/access/organization_proto.h"
#include "platform/log/log.h"

namespace milepost::organization {
namespace {

constexpr char kUnit[] = "unit";
constexpr char kMember[] = "member";
constexpr size_t kRowsPerStatement = 200;
constexpr int kRowsPerRead = 1000;
constexpr absl::Duration kRetry = absl::Milliseconds(500);

absl::Status Apply(db::Transaction& tx, std::span<const feed::v1::Event> events) {
  for (size_t at = 0; at < events.size(); at += kRowsPerStatement) {
    const size_t count = std::min(kRowsPerStatement, events.size() - at);
    std::vector<db::Value> values;
    for (const feed::v1::Event& event : events.subspan(at, count)) {
      const bool is_unit = event.aggregate_type() == kUnit;
      v1::Unit unit;
      v1::Member member;
      if (is_unit ? !event.state().UnpackTo(&unit) : !event.state().UnpackTo(&member)) {
        return absl::InvalidArgumentError(absl::StrCat("the state of ", event.aggregate(),
                                                       " is no ", is_unit ? "unit" : "member"));
      }
      const std::string& state = event.state().value();
      values.insert(values.end(), {event.aggregate(), is_unit ? kUnit : kMember, event.version(),
                                   event.deleted(), db::Bytes{state}});
    }
    // An event that is not newer than the row changes nothing; `version` is compared before it is
    // set.
    const std::string sql = absl::StrCat(
        "INSERT INTO organization_records (name, kind, version, deleted, state) VALUES ",
        db::Placeholders(count, "(?, ?, ?, ?, ?)"),
        " ON DUPLICATE KEY UPDATE"
        " state = IF(VALUES(version) > version, VALUES(state), state),"
        " deleted = IF(VALUES(version) > version, VALUES(deleted), deleted),"
        " version = GREATEST(version, VALUES(version))");
    if (absl::Status s = tx.ExecuteValues({"save_organization_records", sql}, values).status();
        !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

absl::Status Reset(db::Session& session) {
  static constexpr db::Statement kDelete{"delete_organization_records",
                                         "DELETE FROM organization_records"};
  return session.Transact([](db::Transaction& tx) { return tx.Execute(kDelete).status(); });
}

}  // namespace

change::FeedConsumer::Options OrganizationReplica::ConsumerOptions() {
  change::FeedConsumer::Options options;
  options.source = "target-svc";
  options.aggregate_types = {kUnit, kMember};
  return options;
}

change::Projection OrganizationReplica::projection() {
  return {Apply, Reset, [this](db::Session& session) {
            if (const absl::Status status = Load(session); !status.ok()) {
              log::Write(log::Level::kError, "organization not reloaded",
                         {{"error", status.ToString()}});
            }
          }};
}

absl::Status OrganizationReplica::Load(db::Session& session) {
  static constexpr db::Statement kRead{
      "load_organization_records",
      "SELECT name, kind, state FROM organization_records WHERE name > ? AND deleted = 0"
      " ORDER BY name LIMIT ?"};
  std::vector<access::Unit> units;
  std::vector<access::Member> members;
  const absl::Status status = session.Read([&](db::Snapshot& snapshot) -> absl::Status {
    units.clear();
    members.clear();
    std::string after;
    for (bool more = true; more;) {
      const absl::StatusOr<db::Rows> rows = snapshot.Query(kRead, after, kRowsPerRead);
      if (!rows.ok()) return rows.status();
      more = rows->size() == static_cast<size_t>(kRowsPerRead);
      for (const db::Row& row : *rows) {
        after = row.String(0);
        v1::Unit unit;
        v1::Member member;
        if (row.String(1) == kUnit && unit.ParseFromString(row.String(2))) {
          units.push_back(access::FromProto(unit));
        } else if (row.String(1) == kMember && member.ParseFromString(row.String(2))) {
          members.push_back(access::FromProto(member));
        } else {
          return absl::DataLossError(absl::StrCat("the stored ", after, " cannot be read"));
        }
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  cache_.Set(std::make_shared<const access::Organization>(std::move(units), std::move(members)));
  loaded_ = true;
  return absl::OkStatus();
}

void OrganizationReplica::KeepLoaded(std::stop_token stop, db::Session& session) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  while (!stop.stop_requested() && !Load(session).ok()) {
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, absl::ToChronoNanoseconds(kRetry), [] { return false; });
  }
}

absl::Status OrganizationReplica::Ready() const {
  return loaded_ ? absl::OkStatus()
                 : absl::UnavailableError("the organization has not been read yet");
}

}  // namespace milepost::organization
