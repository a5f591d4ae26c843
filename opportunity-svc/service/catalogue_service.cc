#include "opportunity-svc/service/catalogue_service.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/service/import_results.h"
#include "opportunity-svc/service/parse.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"

namespace milepost::opportunity {
namespace {

const std::set<std::string> kSourceFields = {"title", "description", "planned_spend",
                                             "actual_spend", "archived"};
const std::set<std::string> kProductFields = {"title",      "product_line", "code",    "unit",
                                              "list_price", "unit_cost",    "archived"};
const std::set<std::string> kLineFields = {"title", "archived"};
const std::set<std::string> kProcessFields = {"title", "archived"};

// Reads what a client may set; `fields` says which of it counts.
Source ReadSource(const v1::Source& proto, const std::set<std::string>& fields, Source source,
                  Reader& reader) {
  if (fields.contains("title"))
    source.title = reader.Text(proto.title(), "source.title", kMaxTitle, Need::kRequired);
  if (fields.contains("description")) {
    source.description = reader.Text(proto.description(), "source.description", kMaxText);
  }
  if (fields.contains("planned_spend")) {
    source.planned_spend =
        reader.Amount(proto.has_planned_spend(), proto.planned_spend(), 0, "source.planned_spend");
  }
  if (fields.contains("actual_spend")) {
    source.actual_spend =
        reader.Amount(proto.has_actual_spend(), proto.actual_spend(), 0, "source.actual_spend");
  }
  if (fields.contains("archived")) source.archived = proto.archived();
  return source;
}

Product ReadProduct(const v1::Product& proto, const std::set<std::string>& fields, Product product,
                    Reader& reader) {
  if (fields.contains("title"))
    product.title = reader.Text(proto.title(), "product.title", kMaxTitle, Need::kRequired);
  if (fields.contains("product_line")) {
    product.product_line =
        reader.Name(kProductLines, proto.product_line(), "product.product_line", Need::kOptional);
  }
  if (fields.contains("code")) product.code = reader.Text(proto.code(), "product.code", kMaxCode);
  if (fields.contains("unit")) product.unit = reader.Text(proto.unit(), "product.unit", kMaxUnit);
  if (fields.contains("list_price")) {
    product.list_price =
        reader.Amount(proto.has_list_price(), proto.list_price(), 0, "product.list_price");
  }
  if (fields.contains("unit_cost")) {
    product.unit_cost =
        reader.Amount(proto.has_unit_cost(), proto.unit_cost(), 0, "product.unit_cost");
  }
  if (fields.contains("archived")) product.archived = proto.archived();
  return product;
}

ProductLine ReadLine(const v1::ProductLine& proto, const std::set<std::string>& fields,
                     ProductLine line, Reader& reader) {
  if (fields.contains("title")) {
    line.title = reader.Text(proto.title(), "product_line.title", kMaxTitle, Need::kRequired);
  }
  if (fields.contains("archived")) line.archived = proto.archived();
  return line;
}

template <typename Record>
absl::StatusOr<Record> GetRecord(const CatalogueStore& store, db::Session& db,
                                 const char* collection, const std::string& name) {
  Reader reader("");
  const std::string id = reader.Name(collection, name, "name", Need::kRequired);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return db.Read([&](db::Snapshot& snapshot) { return store.Load<Record>(snapshot, id); });
}

// One page by name; `add` takes each record.
template <typename Record, typename Request, typename Add>
absl::StatusOr<std::string> ListPage(const CatalogueStore& store, db::Session& db,
                                     const Request& request, CatalogueStore::Filter filter,
                                     Reader& reader, Add add) {
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  filter.include_archived = request.include_archived();
  filter.limit = page.size + 1;
  if (!page.after.empty()) filter.after = page.after[0];
  const absl::StatusOr<std::vector<Record>> records =
      db.Read([&](db::Snapshot& snapshot) { return store.List<Record>(snapshot, filter); });
  if (!records.ok()) return records.status();
  for (int i = 0; i < page.size && i < static_cast<int>(records->size()); ++i) add((*records)[i]);
  if (static_cast<int>(records->size()) <= page.size) return "";
  return resource::NextPageToken(request, {(*records)[page.size - 1].id});
}

// Load, decide, save. `apply` changes the record in place.
template <typename Record, typename Apply>
absl::StatusOr<Record> ChangeRecord(const CatalogueStore& store, db::Session& db,
                                    const change::Context& why, const char* collection,
                                    const std::string& event, const std::string& id,
                                    ExpectedVersion expected_version, absl::Time now, Apply apply) {
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Record> {
    absl::StatusOr<Record> current = store.LoadForUpdate<Record>(tx, id);
    if (!current.ok()) return current.status();
    if (expected_version && *expected_version != current->version) {
      return error::StaleEtag(resource::Name(collection, id));
    }
    const absl::Time before = current->update_time;
    const absl::Time moment = MomentAfter(before, now);
    absl::StatusOr<Record> next = apply(tx, *std::move(current), moment);
    if (!next.ok()) return next.status();
    next->update_time = moment;
    return store.Save(tx, why, event, *std::move(next), before);
  });
}

template <typename Record>
absl::StatusOr<Record> InsertRecord(const CatalogueStore& store, db::Session& db,
                                    const change::Context& why, const std::string& event,
                                    const Record& record) {
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Record> {
    if (absl::Status status = store.Insert<Record>(tx, why, event, {record}); !status.ok())
      return status;
    return record;
  });
}

