#include "opportunity-svc/store/opportunity_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/store/in_list.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/name.h"

namespace milepost::opportunity {
namespace {

// What FromRow reads.
constexpr char kSelect[] = "SELECT body, import_hash, import_version FROM opportunities";

absl::StatusOr<v1::Opportunity> FromBody(const std::string& body) {
  v1::Opportunity proto;
  if (!proto.ParseFromString(body))
    return absl::DataLossError("a stored opportunity cannot be read");
  return proto;
}

absl::StatusOr<Opportunity> FromRow(const db::Row& row) {
  const absl::StatusOr<v1::Opportunity> proto = FromBody(row.String(0));
  if (!proto.ok()) return proto.status();
  Opportunity opportunity = FromProto(*proto);
  if (!row.IsNull(1)) opportunity.import_mark = ImportMark{row.String(1), row.Int64(2)};
  return opportunity;
}

absl::StatusOr<Opportunity> One(const absl::StatusOr<db::Rows>& rows, const std::string& id) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name(kOpportunities, id));
  return FromRow(rows->front());
}

absl::Status RecordChange(db::Transaction& tx, const change::Context& why, const std::string& event,
                          const Opportunity& opportunity, const v1::Opportunity& proto,
                          absl::Time before) {
  return change::Record(tx, why,
                        {.type = event,
                         .aggregate_type = "opportunity",
                         .name = proto.name(),
                         .version = opportunity.version,
                         .state = proto,
                         .previous_update_time = before});
}

std::optional<int64_t> AmountColumn(const Opportunity& opportunity) {
  if (!opportunity.content.amount) return std::nullopt;
  return opportunity.content.amount->minor_units;
}

db::Value HashColumn(const Opportunity& opportunity) {
  if (!opportunity.import_mark) return db::Null{};
  return db::Bytes{opportunity.import_mark->hash};
}

std::optional<int64_t> ImportVersionColumn(const Opportunity& opportunity) {
  if (!opportunity.import_mark) return std::nullopt;
  return opportunity.import_mark->version;
}

// The text as a LIKE pattern for any part.
std::string AnyPart(const std::string& text) {
  return absl::StrCat("%", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"%", "\\%"}, {"_", "\\_"}}),
                      "%");
}

}  // namespace

absl::StatusOr<Opportunity> OpportunityStore::Load(db::Snapshot& snapshot,
                                                   const std::string& id) const {
  static const std::string sql = absl::StrCat(kSelect, " WHERE opportunity_id = ?");
  return One(snapshot.Query({"load_opportunity", sql}, id), id);
}

absl::StatusOr<Opportunity> OpportunityStore::LoadForUpdate(db::Transaction& tx,
                                                            const std::string& id) const {
  static const std::string sql = absl::StrCat(kSelect, " WHERE opportunity_id = ? FOR UPDATE");
  return One(tx.Query({"lock_opportunity", sql}, id), id);
}

absl::StatusOr<OpportunityStore::Resources> OpportunityStore::LoadResources(
    db::Snapshot& snapshot, const std::vector<std::string>& ids) const {
  Resources found;
  if (ids.empty()) return found;
  std::string sql = "SELECT opportunity_id, body FROM opportunities WHERE 1 = 1";
  std::vector<db::Value> arguments;
  AddIn("opportunity_id", ids, sql, arguments);
  const absl::StatusOr<db::Rows> rows =
      snapshot.QueryValues({"load_opportunities", sql}, arguments);
  if (!rows.ok()) return rows.status();
  for (const db::Row& row : *rows) found.emplace(row.String(0), FromBody(row.String(1)));
  return found;
}

absl::StatusOr<std::map<std::string, Opportunity>> OpportunityStore::LoadManyForUpdate(
    db::Transaction& tx, const std::vector<std::string>& ids) const {
  std::map<std::string, Opportunity> found;
  if (ids.empty()) return found;
  std::string sql = absl::StrCat(kSelect, " WHERE 1 = 1");
  std::vector<db::Value> arguments;
  AddIn("opportunity_id", ids, sql, arguments);
  sql += " FOR UPDATE";
  const absl::StatusOr<db::Rows> rows = tx.QueryValues({"lock_opportunities", sql}, arguments);
  if (!rows.ok()) return rows.status();
  for (const db::Row& row : *rows) {
    absl::StatusOr<Opportunity> opportunity = FromRow(row);
    if (!opportunity.ok()) return opportunity.status();
    found.emplace(opportunity->id, *std::move(opportunity));
  }
  return found;
}

