#include "target-svc/service/directory.h"

#include <utility>
#include <vector>

#include "platform/access/organization_proto.h"
#include "platform/log/log.h"
#include "target-svc/domain/errors.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(500);
constexpr int kMembersPerPage = 1'000;

}  // namespace

absl::StatusOr<std::shared_ptr<const UnitTree>> Directory::Tree(db::Snapshot& snapshot) {
  const absl::StatusOr<int64_t> count = units_.ChangeCount(snapshot);
  if (!count.ok()) return count.status();
  {
    const std::lock_guard lock(mutex_);
    if (tree_ != nullptr && tree_count_ == *count) return tree_;
  }
  // What is read now may be newer than the count: then it is read once more next time.
  absl::StatusOr<UnitTree> tree = units_.LoadTree(snapshot);
  if (!tree.ok()) return tree.status();
  auto shared = std::make_shared<const UnitTree>(*std::move(tree));
  const std::lock_guard lock(mutex_);
  if (*count >= tree_count_) {
    tree_ = shared;
    tree_count_ = *count;
  }
  return shared;
}

absl::StatusOr<Actor> Directory::ActorOf(const rpc::Caller& caller, db::Snapshot& snapshot) {
  using access::Role;
  Actor actor;
  const std::string& member_id = caller.identity().member_id;
  if (caller.Has(Role::kManager) && !member_id.empty()) {
    absl::StatusOr<Actor> standing = StandingOf(member_id, snapshot);
    if (!standing.ok()) return standing;
    actor = *std::move(standing);
  }
  actor.member_id = member_id;
  actor.admin = caller.Has(Role::kAdmin);
  actor.manager = caller.Has(Role::kManager);
  actor.reader =
      caller.Has(Role::kAnalyst) || caller.Has(Role::kMarketing) || caller.Has(Role::kService);
  return actor;
}

absl::StatusOr<Actor> Directory::StandingOf(const std::string& member_id, db::Snapshot& snapshot) {
  Actor actor;
  actor.member_id = member_id;
  const absl::CivilDay today = clock_.Today();
  const absl::StatusOr<std::set<std::string>> led = members_.LedUnits(snapshot, member_id, today);
  if (!led.ok()) return led.status();
  if (led->empty()) return actor;
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = Tree(snapshot);
  if (!tree.ok()) return tree.status();
  for (const std::string& unit : *led) {
    if (!(*tree)->Exists(unit, today)) continue;
    actor.own_units.insert(unit);
    actor.led_units.merge((*tree)->Below(unit, today));
    if ((*tree)->Find(unit)->ParentOn(today).empty()) actor.leads_top = true;
  }
  return actor;
}

absl::StatusOr<TargetOwner> Directory::OwnerOf(const Scope& scope, db::Snapshot& snapshot) {
  TargetOwner owner;
  if (!scope.member_id.empty()) {
    owner.member_id = scope.member_id;
    const absl::StatusOr<Member> member = members_.Load(snapshot, scope.member_id);
    if (!member.ok()) return member.status();
    owner.deciding_unit_id = member->PlacementOn(clock_.Today()).unit_id;
    return owner;
  }
  owner.unit_id = scope.unit_id;
  if (scope.unit_id.empty()) return owner;
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = Tree(snapshot);
  if (!tree.ok()) return tree.status();
  const Unit* unit = (*tree)->Find(scope.unit_id);
  if (unit != nullptr) owner.deciding_unit_id = unit->ParentOn(clock_.Today());
  return owner;
}

absl::Status Directory::Refresh(db::Session& session) {
  return session.Read([&](db::Snapshot& snapshot) -> absl::Status {
    const absl::StatusOr<int64_t> count = units_.ChangeCount(snapshot);
    if (!count.ok()) return count.status();
    {
      const std::lock_guard lock(mutex_);
      if (cache_count_ == *count) return absl::OkStatus();
    }
    const absl::CivilDay today = clock_.Today();
    const absl::StatusOr<UnitTree> tree = units_.LoadTree(snapshot);
    if (!tree.ok()) return tree.status();
    std::vector<access::Unit> units;
    for (const auto& [id, unit] : tree->units())
      units.push_back(access::FromProto(ToProto(unit, today)));
    std::vector<access::Member> members;
    std::string after;
    while (true) {
      const absl::StatusOr<std::vector<Member>> page =
          members_.List(snapshot, {}, after, kMembersPerPage);
      if (!page.ok()) return page.status();
      for (const Member& member : *page)
        members.push_back(access::FromProto(ToProto(member, today)));
      if (page->size() < kMembersPerPage) break;
      after = page->back().id;
    }
    cache_.Set(std::make_shared<const access::Organization>(std::move(units), std::move(members)));
    const std::lock_guard lock(mutex_);
    cache_count_ = *count;
    return absl::OkStatus();
  });
}

void Directory::Follow(db::Session& session, std::stop_token stop) {
  bool failing = false;
  while (!stop.stop_requested()) {
    const uint64_t seen = changed_.count();
    const absl::Status refreshed = Refresh(session);
    session.EndRead();
    if (!refreshed.ok() && !failing)
      log::Warning("organization_refresh_failed", {{"error", refreshed.ToString()}});
    failing = !refreshed.ok();
    changed_.WaitPast(seen, kPollInterval);
  }
}

absl::Status Directory::Ready() const {
  const std::lock_guard lock(mutex_);
  return cache_count_ >= 0 ? absl::OkStatus() : error::OrganizationNotRead();
}

}  // namespace milepost::target
