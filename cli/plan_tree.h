#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/table.h"
#include "milepost/reporting/v1/progress.pb.h"
#include "milepost/target/v1/actual.pb.h"
#include "milepost/target/v1/commitment.pb.h"
#include "milepost/target/v1/metric.pb.h"
#include "milepost/target/v1/node.pb.h"
#include "milepost/target/v1/plan.pb.h"

// A plan as a tree of its targets with what became of them.
namespace milepost::cli {

// What the services said about a plan, or a part of it. Nodes stand parents before children, each
// followed by what is below it; the other lists may lack nodes and have any order.
struct PlanTreeParts {
  target::v1::Plan plan;
  target::v1::Metric metric;
  std::vector<target::v1::Node> nodes;
  std::vector<target::v1::RollupRow> commitments;
  std::vector<reporting::v1::TargetProgressReport::Row> progress;
  std::vector<target::v1::NodeActual> recorded;  // Where there is no progress.
  std::string as_of_date;
  std::vector<std::string> missing;  // What is not known and why, in words.
};

// What is shown of a plan. Values are in units of the metric.
struct PlanTree {
  struct Line {
    target::v1::Node node;
    std::string branch;  // What is drawn before its name.
    std::optional<int64_t> committed;
    std::optional<int64_t> actual;
    std::optional<int64_t> attainment_ppm;
    std::optional<int64_t> pace_ppm;
    std::optional<int64_t> landing;
    std::string status;
  };
  target::v1::Plan plan;
  target::v1::Metric metric;
  std::string as_of_date;            // Empty if no actual values are known.
  std::vector<std::string> missing;  // What is not known and why, in words.
  std::vector<Line> lines;
};

PlanTree MakePlanTree(PlanTreeParts parts);

// For people, aligned, with the columns that say something; amounts as the metric counts.
std::string ToText(const PlanTree& tree);
// One line a node, with plain numbers.
std::string ToCsv(const PlanTree& tree);
std::string ToJson(const PlanTree& tree);

int RunPlanTree(const CommandCall& call);

}  // namespace milepost::cli
