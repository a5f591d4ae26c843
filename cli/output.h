#pragma once

#include <string>

#include "cli/table.h"
#include "google/protobuf/message.h"

namespace milepost::cli {

enum class Format { kText, kJson, kCsv };

// Prints any answer: a resource as one `field  value` a line, a list as a table of its first
// repeated message field, other rows as tables below, arithmetic as the lines of its steps, reports
// in a layout of their own (reports.h). JSON is protobuf's, on one
// line per message; CSV has plain numbers. Targets (`..._units`) are shown as amounts where their
// message has a currency code, and everywhere with `amounts`.
void Print(const google::protobuf::Message& message, Format format, bool amounts = false);

}  // namespace milepost::cli
