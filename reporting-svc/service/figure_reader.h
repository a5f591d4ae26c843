#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "milepost/reporting/v1/report.pb.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"
#include "reporting-svc/domain/fact.h"
#include "reporting-svc/domain/period.h"
#include "reporting-svc/service/directory.h"
#include "reporting-svc/service/report_request.h"
#include "reporting-svc/store/figure_store.h"

namespace milepost::reporting {

// Whose figures are meant, after the caller's scope and the filter were applied: everybody's, or
// those of members on days.
struct Audience {
  bool everybody = false;
  std::vector<Stay> stays;  // Days of one member do not overlap.
};

// Hash and equality of what a series is kept by, so that it is found without copying its text.
struct SeriesKeyHash {
  using is_transparent = void;
  size_t operator()(const std::pair<size_t, std::string_view>& key) const {
    return absl::HashOf(key.first, std::hash<std::string_view>()(key.second));
  }
};
struct SeriesKeyEqual {
  using is_transparent = void;
  bool operator()(const std::pair<size_t, std::string_view>& a,
                  const std::pair<size_t, std::string_view>& b) const {
    return a == b;
  }
};

// Values by period (place in the list of periods) and sub key.
using Series =
    absl::flat_hash_map<std::pair<size_t, std::string>, Values, SeriesKeyHash, SeriesKeyEqual>;

// Sum over all periods and sub keys.
Values SumOf(const Series& series);

// What to read for one report.
struct FigureRequest {
  Group group = Group::kOrder;
  Days range = kAllTime;
  Granularity granularity = Granularity::kWhole;
  std::map<Dim, std::string> dims;
  bool by_sub = false;
  std::string currency;
};

// Reads figures for one call: knows who asks, what may be seen, and where members were. Belongs to
// the call's thread.
class FigureReader {
 public:
  FigureReader(const rpc::Caller& caller, db::Snapshot& snapshot, FigureStore& store,
               std::shared_ptr<const Directory> directory, absl::CivilDay today)
      : caller_(caller),
        snapshot_(snapshot),
        store_(store),
        directory_(std::move(directory)),
        today_(today) {}

  const Directory& directory() const { return *directory_; }
  absl::CivilDay today() const { return today_; }

  // What the caller may see of what the filter names. NOT_FOUND for a unit or member that is absent
  // or outside of it.
  absl::StatusOr<Audience> AudienceOf(const Filter& filter, const Days& range) const;
  // What the filter names, whatever the caller may see elsewhere. NOT_FOUND only if it is absent.
  absl::StatusOr<Audience> PublicAudienceOf(const Filter& filter, const Days& range) const;

  // The caller sees figures of this unit as a whole: it leads it, or sees everything.
  bool MaySeeUnit(const std::string& unit) const;
  bool MaySeeMember(const std::string& member) const;

  // Asks for figures of the audience together. Returns the place of the answer.
  size_t AskTotal(const FigureRequest& request, const Audience& audience);
  // Asks for figures of the audience by id of a member or unit, or by key. Members and keys without
  // figures will not be there; units are `units`, each with all below it. Returns the place of the
  // answer.
  size_t AskGrouped(const FigureRequest& request, const Audience& audience, v1::Dimension by,
                    const std::vector<std::string>& units);
  // Answers all that was asked, in one round trip as a rule.
  absl::Status Run();
  const Series& Total(size_t place) { return answers_[place][""]; }
  const std::map<std::string, Series>& Grouped(size_t place) const { return answers_[place]; }

  // Units that a grouping by unit answers for.
  std::vector<std::string> UnitsOf(const Grouping& grouping, const Filter& filter,
                                   const Audience& audience, const Days& range) const;

  // Name and title of a group.
  v1::ReportGroup GroupOf(v1::Dimension by, const std::string& id) const;

 private:
  // One query of the store and what becomes of its rows.
  struct Part {
    enum GroupBy { kNothing, kKey, kMember, kUnits };
    size_t answer = 0;
    FigureQuery query;
    GroupBy group_by = kNothing;
    absl::flat_hash_map<std::string, std::vector<std::string>> units_of;  // By member.
    std::vector<absl::CivilDay> first_days;  // Of the periods; empty for the whole range.

    // Whose or what a row is; of a unit, its member.
    std::string_view GroupOf(const FigureRow& row) const;
  };
  Part& Add(size_t answer, const FigureRequest& request, const Days& days, MemberSelection who,
            Dim by_dim, bool by_member);
  // Units that the caller leads today, none below another.
  std::vector<std::string> LedUnits() const;

  const rpc::Caller& caller_;
  db::Snapshot& snapshot_;
  FigureStore& store_;
  const std::shared_ptr<const Directory> directory_;
  const absl::CivilDay today_;
  std::vector<Part> parts_;
  std::vector<std::map<std::string, Series>> answers_;
};

}  // namespace milepost::reporting