// One row of an import, and where its result goes.
template <typename Record>
struct Row {
  Record record;
  v1::ImportResult* result;
};

// Writes rows in one transaction; outcomes are set only if it commits.
template <typename Record>
absl::Status WriteRows(const CatalogueStore& store, db::Session& db, const change::Context& why,
                       const std::string& aggregate, const std::vector<Row<Record>>& rows,
                       absl::Time now) {
  std::vector<v1::ImportOutcome> outcomes;
  const absl::Status status = db.Transact([&](db::Transaction& tx) -> absl::Status {
    outcomes.assign(rows.size(), v1::UNCHANGED);
    std::vector<std::string> ids;
    for (const Row<Record>& row : rows) ids.push_back(row.record.id);
    const auto current = store.LoadManyForUpdate<Record>(tx, ids);
    if (!current.ok()) return current.status();
    std::vector<Record> created;
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto found = current->find(rows[i].record.id);
      if (found == current->end()) {
        outcomes[i] = v1::CREATED;
        created.push_back(NewRecord(rows[i].record, now));
        continue;
      }
      const absl::Time before = found->second.update_time;
      std::optional<Record> next =
          ApplyImport(found->second, rows[i].record, MomentAfter(before, now));
      if (!next) continue;
      outcomes[i] = v1::UPDATED;
      if (const auto saved = store.Save(tx, why, aggregate + ".updated", *std::move(next), before);
          !saved.ok()) {
        return saved.status();
      }
    }
    return store.Insert(tx, why, aggregate + ".created", created);
  });
  if (!status.ok()) return status;
  for (size_t i = 0; i < rows.size(); ++i) rows[i].result->set_outcome(outcomes[i]);
  return absl::OkStatus();
}

// Writes rows together, or one by one if that fails because of one of them.
template <typename Record>
absl::Status ImportRows(const CatalogueStore& store, db::Session& db, const change::Context& why,
                        const std::string& aggregate, const std::vector<Row<Record>>& rows,
                        absl::Time now) {
  if (rows.empty()) return absl::OkStatus();
  const absl::Status together = WriteRows(store, db, why, aggregate, rows, now);
  if (together.ok() || !IsAboutRow(together)) return together;
  for (const Row<Record>& row : rows) {
    const absl::Status status = WriteRows<Record>(store, db, why, aggregate, {row}, now);
    if (status.ok()) continue;
    if (!IsAboutRow(status)) return status;
    Refuse(status, *row.result);
  }
  return absl::OkStatus();
}

