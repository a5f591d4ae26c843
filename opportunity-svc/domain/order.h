#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "platform/types/money.h"

// An order: lines that never change, reversing entries, collections. Pure, like the opportunity.
namespace milepost::opportunity {

enum class OrderState { kPreliminary = 1, kConfirmed = 2, kCancelled = 3 };
const char* OrderStateName(OrderState state);

// Amounts of an order are in its one currency, so they are plain minor units here.
struct OrderLine {
  std::string product;
  int64_t quantity = 1;
  int64_t unit_price = 0;
  int64_t unit_cost = 0;

  friend bool operator==(const OrderLine&, const OrderLine&) = default;
};

struct ReversedLine {
  int line_number = 0;  // From 1.
  int64_t quantity = 0;

  friend bool operator==(const ReversedLine&, const ReversedLine&) = default;
};

enum class ReversalKind { kCancellation = 1, kReturn = 2 };

struct Reversal {
  ReversalKind kind = ReversalKind::kReturn;
  absl::CivilDay date;
  std::vector<ReversedLine> lines;
  std::string reason;

  friend bool operator==(const Reversal&, const Reversal&) = default;
};

struct Collection {
  absl::CivilDay date;
  int64_t amount = 0;  // Above zero.
  bool refund = false;
  std::string note;

  friend bool operator==(const Collection&, const Collection&) = default;
};

struct Order {
  std::string id;
  std::string opportunity;
  std::string customer;
  std::string owner;
  absl::CivilDay order_date;
  OrderState state = OrderState::kConfirmed;
  bool preliminary = false;  // It began as a preliminary agreement.
  std::string contract_number;
  std::string source;
  std::string region;
  std::string channel;
  std::string note;
  std::string currency_code;
  std::vector<OrderLine> lines;
  std::vector<Reversal> reversals;
  std::vector<Collection> collections;
  std::optional<absl::CivilDay> confirm_date;
  std::optional<int64_t> import_version;  // Version that an import wrote last.
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const Order&, const Order&) = default;
};

// Derived figures. NewOrder has made sure that none of them overflows.
int64_t LineAmount(const OrderLine& line);
int64_t LineMargin(const OrderLine& line);
int64_t Amount(const Order& order);
int64_t Cost(const Order& order);
int64_t ReversalAmount(const Order& order, const Reversal& reversal);
int64_t ReversalMargin(const Order& order, const Reversal& reversal);
int64_t NetAmount(const Order& order);
int64_t NetMargin(const Order& order);
int64_t Collected(const Order& order);
// Pieces of a line (from 1) that were not taken back.
int64_t RemainingQuantity(const Order& order, int line_number);

// Sum of the lines; nullopt if it, or their cost, is above kMaxMinorUnits.
std::optional<int64_t> SumOfLines(const std::vector<OrderLine>& lines);

// Who and what a new order is about; `order_date` unset means today.
struct OrderCommand {
  std::string id;
  std::string opportunity;
  std::string customer;
  std::string owner;
  std::optional<absl::CivilDay> order_date;
  bool preliminary = false;
  std::string contract_number;
  std::string source;
  std::string region;
  std::string channel;
  std::string note;
  std::string currency_code;
  std::vector<OrderLine> lines;
};
absl::StatusOr<Order> NewOrder(OrderCommand command, absl::Time now, absl::CivilDay today);

using ExpectedVersion = std::optional<int64_t>;

absl::StatusOr<Order> ApplyUpdateOrder(Order order, std::string contract_number, std::string note,
                                       ExpectedVersion expected_version, absl::Time now);

struct ConfirmCommand {
  std::string contract_number;  // Empty keeps what is there.
  std::optional<absl::CivilDay> date;
  ExpectedVersion expected_version;
};
absl::StatusOr<Order> ApplyConfirm(Order order, const ConfirmCommand& command, absl::Time now,
                                   absl::CivilDay today);

struct ReverseCommand {
  std::vector<ReversedLine> lines;  // Of a return; a cancellation takes all that is left.
  std::string reason;
  std::optional<absl::CivilDay> date;
  ExpectedVersion expected_version;
};
absl::StatusOr<Order> ApplyCancel(Order order, const ReverseCommand& command, absl::Time now,
                                  absl::CivilDay today);
absl::StatusOr<Order> ApplyReturn(Order order, const ReverseCommand& command, absl::Time now,
                                  absl::CivilDay today);

struct CollectCommand {
  int64_t amount = 0;
  bool refund = false;
  std::string note;
  std::optional<absl::CivilDay> date;
  ExpectedVersion expected_version;
};
absl::StatusOr<Order> ApplyCollect(Order order, const CollectCommand& command, absl::Time now,
                                   absl::CivilDay today);

}  // namespace milepost::opportunity
