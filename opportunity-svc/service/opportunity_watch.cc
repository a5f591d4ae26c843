#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/service/opportunity_service.h"
#include "opportunity-svc/service/parse.h"
#include "opportunity-svc/store/records.h"
#include "platform/change/feed_reading.h"
#include "platform/resource/name.h"

// The watch stream: what the caller may see of this service's own feed.
namespace milepost::opportunity {
namespace {

constexpr size_t kEventsPerRead = 500;
constexpr absl::Duration kLookAround = absl::Milliseconds(100);  // For a gone client, a drain.
constexpr absl::Duration kSignOfLife = absl::Seconds(5);

struct Place {
  std::string feed_id;
  int64_t position = 0;
};

std::string TokenOf(const Place& place) {
  return absl::WebSafeBase64Escape(absl::StrCat(place.position, "/", place.feed_id));
}

std::optional<Place> PlaceOf(const std::string& token) {
  std::string text;
  if (!absl::WebSafeBase64Unescape(token, &text)) return std::nullopt;
  const size_t slash = text.find('/');
  Place place;
  if (slash == std::string::npos || !absl::SimpleAtoi(text.substr(0, slash), &place.position) ||
      place.position < 0) {
    return std::nullopt;
  }
  place.feed_id = text.substr(slash + 1);
  return place;
}

}  // namespace

grpc::ServerWriteReactor<v1::WatchOpportunitiesResponse>* OpportunityService::WatchOpportunities(
    grpc::CallbackServerContext* context, const v1::WatchOpportunitiesRequest* request) {
  return parts_.rpc.RunServerStream<v1::WatchOpportunitiesResponse>(
      *context, *request, [this](auto&... call) { return Watch(call...); });
}

absl::Status OpportunityService::Watch(const rpc::Caller& caller, db::Session& db,
                                       const v1::WatchOpportunitiesRequest& request,
                                       rpc::Writer<v1::WatchOpportunitiesResponse>& writer) {
  Reader reader(parts_.currency_code);
  const std::vector<std::string> owners = reader.Names(kMembers, request.owners(), "owners");
  if (absl::Status status = reader.status(); !status.ok()) return status;
  const auto wanted = [&](const std::string& owner) {
    if (owner.empty() || !caller.MaySee(owner)) return false;
    return owners.empty() || std::any_of(owners.begin(), owners.end(), [&](const std::string& id) {
             return owner == resource::Name(kMembers, id);
           });
  };

  change::FeedTail& tail = parts_.feed_tail;
  const change::FeedTail::Reader reading(tail);
  const absl::StatusOr<change::FeedHead> head = change::ReadFeedHead(db);
  if (!head.ok()) return head.status();
  Place place{head->feed_id, head->position};
  if (!request.resume_token().empty()) {
    const std::optional<Place> resumed = PlaceOf(request.resume_token());
    if (!resumed) return error::WatchTokenInvalid();
    if (resumed->feed_id != head->feed_id || resumed->position > head->position ||
        resumed->position + 1 < head->earliest) {
      return error::WatchTokenExpired();
    }
    place = *resumed;
  }

  // The first answer says where the stream stands, so that a break right after it loses nothing.
  v1::WatchOpportunitiesResponse alive;
  alive.set_resume_token(TokenOf(place));
  if (!writer.Write(alive)) return absl::OkStatus();
  absl::Time sent = absl::Now();
  while (!writer.Ended()) {
    const uint64_t seen = tail.moved().count();
    if (const std::string feed_id = tail.head().feed_id;
        !feed_id.empty() && feed_id != place.feed_id) {
      return error::WatchTokenExpired();
    }
    const auto read = tail.After(db, place.position, kEventsPerRead);
    if (!read.ok()) return read.status();
    for (const auto& event : read->events) {
      place.position = event->position();
      if (event->aggregate_type() != "opportunity") continue;
      v1::Opportunity opportunity;
      if (!event->state().UnpackTo(&opportunity))
        return absl::DataLossError("an opportunity in the feed cannot be read");
      v1::WatchOpportunitiesResponse response;
      response.set_change_type(event->type());
      if (wanted(opportunity.owner())) {
        *response.mutable_opportunity() = std::move(opportunity);
      } else if (event->type() == "opportunity.assigned" && wanted(opportunity.previous_owner())) {
        response.set_removed(true);
        response.mutable_opportunity()->set_name(opportunity.name());
      } else {
        continue;
      }
      response.set_resume_token(TokenOf(place));
      if (!writer.Write(std::move(response))) return absl::OkStatus();
      sent = absl::Now();
    }
    if (!read->events.empty()) continue;
    if (absl::Now() - sent >= kSignOfLife) {
      alive.set_resume_token(TokenOf(place));
      if (!writer.Write(alive)) return absl::OkStatus();
      sent = absl::Now();
    }
    tail.moved().WaitPast(seen, kLookAround);
  }
  return writer.Draining() ? error::WatchDrained() : absl::OkStatus();
}

}  // namespace milepost::opportunity