// Rows of one import share no `request_id`: they are found by their names.
template <typename Request>
change::Context ImportContext(const rpc::Caller& caller, const Request& request) {
  change::Context why = caller.Change(request);
  why.request_id.clear();
  return why;
}

template <typename Request>
absl::Status CheckRowCount(const Request& request) {
  Reader reader("");
  reader.IsCountWrong("rows", request.rows_size(), 1, kMaxImportRows);
  return reader.status();
}

}  // namespace

// Sources.

SourceService::SourceService(Parts parts) : parts_(std::move(parts)) {
  parts_.rpc.Register<v1::SourceService>();
}

grpc::ServerUnaryReactor* SourceService::GetSource(grpc::CallbackServerContext* context,
                                                   const v1::GetSourceRequest* request,
                                                   v1::Source* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](const rpc::Caller&, db::Session& db,
                               const v1::GetSourceRequest& get) -> absl::StatusOr<v1::Source> {
                          const auto source = GetRecord<Source>(store_, db, kSources, get.name());
                          if (!source.ok()) return source.status();
                          return ToProto(*source);
                        });
}

grpc::ServerUnaryReactor* SourceService::ListSources(grpc::CallbackServerContext* context,
                                                     const v1::ListSourcesRequest* request,
                                                     v1::ListSourcesResponse* response) {
  return parts_.rpc.Run(
      *context, *request, *response,
      [this](const rpc::Caller&, db::Session& db,
             const v1::ListSourcesRequest& list) -> absl::StatusOr<v1::ListSourcesResponse> {
        v1::ListSourcesResponse answer;
        Reader reader("");
        const auto next = ListPage<Source>(store_, db, list, {}, reader, [&](const Source& source) {
          *answer.add_sources() = ToProto(source);
        });
        if (!next.ok()) return next.status();
        answer.set_next_page_token(*next);
        return answer;
      });
}

grpc::ServerUnaryReactor* SourceService::CreateSource(grpc::CallbackServerContext* context,
                                                      const v1::CreateSourceRequest* request,
                                                      v1::Source* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Create(call...); });
}

grpc::ServerUnaryReactor* SourceService::UpdateSource(grpc::CallbackServerContext* context,
                                                      const v1::UpdateSourceRequest* request,
                                                      v1::Source* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Update(call...); });
}

grpc::ServerBidiReactor<v1::ImportSourcesRequest, v1::ImportSourcesResponse>*
SourceService::ImportSources(grpc::CallbackServerContext* context) {
  return parts_.rpc.RunBidi<v1::ImportSourcesRequest, v1::ImportSourcesResponse>(
      *context, [this](auto&... call) { return Import(call...); });
}

