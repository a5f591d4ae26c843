#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "google/protobuf/message.h"
#include "milepost/target/v1/plan.pb.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/version_diff.h"

// What differs between two versions of nodes, as clients see it.
namespace milepost::target {

v1::DifferenceKind KindOf(const VersionDifference& difference);

// Adds the differences from `start` on, at most `limit`, under the names of `plan_id`; returns how
// many there are in all.
size_t AddDifferences(const std::vector<Node>& before, const std::vector<Node>& after,
                      const std::string& plan_id, size_t start, size_t limit,
                      google::protobuf::RepeatedPtrField<v1::PlanDifference>& differences);

// `status` with a message that tells the client more.
absl::Status WithDetail(absl::Status status, const google::protobuf::Message& detail);

}  // namespace milepost::target
