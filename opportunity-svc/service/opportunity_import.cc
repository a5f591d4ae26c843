#include "opportunity-svc/service/opportunity_import.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/service/import_results.h"
#include "opportunity-svc/service/owners.h"
#include "opportunity-svc/service/parse.h"
#include "opportunity-svc/store/records.h"
#include "platform/change/context.h"
#include "platform/resource/name.h"

namespace milepost::opportunity {
namespace {

constexpr char kStandardProcess[] = "standard";

// Reads the shape of a row; rules about its dates belong to it, because they need nothing but the
// row and today.
ImportRow ReadRow(const v1::ImportOpportunityRow& proto, absl::CivilDay today, Reader& reader) {
  ImportRow row;
  row.id = reader.Name(kOpportunities, proto.name(), "name", Need::kRequired);
  row.content.title = reader.Text(proto.title(), "title", kMaxTitle, Need::kRequired);
  row.content.customer = reader.Name(kCustomers, proto.customer(), "customer", Need::kOptional);
  row.owner = reader.Name(kMembers, proto.owner(), "owner", Need::kRequired);
  row.process = reader.Name(kProcesses, proto.process(), "process", Need::kOptional);
  if (row.process.empty()) row.process = kStandardProcess;
  const std::string stage = reader.Id(proto.stage(), "stage", Need::kRequired);
  row.state = reader.ReadState(proto.state(), "state");
  row.content.product = reader.Name(kProducts, proto.product(), "product", Need::kOptional);
  row.content.source = reader.Name(kSources, proto.source(), "source", Need::kOptional);
  row.content.region = reader.Id(proto.region(), "region", Need::kOptional);
  row.content.channel = reader.Id(proto.channel(), "channel", Need::kOptional);
  const bool won = row.state == State::kWon;
  row.content.amount = reader.Amount(proto.has_amount(), proto.amount(), won ? 1 : 0, "amount",
                                     won ? Need::kRequired : Need::kOptional);
  row.content.note = reader.Text(proto.note(), "note", kMaxText);
  row.close_reason = reader.Id(proto.close_reason(), "close_reason", Need::kOptional);
  row.content.expected_close_date = reader.Day(proto.has_expected_close_date(),
                                               proto.expected_close_date(), "expected_close_date");

  const Need closed = row.state == State::kOpen ? Need::kOptional : Need::kRequired;
  row.create_date = reader.Day(proto.has_create_date(), proto.create_date(), "create_date");
  row.open_date = reader.Day(proto.has_open_date(), proto.open_date(), "open_date", closed);
  row.close_date = reader.Day(proto.has_close_date(), proto.close_date(), "close_date", closed);
  if (row.state == State::kOpen && proto.has_close_date())
    reader.Add("close_date", "must be unset while it is open");
  const auto not_after_today = [&](const std::optional<absl::CivilDay>& day,
                                   const std::string& field) {
    if (day && *day > today) {
      reader.Add(field, absl::StrCat(absl::FormatCivilTime(*day), " is after today, ",
                                     absl::FormatCivilTime(today)));
    }
  };
  not_after_today(row.create_date, "create_date");
  not_after_today(row.open_date, "open_date");
  not_after_today(row.close_date, "close_date");
  if (row.create_date && row.open_date && *row.open_date < *row.create_date) {
    reader.Add("open_date", "is before create_date");
  }
  if (row.open_date && row.close_date && *row.close_date < *row.open_date) {
    reader.Add("close_date", "is before open_date");
  }

  if (reader.IsCountWrong("stage_entries", proto.stage_entries_size(), 0, kMaxVisits)) return row;
  std::optional<absl::CivilDay> latest;
  for (int i = 0; i < proto.stage_entries_size(); ++i) {
    const v1::ImportStageEntry& from = proto.stage_entries(i);
    const std::string at = absl::StrCat("stage_entries[", i, "].");
    ImportRow::Entry entry;
    entry.stage = reader.Id(from.stage(), at + "stage", Need::kRequired);
    entry.enter_date = reader.Day(from.has_enter_date(), from.enter_date(), at + "enter_date");
    not_after_today(entry.enter_date, at + "enter_date");
    if (entry.enter_date && latest && *entry.enter_date < *latest) {
      reader.Add(at + "enter_date", "is before the entry before it");
    }
    if (entry.enter_date && row.close_date && *entry.enter_date > *row.close_date) {
      reader.Add(at + "enter_date", "is after close_date");
    }
    if (entry.enter_date) latest = entry.enter_date;
    row.entries.push_back(std::move(entry));
  }
  if (row.entries.empty()) {
    row.entries.push_back({stage, row.open_date});
  } else if (row.entries.back().stage != stage) {
    reader.Add("stage_entries",
               absl::StrCat("end with '", row.entries.back().stage, "', not with '", stage, "'"));
  }
  return row;
}

}  // namespace

absl::StatusOr<v1::ImportOpportunitiesResponse> OpportunityImport::Run(
    const v1::ImportOpportunitiesRequest& request) {
  Reader outer(parts_.currency_code);
  outer.IsCountWrong("rows", request.rows_size(), 1, kMaxImportRows);
  if (absl::Status status = outer.status(); !status.ok()) return status;

  v1::ImportOpportunitiesResponse response;
  response.set_request_id(request.request_id());
  std::vector<Row> rows;
  std::set<std::string> seen;
  const absl::CivilDay today = parts_.Today();
  for (const v1::ImportOpportunityRow& proto : request.rows()) {
    v1::ImportResult& result = *response.add_results();
    result.set_line(proto.line());
    result.set_name(proto.name());
    Reader reader(parts_.currency_code);
    Row row{.row = ReadRow(proto, today, reader), .result = &result};
    if (!row.row.id.empty() && !seen.insert(row.row.id).second)
      reader.Add("name", "is in this request twice");
    if (!reader.violations().empty()) {
      Refuse(reader.violations(), result);
      continue;
    }
    v1::ImportOpportunityRow content = proto;
    content.clear_line();
    row.row.hash = change::RequestHash(content);
    rows.push_back(std::move(row));
  }
  if (absl::Status status = CheckReferences(rows); !status.ok()) return status;

  // Rows share no `request_id`: they are found by their names.
  change::Context why = caller_.Change(request);
  why.request_id.clear();
  for (size_t begin = 0; begin < rows.size(); begin += kRowsPerTransaction) {
    const size_t end = std::min(rows.size(), begin + kRowsPerTransaction);
    const std::span<const Row> part = std::span<const Row>(rows).subspan(begin, end - begin);
    const absl::Status together = Write(why, part);
    if (together.ok()) continue;
    if (!IsAboutRow(together)) return together;
    for (const Row& row : part) {
      const absl::Status alone = Write(why, std::span<const Row>(&row, 1));
      if (alone.ok()) continue;
      if (!IsAboutRow(alone)) return alone;
      Refuse(alone, *row.result);
    }
  }
  return response;
}

absl::Status OpportunityImport::CheckReferences(std::vector<Row>& rows) {
  std::vector<std::string> customers, products, sources, processes;
  for (const Row& row : rows) {
    customers.push_back(row.row.content.customer);
    products.push_back(row.row.content.product);
    sources.push_back(row.row.content.source);
    processes.push_back(row.row.process);
  }
  References::Found<Product> found_products;
  References::Found<Source> found_sources;
  References::Found<Process> found_processes;
  const absl::Status read = db_.Read([&](db::Snapshot& snapshot) -> absl::Status {
    auto product = parts_.references.Find<Product>(snapshot, products);
    if (!product.ok()) return product.status();
    auto source = parts_.references.Find<Source>(snapshot, sources);
    if (!source.ok()) return source.status();
    auto process = parts_.references.Find<Process>(snapshot, processes);
    if (!process.ok()) return process.status();
    found_products = *std::move(product);
    found_sources = *std::move(source);
    found_processes = *std::move(process);
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  const auto missing_customers = parts_.customers.Missing(caller_, customers);
  if (!missing_customers.ok()) return missing_customers.status();

  const absl::CivilDay today = parts_.Today();
  std::erase_if(rows, [&](Row& row) {
    status::FieldViolations violations;
    const ImportRow& wanted = row.row;
    if (const absl::Status owner = CheckPastOwner(caller_, wanted.owner, today); !owner.ok()) {
      violations.Add("owner", std::string(owner.message()));
    }
    if (missing_customers->contains(wanted.content.customer)) {
      violations.Add("customer", absl::StrCat(resource::Name(kCustomers, wanted.content.customer),
                                              " does not exist"));
    }
    if (!wanted.content.product.empty()) {
      const auto found = found_products.find(wanted.content.product);
      if (found == found_products.end()) {
        violations.Add("product", absl::StrCat(resource::Name(kProducts, wanted.content.product),
                                               " does not exist"));
      } else if (found->second->unit_cost) {
        row.unit_cost = found->second->unit_cost->minor_units;
      }
    }
    if (!wanted.content.source.empty() && !found_sources.contains(wanted.content.source)) {
      violations.Add("source", absl::StrCat(resource::Name(kSources, wanted.content.source),
                                            " does not exist"));
    }
    const auto process = found_processes.find(wanted.process);
    if (process == found_processes.end()) {
      violations.Add("process",
                     absl::StrCat(resource::Name(kProcesses, wanted.process), " does not exist"));
    } else {
      row.definition =
          std::shared_ptr<const Definition>(process->second, &process->second->definition);
    }
    if (violations.empty()) return false;
    Refuse(violations, *row.result);
    return true;
  });
  return absl::OkStatus();
}

absl::StatusOr<Order> OpportunityImport::OrderOf(const Row& row, absl::Time now) const {
  const ImportRow& from = row.row;
  absl::StatusOr<Order> order = NewOrder({.id = from.id,
                                          .opportunity = from.id,
                                          .customer = from.content.customer,
                                          .owner = from.owner,
                                          .order_date = from.close_date,
                                          .source = from.content.source,
                                          .region = from.content.region,
                                          .channel = from.content.channel,
                                          .currency_code = parts_.currency_code,
                                          .lines = {{.product = from.content.product,
                                                     .quantity = 1,
                                                     .unit_price = from.content.amount->minor_units,
                                                     .unit_cost = row.unit_cost}}},
                                         now, parts_.Today());
  if (order.ok()) order->import_version = 1;
  return order;
}

absl::Status OpportunityImport::Write(const change::Context& why, std::span<const Row> rows) {
  std::vector<v1::ImportOutcome> outcomes;
  std::vector<std::pair<size_t, absl::Status>> refused;
  const absl::Status status = db_.Transact([&](db::Transaction& tx) -> absl::Status {
    outcomes.assign(rows.size(), v1::UNCHANGED);
    refused.clear();
    std::vector<std::string> ids;
    for (const Row& row : rows) ids.push_back(row.row.id);
    const auto current = store_.LoadManyForUpdate(tx, ids);
    if (!current.ok()) return current.status();
    std::vector<Opportunity> created;
    std::vector<Order> created_orders;
    for (size_t i = 0; i < rows.size(); ++i) {
      const Row& row = rows[i];
      const auto found = current->find(row.row.id);
      const std::optional<Opportunity> known =
          found == current->end() ? std::nullopt : std::optional<Opportunity>(found->second);
      const absl::Time before = known ? known->update_time : absl::InfinitePast();
      const absl::Time now = MomentAfter(before, parts_.Now());
      absl::StatusOr<Imported> imported =
          ApplyImport(known, row.row, *row.definition, parts_.rpc.options().zone, now);
      if (!imported.ok()) {
        refused.emplace_back(i, imported.status());
        continue;
      }
      outcomes[i] = static_cast<v1::ImportOutcome>(imported->outcome);
      if (imported->outcome == ImportOutcome::kCreated) {
        created.push_back(std::move(imported->opportunity));
        if (row.row.state != State::kWon) continue;
        absl::StatusOr<Order> order = OrderOf(row, now);
        if (!order.ok()) return order.status();
        created_orders.push_back(*std::move(order));
      } else if (imported->outcome == ImportOutcome::kUpdated) {
        if (absl::Status order = WriteOrder(tx, why, row, now); !order.ok()) return order;
        const auto saved =
            store_.Save(tx, why, "opportunity.imported", std::move(imported->opportunity), before);
        if (!saved.ok()) return saved.status();
      }
    }
    if (absl::Status stored = store_.Insert(tx, why, "opportunity.imported", created); !stored.ok())
      return stored;
    return orders_.Insert(tx, why, "order.imported", created_orders);
  });
  if (!status.ok()) return status;
  for (size_t i = 0; i < rows.size(); ++i) rows[i].result->set_outcome(outcomes[i]);
  for (const auto& [index, why_refused] : refused) Refuse(why_refused, *rows[index].result);
  return absl::OkStatus();
}

absl::Status OpportunityImport::WriteOrder(db::Transaction& tx, const change::Context& why,
                                           const Row& row, absl::Time now) {
  absl::StatusOr<Order> current = orders_.LoadForUpdate(tx, row.row.id);
  const bool won = row.row.state == State::kWon;
  if (absl::IsNotFound(current.status())) {
    if (!won) return absl::OkStatus();
    const absl::StatusOr<Order> order = OrderOf(row, now);
    if (!order.ok()) return order.status();
    return orders_.Insert(tx, why, "order.imported", {*order});
  }
  if (!current.ok()) return current.status();
  if (current->opportunity != row.row.id) {
    return won ? error::AlreadyExists(resource::Name(kOrders, row.row.id)) : absl::OkStatus();
  }
  if (current->import_version != current->version)
    return error::ChangedSinceImport(resource::Name(kOrders, row.row.id));
  const absl::Time before = current->update_time;
  absl::StatusOr<Order> next;
  if (won) {
    next = OrderOf(row, MomentAfter(before, now));
    if (!next.ok()) return next.status();
    next->create_time = current->create_time;
    next->version = current->version;
  } else {
    if (current->state == OrderState::kCancelled) return absl::OkStatus();
    next = ApplyCancel(*current, {.reason = "import"}, MomentAfter(before, now), parts_.Today());
    if (!next.ok()) return next.status();
  }
  next->import_version = current->version + 1;
  return orders_.Save(tx, why, won ? "order.imported" : "order.cancelled", *std::move(next), before)
      .status();
}

}  // namespace milepost::opportunity