absl::StatusOr<v1::Source> SourceService::Create(const rpc::Caller& caller, db::Session& db,
                                                 const v1::CreateSourceRequest& request) {
  const absl::Time now = parts_.Now();
  Reader reader(parts_.currency_code);
  Source content;
  content.id = reader.Id(request.source_id(), "source_id", Need::kOptional);
  content = ReadSource(request.source(), kSourceFields, std::move(content), reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  if (content.id.empty()) content.id = resource::NewId('s', now);
  const auto created = InsertRecord(store_, db, caller.Change(request), "source.created",
                                    NewRecord(std::move(content), now));
  if (!created.ok()) return created.status();
  return ToProto(*created);
}

absl::StatusOr<v1::Source> SourceService::Update(const rpc::Caller& caller, db::Session& db,
                                                 const v1::UpdateSourceRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id =
      reader.Name(kSources, request.source().name(), "source.name", Need::kRequired);
  const ExpectedVersion version = reader.Etag(request.etag());
  const auto fields = resource::ReadUpdateMask(request.update_mask(), request.source(),
                                               kSourceFields, reader.violations());
  ReadSource(request.source(), fields, {}, reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  const auto saved = ChangeRecord<Source>(
      store_, db, caller.Change(request), kSources, "source.updated", id, version, parts_.Now(),
      [&](db::Transaction&, Source current, absl::Time) -> absl::StatusOr<Source> {
        Reader again(parts_.currency_code);
        return ReadSource(request.source(), fields, std::move(current), again);
      });
  if (!saved.ok()) return saved.status();
  parts_.references.Forget<Source>(id);
  return ToProto(*saved);
}

absl::Status SourceService::Import(
    const rpc::Caller& caller, db::Session& db,
    rpc::Stream<v1::ImportSourcesRequest, v1::ImportSourcesResponse>& stream) {
  while (const std::optional<v1::ImportSourcesRequest> request = stream.Read()) {
    if (absl::Status status = CheckRowCount(*request); !status.ok()) return status;
    v1::ImportSourcesResponse response;
    response.set_request_id(request->request_id());
    std::vector<Row<Source>> rows;
    std::set<std::string> seen;
    for (const v1::ImportSourceRow& row : request->rows()) {
      v1::ImportResult& result = *response.add_results();
      result.set_line(row.line());
      result.set_name(row.source().name());
      Reader reader(parts_.currency_code);
      Source source;
      source.id = reader.Name(kSources, row.source().name(), "source.name", Need::kRequired);
      if (!source.id.empty() && !seen.insert(source.id).second)
        reader.Add("source.name", "is in this request twice");
      source = ReadSource(row.source(), kSourceFields, std::move(source), reader);
      if (reader.violations().empty()) {
        rows.push_back({std::move(source), &result});
      } else {
        Refuse(reader.violations(), result);
      }
    }
    const absl::Status status =
        ImportRows(store_, db, ImportContext(caller, *request), "source", rows, parts_.Now());
    if (!status.ok()) return status;
    for (const Row<Source>& row : rows) parts_.references.Forget<Source>(row.record.id);
    if (!stream.Write(std::move(response))) break;
  }
  return absl::OkStatus();
}

// Products.

ProductService::ProductService(Parts parts) : parts_(std::move(parts)) {
  parts_.rpc.Register<v1::ProductService>();
}

grpc::ServerUnaryReactor* ProductService::GetProduct(grpc::CallbackServerContext* context,
                                                     const v1::GetProductRequest* request,
                                                     v1::Product* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](const rpc::Caller&, db::Session& db,
                               const v1::GetProductRequest& get) -> absl::StatusOr<v1::Product> {
                          const auto product =
                              GetRecord<Product>(store_, db, kProducts, get.name());
                          if (!product.ok()) return product.status();
                          return ToProto(*product);
                        });
}

grpc::ServerUnaryReactor* ProductService::ListProducts(grpc::CallbackServerContext* context,
                                                       const v1::ListProductsRequest* request,
                                                       v1::ListProductsResponse* response) {
  return parts_.rpc.Run(
      *context, *request, *response,
      [this](const rpc::Caller&, db::Session& db,
             const v1::ListProductsRequest& list) -> absl::StatusOr<v1::ListProductsResponse> {
        v1::ListProductsResponse answer;
        Reader reader("");
        CatalogueStore::Filter filter;
        filter.parent =
            reader.Name(kProductLines, list.product_line(), "product_line", Need::kOptional);
        const auto next = ListPage<Product>(
            store_, db, list, filter, reader,
            [&](const Product& product) { *answer.add_products() = ToProto(product); });
        if (!next.ok()) return next.status();
        answer.set_next_page_token(*next);
        return answer;
      });
}

grpc::ServerUnaryReactor* ProductService::CreateProduct(grpc::CallbackServerContext* context,
                                                        const v1::CreateProductRequest* request,
                                                        v1::Product* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Create(call...); });
}

