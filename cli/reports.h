#pragma once

#include "cli/output.h"
#include "google/protobuf/message.h"
#include "milepost/target/v1/plan.pb.h"

namespace milepost::cli {

// Prints the message if it is a report or a funnel, in the layout of that report with its freshness
// or its arithmetic below, or as text what differs between versions of a plan, whose units are
// amounts with `amounts`. False if it is none.
bool PrintReport(const google::protobuf::Message& message, Format format, bool amounts);

// One row for each difference.
Table DifferenceTable(const target::v1::ComparePlanVersionsResponse& response, bool amounts);

}  // namespace milepost::cli
