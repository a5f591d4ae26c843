#include "opportunity-svc/service/order_service.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/service/order_lines.h"
#include "opportunity-svc/service/owners.h"
#include "opportunity-svc/service/parse.h"
#include "opportunity-svc/store/records.h"
#include "platform/db/value.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"

namespace milepost::opportunity {
namespace {

const std::set<std::string> kFields = {"contract_number", "note"};

OrderState ReadOrderState(v1::OrderState state, const std::string& field, Reader& reader) {
  switch (state) {
    case v1::PRELIMINARY:
      return OrderState::kPreliminary;
    case v1::CONFIRMED:
      return OrderState::kConfirmed;
    case v1::CANCELLED:
      return OrderState::kCancelled;
    default:
      reader.Add(field, absl::StrCat(static_cast<int>(state),
                                     " is not PRELIMINARY (1), CONFIRMED (2) or CANCELLED (3)"));
      return OrderState::kConfirmed;
  }
}

}  // namespace

OrderService::OrderService(Parts parts) : parts_(std::move(parts)) {
  parts_.rpc.Register<v1::OrderService>();
}

grpc::ServerUnaryReactor* OrderService::GetOrder(grpc::CallbackServerContext* context,
                                                 const v1::GetOrderRequest* request,
                                                 v1::Order* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Get(call...); });
}

grpc::ServerUnaryReactor* OrderService::ListOrders(grpc::CallbackServerContext* context,
                                                   const v1::ListOrdersRequest* request,
                                                   v1::ListOrdersResponse* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return List(call...); });
}

grpc::ServerUnaryReactor* OrderService::CreateOrder(grpc::CallbackServerContext* context,
                                                    const v1::CreateOrderRequest* request,
                                                    v1::Order* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Create(call...); });
}

grpc::ServerUnaryReactor* OrderService::UpdateOrder(grpc::CallbackServerContext* context,
                                                    const v1::UpdateOrderRequest* request,
                                                    v1::Order* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Update(call...); });
}

grpc::ServerUnaryReactor* OrderService::ConfirmOrder(grpc::CallbackServerContext* context,
                                                     const v1::ConfirmOrderRequest* request,
                                                     v1::Order* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Confirm(call...); });
}

grpc::ServerUnaryReactor* OrderService::CancelOrder(grpc::CallbackServerContext* context,
                                                    const v1::CancelOrderRequest* request,
                                                    v1::Order* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Cancel(call...); });
}

grpc::ServerUnaryReactor* OrderService::ReturnOrder(grpc::CallbackServerContext* context,
                                                    const v1::ReturnOrderRequest* request,
                                                    v1::Order* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Return(call...); });
}

grpc::ServerUnaryReactor* OrderService::RecordCollection(grpc::CallbackServerContext* context,
                                                         const v1::RecordCollectionRequest* request,
                                                         v1::Order* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Collect(call...); });
}

template <typename Request, typename Apply>
OrderService::Result OrderService::Change(const rpc::Caller& caller, db::Session& db,
                                          const Request& request, const std::string& id,
                                          const std::string& event, Apply apply) {
  const change::Context why = caller.Change(request);
  const absl::StatusOr<Order> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Order> {
        absl::StatusOr<Order> current = store_.LoadForUpdate(tx, id);
        if (!current.ok()) return current.status();
        if (absl::Status status =
                CheckMayChange(caller, current->owner, resource::Name(kOrders, id));
            !status.ok()) {
          return status;
        }
        const absl::Time before = current->update_time;
        absl::StatusOr<Order> next = apply(*std::move(current), MomentAfter(before, parts_.Now()));
        if (!next.ok()) return next.status();
        return store_.Save(tx, why, event, *std::move(next), before);
      });
  if (!saved.ok()) return saved.status();
  return ToProto(*saved);
}

OrderService::Result OrderService::Get(const rpc::Caller& caller, db::Session& db,
                                       const v1::GetOrderRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOrders, request.name(), "name", Need::kRequired);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  const absl::StatusOr<Order> order =
      db.Read([&](db::Snapshot& snapshot) { return store_.Load(snapshot, id); });
  if (!order.ok()) return order.status();
  if (!caller.MaySee(order->owner)) return error::NotFound(request.name());
  return ToProto(*order);
}

