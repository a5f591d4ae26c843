#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/commands.h"
#include "cli/sheet.h"
#include "milepost/target/v1/drafting.pb.h"
#include "milepost/target/v1/metric.pb.h"
#include "milepost/target/v1/node.pb.h"

// A plan as a table to edit elsewhere and bring back: one row a node.
namespace milepost::cli {

// Decimals of amounts counted by a metric: 2 for money, 0 for things, 6 for ratios, as 0.95.
int DecimalsOf(const target::v1::Metric& metric);

std::vector<SheetColumn> PlanSheetColumns(int decimals);
std::vector<std::string> PlanSheetRow(const target::v1::Node& node, int64_t plan_version,
                                      const std::string& counted_in, int decimals);

// Finds out what somebody changed in an exported table.
class PlanSheetReader {
 public:
  PlanSheetReader(std::string plan, int decimals) : plan_(std::move(plan)), decimals_(decimals) {}

  // One value that was changed.
  struct Change {
    int64_t row = 0;
    std::string node;
    std::string display_name;
    std::string field;
    std::string before;
    std::string after;
  };
  struct Refusal {
    int64_t row = 0;
    std::string column;
    std::string description;
  };

  // Reads all rows. An error if the table is not one of the plan: no header, columns that are
  // missing, rows of several versions. What is wrong in single rows is a refusal.
  absl::Status Read(SheetReader& sheet);
  // Version of the plan that the table was made of; 0 if it has no rows.
  int64_t base_version() const { return base_version_; }
  int64_t row_count() const { return static_cast<int64_t>(rows_.size()); }

  // Compares with a node as it was in that version. Every node once, in any order.
  void Compare(const target::v1::Node& node);
  // After all nodes: rows of nodes that there were none of are refused.
  void Finish();

  // One for each node that was changed and is not refused.
  const std::vector<target::v1::NodeEdit>& edits() const { return edits_; }
  const std::vector<Change>& changes() const { return changes_; }
  const std::vector<Refusal>& refusals() const { return refusals_; }

 private:
  struct Row {
    int64_t number = 0;
    std::string packed;  // Cells as one text: tables are large.
    bool compared = false;
  };
  void Refuse(int64_t row, const std::string& column, const std::string& description);

  const std::string plan_;
  const int decimals_;
  const SheetReader* sheet_ = nullptr;  // Until Finish.
  std::map<std::string, size_t> columns_;
  std::map<std::string, Row> rows_;  // By node.
  int64_t base_version_ = 0;
  std::vector<target::v1::NodeEdit> edits_;
  std::vector<Change> changes_;
  std::vector<Refusal> refusals_;
};

int RunPlanExport(const CommandCall& call);
int RunPlanImport(const CommandCall& call);

}  // namespace milepost::cli
