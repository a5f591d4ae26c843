// Plans under thousands of random operations against the services on a real database. After each:
// every sum holds where the plan promises it, found by arithmetic of this test's own; a call that
// is refused changed nothing; one that is not made exactly one version; what locks, bounds and
// re-plans hold is held. Past versions read as they were seen, and the fold of the feed is the
// state.
//   MILEPOST_MODEL_SEED        of the random numbers, printed: 11 if not set, random if 0
//   MILEPOST_MODEL_OPERATIONS  2,000 if it is not set
//   MILEPOST_MODEL_SECONDS     after which no more is begun; 100 if it is not set
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/change/feed_reading.h"
#include "platform/change/sequencing.h"
#include "target-svc/service/branch_service.h"
#include "target-svc/service/revision_service.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using testing::IsOk;

constexpr int kMaxModelNodes = 140;
constexpr int kOperationsOfPlan = 120;  // Then another one is made.
constexpr int kOperationsToFold = 100;

int64_t Setting(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

CivilDay DayOf(const type::v1::Date& date) {
  return CivilDay(date.year(), date.month(), date.day());
}

using Family = std::pair<std::string, std::string>;  // Parent and breakdown.

// A plan as it was read: its nodes by name, and what does not hold in it.
struct Seen {
  v1::Plan plan;
  std::vector<v1::Node> nodes;
  std::map<std::string, const v1::Node*> by_name;
  std::set<Family> off;                // Families that do not add up.
  std::set<std::string> outside;       // Nodes that are outside of their bounds.
  std::set<std::string> below_closed;  // Nodes with something settled above them.
  std::vector<std::string> broken;     // What no plan may ever be, in words.

  const v1::Node& Of(const std::string& name) const { return *by_name.at(name); }
  std::string Bytes() const {
    std::string bytes;
    for (const v1::Node& node : nodes) bytes += node.SerializeAsString() + '\n';
    return bytes;
  }
  // What an undo restores, without what a write leaves on a node.
  std::string Content() const {
    std::string bytes;
    for (v1::Node node : nodes) {
      node.clear_etag();
      node.clear_plan_version();
      node.clear_update_time();
      node.clear_create_time();
      bytes += node.SerializeAsString() + '\n';
    }
    return bytes;
  }
};

int64_t CountedOf(const v1::Node& node) {
  return node.has_counted_units() ? node.counted_units() : node.target_units();
}

// The test's own idea of a plan, without a line of the service's.
void Judge(Seen& seen) {
  const auto wrong = [&](const v1::Node& node, const std::string& what) {
    seen.broken.push_back(node.name() + " " + what);
  };
  std::map<Family, absl::int128> sums;
  std::map<Family, int> counts;
  std::map<Family, std::set<int>> positions;
  std::map<Family, std::vector<const v1::Node*>> families;
  std::string last_parent;
  for (const v1::Node& node : seen.nodes) {
    if (!seen.by_name.emplace(node.name(), &node).second) wrong(node, "is there twice");
    if (node.target_units() < 0) wrong(node, "is below zero");
    if (!node.has_counted_units() && !node.locked() &&
        ((node.has_min_units() && node.target_units() < node.min_units()) ||
         (node.has_max_units() && node.target_units() > node.max_units()))) {
      seen.outside.insert(node.name());
    }
    if (node.parent().empty()) {
      if (node.target_units() != seen.plan.target_units()) wrong(node, "is not the plan's target");
      continue;
    }
    const auto parent = seen.by_name.find(node.parent());
    if (parent == seen.by_name.end()) {
      wrong(node, "has no parent before it");
      continue;
    }
    const Family family(node.parent(), node.breakdown());
    sums[family] += CountedOf(node);
    ++counts[family];
    families[family].push_back(&node);
    if (!positions[family].insert(node.position()).second) wrong(node, "shares its position");
    if (node.depth() != parent->second->depth() + 1) wrong(node, "is not one level below");
    if (parent->second->has_counted_units() || seen.below_closed.contains(node.parent()))
      seen.below_closed.insert(node.name());
    const auto& days = node.scope().period();
    const auto& above = parent->second->scope().period();
    if (DayOf(days.last_date()) < DayOf(days.first_date())) wrong(node, "has no days");
    if (DayOf(days.first_date()) < DayOf(above.first_date()) ||
        DayOf(above.last_date()) < DayOf(days.last_date())) {
      wrong(node, "has days that its parent has not");
    }
  }
  if (seen.plan.node_count() != static_cast<int64_t>(seen.nodes.size()))
    seen.broken.push_back(absl::StrCat("the plan says ", seen.plan.node_count(), " nodes"));
  for (const v1::Node& node : seen.nodes) {
    std::set<std::string> known;
    if (node.leaf() != node.breakdowns().empty()) wrong(node, "is a leaf or is not");
    for (const v1::Breakdown& breakdown : node.breakdowns()) {
      const Family family(node.name(), breakdown.breakdown());
      known.insert(breakdown.breakdown());
      if (counts[family] != breakdown.child_count())
        wrong(node, absl::StrCat("says ", breakdown.child_count(), " children by ",
                                 breakdown.breakdown(), " and has ", counts[family]));
      const absl::int128 expected =
          (absl::int128(node.target_units()) * breakdown.stretch_ppm() + 500'000) / 1'000'000;
      if (sums[family] != expected) seen.off.insert(family);
      std::map<std::string, std::vector<const v1::Node*>> by_key;
      for (const v1::Node* child : families[family]) {
        for (const v1::Node* same : by_key[child->key()]) {
          if (DayOf(same->scope().period().last_date()) >=
                  DayOf(child->scope().period().first_date()) &&
              DayOf(child->scope().period().last_date()) >=
                  DayOf(same->scope().period().first_date())) {
            wrong(*child, "is for the same as " + same->name());
          }
        }
        by_key[child->key()].push_back(child);
      }
    }
    for (const auto& [family, count] : counts) {
      if (family.first == node.name() && count > 0 && !known.contains(family.second))
        wrong(node, "has children in no breakdown");
    }
  }
}

class PlanModelTest : public TargetTest {
 protected:
  PlanModelTest()
      : TargetTest([](const Parts& parts) {
          std::vector<std::unique_ptr<grpc::Service>> services;
          services.push_back(std::make_unique<RevisionService>(
              parts.runner, parts.directory, reporting::v1::ReportService::NewStub(parts.reports)));
          services.push_back(std::make_unique<BranchService>(parts.runner, parts.directory));
          return services;
        }),
        revisions_(v1::RevisionService::NewStub(host_.channel())),
        branches_(v1::BranchService::NewStub(host_.channel())),
        seed_(static_cast<uint64_t>(Setting("MILEPOST_MODEL_SEED", 11))) {
    if (seed_ == 0) seed_ = std::random_device()() | 1u;
    random_.seed(seed_);
    for (int i = 1; i <= 12; ++i) reports_.by_month[CivilDay(2018, i, 1)] = Between(0, 20'000);
    for (const char* key : {"anna", "bert", "mia", "eve", "max"})
      reports_.by_name[std::string("members/") + key] = Between(0, 1'000);
  }

  int64_t Between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  bool OneIn(int64_t n) { return Between(1, n) == 1; }
  template <typename T>
  const T& Any(const std::vector<T>& all) {
    return all[static_cast<size_t>(Between(0, static_cast<int64_t>(all.size()) - 1))];
  }
  // Mostly one that has not too much below it.
  const v1::Node& AnyNode(const Seen& seen) { return Any(seen.nodes); }
  CivilDay AnyDay() {
    const int month = static_cast<int>(Between(1, 12));
    return CivilDay(2018, month, OneIn(2) ? 1 : static_cast<int>(Between(1, 28)));
  }

  Seen Read(const std::string& plan, int64_t version = 0) {
    Seen seen;
    v1::GetPlanRequest get;
    get.set_name("plans/" + plan);
    const auto found = Do(&v1::PlanService::Stub::GetPlan, *plans_, zoe_, get);
    EXPECT_THAT(found, IsOk());
    if (found.ok()) seen.plan = *found;
    v1::ListNodesRequest list;
    list.set_plan("plans/" + plan);
    list.set_plan_version(version);
    list.set_page_size(500);
    seen.nodes = AllNodes(zoe_, list);
    return seen;
  }
  Seen ReadAndJudge(const std::string& plan) {
    Seen seen = Read(plan);
    Judge(seen);
    return seen;
  }

  // What became of an operation, and what it may leave behind.
  struct Outcome {
    std::string what;
    absl::Status status;
    std::set<Family> may_be_off;
    std::set<std::string> may_be_outside;
    bool rewrites = false;  // Locks and settlements are no hold: undo, merge, replace.
    bool moves = false;
    bool settles = false;
    std::set<std::string> unlocked;  // Nodes whose target may change although they are locked.
    std::optional<std::vector<int64_t>> previewed;  // Targets to be found afterwards, in order.
    std::function<std::vector<int64_t>(const Seen&)> find;
    bool undone = false;
    bool solves_all = false;
  };

  // Whether the refusal is one that a client may meet.
  static bool IsFair(const absl::Status& status) {
    return status.code() == absl::StatusCode::kFailedPrecondition ||
           status.code() == absl::StatusCode::kAlreadyExists ||
           status.code() == absl::StatusCode::kInvalidArgument ||
           status.code() == absl::StatusCode::kNotFound;
  }

  void StartPlan() {
    plan_ = absl::StrCat("model-", ++plan_number_);
    branch_.clear();
    histories_.clear();
    const int64_t target = Between(0, 3) == 0 ? Between(0, 500) : Between(10'000, 5'000'000);
    MakePlan(plan_, target);
    v1::SplitNodesRequest units = OfRoot(plan_);
    Weighted(units, v1::UNIT, {{"units/west", Between(1, 9)}, {"units/east", Between(1, 9)}});
    const std::vector<v1::Node> made = Children(Split(zoe_, units));
    ASSERT_EQ(made.size(), 2u);
    const auto members = [&](const v1::Node& unit, const std::vector<std::string>& keys) {
      v1::SplitNodesRequest request = OfRoot(plan_);
      request.mutable_split()->mutable_nodes()->set_nodes(0, unit.name());
      std::vector<std::pair<std::string, int64_t>> parts;
      for (const std::string& key : keys) parts.push_back({"members/" + key, Between(1, 9)});
      Weighted(request, v1::MEMBER, parts);
      ASSERT_THAT(Split(zoe_, request), IsOk());
    };
    // As they were before the moves of the plan before.
    for (const char* member : {"anna", "bert", "mia"}) Place(member, "west", CivilDay(2018, 1, 1));
    for (const char* member : {"eve", "max"}) Place(member, "east", CivilDay(2018, 1, 1));
    members(made[0], {"anna", "bert", "mia"});
    members(made[1], {"eve", "max"});
    seen_[plan_] = ReadAndJudge(plan_);
    Remember(plan_);
  }

  void Place(const std::string& member, const std::string& unit, CivilDay first) {
    organization::v1::MoveMemberRequest request;
    request.set_name("members/" + member);
    request.set_unit("units/" + unit);
    *request.mutable_first_date() = milepost::ToProto(first);
    const auto moved =
        Do(&organization::v1::MemberService::Stub::MoveMember, *members_, sam_, request);
    EXPECT_TRUE(moved.ok() || IsFair(moved.status())) << moved.status();
  }

  void Remember(const std::string& plan) {
    histories_[plan][seen_[plan].plan.plan_version()] = seen_[plan].Bytes();
    contents_[plan][seen_[plan].plan.plan_version()] = seen_[plan].Content();
  }

  // Operations on a plan as it was seen.

  Outcome SplitSome(const std::string& plan, const Seen& seen) {
    const v1::Node& node = AnyNode(seen);
    Outcome outcome{.what = "split " + node.name()};
    v1::SplitNodesRequest request = OfRoot(plan);
    v1::SplitSpec& split = *request.mutable_split();
    split.mutable_nodes()->set_nodes(0, node.name());
    split.set_reason("细分");
    static const v1::Dimension kDimensions[] = {v1::PERIOD, v1::REGION, v1::PRODUCT, v1::CHANNEL};
    const v1::Dimension dimension = kDimensions[Between(0, 3)];
    split.set_dimension(dimension);
    if (OneIn(4)) split.set_breakdown(absl::StrCat("b", Between(1, 3)));
    if (OneIn(5)) split.set_stretch_ppm(Between(0, 1) ? 1'050'000 : 930'000);
    if (OneIn(4)) split.set_rounding_units(Between(0, 1) ? 10 : 7);
    if (OneIn(8) && seen.plan.state() != v1::ACTIVE) {
      split.set_replace(true);
      outcome.rewrites = true;
    }
    if (dimension == v1::PERIOD) {
      split.set_grain(OneIn(3) && seen.nodes.size() < 100 ? v1::MONTH : v1::QUARTER);
      switch (Between(0, 3)) {
        case 0:
          split.mutable_working_calendar();
          break;
        case 1: {
          v1::HistoryMethod& history = *split.mutable_history();
          *history.add_reference_periods()->mutable_period() =
              Range(CivilDay(2018, 1, 1), CivilDay(2018, 12, 31));
          history.set_even_without_history(true);
          break;
        }
        case 2:
          split.mutable_capacity();
          break;
        default:
          split.mutable_even();
      }
    } else {
      const int64_t count = Between(1, 4);
      for (int64_t i = 0; i < count; ++i) {
        v1::SplitPart& part = *split.mutable_parts()->add_parts();
        part.set_key(absl::StrCat(dimension == v1::PRODUCT ? "products/" : "", "k", i));
        part.set_weight(Between(0, 5));
        if (OneIn(6)) part.set_lock_units(Between(0, node.target_units()));
        if (!part.has_lock_units() && OneIn(5))
          part.set_min_units(Between(0, 1 + node.target_units() / 3));
        if (!part.has_lock_units() && OneIn(5))
          part.set_max_units(Between(node.target_units() / 3, 1 + node.target_units()));
      }
      if (OneIn(3)) {
        split.mutable_even();
      } else if (OneIn(4)) {
        split.mutable_copy()->set_source(AnyNode(seen).name());
      } else {
        split.mutable_weights();
      }
    }
    v1::PreviewSplitRequest preview;
    preview.set_plan(request.plan());
    *preview.mutable_split() = split;
    const auto shown = Do(&v1::NodeService::Stub::PreviewSplit, *nodes_, zoe_, preview);
    const auto made = Split(zoe_, request);
    outcome.status = made.status();
    EXPECT_EQ(shown.status().code(), made.status().code()) << outcome.what << made.status();
    if (made.ok() && shown.ok()) {
      std::vector<int64_t> values;
      for (const v1::NodeSplit& one : shown->splits())
        for (const v1::Node& child : one.children()) values.push_back(child.target_units());
      EXPECT_EQ(values, Values(Children(made))) << outcome.what;
    }
    return outcome;
  }

  Outcome RemoveSome(const Seen& seen) {
    std::vector<Family> families;
    for (const v1::Node& node : seen.nodes) {
      for (const v1::Breakdown& breakdown : node.breakdowns()) {
        if (!node.parent().empty() || breakdown.dimension() != v1::UNIT)
          families.push_back({node.name(), breakdown.breakdown()});
      }
    }
    Outcome outcome{.what = "remove nothing", .status = absl::NotFoundError("")};
    if (families.empty()) return outcome;
    const Family family = Any(families);
    outcome.what = absl::StrCat("remove ", family.second, " of ", family.first);
    v1::RemoveBreakdownRequest request;
    request.set_name(family.first);
    request.set_breakdown(family.second);
    outcome.status = Do(&v1::NodeService::Stub::RemoveBreakdown, *nodes_, zoe_, request).status();
    return outcome;
  }

  Outcome LockSome(const Seen& seen) {
    const v1::Node& node = AnyNode(seen);
    Outcome outcome{.what = absl::StrCat(node.locked() ? "unlock " : "lock ", node.name())};
    if (node.locked()) {
      v1::UnlockNodeRequest request;
      request.set_name(node.name());
      request.set_reason("放开");
      outcome.status = Do(&v1::NodeService::Stub::UnlockNode, *nodes_, zoe_, request).status();
      outcome.may_be_outside.insert(node.name());
    } else {
      v1::LockNodeRequest request;
      request.set_name(node.name());
      request.set_reason("锁定");
      outcome.status = Do(&v1::NodeService::Stub::LockNode, *nodes_, zoe_, request).status();
    }
    return outcome;
  }

  Outcome BoundSome(const Seen& seen) {
    const v1::Node& node = AnyNode(seen);
    Outcome outcome{.what = "bounds of " + node.name()};
    v1::UpdateNodeRequest request;
    request.mutable_node()->set_name(node.name());
    if (OneIn(2))
      request.mutable_node()->set_min_units(node.target_units() * Between(50, 101) / 100);
    if (OneIn(2))
      request.mutable_node()->set_max_units(node.target_units() * Between(99, 150) / 100);
    request.mutable_update_mask()->add_paths("min_units");
    request.mutable_update_mask()->add_paths("max_units");
    request.set_reason("边界");
    outcome.may_be_outside.insert(node.name());
    outcome.status = Do(&v1::NodeService::Stub::UpdateNode, *nodes_, zoe_, request).status();
    return outcome;
  }

  Outcome AdjustSome(const Seen& seen) {
    const v1::Node& node = AnyNode(seen);
    v1::AdjustNodeRequest request;
    request.set_name(node.name());
    request.set_target_units(OneIn(4) ? Between(0, 2 * node.target_units() + 10)
                                      : node.target_units() * Between(85, 115) / 100);
    request.set_absorb(static_cast<v1::GivesWay>(Between(1, 3)));
    request.set_reason("调整");
    Outcome outcome{.what = absl::StrCat("adjust ", node.name(), " to ", request.target_units(),
                                         ", ", v1::GivesWay_Name(request.absorb()), " give way")};
    if (request.absorb() == v1::CHILDREN && !node.parent().empty() &&
        seen.plan.state() != v1::ACTIVE) {
      outcome.may_be_off.insert({node.parent(), node.breakdown()});
    }
    const auto adjusted = Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, request);
    outcome.status = adjusted.status();
    if (adjusted.ok()) {
      outcome.previewed = {request.target_units()};
      outcome.find = [name = node.name()](const Seen& after) {
        return std::vector<int64_t>{after.Of(name).target_units()};
      };
    }
    return outcome;
  }

  Outcome SolveSome(const Seen& seen) {
    const v1::Node& node = OneIn(2) ? seen.nodes.front() : AnyNode(seen);
    v1::SolveTreeRequest request;
    v1::TreeSpec& tree = *request.mutable_tree();
    tree.set_node(node.name());
    tree.set_reason("求解");
    if (node.parent().empty() && OneIn(3))
      tree.set_target_units(node.target_units() * Between(80, 130) / 100);
    if (OneIn(3)) tree.set_shape(v1::TreeSpec::WEIGHTS);
    Outcome outcome{.what = "solve " + node.name()};
    for (int64_t i = Between(0, 2); i > 0; --i) {
      const v1::Node& held = AnyNode(seen);
      v1::SolveConstraint& constraint = *tree.add_constraints();
      constraint.set_node(held.name());
      constraint.set_clear(OneIn(2));
      if (OneIn(2)) constraint.set_lock_units(held.target_units() * Between(90, 110) / 100);
      if (OneIn(4)) constraint.set_min_units(held.target_units() / 2);
      outcome.unlocked.insert(held.name());
      outcome.may_be_outside.insert(held.name());
    }
    v1::PreviewTreeRequest preview;
    *preview.mutable_tree() = tree;
    const auto shown = Do(&v1::SolveService::Stub::PreviewTree, *solver_, zoe_, preview);
    outcome.status = Do(&v1::SolveService::Stub::SolveTree, *solver_, zoe_, request).status();
    EXPECT_EQ(shown.status().code(), outcome.status.code()) << outcome.what << outcome.status;
    outcome.solves_all = node.parent().empty();
    if (shown.ok()) {
      std::vector<std::string> names;
      outcome.previewed.emplace();
      for (const v1::Node& one : shown->nodes()) {
        names.push_back(one.name());
        outcome.previewed->push_back(one.target_units());
      }
      outcome.find = [names](const Seen& after) {
        std::vector<int64_t> values;
        for (const std::string& name : names) values.push_back(after.Of(name).target_units());
        return values;
      };
    }
    return outcome;
  }

  Outcome MoveSome(const Seen& seen) {
    std::vector<const v1::Node*> members;
    std::vector<const v1::Node*> units;
    for (const v1::Node& node : seen.nodes) {
      if (node.dimension() == v1::MEMBER) members.push_back(&node);
      if (node.dimension() == v1::UNIT) units.push_back(&node);
    }
    const v1::Node& node = members.empty() || OneIn(5) ? AnyNode(seen) : *Any(members);
    std::erase_if(units, [&](const v1::Node* unit) { return unit->name() == node.parent(); });
    const v1::Node& parent = units.empty() || OneIn(8) ? AnyNode(seen) : *Any(units);
    const CivilDay day = AnyDay();
    Outcome outcome{.what = absl::StrCat("move ", node.name(), " to ", parent.name(), " on ",
                                         absl::FormatCivilTime(day))};
    outcome.moves = true;
    if (node.dimension() == v1::MEMBER && parent.dimension() == v1::UNIT && !OneIn(10)) {
      const CivilDay first = std::max(day, DayOf(node.scope().period().first_date()));
      Place(LastPart(node.scope().member()), LastPart(parent.scope().unit()), first);
    }
    v1::MoveNodeRequest request;
    request.mutable_move()->set_node(node.name());
    request.mutable_move()->set_new_parent(parent.name());
    *request.mutable_move()->mutable_date() = milepost::ToProto(day);
    request.mutable_move()->set_reason("调岗");
    v1::PreviewMoveRequest preview;
    *preview.mutable_move() = request.move();
    const auto shown = Do(&v1::RevisionService::Stub::PreviewMove, *revisions_, zoe_, preview);
    outcome.status = Do(&v1::RevisionService::Stub::MoveNode, *revisions_, zoe_, request).status();
    EXPECT_EQ(shown.status().code(), outcome.status.code()) << outcome.what << outcome.status;
    if (shown.ok() && outcome.status.ok()) {
      // What stays and what moves is what there was.
      for (const v1::MovedNode& moved : shown->moved()) {
        if (moved.past_units() + moved.future_units() == seen.Of(moved.node()).target_units())
          continue;
        bool stretched = false;
        for (const v1::Node& one : seen.nodes) {
          for (const v1::Breakdown& breakdown : one.breakdowns())
            stretched = stretched || breakdown.stretch_ppm() != 1'000'000;
        }
        EXPECT_TRUE(stretched || !seen.off.empty()) << outcome.what << moved.ShortDebugString();
      }
      std::vector<std::string> names;
      outcome.previewed.emplace();
      for (const v1::Node& one : shown->nodes()) {
        names.push_back(one.name());
        outcome.previewed->push_back(one.target_units());
      }
      outcome.find = [names](const Seen& after) {
        std::vector<int64_t> values;
        for (const std::string& name : names) values.push_back(after.Of(name).target_units());
        return values;
      };
    }
    return outcome;
  }

  Outcome ReplanSome(const Seen& seen) {
    const v1::Node& node = OneIn(2) ? seen.nodes.front() : AnyNode(seen);
    v1::ReplanPlanRequest request;
    v1::ReplanSpec& spec = *request.mutable_replan();
    spec.set_node(node.name());
    *spec.mutable_date() = milepost::ToProto(AnyDay());
    spec.set_reason("滚动");
    v1::PreviewReplanRequest preview;
    *preview.mutable_replan() = spec;
    auto shown = Do(&v1::RevisionService::Stub::PreviewReplan, *revisions_, zoe_, preview);
    if (shown.ok()) {
      for (const v1::SettledTarget& settled : shown->settled()) {
        if (!OneIn(2)) continue;
        v1::AchievedValue& typed = *spec.add_achieved();
        typed.set_node(settled.node());
        typed.set_achieved_units(settled.target_units() * Between(60, 120) / 100);
      }
      *preview.mutable_replan() = spec;
      shown = Do(&v1::RevisionService::Stub::PreviewReplan, *revisions_, zoe_, preview);
    }
    Outcome outcome{.what = absl::StrCat("re-plan ", node.name(), " from ",
                                         absl::FormatCivilTime(DayOf(spec.date())))};
    outcome.settles = true;
    outcome.status =
        Do(&v1::RevisionService::Stub::ReplanPlan, *revisions_, zoe_, request).status();
    EXPECT_EQ(shown.status().code(), outcome.status.code()) << outcome.what << outcome.status;
    if (shown.ok() && outcome.status.ok()) {
      std::vector<std::string> names;
      outcome.previewed.emplace();
      for (const v1::Node& one : shown->nodes()) {
        names.push_back(one.name());
        outcome.previewed->push_back(one.target_units());
      }
      for (const v1::SettledTarget& one : shown->settled()) {
        names.push_back(one.node());
        outcome.previewed->push_back(one.achieved_units());
      }
      outcome.find = [names](const Seen& after) {
        std::vector<int64_t> values;
        for (const std::string& name : names) values.push_back(CountedOf(after.Of(name)));
        return values;
      };
    }
    return outcome;
  }

  Outcome UndoLast(const std::string& plan) {
    Outcome outcome{.what = "undo in " + plan, .rewrites = true, .undone = true};
    v1::UndoPlanChangeRequest request;
    request.set_name("plans/" + plan);
    request.set_reason("撤销");
    outcome.status = Do(&v1::PlanService::Stub::UndoPlanChange, *plans_, zoe_, request).status();
    return outcome;
  }

  void MakeBranch() {
    branch_ = absl::StrCat("branch-", ++branch_number_);
    v1::CreateBranchRequest request;
    request.set_plan("plans/" + plan_);
    request.set_branch_id(branch_);
    request.set_title("假设");
    request.set_purpose("如果");
    ASSERT_THAT(Do(&v1::BranchService::Stub::CreateBranch, *branches_, zoe_, request), IsOk());
    seen_[branch_] = ReadAndJudge(branch_);
    ASSERT_EQ(seen_[branch_].nodes.size(), seen_[plan_].nodes.size());
    for (size_t i = 0; i < seen_[branch_].nodes.size(); ++i) {
      ASSERT_EQ(LastPart(seen_[branch_].nodes[i].name()), LastPart(seen_[plan_].nodes[i].name()));
      ASSERT_EQ(seen_[branch_].nodes[i].target_units(), seen_[plan_].nodes[i].target_units());
    }
    Remember(branch_);
  }

  // Merges the branch, or tries to; then it may go.
  void MergeBranch() {
    v1::MergeBranchRequest request;
    request.mutable_merge()->set_branch("plans/" + branch_);
    request.mutable_merge()->set_reason("采纳");
    if (OneIn(2)) {
      request.mutable_merge()->set_other_conflicts(OneIn(2) ? v1::FROM_ORIGIN : v1::FROM_BRANCH);
    }
    v1::PreviewMergeRequest preview;
    *preview.mutable_merge() = request.merge();
    const auto shown = Do(&v1::BranchService::Stub::PreviewMerge, *branches_, zoe_, preview);
    Outcome outcome{.what = absl::StrCat("merge ", branch_), .rewrites = true};
    outcome.status = Do(&v1::BranchService::Stub::MergeBranch, *branches_, zoe_, request).status();
    if (shown.ok()) {
      const bool changes =
          shown->changed_node_count() + shown->created_node_count() + shown->deleted_node_count() >
          0;
      EXPECT_EQ(outcome.status.ok(),
                shown->undecided_count() == 0 && shown->violation_count() == 0 && changes)
          << outcome.what << outcome.status << shown->ShortDebugString();
    }
    const bool merged = outcome.status.ok();
    ++done_[merged ? "merged" : "merge refused"];
    Check(plan_, outcome);
    if (HasFatalFailure()) return;
    // The branch keeps its nodes, and a version more says that it was merged.
    Outcome noted{.what = outcome.what, .status = outcome.status};
    Check(branch_, noted);
    if (OneIn(2) || merged) {
      v1::DeletePlanRequest remove;
      remove.set_name("plans/" + branch_);
      ASSERT_THAT(Do(&v1::PlanService::Stub::DeletePlan, *plans_, zoe_, remove), IsOk());
      seen_.erase(branch_);
      branch_.clear();
    }
  }

  void PutInForce() {
    ASSERT_THAT(Submit(zoe_, plan_), IsOk());
    v1::ApprovePlanRequest approve;
    approve.set_accept_variance(true);
    approve.set_reason("接受");
    ASSERT_THAT(Verb(&v1::PlanService::Stub::ApprovePlan, sam_, plan_, approve), IsOk());
    ASSERT_THAT(Activate(zoe_, plan_), IsOk());
    for (int i = 0; i < 2; ++i) {
      // Both changes of state are versions with the same nodes.
      const int64_t version = seen_[plan_].plan.plan_version() + 1 + i;
      histories_[plan_][version] = seen_[plan_].Bytes();
      contents_[plan_][version] = seen_[plan_].Content();
    }
    const std::string before = seen_[plan_].Bytes();
    seen_[plan_] = ReadAndJudge(plan_);
    ASSERT_EQ(seen_[plan_].Bytes(), before);
    Remember(plan_);
  }

  // What must hold after an operation on a plan.
  void Check(const std::string& plan, const Outcome& outcome) {
    SCOPED_TRACE(absl::StrCat("operation ", operation_, ", seed ", seed_, ": ", outcome.what, ": ",
                              outcome.status.ToString()));
    const Seen before = std::move(seen_[plan]);
    Seen& after = seen_[plan] = ReadAndJudge(plan);
    ASSERT_TRUE(after.broken.empty()) << after.broken.front();
    if (!outcome.status.ok()) {
      ASSERT_TRUE(IsFair(outcome.status));
      ASSERT_EQ(after.plan.SerializeAsString(), before.plan.SerializeAsString());
      ASSERT_EQ(after.Bytes(), before.Bytes());
      return;
    }
    ASSERT_EQ(after.plan.plan_version(), before.plan.plan_version() + 1);
    CheckSums(before, after, outcome);
    CheckHolds(before, after, outcome);
    if (outcome.previewed) {
      ASSERT_EQ(outcome.find(after), *outcome.previewed);
    }
    const auto content = contents_[plan].find(before.plan.plan_version() - 1);
    if (outcome.undone && content != contents_[plan].end()) {
      ASSERT_EQ(after.Content(), content->second);
    }
    Remember(plan);
    CheckPlanAgrees(plan, after);
    CheckPast(plan, after);
  }

  void CheckSums(const Seen& before, const Seen& after, const Outcome& outcome) {
    for (const Family& family : after.off) {
      ASSERT_FALSE(outcome.solves_all) << family.first << " by " << family.second << " is off";
      if (outcome.undone) continue;
      ASSERT_TRUE(before.off.contains(family) || outcome.may_be_off.contains(family))
          << family.first << " by " << family.second << " does not add up";
    }
    for (const std::string& name : after.outside) {
      if (outcome.rewrites || after.below_closed.contains(name)) continue;
      ASSERT_TRUE(before.outside.contains(name) || outcome.may_be_outside.contains(name) ||
                  !before.by_name.contains(name))
          << name << " is outside of its bounds";
    }
  }

  // Locks, and what is settled.
  void CheckHolds(const Seen& before, const Seen& after, const Outcome& outcome) {
    if (outcome.rewrites) return;
    for (const auto& [name, node] : before.by_name) {
      const auto now = after.by_name.find(name);
      if (now == after.by_name.end()) continue;
      const bool closed = node->has_counted_units() || before.below_closed.contains(name);
      if (closed) {
        ASSERT_EQ(now->second->target_units(), node->target_units()) << name << " is settled";
        if (!outcome.settles) {
          ASSERT_EQ(now->second->has_counted_units(), node->has_counted_units()) << name;
          ASSERT_EQ(now->second->counted_units(), node->counted_units()) << name;
        }
      } else if (node->locked() && !outcome.moves && !outcome.unlocked.contains(name)) {
        ASSERT_EQ(now->second->target_units(), node->target_units()) << name << " is locked";
      }
    }
  }

  // The service's own check finds the same.
  void CheckPlanAgrees(const std::string& plan, const Seen& after) {
    const v1::CheckPlanResponse checked = TargetTest::Check(plan);
    std::set<Family> off;
    for (const v1::Violation& violation : checked.violations()) {
      if (violation.kind() == v1::UNASSIGNED || violation.kind() == v1::OVER_ASSIGNED)
        off.insert({violation.node(), violation.breakdown()});
      ASSERT_NE(violation.kind(), v1::PERIODS_OVERLAP) << violation.ShortDebugString();
    }
    ASSERT_EQ(off, after.off);
  }

  // A past version reads as it was seen then.
  void CheckPast(const std::string& plan, const Seen& after) {
    if (!OneIn(4)) return;
    const int64_t version = Between(1, after.plan.plan_version());
    const auto known = histories_[plan].find(version);
    if (known == histories_[plan].end()) return;
    ASSERT_EQ(Read(plan, version).Bytes(), known->second) << plan << " version " << version;
  }

  // All that ever happened, folded, is what there is.
  void CheckFeed() {
    db::Session& session = host_.database().session();
    while (true) {
      const auto pending = change::ReadPending(session, 5'000);
      ASSERT_THAT(pending, IsOk());
      if (pending->empty()) break;
      ASSERT_THAT(change::AssignPositions(session, *lease_, *pending, absl::Minutes(10)), IsOk());
    }
    while (true) {
      const auto events = change::ReadEvents(session, position_, 5'000);
      ASSERT_THAT(events, IsOk());
      if (events->empty()) break;
      position_ = events->back().position();
      for (const feed::v1::Event& event : *events) {
        std::string name;
        if (v1::Plan plan; event.state().UnpackTo(&plan)) name = plan.name();
        if (v1::Node node; event.state().UnpackTo(&node)) name = node.name();
        if (name.empty()) continue;
        if (event.deleted()) {
          folded_.erase(name);
        } else {
          folded_[name] = event.state().value();
        }
      }
    }
    std::map<std::string, std::string> state;
    for (const auto& [plan, seen] : seen_) {
      state[seen.plan.name()] = seen.plan.SerializeAsString();
      for (const v1::Node& node : seen.nodes) state[node.name()] = node.SerializeAsString();
    }
    std::vector<std::string> differ;
    for (const auto& [name, bytes] : state) {
      const auto found = folded_.find(name);
      if (found == folded_.end() || found->second != bytes) differ.push_back(name);
    }
    for (const auto& [name, bytes] : folded_) {
      if (!state.contains(name)) differ.push_back(name);
    }
    ASSERT_TRUE(differ.empty()) << differ.size() << " records differ, first " << differ.front();
  }

  void Step() {
    if (!branch_.empty() && OneIn(12)) return MergeBranch();
    if (branch_.empty() && OneIn(25)) return MakeBranch();
    if (seen_[plan_].plan.state() == v1::DRAFT && OneIn(60)) return PutInForce();
    const std::string plan = branch_.empty() || OneIn(2) ? plan_ : branch_;
    const Seen& seen = seen_[plan];
    const bool large = seen.nodes.size() > kMaxModelNodes;
    Outcome outcome;
    switch (Between(0, 15)) {
      case 0:
      case 1:
      case 2:
        outcome = large ? RemoveSome(seen) : SplitSome(plan, seen);
        break;
      case 3:
        outcome = OneIn(3) || large ? RemoveSome(seen) : LockSome(seen);
        break;
      case 4:
        outcome = LockSome(seen);
        break;
      case 5:
        outcome = BoundSome(seen);
        break;
      case 6:
      case 7:
      case 8:
      case 9:
        outcome = AdjustSome(seen);
        break;
      case 10:
      case 11:
        outcome = SolveSome(seen);
        break;
      case 12:
        outcome = MoveSome(seen);
        break;
      case 13:
        outcome = OneIn(2) ? MoveSome(seen) : ReplanSome(seen);
        break;
      case 14:
        outcome = ReplanSome(seen);
        break;
      default:
        outcome = UndoLast(plan);
    }
    const std::string verb = outcome.what.substr(0, outcome.what.find(' '));
    ++done_[outcome.status.ok() ? verb : verb + " " + status::ReasonOf(outcome.status)];
    Check(plan, outcome);
  }

  const std::unique_ptr<v1::RevisionService::Stub> revisions_;
  const std::unique_ptr<v1::BranchService::Stub> branches_;
  uint64_t seed_;
  std::mt19937_64 random_;
  std::string plan_;
  std::string branch_;  // Empty: there is none.
  int plan_number_ = 0;
  int branch_number_ = 0;
  int64_t operation_ = 0;
  std::map<std::string, Seen> seen_;                                 // As last read.
  std::map<std::string, std::map<int64_t, std::string>> histories_;  // By plan and version.
  std::map<std::string, std::map<int64_t, std::string>> contents_;
  std::map<std::string, int> done_;
  std::optional<change::Lease> lease_;
  int64_t position_ = 0;
  std::map<std::string, std::string> folded_;  // States by name.
};

TEST_F(PlanModelTest, EverythingHolds) {
  const int64_t operations = Setting("MILEPOST_MODEL_OPERATIONS", 2'000);
  const absl::Time end = absl::Now() + absl::Seconds(Setting("MILEPOST_MODEL_SECONDS", 100));
  std::cout << "MILEPOST_MODEL_SEED=" << seed_ << "\n";
  const auto lease = change::TakeLease(host_.database().session(), "plan-model", absl::Minutes(10));
  ASSERT_THAT(lease, IsOk());
  lease_ = *lease;
  ASSERT_TRUE(lease_.has_value());
  while (operation_ < operations && absl::Now() < end) {
    if (operation_ % kOperationsOfPlan == 0) {
      ASSERT_NO_FATAL_FAILURE(StartPlan());
    }
    ++operation_;
    ASSERT_NO_FATAL_FAILURE(Step()) << "seed " << seed_ << ", operation " << operation_;
    ASSERT_FALSE(HasFailure()) << "seed " << seed_ << ", operation " << operation_;
    if (operation_ % kOperationsToFold == 0) {
      ASSERT_NO_FATAL_FAILURE(CheckFeed());
    }
  }
  ASSERT_NO_FATAL_FAILURE(CheckFeed());
  std::cout << operation_ << " operations:";
  for (const auto& [what, count] : done_) std::cout << " " << what << " " << count << ",";
  std::cout << " " << folded_.size() << " records\n";
}

}  // namespace
}  // namespace milepost::target
