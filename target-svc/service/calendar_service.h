#pragma once

#include "milepost/organization/v1/calendar.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/calendar_store.h"

namespace milepost::target {

class CalendarService final : public organization::v1::CalendarService::CallbackService {
 public:
  CalendarService(rpc::Runner& rpc, Clock clock);

  grpc::ServerUnaryReactor* GetCalendar(grpc::CallbackServerContext* context,
                                        const organization::v1::GetCalendarRequest* request,
                                        organization::v1::Calendar* response) override;
  grpc::ServerUnaryReactor* ListCalendars(
      grpc::CallbackServerContext* context, const organization::v1::ListCalendarsRequest* request,
      organization::v1::ListCalendarsResponse* response) override;
  grpc::ServerUnaryReactor* CreateCalendar(grpc::CallbackServerContext* context,
                                           const organization::v1::CreateCalendarRequest* request,
                                           organization::v1::Calendar* response) override;
  grpc::ServerUnaryReactor* UpdateCalendar(grpc::CallbackServerContext* context,
                                           const organization::v1::UpdateCalendarRequest* request,
                                           organization::v1::Calendar* response) override;
  grpc::ServerUnaryReactor* DeleteCalendar(grpc::CallbackServerContext* context,
                                           const organization::v1::DeleteCalendarRequest* request,
                                           google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* ListCalendarDays(
      grpc::CallbackServerContext* context,
      const organization::v1::ListCalendarDaysRequest* request,
      organization::v1::ListCalendarDaysResponse* response) override;

 private:
  using CalendarResult = absl::StatusOr<organization::v1::Calendar>;
  CalendarResult Get(const rpc::Caller& caller, db::Session& db,
                     const organization::v1::GetCalendarRequest& request);
  absl::StatusOr<organization::v1::ListCalendarsResponse> List(
      const rpc::Caller& caller, db::Session& db,
      const organization::v1::ListCalendarsRequest& request);
  CalendarResult Create(const rpc::Caller& caller, db::Session& db,
                        const organization::v1::CreateCalendarRequest& request);
  CalendarResult Update(const rpc::Caller& caller, db::Session& db,
                        const organization::v1::UpdateCalendarRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(
      const rpc::Caller& caller, db::Session& db,
      const organization::v1::DeleteCalendarRequest& request);
  absl::StatusOr<organization::v1::ListCalendarDaysResponse> ListDays(
      const rpc::Caller& caller, db::Session& db,
      const organization::v1::ListCalendarDaysRequest& request);

  rpc::Runner& rpc_;
  const Clock clock_;
  CalendarStore calendars_;
};

// Adds `calendars/default` and the standard metrics where they are missing. Safe when two processes
// do it at once.
absl::Status AddStandardRecords(db::Session& db, const Clock& clock, change::Signal* committed);

}  // namespace milepost::target