absl::StatusOr<std::vector<v1::Opportunity>> OpportunityStore::List(
    db::Snapshot& snapshot, const OpportunityFilter& filter,
    const std::optional<OpportunityKey>& after, int limit) const {
  std::vector<v1::Opportunity> opportunities;
  if (filter.owners && filter.owners->empty()) return opportunities;
  std::string sql = "SELECT body FROM opportunities WHERE 1 = 1";
  std::vector<db::Value> arguments;
  if (after) {
    sql += " AND create_time <= ? AND (create_time < ? OR opportunity_id < ?)";
    arguments.insert(arguments.end(), {after->create_time, after->create_time, after->id});
  }
  if (filter.owners) AddIn("owner_id", *filter.owners, sql, arguments);
  if (!filter.customer.empty()) AddIn("customer_id", {filter.customer}, sql, arguments);
  if (!filter.states.empty()) {
    absl::StrAppend(&sql, " AND state IN (", db::Placeholders(filter.states.size()), ")");
    for (const State state : filter.states) arguments.emplace_back(static_cast<int>(state));
  }
  if (!filter.process.empty()) AddIn("process_id", {filter.process}, sql, arguments);
  if (!filter.stages.empty()) AddIn("stage_id", filter.stages, sql, arguments);
  if (!filter.products.empty()) AddIn("product_id", filter.products, sql, arguments);
  if (!filter.sources.empty()) AddIn("source_id", filter.sources, sql, arguments);
  if (!filter.regions.empty()) AddIn("region", filter.regions, sql, arguments);
  if (filter.close_dates) {
    sql += " AND close_date BETWEEN ? AND ?";
    arguments.insert(arguments.end(), {filter.close_dates->first, filter.close_dates->last});
  }
  if (filter.expected_close_dates) {
    sql += " AND expected_close_date BETWEEN ? AND ?";
    arguments.insert(arguments.end(),
                     {filter.expected_close_dates->first, filter.expected_close_dates->last});
  }
  if (filter.min_amount) {
    sql += " AND amount_minor_units >= ?";
    arguments.emplace_back(*filter.min_amount);
  }
  if (filter.max_amount) {
    sql += " AND amount_minor_units <= ?";
    arguments.emplace_back(*filter.max_amount);
  }
  if (!filter.title_contains.empty()) {
    sql += " AND title LIKE ?";
    arguments.emplace_back(AnyPart(filter.title_contains));
  }
  sql += " ORDER BY create_time DESC, opportunity_id DESC LIMIT ?";
  arguments.emplace_back(limit);
  const absl::StatusOr<db::Rows> rows =
      snapshot.QueryValues({"list_opportunities", sql}, arguments);
  if (!rows.ok()) return rows.status();
  for (const db::Row& row : *rows) {
    absl::StatusOr<v1::Opportunity> opportunity = FromBody(row.String(0));
    if (!opportunity.ok()) return opportunity.status();
    opportunities.push_back(*std::move(opportunity));
  }
  return opportunities;
}

absl::Status OpportunityStore::Insert(db::Transaction& tx, const change::Context& why,
                                      const std::string& event,
                                      const std::vector<Opportunity>& opportunities) const {
  if (opportunities.empty()) return absl::OkStatus();
  static constexpr db::Statement kInsert{
      "insert_opportunities",
      "INSERT INTO opportunities (opportunity_id, owner_id, customer_id, state, process_id,"
      " stage_id, product_id, source_id, region, amount_minor_units, expected_close_date,"
      " close_date, title, create_time, import_hash, import_version, version, body) VALUES "};
  std::vector<db::Value> arguments;
  std::vector<v1::Opportunity> protos;
  protos.reserve(opportunities.size());
  for (const Opportunity& opportunity : opportunities) {
    const Content& content = opportunity.content;
    protos.push_back(ToProto(opportunity));
    AddRow(arguments, opportunity.id, opportunity.owner, content.customer,
           static_cast<int>(opportunity.state), opportunity.process, opportunity.stage,
           content.product, content.source, content.region, AmountColumn(opportunity),
           content.expected_close_date, opportunity.close_date, content.title,
           opportunity.create_time, HashColumn(opportunity), ImportVersionColumn(opportunity),
           opportunity.version, db::Bytes{protos.back().SerializeAsString()});
  }
  if (absl::Status status = tx.InsertRows(
          kInsert, "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", arguments);
      !status.ok()) {
    return db::DuplicateKey(status)
               ? error::AlreadyExists(resource::Name(kOpportunities, opportunities.front().id))
               : status;
  }
  for (size_t i = 0; i < opportunities.size(); ++i) {
    absl::Status status =
        RecordChange(tx, why, event, opportunities[i], protos[i], absl::InfinitePast());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Opportunity> OpportunityStore::Save(db::Transaction& tx, const change::Context& why,
                                                   const std::string& event,
                                                   Opportunity opportunity,
                                                   absl::Time before) const {
  static constexpr db::Statement kSave{
      "save_opportunity",
      "UPDATE opportunities SET owner_id = ?, customer_id = ?, state = ?, process_id = ?, stage_id "
      "= ?, product_id = ?,"
      " source_id = ?, region = ?, amount_minor_units = ?, expected_close_date = ?, close_date = "
      "?, title = ?,"
      " import_hash = ?, import_version = ?, version = ?, body = ? WHERE opportunity_id = ?"};
  ++opportunity.version;
  const v1::Opportunity proto = ToProto(opportunity);
  const Content& content = opportunity.content;
  const absl::StatusOr<int64_t> rows = tx.Execute(
      kSave, opportunity.owner, content.customer, static_cast<int>(opportunity.state),
      opportunity.process, opportunity.stage, content.product, content.source, content.region,
      AmountColumn(opportunity), content.expected_close_date, opportunity.close_date, content.title,
      HashColumn(opportunity), ImportVersionColumn(opportunity), opportunity.version,
      db::Bytes{proto.SerializeAsString()}, opportunity.id);
  if (!rows.ok()) return rows.status();
  if (*rows != 1) return error::NotFound(proto.name());
  if (absl::Status status = RecordChange(tx, why, event, opportunity, proto, before); !status.ok())
    return status;
  return opportunity;
}

}  // namespace milepost::opportunity
