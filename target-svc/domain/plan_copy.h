#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/plan.h"
#include "target-svc/domain/working_calendar.h"

// A new plan with the shape of another one. Pure functions.
namespace milepost::target {

// Who takes the place of a unit or a member in the new plan.
struct CopiedOwner {
  std::optional<std::string> key;  // Nobody: it is left out.
  std::string display_name;
  std::string why;  // In words, where it is not the same.
};

struct CopyRule {
  bool keep_locks = false;   // Locked nodes keep value and lock.
  bool keep_bounds = false;  // Minima and maxima stay as they are.
  bool keep_notes = true;
  // Of a unit or member, by dimension and key, in a node that is for `unit_id` and these days.
  std::function<CopiedOwner(Dimension dimension, const std::string& key, const std::string& unit_id,
                            DayRange days)>
      owner;
};

enum class CopyNoticeKind {
  kLeftOut = 1,        // A part is not in the new plan.
  kReplaced = 2,       // Somebody else has its place.
  kNotSplit = 3,       // Nobody of a breakdown was left.
  kPeriodLeftOut = 4,  // The new days have no place for it.
  kPeriodAdded = 5,    // The new days have one more; it weighs what the others do on average.
};

// What is not as it was.
struct CopyNotice {
  CopyNoticeKind kind;
  std::string source_id;  // The node of the source that it is about.
  Dimension dimension = Dimension::kNone;
  std::string key;
  std::string description;
};

struct PlanCopy {
  std::vector<Node> nodes;  // The root first, in the order of paths.
  std::vector<CopyNotice> notices;
};

// `source` holds all nodes of a plan in the order of paths. Each breakdown of the new plan is split
// by the rules of the one it comes from: by its calendar days where those weighed, evenly where
// that was so, else in proportion to the targets there, with stretch and rounding unit as there.
// Periods that are steps of the calendar become the same steps of the new days, in order; others
// move with the beginning of what they are in: by whole months if both begin on the same day of the
// month, else by days. Parts that come to the same key are put together. Ids are numbered on from
// `plan.next_node_number`. FAILED_PRECONDITION if the total cannot be split so, for what is kept.
absl::StatusOr<PlanCopy> CopyNodes(const std::vector<Node>& source, Plan& plan,
                                   const CopyRule& rule, const WorkingCalendar& calendar);

}  // namespace milepost::target
