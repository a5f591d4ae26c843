#include "opportunity-svc/domain/order.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"

namespace milepost::opportunity {
namespace {

std::string NameOf(const Order& order) { return absl::StrCat("orders/", order.id); }

const OrderLine& LineOf(const Order& order, const ReversedLine& reversed) {
  return order.lines[reversed.line_number - 1];
}

absl::Status CheckVersion(const Order& order, ExpectedVersion expected) {
  if (expected && *expected != order.version) return error::StaleEtag(NameOf(order));
  return absl::OkStatus();
}

absl::StatusOr<absl::CivilDay> DayOf(const Order& order, const std::string& field,
                                     std::optional<absl::CivilDay> wanted, absl::CivilDay today) {
  const absl::CivilDay day = wanted.value_or(today);
  if (day > today) return error::DateInFuture(field, day, today);
  if (day < order.order_date)
    return error::DateTooEarly(field, day, "order_date", order.order_date);
  return day;
}

// What the lines cost; nullopt if it is above kMaxMinorUnits.
std::optional<int64_t> Sum(const std::vector<OrderLine>& lines, int64_t OrderLine::*unit) {
  int64_t sum = 0;
  for (const OrderLine& line : lines) {
    const std::optional<int64_t> amount = CheckedMultiply(line.quantity, line.*unit);
    if (!amount || *amount > kMaxMinorUnits) return std::nullopt;
    sum += *amount;  // Both at most kMaxMinorUnits.
    if (sum > kMaxMinorUnits) return std::nullopt;
  }
  return sum;
}

}  // namespace

const char* OrderStateName(OrderState state) {
  switch (state) {
    case OrderState::kPreliminary:
      return "PRELIMINARY";
    case OrderState::kConfirmed:
      return "CONFIRMED";
    case OrderState::kCancelled:
      return "CANCELLED";
  }
  return "";
}

int64_t LineAmount(const OrderLine& line) { return line.quantity * line.unit_price; }
int64_t LineMargin(const OrderLine& line) {
  return line.quantity * (line.unit_price - line.unit_cost);
}

int64_t Amount(const Order& order) {
  int64_t sum = 0;
  for (const OrderLine& line : order.lines) sum += LineAmount(line);
  return sum;
}

int64_t Cost(const Order& order) {
  int64_t sum = 0;
  for (const OrderLine& line : order.lines) sum += line.quantity * line.unit_cost;
  return sum;
}

int64_t ReversalAmount(const Order& order, const Reversal& reversal) {
  int64_t sum = 0;
  for (const ReversedLine& line : reversal.lines)
    sum += line.quantity * LineOf(order, line).unit_price;
  return sum;
}

int64_t ReversalMargin(const Order& order, const Reversal& reversal) {
  int64_t sum = 0;
  for (const ReversedLine& line : reversal.lines) {
    sum += line.quantity * (LineOf(order, line).unit_price - LineOf(order, line).unit_cost);
  }
  return sum;
}

int64_t NetAmount(const Order& order) {
  int64_t net = Amount(order);
  for (const Reversal& reversal : order.reversals) net -= ReversalAmount(order, reversal);
  return net;
}

int64_t NetMargin(const Order& order) {
  int64_t net = Amount(order) - Cost(order);
  for (const Reversal& reversal : order.reversals) net -= ReversalMargin(order, reversal);
  return net;
}

int64_t Collected(const Order& order) {
  int64_t sum = 0;
  for (const Collection& collection : order.collections)
    sum += collection.refund ? -collection.amount : collection.amount;
  return sum;
}

int64_t RemainingQuantity(const Order& order, int line_number) {
  int64_t left = order.lines[line_number - 1].quantity;
  for (const Reversal& reversal : order.reversals) {
    for (const ReversedLine& line : reversal.lines) {
      if (line.line_number == line_number) left -= line.quantity;
    }
  }
  return left;
}

std::optional<int64_t> SumOfLines(const std::vector<OrderLine>& lines) {
  if (!Sum(lines, &OrderLine::unit_cost)) return std::nullopt;
  return Sum(lines, &OrderLine::unit_price);
}

absl::StatusOr<Order> NewOrder(OrderCommand command, absl::Time now, absl::CivilDay today) {
  if (!SumOfLines(command.lines)) return error::AmountTooLarge();
  const absl::CivilDay day = command.order_date.value_or(today);
  if (day > today) return error::DateInFuture("order_date", day, today);
  Order order;
  order.id = std::move(command.id);
  order.opportunity = std::move(command.opportunity);
  order.customer = std::move(command.customer);
  order.owner = std::move(command.owner);
  order.order_date = day;
  order.state = command.preliminary ? OrderState::kPreliminary : OrderState::kConfirmed;
  order.preliminary = command.preliminary;
  order.contract_number = std::move(command.contract_number);
  order.source = std::move(command.source);
  order.region = std::move(command.region);
  order.channel = std::move(command.channel);
  order.note = std::move(command.note);
  order.currency_code = std::move(command.currency_code);
  order.lines = std::move(command.lines);
  if (!command.preliminary) order.confirm_date = day;
  order.create_time = now;
  order.update_time = now;
  order.version = 1;
  return order;
}

absl::StatusOr<Order> ApplyUpdateOrder(Order order, std::string contract_number, std::string note,
                                       ExpectedVersion expected_version, absl::Time now) {
  if (absl::Status status = CheckVersion(order, expected_version); !status.ok()) return status;
  order.contract_number = std::move(contract_number);
  order.note = std::move(note);
  order.update_time = now;
  return order;
}

absl::StatusOr<Order> ApplyConfirm(Order order, const ConfirmCommand& command, absl::Time now,
                                   absl::CivilDay today) {
  if (absl::Status status = CheckVersion(order, command.expected_version); !status.ok())
    return status;
  if (order.state != OrderState::kPreliminary) {
    return error::WrongOrderState(NameOf(order), order.state, OrderState::kPreliminary);
  }
  const absl::StatusOr<absl::CivilDay> day = DayOf(order, "confirm_date", command.date, today);
  if (!day.ok()) return day.status();
  order.state = OrderState::kConfirmed;
  order.confirm_date = *day;
  if (!command.contract_number.empty()) order.contract_number = command.contract_number;
  order.update_time = now;
  return order;
}

absl::StatusOr<Order> ApplyCancel(Order order, const ReverseCommand& command, absl::Time now,
                                  absl::CivilDay today) {
  if (absl::Status status = CheckVersion(order, command.expected_version); !status.ok())
    return status;
  if (order.state == OrderState::kCancelled) return error::OrderCancelled(NameOf(order));
  if (Collected(order) != 0) return error::MoneyCollected(NameOf(order), Collected(order));
  const absl::StatusOr<absl::CivilDay> day = DayOf(order, "cancel_date", command.date, today);
  if (!day.ok()) return day.status();
  Reversal reversal{.kind = ReversalKind::kCancellation, .date = *day, .reason = command.reason};
  for (int number = 1; number <= static_cast<int>(order.lines.size()); ++number) {
    const int64_t left = RemainingQuantity(order, number);
    if (left > 0) reversal.lines.push_back({number, left});
  }
  order.reversals.push_back(std::move(reversal));  // One more than kMaxReversals returns is fine.
  order.state = OrderState::kCancelled;
  order.update_time = now;
  return order;
}

absl::StatusOr<Order> ApplyReturn(Order order, const ReverseCommand& command, absl::Time now,
                                  absl::CivilDay today) {
  if (absl::Status status = CheckVersion(order, command.expected_version); !status.ok())
    return status;
  if (order.state != OrderState::kConfirmed) {
    return error::WrongOrderState(NameOf(order), order.state, OrderState::kConfirmed);
  }
  for (const ReversedLine& line : command.lines) {
    if (line.line_number > static_cast<int>(order.lines.size())) {
      return error::LineUnknown(line.line_number, order.lines.size());
    }
    const int64_t left = RemainingQuantity(order, line.line_number);
    if (line.quantity > left) return error::ReturnTooLarge(line.line_number, line.quantity, left);
  }
  if (order.reversals.size() >= kMaxReversals)
    return error::EntriesFull(NameOf(order), "reversals", kMaxReversals);
  const absl::StatusOr<absl::CivilDay> day = DayOf(order, "return_date", command.date, today);
  if (!day.ok()) return day.status();
  order.reversals.push_back({.kind = ReversalKind::kReturn,
                             .date = *day,
                             .lines = command.lines,
                             .reason = command.reason});
  order.update_time = now;
  return order;
}

absl::StatusOr<Order> ApplyCollect(Order order, const CollectCommand& command, absl::Time now,
                                   absl::CivilDay today) {
  if (absl::Status status = CheckVersion(order, command.expected_version); !status.ok())
    return status;
  if (order.state == OrderState::kCancelled) return error::OrderCancelled(NameOf(order));
  const absl::CivilDay day = command.date.value_or(today);
  if (day > today) return error::DateInFuture("collect_date", day, today);
  const int64_t collected = Collected(order);
  if (command.refund) {
    if (command.amount > collected) return error::RefundTooLarge(command.amount, collected);
  } else if (const int64_t left = NetAmount(order) - collected; command.amount > left) {
    return error::CollectionTooLarge(command.amount, left < 0 ? 0 : left);
  }
  if (order.collections.size() >= kMaxCollections) {
    return error::EntriesFull(NameOf(order), "collections", kMaxCollections);
  }
  order.collections.push_back(
      {.date = day, .amount = command.amount, .refund = command.refund, .note = command.note});
  order.update_time = now;
  return order;
}

}  // namespace milepost::opportunity