grpc::ServerUnaryReactor* ProductService::UpdateProduct(grpc::CallbackServerContext* context,
                                                        const v1::UpdateProductRequest* request,
                                                        v1::Product* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Update(call...); });
}

grpc::ServerUnaryReactor* ProductService::GetProductLine(grpc::CallbackServerContext* context,
                                                         const v1::GetProductLineRequest* request,
                                                         v1::ProductLine* response) {
  return parts_.rpc.Run(
      *context, *request, *response,
      [this](const rpc::Caller&, db::Session& db,
             const v1::GetProductLineRequest& get) -> absl::StatusOr<v1::ProductLine> {
        const auto line = GetRecord<ProductLine>(store_, db, kProductLines, get.name());
        if (!line.ok()) return line.status();
        return ToProto(*line);
      });
}

grpc::ServerUnaryReactor* ProductService::ListProductLines(
    grpc::CallbackServerContext* context, const v1::ListProductLinesRequest* request,
    v1::ListProductLinesResponse* response) {
  return parts_.rpc.Run(
      *context, *request, *response,
      [this](const rpc::Caller&, db::Session& db, const v1::ListProductLinesRequest& list)
          -> absl::StatusOr<v1::ListProductLinesResponse> {
        v1::ListProductLinesResponse answer;
        Reader reader("");
        const auto next = ListPage<ProductLine>(
            store_, db, list, {}, reader,
            [&](const ProductLine& line) { *answer.add_product_lines() = ToProto(line); });
        if (!next.ok()) return next.status();
        answer.set_next_page_token(*next);
        return answer;
      });
}

grpc::ServerUnaryReactor* ProductService::CreateProductLine(
    grpc::CallbackServerContext* context, const v1::CreateProductLineRequest* request,
    v1::ProductLine* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return CreateLine(call...); });
}

grpc::ServerUnaryReactor* ProductService::UpdateProductLine(
    grpc::CallbackServerContext* context, const v1::UpdateProductLineRequest* request,
    v1::ProductLine* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return UpdateLine(call...); });
}

grpc::ServerBidiReactor<v1::ImportProductsRequest, v1::ImportProductsResponse>*
ProductService::ImportProducts(grpc::CallbackServerContext* context) {
  return parts_.rpc.RunBidi<v1::ImportProductsRequest, v1::ImportProductsResponse>(
      *context, [this](auto&... call) { return Import(call...); });
}

