#pragma once

#include <string>
#include <vector>

#include "milepost/target/v1/incentive.pb.h"
#include "target-svc/domain/commission.h"
#include "target-svc/domain/incentive.h"
#include "target-svc/service/reader.h"

// Terms and statements of commission between messages and domain.
namespace milepost::target {

// Metric that a base is measured by, bare.
const char* MetricOf(CommissionBase base);

// Gathers what is wrong with the terms under `field`.
CommissionPlan ReadTerms(bool has, const v1::CommissionTerms& message, const std::string& field,
                         Reader& reader);
// Terms that were read before.
CommissionPlan FromProto(const v1::CommissionTerms& message);
v1::CommissionTerms ToProto(const CommissionPlan& plan);
// Whether a target is needed.
bool AsksForAttainment(const CommissionPlan& plan);

// Facts and returns of an issued statement.
std::vector<CommissionFact> FactsOf(const v1::CommissionStatement& message);
std::vector<CommissionReturn> ReturnsOf(const v1::CommissionStatement& message);

// Writes what was computed, and from what, into a statement.
void SetComputed(const CommissionInput& input, const CommissionStatement& statement,
                 v1::CommissionStatement& message);

// What differs between two statements, as RecomputeStatementResponse says it.
void Compare(const v1::CommissionStatement& issued, const v1::CommissionStatement& recomputed,
             v1::RecomputeStatementResponse& response);

}  // namespace milepost::target