absl::StatusOr<v1::ListOrdersResponse> OrderService::List(const rpc::Caller& caller,
                                                          db::Session& db,
                                                          const v1::ListOrdersRequest& request) {
  Reader reader(parts_.currency_code);
  const resource::Page page = resource::ReadPage(request, 2, reader.violations());
  OrderFilter filter;
  filter.owners = VisibleOwners(caller, reader.Names(kMembers, request.owners(), "owners"));
  filter.customer = reader.Name(kCustomers, request.customer(), "customer", Need::kOptional);
  filter.opportunity =
      reader.Name(kOpportunities, request.opportunity(), "opportunity", Need::kOptional);
  if (!reader.IsCountWrong("states", request.states_size(), 0, kMaxFilterValues)) {
    for (int i = 0; i < request.states_size(); ++i) {
      filter.states.push_back(
          ReadOrderState(request.states(i), absl::StrCat("states[", i, "]"), reader));
    }
  }
  filter.order_dates = reader.Days(request.has_order_dates(), request.order_dates(), "order_dates");
  std::optional<OrderKey> after;
  if (!page.after.empty()) {
    const std::optional<absl::CivilDay> day = db::ParseDay(page.after[0]);
    if (day) {
      after = OrderKey{*day, page.after[1]};
    } else {
      reader.Add("page_token", "was not given out for this request");
    }
  }
  if (absl::Status status = reader.status(); !status.ok()) return status;
  const auto found = db.Read(
      [&](db::Snapshot& snapshot) { return store_.List(snapshot, filter, after, page.size + 1); });
  if (!found.ok()) return found.status();
  v1::ListOrdersResponse response;
  for (int i = 0; i < page.size && i < static_cast<int>(found->size()); ++i) {
    *response.add_orders() = ToProto((*found)[i]);
  }
  if (static_cast<int>(found->size()) > page.size) {
    const Order& last = (*found)[page.size - 1];
    response.set_next_page_token(
        resource::NextPageToken(request, {db::FormatDay(last.order_date), last.id}));
  }
  return response;
}

OrderService::Result OrderService::Create(const rpc::Caller& caller, db::Session& db,
                                          const v1::CreateOrderRequest& request) {
  const v1::Order& wanted = request.order();
  Reader reader(parts_.currency_code);
  OrderCommand command;
  command.id = reader.Id(request.order_id(), "order_id", Need::kOptional);
  command.customer = reader.Name(kCustomers, wanted.customer(), "order.customer", Need::kOptional);
  command.owner = reader.Name(kMembers, wanted.owner(), "order.owner", Need::kOptional);
  command.order_date = reader.Day(wanted.has_order_date(), wanted.order_date(), "order.order_date");
  command.preliminary = wanted.preliminary();
  command.contract_number =
      reader.Text(wanted.contract_number(), "order.contract_number", kMaxCode);
  command.source = reader.Name(kSources, wanted.source(), "order.source", Need::kOptional);
  command.region = reader.Id(wanted.region(), "order.region", Need::kOptional);
  command.channel = reader.Id(wanted.channel(), "order.channel", Need::kOptional);
  command.note = reader.Text(wanted.note(), "order.note", kMaxText);
  command.currency_code = parts_.currency_code;
  const std::vector<LineInput> lines = ReadLines(request.lines(), 1, reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;

  const absl::Time now = parts_.Now();
  if (command.id.empty()) command.id = resource::NewId('r', now);
  if (command.owner.empty()) command.owner = caller.identity().member_id;
  if (absl::Status status = CheckOwner(caller, command.owner, parts_.Today()); !status.ok())
    return status;
  absl::Status references = db.Read([&](db::Snapshot& snapshot) -> absl::Status {
    absl::StatusOr<std::vector<OrderLine>> priced =
        PriceLines(snapshot, parts_.references, lines, "");
    if (!priced.ok()) return priced.status();
    command.lines = *std::move(priced);
    if (command.source.empty()) return absl::OkStatus();
    const auto sources = parts_.references.Find<Source>(snapshot, {command.source});
    if (!sources.ok()) return sources.status();
    if (sources->empty()) return error::ReferenceMissing(wanted.source());
    if (sources->begin()->second->archived) return error::ReferenceArchived(wanted.source());
    return absl::OkStatus();
  });
  if (!references.ok()) return references;
  const auto missing = parts_.customers.Missing(caller, {command.customer});
  if (!missing.ok()) return missing.status();
  if (!missing->empty()) return error::CustomerUnknown(wanted.customer());

  const absl::StatusOr<Order> order = NewOrder(std::move(command), now, parts_.Today());
  if (!order.ok()) return order.status();
  const change::Context why = caller.Change(request);
  const absl::Status stored = db.Transact([&](db::Transaction& tx) -> absl::Status {
    return store_.Insert(tx, why, "order.created", {*order});
  });
  if (!stored.ok()) return stored;
  return ToProto(*order);
}

OrderService::Result OrderService::Update(const rpc::Caller& caller, db::Session& db,
                                          const v1::UpdateOrderRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id =
      reader.Name(kOrders, request.order().name(), "order.name", Need::kRequired);
  const auto fields = resource::ReadUpdateMask(request.update_mask(), request.order(), kFields,
                                               reader.violations());
  const std::string contract =
      reader.Text(request.order().contract_number(), "order.contract_number", kMaxCode);
  const std::string note = reader.Text(request.order().note(), "order.note", kMaxText);
  const ExpectedVersion version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, "order.updated", [&](Order current, absl::Time now) {
    std::string next_contract =
        fields.contains("contract_number") ? contract : current.contract_number;
    std::string next_note = fields.contains("note") ? note : current.note;
    return ApplyUpdateOrder(std::move(current), std::move(next_contract), std::move(next_note),
                            version, now);
  });
}