absl::Status ProductService::CheckLine(db::Session& db, const std::string& line) {
  if (line.empty()) return absl::OkStatus();
  return db.Read([&](db::Snapshot& snapshot) -> absl::Status {
    const auto found = parts_.references.Find<ProductLine>(snapshot, {line});
    if (!found.ok()) return found.status();
    if (found->empty()) return error::ReferenceMissing(resource::Name(kProductLines, line));
    if (found->begin()->second->archived)
      return error::ReferenceArchived(resource::Name(kProductLines, line));
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Product> ProductService::Create(const rpc::Caller& caller, db::Session& db,
                                                   const v1::CreateProductRequest& request) {
  const absl::Time now = parts_.Now();
  Reader reader(parts_.currency_code);
  Product content;
  content.id = reader.Id(request.product_id(), "product_id", Need::kOptional);
  content = ReadProduct(request.product(), kProductFields, std::move(content), reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  if (absl::Status status = CheckLine(db, content.product_line); !status.ok()) return status;
  if (content.id.empty()) content.id = resource::NewId('p', now);
  const auto created = InsertRecord(store_, db, caller.Change(request), "product.created",
                                    NewRecord(std::move(content), now));
  if (!created.ok()) return created.status();
  return ToProto(*created);
}

absl::StatusOr<v1::Product> ProductService::Update(const rpc::Caller& caller, db::Session& db,
                                                   const v1::UpdateProductRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id =
      reader.Name(kProducts, request.product().name(), "product.name", Need::kRequired);
  const ExpectedVersion version = reader.Etag(request.etag());
  const auto fields = resource::ReadUpdateMask(request.update_mask(), request.product(),
                                               kProductFields, reader.violations());
  const Product wanted = ReadProduct(request.product(), fields, {}, reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  if (absl::Status status = CheckLine(db, wanted.product_line); !status.ok()) return status;
  const auto saved = ChangeRecord<Product>(
      store_, db, caller.Change(request), kProducts, "product.updated", id, version, parts_.Now(),
      [&](db::Transaction&, Product current, absl::Time) -> absl::StatusOr<Product> {
        Reader again(parts_.currency_code);
        return ReadProduct(request.product(), fields, std::move(current), again);
      });
  if (!saved.ok()) return saved.status();
  parts_.references.Forget<Product>(id);
  return ToProto(*saved);
}

absl::StatusOr<v1::ProductLine> ProductService::CreateLine(
    const rpc::Caller& caller, db::Session& db, const v1::CreateProductLineRequest& request) {
  const absl::Time now = parts_.Now();
  Reader reader(parts_.currency_code);
  ProductLine content;
  content.id = reader.Id(request.product_line_id(), "product_line_id", Need::kOptional);
  content = ReadLine(request.product_line(), kLineFields, std::move(content), reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  if (content.id.empty()) content.id = resource::NewId('l', now);
  const auto created = InsertRecord(store_, db, caller.Change(request), "product_line.created",
                                    NewRecord(std::move(content), now));
  if (!created.ok()) return created.status();
  return ToProto(*created);
}

absl::StatusOr<v1::ProductLine> ProductService::UpdateLine(
    const rpc::Caller& caller, db::Session& db, const v1::UpdateProductLineRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kProductLines, request.product_line().name(),
                                     "product_line.name", Need::kRequired);
  const ExpectedVersion version = reader.Etag(request.etag());
  const auto fields = resource::ReadUpdateMask(request.update_mask(), request.product_line(),
                                               kLineFields, reader.violations());
  ReadLine(request.product_line(), fields, {}, reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  const auto saved = ChangeRecord<ProductLine>(
      store_, db, caller.Change(request), kProductLines, "product_line.updated", id, version,
      parts_.Now(),
      [&](db::Transaction&, ProductLine current, absl::Time) -> absl::StatusOr<ProductLine> {
        Reader again(parts_.currency_code);
        return ReadLine(request.product_line(), fields, std::move(current), again);
      });
  if (!saved.ok()) return saved.status();
  parts_.references.Forget<ProductLine>(id);
  return ToProto(*saved);
}

absl::Status ProductService::Import(
    const rpc::Caller& caller, db::Session& db,
    rpc::Stream<v1::ImportProductsRequest, v1::ImportProductsResponse>& stream) {
  while (const std::optional<v1::ImportProductsRequest> request = stream.Read()) {
    if (absl::Status status = CheckRowCount(*request); !status.ok()) return status;
    const absl::Time now = parts_.Now();
    const change::Context why = ImportContext(caller, *request);
    v1::ImportProductsResponse response;
    response.set_request_id(request->request_id());
    std::vector<Row<Product>> rows;
    std::set<std::string> seen;
    std::map<std::string, std::string> lines;  // Id → title to create it with.
    for (const v1::ImportProductRow& row : request->rows()) {
      v1::ImportResult& result = *response.add_results();
      result.set_line(row.line());
      result.set_name(row.product().name());
      Reader reader(parts_.currency_code);
      Product product;
      product.id = reader.Name(kProducts, row.product().name(), "product.name", Need::kRequired);
      if (!product.id.empty() && !seen.insert(product.id).second) {
        reader.Add("product.name", "is in this request twice");
      }
      product = ReadProduct(row.product(), kProductFields, std::move(product), reader);
      const std::string line_title =
          reader.Text(row.product_line_title(), "product_line_title", kMaxTitle);
      if (!line_title.empty() && product.product_line.empty()) {
        reader.Add("product_line_title", "needs product.product_line");
      }
      if (!reader.violations().empty()) {
        Refuse(reader.violations(), result);
        continue;
      }
      if (!line_title.empty()) lines.try_emplace(product.product_line, line_title);
      rows.push_back({std::move(product), &result});
    }

    // Lines first: what is not there yet and has a title is created.
    std::vector<std::string> line_ids;
    for (const Row<Product>& row : rows) line_ids.push_back(row.record.product_line);
    std::erase(line_ids, "");
    const auto known =
        db.Transact([&](db::Transaction& tx) -> absl::StatusOr<std::set<std::string>> {
          std::set<std::string> ids;
          const auto found = store_.LoadManyForUpdate<ProductLine>(tx, line_ids);
          if (!found.ok()) return found.status();
          for (const auto& [id, line] : *found) ids.insert(id);
          std::vector<ProductLine> created;
          for (const auto& [id, title] : lines) {
            if (ids.insert(id).second)
              created.push_back(NewRecord(ProductLine{.id = id, .title = title}, now));
          }
          if (absl::Status status = store_.Insert(tx, why, "product_line.created", created);
              !status.ok())
            return status;
          return ids;
        });
    if (!known.ok()) return known.status();
    std::erase_if(rows, [&](const Row<Product>& row) {
      const std::string& line = row.record.product_line;
      if (line.empty() || known->contains(line)) return false;
      status::FieldViolations violations;
      violations.Add("product.product_line",
                     absl::StrCat(resource::Name(kProductLines, line), " does not exist"));
      Refuse(violations, *row.result);
      return true;
    });

    if (absl::Status status = ImportRows(store_, db, why, "product", rows, now); !status.ok())
      return status;
    for (const Row<Product>& row : rows) parts_.references.Forget<Product>(row.record.id);
    if (!stream.Write(std::move(response))) break;
  }
  return absl::OkStatus();
}

// Processes.

ProcessService::ProcessService(Parts parts) : parts_(std::move(parts)) {
  parts_.rpc.Register<v1::ProcessService>();
}

grpc::ServerUnaryReactor* ProcessService::GetProcess(grpc::CallbackServerContext* context,
                                                     const v1::GetProcessRequest* request,
                                                     v1::Process* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](const rpc::Caller&, db::Session& db,
                               const v1::GetProcessRequest& get) { return Get(db, get); });
}

grpc::ServerUnaryReactor* ProcessService::ListProcesses(grpc::CallbackServerContext* context,
                                                        const v1::ListProcessesRequest* request,
                                                        v1::ListProcessesResponse* response) {
  return parts_.rpc.Run(
      *context, *request, *response,
      [this](const rpc::Caller&, db::Session& db,
             const v1::ListProcessesRequest& list) -> absl::StatusOr<v1::ListProcessesResponse> {
        v1::ListProcessesResponse answer;
        Reader reader("");
        const auto next = ListPage<Process>(
            store_, db, list, {}, reader,
            [&](const Process& process) { *answer.add_processes() = ToProto(process); });
        if (!next.ok()) return next.status();
        answer.set_next_page_token(*next);
        return answer;
      });
}

grpc::ServerUnaryReactor* ProcessService::CreateProcess(grpc::CallbackServerContext* context,
                                                        const v1::CreateProcessRequest* request,
                                                        v1::Process* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Create(call...); });
}

grpc::ServerUnaryReactor* ProcessService::UpdateProcess(grpc::CallbackServerContext* context,
                                                        const v1::UpdateProcessRequest* request,
                                                        v1::Process* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Update(call...); });
}

