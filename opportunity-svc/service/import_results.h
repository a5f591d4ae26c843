#pragma once

#include <string>

#include "absl/status/status.h"
#include "milepost/opportunity/v1/import.pb.h"
#include "platform/status/error.h"

namespace milepost::opportunity {

// Marks a row as refused, with the fields that are wrong.
void Refuse(const status::FieldViolations& violations, v1::ImportResult& result);

// Marks a row as refused by a rule, under the field that it is about.
void Refuse(const absl::Status& status, v1::ImportResult& result);

// True if the status says something about the row, rather than about the database, a peer or the
// caller's deadline.
bool IsAboutRow(const absl::Status& status);

}  // namespace milepost::opportunity
