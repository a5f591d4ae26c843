#pragma once

#include "cli/output.h"
#include "google/protobuf/message.h"

namespace milepost::cli {

// Prints the message if it is a report or a funnel, in the layout of that report with its freshness
// or its arithmetic below. False if it is none.
bool PrintReport(const google::protobuf::Message& message, Format format);

}  // namespace milepost::cli
