#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "milepost/customer/v1/customer.pb.h"
#include "milepost/customer/v1/interaction.pb.h"
#include "milepost/feed/v1/feed.pb.h"
#include "milepost/opportunity/v1/opportunity.pb.h"
#include "milepost/opportunity/v1/order.pb.h"
#include "milepost/organization/v1/calendar.pb.h"
#include "milepost/organization/v1/member.pb.h"
#include "milepost/organization/v1/unit.pb.h"
#include "milepost/target/v1/node.pb.h"
#include "milepost/target/v1/plan.pb.h"
#include "platform/db/session.h"
#include "reporting-svc/service/projection.h"

// The other services as far as tests of reports need them: records, and the events that their feeds
// would carry.
namespace milepost::reporting::testing {

type::v1::Date DateOf(absl::CivilDay day);

class World {
 public:
  // Adds the next change of a record to the feed of the service that owns it.
  void Publish(const std::string& source, const std::string& aggregate,
               const google::protobuf::Message& state, bool deleted = false);

  // What is common about each kind of record; anything else is set by the test before Publish.
  void AddUnit(const std::string& id, const std::string& parent,
               const std::string& display_name = "",
               absl::CivilDay first = absl::CivilDay(2016, 1, 1));
  organization::v1::Member& AddMember(const std::string& id, const std::string& unit,
                                      const std::string& display_name = "",
                                      absl::CivilDay first = absl::CivilDay(2016, 1, 1));
  void AddProduct(const std::string& id, const std::string& title);
  void AddSource(const std::string& id, const std::string& title);
  void AddProcess();  // `processes/standard` with the stages prospecting and engaging.

  // Open in the stage engaging since `engaged`.
  opportunity::v1::Opportunity NewDeal(const std::string& id, const std::string& owner,
                                       absl::CivilDay engaged) const;
  // Closes it; a won one is worth the amount.
  static void Close(opportunity::v1::Opportunity& deal, absl::CivilDay day,
                    int64_t amount_minor_units, const std::string& reason = "");
  // One line of one product, confirmed on the day.
  opportunity::v1::Order NewOrder(const std::string& id, const std::string& owner,
                                  absl::CivilDay day, const std::string& product,
                                  int64_t amount_minor_units) const;
  void PublishDeal(const opportunity::v1::Opportunity& deal);
  void PublishOrder(const opportunity::v1::Order& order);
  // Publishes a won deal and its order.
  void Win(const std::string& id, const std::string& owner, absl::CivilDay engaged,
           absl::CivilDay closed, const std::string& product, int64_t amount_minor_units);

  void PublishPlan(const target::v1::Plan& plan);
  void PublishNode(const target::v1::Node& node);

  const std::vector<feed::v1::Event>& events(const std::string& source) { return events_[source]; }

  // Applies what was published since the last call, in batches of so many.
  absl::Status Apply(db::Session& session, Projection& projection, size_t batch = 100);

 private:
  std::map<std::string, std::vector<feed::v1::Event>> events_;
  std::map<std::string, int64_t> versions_;
  std::map<std::string, size_t> applied_;
  std::map<std::string, organization::v1::Member> members_;
};

}  // namespace milepost::reporting::testing