grpc::ServerUnaryReactor* ProcessService::ReviseProcess(grpc::CallbackServerContext* context,
                                                        const v1::ReviseProcessRequest* request,
                                                        v1::Process* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Revise(call...); });
}

absl::StatusOr<v1::Process> ProcessService::Get(db::Session& db,
                                                const v1::GetProcessRequest& request) {
  Reader reader("");
  const std::string id = reader.Name(kProcesses, request.name(), "name", Need::kRequired);
  if (request.revision() < 0)
    reader.Add("revision", absl::StrCat(request.revision(), " is below 0"));
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::Process> {
    absl::StatusOr<Process> process = store_.Load<Process>(snapshot, id);
    if (!process.ok()) return process.status();
    if (request.revision() != 0 && request.revision() != process->definition.revision) {
      const auto definition = parts_.references.FindDefinition(snapshot, id, request.revision());
      if (!definition.ok()) return definition.status();
      process->definition = **definition;
    }
    return ToProto(*process);
  });
}

absl::StatusOr<v1::Process> ProcessService::Create(const rpc::Caller& caller, db::Session& db,
                                                   const v1::CreateProcessRequest& request) {
  const absl::Time now = parts_.Now();
  Reader reader(parts_.currency_code);
  std::string id = reader.Id(request.process_id(), "process_id", Need::kOptional);
  const std::string title =
      reader.Text(request.process().title(), "process.title", kMaxTitle, Need::kRequired);
  std::vector<Stage> stages = reader.Stages(request.process().stages(), "process.stages");
  if (absl::Status status = reader.status(); !status.ok()) return status;
  if (id.empty()) id = resource::NewId('w', now);
  Process process = NewProcess(id, title, std::move(stages), now);
  process.archived = request.process().archived();
  const auto created = InsertRecord(store_, db, caller.Change(request), "process.created", process);
  if (!created.ok()) return created.status();
  return ToProto(*created);
}

