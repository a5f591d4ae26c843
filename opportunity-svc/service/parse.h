#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "milepost/opportunity/v1/opportunity.pb.h"
#include "milepost/opportunity/v1/order.pb.h"
#include "milepost/opportunity/v1/process.pb.h"
#include "opportunity-svc/domain/opportunity.h"
#include "opportunity-svc/domain/order.h"
#include "platform/status/error.h"
#include "platform/types/proto.h"

namespace milepost::opportunity {

enum class Need { kRequired, kOptional };

// Reads the fields of one request and gathers whatever is wrong with them under their paths. What
// could not be read is empty; the caller looks at status() before using anything.
class Reader {
 public:
  // `currency_code` is the only currency taken; `prefix` goes before every path.
  explicit Reader(std::string currency_code, std::string prefix = "")
      : currency_code_(std::move(currency_code)), prefix_(std::move(prefix)) {}

  // `<collection>/<id>` → the bare id.
  std::string Name(const char* collection, const std::string& name, const std::string& field,
                   Need need);
  std::vector<std::string> Names(const char* collection,
                                 const google::protobuf::RepeatedPtrField<std::string>& names,
                                 const std::string& field);
  // An id or key by itself.
  std::string Id(const std::string& id, const std::string& field, Need need);
  std::vector<std::string> Ids(const google::protobuf::RepeatedPtrField<std::string>& ids,
                               const std::string& field);
  // Characters are code points; blank text is no text, and control characters other than line
  // breaks and tabs are refused.
  std::string Text(const std::string& text, const std::string& field, size_t max,
                   Need need = Need::kOptional);
  // nullopt if the message is not there (`has` false), which is a violation if it is needed.
  std::optional<Money> Amount(bool has, const type::v1::Money& money, int64_t min_minor_units,
                              const std::string& field, Need need = Need::kOptional);
  std::optional<absl::CivilDay> Day(bool has, const type::v1::Date& date, const std::string& field,
                                    Need need = Need::kOptional);
  std::optional<DayRange> Days(bool has, const type::v1::DateRange& range,
                               const std::string& field);
  std::optional<int64_t> Etag(const std::string& etag);
  State ReadState(v1::OpportunityState state, const std::string& field);
  std::vector<Stage> Stages(const google::protobuf::RepeatedPtrField<v1::Stage>& stages,
                            const std::string& field);

  void Add(const std::string& field, const std::string& description);
  // True, and a violation, if `count` is not between `min` and `max`.
  bool IsCountWrong(const std::string& field, size_t count, size_t min, size_t max);

  const std::string& currency_code() const { return currency_code_; }
  status::FieldViolations& violations() { return violations_; }
  absl::Status status() const { return violations_.ToStatus(); }

 private:
  std::string Path(const std::string& field) const { return prefix_ + field; }

  std::string currency_code_;
  std::string prefix_;
  status::FieldViolations violations_;
};

}  // namespace milepost::opportunity