OrderService::Result OrderService::Confirm(const rpc::Caller& caller, db::Session& db,
                                           const v1::ConfirmOrderRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOrders, request.name(), "name", Need::kRequired);
  ConfirmCommand command;
  command.contract_number = reader.Text(request.contract_number(), "contract_number", kMaxCode);
  command.date = reader.Day(request.has_confirm_date(), request.confirm_date(), "confirm_date");
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, "order.confirmed", [&](Order current, absl::Time now) {
    return ApplyConfirm(std::move(current), command, now, parts_.Today());
  });
}

OrderService::Result OrderService::Cancel(const rpc::Caller& caller, db::Session& db,
                                          const v1::CancelOrderRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOrders, request.name(), "name", Need::kRequired);
  ReverseCommand command;
  command.reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  command.date = reader.Day(request.has_cancel_date(), request.cancel_date(), "cancel_date");
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, "order.cancelled", [&](Order current, absl::Time now) {
    return ApplyCancel(std::move(current), command, now, parts_.Today());
  });
}

OrderService::Result OrderService::Return(const rpc::Caller& caller, db::Session& db,
                                          const v1::ReturnOrderRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOrders, request.name(), "name", Need::kRequired);
  ReverseCommand command;
  command.reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  command.date = reader.Day(request.has_return_date(), request.return_date(), "return_date");
  command.expected_version = reader.Etag(request.etag());
  if (!reader.IsCountWrong("lines", request.lines_size(), 1, kMaxLines)) {
    std::set<int> seen;
    for (int i = 0; i < request.lines_size(); ++i) {
      const v1::ReversedLine& line = request.lines(i);
      const std::string at = absl::StrCat("lines[", i, "].");
      if (line.line_number() < 1) {
        reader.Add(at + "line_number", absl::StrCat(line.line_number(), " is below 1"));
      } else if (!seen.insert(line.line_number()).second) {
        reader.Add(at + "line_number", "is listed twice");
      }
      if (line.quantity() < 1 || line.quantity() > kMaxQuantity) {
        reader.Add(at + "quantity",
                   absl::StrCat(line.quantity(), " is not between 1 and ", kMaxQuantity));
      }
      command.lines.push_back({line.line_number(), line.quantity()});
    }
  }
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, "order.returned", [&](Order current, absl::Time now) {
    return ApplyReturn(std::move(current), command, now, parts_.Today());
  });
}

OrderService::Result OrderService::Collect(const rpc::Caller& caller, db::Session& db,
                                           const v1::RecordCollectionRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOrders, request.name(), "name", Need::kRequired);
  CollectCommand command;
  const auto amount =
      reader.Amount(request.has_amount(), request.amount(), 1, "amount", Need::kRequired);
  if (amount) command.amount = amount->minor_units;
  command.refund = request.refund();
  command.note = reader.Text(request.note(), "note", kMaxRemark);
  command.date = reader.Day(request.has_collect_date(), request.collect_date(), "collect_date");
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, request.refund() ? "order.refunded" : "order.collected",
                [&](Order current, absl::Time now) {
                  return ApplyCollect(std::move(current), command, now, parts_.Today());
                });
}

}  // namespace milepost::opportunity