absl::StatusOr<v1::Process> ProcessService::Update(const rpc::Caller& caller, db::Session& db,
                                                   const v1::UpdateProcessRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id =
      reader.Name(kProcesses, request.process().name(), "process.name", Need::kRequired);
  const ExpectedVersion version = reader.Etag(request.etag());
  const auto fields = resource::ReadUpdateMask(request.update_mask(), request.process(),
                                               kProcessFields, reader.violations());
  std::string title;
  if (fields.contains("title")) {
    title = reader.Text(request.process().title(), "process.title", kMaxTitle, Need::kRequired);
  }
  if (absl::Status status = reader.status(); !status.ok()) return status;
  const auto saved = ChangeRecord<Process>(
      store_, db, caller.Change(request), kProcesses, "process.updated", id, version, parts_.Now(),
      [&](db::Transaction&, Process current, absl::Time) -> absl::StatusOr<Process> {
        if (fields.contains("title")) current.title = title;
        if (fields.contains("archived")) current.archived = request.process().archived();
        return current;
      });
  if (!saved.ok()) return saved.status();
  parts_.references.Forget<Process>(id);
  return ToProto(*saved);
}

absl::StatusOr<v1::Process> ProcessService::Revise(const rpc::Caller& caller, db::Session& db,
                                                   const v1::ReviseProcessRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kProcesses, request.name(), "name", Need::kRequired);
  const ExpectedVersion version = reader.Etag(request.etag());
  const std::vector<Stage> stages = reader.Stages(request.stages(), "stages");
  if (absl::Status status = reader.status(); !status.ok()) return status;
  const auto saved = ChangeRecord<Process>(
      store_, db, caller.Change(request), kProcesses, "process.revised", id, version, parts_.Now(),
      [&](db::Transaction& tx, Process current, absl::Time now) -> absl::StatusOr<Process> {
        Process next = ApplyRevise(std::move(current), stages, now);
        if (absl::Status status = store_.InsertRevision(tx, next.definition); !status.ok())
          return status;
        return next;
      });
  if (!saved.ok()) return saved.status();
  parts_.references.Forget<Process>(id);
  return ToProto(*saved);
}

}  // namespace milepost::opportunity
